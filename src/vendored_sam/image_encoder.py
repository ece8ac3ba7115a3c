"""SAM's image encoder: a plain Vision Transformer in which most blocks look at windows and a few at the whole picture.

Kirillov et al. 2023, "Segment Anything" (arXiv:2304.02643), section 3 and appendix A; the blocks are those of Li et al.
2022, "Exploring Plain Vision Transformer Backbones for Object Detection" (arXiv:2203.16527), the relative positions
those of Li et al. 2022, "MViTv2" (arXiv:2112.01526). Parameters carry the names of the official checkpoints. All sizes
are read off the weights. In the shape comments n is the batch, s the side of the grid of patches, l the number of
places in a window, w the width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .common import Mlp, Neck, Weights, count, fill, from_windows, into_windows, require

EPS = 1e-6
SCORES = 1 << 20
"""How many scores of an attention are computed at once on a CPU: they then stay in its cache."""


@dataclass(frozen=True)
class BlockSize:
    """A block: its width, heads, width of its MLP and side of its windows in patches (the grid's: whole picture)."""

    width: int
    heads: int
    hidden: int
    window: int


@dataclass(frozen=True)
class VitSize:
    """Sizes of an encoder. ``image`` and ``patch`` are pixels a side, ``channels`` is the depth of what comes out."""

    image: int
    patch: int
    channels: int
    blocks: tuple[BlockSize, ...]

    @classmethod
    def of(cls, weights: Weights) -> VitSize:
        """Read off an encoder's weights. Raises ValueError where they are none."""
        require(
            weights,
            ("patch_embed.proj.weight", "pos_embed", "blocks.0.attn.rel_pos_h", "neck.0.weight"),
            "ViT image encoder",
        )
        width, _, patch, _ = weights["patch_embed.proj.weight"].shape
        blocks = tuple(_block_size(weights, f"blocks.{i}", width) for i in range(count(weights, "blocks.")))
        return cls(weights["pos_embed"].shape[1] * patch, patch, weights["neck.0.weight"].shape[0], blocks)


def _block_size(weights: Weights, name: str, width: int) -> BlockSize:
    require(weights, (f"{name}.attn.rel_pos_h", f"{name}.mlp.lin1.weight"), "ViT image encoder")
    distances, head = weights[f"{name}.attn.rel_pos_h"].shape
    return BlockSize(width, width // head, weights[f"{name}.mlp.lin1.weight"].shape[0], (distances + 1) // 2)


class Attention(nn.Module):
    """Self-attention inside windows, with a bias by how far down and across two places are apart and what is there."""

    def __init__(self, size: BlockSize) -> None:
        super().__init__()
        head = size.width // size.heads
        self.heads = size.heads
        self.window = size.window
        self.qkv = nn.Linear(size.width, 3 * size.width)
        self.proj = nn.Linear(size.width, size.width)
        self.rel_pos_h = nn.Parameter(torch.empty(2 * size.window - 1, head))
        self.rel_pos_w = nn.Parameter(torch.empty(2 * size.window - 1, head))

    def forward(self, x: Tensor) -> Tensor:
        """(n, s, s, w) -> the same shape.

        A window that reaches over the edge sees zeros there, which the layer makes its bias of.
        """
        height, width = x.shape[1:3]
        qkv = into_windows(self.qkv(x), self.window, self.qkv.bias)  # (windows, l, 3w)
        # 3 x (windows, heads, l, w / heads)
        q, k, v = torch.unflatten(qkv, -1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).contiguous()
        down, across = self._distances(q)
        mixed = _mix_in_parts(q, k, v, down, across) if q.device.type == "cpu" else _mix(q, k, v, down, across)
        joined = mixed.transpose(1, 2).flatten(2)  # (windows, l, w)
        y: Tensor = self.proj(from_windows(joined, self.window, height, width))
        return y

    def _distances(self, q: Tensor) -> tuple[Tensor, Tensor]:
        """What is added for each row, and for each column, of what is looked at: 2 x (windows, heads, l, window)."""
        places = torch.arange(self.window, device=q.device)
        apart = places[:, None] - places[None, :] + self.window - 1
        grid = torch.unflatten(q, 2, (self.window, self.window))
        down = torch.einsum("nahwc,hkc->nahwk", grid, self.rel_pos_h[apart]).flatten(2, 3)
        across = torch.einsum("nahwc,wkc->nahwk", grid, self.rel_pos_w[apart]).flatten(2, 3)
        return down, across


def _mix(q: Tensor, k: Tensor, v: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """(windows, heads, m, c) queries over l places -> the same shape."""
    bias = (down[..., None] + across[..., None, :]).flatten(-2)  # (windows, heads, m, l)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)


def _mix_in_parts(q: Tensor, k: Tensor, v: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """The same. The biases of all at once would take up to a gigabyte, and torch's own attention reads them slowly."""
    scale, mixed = q.shape[-1] ** -0.5, torch.empty_like(q)
    for window, heads, rows in _parts(*q.shape[:3]):
        part = (window, heads, rows)
        scores = (down[part][..., None] + across[part][..., None, :]).flatten(-2)  # (heads, rows, l)
        scores.baddbmm_(q[part], k[window, heads].mT, alpha=scale)
        mixed[part] = torch.bmm(scores.softmax(dim=-1), v[window, heads])
    return mixed


def _parts(windows: int, heads: int, places: int) -> Iterator[tuple[int, slice, slice]]:
    """All of it, in parts of a window, heads and rows that have about ``SCORES`` scores."""
    rows = min(places, max(1, SCORES // places))
    together = max(1, SCORES // (rows * places))
    for window, head, row in product(range(windows), range(0, heads, together), range(0, places, rows)):
        yield window, slice(head, head + together), slice(row, row + rows)


class Block(nn.Module):
    """A pre-norm transformer layer."""

    def __init__(self, size: BlockSize) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(size.width, eps=EPS)
        self.attn = Attention(size)
        self.norm2 = nn.LayerNorm(size.width, eps=EPS)
        self.mlp = Mlp(size.width, size.hidden, nn.GELU())

    def forward(self, x: Tensor) -> Tensor:
        """(n, s, s, w) -> the same shape."""
        x = x + self.attn(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return x


class PatchEmbed(nn.Module):
    """Cuts a picture into patches."""

    def __init__(self, patch: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, kernel_size=patch, stride=patch)

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, 3, image, image) -> (n, s, s, w)."""
        patches: Tensor = self.proj(pixels)
        return patches.permute(0, 2, 3, 1)


class VitEncoder(nn.Module):
    """(n, 3, image, image) -> (n, channels, s, s)."""

    def __init__(self, size: VitSize) -> None:
        super().__init__()
        self.image = size.image
        grid, width = size.image // size.patch, size.blocks[0].width
        self.patch_embed = PatchEmbed(size.patch, width)
        self.pos_embed = nn.Parameter(torch.empty(1, grid, grid, width))
        self.blocks = nn.ModuleList(Block(block) for block in size.blocks)
        self.neck = Neck(width, size.channels)

    def forward(self, pixels: Tensor) -> Tensor:
        """What ``preprocess`` made, in the encoder's dtype -> what the picture holds at each place of the grid."""
        x = self.patch_embed(pixels) + self.pos_embed  # (n, s, s, w)
        for block in self.blocks:
            x = block(x)
        embedding: Tensor = self.neck(x.permute(0, 3, 1, 2))
        return embedding


def build_vit(weights: Weights, device: str = "cpu", dtype: torch.dtype = torch.float32) -> VitEncoder:
    """An encoder that holds copies of ``weights`` (keys as in ``VitEncoder``).

    Raises ValueError where they don't make one.
    """
    size = VitSize.of(weights)
    with torch.device("meta"):
        encoder = VitEncoder(size)
    fill(encoder, weights, device, dtype)
    return encoder
