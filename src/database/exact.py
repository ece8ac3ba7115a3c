"""Exact nearest neighbours by scanning blocks of vectors: always right, needs no index, memory bounded by the block."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from src.schema import FloatArray

Match = tuple[str, float]
"""An id and its cosine to the query, higher is better."""


def nearest(blocks: Iterable[tuple[list[str], FloatArray]], queries: FloatArray, limit: int) -> list[list[Match]]:
    """The ``limit`` best of all blocks (ids, (n, D)) for each of (q, D) queries, by cosine, best first. Rows must have norm 1."""
    best: list[list[Match]] = [[] for _ in queries]
    for ids, matrix in blocks:
        scores = queries @ matrix.T  # (q, n)
        for row, found in enumerate(best):
            top = _top(scores[row], limit)
            found.extend((ids[i], float(scores[row, i])) for i in top)
            found.sort(key=lambda match: -match[1])
            del found[limit:]
    return best


def _top(scores: FloatArray, limit: int) -> list[int]:
    if len(scores) <= limit:
        return list(range(len(scores)))
    return [int(i) for i in np.argpartition(-scores, limit - 1)[:limit]]
