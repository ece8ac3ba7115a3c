"""MobileSAM's image encoder: TinyViT-5M, which ends in SAM's neck and so takes the place of the large encoder.

Wu et al. 2022, "TinyViT" (arXiv:2207.10666); Zhang et al. 2023, "Faster Segment Anything" (arXiv:2306.14289). One stage
of convolutions and three of attention inside windows, whose bias depends on how far apart two places are. The names are
those of ``mobile_sam.pt``; its batch normalisations are folded into the convolutions before them when it is read, and
the head of the classifier that it once was, which nothing asks, is left out. In the shape comments n is the batch, h
and w the grid, c the channels, l the number of places in a window.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .common import Neck, Weights, count, fill, from_windows, into_windows, require

IMAGE = 1024
"""Pixels a side: nothing in the weights tells."""
NORM_EPS = 1e-5
UNUSED = ("norm_head.", "head.")


@dataclass(frozen=True)
class StageSize:
    """A stage: its channels, the number of its blocks and, but for the first, of heads and the side of its windows."""

    width: int
    depth: int
    hidden: int
    heads: int = 0
    window: int = 0


@dataclass(frozen=True)
class TinySize:
    """Sizes of an encoder. ``channels`` is the depth of what comes out."""

    stages: tuple[StageSize, ...]
    channels: int

    @classmethod
    def of(cls, weights: Weights) -> TinySize:
        """Read off an encoder's weights. Raises ValueError where they are none."""
        require(
            weights,
            ("patch_embed.seq.2.c.weight", "layers.0.blocks.0.conv1.c.weight", "neck.0.weight"),
            "TinyViT image encoder",
        )
        stages = tuple(_stage_size(weights, f"layers.{i}.blocks.") for i in range(count(weights, "layers.")))
        return cls(stages, weights["neck.0.weight"].shape[0])


def _stage_size(weights: Weights, blocks: str) -> StageSize:
    depth = count(weights, blocks)
    first = weights.get(f"{blocks}0.conv1.c.weight")
    if first is not None:
        return StageSize(first.shape[1], depth, first.shape[0])
    require(weights, (f"{blocks}0.attn.attention_biases", f"{blocks}0.mlp.fc1.weight"), "TinyViT image encoder")
    heads, distances = weights[f"{blocks}0.attn.attention_biases"].shape
    hidden, width = weights[f"{blocks}0.mlp.fc1.weight"].shape
    return StageSize(width, depth, hidden, heads, round(distances**0.5))


