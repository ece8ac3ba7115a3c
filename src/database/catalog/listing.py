"""Photos in the order of what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from src.database.catalog import findable
from src.database.catalog.lexical_tables import lexical, lexical_due
from src.database.catalog.sqlite_file import SqliteFile, listed
from src.database.catalog.tables import SEEN, album_photos, albums, files, images
from src.schema import PhotoFilter
from src.text import folded

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

        order: added, date, name, size or album, usually the latest, largest or first in the alphabet first; with
        a ``-`` before it the other way round. Raises BadInput for a filter that makes no sense.
        """
        passes = images.c.removed_at.is_(None) if only is None else findable.passes(only)
        query = sa.select(images.c.id).where(passes).order_by(*terms(order, only))
        with self._file.reading() as db:
            if goes_by_kept_names(db, order):
                query = _by_name(only, order)
            return list(db.execute(query.limit(limit).offset(offset)).scalars())

    def newest(self, limit: int, after: tuple[str, str] | None = None) -> list[tuple[str, str]]:
        """(id, added_at) of the first photos in the order ``added``; of those behind one, by its (added_at, id)."""
        added, own = images.c.added_at, images.c.id
        query = sa.select(own, added).where(images.c.removed_at.is_(None)).order_by(*terms("added"))
        if after:
            behind = sa.or_(added < after[0], own > after[1])
            query = query.where(added <= after[0], behind)
        with self._file.reading() as db:
            return [(row[0], row[1]) for row in db.execute(query.limit(limit))]

    def number(self, only: PhotoFilter | None) -> int:
        """How many photos pass. Raises as above."""
        with self._file.reading() as db:
            query = SEEN if only is None else findable.number(only)
            return int(db.execute(query).scalar_one() or 0)

    def ordered(self, ids: Sequence[str], order: str, only: PhotoFilter | None = None) -> list[str]:
        """These images, which pass, in an order that ``ids`` tells of, without those that are hidden or no more."""
        known = sa.select(images.c.id).where(images.c.id.in_(listed(list(ids))), images.c.removed_at.is_(None))
        with self._file.reading() as db:
            return list(db.execute(known.order_by(*terms(order, only))).scalars())


def _position(only: PhotoFilter | None) -> sa.ColumnElement[Any]:
    """An image's place in the albums that it must be in by the filter; in any, where that names none."""
    wishes = [] if only is None else [wish for wish in only.where if not wish.negative]
    named = [one.value for wish in wishes for one in (wish.any_of or (wish,)) if one.names == ("albums",)]
    place = sa.select(sa.func.min(album_photos.c.position)).join(albums, albums.c.id == album_photos.c.album_id)
    place = place.where(album_photos.c.image_id == images.c.id)
    is_named = albums.c.folded.in_([folded(str(value)) for value in named]) if named else sa.true()
    return place.where(is_named).scalar_subquery()


def goes_by_kept_names(db: sa.Connection, order: str) -> bool:
    """Whether photos can be put in that order by ``kept_names``, which are right where nothing is due in the index."""
    is_name = order.removeprefix("-") == "name"
    return is_name and db.execute(sa.select(lexical_due.c.number).limit(1)).first() is None


def kept_names(order: str) -> list[sa.ColumnElement[Any]]:
    """What photos are sorted by in the order of the names that are kept with the lexical index: as ``terms`` has it."""
    first = lexical.c.first_name
    return [first.desc() if order.startswith("-") else first.asc(), lexical.c.image_id]


def _by_name(only: PhotoFilter | None, order: str) -> sa.Select[Any]:
    own = lexical.c.image_id
    seen = sa.exists(sa.select(images.c.id).where(images.c.id == own, images.c.removed_at.is_(None)))
    passes = seen if only is None else own.in_(findable.passing(only))
    return sa.select(own).where(passes).order_by(*kept_names(order))


def terms(order: str, only: PhotoFilter | None = None) -> list[sa.ColumnElement[Any]]:
    """What images that pass are sorted by in an order that ``Listing.ids`` tells of."""
    name = order.removeprefix("-")
    column, down = _USUAL[name] if name != "album" else (_position(only), False)
    down ^= order.startswith("-")
    unknown = [column.is_(None)] if getattr(column, "nullable", True) else []  # without it an index gives the order
    return [*unknown, column.desc() if down else column.asc(), images.c.id]
