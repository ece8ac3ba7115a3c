"""A catalogue that comes from anywhere: never used itself, but looked through and copied row by row into our own.

Whatever its schema says, only rows get across, each by the rules of ``row_rules``; tables, indexes, triggers and
counters of the copy are made by our migrations. Memory does not grow with the number of rows, and the time that SQLite
may spend grows with the file's size alone.
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Collection as Names
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from src.database.catalog import cells, lexical_tables, migrations, row_rules, whole_rows
from src.database.catalog.migrations import COUNTERS, MIGRATIONS, SEGMENTED, SIXTH, TRIGGERS
from src.database.catalog.row_rules import Row, os_text
from src.database.catalog.sqlite_file import in_our_words
from src.database.catalog.tables import former, metadata
from src.database.catalog.vectors import Collection
from src.errors import LibraryUnusable
from src.plain_files import json_in
from src.text import folded

SCHEMA = len(MIGRATIONS)
"""The schema version that this program writes."""
MARKS = ("marks", "photo_tags", "albums", "album_photos", "binned", "discarded", "successors", "operations")
ORDER = (
    *("meta", "images", "collections", "files", "facts", "folders", "unreadable"),
    *("segments", "segmented", "looked_at", "vectors", "jobs", "prints", "alike", "verdicts", "texts"),
    *(*MARKS, "forgotten", "album_covers"),
)
"""What is copied, what others point to first. ``days`` and ``changes`` are counted anew by the triggers;
``index_changes`` is of an index that does not come along, and so are the lexical index and its tables."""
BLOCK, BLOCK_BYTES = 500, 4_000_000
"""Rows copied at a time, and bytes of text and blobs in them, about."""
MOST_COLLECTIONS = 10_000
_SINCE = {"meta": 1, "images": 1, "files": 1, "collections": 1, "vectors": 1, "jobs": 1, "folders": 2, "unreadable": 2}
_SINCE |= {"changes": 3, "days": 3, "segments": 4, "segmented": 4, "index_changes": 6, "looked_at": 6, "facts": 6}
_SINCE |= dict.fromkeys(MARKS, 7) | {
    "prints": 8,
    "alike": 8,
    "verdicts": 8,
    "forgotten": 9,
    "album_covers": 9,
    "texts": 11,
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


@dataclass(frozen=True)
class Allowed:
    """What a library may bring along; only those who use it know."""

    settings: Mapping[str, Names[str]]
    """Name of a setting -> the values that it may have, any where there are none."""
    job_kinds: Names[str]


def adopt(source: Path, target: Path, schema: int, allowed: Allowed) -> Iterator[None]:
    """Copy a catalogue of that schema version into a new one at ``target``, which must not exist, block by block.

    Raises LibraryUnusable, which says what, where the source holds anything that this program does not write. Finished
    jobs with odd rows, and jobs that were still to be done, are left out; so are all the source's counters.
    """
    with _in_our_words(), contextlib.closing(_stranger(source)) as theirs:
        tables = _checked(theirs, schema)
        _make(target)
        with contextlib.closing(sqlite3.connect(target)) as ours:
            ours.execute("PRAGMA foreign_keys = ON")
            with ours:
                copy = _Copy(theirs, ours, allowed)
                later = {name: text for name, text in TRIGGERS.items() if name not in COUNTERS}
                for name in later:
                    ours.execute(f"DROP TRIGGER {name}")
                ours.execute(SEGMENTED)
                for table in ORDER:
                    if table in tables:
                        yield from copy.rows(table, tables[table])
                for statement in SIXTH if schema < FORMER_UNTIL else ("DROP TABLE segmented",):
                    ours.execute(statement)
                if schema < TAGS_SINCE:
                    _tag(ours)
                ours.execute(migrations.SUMMARY)
                for statement in (*later.values(), lexical_tables.DUE):
                    ours.execute(statement)


def _tag(ours: sqlite3.Connection) -> None:
    """The keywords of an earlier version's facts as tags."""
    for image_id, said in ours.execute("SELECT image_id, keywords FROM facts WHERE keywords IS NOT NULL").fetchall():
        ours.executemany(migrations.FILE_TAGS, migrations.file_tags(image_id, json_in(said)))


def _make(target: Path) -> None:
    """A new catalogue without rows.

    It may lie where no library could (a backup is tried on the drive that it is written to).
    """
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(target)))
    with in_our_words(target), engine.begin() as db:
        for step in MIGRATIONS:
            step(db)
        db.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")
    engine.dispose()


def problem(file: Path, allowed: Allowed, beside: Path) -> str | None:
    """Why a catalogue would not be taken over, in one sentence; None where it would.

    ``beside``: a name for a copy, which is removed.
    """
    try:
        with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as db:
            schema = int(db.execute("PRAGMA user_version").fetchone()[0])
        for _ in adopt(file, beside, schema, allowed):
            pass
        return None
    except LibraryUnusable as error:
        return error.user_message
    finally:
        for ending in ("", "-wal", "-shm", "-journal"):
            beside.with_name(beside.name + ending).unlink(missing_ok=True)


