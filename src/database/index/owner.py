"""Whose index a folder holds. Only one that this program made is ever opened, changed or removed.

``chroma_db`` is a name that other programs give to a folder of theirs too. So ours gets a file that says so, with the
names of all collections that were ever made in it, before Chroma makes its first file. Folders of earlier versions of
this program have none; they are known by their ``clean.json`` or, after a kill, by what is in Chroma's database.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path

from src.database.index import manifest
from src.database.index.manifest import DATABASE, MANIFEST
from src.files import sync_folder, write_json
from src.plain_files import read_object, special_of_database

MARK = "made-by-media-feature-extractor.json"
MADE_BY = "media-feature-extractor"
_OF_LIBRARY = re.compile(r"(image|object|frame)-[a-z0-9.-]+-[0-9a-f]{12}")
"""Names of the app's own collections."""


def is_ours(folder: Path, known: Collection[str] = ()) -> bool:
    """Whether an index in the folder was made by this program; True as well where there is none. Changes nothing.

    known: names of the catalogue's collections. Chroma makes plain files: another thing under its database's name is
    not ours to open.
    """
    if special_of_database(folder / DATABASE):
        return False
    marked, noted = _marked(folder), _noted(folder)
    if not holds_index(folder):
        return marked is not None or noted is not None or not (folder / MANIFEST).exists()
    found = _collections(folder)
    ours = {*(marked or ()), *(noted or ()), *known}
    if marked is None and noted is None:
        told = (found or {}).items()
        return bool(told) and all(_OF_LIBRARY.fullmatch(name) or (name in ours and cosine) for name, cosine in told)
    return found is None or all(_OF_LIBRARY.fullmatch(name) or name in ours for name in found)


def holds_index(folder: Path) -> bool:
    """Whether there is anything that a Chroma made."""
    return (folder / DATABASE).exists() or any(manifest.files_of(segment) for segment in manifest.segments(folder))


def identity(folder: Path) -> tuple[int, int] | None:
    """What tells Chroma's database in a folder from another that takes its place; None where there is none."""
    try:
        stat = os.stat(folder / DATABASE)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def claim(folder: Path, names: Collection[str]) -> None:
    """Say that the folder is ours and that these collections are made in it.

    To be called before they are. Raises OSError.
    """
    marked = _marked(folder)
    if marked is not None and marked.issuperset(names):
        return
    said = {"made_by": MADE_BY, "collections": sorted({*(marked or ()), *(_collections(folder) or ()), *names})}
    write_json(folder / MARK, said)
    sync_folder(folder)


def unclaim(folder: Path) -> None:
    """To be called when nothing of the index is left."""
    (folder / MARK).unlink(missing_ok=True)


def _marked(folder: Path) -> set[str] | None:
    """The names in our mark; None where there is none. A mark that a power cut left unreadable still is one."""
    if not (folder / MARK).is_file():
        return None
    named = read_object(folder / MARK).get("collections")
    return set(map(str, named)) if isinstance(named, list) else set()


def _noted(folder: Path) -> set[str] | None:
    """Names of the collections in our note, whatever became of the files it describes; None where there is none."""
    said = read_object(folder / MANIFEST)
    described, notes = said.get("files"), said.get("collections")
    if (
        not isinstance(described, Mapping)
        or not isinstance(notes, Mapping)
        or (described and DATABASE not in described)
    ):
        return None
    return (
        set(map(str, notes))
        if all(isinstance(note, Mapping) and "fingerprint" in note for note in notes.values())
        else None
    )


def _collections(folder: Path) -> dict[str, bool] | None:
    """Name -> whether it compares by cosine, of the collections in Chroma's database; None where that can't be read.

    No file is changed.
    """
    address = f"{(folder / DATABASE).absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True)) as db:
            rows = db.execute("SELECT name, * FROM collections").fetchall()
        return {str(row[0]): any('"cosine"' in str(value) for value in row) for row in rows}
    except (sqlite3.Error, UnicodeDecodeError):
        return None
