"""Albums: photos in an order of their own, under a name."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from src.database.catalog.cells import Key, Value, Wanted
from src.database.catalog.marks import there
from src.database.catalog.operations import Operation, OperationTable
from src.database.catalog.sqlite_file import SqliteFile, now
from src.database.catalog.tables import album_covers, album_photos, albums, images
from src.errors import BadInput
from src.text import folded


@dataclass(frozen=True)
class Album:
    """One album. ``photos``: how many of its photos are not hidden; ``cover``: the one
    that was chosen, else the first of those."""

    id: str
    name: str
    photos: int
    cover: str | None


class AlbumTable:
    """The ``albums`` and ``album_photos`` tables. Raises BadInput for an album that there is none of."""

    def __init__(self, file: SqliteFile, operations: OperationTable) -> None:
        self._file = file
        self._operations = operations

    def all(self) -> list[Album]:
        """By name."""
        seen = sa.select(album_photos).join(images, images.c.id == album_photos.c.image_id)
        shown = seen.where(images.c.removed_at.is_(None)).subquery()
        own = sa.and_(album_covers.c.album_id == shown.c.album_id, album_covers.c.image_id == shown.c.image_id)
        cover = (
            sa.select(shown.c.image_id)
            .select_from(shown.outerjoin(album_covers, own))
            .where(shown.c.album_id == albums.c.id)
            .order_by(album_covers.c.image_id.is_(None), shown.c.position, shown.c.image_id)
            .limit(1)
        )
        number = sa.select(sa.func.count()).where(shown.c.album_id == albums.c.id)
        query = sa.select(albums.c.id, albums.c.name, number.scalar_subquery(), cover.scalar_subquery())
        with self._file.reading() as db:
            return [Album(*row) for row in db.execute(query.order_by(albums.c.folded))]

    def photos(self, album_id: str) -> list[str]:
        """Ids of an album's visible photos, in its order."""
        query = _held(album_id).join(images, images.c.id == album_photos.c.image_id)
        with self._file.reading() as db:
            return list(db.execute(query.where(images.c.removed_at.is_(None))).scalars())

    def create(self, name: str, ids: Sequence[str]) -> tuple[str, Operation | None]:
        """The id of a new album with these photos. Raises BadInput where there is one of that name."""
        album_id = str(uuid.uuid4())

        def wanted(db: sa.Connection) -> Wanted:
            _refuse_name(db, name, album_id)
            return _made(db, album_id, name, ids)

        return album_id, self._operations.perform("album", {"album": name}, wanted)

    def rename(self, album_id: str, name: str) -> Operation | None:
        def wanted(db: sa.Connection) -> Wanted:
            row = _row(db, album_id)
            _refuse_name(db, name, album_id)
            return {"albums": {(album_id,): (name, folded(name), row.created_at)}}

        return self._operations.perform("rename-album", {"album": self.name(album_id), "into": name}, wanted)

    def delete(self, album_id: str) -> Operation | None:
        """The album; its photos stay in the library."""

        def wanted(db: sa.Connection) -> Wanted:
            _row(db, album_id)
            held: dict[Key, Value] = {(album_id, id_): None for id_ in db.execute(_held(album_id)).scalars()}
            return {"covers": {(album_id,): None}, "albums": {(album_id,): None}, "album_photos": held}

        return self._operations.perform("delete-album", {"album": self.name(album_id)}, wanted)

    def add(self, album_id: str, ids: Sequence[str]) -> Operation | None:
        """Put photos at its end; those that are in it stay where they are."""

        def wanted(db: sa.Connection) -> Wanted:
            _row(db, album_id)
            return _added(db, album_id, ids)

        return self._operations.perform("add-to-album", {"album": self.name(album_id)}, wanted)

    def take_out(self, album_id: str, ids: Sequence[str]) -> Operation | None:
        def wanted(db: sa.Connection) -> Wanted:
            _row(db, album_id)
            return {"album_photos": {(album_id, id_): None for id_ in ids}}

        return self._operations.perform("take-from-album", {"album": self.name(album_id)}, wanted)

    def reorder(self, album_id: str, ids: Sequence[str]) -> Operation | None:
        """These of its photos first, in this order; all others after them, as they were."""

        def wanted(db: sa.Connection) -> Wanted:
            _row(db, album_id)
            held = list(_positions(db, album_id))
            first = [id_ for id_ in dict.fromkeys(ids) if id_ in set(held)]
            moved = set(first)
            order = [*first, *(id_ for id_ in held if id_ not in moved)]
            return {"album_photos": {(album_id, id_): (at,) for at, id_ in enumerate(order)}}

        return self._operations.perform("reorder-album", {"album": self.name(album_id)}, wanted)

    def move(self, album_id: str, image_id: str, before: str | None) -> Operation | None:
        """One of its photos right before another, or to its end."""

        def wanted(db: sa.Connection) -> Wanted:
            _row(db, album_id)
            held = _positions(db, album_id)
            order = [id_ for id_ in held if id_ != image_id]
            if image_id in held and before != image_id:
                order.insert(order.index(before) if before in order else len(order), image_id)
            return {"album_photos": {(album_id, id_): (at,) for at, id_ in enumerate(order) if id_ in held}}

        return self._operations.perform("reorder-album", {"album": self.name(album_id)}, wanted)

    def choose_cover(self, album_id: str, image_id: str) -> Operation | None:
        """One of its photos stands for it from now on."""

        def wanted(db: sa.Connection) -> Wanted:
            _row(db, album_id)
            return {"covers": {(album_id,): (image_id,)} if image_id in _positions(db, album_id) else {}}

        return self._operations.perform("cover", {"album": self.name(album_id)}, wanted)

    def name(self, album_id: str) -> str:
        with self._file.reading() as db:
            return str(_row(db, album_id).name)

    def named(self, name: str) -> str | None:
        """Id of the album of that name, whatever its capitals."""
        with self._file.reading() as db:
            return db.execute(sa.select(albums.c.id).where(albums.c.folded == folded(name))).scalar()


