"""Facts of images, one row each; the columns are those of the table of facts (``schema.fields``)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from src.database.catalog.files import is_absolute, within
from src.database.catalog.looked_at import mark
from src.database.catalog.marks import overlaid, put_file_tags
from src.database.catalog.sqlite_file import SqliteFile, listed, parts, upsert
from src.database.catalog.tables import OF_IMAGES, facts, files, images
from src.plain_files import json_in
from src.schema.colour_words import colour_word
from src.schema.facts import PhotoFacts, PictureMeasures
from src.schema.fields import BY_NAME, FIELDS, Field

PASS = "facts"
"""Name of the pass over photos that reads them."""
Values = dict[str, Any]
"""Name of a fact -> its value as ``PhotoFacts`` and ``PictureMeasures`` have it; unknown facts are left out."""


@dataclass(frozen=True)
class FactsRow:
    """What was read of one image. ``beside``: what told of it beside its file, and how that was."""

    image_id: str
    facts: PhotoFacts
    measures: PictureMeasures | None
    beside: str


class FactsTable:
    """The ``facts`` table, and the facts that the table of images has."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def put(self, recipe: str, rows: Sequence[FactsRow]) -> None:
        """Store what a recipe of the pass read of images, in one transaction; images deleted meanwhile are left out.

        A capture time that only a file beside the photo tells becomes the image's own.
        """
        with self._file.writing() as db:
            there = set(
                db.execute(
                    sa.select(images.c.id).where(images.c.id.in_(listed([row.image_id for row in rows])))
                ).scalars()
            )
            kept = [row for row in rows if row.image_id in there]
            if kept:
                db.execute(upsert(facts, ["image_id"]), [_stored(row) for row in kept])
                put_file_tags(db, {row.image_id: row.facts.keywords for row in kept})
            for row in kept:
                if row.facts.taken_at:
                    undated = sa.and_(images.c.id == row.image_id, images.c.taken_at.is_(None))
                    db.execute(images.update().where(undated).values(taken_at=row.facts.taken_at))
            mark(db, PASS, recipe, [row.image_id for row in kept])

    def of(self, image_id: str) -> Values:
        """All that is known of one image, what the user says of it before what its file says; {} for one that is not in
        the library.
        """
        return self.of_many([image_id]).get(image_id, {})

    def of_many(self, image_ids: Sequence[str]) -> dict[str, Values]:
        """Image id -> what is known of it."""
        own = [images.c[name] for name in OF_IMAGES]
        others = [column for column in facts.columns if column.name in BY_NAME]
        query = sa.select(images.c.id, *own, *others).select_from(
            images.outerjoin(facts, facts.c.image_id == images.c.id)
        )
        found: dict[str, Values] = {}
        with self._file.reading() as db:
            for part in parts(image_ids):
                some = {row["id"]: _known(row) for row in db.execute(query.where(images.c.id.in_(part))).mappings()}
                overlaid(db, some)
                found |= some
        return found

    def beside(self) -> dict[str, str]:
        """Image id -> what told of it beside its file when its facts were read, of all whose facts were."""
        with self._file.reading() as db:
            return {row[0]: row[1] or "" for row in db.execute(sa.select(facts.c.image_id, facts.c.beside))}

    def places(self, folders: Sequence[bytes] = ()) -> list[tuple[str, bytes]]:
        """(image id, path) of every file in these folders (all where there are none) that was there when last looked
        for, the user's own before uploads.
        """
        inside = sa.or_(*map(within, folders)) if folders else sa.true()
        order = (files.c.image_id, files.c.uploaded, files.c.id)
        query = (
            sa.select(files.c.image_id, files.c.path).where(files.c.missing_since.is_(None), inside).order_by(*order)
        )
        with self._file.reading() as db:
            return [(row[0], row[1]) for row in db.execute(query) if is_absolute(row[1])]


def _stored(row: FactsRow) -> dict[str, Any]:
    told = {**vars(row.facts), **(vars(row.measures) if row.measures else {})}
    values = {field.name: _as_column(field, told.get(field.name)) for field in FIELDS if field.name not in OF_IMAGES}
    return {"image_id": row.image_id, **values, "colour_words": _colour_words(row.measures), "beside": row.beside}


def _colour_words(measures: PictureMeasures | None) -> str | None:
    words = dict.fromkeys(map(colour_word, measures.colours)) if measures else ()
    return f" {' '.join(words)} " if measures else None


def _as_column(field: Field, value: Any) -> Any:
    if field.kind in ("words", "colours"):
        return json.dumps(list(value), ensure_ascii=False) if value else None
    return value


def _known(row: sa.RowMapping) -> Values:
    """What can't be read is not known."""
    known = {}
    for field in FIELDS:
        value = row[field.name]
        if field.kind in ("words", "colours"):
            said = json_in(value)
            value = tuple(word for word in said if isinstance(word, str)) if isinstance(said, list) else ()
        if value not in (None, ()):
            known[field.name] = value
    return known
