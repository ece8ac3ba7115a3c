"""What pictures look like, and which of them are the same picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from src.database.catalog.looked_at import mark
from src.database.catalog.sqlite_file import SqliteFile, listed, parts, upsert
from src.database.catalog.tables import (
    GREY_BYTES,
    HASH_BYTES,
    PIXELS_BYTES,
    alike,
    facts,
    files,
    images,
    prints,
)
from src.schema.duplicates import Copy

PRINTS, COMPARED = "prints", "duplicates"
"""Passes over photos: what they look like, and whether they were compared with all others."""
_BLOCK = 4_096


@dataclass(frozen=True)
class PrintRow:
    """What one image looks like (``processing.duplicates.prints``)."""

    image_id: str
    hashes: bytes
    quality: int
    grey: bytes


@dataclass(frozen=True)
class Look:
    """The part of it by which others are looked for. Width and height are the image's, in pixels, upright."""

    image_id: str
    hashes: bytes
    quality: int
    width: int
    height: int


@dataclass(frozen=True)
class Alike:
    """Two images that are the same picture; ``first`` is the lower id."""

    first: str
    second: str
    turn: int
    """What makes the second of the first: a number in ``pdq.TURNS``."""
    share: float
    """Of the first that the second shows; over 1 where the first is a part of the second."""
    match: float

    @property
    def ids(self) -> tuple[str, str]:
        return self.first, self.second


@dataclass(frozen=True)
class FileOfImage:
    """A file of an image that was there when last looked for."""

    image_id: str
    path: bytes
    path_text: str
    uploaded: bool
    mtime_ns: int