def all_held(db: sa.Connection, name: str, ids: Sequence[str]) -> Wanted:
    """What is wanted so that the album of this name has these photos; it is made where there is none."""
    album_id = db.execute(sa.select(albums.c.id).where(albums.c.folded == folded(name))).scalar()
    return _added(db, album_id, ids) if album_id else _made(db, str(uuid.uuid4()), name, ids)


def _made(db: sa.Connection, album_id: str, name: str, ids: Sequence[str]) -> Wanted:
    held: dict[Key, Value] = {(album_id, id_): (at,) for at, id_ in enumerate(there(db, ids))}
    return {"albums": {(album_id,): (name, folded(name), now())}, "album_photos": held}


def _added(db: sa.Connection, album_id: str, ids: Sequence[str]) -> Wanted:
    held = _positions(db, album_id)
    new = [id_ for id_ in there(db, ids) if id_ not in held]
    start = max(held.values(), default=-1) + 1
    return {"album_photos": {(album_id, id_): (at,) for at, id_ in enumerate(new, start)}}


def _row(db: sa.Connection, album_id: str) -> Any:
    row = db.execute(sa.select(albums).where(albums.c.id == album_id)).first()
    if row is None:
        raise BadInput("There is no such album.", "`album` lists those that there are.")
    return row


def _refuse_name(db: sa.Connection, name: str, album_id: str) -> None:
    same = sa.select(albums.c.id).where(albums.c.folded == folded(name), albums.c.id != album_id)
    if db.execute(same).first() is not None:
        raise BadInput(f"There is an album “{name}” already.", "Choose another name, or add to that one.")


def _held(album_id: str) -> sa.Select[Any]:
    """Ids of all its photos, in their order."""
    order = album_photos.c.position, album_photos.c.image_id
    return sa.select(album_photos.c.image_id).where(album_photos.c.album_id == album_id).order_by(*order)


def _positions(db: sa.Connection, album_id: str) -> Mapping[str, int]:
    rows = db.execute(_held(album_id).add_columns(album_photos.c.position))
    return {row[0]: row[1] for row in rows}
