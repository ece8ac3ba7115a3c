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
from src.database.catalog.kinds import IMAGE, image_column
from src.database.catalog.sqlite_file import SqliteFile, listed, parts, upsert
from src.database.catalog.tables import CHANGES, SEEN, collections, images, index_changes, vectors
from src.database.catalog.vector_codec import Rows, packed, sound
from src.errors import WrongDimensions
from src.plain_files import json_in
from src.schema import FloatArray, PhotoFilter
from src.versioned_cache import Kept

CRC_ROWS = 5_000
BLOCK_ROWS = 4096
"""How many vectors are read at a time."""


@dataclass(frozen=True)
class Collection:
    """Vectors of one length that are searched together; ``owner`` is ``library`` (the app's) or ``user`` (a script's).

    kind: what its vectors stand for (``kinds``).
    """

    name: str
    dimensions: int | None
    owner: str
    kind: str = IMAGE


@dataclass(frozen=True)
class Counters:
    """Numbers that the catalogue keeps up to date by itself: as long as they are the same, so are the findable vectors.

    ``rows``: vectors, those of hidden images included. ``rewritten`` grows with every change but the adding of a
    vector.
    """

    rows: int
    rewritten: int
    dimensions: int
    kind: str = IMAGE


_GOLDEN = 2_654_435_761
"""2**32 by the golden ratio: its multiples, modulo 2**32, lie as evenly as any can (Knuth)."""


