"""Nearest neighbours, the cheapest way: by the approximate index, a scan of memory, or a scan of the catalogue."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from src.database.catalog.vectors import Counters, VectorTable
from src.database.nearest import exact
from src.database.nearest.exact import Match
from src.database.nearest.in_memory import Block, Resident, is_small
from src.schema import FloatArray, PhotoFilter

MOST = 4_000
"""Most neighbours asked of the index where many may not be found: to scan those that may is as fast then."""
SPARE, LEAST = 1.5, 600
"""Neighbours asked of the index under a filter: as a multiple of those that would do if what passes were spread evenly,
and at least. Those further off are found less surely: of the best ten of 100,000 of which a tenth pass, 98 % are among
300, over 99 % among 600."""

Ask = Callable[[str, FloatArray, int], list[list[Match]] | None]
"""What the index alone answers, hidden images included; None where it is not in step or fails."""


class Finder:
    """Searches the collections of one catalogue. Safe for several threads."""

    def __init__(self, table: VectorTable, ask: Ask, has_index: Callable[[str], bool]) -> None:
        self._table = table
        self._ask = ask
        self._has_index = has_index
        self._resident = Resident(table)

    def nearest(self, name: str, queries: FloatArray, limit: int, only: PhotoFilter | None = None) -> list[list[Match]]:
        """The ``limit`` nearest of a collection to each of (q, D) queries of norm 1, of images that pass ``only``.

        By the index where the collection is large and has one, else by an exact scan of what may be found.
        """
        counters = self._table.counters(name)
        if not counters.rows or not counters.dimensions:
            return [[] for _ in queries]
        found = None if is_small(counters) else self._by_index(name, queries, limit, only)
        return found or exact.nearest(self._blocks(name, counters, only), queries, limit)

    def release(self, name: str) -> None:
        """Give back the memory of a large collection that has its index now."""
        self._resident.release(name)

    def _blocks(self, name: str, counters: Counters, only: PhotoFilter | None) -> Iterable[Block]:
        """Everything that may be found: from memory, or from the catalogue where it has an index or is too large."""
        numbers = None if only is None else self._table.numbers(name, only)
        held = (
            None if not is_small(counters) and self._has_index(name) else self._resident.blocks(name, counters, numbers)
        )
        if held is not None:
            return held
        return self._table.blocks(name) if numbers is None else self._table.blocks_of(name, numbers)

    def _by_index(
        self, name: str, queries: FloatArray, limit: int, only: PhotoFilter | None
    ) -> list[list[Match]] | None:
        """None where the index gives fewer than ``limit`` findable ones: the rest is hidden or out of its reach."""
        if not self._has_index(name):
            return None
        asked = limit
        if only is not None:
            passing = self._table.count(name, only)
            asked = max(LEAST, math.ceil(SPARE * limit * self._table.count(name) / max(1, passing)))
            if asked >= passing:  # to look at all that pass is cheaper
                return None
        while asked <= MOST:
            found = self._ask(name, queries, asked)
            if found is None or min(map(len, found), default=limit) < limit:
                return None
            findable = self._table.findable(name, list({id_ for matches in found for id_, _ in matches}), only)
            kept = [[match for match in matches if match[0] in findable] for matches in found]
            if all(len(matches) >= limit for matches in kept):
                return [matches[:limit] for matches in kept]
            asked *= 4
        return None