class DuplicateTables:
    """The ``prints`` and ``alike`` tables."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    # ------------------------------------------------------------ looks

    def put_prints(self, recipe: str, rows: Sequence[PrintRow]) -> None:
        """Store what a recipe of the pass saw, in one transaction; images deleted meanwhile are left out."""
        with self._file.writing() as db:
            there = _there(db, [row.image_id for row in rows])
            kept = [row for row in rows if row.image_id in there]
            if kept:
                db.execute(upsert(prints, ["image_id"]), [{**vars(row), "pixels": None} for row in kept])
            mark(db, PRINTS, recipe, [row.image_id for row in kept])

    def looks(self) -> Iterator[list[Look]]:
        """Of all images, hidden ones too, some at a time, by id: one that is back has been compared with what came
        meanwhile. Rows that are damaged are left out.
        """
        columns = (prints.c.image_id, prints.c.hashes, prints.c.quality, images.c.width, images.c.height)
        query = sa.select(*columns).join(images, images.c.id == prints.c.image_id).order_by(prints.c.image_id)
        after = ""
        while True:
            with self._file.reading() as db:
                found = db.execute(query.where(prints.c.image_id > after).limit(_BLOCK)).all()
            if not found or found[-1][0] <= after:  # an id that is no text would be asked for again and again
                return
            after = found[-1][0]
            yield [Look(*row) for row in found if _is_look(row)]

    def greys(self, image_ids: Sequence[str]) -> dict[str, bytes]:
        """Image id -> its very small copy; damaged ones are left out."""
        return self._blobs(prints.c.grey, GREY_BYTES, image_ids)

    def pixels_of(self, image_ids: Sequence[str]) -> dict[str, bytes]:
        """Image id -> BLAKE2 of its upright pixels, where it was needed before."""
        return self._blobs(prints.c.pixels, PIXELS_BYTES, image_ids)

    def _blobs(self, column: sa.ColumnElement[Any], length: int, image_ids: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        with self._file.reading() as db:
            for part in parts(image_ids):
                query = sa.select(prints.c.image_id, column).where(prints.c.image_id.in_(part))
                found.update({row[0]: row[1] for row in db.execute(query) if _is_blob(row[1], length)})
        return found

    def put_pixels(self, found: dict[str, bytes]) -> None:
        with self._file.writing() as db:
            for image_id, digest in found.items():
                db.execute(prints.update().where(prints.c.image_id == image_id).values(pixels=digest))

    # ------------------------------------------------------------ the same picture

    def put_alike(self, recipe: str, compared: Sequence[str], found: Sequence[Alike]) -> None:
        """Store which images are the same picture, and that these were compared with all others, in one transaction."""
        with self._file.writing() as db:
            there = _there(db, [*compared, *(id_ for pair in found for id_ in pair.ids)])
            rows = [vars(pair) for pair in found if there.issuperset(pair.ids)]
            if rows:
                db.execute(upsert(alike, ["first", "second"]), rows)
            mark(db, COMPARED, recipe, [id_ for id_ in compared if id_ in there])

    def alike(self, among: Sequence[str] | None = None) -> list[Alike]:
        """Pairs of visible images that are the same picture; among: of which one is one of these."""
        first, second = images.alias(), images.alias()
        both = alike.join(first, first.c.id == alike.c.first).join(second, second.c.id == alike.c.second)
        query = sa.select(alike).select_from(both).where(first.c.removed_at.is_(None), second.c.removed_at.is_(None))
        if among is not None:
            asked = listed(list(among))
            query = query.where(sa.or_(alike.c.first.in_(asked), alike.c.second.in_(asked)))
        with self._file.reading() as db:
            return [Alike(row.first, row.second, row.turn, row.share, row.match) for row in db.execute(query)]

    # ------------------------------------------------------------ what is known of copies

    def several_files(self) -> list[str]:
        """Ids of visible images that more than one file holds that is there."""
        there = sa.select(files.c.image_id).join(images, images.c.id == files.c.image_id)
        there = there.where(files.c.missing_since.is_(None), images.c.removed_at.is_(None))
        with self._file.reading() as db:
            return list(db.execute(there.group_by(files.c.image_id).having(sa.func.count() > 1)).scalars())

    def files_of(self, image_ids: Sequence[str]) -> dict[str, list[FileOfImage]]:
        """Image id -> its files that are there."""
        columns = (files.c.image_id, files.c.path, files.c.path_text, files.c.uploaded, files.c.mtime_ns)
        found: dict[str, list[FileOfImage]] = {}
        with self._file.reading() as db:
            for part in parts(image_ids):
                query = sa.select(*columns).where(files.c.image_id.in_(part), files.c.missing_since.is_(None))
                for row in db.execute(query.order_by(files.c.id)):
                    found.setdefault(row.image_id, []).append(FileOfImage(*row))
        return found

    def copies(self, image_ids: Sequence[str] | None = None) -> dict[str, Copy]:
        """Image id -> what is known of it, of these images or of all, of visible ones."""
        known = facts.c
        oldest = sa.select(sa.func.min(files.c.mtime_ns)).where(files.c.image_id == images.c.id)
        columns = (
            *(images.c[name] for name in ("id", "width", "height", "format", "bytes", "added_at")),
            sa.func.coalesce(oldest.scalar_subquery(), 0),
            *(sa.func.coalesce(column, "") for column in (images.c.taken_at, known.camera_model)),
            sa.func.coalesce(known.sharpness, 0.0),
        )
        query = sa.select(*columns).select_from(images.outerjoin(facts, known.image_id == images.c.id))
        query = query.where(images.c.removed_at.is_(None))
        if image_ids is not None:
            query = query.where(images.c.id.in_(listed(list(image_ids))))
        with self._file.reading() as db:
            return {row[0]: Copy(*row) for row in db.execute(query)}


def _there(db: sa.Connection, image_ids: Sequence[str]) -> set[str]:
    return set(db.execute(sa.select(images.c.id).where(images.c.id.in_(listed(list(set(image_ids)))))).scalars())


def _is_look(row: Sequence[Any]) -> bool:
    numbers = all(type(value) is int and value >= least for value, least in zip(row[2:], (0, 1, 1), strict=True))
    return _is_blob(row[1], HASH_BYTES) and numbers


def _is_blob(value: object, length: int) -> bool:
    return isinstance(value, bytes) and len(value) == length
