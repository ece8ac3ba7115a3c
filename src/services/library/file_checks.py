"""The doctor's look at the files beside the catalogue: thumbnails, stored uploads, and what was left half-written.

A file is called good after it was read to its end, and repaired after it was looked at again.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from src.config import Settings
from src.database.catalog.catalog import Catalog
from src.database.catalog.files import FileRow, Upload
from src.database.index.manifest import MANIFEST
from src.database.index.owner import MARK
from src.files import DRAFT, sync_folder, write_atomically
from src.identity import is_id
from src.plain_files import open_plain
from src.processing.decoding.image_io import display_text, stamp_of
from src.processing.presence import Look, Presence
from src.processing.thumbnails import is_good, thumbnail_path
from src.schema import Finding, Progress
from src.services.library import own_files
from src.services.library.service import LibraryService
from src.services.library.uploads import UploadStore
from src.text import count, shown

STALE_SECONDS = 3_600.0
"""A temporary file of this age belongs to nobody who still works on it."""
STEP = 200
"""Photos between two words on how far it is; a job can be cancelled there."""
BLOCK = 1 << 20
"""Bytes read of an upload between two such words."""
NAMED = 3
"""Photos that a finding names; of the others it tells the number."""
_INDEX_DRAFT = re.compile(rf"({re.escape(MANIFEST)}|{re.escape(MARK)})\.[0-9a-f]{{8}}{re.escape(DRAFT)}")

Events = Iterator[Progress | Finding]


class FileChecks:
    """Each check tells what it found and, with ``repair``, puts right what can be.

    Closing the iterator stops between two steps.
    """

    def __init__(self, settings: Settings, catalog: Catalog, library: LibraryService, uploads: UploadStore) -> None:
        self._settings = settings
        self._catalog = catalog
        self._library = library
        self._uploads = uploads

    # ------------------------------------------------------------ thumbnails

    def thumbnails(self, repair: bool) -> Events:
        ids = [image_id for image_id in self._catalog.health.image_ids(hidden=False) if is_id(image_id)]
        bad, left = 0, list[str]()
        for done, image_id in enumerate(ids):
            if done % STEP == 0:
                yield Progress(done, len(ids), "images", "thumbnails")
            if is_good(thumbnail_path(self._settings.thumbs_dir, image_id)):
                continue
            bad += 1
            if repair and not self._library.remake_thumbnail(image_id):
                left.append(image_id)
        if bad > len(left):
            yield Finding(
                "thumbnails", f"{count(bad - len(left), 'photo')} had no thumbnail that can be shown.", repair
            )
        if left:
            names = [facts.name for facts in self._catalog.shown(left[:NAMED]).values()]
            text = (
                f"{count(len(left), 'photo')} had no thumbnail that can be shown, and can't be read now to make one: "
            )
            yield Finding("thumbnails", f"{text}{_named(names, len(left))}.")

    def stray_thumbnails(self, repair: bool) -> Events:
        """Thumbnails with our mark whose image is no more. Those without are nobody's to remove."""
        known, folder = set(self._catalog.health.image_ids()), self._settings.thumbs_dir
        found = (
            file
            for file in own_files.thumbnails(folder)
            if file.stem not in known and own_files.proves_thumbnail(file, folder, ())
        )
        yield from self._stale(list(found), "stray thumbnails", "{} belonged to no photo.", "thumbnail", repair)

    # ------------------------------------------------------------ what is nobody's

    def half_written(self, repair: bool) -> Events:
        settings = self._settings
        found = [file for file in own_files.thumbnails(settings.thumbs_dir) if own_files.is_draft(file)]
        found += [file for file in _files(settings.uploads_dir) if own_files.is_draft(file)]
        found += [file for file in _files(settings.chroma_dir) if _INDEX_DRAFT.fullmatch(file.name)]
        yield from self._stale(found, "half-written", "{} had been left half-written.", "file", repair)

    def strangers(self, _: bool) -> Events:
        said = self._library.strangers()
        if said:
            yield Finding("strangers", said)

    def _stale(self, found: Sequence[Path], check: str, text: str, what: str, repair: bool) -> Events:
        """Files of the library's own that nobody needs.

        What was written within the last hour may still be worked on, and is left alone.
        """
        old = [file for file in found if _age(file) > STALE_SECONDS]
        for file in old if repair else ():
            with suppress(OSError):  # a folder of such a name stays
                file.unlink(missing_ok=True)
        if old:
            yield Finding(check, text.format(count(len(old), what)), repair)

    # ------------------------------------------------------------ uploads

    def uploads(self, repair: bool) -> Events:
        """An upload may be the only copy there is: none is deleted here.

        A row that calls a file elsewhere an upload is not believed: where that file holds something else, the upload
        has gone.
        """
        uploads = [self._where_it_is(upload) for upload in self._catalog.files.uploads()]
        damaged, lost, back = list[Upload](), list[Upload](), list[Upload]()
        done, total = 0, sum(upload.bytes for upload in uploads)
        look = Look()
        for upload in uploads:
            found = look.at(upload.path, None).presence
            there = found is Presence.THERE
            whole = there and (yield from _is_whole(upload.path, upload, done, total))
            done += upload.bytes
            if whole and upload.missing:
                back.append(upload)
            elif there and not whole and not upload.missing:
                (damaged if self._is_ours(upload) else lost).append(upload)
            elif found is Presence.GONE and not upload.missing:
                lost.append(upload)
        yield from self._tell_damaged(damaged, repair)
        yield from self._tell_lost(lost, back, repair)
        yield from self._tell_waiting()

    def _where_it_is(self, upload: Upload) -> Upload:
        """The same in this library's own folder: one that was moved has not learnt that before a check."""
        here = replace(
            upload, path=os.fsencode(self._settings.uploads_dir / os.path.basename(os.fsdecode(upload.path)))
        )
        return here if self._is_ours(here) else upload

    def _is_ours(self, upload: Upload) -> bool:
        """Whether it lies where this library keeps its uploads, under the name that it gives to this one.

        Nothing is written elsewhere.
        """
        file = Path(os.fsdecode(upload.path))
        return file.parent == self._settings.uploads_dir and own_files.is_upload_of(file, upload.image_id)

    def _tell_damaged(self, damaged: Sequence[Upload], repair: bool) -> Events:
        healed, left = 0, list[Upload]()
        for upload in damaged:
            if (yield from self._heal(upload, repair)):
                healed += 1
            else:
                left.append(upload)
        if healed:
            text = f"{count(healed, 'stored upload')} had been damaged; the same photo is in one of your folders."
            yield Finding("damaged uploads", text, repair)
        if left:
            names = _named([upload.name for upload in left[:NAMED]], len(left))
            text = f"{count(len(left), 'stored upload')} can't be read as what was stored: {names}."
            yield Finding(
                "damaged uploads",
                f"{text} No other file here has the photo: look where it came from, and add it again.",
            )

    def _heal(self, upload: Upload, repair: bool) -> Generator[Progress, None, bool]:
        """Whether another file of the image is whole; with ``repair``, whether the upload is whole again by it."""
        for path, *_ in self._catalog.paths_of(upload.image_id):
            if path != upload.path and (yield from _is_whole(path, upload)):
                if not repair:
                    return True
                return (
                    self._is_ours(upload) and _copy(path, upload.path) and (yield from _is_whole(upload.path, upload))
                )
        return False

    def _tell_lost(self, lost: Sequence[Upload], back: Sequence[Upload], repair: bool) -> Events:
        if repair:
            self._catalog.files.lose([upload.path for upload in lost])
            for upload in back:
                path = Path(os.fsdecode(upload.path))
                row = FileRow(
                    upload.path, display_text(path), upload.name, upload.image_id, stamp_of(path.stat()), True
                )
                self._catalog.commit_batch("", file_rows=[row])
        if lost:
            yield Finding(
                "lost uploads",
                f"{count(len(lost), 'stored upload')} had gone from {self._settings.uploads_dir}.",
                repair,
            )
        if back:
            yield Finding(
                "uploads that are back",
                f"{count(len(back), 'stored upload')} had been given up, but can be read.",
                repair,
            )

    def _tell_waiting(self) -> Events:
        known = self._uploads.known()
        old = (file for file in _files(self._settings.uploads_dir) if file not in known and _age(file) > STALE_SECONDS)
        waiting = sum(1 for file in old if own_files.proves_upload(file))
        if waiting:
            yield Finding(
                "uploads", f"{count(waiting, 'stored upload')} waited to be added; the app's next start does that."
            )


