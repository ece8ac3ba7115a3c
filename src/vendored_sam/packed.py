"""Encoders for the CPU: linear layers in oneDNN's own layout, with the activation done as they are computed.

The same up to rounding.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .image_encoder import Block, VitEncoder

_CALLS = ("_reorder_linear_weight", "_linear_pointwise")


def can_pack() -> bool:
    """Whether this build of torch brings oneDNN and the calls for it, which it has for its own compiler."""
    return bool(torch._C._has_mkldnn) and all(hasattr(torch.ops.mkldnn, name) for name in _CALLS)


class PackedLinear(nn.Module):
    """(..., in) -> (..., out), then ``activation``: ``none`` or ``gelu``."""

    def __init__(self, layer: nn.Linear, activation: str = "none") -> None:
        super().__init__()
        self._weight: Tensor = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), None)
        self.bias = layer.bias
        self._activation = activation

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self.bias, self._activation, [], "none")
        return y


def pack(encoder: VitEncoder) -> VitEncoder:
    """Lay an encoder's linear layers out anew, one after the other, and return it.

    It can't be saved or moved from then on.
    """
    for block in encoder.blocks:
        assert isinstance(block, Block)
        attention, mlp = block.attn, block.mlp
        attention.qkv = PackedLinear(attention.qkv)  # type: ignore[assignment]
        attention.proj = PackedLinear(attention.proj)  # type: ignore[assignment]
        mlp.lin1 = PackedLinear(mlp.lin1, "gelu")  # type: ignore[assignment]
        mlp.act = nn.Identity()
        mlp.lin2 = PackedLinear(mlp.lin2)  # type: ignore[assignment]
    return encoder