class VectorTable:
    """Collections and their vectors in the catalogue's file."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._counted: Kept[int] = Kept(64)
        self._numbered: Kept[npt.NDArray[np.int64]] = Kept(4)

    def create(self, name: str, dimensions: int | None, owner: str, kind: str = IMAGE) -> Collection:
        """The collection of that name, made where there is none. Raises WrongDimensions where it has another length."""
        with self._file.writing() as db:
            row = db.execute(sa.select(collections).where(collections.c.name == name)).mappings().first()
            known = _collection(row) if row else Collection(name, None, owner, kind)
            if dimensions is not None and known.dimensions not in (None, dimensions):
                raise WrongDimensions(
                    f"The collection {name!r} holds vectors of length {known.dimensions}, not {dimensions}."
                )
            merged = replace(known, dimensions=known.dimensions or dimensions)
            if row is None or merged != known:
                db.execute(upsert(collections, ["name"], keep=("rows", "rewritten")), [vars(merged)])
        return merged

    def all(self) -> list[Collection]:
        with self._file.reading() as db:
            return [_collection(row) for row in db.execute(sa.select(collections)).mappings()]

    def drop(self, names: Sequence[str]) -> None:
        """Forget collections with their vectors, in one transaction."""
        with self._file.writing() as db:
            drop_collections(db, names)

    def put(self, collection: str, rows: Mapping[str, FloatArray], metadata: Mapping[str, Mapping[str, Any]]) -> None:
        """Insert or replace vectors (id -> (D,)) and their metadata in one transaction."""
        with self._file.writing() as db:
            write_vectors(db, collection, rows, metadata=metadata)

    def counters(self, collection: str) -> Counters:
        """Zeros where there is no such collection."""
        columns = (collections.c.rows, collections.c.rewritten, collections.c.dimensions, collections.c.kind)
        with self._file.reading() as db:
            row = db.execute(sa.select(*columns).where(collections.c.name == collection)).first()
        return Counters(row[0], row[1], row[2] or 0, row[3]) if row else Counters(0, 0, 0)

    def count_all(self, collection: str) -> int:
        """Vectors of a collection, those of hidden images included: what its index holds."""
        return self.counters(collection).rows

    def count(self, collection: str, only: PhotoFilter | None = None) -> int:
        """Vectors that may be found: not those of hidden images, nor of images that do not pass ``only``."""
        return self._counted.get((collection, only), self._state(collection), lambda: self._count(collection, only))

    def _count(self, collection: str, only: PhotoFilter | None) -> int:
        counters = self.counters(collection)
        with self._file.reading() as db:
            if only is None:
                return counters.rows - int(db.execute(_number_in(collection, counters.kind, _HIDDEN)).scalar_one())
            if counters.kind == IMAGE and counters.rows == db.execute(_IMAGES).scalar_one():
                return int(db.execute(findable.number(only)).scalar_one())
            return int(db.execute(_number_in(collection, counters.kind, findable.passing(only))).scalar_one())

    def numbers(self, collection: str, only: PhotoFilter) -> npt.NDArray[np.int64]:
        """Serial numbers of the vectors of images that pass, in ascending order."""
        return self._numbered.get((collection, only), self._state(collection), lambda: self._numbers(collection, only))

    def _numbers(self, collection: str, only: PhotoFilter) -> npt.NDArray[np.int64]:
        of = image_column(self.counters(collection).kind)
        owned = sa.and_(vectors.c.collection == collection, of.in_(findable.passing(only)))
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
        owner = self.images_of(collection, ids)
        asked = images.c.id.in_(listed(list(set(owner.values()))))
        with self._file.reading() as db:
            if only is not None:
                passing = set(db.execute(sa.select(images.c.id).where(asked, findable.passes(only))).scalars())
                return {id_ for id_, image_id in owner.items() if image_id in passing}
            hidden = set(db.execute(sa.select(images.c.id).where(asked, images.c.removed_at.is_not(None))).scalars())
            return {id_ for id_, image_id in owner.items() if image_id not in hidden}

    def images_of(self, collection: str, ids: Sequence[str]) -> dict[str, str]:
        """Id of a vector -> id of the image that it stands for, or that what it stands for is in.

        Of parts, unknown ids are left out.
        """
        counters = self.counters(collection)
        if counters.kind == IMAGE or not counters.rows:
            return {id_: id_ for id_ in ids} if counters.rows else {}
        query = sa.select(vectors.c.id, vectors.c.image_id).where(
            vectors.c.collection == collection, vectors.c.id.in_(listed(list(ids)))
        )
        with self._file.reading() as db:
            return {row[0]: row[1] or "" for row in db.execute(query)}

    def fingerprint(self, collection: str) -> str:
        """Tells one set of rows from another: their number and a CRC-32 of ids and serial numbers.

        About 0.1 s for 100,000.
        """
        checksum = rows = 0
        query = (
            sa.select(vectors.c.id, vectors.c.number).where(vectors.c.collection == collection).order_by(vectors.c.id)
        )
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
                rows = sound(
                    db.execute(_ROWS.where(vectors.c.collection == collection, vectors.c.id.in_(part))).all(), length
                )
                found.update(zip(rows.ids, rows.matrix, strict=True) if rows.ids else ())
        return found

    def unsound(self, collection: str) -> list[str]:
        """Ids of vectors that no search can use: of another length than their collection's, or not finite.

        Reads all of them.
        """
        found: list[str] = []
        length = self.counters(collection).dimensions
        for block in self._raw(collection, CRC_ROWS, hidden=True, after=0):
            usable = set(sound(block, length).numbers)
            found += [row[1] for row in block if row[0] not in usable]
        return found

    def sample(self, collection: str, number: int) -> list[str]:
        """Ids of ``number`` vectors, or all, evenly spread over the order in which they were stored.

        They lie the golden ratio apart: at one distance, what comes back at regular places would be missed.
        """
        rows = sa.select(vectors.c.id).where(vectors.c.collection == collection)
        with self._file.reading() as db:
            return list(db.execute(rows.order_by(vectors.c.number * _GOLDEN % (1 << 32)).limit(number)).scalars())

    def last(self, collection: str, number: int) -> list[str]:
        """Ids of the vectors that were stored last, at most so many, in the order in which they were."""
        newest = sa.select(vectors.c.id).where(vectors.c.collection == collection).order_by(vectors.c.number.desc())
        with self._file.reading() as db:
            return list(db.execute(newest.limit(number)).scalars())[::-1]

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
                query = sa.select(vectors.c.id, vectors.c.metadata).where(
                    vectors.c.collection == collection, vectors.c.id.in_(part)
                )
                found.update({row[0]: _from_json(row[1]) for row in db.execute(query)})
        return found

    def blocks(
        self, collection: str, rows: int = BLOCK_ROWS, hidden: bool = False
    ) -> Iterator[tuple[list[str], FloatArray]]:
        """All findable vectors in blocks of at most ``rows``: (ids, (n, D) float32), in the order they were stored.

        hidden: those of hidden images too.
        """
        return ((block.ids, block.matrix) for block in self.rows(collection, rows, hidden))

    def rows(self, collection: str, rows: int = BLOCK_ROWS, hidden: bool = False, after: int = 0) -> Iterator[Rows]:
        """The same with serial numbers, from the one that follows ``after`` on. Damaged ones are left out."""
        length = self.counters(collection).dimensions
        for found in self._raw(collection, rows, hidden, after):
            block = sound(found, length)
            if block.ids:
                yield block

    def blocks_of(self, collection: str, numbers: npt.NDArray[np.int64]) -> Iterator[tuple[list[str], FloatArray]]:
        """The vectors of a collection that have these serial numbers, in blocks as above."""
        length = self.counters(collection).dimensions
        for start in range(0, len(numbers), BLOCK_ROWS):
            with self._file.reading() as db:
                found = db.execute(
                    _ROWS.where(vectors.c.number.in_(listed(numbers[start : start + BLOCK_ROWS].tolist())))
                ).all()
            block = sound(found, length)
            if block.ids:
                yield block.ids, block.matrix

    def _raw(self, collection: str, rows: int, hidden: bool, after: int) -> Iterator[Sequence[Any]]:
        kind = self.counters(collection).kind
        while True:
            with self._file.reading() as db:
                found = db.execute(block_query(collection, after, rows, hidden, kind)).all()
            if not found or found[-1][0] <= after:  # a number that is none would be asked for again and again
                return
            after = found[-1][0]
            yield found


def block_query(collection: str, after: int, rows: int, hidden: bool, kind: str = IMAGE) -> sa.Select[Any]:
    """The rows of a collection that follow a serial number, those of hidden images left out unless ``hidden``."""
    findable = sa.true() if hidden else image_column(kind).not_in(_HIDDEN)
    return _ROWS.where(_owned_by(collection), vectors.c.number > after, findable).order_by(vectors.c.number).limit(rows)


def _collection(row: sa.RowMapping) -> Collection:
    return Collection(row["name"], row["dimensions"], row["owner"], row["kind"])


_HIDDEN = sa.select(images.c.id).where(images.c.removed_at.is_not(None))
_IMAGES = sa.select(
    SEEN.scalar_subquery() + sa.select(sa.func.count()).select_from(_HIDDEN.subquery()).scalar_subquery()
)
"""The number of images."""
_ROWS = sa.select(vectors.c.number, vectors.c.id, sa.cast(vectors.c.vector, vectors.c.vector.type))
"""As bytes in any case: text that is none would end the reading of all others."""


def _owned_by(collection: str) -> sa.ColumnElement[bool]:
    """True for the collection's rows, without the index on names: by it, SQLite would go through all for each block."""
    return vectors.c.collection.concat("") == collection


