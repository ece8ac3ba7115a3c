"""A catalogue's file on its own: copied for a backup, fitted to its new place when one is brought back.

Plain SQLite on purpose: a copy must not be migrated, nor turned to WAL, before it is where it belongs.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from src.database.catalog.catalog import Catalog
from src.database.catalog.health import OF_IMAGES
from src.database.disk_space import disk_is_full
from src.errors import LibraryBusy, LibraryError, LibraryUnusable
from src.identity import is_id
from src.schema import FileStamp

_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")
_UPLOADED = "SELECT id, image_id, CAST(path AS BLOB) FROM files WHERE uploaded AND path IS NOT NULL ORDER BY id"
UNFINISHED = ("queued", "running", "paused")


def take(catalog: Catalog, target: Path) -> dict[str, Path]:
    """Copy everything committed so far to ``target``, which must not exist, without jobs that are still to be done.

    In the copy an uploaded file's path is just a name, ``<image id><extension>``. Returns name -> where the catalogue
    says that file is. Rows of images that stand under no id, which no import would take, stay behind.
    """
    catalog.snapshot_to(target)
    uploaded: dict[str, Path] = {}
    with _opened(target) as db:
        _drop_strange_images(db)
        for row_id, image_id, path in db.execute(_UPLOADED).fetchall():
            source = Path(os.fsdecode(path))
            name = image_id + (source.suffix.lower() if _SUFFIX.fullmatch(source.suffix.lower()) else "")
            if name in uploaded:  # the same bytes stored twice: one is enough
                db.execute("DELETE FROM files WHERE id = ?", (row_id,))
            else:
                uploaded[name] = source
                db.execute("UPDATE files SET path = ?, path_text = ? WHERE id = ?", (name.encode(), name, row_id))
        _drop_unfinished_jobs(db)
        db.execute("DELETE FROM index_changes")
        _drop_lexical_index(db)
    return uploaded


def schema_version(file: Path) -> int:
    with _opened(file) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def counts(file: Path) -> dict[str, int]:
    """Rows of images, files and vectors, hidden ones included."""
    with _opened(file) as db:
        return {
            table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("images", "files", "vectors")
        }


def image_ids(file: Path) -> list[str]:
    with _opened(file) as db:
        return [row[0] for row in db.execute("SELECT id FROM images ORDER BY id")]


def unknown(file: Path, stored: Iterable[str]) -> str | None:
    """The first name in ``thumbs`` (``<id>.jpg``) or ``uploads`` (``<id><extension>``) that a copy has no row for."""
    with _opened(file) as db:
        for name in stored:
            folder, _, place = name.partition("/")
            own = (
                "SELECT 1 FROM files WHERE uploaded AND path = ?"
                if folder == "uploads"
                else "SELECT 1 FROM images WHERE id = ?"
            )
            wanted = place.encode() if folder == "uploads" else place.rpartition("/")[2].removesuffix(".jpg")
            if db.execute(own, (wanted,)).fetchone() is None:
                return name
    return None


def settle(file: Path, folder: Path, stamps: Mapping[str, FileStamp]) -> None:
    """Fit a copy to its library: uploads are in ``folder`` now, with these stamps (by name), and no job waits.

    Of a copy that ``imported.adopt`` made: a name that is a path would lead out of the folder.
    """
    with _opened(file) as db:
        for row_id, name in db.execute("SELECT id, path FROM files WHERE uploaded").fetchall():
            path = os.fsencode(folder / os.fsdecode(name))
            db.execute(
                "UPDATE files SET path = ?, path_text = ? WHERE id = ?", (path, path.decode("utf-8", "replace"), row_id)
            )
            if stamp := stamps.get(os.fsdecode(name)):
                columns = ", ".join(f"{name} = ?" for name in vars(stamp))
                db.execute(f"UPDATE files SET {columns} WHERE id = ?", (*vars(stamp).values(), row_id))
        _drop_unfinished_jobs(db)


def holds_anything(file: Path) -> bool:
    """Whether a library has images or vectors, hidden ones and hand-made collections included.

    False where there is no file, or one without any table: it was begun, perhaps on a full disk, and nothing was stored
    in it.
    """
    if not file.exists():
        return False
    with _opened(file) as db:
        begun = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return bool(begun) and any(counts(file)[table] for table in ("images", "vectors"))


def retire(file: Path) -> None:
    """Make a catalogue ready to be replaced: everything is in the one file, none beside it.

    Raises LibraryBusy where someone reads it.
    """
    if file.exists():
        with _opened(file) as db:
            if db.execute("PRAGMA journal_mode = DELETE").fetchone()[0] != "delete":
                raise LibraryBusy("Another program is reading the library's catalogue.", "Close it and try again.")
    for name in ("-wal", "-shm"):
        file.with_name(file.name + name).unlink(missing_ok=True)


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """One transaction on an existing file."""
    try:
        with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=5)) as db, db:
            yield db
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise _translated(file, error) from error


def _translated(file: Path, error: Exception) -> LibraryError:
    if "locked" in str(error):
        return LibraryBusy("Another program is using the library's catalogue.", "Close it and try again.")
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
        return disk_is_full(file.parent)
    return LibraryUnusable(f"The catalogue {file} can't be used ({error}).")


def _drop_strange_images(db: sqlite3.Connection) -> None:
    """Images that stand under no id, and all that points to no image.

    The library itself is the doctor's to put right.
    """
    db.create_function("is_id", 1, lambda value: int(is_id(value)), deterministic=True)
    db.execute("DELETE FROM images WHERE NOT is_id(id)")
    there = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table in sorted({table.name for table in OF_IMAGES} & there):
        db.execute(f"DELETE FROM {table} WHERE image_id IS NULL OR image_id NOT IN (SELECT id FROM images)")
    for side in ("first", "second"):
        db.execute(f"DELETE FROM alike WHERE {side} IS NULL OR {side} NOT IN (SELECT id FROM images)")
    own = "SELECT name FROM collections WHERE owner = 'library'"
    db.execute(f"DELETE FROM vectors WHERE collection IN ({own}) AND NOT is_id(coalesce(image_id, id))")


def _drop_lexical_index(db: sqlite3.Connection) -> None:
    """It is made anew from the rest, and no archive may have virtual tables."""
    db.execute("DROP TABLE lexical_index")
    for table in ("lexical", "lexical_due", "lexical_terms"):
        db.execute(f"DELETE FROM {table}")


def _drop_unfinished_jobs(db: sqlite3.Connection) -> None:
    db.execute(f"DELETE FROM jobs WHERE state IN ({', '.join('?' * len(UNFINISHED))})", UNFINISHED)
