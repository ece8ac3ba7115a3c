"""What people decided about photos that are copies of each other, each decision an operation that can be undone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import cast

import sqlalchemy as sa

from src.database.catalog.albums import all_held
from src.database.catalog.bin import all_in
from src.database.catalog.cells import CELLS, Key, Value, Wanted
from src.database.catalog.marks import all_tagged, there
from src.database.catalog.operations import Operation, OperationTable
from src.database.catalog.sqlite_file import SqliteFile, listed, now
from src.database.catalog.tables import operations, verdicts
from src.schema.duplicates import DECISIONS, Decision, Fate


class DecisionTable:
    """The ``verdicts`` table. It goes by ids, which are made of the bytes, so that photos that were forgotten and added
    anew are known again. Groups are ids of photos, the one that is kept first; photos that there are none of are left
    out.
    """

    def __init__(self, file: SqliteFile, operations_: OperationTable) -> None:
        self._file = file
        self._operations = operations_

    def of(self, among: Iterable[str] | None = None) -> dict[tuple[str, str], Decision]:
        """Pair of images, the lower id first -> what was decided; among: of which one is one of these."""
        query = sa.select(verdicts.c.first, verdicts.c.second, verdicts.c.verdict)
        if among is not None:
            asked = listed(list(among))
            query = query.where(sa.or_(verdicts.c.first.in_(asked), verdicts.c.second.in_(asked)))
        with self._file.reading() as db:
            return {(row[0], row[1]): cast(Decision, row[2]) for row in db.execute(query) if row[2] in DECISIONS}

    def state(self) -> tuple[int, int]:
        """Another one after each operation, and each that is undone or done again."""
        number, undone = sa.func.coalesce(sa.func.max(operations.c.number), 0), sa.func.count(operations.c.undone_at)
        with self._file.reading() as db:
            row = db.execute(sa.select(number, undone)).one()
            return int(row[0]), int(row[1])

    def decide(self, groups: Sequence[Sequence[str]], decision: Decision) -> Operation | None:
        """Note what the photos of each group are to each other; of one photo alone, its files."""

        def wanted(db: sa.Connection) -> Wanted:
            return {"verdicts": _decided(db, _present(db, groups), decision)}

        return self._operations.perform("decide", {"decision": decision}, wanted)

    def settle(self, groups: Sequence[Sequence[str]], fate: Fate, name: str = "") -> Operation | None:
        """Keep the first photo of each group, and put the others into the bin, under a tag, or into an album.

        name: of the tag or the album; an album is made where there is none of that name. Groups of one photo are left
        out: it is kept.
        """

        def wanted(db: sa.Connection) -> Wanted:
            found = [group for group in _present(db, groups) if len(group) > 1]
            others = list(dict.fromkeys(id_ for group in found for id_ in group[1:]))
            said["others"] = len(others)
            return {"verdicts": _decided(db, found, "same"), **_treated(db, others, fate, name)}

        said: dict[str, object] = {"fate": fate, "name": name}
        return self._operations.perform("settle", said, wanted)


def _treated(db: sa.Connection, ids: Sequence[str], fate: Fate, name: str) -> Wanted:
    match fate:
        case "bin":
            return {"bin": all_in(db, ids)}
        case "tag":
            return {"tags": all_tagged(db, ids, [name])}
        case "album":
            return all_held(db, name, ids) if ids else {}


def _present(db: sa.Connection, groups: Sequence[Sequence[str]]) -> list[list[str]]:
    known = set(there(db, [id_ for group in groups for id_ in group]))
    found = ([id_ for id_ in dict.fromkeys(group) if id_ in known] for group in groups)
    return [group for group in found if group]


def _decided(db: sa.Connection, groups: Sequence[Sequence[str]], decision: Decision) -> dict[Key, Value]:
    """What was decided so already stays as it is."""
    keys = [key for group in groups for key in _pairs(group, decision)]
    before, moment = CELLS["verdicts"].read(db, keys), now()
    return {
        key: value if (value := before.get(key)) and value[0] == decision else (decision, moment)
        for key in dict.fromkeys(keys)
    }


def _pairs(group: Sequence[str], decision: Decision) -> Iterator[Key]:
    """Of photos that are the same, each with the first: that stands for all. Else each two of them."""
    if len(group) == 1:
        yield (group[0], group[0])
        return
    pairs = ((group[0], other) for other in group[1:]) if decision == "same" else combinations(group, 2)
    yield from ((min(pair), max(pair)) for pair in pairs)
