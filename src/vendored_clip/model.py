"""CLIP's two towers: a Vision Transformer for pictures, a causal transformer for words, and one vector space for both.

Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision" (arXiv:2103.00020).
Parameters carry the names of OpenAI's checkpoints, so weights load without a translation table. Sizes are read off the
weights. In the shape comments n is the batch, l the sequence length, w the width of a tower, d the size of the shared
space.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEAD_WIDTH = 64
"""Every CLIP read here has attention heads of 64 channels, which is why their number can be inferred."""

ALL = slice(None)
Weights = Mapping[str, Tensor]
Tower = TypeVar("Tower", bound=nn.Module)


class QuickGELU(nn.Module):
    """x * sigmoid(1.702 x): the approximation of GELU that OpenAI trained with.

    OpenCLIP's own models use the exact one.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class Attention(nn.Module):
    """Multi-head self-attention with one matrix for queries, keys and values, as in ``nn.MultiheadAttention``."""

    def __init__(self, width: int, causal: bool) -> None:
        super().__init__()
        self.heads = width // HEAD_WIDTH
        self.causal = causal
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.in_proj: nn.Module | None = None
        """Takes the place of the two above where it is set."""
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor, wanted: slice = ALL) -> Tensor:
        """(n, l, w) -> (n, m, w), what the m ``wanted`` places make of all; of a causal one the first m."""
        n, length, width = x.shape
        qkv = self.in_proj(x) if self.in_proj else F.linear(x, self.in_proj_weight, self.in_proj_bias)  # (n, l, 3w)
        q, k, v = qkv.view(n, length, 3, self.heads, HEAD_WIDTH).permute(2, 0, 3, 1, 4)  # 3 x (n, heads, l, 64)
        mixed = F.scaled_dot_product_attention(q[:, :, wanted], k, v, is_causal=self.causal)  # (n, heads, m, 64)
        joined: Tensor = self.out_proj(mixed.transpose(1, 2).reshape(n, -1, width))  # (n, m, w)
        return joined


class Mlp(nn.Module):
    """Two linear layers, four times as wide in between."""

    def __init__(self, width: int, quick_gelu: bool) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.act = QuickGELU() if quick_gelu else nn.GELU()
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.c_proj(self.act(self.c_fc(x)))  # (n, l, w)
        return y


class Block(nn.Module):
    """A pre-norm transformer layer."""

    def __init__(self, width: int, causal: bool, quick_gelu: bool) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = Attention(width, causal)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, quick_gelu)

    def forward(self, x: Tensor, wanted: slice = ALL) -> Tensor:
        """(n, l, w) -> (n, m, w) at the m ``wanted`` places."""
        x = x[:, wanted] + self.attn(self.ln_1(x), wanted)  # (n, m, w)
        x = x + self.mlp(self.ln_2(x))  # (n, m, w)
        return x


class Transformer(nn.Module):
    """A stack of blocks."""

    def __init__(self, width: int, layers: int, causal: bool, quick_gelu: bool) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(Block(width, causal, quick_gelu) for _ in range(layers))

    def forward(self, x: Tensor, wanted: slice = ALL) -> Tensor:
        """(n, l, w) -> (n, m, w) at the m ``wanted`` places: the last block computes no others."""
        for block in self.resblocks[:-1]:
            x = block(x)  # (n, l, w)
        y: Tensor = self.resblocks[-1](x, wanted)  # (n, m, w)
        return y


@dataclass(frozen=True)
class ImageSize:
    """Sizes of an image tower. ``image`` and ``patch`` are pixels a side, ``dimensions`` is d."""

    width: int
    layers: int
    patch: int
    image: int
    dimensions: int

    @classmethod
    def of(cls, weights: Weights) -> ImageSize:
        """Read off an image tower's weights. Raises ValueError where they are none, or not a Vision Transformer's."""
        _require(weights, ("conv1.weight", "positional_embedding", "proj"), "image")
        width, _, patch, _ = weights["conv1.weight"].shape
        side = math.isqrt(len(weights["positional_embedding"]) - 1)
        return cls(width, _count_layers(weights), patch, side * patch, weights["proj"].shape[1])


