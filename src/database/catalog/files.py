"""Files in the catalogue: which paths hold which image, which of them are missing, and which can't be read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import sqlalchemy as sa

from src.database.catalog.sqlite_file import SqliteFile, listed, now, parts, upsert
from src.database.catalog.tables import binned, files, images, unreadable
from src.schema import FileStamp

PAGE = 500
"""Rows fetched at a time where all files of a folder are gone through."""


@dataclass(frozen=True)
class FileRow:
    """One file on disk and the image it holds. ``path`` is ``os.fsencode``'d."""

    path: bytes
    path_text: str
    name: str
    image_id: str
    stamp: FileStamp
    uploaded: bool = False


@dataclass(frozen=True)
class KnownFile:
    """What the catalogue knows of a path."""

    stamp: FileStamp
    image_id: str
    missing: bool


@dataclass(frozen=True)
class Upload:
    """A stored upload and the image that it should hold.

    ``path`` is ``os.fsencode``'d; ``bytes`` and ``sha256`` are the image's.
    """

    path: bytes
    name: str
    image_id: str
    sha256: str
    bytes: int
    missing: bool


@dataclass(frozen=True)
class KnownPlace:
    """Where the library believes a file to be."""

    path: bytes
    image_id: str
    device: int
    """The number of the disk on which it was last seen, or last looked for and found to be gone."""
    missing: bool
    uploaded: bool


@dataclass(frozen=True)
class Refusal:
    """A file that can't be indexed as it is. ``reader`` names the decoders that refused it: others try again."""

    path: bytes
    stamp: FileStamp
    reason: str
    reader: str


