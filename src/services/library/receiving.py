"""Uploads that arrive bit by bit, several at once: on the disk from the first byte, kept only once all are there."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from src.errors import LibraryUnusable, TooMuch
from src.files import draft_of, sync_folder
from src.processing.decoding.image_io import EXTENSIONS, image_id
from src.schema import FoundFile
from src.services.library import own_files
from src.text import shown

LONGEST_NAME = 255


@dataclass(frozen=True)
class Limits:
    """Of one upload: files, and bytes of all together."""

    files: int
    bytes: int

    def allow(self, files: int, total: int) -> bool:
        return files <= self.files and total <= self.bytes

    def check(self, files: int, total: int) -> None:
        """Raises TooMuch."""
        if not self.allow(files, total):
            most = f"{self.files:,} files or {self.bytes // 10**6:,} MB"
            hint = "Nothing was added: add their folder instead, of which nothing is copied, or send fewer."
            raise TooMuch(f"More than {most} together are too much to upload at once.", hint)


@dataclass
class _Draft:
    name: str
    path: Path
    digest: hashlib._Hash
    size: int = 0


class Receiving:
    """The files of one request. To be ended by ``kept`` or ``given_up``; a process that is killed in between leaves
    drafts, which the next start removes.

    One thread at a time.
    """

    def __init__(self, folder: Path, limits: Limits) -> None:
        """folder: of the library's uploads."""
        self.skipped: list[tuple[str, str]] = []
        self._folder = folder
        self._limits = limits
        self._drafts: list[_Draft] = []
        self._open: IO[bytes] | None = None
        self._bytes = self._files = 0

    def begin(self, name: str) -> None:
        """A file comes next. name: as its sender has it. Raises TooMuch, LibraryUnusable."""
        self._files += 1
        self._limits.check(self._files, self._bytes)
        own = Path(shown(name).replace("\\", "/")).name[-LONGEST_NAME:] or "upload"
        path = draft_of(self._folder / image_id(secrets.token_hex(16)))
        try:
            self._folder.mkdir(exist_ok=True)
            self._open = path.open("xb")
        except OSError as error:
            raise not_stored(own, self._folder, error) from error
        self._drafts.append(_Draft(own, path, hashlib.sha256()))

    def write(self, data: bytes) -> None:
        """More of the file that was begun. Raises as above."""
        assert self._open is not None
        draft = self._drafts[-1]
        self._bytes += len(data)
        draft.size += len(data)
        self._limits.check(self._files, self._bytes)
        try:
            self._open.write(data)
        except OSError as error:
            raise not_stored(draft.name, self._folder, error) from error
        draft.digest.update(data)

    def end(self) -> None:
        """The file that was begun is whole. An empty one is skipped."""
        assert self._open is not None
        draft = self._drafts[-1]
        try:
            self._open.flush()
            os.fsync(self._open.fileno())
            self._open.close()
        except OSError as error:
            raise not_stored(draft.name, self._folder, error) from error
        if not draft.size:
            self._drafts.pop()
            draft.path.unlink(missing_ok=True)
            self.skipped.append((draft.name, "The file is empty."))

    def kept(self) -> list[FoundFile]:
        """All files under the names that uploads have, so that they last. The same bytes twice are one file.

        To be called while no upload is removed (``UploadStore.adding``).
        """
        found: dict[Path, FoundFile] = {}
        try:
            for draft in self._drafts:
                target = self._folder / stored_name(draft.name, draft.digest.hexdigest())
                if own_files.proves_upload(target):
                    draft.path.unlink()
                else:
                    os.replace(draft.path, target)
                found.setdefault(target, FoundFile(target, draft.name, uploaded=True))
            if found:
                sync_folder(self._folder)
                sync_folder(self._folder.parent)
        except OSError as error:
            raise not_stored("An upload", self._folder, error) from error
        return list(found.values())

    def given_up(self) -> None:
        """Nothing stays of what was not kept."""
        if self._open is not None:
            self._open.close()
        for draft in self._drafts:
            draft.path.unlink(missing_ok=True)


def stored_name(name: str, digest: str) -> str:
    """What an upload is called on the disk. name: its own. digest: SHA-256 of its bytes, 64 hexadecimal digits."""
    suffix = Path(name).suffix.lower()
    return image_id(digest) + (suffix if suffix in EXTENSIONS else "")


def not_stored(name: str, folder: Path, error: OSError) -> LibraryUnusable:
    """An upload that could not be written to the folder of uploads."""
    return LibraryUnusable(
        f"{name} could not be stored ({error.strerror or error}).",
        f"Check the space on the disk that holds {folder}.",
    )
