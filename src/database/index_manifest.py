"""What a cleanly closed index looked like, so that one that was killed or garbled is seen before Chroma reads it.

A damaged file can crash the process that opens it, or give wrong neighbours without a word. So ``clean.json`` holds a checksum of
everything that matters; it is removed before the first write and written after a clean close.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

MANIFEST = "clean.json"
DATABASE = "chroma.sqlite3"
SEGMENT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""Name of a folder that Chroma keeps one collection's vectors in."""
FLUSHED = "index_metadata.pickle"
"""A segment folder without this file was never flushed: Chroma takes all from its log and fills the other files with noise."""
BLOCK = 1 << 20
ROWS = 5_000
_CHANGED_BY_OPENING = ("acquire_write", "sqlite_", "embedding_fulltext_search")
"""Tables that tell nothing of vectors: Chroma's own write lock, SQLite's statistics, the index of documents (we store none)."""


@dataclass(frozen=True)
class Note:
    """What was known of a collection at the close. ``deleted``: vectors taken out since it was built, whose space Chroma keeps."""

    fingerprint: str
    deleted: int = 0


def write(folder: Path, notes: Mapping[str, Note]) -> None:
    """Describe a closed index. Raises OSError or sqlite3.Error, and then leaves no manifest."""
    described = {**_description(folder), "collections": {name: asdict(note) for name, note in notes.items()}}
    temporary = folder / f"{MANIFEST}.tmp"
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(described, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, folder / MANIFEST)


def remove(folder: Path) -> None:
    """Say that the index is about to change."""
    (folder / MANIFEST).unlink(missing_ok=True)


def verified(folder: Path) -> dict[str, Note] | None:
    """The notes of an index that is as it was closed, {} where there is none at all; None where it can't be trusted."""
    if not (folder / DATABASE).exists() and not segments(folder):
        return {}
    try:
        said = json.loads((folder / MANIFEST).read_bytes())
        notes = {str(name): Note(str(note["fingerprint"]), int(note["deleted"])) for name, note in said["collections"].items()}
        return notes if _description(folder) == {key: said[key] for key in ("files", "database")} else None
    except (OSError, sqlite3.Error, ValueError, KeyError, TypeError, AttributeError):
        return None


def segments(folder: Path) -> list[Path]:
    """Folders that hold, or held, one collection's vectors."""
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if SEGMENT.fullmatch(entry.name) and entry.is_dir() and not entry.is_symlink())


def orphans(folder: Path) -> list[Path]:
    """Segment folders of collections that are no more: Chroma leaves them behind. Raises sqlite3.Error for a database it can't read."""
    used = _used_segments(folder)
    return [segment for segment in segments(folder) if segment.name not in used]


def _used_segments(folder: Path) -> set[str]:
    if not (folder / DATABASE).exists():
        return set()
    with _database(folder) as db:
        return {row[0].decode("ascii", "replace") for row in db.execute("SELECT id FROM segments")}


def _description(folder: Path) -> dict[str, object]:
    """Size and CRC-32 of every flushed file, and one CRC-32 of the rows that Chroma's database holds."""
    used = _used_segments(folder)
    flushed = [segment for segment in segments(folder) if segment.name in used and (segment / FLUSHED).exists()]
    files = [file for segment in flushed for file in sorted(segment.iterdir())]
    with ThreadPoolExecutor(1, "checksum") as beside:
        checksums = beside.map(_file_checksum, files)
        database = _rows_checksum(folder)
        sums = {f"{file.parent.name}/{file.name}": [file.stat().st_size, sum_] for file, sum_ in zip(files, checksums, strict=True)}
    return {"files": sums, "database": database}


def _file_checksum(file: Path) -> int:
    checksum = 0
    with file.open("rb") as opened:
        while block := opened.read(BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum


def _rows_checksum(folder: Path) -> int:
    """Of every row that opening and searching leave alone. Raises sqlite3.Error for a damaged database."""
    checksum = 0
    with _database(folder) as db:
        state = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if state != b"ok":
            raise sqlite3.DatabaseError(f"damaged: {state!r}")
        names = [row[0].decode() for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        for name in (name for name in names if not name.startswith(_CHANGED_BY_OPENING)):
            checksum = zlib.crc32(name.encode(), checksum)
            rows = db.execute(f'SELECT * FROM "{name}"')
            while some := rows.fetchmany(ROWS):
                checksum = zlib.crc32(repr(some).encode(), checksum)
    return checksum


@contextlib.contextmanager
def _database(folder: Path) -> Iterator[sqlite3.Connection]:
    """Chroma's database while Chroma is closed. Opened for writing, so that what a kill left half-written is rolled back."""
    address = f"{(folder / DATABASE).absolute().as_uri()}?mode=rw"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=5)) as db:
        db.text_factory = bytes
        yield db
