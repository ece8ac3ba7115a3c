"""Which pairs of pictures are worth comparing: by their hashes, and by their vectors.

Pictures are numbered, the new ones last, and of a pair the higher number comes second. So new pictures are compared
with all before them, and what they cost does not depend on the pairs among the others.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from src.processing.duplicates.pdq import BYTES, TURNS
from src.schema import FloatArray

Pairs = npt.NDArray[np.int64]
"""(k, 2), the lower number first."""
Numbers = npt.NDArray[np.int64]
Half = npt.NDArray[np.float16]
FAR = 31
"""Bits in which hashes of the same picture differ at most, as PDQ's authors recommend."""
CROWD = 200
"""Of the pictures that have one part of the hash in common with a new one, so many are looked at, the oldest."""
MOST = 10
"""Pictures whose vectors are nearest to a new one's that are worth comparing."""
_SLOTS = BYTES // 2
_ROWS, _SAMPLE, _DRAWN = 1_024, 4_096, 20_000
_KEPT = 128
"""Main directions of vectors."""
_ROUNDING = 1e-3


# ---------------------------------------------------------------- by hashes


class HashSearch:
    """Pairs of pictures of which one's hash is within FAR bits of the other's after some turn.

    Multi-index hashing (Norouzi, Punjani and Fleet, CVPR 2012): only pairs that have one of 16 parts of the hash in
    common are looked at. That finds all that are within 15 bits, and nearly all copies of photos: those that are
    further apart have several parts in common by chance.
    """

    def __init__(self, hashes: npt.NDArray[np.uint8], usable: npt.NDArray[np.bool_]) -> None:
        """hashes: (n, 8, 32), see ``pdq.Hashes``. usable: (n,), False for those that tell nothing."""
        self._hashes = np.ascontiguousarray(hashes).reshape(len(hashes), len(TURNS), BYTES)
        self._usable = usable
        self._slots = [self._slot(number) for number in range(_SLOTS)]

    def pairs(self, since: int, until: int) -> Pairs:
        """Those whose second is one of the pictures from ``since`` to before ``until``."""
        asked = np.flatnonzero(self._usable[since:until]) + since
        found = [np.empty((0, 2), np.int64)]
        for slot in range(_SLOTS):
            found += [self._in_slot(asked, turn, slot) for turn in range(len(TURNS))]
        return np.unique(np.concatenate(found), axis=0)

    def _slot(self, number: int) -> tuple[Numbers, Numbers]:
        """The pictures by one part of their hash, and where in that order each value of it begins."""
        known = np.flatnonzero(self._usable)
        keys = self._parts(known, 0, number)
        order = np.argsort(keys, kind="stable")
        return known[order], np.searchsorted(keys[order], np.arange(2**16 + 1))

    def _parts(self, pictures: Numbers, turn: int, slot: int) -> Numbers:
        parts: Numbers = self._hashes[pictures, turn].view(np.uint16)[:, slot].astype(np.int64)
        return parts

    def _in_slot(self, asked: Numbers, turn: int, slot: int) -> Pairs:
        order, starts = self._slots[slot]
        keys = self._parts(asked, turn, slot)
        counts = np.minimum(starts[keys + 1] - starts[keys], CROWD)
        second = np.repeat(asked, counts)
        nth = np.arange(len(second)) - np.repeat(np.cumsum(counts) - counts, counts)
        first = order[np.repeat(starts[keys], counts) + nth]
        earlier = first < second
        first, second = first[earlier], second[earlier]
        near = distances(self._hashes[first, 0], self._hashes[second, turn]) <= FAR
        return np.column_stack((first[near], second[near]))


def distances(left: npt.NDArray[np.uint8], right: npt.NDArray[np.uint8]) -> Numbers:
    """Bits in which hashes (..., 32) differ."""
    apart = np.ascontiguousarray(left).view(np.uint64) ^ np.ascontiguousarray(right).view(np.uint64)
    bits: Numbers = np.bitwise_count(apart).sum(-1, dtype=np.int64)
    return bits


