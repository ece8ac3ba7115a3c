"""Vectors kept in memory for exact scans: small collections whole, large ones without an index in half precision.

What is held is compared with the catalogue's counters at each search; new vectors are added to it, any other change
loads it anew.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from src.database.catalog.vector_codec import restored
from src.database.catalog.vectors import Counters, VectorTable
from src.schema import FloatArray

SMALL_BYTES = 64 * 2**20
"""Of a collection in float32, up to which an exact scan takes no longer than the index (docs/performance.md)."""
LARGE_BYTES = 2**30
"""Most that one collection may take in float16. A larger one is read from the catalogue at each scan."""
BLOCK = 8_192
"""Rows turned into float32 at a time."""

Numbers = npt.NDArray[np.int64]
Block = tuple[list[str], FloatArray]


def is_small(counters: Counters) -> bool:
    """Whether a collection is scanned exactly even where it has an index."""
    return counters.rows * counters.dimensions * 4 <= SMALL_BYTES


@dataclass(frozen=True)
class _Held:
    counters: Counters
    numbers: Numbers
    ids: list[str]
    matrix: npt.NDArray[Any]
    """(n, D) float32 or float16, in the order of ``numbers``."""


class Resident:
    """The findable vectors of some collections. Safe for several threads: what is held is replaced, never changed."""

    def __init__(self, table: VectorTable) -> None:
        self._table = table
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}

    def blocks(self, name: str, counters: Counters, numbers: Numbers | None = None) -> Iterator[Block] | None:
        """(ids, (n, D) float32) of a collection's findable vectors, or of those with these serial numbers.

        None where it is too large.
        """
        if counters.rows * counters.dimensions * 2 > LARGE_BYTES:
            return None
        with self._lock:
            held = self._held.get(name)
            if held is None or held.counters != counters:
                held = self._held[name] = self._loaded(name, counters, held)
        return _all(held) if numbers is None else _some(held, numbers)

    def release(self, name: str) -> None:
        """Give the memory of a large collection back; a small one stays."""
        with self._lock:
            if name in self._held and not is_small(self._held[name].counters):
                del self._held[name]

    def _loaded(self, name: str, counters: Counters, held: _Held | None) -> _Held:
        dtype = np.float32 if is_small(counters) else np.float16
        if held is None or held.counters.rewritten != counters.rewritten or held.matrix.dtype != dtype:
            held = _Held(counters, np.empty(0, np.int64), [], np.empty((0, counters.dimensions), dtype))
        numbers, ids, parts = [held.numbers], list(held.ids), [held.matrix]
        for block in self._table.rows(name, after=int(held.numbers[-1]) if len(held.numbers) else 0):
            numbers.append(np.array(block.numbers, np.int64))
            ids.extend(block.ids)
            parts.append(block.matrix if dtype == np.float32 else block.half)
        return _Held(counters, np.concatenate(numbers), ids, np.concatenate(parts))


def _all(held: _Held) -> Iterator[Block]:
    if held.matrix.dtype == np.float32:
        yield held.ids, held.matrix
        return
    for start in range(0, len(held.ids), BLOCK):
        yield held.ids[start : start + BLOCK], restored(held.matrix[start : start + BLOCK])


def _some(held: _Held, numbers: Numbers) -> Iterator[Block]:
    places = np.searchsorted(held.numbers, numbers)
    places = places[places < len(held.numbers)]
    places = places[np.isin(held.numbers[places], numbers)]
    for start in range(0, len(places), BLOCK):
        chosen = places[start : start + BLOCK]
        matrix = held.matrix[chosen]
        yield [held.ids[place] for place in chosen], matrix if matrix.dtype == np.float32 else restored(matrix)
