"""Vectors in the catalogue: float16 blobs by (collection, id), the copy that counts."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from src.database.catalog import findable
from src.database.catalog.sqlite_file import SqliteFile, listed, parts, upsert
from src.database.catalog.tables import CHANGES, SEEN, collections, images, segments, vectors
from src.database.catalog.versioned_cache import Kept
from src.errors import WrongDimensions
from src.plain_files import json_in
from src.schema import FloatArray, PhotoFilter

CRC_ROWS = 5_000
BLOCK_ROWS = 4096
"""How many vectors are read at a time."""
OBJECTS = "object-"
"""How the names of the app's collections of objects begin; an id there is a segment's (``object_table``)."""


@dataclass(frozen=True)
class Collection:
    """A set of vectors of one length that are searched together. ``owner``: ``library`` (the app's) or ``user`` (made by a script)."""

    name: str
    dimensions: int | None
    owner: str


@dataclass(frozen=True)
class Counters:
    """Numbers that the catalogue keeps up to date by itself: as long as they are the same, so are the findable vectors.

    ``rows``: vectors, those of hidden images included. ``rewritten`` grows with every change but the adding of a vector.
    """

    rows: int
    rewritten: int
    dimensions: int


@dataclass(frozen=True)
class Rows:
    """Some vectors in the order they were stored: serial numbers, ids, and (n, D) float16 as stored."""

    numbers: list[int]
    ids: list[str]
    half: npt.NDArray[np.float16]

    @property
    def matrix(self) -> FloatArray:
        """(n, D) float32 of norm 1."""
        return restored(self.half)


class VectorTable:
    """Collections and their vectors in the catalogue's file."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._counted: Kept[int] = Kept(64)
        self._numbered: Kept[npt.NDArray[np.int64]] = Kept(4)

    def create(self, name: str, dimensions: int | None, owner: str) -> Collection:
        """The collection of that name, made where there is none. Raises WrongDimensions where it has another length."""
        with self._file.writing() as db:
            row = db.execute(sa.select(collections).where(collections.c.name == name)).mappings().first()
            known = Collection(row["name"], row["dimensions"], row["owner"]) if row else Collection(name, None, owner)
            if dimensions is not None and known.dimensions not in (None, dimensions):
                raise WrongDimensions(f"The collection {name!r} holds vectors of length {known.dimensions}, not {dimensions}.")
            merged = replace(known, dimensions=known.dimensions or dimensions)
            if row is None or merged != known:
                db.execute(upsert(collections, ["name"], keep=("rows", "rewritten")), [vars(merged)])
        return merged

    def all(self) -> list[Collection]:
        with self._file.reading() as db:
            return [Collection(row.name, row.dimensions, row.owner) for row in db.execute(sa.select(collections))]

    def drop(self, name: str) -> None:
        """Forget a collection and its vectors."""
        with self._file.writing() as db:
            db.execute(vectors.delete().where(vectors.c.collection == name))
            db.execute(collections.delete().where(collections.c.name == name))

    def put(self, collection: str, rows: Mapping[str, FloatArray], metadata: Mapping[str, Mapping[str, Any]]) -> None:
        """Insert or replace vectors (id -> (D,)) and their metadata in one transaction."""
        with self._file.writing() as db:
            write_vectors(db, collection, rows, metadata)

    def counters(self, collection: str) -> Counters:
        """Zeros where there is no such collection."""
        columns = (collections.c.rows, collections.c.rewritten, collections.c.dimensions)
        with self._file.reading() as db:
            row = db.execute(sa.select(*columns).where(collections.c.name == collection)).first()
        return Counters(row[0], row[1], row[2] or 0) if row else Counters(0, 0, 0)

    def count_all(self, collection: str) -> int:
        """Vectors of a collection, those of hidden images included: what its index holds."""
        return self.counters(collection).rows

    def count(self, collection: str, only: PhotoFilter | None = None) -> int:
        """Vectors that may be found: those of hidden images are left out, and those of images that do not pass ``only``."""
        return self._counted.get((collection, only), self._state(collection), lambda: self._count(collection, only))

    def _count(self, collection: str, only: PhotoFilter | None) -> int:
        rows = self.count_all(collection)
        with self._file.reading() as db:
            if only is None:
                hidden = _ids(collection, sa.select(images.c.id).where(images.c.removed_at.is_not(None))).subquery()
                return rows - int(db.execute(_number_in(collection, hidden)).scalar_one())
            if rows == db.execute(_IMAGES).scalar_one() and not collection.startswith(OBJECTS):
                return int(db.execute(findable.number(only)).scalar_one())
            return int(db.execute(_number_in(collection, _ids(collection, findable.passing(only)).subquery())).scalar_one())

    def numbers(self, collection: str, only: PhotoFilter) -> npt.NDArray[np.int64]:
        """Serial numbers of the vectors of images that pass, in ascending order."""
        return self._numbered.get((collection, only), self._state(collection), lambda: self._numbers(collection, only))

    def _numbers(self, collection: str, only: PhotoFilter) -> npt.NDArray[np.int64]:
        owned = sa.and_(vectors.c.collection == collection, vectors.c.id.in_(_ids(collection, findable.passing(only))))
        query = sa.select(sa.func.group_concat(vectors.c.number)).where(owned)
        with self._file.reading() as db:
            text = db.execute(query).scalar()  # one long text is read ten times as fast as as many rows
        return np.sort(np.array(text.split(",") if text else [], np.int64))

    def _state(self, collection: str) -> object:
        """As long as this is the same, so is what was counted."""
        with self._file.reading() as db:
            return self.counters(collection), db.execute(CHANGES).scalar()

    def findable(self, collection: str, ids: Sequence[str], only: PhotoFilter | None = None) -> set[str]:
        """Those of the ids that a search may find: none of hidden images, none of images that do not pass ``only``."""
        owner = {id_: image_of(id_) if collection.startswith(OBJECTS) else id_ for id_ in ids}
        asked = images.c.id.in_(listed(list(set(owner.values()))))
        with self._file.reading() as db:
            if only is not None:
                passing = set(db.execute(sa.select(images.c.id).where(asked, findable.passes(only))).scalars())
                return {id_ for id_ in ids if owner[id_] in passing}
            hidden = set(db.execute(sa.select(images.c.id).where(asked, images.c.removed_at.is_not(None))).scalars())
            return {id_ for id_ in ids if owner[id_] not in hidden}

    def fingerprint(self, collection: str) -> str:
        """Tells one set of rows from another: their number and a CRC-32 of ids and serial numbers. About 0.1 s for 100,000."""
        checksum = rows = 0
        query = sa.select(vectors.c.id, vectors.c.number).where(vectors.c.collection == collection).order_by(vectors.c.id)
        with self._file.reading() as db:
            for some in db.execute(query).partitions(CRC_ROWS):
                text = "".join([f"{id_} {number}\n" for id_, number in some])
                checksum = zlib.crc32(text.encode("utf-8", "surrogatepass"), checksum)
                rows += len(some)
        return f"{rows}-{checksum:08x}"

    def get(self, collection: str, id_: str) -> FloatArray | None:
        """One vector as (D,) float32 of norm 1, None where there is none."""
        return self.get_many(collection, [id_]).get(id_)

    def get_many(self, collection: str, ids: Sequence[str]) -> dict[str, FloatArray]:
        """Id -> vector (D,) float32 of norm 1; ids without one are left out, and damaged ones."""
        found: dict[str, FloatArray] = {}
        length = self.counters(collection).dimensions
        with self._file.reading() as db:
            for part in parts(ids):
                rows = _sound(db.execute(_ROWS.where(vectors.c.collection == collection, vectors.c.id.in_(part))).all(), length)
                found.update(zip(rows.ids, rows.matrix, strict=True) if rows.ids else ())
        return found

    def unsound(self, collection: str) -> list[str]:
        """Ids of vectors that no search can use: of another length than their collection's, or not finite. Reads all of them."""
        found: list[str] = []
        length = self.counters(collection).dimensions
        for block in self._raw(collection, CRC_ROWS, hidden=True, after=0):
            sound = set(_sound(block, length).numbers)
            found += [row[1] for row in block if row[0] not in sound]
        return found

    def sample(self, collection: str, number: int) -> list[str]:
        """Ids of about ``number`` vectors, spread evenly over the order in which they were stored."""
        step = max(1, -(-self.count_all(collection) // max(1, number)))
        place = sa.func.row_number().over(order_by=vectors.c.number).label("place")
        rows = sa.select(vectors.c.id, place).where(vectors.c.collection == collection).subquery()
        with self._file.reading() as db:
            return list(db.execute(sa.select(rows.c.id).where(rows.c.place % step == 0).limit(number)).scalars())

    def last(self, collection: str, number: int) -> list[str]:
        """Ids of the vectors that were stored last, at most so many, in the order in which they were."""
        newest = sa.select(vectors.c.id).where(vectors.c.collection == collection).order_by(vectors.c.number.desc()).limit(number)
        with self._file.reading() as db:
            return list(db.execute(newest).scalars())[::-1]

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        """Delete vectors of one collection for good; unknown ids are ignored."""
        with self._file.writing() as db:
            for part in parts(ids):
                db.execute(vectors.delete().where(vectors.c.collection == collection, vectors.c.id.in_(part)))

    def metadata_of(self, collection: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Id -> metadata given with the vector; ids without a row are left out."""
        found: dict[str, dict[str, Any]] = {}
        with self._file.reading() as db:
            for part in parts(ids):
                query = sa.select(vectors.c.id, vectors.c.metadata).where(vectors.c.collection == collection, vectors.c.id.in_(part))
                found.update({row[0]: _from_json(row[1]) for row in db.execute(query)})
        return found

    def blocks(self, collection: str, rows: int = BLOCK_ROWS, hidden: bool = False) -> Iterator[tuple[list[str], FloatArray]]:
        """All findable vectors in blocks of (ids, (n, D) float32), in the order they were stored. Memory is bounded by ``rows``.

        hidden: those of hidden images too.
        """
        return ((block.ids, block.matrix) for block in self.rows(collection, rows, hidden))

    def rows(self, collection: str, rows: int = BLOCK_ROWS, hidden: bool = False, after: int = 0) -> Iterator[Rows]:
        """The same with serial numbers, from the one that follows ``after`` on. Damaged ones are left out."""
        length = self.counters(collection).dimensions
        for found in self._raw(collection, rows, hidden, after):
            block = _sound(found, length)
            if block.ids:
                yield block

    def blocks_of(self, collection: str, numbers: npt.NDArray[np.int64]) -> Iterator[tuple[list[str], FloatArray]]:
        """The vectors of a collection that have these serial numbers, in blocks as above."""
        length = self.counters(collection).dimensions
        for start in range(0, len(numbers), BLOCK_ROWS):
            with self._file.reading() as db:
                found = db.execute(_ROWS.where(vectors.c.number.in_(listed(numbers[start : start + BLOCK_ROWS].tolist())))).all()
            block = _sound(found, length)
            if block.ids:
                yield block.ids, block.matrix

    def _raw(self, collection: str, rows: int, hidden: bool, after: int) -> Iterator[Sequence[Any]]:
        while True:
            with self._file.reading() as db:
                found = db.execute(block_query(collection, after, rows, hidden)).all()
            if not found or found[-1][0] <= after:  # a number that is none would be asked for again and again
                return
            after = found[-1][0]
            yield found


def image_of(segment_id: str) -> str:
    """Id of the image that a segment is in; an image's own id is its own."""
    return segment_id.partition("#")[0]


def block_query(collection: str, after: int, rows: int, hidden: bool) -> sa.Select[Any]:
    findable = sa.true() if hidden else _findable(collection)
    return _ROWS.where(_owned_by(collection), vectors.c.number > after, findable).order_by(vectors.c.number).limit(rows)


_HIDDEN = sa.select(sa.func.count()).select_from(images).where(images.c.removed_at.is_not(None)).scalar_subquery()
_IMAGES = sa.select(SEEN.scalar_subquery() + _HIDDEN)
"""The number of images."""
_ROWS = sa.select(vectors.c.number, vectors.c.id, sa.cast(vectors.c.vector, vectors.c.vector.type))
"""As bytes in any case: text that is none would end the reading of all others."""


def _owned_by(collection: str) -> sa.ColumnElement[bool]:
    """True for the collection's rows, kept from the index on names: with it, SQLite would go through all of them for each block."""
    return vectors.c.collection.concat("") == collection


def _ids(collection: str, image_ids: sa.Select[Any]) -> sa.Select[Any]:
    """Ids that the images' vectors have in the collection, if they are there: the images' own, or those of the objects in them."""
    if collection.startswith(OBJECTS):
        return sa.select(segments.c.id).where(segments.c.image_id.in_(image_ids))
    return image_ids


def _number_in(collection: str, ids: sa.Subquery) -> sa.Select[Any]:
    """How many of the ids have a vector in the collection."""
    there = sa.exists().where(vectors.c.collection == collection, vectors.c.id == ids.c[0])
    return sa.select(sa.func.count()).select_from(ids).where(there)


def write_vectors(db: sa.Connection, collection: str, rows: Mapping[str, FloatArray], metadata: Mapping[str, Mapping[str, Any]]) -> None:
    if not rows:
        return
    values = [
        {"collection": collection, "id": id_, "vector": vector.astype("<f2").tobytes(), "metadata": _as_json(metadata.get(id_))}
        for id_, vector in rows.items()
    ]
    db.execute(upsert(vectors, ["collection", "id"]), values)


def _as_json(metadata: Mapping[str, Any] | None) -> str | None:
    return json.dumps(dict(metadata), ensure_ascii=False) if metadata else None


def restored(half: npt.NDArray[np.float16]) -> FloatArray:
    """(n, D) finite float16 -> float32, brought back to norm 1 after the rounding.

    Exponent and fraction are moved to where float32 has them, and the exponents' bias made good: six times as fast as ``astype``.
    """
    bits = half.view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= ~0x70000000  # copies of the sign
    matrix = bits.view(np.float32)
    matrix *= np.float32(2.0**112)
    norms = np.sqrt(np.einsum("nd,nd->n", matrix, matrix))
    matrix /= np.maximum(norms, 1e-12)[:, None]
    return matrix


def _sound(rows: Sequence[Any], length: int) -> Rows:
    """Those of the rows (number, id, bytes) whose vectors are of the length and finite."""
    kept = [row for row in rows if len(row[2]) == 2 * length]
    if not kept or not length:
        return Rows([], [], np.empty((0, length), np.float16))
    half = np.frombuffer(b"".join([row[2] for row in kept]), dtype="<f2").reshape(len(kept), length)
    sizes = half.view(np.uint16) & 0x7FFF  # without the sign, larger numbers have larger bits
    if sizes.max() >= _INFINITE:
        finite = sizes.max(axis=1) < _INFINITE
        kept, half = [row for row, good in zip(kept, finite, strict=True) if good], half[finite]
    return Rows([row[0] for row in kept], [row[1] for row in kept], half)


_INFINITE = 0x7C00
"""Bits of float16's infinity; those of what is no number are larger still."""


def _from_json(text: str | None) -> dict[str, Any]:
    """{} for what can't be read."""
    found = json_in(text)
    return found if isinstance(found, dict) else {}


def _findable(collection: str) -> sa.ColumnElement[bool]:
    """False for vectors of images that are hidden. (Hand-made collections have ids of their own, which are in no image row.)"""
    hidden = sa.select(images.c.id).where(images.c.removed_at.is_not(None))
    return vectors.c.id.not_in(_ids(collection, hidden))
