"""What the user did, one operation a row, each with its inverse: what can be undone, and done again.

An operation is written in the transaction of its own changes. After one, what had been undone can't be done again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from src.database.catalog import cells
from src.database.catalog.sqlite_file import SqliteFile, now
from src.database.catalog.tables import operations
from src.errors import BadInput
from src.plain_files import json_in

MOST, MOST_BYTES = 1_000, 64_000_000
"""Operations that are kept, the last ones, and bytes of what they changed."""
GONE = "What that changed is no longer in the library, so it stays as it is."
NOTHING = "There is nothing to undo.", "There is nothing to do again."


@dataclass(frozen=True)
class Operation:
    """One row.

    kind: remove, tag and so on. said: what was asked for, with ``photos``, the number of photos that it changed.
    """

    number: int
    at: str
    kind: str
    said: Mapping[str, Any]
    undone: bool = False

    @property
    def photos(self) -> int:
        number = self.said.get("photos", 0)
        return number if isinstance(number, int) else 0


class OperationTable:
    """The ``operations`` table, and the only writer of what the user says of photos."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def perform(
        self, kind: str, said: Mapping[str, Any], wanted: Callable[[sa.Connection], cells.Wanted]
    ) -> Operation | None:
        """Do something and note its inverse, in one transaction. None where nothing is other than it was.

        wanted: what is to be, made of what is.
        """
        with self._file.writing() as db:
            db.exec_driver_sql("BEGIN IMMEDIATE")
            changes = cells.differing(db, wanted(db))
            if not changes:
                return None
            cells.written(db, changes)
            db.execute(operations.delete().where(operations.c.undone_at.is_not(None)))
            told = {**said, "photos": cells.number_of_images(changes)}
            row = {"at": now(), "kind": kind, "said": json.dumps(told, ensure_ascii=False)}
            number = db.execute(operations.insert().values(**row, changes=cells.packed(changes))).lastrowid
            _drop_oldest(db)
        return Operation(number, row["at"], kind, told)

    def undo(self) -> Operation:
        """Take the last operation back. Raises BadInput where there is none, or nothing is left that it was about."""
        return self._turned(back=True)

    def redo(self) -> Operation:
        """Do again what was undone last. Raises BadInput as above."""
        return self._turned(back=False)

    def _turned(self, back: bool) -> Operation:
        with self._file.writing() as db:
            db.exec_driver_sql("BEGIN IMMEDIATE")
            row = db.execute(_LAST if back else _UNDONE).mappings().first()
            if row is None:
                raise BadInput(NOTHING[0] if back else NOTHING[1])
            done = _written(db, row["changes"], back)
            own = operations.c.number == row["number"]
            turned = operations.update().values(undone_at=now() if back else None)
            db.execute(turned.where(own) if done else operations.delete().where(own))
        if not done:
            raise BadInput(GONE)
        return _operation({**row, "undone_at": "now" if back else None})

    def history(self, limit: int) -> list[Operation]:
        """The last operations, the latest first, those that were undone among them."""
        with self._file.reading() as db:
            query = sa.select(*_SHOWN).order_by(operations.c.number.desc()).limit(limit)
            return [_operation(dict(row)) for row in db.execute(query).mappings()]

    def can(self) -> tuple[bool, bool]:
        """Whether there is something to undo, and something to do again."""
        with self._file.reading() as db:
            return tuple(db.execute(query).first() is not None for query in (_LAST, _UNDONE))  # type: ignore[return-value]


def _written(db: sa.Connection, data: bytes, back: bool) -> bool:
    """Whether anything is left that an operation changed, and it could be written."""
    changes = cells.of_present(db, cells.unpacked(data) or {})
    try:
        with db.begin_nested():
            cells.written(db, changes, back)
    except sa.exc.IntegrityError:  # damage, or another program, has made impossible what was
        return False
    return bool(changes)


_SHOWN = tuple(column for column in operations.c if column.name != "changes")
_LAST = sa.select(operations).where(operations.c.undone_at.is_(None)).order_by(operations.c.number.desc()).limit(1)
_UNDONE = sa.select(operations).where(operations.c.undone_at.is_not(None)).order_by(operations.c.number).limit(1)


def _operation(row: Mapping[str, Any]) -> Operation:
    said = json_in(row["said"])
    told = said if isinstance(said, dict) else {}
    return Operation(row["number"], row["at"], row["kind"], told, row["undone_at"] is not None)


def _drop_oldest(db: sa.Connection) -> None:
    newer = sa.func.sum(sa.func.length(operations.c.changes)).over(order_by=operations.c.number.desc())
    sizes = sa.select(operations.c.number, newer.label("bytes")).subquery()
    kept = sa.select(sizes.c.number).where(sizes.c.bytes <= MOST_BYTES).order_by(sizes.c.number.desc()).limit(MOST)
    last = sa.select(sa.func.max(operations.c.number)).scalar_subquery()
    db.execute(operations.delete().where(operations.c.number.not_in(kept), operations.c.number != last))


def forget_operations_of_none(db: sa.Connection) -> None:
    """Operations that were about photos none of which is there any more: nothing of what they say stays."""
    for row in db.execute(sa.select(operations.c.number, operations.c.changes)).all():
        changes = cells.unpacked(row.changes) or {}
        if not cells.of_present(db, changes):
            db.execute(operations.delete().where(operations.c.number == row.number))
