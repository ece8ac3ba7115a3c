"""Vectors in the catalogue: float16 blobs by (collection, id), the copy that counts."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sqlalchemy as sa

from src.database.sqlite_file import SqliteFile, parts, upsert
from src.database.tables import collections, images, vectors
from src.errors import WrongDimensions
from src.schema import FloatArray


@dataclass(frozen=True)
class Collection:
    """A set of vectors of one length that are searched together. ``owner``: ``library`` (the app's) or ``user`` (made by a script)."""

    name: str
    dimensions: int | None
    owner: str


class VectorTable:
    """Collections and their vectors in the catalogue's file."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def create(self, name: str, dimensions: int | None, owner: str) -> Collection:
        """The collection of that name, made where there is none. Raises WrongDimensions where it has another length."""
        with self._file.writing() as db:
            row = db.execute(sa.select(collections).where(collections.c.name == name)).mappings().first()
            known = Collection(row["name"], row["dimensions"], row["owner"]) if row else Collection(name, None, owner)
            if dimensions is not None and known.dimensions not in (None, dimensions):
                raise WrongDimensions(f"The collection {name!r} holds vectors of length {known.dimensions}, not {dimensions}.")
            merged = replace(known, dimensions=known.dimensions or dimensions)
            if row is None or merged != known:
                db.execute(upsert(collections, ["name"]), [vars(merged)])
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

    def count(self, collection: str) -> int:
        """Vectors that may be found: those of hidden images are left out."""
        return self._count(vectors.c.collection == collection, _findable())

    def count_all(self, collection: str) -> int:
        """Vectors of a collection, those of hidden images included: what its index holds."""
        return self._count(vectors.c.collection == collection)

    def _count(self, *conditions: sa.ColumnElement[bool]) -> int:
        with self._file.reading() as db:
            return db.execute(sa.select(sa.func.count()).select_from(vectors).where(*conditions)).scalar_one()

    def hidden_among(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that are hidden images, which no search may find."""
        found: set[str] = set()
        with self._file.reading() as db:
            for part in parts(ids):
                query = sa.select(images.c.id).where(images.c.id.in_(part), images.c.removed_at.is_not(None))
                found.update(db.execute(query).scalars())
        return found

    def fingerprint(self, collection: str) -> str:
        """Tells one set of rows from another: their number and a CRC-32 of ids and serial numbers. About 0.1 s for 100,000."""
        checksum = rows = 0
        query = sa.select(vectors.c.id, vectors.c.number).where(vectors.c.collection == collection).order_by(vectors.c.id)
        with self._file.reading() as db:
            for id_, number in db.execute(query):
                checksum = zlib.crc32(f"{id_} {number}\n".encode("utf-8", "surrogatepass"), checksum)
                rows += 1
        return f"{rows}-{checksum:08x}"

    def get(self, collection: str, id_: str) -> FloatArray | None:
        """One vector as (D,) float32 of norm 1, None where there is none."""
        with self._file.reading() as db:
            blob = db.execute(sa.select(vectors.c.vector).where(vectors.c.collection == collection, vectors.c.id == id_)).scalar()
        return None if blob is None else _unpack([blob])[0]

    def get_many(self, collection: str, ids: Sequence[str]) -> dict[str, FloatArray]:
        """Id -> vector (D,) float32 of norm 1; ids without one are left out."""
        found: dict[str, FloatArray] = {}
        with self._file.reading() as db:
            for part in parts(ids):
                query = sa.select(vectors.c.id, vectors.c.vector).where(vectors.c.collection == collection, vectors.c.id.in_(part))
                rows = db.execute(query).all()
                found.update(zip([row[0] for row in rows], _unpack([row[1] for row in rows]), strict=True) if rows else ())
        return found

    def sample(self, collection: str, number: int) -> list[str]:
        """Ids of about ``number`` vectors, spread evenly over the order in which they were stored."""
        step = max(1, self.count_all(collection) // max(1, number))
        place = sa.func.row_number().over(order_by=vectors.c.number).label("place")
        rows = sa.select(vectors.c.id, place).where(vectors.c.collection == collection).subquery()
        with self._file.reading() as db:
            return list(db.execute(sa.select(rows.c.id).where(rows.c.place % step == 0).limit(number)).scalars())

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
                found.update({row[0]: json.loads(row[1]) if row[1] else {} for row in db.execute(query)})
        return found

    def blocks(self, collection: str, rows: int = 4096, hidden: bool = False) -> Iterator[tuple[list[str], FloatArray]]:
        """All findable vectors in blocks of (ids, (n, D) float32), in the order they were stored. Memory is bounded by ``rows``.

        hidden: those of hidden images too.
        """
        after = 0
        while True:
            query = (
                sa.select(vectors.c.number, vectors.c.id, vectors.c.vector)
                .where(vectors.c.collection == collection, vectors.c.number > after, sa.true() if hidden else _findable())
                .order_by(vectors.c.number)
                .limit(rows)
            )
            with self._file.reading() as db:
                block = db.execute(query).all()
            if not block:
                return
            after = block[-1][0]
            yield [row[1] for row in block], _unpack([row[2] for row in block])


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


def _unpack(blobs: Sequence[bytes]) -> FloatArray:
    """float16 blobs -> (n, D) float32, brought back to norm 1 after the rounding."""
    matrix = np.frombuffer(b"".join(blobs), dtype="<f2").reshape(len(blobs), -1).astype(np.float32)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.maximum(norms, 1e-12), dtype=np.float32)


def _findable() -> sa.ColumnElement[bool]:
    """False for vectors of images that are hidden. (Hand-made collections have ids of their own, which are in no image row.)"""
    return vectors.c.id.not_in(sa.select(images.c.id).where(images.c.removed_at.is_not(None)))
