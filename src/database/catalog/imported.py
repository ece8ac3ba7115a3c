"""A catalogue that comes from anywhere: never used itself, but looked through and copied row by row into our own.

Whatever its schema says, only rows get across, each by the rules of ``row_rules``; tables, indexes, triggers and
counters of the copy are made by our migrations. Memory does not grow with the number of rows, and the time that SQLite
may spend grows with the file's size alone.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Collection as Names
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from src.database.catalog import cells, lexical_tables, migrations, row_rules, stranger, whole_rows
from src.database.catalog.description_table import STRAY
from src.database.catalog.migrations import COUNTERS, MIGRATIONS, SEGMENTED, SIXTH, TRIGGERS
from src.database.catalog.row_rules import Row, os_text
from src.database.catalog.sqlite_file import in_our_words
from src.database.catalog.stranger import FORMER_UNTIL, MARKS, SCHEMA, TAGS_SINCE, refusal
from src.database.catalog.vectors import Collection
from src.errors import LibraryUnusable
from src.plain_files import json_in
from src.text import folded

ORDER = (
    *("meta", "images", "collections", "files", "facts", "folders", "unreadable"),
    *("segments", "segmented", "looked_at", "vectors", "jobs", "prints", "alike", "verdicts", "texts"),
    *("descriptions", "labels"),
    *(*MARKS, "forgotten", "album_covers"),
)
"""What is copied, what others point to first. ``days`` and ``changes`` are counted anew by the triggers;
``index_changes`` is of an index that does not come along, and so are the lexical index and its tables."""
BLOCK, BLOCK_BYTES = 500, 4_000_000
"""Rows copied at a time, and bytes of text and blobs in them, about."""
MOST_COLLECTIONS = 10_000


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
    with _in_our_words(), contextlib.closing(stranger.opened(source)) as theirs:
        tables = stranger.checked(theirs, schema)
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
                ours.execute(STRAY)
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
        db.exec_driver_sql("BEGIN")  # Python's driver begins none for a statement that makes a table
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
            case "descriptions":
                return whole_rows.description(row)
            case "labels":
                return None if row["tag"] == folded(row["word"]) else f"a label under {row['tag']!r:.80}"
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
