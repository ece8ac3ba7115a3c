"""Photos in the order of what is known of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from src.database.catalog import findable
from src.database.catalog.marks import HAS_TAG, SPELLED
from src.database.catalog.sqlite_file import SqliteFile, listed
from src.database.catalog.tables import SEEN, album_photos, albums, binned, facts, files, images, marks, photo_tags
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
        with self._file.reading() as db:
            query = sa.select(images.c.id).where(passes).order_by(*terms(order, only)).limit(limit).offset(offset)
            return list(db.execute(query).scalars())

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

    def naming(self, word: str, only: PhotoFilter | None, most: int) -> dict[str, str] | None:
        """Image id -> everything that is written of it, for images in whose path, title, caption, tags, note or names
        of its place a word is, or that were taken in the year that the word is.

        word: in small letters. None where there are more than ``most``. Goes through all files and facts.
        """
        found: dict[str, str] = {}
        with self._file.reading() as db:
            for query in _naming(word, only):
                rows = db.execute(query.limit(most + 1)).all()
                if len(rows) > most:
                    return None
                for image_id, written in rows:
                    found[image_id] = f"{found.get(image_id, '')} {written}"
        return found


def _position(only: PhotoFilter | None) -> sa.ColumnElement[Any]:
    """An image's place in the albums that it must be in by the filter; in any, where that names none."""
    wishes = [] if only is None else [wish for wish in only.where if not wish.negative]
    named = [one.value for wish in wishes for one in (wish.any_of or (wish,)) if one.names == ("albums",)]
    place = sa.select(sa.func.min(album_photos.c.position)).join(albums, albums.c.id == album_photos.c.album_id)
    place = place.where(album_photos.c.image_id == images.c.id)
    is_named = albums.c.folded.in_([folded(str(value)) for value in named]) if named else sa.true()
    return place.where(is_named).scalar_subquery()


def _naming(word: str, only: PhotoFilter | None) -> Iterator[sa.Select[Any]]:
    """The same of images that pass, which are looked up among those that have the word: few, as a rule."""
    for query in _having(word):
        if only is None:
            yield query
        else:
            found = query.subquery()
            passes = sa.exists(sa.select(images.c.id).where(images.c.id == found.c.image_id, findable.passes(only)))
            yield sa.select(found).where(passes)


def _having(word: str) -> Iterator[sa.Select[Any]]:
    """Ids of images with what is written of each: where it lies, what is told of it, and the day it was taken on."""
    has = sa.func.casefold if not word.isascii() else sa.func.lower  # the latter is SQLite's own, and quick
    place = sa.case((files.c.uploaded, files.c.name), else_=files.c.path_text)
    yield (
        sa.select(files.c.image_id, sa.func.group_concat(place, " ").concat(_day_of(files)).label("written"))
        .where(files.c.missing_since.is_(None), files.c.image_id.not_in(sa.select(binned.c.image_id)))
        .where(has(place).contains(word, autoescape=True))
        .group_by(files.c.image_id.concat(""))  # by its index, SQLite would go through all files in that order
    )
    told: sa.ColumnElement[Any] = sa.func.coalesce(facts.c.title, "")
    for more in (facts.c.caption, facts.c.place):
        told = told.concat(sa.func.coalesce(sa.literal(" ").concat(more), ""))
    for table, text, there in (
        (facts, told, sa.true()),
        (photo_tags, SPELLED, HAS_TAG),
        (marks, marks.c.note, sa.true()),
    ):
        said = sa.select(table.c.image_id, text.concat(_day_of(table)).label("written"))
        yield said.where(there, has(text).contains(word, autoescape=True))
    if re.fullmatch(r"(18|19|20)\d\d", word, re.ASCII):
        taken = images.c.taken_at >= word, images.c.taken_at < f"{int(word) + 1}", images.c.removed_at.is_(None)
        day = sa.func.substr(images.c.taken_at, 1, 10).label("written")
        yield sa.select(images.c.id.label("image_id"), day).where(*taken)


def _day_of(table: sa.Table) -> sa.ColumnElement[Any]:
    """A blank and the day on which a row's image was taken; empty where that is not known."""
    day = sa.select(sa.func.substr(images.c.taken_at, 1, 10)).where(images.c.id == table.c.image_id).scalar_subquery()
    return sa.func.coalesce(sa.literal(" ").concat(day), "")


def terms(order: str, only: PhotoFilter | None = None) -> list[sa.ColumnElement[Any]]:
    """What images that pass are sorted by in an order that ``Listing.ids`` tells of."""
    name = order.removeprefix("-")
    column, down = _USUAL[name] if name != "album" else (_position(only), False)
    down ^= order.startswith("-")
    unknown = [column.is_(None)] if getattr(column, "nullable", True) else []  # without it an index gives the order
    return [*unknown, column.desc() if down else column.asc(), images.c.id]
