"""Labels that photos got when the library was classified. They are suggestions: no search finds a photo by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from src.database.catalog.label_table import labels
from src.database.catalog.looked_at import mark
from src.database.catalog.marks import HAS_TAG
from src.database.catalog.sqlite_file import SqliteFile, listed
from src.database.catalog.tables import images, photo_tags
from src.text import folded

CLASSIFIED = "classified"
"""The pass over photos."""
_ANSWERED = sa.exists().where(photo_tags.c.image_id == labels.c.image_id, photo_tags.c.tag == labels.c.tag)
"""The user has said, or the photo's file says, that it has the tag; or the user has said that it has not."""


@dataclass(frozen=True)
class LabelCount:
    """A label, the photos that it is suggested for, and those for which it was accepted and refused."""

    word: str
    open: int
    accepted: int
    refused: int


class LabelTable:
    """The ``labels`` table."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def put(self, recipe: str, words: Sequence[str], found: Mapping[str, Mapping[str, float]]) -> None:
        """Store what a recipe of the pass found, in one transaction: image id -> word -> chance, 0 to 1.

        words: all that were looked for, which the images have no more where they are not found again. Images deleted
        meanwhile are left out.
        """
        with self._file.writing() as db:
            db.exec_driver_sql("BEGIN IMMEDIATE")
            there = set(db.execute(sa.select(images.c.id).where(images.c.id.in_(listed(list(found))))).scalars())
            old = labels.c.image_id.in_(listed(sorted(there)))
            db.execute(labels.delete().where(old, labels.c.tag.in_(listed([folded(word) for word in words]))))
            rows = [_row(id_, word, chance) for id_ in there for word, chance in found[id_].items()]
            if rows:
                db.execute(labels.insert(), rows)
            mark(db, CLASSIFIED, recipe, there)

    def of_image(self, image_id: str) -> dict[str, float]:
        """Word -> chance of what is suggested for an image and not answered yet, the likeliest first."""
        query = sa.select(labels.c.word, labels.c.chance).where(labels.c.image_id == image_id, ~_ANSWERED)
        with self._file.reading() as db:
            return _pairs(db.execute(query.order_by(labels.c.chance.desc(), labels.c.tag)))

    def of_word(self, word: str) -> dict[str, float]:
        """Image id -> chance of visible images with an open suggestion of a label, the likeliest first."""
        query = _shown(labels.c.image_id, labels.c.chance).where(labels.c.tag == folded(word), ~_ANSWERED)
        with self._file.reading() as db:
            return _pairs(db.execute(query.order_by(labels.c.chance.desc(), labels.c.image_id)))

    def counts(self) -> list[LabelCount]:
        """Every label that a visible image got, the one with the most open suggestions first."""
        said = photo_tags.c.said
        joined = sa.and_(photo_tags.c.image_id == labels.c.image_id, photo_tags.c.tag == labels.c.tag)
        tests = (photo_tags.c.tag.is_(None), HAS_TAG, said == "")
        numbers = [sa.func.sum(sa.case((test, 1), else_=0)) for test in tests]
        query = (
            sa.select(sa.func.min(labels.c.word), *numbers)
            .select_from(labels.join(images, images.c.id == labels.c.image_id).outerjoin(photo_tags, joined))
            .where(images.c.removed_at.is_(None))
            .group_by(labels.c.tag)
        )
        with self._file.reading() as db:
            found = [LabelCount(word, *map(int, numbers)) for word, *numbers in db.execute(query)]
        return sorted(found, key=lambda one: (-one.open, folded(one.word)))

    def all(self) -> list[tuple[str, str, float]]:
        """Image id, word, chance of all labels of visible images, answered or not; by image, the likeliest first."""
        query = _shown(labels.c.image_id, labels.c.word, labels.c.chance)
        with self._file.reading() as db:
            rows = db.execute(query.order_by(labels.c.image_id, labels.c.chance.desc()))
            return [(id_, word, chance) for id_, word, chance in rows]

    def clear(self) -> None:
        """Forget all labels. Tags that were accepted stay."""
        with self._file.writing() as db:
            db.execute(labels.delete())
            db.exec_driver_sql("DELETE FROM looked_at WHERE pass = ?", (CLASSIFIED,))


def _shown(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    there = labels.join(images, images.c.id == labels.c.image_id)
    return sa.select(*columns).select_from(there).where(images.c.removed_at.is_(None))


def _pairs(rows: Iterable[Any]) -> dict[str, float]:
    return {name: chance for name, chance in rows}  # noqa: C416 (dict() knows nothing of rows)


def _row(image_id: str, word: str, chance: float) -> dict[str, Any]:
    return {"image_id": image_id, "tag": folded(word), "word": word, "chance": chance}
