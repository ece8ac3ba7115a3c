"""Which vectors came, changed or went, in order: what the vector index follows.

Triggers write it in the transaction of the change itself. The last change that the index followed stays here as its
place in the past: a catalogue that was brought back from a backup has another past, and the index is made again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlalchemy as sa

from src.database.catalog.sqlite_file import SqliteFile
from src.database.catalog.tables import index_changes

_PLACE = re.compile(r"change-(\d{1,18})\.(-?\d{1,19})", re.ASCII)


@dataclass(frozen=True)
class Change:
    """A vector whose row is another one, or not there, since the change before.

    Its number grows with each change of any collection.
    """

    number: int
    id: str


class IndexChanges:
    """The ``index_changes`` table."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def last(self, collection: str) -> int:
        """Number of a collection's last change, 0 where none is kept."""
        with self._file.reading() as db:
            query = sa.select(sa.func.max(index_changes.c.number)).where(index_changes.c.collection == collection)
            return int(db.execute(query).scalar() or 0)

    def after(self, collection: str, number: int, limit: int) -> list[Change]:
        """The first ``limit`` changes that followed that one, in order."""
        query = sa.select(index_changes.c.number, index_changes.c.id).where(_later(collection, number))
        with self._file.reading() as db:
            return [Change(*row) for row in db.execute(query.order_by(index_changes.c.number).limit(limit))]

    def count_after(self, collection: str, number: int) -> int:
        """How many changes followed that one."""
        with self._file.reading() as db:
            return int(
                db.execute(
                    sa.select(sa.func.count()).select_from(index_changes).where(_later(collection, number))
                ).scalar_one()
            )

    def number_of(self, place: str) -> int | None:
        """Number of the change that a place names; None where it names none, or none in this catalogue's past."""
        found = _PLACE.fullmatch(place)
        if not found:
            return None
        number, mark = map(int, found.groups())
        with self._file.reading() as db:
            there = sa.select(index_changes.c.number).where(
                index_changes.c.number == number, index_changes.c.mark == mark
            )
            return number if db.execute(there).first() else None

    def settle(self, collection: str, number: int) -> tuple[int, str] | None:
        """Forget the changes before that one, which the index has followed; return its number and its place's name.

        0: nothing has changed yet since changes are kept; the place is a row of its own then. None where that is not
        so.
        """
        own = index_changes.c.collection == collection
        mark = sa.select(index_changes.c.mark).where(own, index_changes.c.number == number)
        with self._file.writing() as db:
            if number:
                db.execute(index_changes.delete().where(own, index_changes.c.number < number))
            elif db.execute(sa.select(index_changes.c.number).where(own)).first() is None:
                db.execute(index_changes.insert().values(collection=collection, id=""))
                number = int(db.execute(sa.select(sa.func.max(index_changes.c.number)).where(own)).scalar_one())
                mark = sa.select(index_changes.c.mark).where(own, index_changes.c.number == number)
            found = db.execute(mark).scalar()
        return None if found is None else (number, f"change-{number}.{found}")

    def forget(self, collection: str) -> None:
        """All of a collection's, where no index follows them."""
        with self._file.writing() as db:
            db.execute(index_changes.delete().where(index_changes.c.collection == collection))


def _later(collection: str, number: int) -> sa.ColumnElement[bool]:
    return sa.and_(index_changes.c.collection == collection, index_changes.c.number > number)
