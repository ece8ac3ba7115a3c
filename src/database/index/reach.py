"""Vectors that an approximate index holds and does not find: they are kept here and scanned beside its answers.

Where very many vectors are nearly alike (blank pages, bursts, a time lapse), the index's graph spends its links among
them, and no way leads to some of the others any more. Which those are, the index tells: it is asked for its vectors by
themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np

from src.database.catalog.vectors import VectorTable
from src.database.index.protocol import Beside, Index
from src.database.nearest import exact
from src.database.nearest.exact import Match
from src.schema import FloatArray

MOST = 20_000
"""Vectors kept beside an index. One that does not find more than these is not used: an exact scan is as fast then."""
SICK = 0.01
"""Share of a collection's vectors from which on an index that does not find them is not used either: a graph that does
not lead to these leads to others only from nearby. Of 44,000 photos of which ten of eleven are nearly alike it does not
find 2.5 % by themselves, and misses 18 % of the best ten."""
BLOCK = 200
SAMPLE = 4_000
"""Vectors, spread over a collection, that are asked for first. Where all are found, 19 times in 20 less than 0.08 % of
the others are not; to ask for each of a million as well would take the better part of an hour."""
TIE = 1e-3
"""A vector that finds one no further off than this is within reach: pictures nearly alike stand for each other."""
RECENT = 1_000
"""Vectors last written, which are kept beside the index in any case: it answers for them from a buffer, and sorts them
in later, or anew after the next opening, so that only then is it known whether they can be found."""
ASKED = 200
"""Of those that were written last, so many are asked for first, spread over them."""
GROWN = 0.2
"""Share of a collection that was added since it was looked at as a whole, from which on that is done anew."""


class Reach:
    """What lies out of the reach of an index's collections. The index keeps the list; its failures are raised on."""

    def __init__(self, table: VectorTable, index: Index) -> None:
        self._table = table
        self._index = index
        self._held: dict[str, tuple[Beside, dict[str, FloatArray], FloatArray]] = {}
        """Collection -> its list, the vectors of it by their ids, and the same as (n, D)."""
        self._written: dict[str, set[str]] = {}
        """Those that were written since."""
        self._holding = threading.Lock()
        self._added: dict[str, int] = {}
        self._asked: set[str] = set()
        """Collections whose list was asked for as a whole since the index was opened."""

    def merged(self, name: str, queries: FloatArray, limit: int, found: list[list[Match]]) -> list[list[Match]]:
        """The index's answers, with what it can't find."""
        ids, matrix = self._of(name)
        if not ids:
            return found
        beside = exact.nearest([(ids, matrix)], queries, limit)
        rows = [{**dict(there), **dict(here)} for here, there in zip(found, beside, strict=True)]
        return [sorted(row.items(), key=lambda match: -match[1])[:limit] for row in rows]

    def usable(self, name: str) -> bool:
        """Whether few enough lie out of reach."""
        missed = self._beside(name).missed
        return not missed or missed <= min(MOST, SICK * self._table.count_all(name))

    def look(self, name: str) -> Iterator[None]:
        """Ask for a sample of a collection's vectors by themselves; for all of a small one, or where one is not found.

        A block a step; what an earlier look found holds until the end.
        """
        missed: list[str] = []
        whole = self._table.blocks(name, BLOCK, hidden=True)
        for blocks in (self._sample(name), whole) if self._table.count_all(name) > SAMPLE else (whole,):
            missed = []
            for ids, matrix in blocks:
                missed += self._missed(name, ids, matrix)
                yield
            if not missed:
                break
        last = self._table.last(name, RECENT)
        tail = set(last)
        older = [id_ for id_ in missed if id_ not in tail]
        with self._holding:
            self._held.pop(name, None)
        self._keep(name, [*older, *last], len(older))
        self._added[name] = 0
        self._asked.add(name)

    def upsert(self, name: str, ids: Sequence[str], matrix: FloatArray) -> None:
        """Write vectors to the index; some of those written long enough ago are asked for, and where one is not found,
        all of them: what is not found stays on the list.
        """
        with self._holding:
            self._written.setdefault(name, set()).update(ids)
        self._index.upsert(name, ids, matrix)
        self._added[name] = self._added.get(name, 0) + len(ids)
        new = set(ids)
        before = self._beside(name)
        known = sum(id_ not in new for id_ in before.ids[: before.missed])
        listed = [*(id_ for id_ in before.ids if id_ not in new), *ids]
        if len(listed) >= known + 2 * RECENT:
            older = listed[: len(listed) - RECENT]
            some = older[known :: max(1, (len(older) - known) // ASKED)]
            trusted = name in self._asked  # else the list is of a time before the index was opened
            missed = older[:known] if trusted and not self._missing_of(name, some) else self._missing_of(name, older)
            listed, known = [*missed, *listed[len(older) :]], len(missed)
            self._asked.add(name)
        self._keep(name, listed, known)

    def delete(self, name: str, ids: Sequence[str]) -> None:
        """Take vectors out of the index, and off the list."""
        self._index.delete(name, ids)
        before, gone = self._beside(name), set(ids)
        if not gone.isdisjoint(before.ids):
            missed = sum(id_ not in gone for id_ in before.ids[: before.missed])
            self._keep(name, [id_ for id_ in before.ids if id_ not in gone], missed)

    def look_again(self, name: str) -> None:
        """Where so many were added that those from before may be out of reach by now, ask for all."""
        if self._added.get(name, 0) > GROWN * self._table.count_all(name):
            for _ in self.look(name):
                pass

    def _sample(self, name: str) -> Iterator[tuple[list[str], FloatArray]]:
        ids = self._table.sample(name, SAMPLE)
        for start in range(0, len(ids), BLOCK):
            found = self._table.get_many(name, ids[start : start + BLOCK])
            if found:
                yield list(found), np.stack(list(found.values()))

    def _missing_of(self, name: str, ids: Sequence[str]) -> list[str]:
        """Those that are not found by themselves."""
        vectors = self._table.get_many(name, ids)
        return self._missed(name, list(vectors), np.stack(list(vectors.values()))) if vectors else []

    def _missed(self, name: str, ids: Sequence[str], matrix: FloatArray) -> list[str]:
        answers = self._index.query(name, matrix, 1)
        return [id_ for id_, answer in zip(ids, answers, strict=True) if not answer or answer[0][1] < 1 - TIE]

    def _beside(self, name: str) -> Beside:
        return self._index.beside.get(name, Beside())

    def _keep(self, name: str, ids: Sequence[str], missed: int) -> None:
        self._index.beside[name] = Beside(tuple(ids[: MOST + RECENT + 1]), missed)

    def _of(self, name: str) -> tuple[list[str], FloatArray]:
        """What is kept beside a collection. Only what was written since is read again: a search waits for it."""
        with self._holding:
            beside, held = self._beside(name), self._held.get(name)
            if held is None or held[0] is not beside:
                new = self._written.pop(name, set())
                known = {id_: vector for id_, vector in (held[1] if held else {}).items() if id_ not in new}
                known |= self._table.get_many(name, [id_ for id_ in beside.ids if id_ not in known])
                vectors = {id_: known[id_] for id_ in beside.ids if id_ in known}
                matrix = np.stack(list(vectors.values())) if vectors else np.empty((0, 0), np.float32)
                held = self._held[name] = (beside, vectors, matrix)
            return list(held[1]), held[2]