# ---------------------------------------------------------------- by vectors


class VectorSearch:
    """Pairs of vectors with a high cosine, the MOST nearest of each picture.

    Exact: all pairs are compared along the directions in which the vectors differ most, and what is left of two vectors
    can add no more than the product of its lengths (Cauchy and Schwarz). Only pairs that this lets through are compared
    in full.
    """

    def __init__(self, vectors: Half) -> None:
        """vectors: (n, D) of norm 1, or zeros where a picture has none."""
        self._vectors = vectors
        self._short = _shortened(vectors)

    def pairs(self, least: float, since: int, until: int) -> Pairs:
        """Those of a cosine of ``least`` or more whose second is one of the pictures from ``since`` to before
        ``until``.
        """
        found, scores = [np.empty((0, 2), np.int64)], [np.empty(0, np.float32)]
        for pairs in self._let_through(least, since, until):
            exact = cosines(self._vectors, pairs)
            found.append(pairs[exact >= least])
            scores.append(exact[exact >= least])
        return _nearest(np.concatenate(found), np.concatenate(scores))

    def _let_through(self, least: float, since: int, until: int) -> Iterator[Pairs]:
        for at in range(since, until, _ROWS):
            new = self._short[at : min(at + _ROWS, until)]
            for start in range(0, at + len(new), 4 * _ROWS):
                most = new @ self._short[start : min(start + 4 * _ROWS, at + len(new))].T
                second, first = np.divmod(np.flatnonzero(most >= least - _ROUNDING), most.shape[1])
                pairs = np.column_stack((first + start, second + at))
                yield pairs[pairs[:, 0] < pairs[:, 1]]


def usual_cosine(vectors: Half, share: float = 0.999) -> float:
    """The cosine that this share of pairs of vectors does not exceed, of pairs drawn from them; -1 for less than two.

    A library of one kind of photo has a high one: there a cosine says less.
    """
    if len(vectors) < 2:
        return -1.0
    dice = np.random.default_rng(0)
    first, step = dice.integers(0, len(vectors), _DRAWN), dice.integers(1, len(vectors), _DRAWN)
    return float(np.quantile(cosines(vectors, np.column_stack((first, (first + step) % len(vectors)))), share))


def cosines(vectors: Half, pairs: Pairs) -> FloatArray:
    """Of pairs of vectors of norm 1."""
    found = np.empty(len(pairs), np.float32)
    for at in range(0, len(pairs), _ROWS):
        left, right = (vectors[pairs[at : at + _ROWS, side]].astype(np.float32) for side in (0, 1))
        found[at : at + _ROWS] = np.einsum("ij,ij->i", left, right)
    return found


def _shortened(vectors: Half) -> FloatArray:
    """(n, d + 1): the vectors along their d main directions, and the length of what is left of each."""
    some = vectors[:: max(1, len(vectors) // _SAMPLE)].astype(np.float32)
    main = np.linalg.eigh(some.T @ some)[1][:, -_KEPT:]
    short = np.empty((len(vectors), main.shape[1] + 1), np.float32)
    for at in range(0, len(vectors), _ROWS):
        rows = vectors[at : at + _ROWS].astype(np.float32)
        along = rows @ main
        short[at : at + _ROWS, :-1] = along
        short[at : at + _ROWS, -1] = np.sqrt(np.maximum((rows * rows).sum(1) - (along * along).sum(1), 0.0))
    return short


def _nearest(pairs: Pairs, scores: FloatArray) -> Pairs:
    """Of each second picture's pairs the MOST with the highest scores."""
    pairs = pairs[np.lexsort((-scores, pairs[:, 1]))]
    starts = np.searchsorted(pairs[:, 1], pairs[:, 1])
    return pairs[np.arange(len(pairs)) - starts < MOST]
