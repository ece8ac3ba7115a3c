"""Objects inside images: which images were looked through for them, and the segments found.

Their vectors are in ``vectors``.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from src import masks
from src.database.catalog.looked_at import mark, was_looked_at
from src.database.catalog.sqlite_file import SqliteFile, listed, parts, upsert
from src.database.catalog.tables import collections, images, looked_at, segments, vectors
from src.database.catalog.vectors import drop_collections, write_vectors
from src.errors import BadInput
from src.schema import FloatArray, Segment

Pair = tuple[Segment, FloatArray]
Found = Mapping[str, Sequence[Pair]]
"""Image id -> what was found in it, each with its vector (D,)."""
SEGMENTS, OBJECTS = "segments", "objects"
"""Passes over photos: which recipe segmented an image, and in which collection the vectors of what it found are."""


@dataclass(frozen=True)
class StoredSegment:
    """A segment in the catalogue. Its box is in pixels of the upright original."""

    id: str
    image_id: str
    segment: Segment


def recipe_of_objects(recipe: str, collection: str) -> str:
    """Recipe of the pass ``objects``: what segments an image, and the collection that their vectors go to."""
    return f"{recipe} in {collection}"


def segment_ids(image_id: str, recipe: str, number: int) -> list[str]:
    """Ids for the segments that a recipe found in an image.

    Those of another recipe are others, so that none is taken for another's.
    """
    return [f"{image_id}#{zlib.crc32(recipe.encode()):08x}-{place}" for place in range(number)]


class ObjectTable:
    """The ``segments`` table."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def put(self, collection: str, recipe: str, found: Found) -> int:
        """Store what a recipe found in images instead of what they held, in one transaction.

        The vectors (D,) go to ``collection``. Returns how many segments were stored. Images that were deleted meanwhile
        are left out.
        """
        with self._file.writing() as db:
            there = set(db.execute(sa.select(images.c.id).where(images.c.id.in_(listed(list(found))))).scalars())
            before = set(
                db.execute(sa.select(segments.c.id).where(segments.c.image_id.in_(listed(list(found))))).scalars()
            )
            new = [
                part for image_id in found if image_id in there for part in _named(image_id, recipe, found[image_id])
            ]
            delete_segments(db, sorted(before - {part.id for part in new}))
            if new:
                db.execute(upsert(segments, ["id"]), [_row(part) for part in new])
            vectors_of = {part.id: part.vector for part in new}
            write_vectors(db, collection, vectors_of, {part.id: part.image_id for part in new})
            mark(db, SEGMENTS, recipe, there)
            mark(db, OBJECTS, recipe_of_objects(recipe, collection), there)
        return len(new)

    def of_image(self, image_id: str, recipe: str | None = None) -> list[StoredSegment]:
        """The segments of one image, best first.

        With ``recipe`` only where it was the last that looked through the image.
        """
        query = (
            sa.select(segments).where(segments.c.image_id == image_id).order_by(segments.c.score.desc(), segments.c.id)
        )
        if recipe is not None:
            query = query.where(was_looked_at(image_id, SEGMENTS, recipe))
        with self._file.reading() as db:
            return _stored(db.execute(query))

    def known(self, image_id: str, recipe: str) -> list[Segment] | None:
        """What a recipe found in an image, in the order stored; None where it was not the last to look through it."""
        query = sa.select(segments).where(segments.c.image_id == image_id)
        with self._file.reading() as db:
            if not db.execute(sa.select(was_looked_at(image_id, SEGMENTS, recipe))).scalar():
                return None
            stored = _stored(db.execute(query))
        return [item.segment for item in sorted(stored, key=lambda item: _place(item.id))]

    def by_id(self, ids: Sequence[str]) -> dict[str, StoredSegment]:
        """Segment id -> segment; unknown ids are left out."""
        found: dict[str, StoredSegment] = {}
        with self._file.reading() as db:
            for part in parts(ids):
                found.update(
                    {item.id: item for item in _stored(db.execute(sa.select(segments).where(segments.c.id.in_(part))))}
                )
        return found

    def count(self) -> int:
        """Segments in visible images."""
        found = sa.select(sa.func.count()).select_from(segments.join(images, images.c.id == segments.c.image_id))
        with self._file.reading() as db:
            return int(db.execute(found.where(images.c.removed_at.is_(None))).scalar_one())

    def clear(self) -> list[str]:
        """Forget every segment with its vectors, and which images were looked through.

        Returns the names of the collections that went.
        """
        with self._file.writing() as db:
            names = list(db.execute(_OWN_COLLECTIONS).scalars())
            drop_collections(db, names)
            db.execute(segments.delete())
            db.execute(looked_at.delete().where(looked_at.c["pass"].in_((SEGMENTS, OBJECTS))))
        return names

    def all(self) -> Iterator[StoredSegment]:
        """Every segment of a visible image, image by image; memory does not grow with their number."""
        after = ""
        while True:
            query = sa.select(segments).join(images, images.c.id == segments.c.image_id).where(segments.c.id > after)
            with self._file.reading() as db:
                rows = db.execute(query.where(images.c.removed_at.is_(None)).order_by(segments.c.id).limit(1_000)).all()
            if not rows or rows[-1].id <= after:  # an id that is no text would be asked for again and again
                return
            yield from _stored(rows)
            after = rows[-1].id


def delete_segments(db: sa.Connection, ids: Sequence[str]) -> None:
    """Segments and their vectors of every model."""
    for part in parts(ids):
        db.execute(vectors.delete().where(vectors.c.collection.in_(_OWN_COLLECTIONS), vectors.c.id.in_(part)))
        db.execute(segments.delete().where(segments.c.id.in_(part)))


_OWN_COLLECTIONS = sa.select(collections.c.name).where(collections.c.owner == "library", collections.c.kind == "object")


@dataclass(frozen=True)
class _New:
    """A segment on its way into the catalogue, with its vector (D,)."""

    id: str
    image_id: str
    segment: Segment
    vector: FloatArray


def _named(image_id: str, recipe: str, pairs: Sequence[Pair]) -> list[_New]:
    ids = segment_ids(image_id, recipe, len(pairs))
    return [_New(id_, image_id, segment, vector) for id_, (segment, vector) in zip(ids, pairs, strict=True)]


def _place(segment_id: str) -> int:
    """Which of its image's segments this was when they were stored."""
    number = segment_id.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _row(part: _New) -> dict[str, object]:
    x0, y0, x1, y1 = part.segment.box
    mask = part.segment.mask
    shape = {"mask_height": mask.height, "mask_width": mask.width, "mask": masks.compressed(mask)}
    place = {"x0": x0, "y0": y0, "x1": x1, "y1": y1}
    return {"id": part.id, "image_id": part.image_id, **place, "score": part.segment.score, **shape}


def _stored(rows: Iterable[sa.Row[Any]]) -> list[StoredSegment]:
    """Without those whose mask is none: damage, which must not take the others with it."""
    found = []
    for row in rows:
        with contextlib.suppress(BadInput):
            mask = masks.from_compressed(row.mask, row.mask_height, row.mask_width)
            found.append(
                StoredSegment(row.id, row.image_id, Segment((row.x0, row.y0, row.x1, row.y1), mask, row.score))
            )
    return found