def _is_whole(path: bytes, upload: Upload, done: int = 0, total: int | None = None) -> Generator[Progress, None, bool]:
    """Whether a file has the size and the SHA-256 of the image that was uploaded. Read a block at a time."""
    digest = hashlib.sha256()
    try:
        with open_plain(Path(os.fsdecode(path))) as file:
            if os.fstat(file.fileno()).st_size != upload.bytes:
                return False
            while block := file.read(BLOCK):
                digest.update(block)
                done += len(block)
                yield Progress(done, total, "bytes", "stored uploads")
    except (OSError, ValueError):  # ValueError: a path that can be none
        return False
    return digest.hexdigest() == upload.sha256


def _copy(source: bytes, target: bytes) -> bool:
    """Put a file's bytes in the place of another's, whole or not at all."""
    place = Path(os.fsdecode(target))
    try:
        with open_plain(Path(os.fsdecode(source))) as file, write_atomically(place) as copy:
            while block := file.read(BLOCK):
                copy.write(block)
        sync_folder(place.parent)
    except OSError:
        return False
    return True


def _named(names: Sequence[str], number: int) -> str:
    more = [f"{number - len(names):,} more"] if number > len(names) else []
    return ", ".join([*map(shown, names), *more])


def _age(file: Path) -> float:
    """Seconds since it was written; 0 where it has gone. A clock that was set back makes nothing old."""
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return 0.0


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
