"""Layers that several of SAM's networks have in common.

In the shape comments n is the batch, h and w the grid, c the channels.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Weights = Mapping[str, Tensor]


class LayerNorm2d(nn.Module):
    """Layer normalisation over the channels of (n, c, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        last = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, eps=1e-6)
        return last.permute(0, 3, 1, 2)


class Mlp(nn.Module):
    """Two linear layers with an activation in between: GELU in the image encoder, ReLU in the mask decoder."""

    def __init__(self, width: int, hidden: int, activation: nn.Module) -> None:
        super().__init__()
        self.lin1 = nn.Linear(width, hidden)
        self.act = activation
        self.lin2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.lin2(self.act(self.lin1(x)))
        return y


class Neck(nn.Sequential):
    """(n, c, h, w) -> (n, channels, h, w): what both image encoders end with."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__(
            nn.Conv2d(width, channels, kernel_size=1, bias=False),
            LayerNorm2d(channels),
            nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False),
            LayerNorm2d(channels),
        )


def into_windows(x: Tensor, side: int, padding: Tensor) -> Tensor:
    """(n, h, w, c) -> (n * windows, side * side, c), row by row.

    What lies over the right and bottom edge is ``padding``, (c,).
    """
    n, height, width, channels = x.shape
    down, across = -(-height // side), -(-width // side)
    if (down * side, across * side) != (height, width):
        padded = padding.to(x.dtype).expand(n, down * side, across * side, channels).clone()
        padded[:, :height, :width] = x
        x = padded
    cut = x.view(n, down, side, across, side, channels).transpose(2, 3)  # (n, down, across, side, side, c)
    return cut.reshape(n * down * across, side * side, channels)


def from_windows(windows: Tensor, side: int, height: int, width: int) -> Tensor:
    """The reverse: (n * windows, side * side, c) -> (n, height, width, c), without the padding."""
    down, across, channels = -(-height // side), -(-width // side), windows.shape[-1]
    cut = windows.view(-1, down, across, side, side, channels).transpose(2, 3)  # (n, down, side, across, side, c)
    return cut.reshape(-1, down * side, across * side, channels)[:, :height, :width]


def require(weights: Weights, names: tuple[str, ...], what: str) -> None:
    """Raise ValueError that names what is missing."""
    missing = [name for name in names if name not in weights]
    if missing:
        raise ValueError(f"no {what} of Segment Anything in here: {', '.join(missing)} missing")


def count(weights: Weights, prefix: str) -> int:
    """How many numbers follow ``prefix`` in the names: 12 for ``blocks.0.norm1.bias`` to ``blocks.11.norm1.bias``."""
    return len({name.removeprefix(prefix).partition(".")[0] for name in weights if name.startswith(prefix)})


def fill(module: nn.Module, weights: Weights, device: str, dtype: torch.dtype) -> None:
    """Give a module built on the meta device (so: without memory) copies of its weights, which may be a mapped file's.

    Raises ValueError where they are not the module's.
    """
    sizes = {name: tensor.shape for name, tensor in module.state_dict().items()}
    wrong = [
        name
        for name in {**sizes, **weights}
        if name not in sizes or name not in weights or weights[name].shape != sizes[name]
    ]
    if wrong:
        raise ValueError(f"{len(wrong)} weights are missing, too many or of another size, {wrong[0]} for one")
    copies = {name: tensor.to(device=device, dtype=dtype, copy=True) for name, tensor in weights.items()}
    module.load_state_dict(copies, assign=True)
    module.requires_grad_(False).eval()
