"""The library as it is looked through: all photos in an order, and the folders and months they are from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from src.database.catalog import findable
from src.database.catalog.lexical_tables import lexical
from src.database.catalog.listing import goes_by_kept_names, kept_names, terms
from src.database.catalog.sqlite_file import SqliteFile, listed
from src.database.catalog.tables import days, facts, files, images
from src.plain_files import json_in
from src.schema import PhotoFilter


class ListedPhoto(NamedTuple):
    """What a page needs to lay a photo out before anything of it was drawn."""

    id: str
    width: int
    height: int
    """Pixels, upright."""
    day: int
    """When it was taken, 20240731 for July 31st, 2024; 0 where that is not known, and any number in a damaged row."""
    colour: str | None
    """What covers most of it, as ``rrggbb``; None where it was not measured."""


Counted = list[tuple[str, int]]
"""Names, each with a number of photos."""


class Browsing:
    """The visible photos of a library, looked through without looking for anything."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def photos(self, only: PhotoFilter | None, order: str) -> list[ListedPhoto]:
        """All photos that pass, in an order that ``Listing.ids`` tells of.

        Raises BadInput for a filter that makes no sense.
        """
        query = _LISTED
        if only is not None:
            query = query.where(images.c.id.in_(findable.passing(only)))
        with self._file.reading() as db:
            if goes_by_kept_names(db, order):
                query = query.join(lexical, lexical.c.image_id == images.c.id).order_by(*kept_names(order))
            else:
                query = query.order_by(*terms(order, only))
            return [ListedPhoto(*row) for row in db.execute(query)]

    def of(self, image_ids: Sequence[str]) -> list[ListedPhoto]:
        """The visible ones of these photos, in no order."""
        with self._file.reading() as db:
            query = _LISTED.where(images.c.id.in_(listed(list(image_ids))))
            return [ListedPhoto(*row) for row in db.execute(query)]

    def folders(self) -> Counted:
        """Every folder that photos lie right in, without a separator at its end, and how many; uploads are in none."""
        query = _in_folders(_FOLDER, sa.func.count(files.c.image_id.distinct())).group_by(_FOLDER).order_by(_FOLDER)
        with self._file.reading() as db:
            return [(_folder(row[0]), int(row[1])) for row in db.execute(query)]

    def folder_of(self) -> dict[str, str]:
        """Id of each photo that lies in a folder -> that folder, as ``folders`` names it; of several, the first."""
        query = _in_folders(files.c.image_id, sa.func.min(_FOLDER)).group_by(files.c.image_id)
        with self._file.reading() as db:
            return {str(row[0]): _folder(row[1]) for row in db.execute(query)}

    def months(self) -> Counted:
        """Months in which photos were taken, as ``2024-07``, the latest first; at the end "" for those without date."""
        month = sa.func.substr(days.c.day, 1, 7)
        query = sa.select(month, sa.func.sum(days.c.images)).where(days.c.images > 0).group_by(month)
        with self._file.reading() as db:
            return [(str(row[0]), int(row[1])) for row in db.execute(query.order_by(month.desc()))]

    def sites(self, most: int = 2_000) -> list[tuple[tuple[str, ...], int]]:
        """Where most photos were taken: names from the country inwards, as ``("Italy", "Lazio", "Rome")``, and how
        many.
        """
        number = sa.func.count()
        there = (images.c.removed_at.is_(None), facts.c.place.is_not(None))
        query = sa.select(facts.c.place, number).join(images, images.c.id == facts.c.image_id).where(*there)
        query = query.group_by(facts.c.place).order_by(number.desc(), facts.c.place).limit(most)
        with self._file.reading() as db:
            found = [(_names(row[0])[::-1], int(row[1])) for row in db.execute(query)]
        return [(names, photos) for names, photos in found if names]


def _names(text: object) -> tuple[str, ...]:
    """The words of a fact that has several; none where it can't be read."""
    said = json_in(text)
    return tuple(word for word in said if isinstance(word, str)) if isinstance(said, list) else ()


def _folder(text: object) -> str:
    """Without a separator at its end."""
    return str(text).rstrip(os.sep) or os.sep


def _in_folders(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Of the files of visible photos that are there and were not uploaded."""
    there = (files.c.missing_since.is_(None), files.c.uploaded.is_(False), images.c.removed_at.is_(None))
    return sa.select(*columns).where(*there).select_from(files.join(images, images.c.id == files.c.image_id))


def _digits(first: int, number: int) -> sa.ColumnElement[Any]:
    return sa.func.substr(images.c.taken_at, first, number, type_=sa.Text)


# all that may follow the last separator is every character of the path but the separator
_FOLDER = sa.func.rtrim(files.c.path_text, sa.func.replace(files.c.path_text, os.sep, ""))
_DAY = sa.cast(sa.func.coalesce(_digits(1, 4) + _digits(6, 2) + _digits(9, 2), "0"), sa.Integer)
_LISTED = (
    sa.select(images.c.id, images.c.width, images.c.height, _DAY, sa.func.substr(facts.c.colours, 4, 6))
    .select_from(images.outerjoin(facts, facts.c.image_id == images.c.id))
    .where(images.c.removed_at.is_(None))
)
