"""Uploads: bytes from the browser kept as files of the library, named by image id, until they are indexed."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from src.config import Settings
from src.database.catalog.catalog import Catalog
from src.database.catalog.files import FileRow
from src.files import sync_folder, write_atomically
from src.plain_files import json_in, may_be_path
from src.processing.decoding.image_io import display_text, stamp_of
from src.schema import FoundFile
from src.services.jobs.rows import Row, params_of
from src.services.library import own_files
from src.services.library.receiving import Limits, Receiving, not_stored, stored_name

MAX_FILES = 200
MAX_BYTES = 500_000_000
"""Of one upload, whichever way it comes."""
CLEARED = "uploads_to_remove"
"""Setting of the library: a JSON list of stored uploads whose images were forgotten, until they are removed."""
UNFINISHED, ENDED = ("queued", "running", "paused"), ("failed", "cancelled")
log = logging.getLogger(__name__)


class UploadStore:
    """Writes uploads to ``data/uploads`` as ``<image id><extension>``; the original name travels beside.

    An upload may be the only copy of a photo: none is removed but by ``drop`` and ``remove_cleared``.
    """

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._folder = settings.uploads_dir
        self._catalog = catalog
        self._lock = threading.RLock()

    @contextmanager
    def adding(self) -> Iterator[None]:
        """While uploads are stored and a job is queued for them, none of them is removed."""
        with self._lock:
            yield

    def receiving(self) -> Receiving:
        """For files that arrive bit by bit, within the limits of one upload; they are stored as by ``save``."""
        return Receiving(self._folder, limits())

    def save(self, name: str, data: bytes | memoryview) -> FoundFile:
        """Store one upload and say where.

        The same bytes twice are one file. Raises LibraryUnusable where it can't be written.
        """
        target = self._folder / stored_name(name, hashlib.sha256(data).hexdigest())
        found = FoundFile(target, Path(name).name or "upload", uploaded=True)
        with self._lock:
            if not _holds(target, data):
                self._write(target, data, found.name)
        return found

    def _write(self, target: Path, data: bytes | memoryview, name: str) -> None:
        try:
            if not self._folder.is_dir():
                self._folder.mkdir(exist_ok=True)
                sync_folder(self._folder.parent)
            with write_atomically(target) as file:
                file.write(data)
            # a job that names the file is committed next: it must not be the only thing that lasts
            sync_folder(self._folder)
        except OSError as error:
            raise not_stored(name, self._folder, error) from error

    # ------------------------------------------------------------ at the start

    def left_over(self, known: Collection[bytes]) -> list[FoundFile]:
        """Uploads that were stored before the program ended in the middle of an upload; half-written ones are deleted.

        known: paths that the catalogue has, ``os.fsencode``'d. Their original names are lost, so they go by their
        stored ones. Files that are no uploads of ours stay and are left out.
        """
        self.remove_cleared()
        files = sorted(self._folder.iterdir()) if self._folder.is_dir() else []
        for draft in filter(own_files.is_draft, files):
            draft.unlink(missing_ok=True)
        strange = (file for file in files if os.fsencode(file) not in known)
        return [FoundFile(file, file.name, uploaded=True) for file in strange if own_files.proves_upload(file)]

    def settle(self) -> None:
        """Where the library was moved or copied: the catalogue learns where its uploads are now."""
        for upload in self._catalog.files.uploads():
            former = Path(os.fsdecode(upload.path))
            here = self._folder / former.name
            if former.parent != self._folder and own_files.is_upload_of(here, upload.image_id):
                text = display_text(here)
                row = FileRow(os.fsencode(here), text, upload.name, upload.image_id, stamp_of(here.stat()), True)
                self._catalog.commit_batch("", file_rows=[row])
                self._catalog.files.lose([upload.path])

    # ------------------------------------------------------------ removing

    def drop(self, path: Path) -> None:
        """Delete a stored upload that no catalogue row needs. Only uploads of ours are ever touched."""
        with self._lock:
            if (
                path.parent == self._folder
                and not self._catalog.files.at([os.fsencode(path)])
                and own_files.proves_upload(path)
            ):
                own_files.remove([path])

    def known(self) -> set[Path]:
        """All files that the catalogue knows as stored uploads, under whatever name."""
        return {Path(os.fsdecode(upload.path)) for upload in self._catalog.files.uploads()}

    def stored(self) -> set[Path]:
        """Files that the catalogue knows as stored uploads, under the names that we give."""
        uploads = [(Path(os.fsdecode(upload.path)), upload.image_id) for upload in self._catalog.files.uploads()]
        return {path for path, image in uploads if path.parent == self._folder and own_files.is_upload_of(path, image)}

    def note_to_remove(self, image_ids: Collection[str]) -> None:
        """Before images are forgotten: their uploads are to be removed once that is done (``remove_cleared``)."""
        ids = set(image_ids)
        names = {path.name for path in self.stored() if path.name.partition(".")[0] in ids}
        if names:
            noted = _names(self._catalog.get_meta(CLEARED) or "")
            self._catalog.set_meta(CLEARED, json.dumps(sorted({*names, *noted})))

    def to_clear(self) -> dict[str, str]:
        """The setting that says which uploads go with all images: those in the catalogue, and of jobs given up."""
        given_up = {
            path for path in self._of_jobs(ENDED) if path.parent == self._folder and own_files.proves_upload(path)
        }
        return {CLEARED: json.dumps(sorted(path.name for path in self.stored() | given_up))}

    def remove_cleared(self) -> None:
        """Remove what ``to_clear`` named, also after a kill. What was uploaded again meanwhile stays."""
        said = self._catalog.get_meta(CLEARED)
        if not said:
            return
        with self._lock:
            gone = {self._folder / name for name in _names(said)}
            kept = self.known() | self._of_jobs(UNFINISHED)
            own_files.remove(
                path for path in gone - kept if path.parent == self._folder and own_files.named_like_ours(path)
            )
            self._catalog.set_meta(CLEARED, "")

    def _of_jobs(self, states: tuple[str, ...]) -> set[Path]:
        """Uploads that jobs in these states name."""
        return {found.path for row in self._catalog.jobs.rows(states, kinds=("index",)) for found in _named(row)}


def limits() -> Limits:
    """Of one upload: a page's pass through memory, and folders are the better way for more."""
    return Limits(MAX_FILES, MAX_BYTES)


def _holds(file: Path, data: bytes | memoryview) -> bool:
    """Whether a file has just these bytes: one that was damaged is written anew."""
    try:
        return file.stat().st_size == len(data) and file.read_bytes() == data
    except OSError:
        return False


def _names(said: str) -> list[str]:
    names = json_in(said)
    return [name for name in names if may_be_path(name)] if isinstance(names, list) else []


def _named(row: Row) -> list[FoundFile]:
    return [found for found in from_params(params_of(row).get("files")) if found.uploaded]


def as_params(found: list[FoundFile]) -> list[dict[str, Any]]:
    """Files as JSON values for a job row; undecodable path bytes survive as escapes."""
    return [{"path": str(item.path), "name": item.name, "uploaded": item.uploaded} for item in found]


def from_params(params: object) -> list[FoundFile]:
    """The files that a job row names; what is odd among them is left out."""
    items = filter(_is_file, params) if isinstance(params, list) else ()
    return [FoundFile(Path(item["path"]), item["name"], item["uploaded"]) for item in items]


def _is_file(item: object) -> bool:
    """Whether a value is one that ``as_params`` makes."""
    if not isinstance(item, dict):
        return False
    return (
        may_be_path(item.get("path")) and isinstance(item.get("name"), str) and isinstance(item.get("uploaded"), bool)
    )
