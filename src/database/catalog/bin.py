"""The bin: photos that the user removed, with all that is known of them, until it is emptied.

And what is remembered then: that these bytes are not to be added again by a look at the folder they are still in.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from src.database.catalog.cells import CELLS, Key, Value, Wanted
from src.database.catalog.files import STAMP_COLUMNS, stamp_in, within, within_only
from src.database.catalog.marks import there
from src.database.catalog.operations import Operation, OperationTable, forget_operations_of_none
from src.database.catalog.sqlite_file import SqliteFile, listed, now, parts, upsert
from src.database.catalog.tables import binned, discarded, files, folders, forgotten, images
from src.schema import FileStamp


@dataclass(frozen=True)
class Binned:
    """A photo in the bin, as it is shown there. ``binned_at``: UTC, ISO 8601."""

    id: str
    path_text: str
    name: str
    width: int
    height: int
    binned_at: str


@dataclass(frozen=True)
class Discarded:
    """A file whose photo was removed for good. ``path`` is ``os.fsencode``'d."""

    path: bytes
    image_id: str
    stamp: FileStamp


class BinTable:
    """The ``binned`` and ``discarded`` tables."""

    def __init__(self, file: SqliteFile, operations: OperationTable) -> None:
        self._file = file
        self._operations = operations

    # ------------------------------------------------------------ what is in it

    def number(self) -> int:
        with self._file.reading() as db:
            return int(db.execute(sa.select(sa.func.count()).select_from(binned)).scalar_one())

    def ids(self, before: str | None = None) -> list[str]:
        """Of the images in it, the last removed first. before: only those that were removed earlier (ISO 8601)."""
        query = sa.select(binned.c.image_id).order_by(binned.c.binned_at.desc(), binned.c.image_id)
        with self._file.reading() as db:
            return list(db.execute(query if before is None else query.where(binned.c.binned_at < before)).scalars())

    def among(self, ids: Collection[str]) -> set[str]:
        """Those of the images that are in it."""
        with self._file.reading() as db:
            query = sa.select(binned.c.image_id).where(binned.c.image_id.in_(listed(list(ids))))
            return set(db.execute(query).scalars())

    def staying(self, ids: Collection[str]) -> set[str]:
        """Those of the ids that are in it, and stay there where a file of theirs is seen."""
        with self._file.reading() as db:
            again = seen_again(db, ids)
        return self.among(ids) - again

    def shown(self, limit: int, offset: int = 0) -> list[Binned]:
        """Photos in it, the last removed first."""
        own = files.alias()
        one = sa.select(sa.func.min(own.c.id)).where(own.c.image_id == images.c.id).scalar_subquery()
        columns = (images.c.id, sa.func.coalesce(files.c.path_text, ""), sa.func.coalesce(files.c.name, ""))
        query = (
            sa.select(*columns, images.c.width, images.c.height, binned.c.binned_at)
            .join(binned, binned.c.image_id == images.c.id)
            .outerjoin(files, files.c.id == one)
            .order_by(binned.c.binned_at.desc(), images.c.id)
        )
        with self._file.reading() as db:
            return [Binned(*row) for row in db.execute(query.limit(limit).offset(offset))]

    def holds_all(self) -> bool:
        """Whether the library has nothing else: no image outside the bin, and no folder that it follows."""
        outside = sa.select(images.c.id).where(images.c.id.not_in(sa.select(binned.c.image_id))).limit(1)
        with self._file.reading() as db:
            return not any(db.execute(query).first() for query in (outside, sa.select(folders.c.path).limit(1)))

    # ------------------------------------------------------------ in and out

    def remove(self, ids: Sequence[str]) -> Operation | None:
        """Put images into it; those that are in it stay as they are."""

        def wanted(db: sa.Connection) -> Wanted:
            return {"bin": all_in(db, there(db, ids))}

        return self._operations.perform("remove", {}, wanted)

    def restore(self, ids: Sequence[str]) -> Operation | None:
        """Take images out of it; they are shown where a file of theirs is there."""
        return self._operations.perform("restore", {}, lambda _: _out_of(ids))

    def forget(self, ids: Sequence[str]) -> Operation | None:
        """Put images into it of which no file is there; of those, one that is seen again leaves it by itself."""

        def wanted(db: sa.Connection) -> Wanted:
            hidden = sa.select(images.c.id).where(images.c.removed_at.is_not(None))
            lost = set(db.execute(hidden.where(images.c.id.not_in(sa.select(binned.c.image_id)))).scalars())
            every = [id_ for id_ in ids if id_ in lost]
            moment = now()
            return {"bin": all_in(db, every), "forgotten": {(id_,): (moment,) for id_ in every}}

        return self._operations.perform("forget", {}, wanted)

    def remove_folder(self, folder: bytes, text: str, beside: Sequence[bytes]) -> Operation | None:
        """Follow a folder no more, and put the images into it that have files in that (but for ``beside``) alone.

        Of images that have others too, the files in it are known no more. text: how the folder is shown.
        """

        def wanted(db: sa.Connection) -> Wanted:
            inside = within_only(folder, beside)
            here, other = (sa.select(files.c.image_id).where(where) for where in (inside, ~inside))
            alone = list(db.execute(here.where(files.c.image_id.not_in(other)).distinct()).scalars())
            shared = sa.select(files.c.path).where(inside, files.c.image_id.in_(other))
            known: Mapping[Key, Value] = {(os.fsdecode(path),): None for path in db.execute(shared).scalars()}
            return {"bin": all_in(db, alone), **_unfollowed([folder]), "files": known}

        return self._operations.perform("remove-folder", {"folder": text}, wanted)

    def clear(self) -> Operation | None:
        """Put every image into it, and follow no folder any more."""

        def wanted(db: sa.Connection) -> Wanted:
            every = list(db.execute(sa.select(images.c.id)).scalars())
            followed = list(db.execute(sa.select(folders.c.path)).scalars())
            return {"bin": all_in(db, every), **_unfollowed(followed)}

        return self._operations.perform("clear", {}, wanted)

    # ------------------------------------------------------------ for good

    def discard(self, ids: Sequence[str]) -> None:
        """Before images are forgotten: remember their files in followed folders, and where those are."""
        columns = (files.c.path, files.c.image_id, *STAMP_COLUMNS)
        with self._file.writing() as db:
            followed = [within(path) for path in db.execute(sa.select(folders.c.path)).scalars()]
            for part in parts(ids):
                inside = sa.and_(files.c.image_id.in_(part), files.c.uploaded.is_(False), sa.or_(sa.false(), *followed))
                rows = [dict(row) for row in db.execute(sa.select(*columns).where(inside)).mappings()]
                if rows:
                    db.execute(upsert(discarded, ["path"]), rows)

    def emptied(self) -> None:
        """After images were forgotten: of operations that were about no others, nothing is kept."""
        with self._file.writing() as db:
            forget_operations_of_none(db)

    def discarded_at(self, paths: Sequence[bytes]) -> dict[bytes, Discarded]:
        """What is remembered of these paths; others are left out."""
        found: dict[bytes, Discarded] = {}
        with self._file.reading() as db:
            for part in parts(paths):
                for row in db.execute(sa.select(discarded).where(discarded.c.path.in_(part))):
                    found[row.path] = Discarded(row.path, row.image_id, stamp_in(row))
        return found

    def discarded_among(self, ids: Collection[str]) -> set[str]:
        """Those of the ids whose bytes are not to be added by themselves."""
        query = sa.select(discarded.c.image_id).where(discarded.c.image_id.in_(listed(list(ids))))
        with self._file.reading() as db:
            return set(db.execute(query).scalars())

    def note_discarded(self, rows: Sequence[Discarded]) -> None:
        """These files have the bytes of photos that were removed for good."""
        if rows:
            with self._file.writing() as db:
                values = [{"path": row.path, "image_id": row.image_id, **vars(row.stamp)} for row in rows]
                db.execute(upsert(discarded, ["path"]), values)


