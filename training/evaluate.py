"""Figures on data that neither training nor the tests use: flickr8k dev and the held-back sentences of labelled/."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Gallery:
    """Pictures and the queries that have a right answer among them."""

    images: Tensor
    """(n, D) of L2 norm 1."""
    queries: Tensor
    """(q, D) of L2 norm 1."""
    right: Tensor
    """(q, n) bool."""

    def scores(self) -> Tensor:
        return self.queries @ self.images.T


def recall(gallery: Gallery, at: tuple[int, ...] = (1, 5, 10)) -> dict[str, float]:
    """Share of queries with a right picture among the best k."""
    scores = gallery.scores()
    best = scores.masked_fill(~gallery.right, -2).max(1, keepdim=True).values
    rank = (scores > best).sum(1)
    return {f"r@{k}": round((rank < k).float().mean().item(), 4) for k in at}


def mean_average_precision(gallery: Gallery) -> float:
    """How well all right pictures come before the others, averaged over queries (0 to 1)."""
    order = gallery.scores().argsort(dim=1, descending=True)
    hit = gallery.right.gather(1, order).float()
    precision = hit.cumsum(1) / torch.arange(1, hit.shape[1] + 1)
    return round(((precision * hit).sum(1) / hit.sum(1)).mean().item(), 4)


def both(gallery: Gallery) -> dict[str, float]:
    """Recalls and mean average precision."""
    return {**recall(gallery), "mAP": mean_average_precision(gallery)}


def neighbour_precision(images: Tensor, numbers: Tensor, k: int = 5) -> float:
    """(n, D) and (n,) labels -> share of each picture's ``k`` nearest others that have its label."""
    nearest = (images @ images.T).fill_diagonal_(-2).topk(k).indices
    return round((numbers[nearest] == numbers[:, None]).float().mean().item(), 4)
