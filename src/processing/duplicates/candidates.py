"""Which pairs of pictures are worth comparing: by their hashes, and by their vectors.

Pictures are numbered; those from ``since`` on are new, and only pairs with a new one are looked for: the higher number
of a pair comes second. So what a new picture costs does not depend on pairs among the others.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from src.processing.duplicates.pdq import BYTES, TURNS
from src.schema import FloatArray

Pairs = npt.NDArray[np.int64]
"""(k, 2), the lower number first."""
Half = npt.NDArray[np.float16]
FAR = 31
"""Bits in which hashes of the same picture differ at most, as PDQ's authors recommend."""
CROWD = 200
"""Of the pictures that have one part of the hash in common with a new one, so many are looked at, the oldest."""
MOST = 10
"""Pictures whose vectors are nearest to a new one's that are worth comparing."""
_SLOTS = BYTES // 2
_QUERIES = 16_384
_ROWS, _SAMPLE, _KEPT = 1_024, 4_096, 128


# ---------------------------------------------------------------- by hashes


def by_hashes(hashes: npt.NDArray[np.uint8], usable: npt.NDArray[np.bool_], since: int = 0) -> Pairs:
    """Pairs of which one's hash is within FAR bits of the other's after some turn.

    hashes: (n, 8, 32), see ``pdq.Hashes``. usable: (n,), False for hashes that tell nothing. Multi-index hashing (Norouzi,
    Punjani and Fleet, CVPR 2012): only pairs that have one of 16 parts of the hash in common are looked at. That is
    certain up to 15 bits, and up to FAR it was so for all but a few in a thousand copies (docs/how-it-works.md).
    """
    known = np.flatnonzero(usable)
    new = known[known >= since]
    whole = np.ascontiguousarray(hashes).reshape(len(hashes), len(TURNS), BYTES)
    found = [np.empty((0, 2), np.int64)]
    for slot in range(_SLOTS):
        keys = whole[known, 0].view(np.uint16)[:, slot]
        order = np.argsort(keys, kind="stable")
        starts = np.searchsorted(keys[order], np.arange(2**16 + 1))
        for turn in range(len(TURNS)):
            for at in range(0, len(new), _QUERIES):
                asked = new[at : at + _QUERIES]
                found.append(_in_slot(whole, asked, turn, slot, known[order], starts))
    return np.unique(np.concatenate(found), axis=0)


def _in_slot(
    whole: npt.NDArray[np.uint8], asked: npt.NDArray[np.int64], turn: int, slot: int, order: Pairs, starts: Pairs
) -> Pairs:
    """Pairs of the asked pictures, turned, with those that have the same part of the hash. order: by that part."""
    keys = whole[asked, turn].view(np.uint16)[:, slot].astype(np.int64)
    counts = np.minimum(starts[keys + 1] - starts[keys], CROWD)
    second = np.repeat(asked, counts)
    nth = np.arange(len(second)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = order[np.repeat(starts[keys], counts) + nth]
    earlier = first < second
    first, second = first[earlier], second[earlier]
    near = distances(whole[first, 0], whole[second, turn]) <= FAR
    return np.column_stack((first[near], second[near]))


def distances(left: npt.NDArray[np.uint8], right: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Bits in which hashes (..., 32) differ."""
    apart = np.ascontiguousarray(left).view(np.uint64) ^ np.ascontiguousarray(right).view(np.uint64)
    return np.bitwise_count(apart).sum(-1, dtype=np.int64)


# ---------------------------------------------------------------- by vectors


def by_vectors(vectors: Half, least: float, since: int = 0) -> Pairs:
    """Pairs of vectors (n, D) of norm 1 with a cosine of ``least`` or more, the MOST nearest of each new one.

    Exact: all pairs are compared along the directions in which the vectors differ most, and of what is left of two
    vectors no more than the product of its lengths can be added (Cauchy and Schwarz). Only pairs that this lets through
    are compared in full.
    """
    short = _shortened(vectors)
    found = [np.empty((0, 2), np.int64)]
    scores = [np.empty(0, np.float32)]
    for pairs in _let_through(short, least, since):
        exact = _cosines(vectors, pairs)
        found.append(pairs[exact >= least])
        scores.append(exact[exact >= least])
    return _nearest(np.concatenate(found), np.concatenate(scores))


def usual_cosine(vectors: Half, share: float = 0.999) -> float:
    """The cosine that this share of pairs of vectors does not exceed, of pairs drawn from them; -1 for less than two.

    A library of one kind of photo has a high one: there a cosine says less.
    """
    if len(vectors) < 2:
        return -1.0
    dice = np.random.default_rng(0)
    first, step = dice.integers(0, len(vectors), 20_000), dice.integers(1, len(vectors), 20_000)
    return float(np.quantile(_cosines(vectors, np.column_stack((first, (first + step) % len(vectors)))), share))


def _shortened(vectors: Half) -> FloatArray:
    """(n, d + 1): the vectors along their d main directions, and the length of what is left of each."""
    some = vectors[np.linspace(0, len(vectors) - 1, min(len(vectors), _SAMPLE)).astype(int)].astype(np.float32)
    _, directions = np.linalg.eigh(some.T @ some)
    main = directions[:, -_KEPT:]
    short = np.empty((len(vectors), main.shape[1] + 1), np.float32)
    for at in range(0, len(vectors), _ROWS):
        rows = vectors[at : at + _ROWS].astype(np.float32)
        along = rows @ main
        short[at : at + _ROWS, :-1] = along
        left = (rows * rows).sum(1) - (along * along).sum(1)
        short[at : at + _ROWS, -1] = np.sqrt(np.maximum(left, 0.0))
    return short


def _let_through(short: FloatArray, least: float, since: int) -> Iterator[Pairs]:
    """Pairs whose cosine may be that high."""
    slack = 1e-3  # of rounding
    for at in range(since, len(short), _ROWS):
        new = short[at : at + _ROWS]
        for start in range(0, at + len(new), 4 * _ROWS):
            most = new @ short[start : min(start + 4 * _ROWS, at + len(new))].T
            second, first = np.nonzero(most >= least - slack)
            pairs = np.column_stack((first + start, second + at))
            yield pairs[pairs[:, 0] < pairs[:, 1]]


def _cosines(vectors: Half, pairs: Pairs) -> FloatArray:
    found = np.empty(len(pairs), np.float32)
    for at in range(0, len(pairs), _ROWS):
        left, right = (vectors[pairs[at : at + _ROWS, side]].astype(np.float32) for side in (0, 1))
        found[at : at + _ROWS] = np.einsum("ij,ij->i", left, right)
    return found


def _nearest(pairs: Pairs, scores: FloatArray) -> Pairs:
    """Of each second picture's pairs the MOST with the highest scores."""
    order = np.lexsort((-scores, pairs[:, 1]))
    pairs = pairs[order]
    starts = np.searchsorted(pairs[:, 1], pairs[:, 1])
    return pairs[np.arange(len(pairs)) - starts < MOST]
