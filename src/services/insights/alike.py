"""Photos that look alike, in groups, and photos that are like no others, by the vectors that are stored anyway.

Spherical k-means (Dhillon and Modha, 2001) on an even sample; then all are gone through twice: each photo to its
nearest middle, and those that are far from every middle to their nearest neighbours. So memory does not grow with the
library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from src.schema import FloatArray

Blocks = Callable[[], Iterator[tuple[list[str], FloatArray]]]
"""Gives all vectors anew at each call: ids, and (n, D) float32 of norm 1."""

SAMPLE = 20_000
"""Photos that the groups are made of."""
LEAST = 24
"""Of fewer photos no groups are made: one sees all of them anyway."""
A_GROUP, MOST_GROUPS = 8, 40
"""There are as many groups as the root of an eighth of the photos."""
ROUNDS = 15
CANDIDATES, NEIGHBOURS = 500, 5
"""Photos that are compared with all others, and the neighbours by which they are judged."""
MOST_UNLIKE, SHARE_UNLIKE = 48, 20
"""Photos that are told as unlike all others: so many at most, and one in so many."""


@dataclass(frozen=True)
class Group:
    """middle: (D,) of norm 1. centre: id of the photo that is nearest to it. ids: the nearest first."""

    middle: FloatArray
    centre: str
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Alike:
    """groups: the largest first. unlike: ids, the least like any other first."""

    groups: tuple[Group, ...] = ()
    unlike: tuple[str, ...] = ()


def found(sample: FloatArray, blocks: Blocks) -> Alike:
    """sample: (m, D) float32 of norm 1, some of the vectors in ``blocks``. The same each time."""
    if len(sample) < LEAST:
        return Alike()
    middles = _middles(sample, min(MOST_GROUPS, max(2, round((len(sample) / A_GROUP) ** 0.5))))
    everyone = _Everyone(middles)
    for ids, vectors in blocks():
        everyone.add(ids, vectors)
    return Alike(everyone.groups(), _unlike(everyone, blocks))


def _middles(sample: FloatArray, number: int) -> FloatArray:
    """(k, D) of norm 1, begun with photos that are far from each other, by chance (k-means++)."""
    chance = np.random.default_rng(0)
    chosen = [int(chance.integers(len(sample)))]
    away = 1 - sample @ sample[chosen[0]]
    while len(chosen) < number:
        weights = np.clip(away, 1e-9, None)
        chosen.append(int(chance.choice(len(sample), p=weights / weights.sum())))
        away = np.minimum(away, 1 - sample @ sample[chosen[-1]])
    middles = sample[chosen]
    for _ in range(ROUNDS):
        nearest = (sample @ middles.T).argmax(axis=1)
        sums = np.eye(number, dtype=np.float32)[nearest].T @ sample
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        middles = np.where(lengths > 1e-6, sums / np.maximum(lengths, 1e-6), middles).astype(np.float32)
    return middles


class _Everyone:
    """All photos, each with the number of the middle nearest to it and its cosine with that; and vectors of those that
    are farthest from any.
    """

    def __init__(self, middles: FloatArray) -> None:
        self._middles = middles
        self._numbers, self._scores = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        self.ids = list[str]()
        self.far = list[str]()
        self.far_vectors = np.empty((0, middles.shape[1]), np.float32)
        self._far_scores = np.empty(0, np.float32)

    def add(self, ids: Sequence[str], vectors: FloatArray) -> None:
        cosines = vectors @ self._middles.T
        scores = cosines.max(axis=1)
        self.ids += ids
        self._numbers.append(cosines.argmax(axis=1))
        self._scores.append(scores)
        lowest = np.argsort(scores, kind="stable")[:CANDIDATES]
        names = [*self.far, *(ids[place] for place in lowest)]
        together = np.concatenate([self._far_scores, scores[lowest]])
        kept = np.argsort(together, kind="stable")[:CANDIDATES]
        self.far = [names[place] for place in kept]
        self.far_vectors = np.concatenate([self.far_vectors, vectors[lowest]])[kept]
        self._far_scores = together[kept]

    def groups(self) -> tuple[Group, ...]:
        numbers, scores, made = np.concatenate(self._numbers), np.concatenate(self._scores), list[Group]()
        for number, middle in enumerate(self._middles):
            own = np.flatnonzero(numbers == number)
            own = own[np.argsort(-scores[own], kind="stable")]
            if len(own):
                made.append(Group(middle, self.ids[own[0]], tuple(self.ids[place] for place in own)))
        return tuple(sorted(made, key=lambda group: -len(group.ids)))


def _unlike(everyone: _Everyone, blocks: Blocks) -> tuple[str, ...]:
    """Of those far from every middle, the ones that have the least in common with the photos nearest to them."""
    rows = {id_: row for row, id_ in enumerate(everyone.far)}
    best = np.full((len(rows), NEIGHBOURS), -1, np.float32)
    for ids, vectors in blocks():
        cosines = everyone.far_vectors @ vectors.T
        for place, id_ in enumerate(ids):
            if id_ in rows:
                cosines[rows[id_], place] = -1  # not itself
        both = np.concatenate([best, cosines], axis=1)
        best = np.partition(both, both.shape[1] - NEIGHBOURS, axis=1)[:, -NEIGHBOURS:]
    order = np.argsort(best.mean(axis=1), kind="stable")
    return tuple(everyone.far[row] for row in order[: min(MOST_UNLIKE, len(everyone.ids) // SHARE_UNLIKE)])
