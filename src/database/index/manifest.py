"""What a cleanly closed index looked like, so that one that was killed or garbled is seen before Chroma reads it.

A damaged file can crash the process that opens it, or give wrong neighbours without a word. So ``clean.json`` holds a
checksum of everything that matters; it is removed before the first write and written after a clean close.
"""

from __future__ import annotations

import contextlib
import errno
import re
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from src.database.index.protocol import Beside
from src.files import write_json
from src.plain_files import SQLITE, open_plain, read_object, special_of_database

MANIFEST = "clean.json"
DATABASE = "chroma.sqlite3"
SEGMENT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""Name of a folder that Chroma keeps one collection's vectors in."""
FLUSHED = "index_metadata.pickle"
"""A segment folder without this file was never flushed: Chroma takes all from its log, and the rest is noise."""
PARTS = frozenset({FLUSHED, "header.bin", "data_level0.bin", "length.bin", "link_lists.bin"})
"""All files that Chroma keeps in a segment folder."""
BLOCK = 1 << 20


@dataclass(frozen=True)
class Note:
    """What was known of a collection at the close.

    ``deleted``: vectors taken out since it was built, whose space Chroma keeps.
    """

    fingerprint: str
    deleted: int = 0
    beside: Beside = field(default_factory=Beside)
    """Earlier versions did not note any, and later ones not how many of them were missed."""


class Checksums:
    """CRC-32 of files that one process has read, for those that were not written since: Chroma writes the vectors of a
    collection seldom, and an index is described after every job.

    One that is wrong does no harm: at the next opening every file is read, and the index is made again.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], int]] = {}

    def of(self, file: Path) -> int:
        """Raises OSError."""
        found = file.stat()
        state = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        known = self._known.get(file)
        if known is None or known[0] != state:
            known = self._known[file] = (state, _file_checksum(file))
        return known[1]


def write(folder: Path, notes: Mapping[str, Note], checksums: Checksums | None = None) -> None:
    """Describe a closed index. Raises OSError or sqlite3.Error, and then leaves no manifest."""
    described = {name: _as_json(note) for name, note in notes.items()}
    _store(folder, {"files": _description(folder, checksums or Checksums()), "collections": described})


def note_opening(folder: Path) -> None:
    """Chroma rewrites a page of its database, no other file, at each opening: describe that anew. Raises OSError.

    A process that dies just before this costs a rebuild.
    """
    if described := read_object(folder / MANIFEST):
        file = folder / DATABASE
        described["files"][DATABASE] = [file.stat().st_size, _file_checksum(file)]
        _store(folder, described)
    else:  # there was no index: Chroma has just made an empty one
        write(folder, {})


def _store(folder: Path, described: dict[str, Any]) -> None:
    write_json(folder / MANIFEST, described)  # should a power cut lose the name, the index is made again


def remove(folder: Path) -> None:
    """Say that the index is about to change."""
    (folder / MANIFEST).unlink(missing_ok=True)


def verified(folder: Path) -> dict[str, Note] | None:
    """The notes of an index that is as it was closed, {} where there is none at all; None where it can't be trusted."""
    if not (folder / DATABASE).exists() and not segments(folder):
        return {}
    try:
        said = read_object(folder / MANIFEST)
        notes = {str(name): _note(note) for name, note in said["collections"].items()}
        return notes if _description(folder, Checksums()) == said["files"] else None
    except (OSError, sqlite3.Error, ValueError, KeyError, TypeError, AttributeError):
        return None


def _note(said: Mapping[str, Any]) -> Note:
    beside = Beside(tuple(map(str, said.get("beside", ()))), int(said.get("missed", 0)))
    return Note(str(said["fingerprint"]), int(said["deleted"]), beside)


def _as_json(note: Note) -> dict[str, Any]:
    said = {"fingerprint": note.fingerprint, "deleted": note.deleted}
    return {**said, "beside": note.beside.ids, "missed": note.beside.missed}


def segments(folder: Path) -> list[Path]:
    """Folders that hold, or held, one collection's vectors."""
    if not folder.is_dir():
        return []
    return sorted(
        entry
        for entry in folder.iterdir()
        if SEGMENT.fullmatch(entry.name) and entry.is_dir() and not entry.is_symlink()
    )


def files_of(segment: Path) -> list[Path]:
    """The files of a segment folder that Chroma made."""
    try:
        return [file for file in segment.iterdir() if file.name in PARTS]
    except OSError:
        return []


def orphans(folder: Path) -> list[Path]:
    """Segment folders of collections that are no more: Chroma leaves them behind.

    Raises sqlite3.Error or OSError where that can't be told. One that has nothing of Chroma's in it but something else
    is somebody's own.
    """
    used = _used_segments(folder)
    unused = [segment for segment in segments(folder) if segment.name not in used]
    return [segment for segment in unused if files_of(segment) or not any(segment.iterdir())]


def remove_segment(segment: Path) -> None:
    """Remove what Chroma made there, and the folder where nothing else is in it. Raises OSError."""
    for file in files_of(segment):
        file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        segment.rmdir()


def remove_files(folder: Path) -> None:
    """Remove all files that Chroma and this program made for the index; nothing else there is touched.

    Raises OSError.
    """
    remove(folder)
    for segment in segments(folder):
        if files_of(segment) or not any(segment.iterdir()):
            remove_segment(segment)
    for name in SQLITE:
        (folder / f"{DATABASE}{name}").unlink(missing_ok=True)


def _used_segments(folder: Path) -> set[str]:
    if not (folder / DATABASE).exists():
        return set()
    with _database(folder) as db:
        return {row[0].decode("ascii", "replace") for row in db.execute("SELECT id FROM segments")}


def _description(folder: Path, checksums: Checksums) -> dict[str, list[int]]:
    """Name -> size and CRC-32 of every flushed file and of Chroma's database.

    Raises OSError for one that a kill left half-written.
    """
    for kind in ("-journal", "-wal"):
        if (half := folder / f"{DATABASE}{kind}").exists() and half.stat().st_size:
            raise FileExistsError(f"{half.name} is not empty")
    used = _used_segments(folder)
    flushed = [segment for segment in segments(folder) if segment.name in used and (segment / FLUSHED).exists()]
    files = [folder / DATABASE, *(file for segment in flushed for file in sorted(segment.iterdir()))]
    return {str(file.relative_to(folder)): [file.stat().st_size, checksums.of(file)] for file in files}


def _file_checksum(file: Path) -> int:
    checksum = 0
    with open_plain(file) as opened:
        while block := opened.read(BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum


@contextlib.contextmanager
def _database(folder: Path) -> Iterator[sqlite3.Connection]:
    """Chroma's database while Chroma is closed, opened for writing: what a kill left half-written is rolled back.

    Raises OSError, at once, where it is no plain file.
    """
    if special := special_of_database(folder / DATABASE):
        raise OSError(errno.EINVAL, "it is no plain file", str(special))
    address = f"{(folder / DATABASE).absolute().as_uri()}?mode=rw"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=5)) as db:
        db.text_factory = bytes
        yield db
