"""Text in pictures: the lines that were read in each, and which images have a text in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from src.database.catalog.looked_at import mark, was_looked_at
from src.database.catalog.sqlite_file import SqliteFile, listed, upsert
from src.database.catalog.tables import images, texts
from src.database.catalog.text_lines import folded_lines, lines_in, written
from src.schema.texts import TextLine

TEXTS = "texts"
"""The pass over photos."""


@dataclass(frozen=True)
class TextRow:
    """What was read in one image. pixels: BLAKE2 of what was looked at, the same for copies of one picture."""

    image_id: str
    pixels: bytes
    lines: tuple[TextLine, ...]


class TextTable:
    """The ``texts`` table."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def put(self, recipe: str, rows: Sequence[TextRow]) -> None:
        """Store what a recipe of the pass read, in one transaction; images deleted meanwhile are left out."""
        wanted = sa.select(images.c.id).where(images.c.id.in_(listed([row.image_id for row in rows])))
        with self._file.writing() as db:
            there = set(db.execute(wanted).scalars())
            kept = [row for row in rows if row.image_id in there]
            if kept:
                db.execute(upsert(texts, ["image_id"]), [_stored(row) for row in kept])
            mark(db, TEXTS, recipe, [row.image_id for row in kept])

    def of_image(self, image_id: str) -> list[TextLine]:
        """The lines read in an image, in reading order; none where nothing was read or it was not looked at."""
        with self._file.reading() as db:
            return lines_in(db.execute(sa.select(texts.c.lines).where(texts.c.image_id == image_id)).scalar())

    def of_pixels(self, pixels: bytes, recipe: str) -> list[TextLine] | None:
        """What the recipe read in an image of the same pixels; None where it has read none."""
        same = texts.c.pixels == pixels
        query = sa.select(texts.c.lines).where(same, was_looked_at(texts.c.image_id, TEXTS, recipe)).limit(1)
        with self._file.reading() as db:
            found = db.execute(query).first()
        return None if found is None else lines_in(found[0])

    def count(self) -> int:
        """Visible images that have text in them."""
        there = texts.join(images, images.c.id == texts.c.image_id)
        query = sa.select(sa.func.count()).select_from(there).where(images.c.removed_at.is_(None), texts.c.folded != "")
        with self._file.reading() as db:
            return int(db.execute(query).scalar_one())


def _stored(row: TextRow) -> dict[str, object]:
    folded = folded_lines(row.lines)
    return {"image_id": row.image_id, "pixels": row.pixels, "lines": written(row.lines), "folded": folded}