def _number_in(collection: str, kind: str, image_ids: sa.Select[Any]) -> sa.Select[Any]:
    """How many vectors of the collection are of these images."""
    owned = sa.and_(vectors.c.collection == collection, image_column(kind).in_(image_ids))
    return sa.select(sa.func.count()).select_from(vectors).where(owned)


def write_vectors(
    db: sa.Connection,
    collection: str,
    rows: Mapping[str, FloatArray],
    images_of: Mapping[str, str] | None = None,
    metadata: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Insert or replace vectors (id -> (D,)).

    ``images_of``: id -> id of the image that what it stands for is in, where that is a part.
    """
    if not rows:
        return
    values = [
        {
            "collection": collection,
            "id": id_,
            "vector": packed(vector),
            "metadata": _as_json((metadata or {}).get(id_)),
            "image_id": (images_of or {}).get(id_),
        }
        for id_, vector in rows.items()
    ]
    db.execute(upsert(vectors, ["collection", "id"]), values)


def drop_collections(db: sa.Connection, names: Sequence[str]) -> None:
    """Their own rows go first, so that no change of a vector is noted for an index that goes with them."""
    for part in parts(names):
        db.execute(collections.delete().where(collections.c.name.in_(part)))
        for table in (vectors, index_changes):
            db.execute(table.delete().where(table.c.collection.in_(part)))


def _as_json(metadata: Mapping[str, Any] | None) -> str | None:
    return json.dumps(dict(metadata), ensure_ascii=False) if metadata else None


def _from_json(text: str | None) -> dict[str, Any]:
    """{} for what can't be read."""
    found = json_in(text)
    return found if isinstance(found, dict) else {}
