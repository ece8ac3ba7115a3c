"""Attention between the tokens of many prompts and the places of one image, which are never projected for a prompt.

Where a few tokens ask the places, the tokens are carried into the image's space instead: q . (W x) = (W^T q) . x for
the scores, and sum(a W x) = W sum(a x) for what is gathered; likewise where the places ask. Shapes are told as in
``mask_decoder``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEADS = 8
"""All decoders have as many: no weight tells."""


class Attention(nn.Module):
    """Multi-head attention between tokens and places, in a narrower space of its own."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.q_proj = nn.Linear(width, inner)
        self.k_proj = nn.Linear(width, inner)
        self.v_proj = nn.Linear(width, inner)
        self.out_proj = nn.Linear(inner, width)
        self.scale = (inner // HEADS) ** -0.5

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Tokens to tokens: (n, t, c) three times -> (n, t, c)."""
        mixed = F.scaled_dot_product_attention(heads(self.q_proj(q)), heads(self.k_proj(k)), heads(self.v_proj(v)))
        y: Tensor = self.out_proj(_joined(mixed))
        return y

    def gather_first(self, q: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Tokens to places that are still the same for all prompts: (n, t, c) and twice (a, l, d) -> (n, t, c)."""
        queries = heads(self.q_proj(q).flatten(0, 1)[None])  # (1, a, n * t, d)
        mixed = F.scaled_dot_product_attention(queries, keys[None], values[None])
        y: Tensor = self.out_proj(_joined(mixed).view(*q.shape[:2], -1))
        return y

    def gather(self, q: Tensor, places: Tensor, waves: Tensor) -> Tensor:
        """Tokens (n, t, c) to places (n, l, c), whose projected positions ``waves`` (a, l, d) are -> (n, t, c)."""
        queries = heads(self.q_proj(q) * self.scale)  # (n, a, t, d)
        scores = self._carried(queries, waves, self.k_proj, places)
        found = torch.unflatten(torch.bmm(scores.softmax(dim=-1), places), 1, (HEADS, -1))  # (n, a, t, c)
        mixed = found @ _by_head(self.v_proj.weight).mT  # (n, a, t, d)
        y: Tensor = self.out_proj(_joined(mixed) + self.v_proj.bias)
        return y

    def spread_first(self, places: Tensor, k: Tensor, v: Tensor, asking: Tensor) -> Tensor:
        """Places (1, l, c), the same for all, that ask by (a, l, d), to tokens (n, t, c) twice -> (n, l, c)."""
        scores = heads(self.k_proj(k) * self.scale) @ asking.mT  # (n, a, t, l)
        return torch.baddbmm(places, scores.softmax(dim=2).flatten(1, 2).mT, self._given(v))

    def spread(self, places: Tensor, k: Tensor, v: Tensor, waves: Tensor) -> Tensor:
        """The same of (n, l, c) places of which ``waves`` (a, l, d) are the projected positions.

        It is added in their place.
        """
        scores = self._carried(heads(self.k_proj(k) * self.scale), waves, self.q_proj, places)
        shares = torch.unflatten(scores, 1, (HEADS, -1)).softmax(dim=2)
        return places.baddbmm_(shares.flatten(1, 2).mT, self._given(v))

    def _carried(self, tokens: Tensor, waves: Tensor, projection: nn.Linear, places: Tensor) -> Tensor:
        """(n, a, t, d) times what the projection would make of the places and their positions -> (n, a * t, l)."""
        carried = tokens @ _by_head(projection.weight)  # (n, a, t, c)
        return (tokens @ waves.mT).flatten(1, 2).baddbmm_(carried.flatten(1, 2), places.mT)

    def _given(self, v: Tensor) -> Tensor:
        """(n, t, c) -> (n, a * t, c): what each token gives away through each head.

        A head's shares add up to 1, so one brings the bias.
        """
        given = heads(self.v_proj(v)) @ _by_head(self.out_proj.weight.T)  # (n, a, t, c)
        given[:, 0] += self.out_proj.bias
        return given.flatten(1, 2)


def heads(x: Tensor) -> Tensor:
    """(..., l, c) -> (..., a, l, d)."""
    return torch.unflatten(x, -1, (HEADS, -1)).transpose(-2, -3)


def _joined(x: Tensor) -> Tensor:
    """(n, a, t, d) -> (n, t, c)."""
    return x.transpose(1, 2).flatten(2)


def _by_head(weight: Tensor) -> Tensor:
    """(a * d, c) -> (a, d, c)."""
    return torch.unflatten(weight, 0, (HEADS, -1))
