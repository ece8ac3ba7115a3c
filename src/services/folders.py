"""The folders that the library follows: which, how they are, and forgetting what is gone from them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from src.config import Settings
from src.database.catalog import Catalog
from src.database.folder_table import FolderRow
from src.database.vector_db import VectorDatabase
from src.database.vector_table import OBJECTS
from src.errors import BadInput, UnreadablePath
from src.processing.discovery import check_readable
from src.processing.image_io import display_text, stamp_of
from src.processing.thumbnails import remove_thumbnail
from src.schema import Finding, FolderStatus, JobEvent, Progress

FORGET_BATCH = 500
"""Images forgotten in one transaction."""


class FolderService:
    """Nothing in here touches a file of the user's. Only ``forget_missing`` and ``remove`` delete what the library knows."""

    def __init__(self, settings: Settings, catalog: Catalog, vectors: VectorDatabase) -> None:
        self._settings = settings
        self._catalog = catalog
        self._vectors = vectors

    # ------------------------------------------------------------ which

    def all(self) -> list[FolderStatus]:
        """Every followed folder with its numbers, in the order of their paths."""
        return [self._status(row) for row in self._catalog.folders.all()]

    def followed(self) -> list[FolderRow]:
        """The same without counting anything, for those who ask often."""
        return self._catalog.folders.all()

    def paths(self) -> list[Path]:
        return [Path(os.fsdecode(row.path)) for row in self.followed()]

    def offline(self) -> int:
        """How many of them could not be reached when last looked at."""
        return sum(row.offline_since is not None for row in self.followed())

    def add(self, path: Path, watched: bool = True) -> None:
        """Follow a folder from now on. One inside another is followed with that; one around others takes their place."""
        raw = os.fsencode(path)
        rows = self._catalog.folders.all()
        if any(inside(raw, row.path) for row in rows):
            return
        nested = [row for row in rows if inside(row.path, raw)]
        objects = bool(nested) and all(row.objects for row in nested)
        self._catalog.folders.put(FolderRow(raw, display_text(path), watched, objects=objects), [row.path for row in nested])

    def watch(self, path: str, on: bool) -> None:
        """Pick up changes in a folder while the app runs, or only when asked to. Raises BadInput for a folder that is not followed."""
        self._catalog.folders.set_watched(self._row(path).path, on)

    def find_objects(self, path: str, on: bool) -> None:
        """Have the objects in a folder's photos indexed too, or no more. Raises BadInput as above."""
        self._catalog.folders.set_objects(self._row(path).path, on)

    def _row(self, path: str) -> FolderRow:
        wanted = os.fsencode(Path(path).expanduser().absolute())
        for row in self._catalog.folders.all():
            if row.path == wanted:
                return row
        raise BadInput(f"The library does not follow a folder {display_text(Path(path))}.", "`folders` lists those it does.")

    def _status(self, row: FolderRow) -> FolderStatus:
        files, missing = self._catalog.files.numbers_under(row.path)
        offline = row.offline_since is not None
        return FolderStatus(os.fsdecode(row.path), row.path_text, row.watched, offline, files, missing, row.synced_at, row.objects)

    # ------------------------------------------------------------ what is gone

    def reachable(self, path: Path) -> bool:
        """Whether a folder is there and can be read. The place where a drive was mounted is empty, and on another device, without it."""
        try:
            check_readable(path)
            if not path.is_dir() or any(os.scandir(path)):
                return True
            devices = self._catalog.files.devices_under(os.fsencode(path))
            return not devices or stamp_of(path.stat()).device in devices
        except (UnreadablePath, OSError):
            return False

    def settle(self, path: Path) -> Iterator[Finding]:
        """After a walk through ``path``: hide the photos that are gone, and note how the folder is."""
        raw = os.fsencode(path)
        followed = any(row.path == raw for row in self._catalog.folders.all())
        if followed and not self.reachable(path):
            self._catalog.files.lose_folder(raw)
            self._catalog.folders.set_offline(raw)
            files, _ = self._catalog.files.numbers_under(raw)
            yield Finding("offline", f"{display_text(path)} can't be reached; its {files:,} photos are hidden until it is back.")
            return
        yield from self._hide_gone(self._catalog.files.under(raw))
        if followed:
            self._catalog.folders.set_synced(raw)

    def settle_loose(self) -> Iterator[Finding]:
        """Hide those photos that are gone of the files that were added one by one."""
        yield from self._hide_gone(self._catalog.files.outside([row.path for row in self.followed()]))

    def _hide_gone(self, pages: Iterable[Sequence[tuple[bytes, str]]]) -> Iterator[Finding]:
        hidden = 0
        for page in pages:
            gone = [file for file, _ in page if not os.path.exists(file)]
            hidden += self._catalog.files.lose(gone) if gone else 0
        if hidden:
            what = "1 photo is" if hidden == 1 else f"{hidden:,} photos are"
            yield Finding("missing", f"{what} no longer there, and hidden until seen again.")

    def missing(self) -> int:
        """Photos none of whose files is there any more. Those of offline folders are not counted: they are expected back."""
        return len(self._missing())

    def _missing(self) -> list[str]:
        return self._catalog.hidden([row.path for row in self._catalog.folders.all() if row.offline_since is not None])

    # ------------------------------------------------------------ forgetting

    def forget_missing(self) -> Iterator[JobEvent]:
        """Delete what the library knows of its missing photos: rows, vectors, thumbnails. Offline folders keep theirs."""
        yield from self._forget(self._missing())

    def remove(self, path: str) -> Iterator[JobEvent]:
        """Follow a folder no more and forget the photos that are in no other. Its files are not touched."""
        raw = self._row(path).path
        yield from self._forget(self._catalog.only_in(raw))
        self._catalog.drop_folder(raw)

    def _forget(self, ids: Sequence[str]) -> Iterator[JobEvent]:
        yield Progress(0, len(ids))
        names = [collection.name for collection in self._catalog.vectors.all() if collection.owner == "library"]
        for name in names if ids else ():
            self._vectors.open_index(name)  # else what is deleted now would leave it behind
        for start in range(0, len(ids), FORGET_BATCH):
            part = ids[start : start + FORGET_BATCH]
            objects = self._catalog.objects.ids_in(part)
            self._catalog.forget(part)
            for name in names:
                self._vectors.remove(name, objects if name.startswith(OBJECTS) else part)
            for image_id in part:
                remove_thumbnail(self._settings.thumbs_dir, image_id)
            yield Progress(start + len(part), len(ids))
        if self._catalog.health.wasteful():
            self._catalog.compact()


def inside(path: bytes, folder: bytes) -> bool:
    """Whether ``path`` is ``folder`` or in it."""
    separator = os.fsencode(os.sep)
    return path == folder or path.startswith(folder.rstrip(separator) + separator)
