"""Figures on data that neither training nor the tests use: flickr8k dev and the held-back sentences of labelled/."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

UNRELATED = (
    "asdf qwer zxcv", "xkjhgf wqpoiu", "lorem ipsum dolor sit amet", "quarterly tax report",
    "the proof of Fermat's last theorem", "SELECT name FROM users WHERE id = 3", "import numpy as np", "404 not found",
    "terms and conditions apply", "0x7fff5fbff8a8", "inflation expectations of the central bank",
    "Heisenberg uncertainty principle", "the meaning of justice", "password reset", "zzzz zzzz zzzz",
    "once upon a midnight dreary", "monetary policy", "gradient descent converges", "a sonnet about regret",
    "invoice number 20931", "how do I update my drivers", "git rebase conflict", "1234567890",
    "the square root of two is irrational", "blorp snazzle fwip", "subjunctive mood in Latin",
    "mitochondrial respiration", "warranty void if removed", "!!!! ???? ....", "parliamentary procedure",
)  # fmt: skip
"""Queries that no photo answers, for the share that is called "nothing matches"."""
DRAWS = 2_000
"""Libraries drawn from each gallery for the text floor."""


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


def text_floor(
    galleries: Sequence[Gallery], unrelated: Tensor, library: int, called_weak: float = 0.025
) -> dict[str, float]:
    """A cosine below which the best hit in a library of that size means "nothing matches" (best hits grow with the
    library).

    Every query is asked of ``library`` pictures, drawn for it, of which one is put there because it is right. The floor
    is the ``called_weak`` quantile of the best hits, each gallery's queries counting alike; told beside it is the share
    of ``unrelated`` queries (u, D) that falls below it in the same libraries.
    """
    dice = torch.Generator().manual_seed(0)
    real, strange = [], []
    for gallery in galleries:
        for query in torch.randint(len(gallery.queries), (DRAWS,), generator=dice):
            rows = torch.randperm(len(gallery.images), generator=dice)[:library]
            strange.append((gallery.images[rows] @ unrelated[query % len(unrelated)]).max())
            rows[0] = gallery.right[query].float().multinomial(1, generator=dice)
            real.append((gallery.images[rows] @ gallery.queries[query]).max())
    floor = round(torch.stack(real).quantile(called_weak).item(), 3)
    return {
        "images": library,
        "floor": floor,
        "real_queries_below": round((torch.stack(real) < floor).float().mean().item(), 4),
        "unrelated_queries_below": round((torch.stack(strange) < floor).float().mean().item(), 4),
    }
