"""Where an export is written: a new folder or a new ZIP, under a temporary name until all of it is there."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Protocol

from filelock import FileLock

from src.errors import BadInput, UnreadablePath
from src.files import sync_folder
from src.schema import EXPORT_MARK
from src.text import shown

_PACKED = (".csv", ".json", ".txt", ".yaml")
"""Worth compressing in a ZIP; pictures and Parquet are compressed already."""
_AWKWARD = re.compile("[\\s<>:\"/\\\\|?*#%&{}$!'@+`=;,\N{REPLACEMENT CHARACTER}]+")
"""What some file system, shell, YAML or address bar trips over."""
_OURS = re.compile(r"\.export-[0-9a-f]{12}\.part")
_STEM_LENGTH, _STEM_BYTES = 60, 120
_MARK_TEXT = (
    b"Exported by Media Feature Extractor, which therefore does not index this folder. Without this file it would.\n"
)


class Target(Protocol):
    """A folder in the making. Names are relative, with ``/``."""

    def add(self, name: str, data: bytes) -> None:
        """Write a new file."""
        ...

    def has(self, name: str) -> bool:
        """Whether there is a file of that name by now."""
        ...

    def growing(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """A new file to be written bit by bit; several may be open at once."""
        ...


@contextmanager
def new_target(place: Path) -> Iterator[Target]:
    """A new folder at ``place``, or a ZIP where that ends in ``.zip``, named so when the block ends without an error.

    Else, and where the block is left half-way, nothing stays. A killed process leaves a hidden ``.export-….part``
    beside it, which the next export to that folder removes. Raises BadInput where there is something of that name,
    UnreadablePath where it can't be written.
    """
    with _to_be(place) as part, (_new_zip if place.suffix.lower() == ".zip" else _new_folder)(part) as target:
        target.add(EXPORT_MARK, _MARK_TEXT)
        yield target


@contextmanager
def new_file(place: Path) -> Iterator[IO[bytes]]:
    """A new file at ``place``, in the same way."""
    with _to_be(place) as part, part.open("xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _to_be(place: Path) -> Iterator[Path]:
    """A hidden name for what gets its own where the block ends without an error."""
    try:
        _refuse_existing(place)
        if not place.parent.is_dir():
            raise UnreadablePath(f"There is no folder {shown(str(place.parent))}.", "Choose another place.")
        sweep(place.parent)
        with claimed(place.parent) as part:
            yield part
            publish(part, place)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreadablePath(f"{shown(str(place))} can't be written ({reason}).", "Choose another place.") from error


@contextmanager
def claimed(folder: Path) -> Iterator[Path]:
    """A hidden name in the folder, for this process to write under; whatever has it at the end is removed.

    Until then a lock says that it is being written. It is taken before there is anything of that name, and the system
    lets go of it however the process ends. Where a file system knows no locks there is none, and ``sweep`` leaves the
    name alone.
    """
    part = folder / f".export-{secrets.token_hex(6)}.part"
    lock = _lock(part)
    try:
        lock.acquire()
    except (OSError, NotImplementedError):
        Path(lock.lock_file).unlink(missing_ok=True)
    try:
        yield part
    finally:
        _remove(part)
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what exports that were killed left in the folder: their lock is there, and nobody holds it."""
    for part in folder.glob(".export-*.part"):
        lock = _lock(part)
        if not _OURS.fullmatch(part.name):
            continue
        if Path(lock.lock_file).exists():
            with contextlib.suppress(OSError, NotImplementedError), lock:  # Timeout is an OSError: it is being written
                _remove(part)
                Path(lock.lock_file).unlink()


def publish(part: Path, place: Path) -> None:
    """Give a finished file or folder its name, for good: the first of two that want one gets it, none is replaced.

    Raises BadInput where there is something of that name by now.
    """
    _refuse_existing(place)
    try:
        if os.name != "posix":  # there, to rename is not to replace
            part.rename(place)
        elif part.is_dir():
            place.mkdir()
            _rename_over(part, place)
        else:
            _name_file(part, place)
    except FileExistsError:
        _refuse_existing(place)
        raise
    sync_folder(place.parent)


