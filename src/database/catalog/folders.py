"""Folders in the catalogue: those that the library follows, and their state when last looked at."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from src.database.catalog import row_rules
from src.database.catalog.files import hide_without_file, within
from src.database.catalog.sqlite_file import SqliteFile, now, parts, upsert
from src.database.catalog.tables import files, folders


@dataclass(frozen=True)
class FolderRow:
    """One folder. ``path`` is absolute and ``os.fsencode``'d."""

    path: bytes
    path_text: str
    watched: bool
    offline_since: str | None = None
    synced_at: str | None = None
    objects: bool = False
    """The objects in its photos are indexed too."""
    texts: bool = False
    """The text in its photos is read too."""


class FolderTable:
    """The ``folders`` table."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def all(self) -> list[FolderRow]:
        """In the order of their paths. A row whose path can be none is left out: there is nothing to look at."""
        with self._file.reading() as db:
            rows = [FolderRow(**row) for row in db.execute(sa.select(folders).order_by(folders.c.path)).mappings()]
        return [row for row in rows if row_rules.path(row.path)]

    def put(self, row: FolderRow, replaces: list[bytes]) -> None:
        """Insert or replace a folder; it takes the place of ``replaces`` (folders inside it)."""
        with self._file.writing() as db:
            db.execute(folders.delete().where(folders.c.path.in_(replaces)))
            db.execute(upsert(folders, ["path"]), [vars(row)])

    def set_watched(self, path: bytes, watched: bool) -> None:
        self._set(path, watched=watched)

    def set_objects(self, path: bytes, on: bool) -> None:
        self._set(path, objects=on)

    def set_texts(self, path: bytes, on: bool) -> None:
        self._set(path, texts=on)

    def wanting(self, what: Literal["objects", "texts"]) -> list[str]:
        """Paths of the folders of whose photos these are wanted, without those that are out of reach."""
        return [os.fsdecode(row.path) for row in self.all() if getattr(row, what) and row.offline_since is None]

    def set_offline(self, path: bytes) -> None:
        """Keep since when, where it was offline before."""
        self._set(path, offline_since=sa.func.coalesce(folders.c.offline_since, now()))

    def set_synced(self, path: bytes) -> None:
        """It is there, and was gone through to its end."""
        self._set(path, offline_since=None, synced_at=now())

    def move(self, folder: bytes, to: bytes, text: Callable[[bytes], str]) -> None:
        """A folder is ``to`` now: its row and its files' rows take that path, where there are none yet.

        text: the display text of a path.
        """
        with self._file.writing() as db:
            rows = db.execute(sa.select(files.c.id, files.c.path, files.c.image_id).where(within(folder))).all()
            paths = {row.id: to + row.path[len(folder) :] for row in rows}
            taken = {
                path
                for part in parts(list(paths.values()))
                for path in db.execute(sa.select(files.c.path).where(files.c.path.in_(part))).scalars()
            }
            for id_, path in paths.items():
                one = files.c.id == id_
                db.execute(
                    files.delete().where(one)
                    if path in taken
                    else files.update().where(one).values(path=path, path_text=text(path))
                )
            hide_without_file(db, {row.image_id for row in rows}, now())
            known = db.execute(sa.select(folders.c.path).where(folders.c.path == to)).first()
            one_folder = folders.c.path == folder
            db.execute(
                folders.delete().where(one_folder)
                if known
                else folders.update().where(one_folder).values(path=to, path_text=text(to))
            )

    def _set(self, path: bytes, **values: Any) -> None:
        with self._file.writing() as db:
            db.execute(folders.update().where(folders.c.path == path).values(**values))
