"""Photos in the order of what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from src.database.catalog import findable
from src.database.catalog.marks import HAS_TAG, SPELLED
from src.database.catalog.sqlite_file import SqliteFile, listed
from src.database.catalog.tables import SEEN, binned, facts, files, images, marks, photo_tags
from src.schema import PhotoFilter

_NAME = (
    sa.select(sa.func.casefold(sa.func.min(files.c.name)))
    .where(files.c.image_id == images.c.id, files.c.missing_since.is_(None))
    .scalar_subquery()
)
_USUAL: dict[str, tuple[sa.ColumnElement[Any], bool]] = {
    "added": (images.c.added_at, True),
    "date": (images.c.taken_at, True),
    "name": (_NAME, False),
    "size": (images.c.bytes, True),
}
"""Order -> what it goes by, and whether the largest or latest usually come first."""


class Listing:
    """The visible photos of a library, in some order."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def ids(self, only: PhotoFilter | None, order: str, limit: int | None = None, offset: int = 0) -> list[str]:
        """The first ``limit`` after ``offset`` of the photos that pass; what is not known of a photo puts it last.

        order: added, date, name or size, usually the latest, largest or first in the alphabet first; with a ``-``
        before it the other way round. Raises BadInput for a filter that makes no sense.
        """
        passes = images.c.removed_at.is_(None) if only is None else findable.passes(only)
        with self._file.reading() as db:
            query = sa.select(images.c.id).where(passes).order_by(*_terms(order)).limit(limit).offset(offset)
            return list(db.execute(query).scalars())

    def number(self, only: PhotoFilter | None) -> int:
        """How many photos pass. Raises as above."""
        with self._file.reading() as db:
            query = SEEN if only is None else findable.number(only)
            return int(db.execute(query).scalar_one() or 0)

    def ordered(self, ids: Sequence[str], order: str) -> list[str]:
        """These images, without those that are hidden or no more."""
        known = sa.select(images.c.id).where(images.c.id.in_(listed(list(ids))), images.c.removed_at.is_(None))
        with self._file.reading() as db:
            return list(db.execute(known.order_by(*_terms(order))).scalars())

    def naming(self, word: str, only: PhotoFilter | None, most: int) -> dict[str, str] | None:
        """Image id -> what is written of it, for images in whose path, title, caption, tags or note a word is.

        word: in small letters. None where there are more than ``most``. Goes through all files and facts: about 15 ms
        for 100,000 photos.
        """
        has = sa.func.casefold if not word.isascii() else sa.func.lower  # the latter is SQLite's own, and quick
        passing = [] if only is None else [files.c.image_id.in_(findable.passing(only))]
        place = sa.case((files.c.uploaded, files.c.name), else_=files.c.path_text)
        paths = (
            sa.select(files.c.image_id, sa.func.group_concat(place, " "))
            .where(files.c.missing_since.is_(None), files.c.image_id.not_in(sa.select(binned.c.image_id)))
            .where(has(place).contains(word, autoescape=True), *passing)
            .group_by(files.c.image_id)
        )
        told = sa.func.coalesce(facts.c.title.concat(" "), "") + sa.func.coalesce(facts.c.caption, "")

        def said(table: sa.Table, text: sa.ColumnElement[Any]) -> sa.Select[Any]:
            known = [] if only is None else [table.c.image_id.in_(findable.passing(only))]
            return sa.select(table.c.image_id, text).where(has(text).contains(word, autoescape=True), *known)

        tags = said(photo_tags, SPELLED).where(HAS_TAG)
        found: dict[str, str] = {}
        with self._file.reading() as db:
            for query in (paths, said(facts, told), tags, said(marks, marks.c.note)):
                rows = db.execute(query.limit(most + 1)).all()
                if len(rows) > most:
                    return None
                for image_id, written in rows:
                    found[image_id] = f"{found.get(image_id, '')} {written}"
        return found


def _terms(order: str) -> list[sa.ColumnElement[Any]]:
    column, down = _USUAL[order.removeprefix("-")]
    down ^= order.startswith("-")
    unknown = [column.is_(None)] if getattr(column, "nullable", True) else []  # without it an index gives the order
    return [*unknown, column.desc() if down else column.asc(), images.c.id]
