"""Exact nearest neighbours by scanning blocks of vectors: always right, needs no index, memory bounded by the block."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from src.schema import FloatArray

Match = tuple[str, float]
"""An id and its cosine to the query, higher is better."""


def nearest(blocks: Iterable[tuple[list[str], FloatArray]], queries: FloatArray, limit: int) -> list[list[Match]]:
    """The ``limit`` best of all blocks (ids, (n, D)) for each of (q, D) queries, by cosine, best first.

    Rows must have norm 1.
    """
    best: list[list[Match]] = [[] for _ in queries]
    for ids, matrix in blocks:
        scores = queries @ matrix.T  # (q, n)
        for row, (found, top) in enumerate(zip(best, _top(scores, limit), strict=True)):
            found.extend((ids[i], float(scores[row, i])) for i in top)
            found.sort(key=lambda match: -match[1])
            del found[limit:]
    return best


def _top(scores: FloatArray, limit: int) -> list[list[int]]:
    """Columns of the ``limit`` best of each row, in any order."""
    if limit == 1:
        chosen = scores.argmax(axis=1, keepdims=True)
    elif scores.shape[1] <= limit:
        chosen = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    else:
        chosen = np.argpartition(-scores, limit - 1, axis=1)[:, :limit]
    found: list[list[int]] = chosen.tolist()
    return found