class FileTable:
    """The ``files`` and ``unreadable`` tables. A folder is its path as bytes, without a separator at its end."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def at(self, paths: Sequence[bytes]) -> dict[bytes, KnownFile]:
        """What is known of these paths; unknown ones are left out."""
        columns = (files.c.path, *STAMP_COLUMNS, files.c.image_id, files.c.missing_since)
        rows = self._rows(columns, files.c.path, paths)
        return {row.path: KnownFile(stamp_in(row), row.image_id, row.missing_since is not None) for row in rows}

    def with_stamps(self, stamps: Sequence[FileStamp]) -> dict[FileStamp, str]:
        """Stamp -> id of the image of a file with just that stamp: a file that was moved is known without being read.

        Whatever the ctime, which a move changes.
        """
        columns = (*STAMP_COLUMNS, files.c.image_id)
        rows = self._rows(columns, files.c.inode, [stamp.inode for stamp in stamps])
        found = {replace(stamp_in(row), ctime_ns=0): row.image_id for row in rows}
        return {stamp: found[key] for stamp in stamps if (key := replace(stamp, ctime_ns=0)) in found}

    def refusals_at(self, paths: Sequence[bytes]) -> dict[bytes, Refusal]:
        found: dict[bytes, Refusal] = {}
        with self._file.reading() as db:
            for part in parts(paths):
                for row in db.execute(sa.select(unreadable).where(unreadable.c.path.in_(part))):
                    found[row.path] = Refusal(row.path, stamp_in(row), row.reason, row.reader)
        return found

    def under(self, folder: bytes, present: bool = True) -> Iterator[list[tuple[bytes, str]]]:
        """(path, image id) of the files in a folder and its sub-folders, some at a time, in the order of their paths.

        present: only those that are not missing. Rows may be changed between two pages.
        """
        for page in self._pages(within(folder), present):
            yield [(place.path, place.image_id) for place in page]

    def places_under(self, folder: bytes) -> Iterator[list[KnownPlace]]:
        """All files in a folder and its sub-folders, missing ones too, in pages as above."""
        return self._pages(within(folder), False)

    def places_outside(self, folders: Sequence[bytes]) -> Iterator[list[KnownPlace]]:
        """The same of the user's own files that are in none of these folders."""
        return self._pages(sa.and_(files.c.uploaded.is_(False), ~sa.or_(sa.false(), *map(within, folders))), False)

    def places_of(self, image_ids: Sequence[str]) -> dict[str, list[KnownPlace]]:
        """Image id -> all its files, missing ones too; images without any are left out."""
        found: dict[str, list[KnownPlace]] = {}
        for row in self._rows(_PLACE, files.c.image_id, image_ids):
            found.setdefault(row.image_id, []).append(_place(row))
        return found

    def called(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Name -> the visible images that have a file of it, by id; names of none are left out."""
        query = sa.select(files.c.name, files.c.image_id).distinct().join(images, images.c.id == files.c.image_id)
        query = query.where(files.c.name.in_(listed(list(names))), images.c.removed_at.is_(None))
        found: dict[str, list[str]] = {}
        with self._file.reading() as db:
            for name, image_id in db.execute(query.order_by(files.c.image_id)):
                found.setdefault(name, []).append(image_id)
        return found

    def _pages(self, condition: sa.ColumnElement[bool], present: bool) -> Iterator[list[KnownPlace]]:
        after = b""
        while True:
            query = sa.select(*_PLACE).where(condition, files.c.path > after)
            if present:
                query = query.where(files.c.missing_since.is_(None))
            with self._file.reading() as db:
                page = [_place(row) for row in db.execute(query.order_by(files.c.path).limit(PAGE))]
            if not page or page[-1].path <= after:  # a path of another kind would be asked for again and again
                return
            after = page[-1].path
            yield page

    def uploads(self) -> list[Upload]:
        """All stored uploads, in the order of their paths."""
        columns = (
            files.c.path,
            files.c.name,
            images.c.id,
            images.c.sha256,
            images.c.bytes,
            files.c.missing_since.is_not(None),
        )
        query = (
            sa.select(*columns)
            .join(images, images.c.id == files.c.image_id)
            .where(files.c.uploaded)
            .order_by(files.c.path)
        )
        with self._file.reading() as db:
            return [Upload(*row) for row in db.execute(query)]

    def devices_under(self, folder: bytes) -> set[int]:
        """The devices that the known files of a folder were last seen on."""
        with self._file.reading() as db:
            return set(db.execute(sa.select(files.c.device).where(within(folder)).distinct()).scalars())

    def numbers_under(self, folder: bytes, beside: Sequence[bytes] = ()) -> tuple[int, int]:
        """(files, missing ones of them) in a folder and its sub-folders, but for those in ``beside``, and the bin's."""
        counted = sa.select(sa.func.count(), sa.func.count(files.c.missing_since))
        counted = counted.where(within_only(folder, beside), files.c.image_id.not_in(sa.select(binned.c.image_id)))
        with self._file.reading() as db:
            row = db.execute(counted).one()
        return row[0], row[1]

    def lose(self, paths: Sequence[bytes], away: bool = False) -> int:
        """These files are not there any more. Returns how many images are hidden by that.

        A file whose image is still there under another path was moved, or was one of two copies: its row is deleted.
        Any other is kept as missing, and its image is hidden until one of its files is seen again. away: they are only
        out of reach, so no row is deleted.
        """
        moment = now()
        hidden = 0
        with self._file.writing() as db:
            for part in parts(paths):
                other = files.alias()
                elsewhere = sa.exists().where(other.c.image_id == files.c.image_id, other.c.missing_since.is_(None))
                db.execute(
                    files.update()
                    .where(files.c.path.in_(part), files.c.missing_since.is_(None))
                    .values(missing_since=moment)
                )
                if not away:
                    db.execute(files.delete().where(files.c.path.in_(part), elsewhere))
                hidden += hide_lost(db, files.c.path.in_(part), moment)
        return hidden

    def gone_from(self, device: int, paths: Sequence[bytes]) -> None:
        """Note that missing files were looked for on this device: their drive is there, under a new number."""
        with self._file.writing() as db:
            for part in parts(paths):
                gone = files.update().where(files.c.path.in_(part), files.c.missing_since.is_not(None))
                db.execute(gone.values(device=device))

    def lose_folder(self, folder: bytes, beside: Sequence[bytes] = ()) -> int:
        """Everything under a folder (but for what is in ``beside``) is missing now, as when its drive was unplugged.

        Returns how many images are hidden by that.
        """
        moment, lost = now(), within_only(folder, beside)
        with self._file.writing() as db:
            db.execute(files.update().where(lost, files.c.missing_since.is_(None)).values(missing_since=moment))
            return hide_lost(db, lost, moment)

    def _rows(self, columns: Sequence[sa.Column[Any]], key: sa.Column[Any], values: Sequence[Any]) -> Iterator[Any]:
        with self._file.reading() as db:
            for part in parts(values):
                yield from db.execute(sa.select(*columns).where(key.in_(part)))


STAMP_COLUMNS = tuple(files.c[field.name] for field in fields(FileStamp))
_PLACE = (files.c.path, files.c.image_id, files.c.device, files.c.missing_since, files.c.uploaded)


def stamp_in(row: Any) -> FileStamp:
    return FileStamp(row.device, row.inode, row.mtime_ns, row.size, row.ctime_ns)


def _place(row: Any) -> KnownPlace:
    return KnownPlace(row.path, row.image_id, row.device, row.missing_since is not None, row.uploaded)


def is_absolute(path: bytes) -> bool:
    return os.path.isabs(os.fsdecode(path))


def within(folder: bytes) -> sa.ColumnElement[bool]:
    """True for files in a folder or its sub-folders, and for the file of that very path. Uses the index on paths."""
    start = folder.rstrip(_SEPARATOR) + _SEPARATOR
    return sa.or_(
        files.c.path == folder, sa.and_(files.c.path >= start, files.c.path < start[:-1] + bytes([start[-1] + 1]))
    )


def within_only(folder: bytes, beside: Sequence[bytes]) -> sa.ColumnElement[bool]:
    """The same, but for files in the folders ``beside``."""
    return sa.and_(within(folder), *(~within(other) for other in beside))


_SEPARATOR = os.fsencode(os.sep)


def displace(db: sa.Connection, rows: Sequence[FileRow], refusals: Sequence[Refusal], moment: str) -> None:
    """Keep what was on another disk at these files' places as missing, under a path that no file can have.

    So it is looked for, and found to be gone, only where its own disk is there again.
    """
    now_at = {row.path: (row.stamp, row.image_id) for row in rows} | {row.path: (row.stamp, None) for row in refusals}
    columns = (files.c.id, files.c.path, files.c.image_id, *STAMP_COLUMNS)
    for part in parts(list(now_at)):
        for row in db.execute(sa.select(*columns).where(files.c.path.in_(part), files.c.uploaded.is_(False))).all():
            stamp, image_id = now_at[row.path]
            same = (
                (row.mtime_ns, row.size) == (stamp.mtime_ns, stamp.size)
                if image_id is None
                else row.image_id == image_id
            )
            if not same and row.device != stamp.device:
                values = {"path": row.path + _SEPARATOR + os.fsencode(row.image_id), "missing_since": moment}
                db.execute(files.update().prefix_with("OR REPLACE").where(files.c.id == row.id).values(**values))


def put_files(db: sa.Connection, rows: Sequence[FileRow]) -> None:
    """Insert or replace files; they are there, and can be read."""
    if not rows:
        return
    db.execute(upsert(files, ["path"]), [_values(row) for row in rows])
    for part in parts([row.path for row in rows]):
        db.execute(unreadable.delete().where(unreadable.c.path.in_(part)))
    for ids in parts(list({row.image_id for row in rows})):
        shown = sa.and_(images.c.id.in_(ids), images.c.id.not_in(sa.select(binned.c.image_id)))
        db.execute(images.update().where(shown).values(removed_at=None))


def put_refusals(db: sa.Connection, rows: Sequence[Refusal]) -> None:
    """Remember files that can't be read. What they held before is not there any more: a file of another time or size,
    or of another ctime where both are known, lets go of it.
    """
    if not rows:
        return
    db.execute(
        upsert(unreadable, ["path"]),
        [{"path": r.path, "reason": r.reason, "reader": r.reader, **vars(r.stamp)} for r in rows],
    )
    moment = now()
    ctime = sa.or_(unreadable.c.ctime_ns == files.c.ctime_ns, unreadable.c.ctime_ns == 0, files.c.ctime_ns == 0)
    same = sa.and_(unreadable.c.mtime_ns == files.c.mtime_ns, unreadable.c.size == files.c.size, ctime)
    replaced = ~sa.exists().where(unreadable.c.path == files.c.path, same)
    for part in parts([row.path for row in rows]):
        held = set(db.execute(sa.select(files.c.image_id).where(files.c.path.in_(part))).scalars())
        db.execute(files.update().where(files.c.path.in_(part)).values(missing_since=moment))
        db.execute(files.delete().where(files.c.path.in_(part), replaced))
        hide_without_file(db, held, moment)


def hide_lost(db: sa.Connection, candidates: sa.ColumnElement[bool], moment: str) -> int:
    """Hide the images of the candidate files of which no file is there; returns their number."""
    own = files.alias()
    lost = images.update().where(
        images.c.id.in_(sa.select(files.c.image_id).where(candidates)),
        images.c.removed_at.is_(None),
        ~sa.exists().where(own.c.image_id == images.c.id, own.c.missing_since.is_(None)),
    )
    return db.execute(lost.values(removed_at=moment)).rowcount


def hide_without_file(db: sa.Connection, ids: set[str], moment: str) -> None:
    """Hide those of the images that no present file holds."""
    own = files.alias()
    for part in parts(list(ids)):
        lost = images.update().where(images.c.id.in_(part), images.c.removed_at.is_(None))
        db.execute(
            lost.where(~sa.exists().where(own.c.image_id == images.c.id, own.c.missing_since.is_(None))).values(
                removed_at=moment
            )
        )


def _values(row: FileRow) -> dict[str, Any]:
    values = {
        "path": row.path,
        "path_text": row.path_text,
        "name": row.name,
        "image_id": row.image_id,
        "uploaded": row.uploaded,
    }
    return {**values, "missing_since": None, **vars(row.stamp)}
