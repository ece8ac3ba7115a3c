"""The file of a stranger's catalogue: opened so that nothing of its own is trusted, and looked through as a whole.

Its schema must be one that this program makes: the same tables and columns, and nothing that computes.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection as Names
from pathlib import Path

import sqlalchemy as sa

from src.database.catalog.migrations import MIGRATIONS, TRIGGERS
from src.database.catalog.tables import former, metadata
from src.errors import LibraryUnusable

SCHEMA = len(MIGRATIONS)
"""The schema version that this program writes."""
MARKS = ("marks", "photo_tags", "albums", "album_photos", "binned", "discarded", "successors", "operations")
_SINCE = {"meta": 1, "images": 1, "files": 1, "collections": 1, "vectors": 1, "jobs": 1, "folders": 2, "unreadable": 2}
_SINCE |= {"changes": 3, "days": 3, "segments": 4, "segmented": 4, "index_changes": 6, "looked_at": 6, "facts": 6}
_SINCE |= dict.fromkeys(MARKS, 7) | {
    "prints": 8,
    "alike": 8,
    "verdicts": 8,
    "forgotten": 9,
    "album_covers": 9,
    "texts": 11,
    "descriptions": 13,
    "labels": 15,
}
"""Table -> the schema version from which on it must be there."""
FORMER_UNTIL, TAGS_SINCE = 6, 7
"""The schema versions from which on none of the former tables is there, and from which on keywords are tags."""
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 200_000_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
}
_TICK = 100_000
"""Steps of SQLite's machine between two looks at how many it has taken."""
_STEPS, _STEPS_A_BYTE = 50_000_000, 20
_NAME = r'["`\[]?\w+["`\]]?'
_INDEX = re.compile(
    rf"CREATE (UNIQUE )?INDEX (IF NOT EXISTS )?{_NAME} ON {_NAME} ?"
    rf"\(({_NAME}(, ?)?)+\)( WHERE {_NAME} (IS NOT NULL|= ?1))?",
    re.IGNORECASE,
)
_COMPUTES = re.compile(r"\b(CHECK|COLLATE|GENERATED|VIRTUAL)\b", re.IGNORECASE)
"""Words of a table's definition that make SQLite compute something of the stranger's when it only reads it."""


def refusal(what: str) -> LibraryUnusable:
    shown = "".join(character if character.isprintable() else "?" for character in what)
    return LibraryUnusable(
        f"The archive is refused: its catalogue has {shown}.",
        "Only archives made by export-library, and not changed since, can be imported.",
    )


def opened(file: Path) -> sqlite3.Connection:
    """Opened so that nothing is written and nothing of its schema is trusted."""
    db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    for limit, most in _LIMITS.items():
        db.setlimit(limit, most)
    left = _STEPS + _STEPS_A_BYTE * file.stat().st_size

    def count() -> int:
        nonlocal left
        left -= _TICK
        return left < 0

    db.set_progress_handler(count, _TICK)
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON", "mmap_size = 0"):
        db.execute(f"PRAGMA {pragma}")
    return db


def checked(db: sqlite3.Connection, schema: int) -> dict[str, list[str]]:
    """Table -> its columns, of those that are copied. Raises LibraryUnusable unless all is as this program makes it."""
    if int(db.execute("PRAGMA user_version").fetchone()[0]) != schema or not 1 <= schema <= SCHEMA:
        raise refusal("another version than the archive says")
    known = _tables(schema)
    objects = db.execute("SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master").fetchall()
    for kind, name, table, root, statement in objects:
        if not _is_ours(kind, name, table, root, statement, known):
            raise refusal(f"a {str(kind)[:20]} that does not belong there: {str(name)[:80]!r}")
    columns = {name: _columns(db, known[name]) for kind, name, *_ in objects if kind == "table" and name in known}
    for table in known:
        if table not in columns and _SINCE.get(table, schema + 1) <= schema:
            raise refusal(f"no table {table}")
    said = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if said != "ok":
        raise refusal(f"damage ({str(said)[:100]})")
    return columns


def _tables(schema: int) -> dict[str, sa.Table]:
    """Those that a catalogue of that version may have, by name."""
    return dict(metadata.tables) | (dict(former.tables) if schema < FORMER_UNTIL else {})


def _is_ours(kind: object, name: object, table: object, root: object, statement: object, known: Names[str]) -> bool:
    """Whether an entry of the schema is one that may stand in a catalogue.

    Triggers by name: none runs here, and none gets across.
    """
    if kind == "trigger":
        return name in TRIGGERS
    if not isinstance(root, int) or root <= 0:  # of views and virtual tables
        return False
    if kind == "index":
        return table in known and (statement is None or bool(_INDEX.fullmatch(" ".join(str(statement).split()))))
    own = name in known or name in ("sqlite_sequence", "sqlite_stat1")
    return kind == "table" and own and name == table and not _COMPUTES.search(str(statement))


def _columns(db: sqlite3.Connection, table: sa.Table) -> list[str]:
    """Names of a table's columns: none that is unknown or computed, and all that our table gives no value by itself."""
    described = db.execute(f"PRAGMA table_xinfo({table.name})").fetchall()
    names = [str(row[1]) for row in described]
    odd = next((name for name, row in zip(names, described, strict=True) if row[6] or name not in table.columns), None)
    if odd is not None:
        raise refusal(f"a column {table.name}.{odd[:80]} that does not belong there")
    needed = [column.name for column in table.columns if not column.nullable and column.server_default is None]
    missing = next((name for name in needed if name not in names), None)
    if missing:
        raise refusal(f"no column {table.name}.{missing}")
    return names