class ImageTower(nn.Module):
    """Cuts a picture into patches, lets them attend to each other, and reads the answer off an extra class token."""

    def __init__(self, size: ImageSize, quick_gelu: bool) -> None:
        super().__init__()
        self.size = size
        width, patches = size.width, (size.image // size.patch) ** 2
        self.conv1 = nn.Conv2d(3, width, kernel_size=size.patch, stride=size.patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty(patches + 1, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Transformer(width, size.layers, causal=False, quick_gelu=quick_gelu)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(torch.empty(width, size.dimensions))

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, 3, image, image) from ``preprocess`` -> (n, d), not normalised."""
        patches = self.conv1(pixels).flatten(2).transpose(1, 2)  # (n, l - 1, w)
        token = self.class_embedding.expand(len(pixels), 1, -1)  # (n, 1, w)
        x = torch.cat([token, patches], dim=1) + self.positional_embedding  # (n, l, w)
        x = self.transformer(self.ln_pre(x), slice(1))  # (n, 1, w)
        vectors: Tensor = self.ln_post(x[:, 0]) @ self.proj  # (n, d)
        return vectors


@dataclass(frozen=True)
class TextSize:
    """Sizes of a text tower. ``context`` is the longest text in tokens, ``dimensions`` is d."""

    width: int
    layers: int
    context: int
    vocabulary: int
    dimensions: int

    @classmethod
    def of(cls, weights: Weights) -> TextSize:
        """Read off a text tower's weights. Raises ValueError where they are none."""
        _require(weights, ("token_embedding.weight", "positional_embedding", "text_projection"), "text")
        vocabulary, width = weights["token_embedding.weight"].shape
        context = len(weights["positional_embedding"])
        return cls(width, _count_layers(weights), context, vocabulary, weights["text_projection"].shape[1])


class TextTower(nn.Module):
    """Reads tokens left to right; the answer is the end-of-text token's, the only one that has seen them all."""

    def __init__(self, size: TextSize, quick_gelu: bool) -> None:
        super().__init__()
        self.size = size
        self.token_embedding = nn.Embedding(size.vocabulary, size.width)
        self.positional_embedding = nn.Parameter(torch.empty(size.context, size.width))
        self.transformer = Transformer(size.width, size.layers, causal=True, quick_gelu=quick_gelu)
        self.ln_final = nn.LayerNorm(size.width)
        self.text_projection = nn.Parameter(torch.empty(size.width, size.dimensions))

    def forward(self, tokens: Tensor) -> Tensor:
        """(n, l) token ids from ``tokenize``, n >= 1 -> (n, d), not normalised.

        No token looks ahead, so whatever follows the batch's last end-of-text token is left out: the result is the
        same.
        """
        ends = tokens.argmax(dim=-1)  # (n,): end-of-text has the highest id
        tokens = tokens[:, : int(ends.max()) + 1]  # (n, l), l <= context
        x = self.token_embedding(tokens) + self.positional_embedding[: tokens.shape[1]]  # (n, l, w)
        x = self.transformer(x)  # (n, l, w)
        at_end = x[torch.arange(len(x), device=x.device), ends]  # (n, w)
        vectors: Tensor = self.ln_final(at_end) @ self.text_projection  # (n, d)
        return vectors


class CLIP(nn.Module):
    """Both towers and the learned temperature that turns cosines into logits."""

    def __init__(self, visual: ImageTower, text: TextTower, logit_scale: Tensor) -> None:
        super().__init__()
        self.visual = visual
        self.text = text
        self.logit_scale = nn.Parameter(logit_scale)

    def encode_image(self, pixels: Tensor) -> Tensor:
        """(n, 3, image, image) float -> (n, d), not normalised."""
        vectors: Tensor = self.visual(pixels)
        return vectors

    def encode_text(self, tokens: Tensor) -> Tensor:
        """(m, l) token ids -> (m, d), not normalised."""
        vectors: Tensor = self.text(tokens)
        return vectors

    def forward(self, pixels: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """n pictures and m texts -> logits per image (n, m) and per text (m, n); a row's softmax is probabilities."""
        images = F.normalize(self.encode_image(pixels), dim=-1)  # (n, d)
        texts = F.normalize(self.encode_text(tokens), dim=-1)  # (m, d)
        logits = self.logit_scale.exp() * images @ texts.T  # (n, m)
        return logits, logits.T


def build_image_tower(
    weights: Weights, quick_gelu: bool = True, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> ImageTower:
    """An image tower that holds copies of ``weights`` (keys as in ``ImageTower``).

    Raises ValueError where they don't make one.
    """
    size = ImageSize.of(weights)
    with torch.device("meta"):
        tower = ImageTower(size, quick_gelu)
    return _fill(tower, weights, device, dtype)


def build_text_tower(
    weights: Weights, quick_gelu: bool = True, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> TextTower:
    """A text tower that holds copies of ``weights`` (keys as in ``TextTower``).

    Raises ValueError where they don't make one.
    """
    size = TextSize.of(weights)
    with torch.device("meta"):
        tower = TextTower(size, quick_gelu)
    return _fill(tower, weights, device, dtype)


def _fill(tower: Tower, weights: Weights, device: str, dtype: torch.dtype) -> Tower:
    """Gives a tower built on the meta device (so: without memory) copies of its weights, which may be a mapped file."""
    copies = {name: tensor.to(device=device, dtype=dtype, copy=True) for name, tensor in weights.items()}
    try:
        tower.load_state_dict(copies, assign=True)
    except RuntimeError as error:
        raise ValueError(f"these weights don't make a CLIP tower: {error}") from error
    return tower.requires_grad_(False).eval()


def _require(weights: Weights, names: tuple[str, ...], tower: str) -> None:
    missing = [name for name in names if name not in weights]
    if missing:
        raise ValueError(f"no transformer {tower} tower of CLIP in here: {', '.join(missing)} missing")


def _count_layers(weights: Weights) -> int:
    """The number of blocks, from keys such as ``transformer.resblocks.11.ln_1.bias``."""
    return len({name.split(".")[2] for name in weights if name.startswith("transformer.resblocks.")})