class ConvNorm(nn.Module):
    """A convolution into which the normalisation after it was folded."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.c = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.c(x)
        return y


class PatchEmbed(nn.Module):
    """(n, 3, H, W) -> (n, c, H / 4, W / 4)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.seq = nn.Sequential(ConvNorm(3, width // 2, 3, 2), nn.GELU(), ConvNorm(width // 2, width, 3, 2))

    def forward(self, pixels: Tensor) -> Tensor:
        y: Tensor = self.seq(pixels)
        return y


class ConvBlock(nn.Module):
    """An inverted bottleneck: wider, over the neighbours one channel at a time, narrower again."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(width, hidden)
        self.conv2 = ConvNorm(hidden, hidden, 3, groups=hidden)
        self.conv3 = ConvNorm(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> the same shape."""
        y = F.gelu(self.conv2(F.gelu(self.conv1(x))))
        return F.gelu(x + self.conv3(y))


class Merging(nn.Module):
    """The way to the next stage: other channels and, with a stride of 2, half as many places down and across."""

    def __init__(self, width: int, next_width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(width, next_width)
        self.conv2 = ConvNorm(next_width, next_width, 3, stride, groups=next_width)
        self.conv3 = ConvNorm(next_width, next_width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, next c, h / stride, w / stride)."""
        y: Tensor = self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))
        return y


class Attention(nn.Module):
    """Self-attention inside windows.

    What is added to a score depends on the head and on how far apart the two places are.
    """

    def __init__(self, size: StageSize) -> None:
        super().__init__()
        self.heads = size.heads
        self.window = size.window
        self.norm = nn.LayerNorm(size.width, eps=NORM_EPS)
        self.qkv = nn.Linear(size.width, 3 * size.width)
        self.proj = nn.Linear(size.width, size.width)
        self.attention_biases = nn.Parameter(torch.empty(size.heads, size.window**2))

    def forward(self, x: Tensor) -> Tensor:
        """(n, h, w, c) -> the same shape.

        A window that reaches over the edge sees zeros there, which the norm makes its bias of.
        """
        height, width = x.shape[1:3]
        qkv = into_windows(self.qkv(self.norm(x)), self.window, self.qkv(self.norm.bias))  # (windows, l, 3c)
        # 3 x (windows, heads, l, c / heads)
        q, k, v = torch.unflatten(qkv, -1, (self.heads, 3, -1)).permute(3, 0, 2, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=self._bias())
        joined = mixed.transpose(1, 2).flatten(2)  # (windows, l, c)
        y: Tensor = self.proj(from_windows(joined, self.window, height, width))
        return y

    def _bias(self) -> Tensor:
        """(heads, l, l).

        The table holds one figure for each distance down and across, in the order of a window's places.
        """
        places = torch.arange(self.window, device=self.attention_biases.device)
        apart = (places[:, None] - places[None, :]).abs()  # (window, window)
        index = apart[:, None, :, None] * self.window + apart[None, :, None, :]  # (window, window, window, window)
        return self.attention_biases[:, index.flatten(2).flatten(0, 1)]


class Mlp(nn.Module):
    """Normalises, then two linear layers."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.fc2(F.gelu(self.fc1(self.norm(x))))
        return y


class AttentionBlock(nn.Module):
    """Attention, a convolution over the neighbours, and an MLP."""

    def __init__(self, size: StageSize) -> None:
        super().__init__()
        self.attn = Attention(size)
        self.local_conv = ConvNorm(size.width, size.width, 3, groups=size.width)
        self.mlp = Mlp(size.width, size.hidden)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> the same shape."""
        rows = x.permute(0, 2, 3, 1)  # (n, h, w, c)
        rows = rows + self.attn(rows)
        rows = self.local_conv(rows.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        y: Tensor = rows + self.mlp(rows)
        return y.permute(0, 3, 1, 2)


class Stage(nn.Module):
    """Blocks of one width, then, but for the last stage, the way to the next."""

    def __init__(self, size: StageSize, following: StageSize | None, stride: int) -> None:
        super().__init__()
        make = (lambda: AttentionBlock(size)) if size.heads else (lambda: ConvBlock(size.width, size.hidden))
        self.blocks = nn.Sequential(*(make() for _ in range(size.depth)))
        self.downsample = Merging(size.width, following.width, stride) if following else None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.blocks(x)
        return self.downsample(y) if self.downsample else y


class TinyEncoder(nn.Module):
    """(n, 3, 1024, 1024) -> (n, channels, 64, 64)."""

    def __init__(self, size: TinySize) -> None:
        super().__init__()
        self.image = IMAGE
        self.patch_embed = PatchEmbed(size.stages[0].width)
        last = len(size.stages) - 1
        following = [*size.stages[1:], None]
        # the last merging halves nothing, so that the grid is that of SAM's own encoders
        strides = [2 if i < last - 1 else 1 for i in range(len(size.stages))]
        self.layers = nn.Sequential(*map(Stage, size.stages, following, strides))
        self.neck = Neck(size.stages[-1].width, size.channels)

    def forward(self, pixels: Tensor) -> Tensor:
        """What ``preprocess`` made, in the encoder's dtype -> what the picture holds at each place of the grid."""
        x = self.patch_embed(pixels.contiguous(memory_format=torch.channels_last))
        embedding: Tensor = self.neck(self.layers(x))
        return embedding


def build_tiny(weights: Weights, device: str = "cpu", dtype: torch.dtype = torch.float32) -> TinyEncoder:
    """An encoder made of ``weights`` (keys as in ``mobile_sam.pt``). Raises ValueError where they don't make one."""
    size = TinySize.of(weights)
    with torch.device("meta"):
        encoder = TinyEncoder(size)
    fill(encoder, fold(weights), device, dtype)
    return encoder


def fold(weights: Weights) -> dict[str, Tensor]:
    """The weights with each batch normalisation multiplied into the convolution before it, and no unused ones."""
    kept = {name: tensor for name, tensor in weights.items() if ".bn." not in name and not name.startswith(UNUSED)}
    for name in [name for name in kept if name.endswith(".c.weight")]:
        conv = name.removesuffix("c.weight")
        names = [f"{conv}bn.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        require(weights, tuple(names), "TinyViT image encoder")
        scale, shift, mean, variance = (weights[part].double() for part in names)
        factor = scale / (variance + NORM_EPS).sqrt()
        kept[name] = (kept[name].double() * factor[:, None, None, None]).to(weights[name].dtype)
        kept[f"{conv}c.bias"] = (shift - mean * factor).to(weights[name].dtype)
    return kept