# ---------------------------------------------------------------- as a whole


def _stranger(file: Path) -> sqlite3.Connection:
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


def _checked(db: sqlite3.Connection, schema: int) -> dict[str, list[str]]:
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


# ---------------------------------------------------------------- row by row


@dataclass
class _Copy:
    """Rows on their way from a stranger's catalogue into ours."""

    theirs: sqlite3.Connection
    ours: sqlite3.Connection
    allowed: Allowed
    collections: dict[str, Collection] = field(default_factory=dict)
    """Once they were copied."""

    def rows(self, table: str, columns: list[str]) -> Iterator[None]:
        rules = row_rules.of_table(table)
        kept = [name for name in columns if (table, name) not in migrations.KEPT]
        names = ", ".join(f'"{name}"' for name in kept)
        statement = f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(kept))})"
        for block in _blocks(self.theirs.execute(f"SELECT {names} FROM {table}")):
            rows = [dict(zip(kept, values, strict=True)) for values in block]
            good = [row for row in rows if self._fits(table, row, rules)]
            self._check_together(table, good)
            try:
                self.ours.executemany(statement, [tuple(row.values()) for row in good])
            except sqlite3.IntegrityError as error:
                raise refusal(f"a row of {table} that contradicts another ({error})") from error
            yield

    def _fits(self, table: str, row: Row, rules: Mapping[str, row_rules.Rule]) -> bool:
        """Whether to copy a row. Raises LibraryUnusable where it is a wrong one; of jobs, wrong ones are left out."""
        odd = next((name for name, value in row.items() if not rules[name](value)), None)
        if table == "jobs":
            return odd is None and row["kind"] in self.allowed.job_kinds and whole_rows.finished_job(row)
        if odd is not None:
            raise refusal(f"a row in which {table}.{odd} is {row[odd]!r:.80}")
        if "path_text" in row:
            row["path_text"] = os_text(row["path"])
        return True

    def _check_together(self, table: str, rows: list[Row]) -> None:
        """What one column alone does not tell."""
        sizes = self._sizes(rows) if table == "segments" else {}
        for row in rows:
            wrong = self._problem(table, row, sizes)
            if wrong:
                raise refusal(wrong)

    def _problem(self, table: str, row: Row, sizes: Mapping[str, tuple[int, int]]) -> str | None:
        match table:
            case "meta":
                return self._setting(row)
            case "images":
                return whole_rows.image(row)
            case "files":
                return whole_rows.file(row)
            case "collections":
                return self._collection(row)
            case "vectors":
                return whole_rows.vector(row, self.collections.get(row["collection"]))
            case "alike" | "verdicts":
                return whole_rows.pair(row)
            case "segments":
                return whole_rows.segment(row, sizes)
            case "texts":
                return whole_rows.text(row)
            case "photo_tags":
                return whole_rows.photo_tag(row)
            case "albums":
                return None if row["folded"] == folded(row["name"]) else f"an album under {row['folded']!r:.80}"
            case "operations":
                return None if cells.unpacked(row["changes"]) is not None else "an operation that can't be read"
        return None

    def _setting(self, row: Row) -> str | None:
        values = self.allowed.settings.get(row["key"])
        if values is None:
            return f"a setting that does not belong there: {row['key']!r}"
        return (
            None
            if not values or row["value"] in values
            else f"the setting {row['key']} = {row['value']!r:.80}, which is unknown here"
        )

    def _collection(self, row: Row) -> str | None:
        self.collections[row["name"]] = Collection(row["name"], row["dimensions"], row["owner"], row.get("kind", ""))
        return "far too many collections" if len(self.collections) > MOST_COLLECTIONS else None

    def _sizes(self, rows: list[Row]) -> dict[str, tuple[int, int]]:
        """Width and height of the images that these objects are in."""
        wanted = json.dumps(list({row["image_id"] for row in rows}))
        query = "SELECT id, width, height FROM images WHERE id IN (SELECT value FROM json_each(?))"
        return {id_: (width, height) for id_, width, height in self.ours.execute(query, (wanted,))}


def _blocks(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    """Some rows at a time: few where they are large."""
    block: list[tuple[Any, ...]] = []
    held = 0
    for row in rows:
        block.append(row)
        held += sum(len(value) for value in row if isinstance(value, str | bytes))
        if len(block) >= BLOCK or held >= BLOCK_BYTES:
            yield block
            block, held = [], 0
    if block:
        yield block


# ---------------------------------------------------------------- errors


def refusal(what: str) -> LibraryUnusable:
    shown = "".join(character if character.isprintable() else "?" for character in what)
    return LibraryUnusable(
        f"The archive is refused: its catalogue has {shown}.",
        "Only archives made by export-library, and not changed since, can be imported.",
    )


@contextlib.contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise LibraryUnusable(
                f"The catalogue could not be copied ({error}).", "Check the disk and its free space."
            ) from error
        raise refusal(f"something that can't be read ({str(error)[:100]})") from error
    except (OverflowError, UnicodeError, MemoryError) as error:
        raise refusal(f"something that can't be read ({type(error).__name__})") from error