def welcome(db: sa.Connection, ids: Collection[str]) -> None:
    """Images that the user added himself: they are not in the bin any more, nor are their bytes discarded."""
    if ids:
        for kind, cells in _out_of(ids).items():
            CELLS[kind].write(db, cells)
        db.execute(discarded.delete().where(discarded.c.image_id.in_(listed(list(ids)))))


def seen_again(db: sa.Connection, ids: Collection[str]) -> set[str]:
    """Those of the images that are in the bin only because no file of theirs was there."""
    return set(db.execute(sa.select(forgotten.c.image_id).where(forgotten.c.image_id.in_(listed(list(ids))))).scalars())


def _out_of(ids: Collection[str]) -> Wanted:
    return {kind: {(id_,): None for id_ in ids} for kind in ("bin", "forgotten")}


def all_in(db: sa.Connection, ids: Sequence[str]) -> Mapping[Key, Value]:
    """What is wanted of the bin so that these images are in it; those that are in it stay as they are."""
    moment = now()
    before = CELLS["bin"].read(db, [(id_,) for id_ in ids])
    return {(id_,): before.get((id_,)) or (moment,) for id_ in ids}


def _unfollowed(paths: Sequence[bytes]) -> Wanted:
    """What is wanted so that these folders are followed no more: an undo brings back all that was said of them."""
    return {kind: {(os.fsdecode(path),): None for path in paths} for kind in ("folders", "folder_texts")}