def _name_file(part: Path, place: Path) -> None:
    try:
        os.link(part, place)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: hold the name with an empty file
        place.open("xb").close()
        _rename_over(part, place)
    else:
        part.unlink()


def _rename_over(part: Path, place: Path) -> None:
    """Over the empty thing that was just made to hold the name; that goes where it fails."""
    try:
        os.replace(part, place)
    except OSError:
        with contextlib.suppress(OSError):  # not empty any more
            place.rmdir() if place.is_dir() else place.unlink()
        raise


def _lock(part: Path) -> FileLock:
    return FileLock(f"{part}.lock", timeout=0, thread_local=False)


@contextmanager
def scratch(place: Path) -> Iterator[IO[bytes]]:
    """A nameless file on the same disk, gone at the end."""
    with tempfile.TemporaryFile(dir=place.parent) as file:
        yield file


def free_stem(name: str, image_id: str, taken: Callable[[str], bool]) -> str:
    """A file name without its ending that any system takes, made of the picture's own name and id.

    ``taken`` says which are in use.
    """
    stem = f"{plain(Path(name).stem) or 'photo'}-{re.sub(r'[^0-9A-Za-z]', '', image_id)[:8] or '0'}"
    candidate, number = stem, 1
    while taken(candidate):
        number += 1
        candidate = f"{stem}-{number}"
    return candidate


def plain(text: str) -> str:
    """``text`` without what file names can't hold everywhere, at most 60 characters and 120 bytes; may be empty."""
    cleaned = _AWKWARD.sub("_", shown(unicodedata.normalize("NFC", text))).strip("._- ")[:_STEM_LENGTH]
    return cleaned.encode()[:_STEM_BYTES].decode(errors="ignore").rstrip("._- ")


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def add(self, name: str, data: bytes) -> None:
        with self._new(name) as file:
            file.write(data)

    def has(self, name: str) -> bool:
        return os.path.lexists(self._root / name)

    @contextmanager
    def growing(self, name: str) -> Iterator[IO[bytes]]:
        with self._new(name) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())

    def _new(self, name: str) -> IO[bytes]:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")


class _Zip:
    def __init__(self, archive: zipfile.ZipFile, near: Path) -> None:
        self._archive, self._near = archive, near

    def add(self, name: str, data: bytes) -> None:
        self._archive.writestr(_entry(name), data)

    def has(self, name: str) -> bool:
        return name in self._archive.NameToInfo

    @contextmanager
    def growing(self, name: str) -> Iterator[IO[bytes]]:
        """A ZIP is written one member at a time, so this one waits in a scratch file."""
        with scratch(self._near) as file:
            yield file
            file.seek(0)
            with self._archive.open(_entry(name), "w", force_zip64=True) as member:
                shutil.copyfileobj(file, member, 1 << 20)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED if name.endswith(_PACKED) else zipfile.ZIP_STORED
    entry.external_attr = 0o100644 << 16
    return entry


@contextmanager
def _new_folder(part: Path) -> Iterator[Target]:
    part.mkdir()
    yield _Folder(part)
    for top, _, names in os.walk(part):  # all at the end: by then most of it has reached the disk already
        for name in names:
            with open(Path(top, name), "rb") as file:
                os.fsync(file.fileno())
        sync_folder(Path(top))


@contextmanager
def _new_zip(part: Path) -> Iterator[Target]:
    with part.open("xb") as file:
        with zipfile.ZipFile(file, "w") as archive:
            yield _Zip(archive, part)
        file.flush()
        os.fsync(file.fileno())


def _refuse_existing(place: Path) -> None:
    if not place.name or os.path.lexists(place):
        raise BadInput(
            f"There is a file or folder {shown(str(place))} already.", "Choose another name, or move it away."
        )


def _remove(part: Path) -> None:
    """Where there is anything."""
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
    elif part.exists():
        part.unlink()
