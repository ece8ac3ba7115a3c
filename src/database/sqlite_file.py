"""One SQLite file: opening, pragmas, migrations, and its errors in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.dialects.sqlite import insert

from src.database.tables import MIGRATIONS
from src.errors import LibraryBusy, LibraryNewer, LibraryUnusable

CHUNK = 500
"""Values per IN list: far under SQLite's limit on bound variables."""


class SqliteFile:
    """Opened on a file; safe for several threads and, as far as SQLite goes, several processes.

    Raises LibraryNewer for a file of a newer version, LibraryUnusable where it can't be opened as a catalogue.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._engine = sa.create_engine(f"sqlite:///{file}", connect_args={"timeout": 15})
            sa.event.listen(self._engine, "connect", _set_pragmas)
            self._migrate()
        except (exc.DatabaseError, OSError) as error:
            raise LibraryUnusable(
                f"The library's catalogue {file} can't be opened ({_cause(error)}).",
                "Check that the folder exists and may be written, or choose another with MFE_HOME.",
            ) from error

    def close(self) -> None:
        self._engine.dispose()

    def reading(self) -> sa.Connection:
        """A connection for reading; use it in a ``with``."""
        return self._engine.connect()

    def writing(self) -> _Writing:
        """One write transaction, committed at the end of the ``with``."""
        return _Writing(self._engine, self.file)

    def compact(self) -> None:
        """Give the space of deleted rows back to the disk."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.exec_driver_sql("VACUUM")
            db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def snapshot_to(self, target: Path) -> None:
        """Write a consistent copy of everything committed so far to ``target``, which must not exist; others may go on writing."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.exec_driver_sql("VACUUM INTO ?", (str(target),))

    def _migrate(self) -> None:
        with self._engine.begin() as db:
            version = int(db.exec_driver_sql("PRAGMA user_version").scalar_one())
            if version > len(MIGRATIONS):
                raise LibraryNewer(
                    f"The library {self.file} was written by a newer version of this program (schema {version}, known {len(MIGRATIONS)}).",
                    "Update the program, or choose another library with MFE_HOME.",
                )
            for number, step in enumerate(MIGRATIONS[version:], version + 1):
                step(db)
                db.exec_driver_sql(f"PRAGMA user_version = {number}")


class _Writing:
    """A write transaction that turns SQLite's errors into ours."""

    def __init__(self, engine: sa.Engine, file: Path) -> None:
        self._context = engine.begin()
        self._file = file

    def __enter__(self) -> sa.Connection:
        return self._context.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        try:
            self._context.__exit__(kind, error, trace)
        except exc.OperationalError as failed:
            raise _translated(failed, self._file) from failed
        if isinstance(error, exc.OperationalError):
            raise _translated(error, self._file) from error


def _translated(error: exc.OperationalError, file: Path) -> LibraryBusy | LibraryUnusable:
    cause = _cause(error)
    if "locked" in cause:
        return LibraryBusy("Another program is writing to the library's catalogue.", "Close it and try again.")
    if "full" in cause:
        return LibraryUnusable("The disk is full; nothing more was stored.", f"Free some space on the disk that holds {file.parent}.")
    return LibraryUnusable(f"The library's catalogue {file} can't be written ({cause}).")


def _cause(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error).strip()


def _set_pragmas(connection: sqlite3.Connection, _: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def upsert(table: sa.Table, key: list[str], keep: tuple[str, ...] = ()) -> Any:
    """INSERT that replaces every column but the key, ``keep`` and a serial number where the key exists."""
    statement = insert(table)
    fixed = {*key, *keep, *(column.name for column in table.primary_key if column.autoincrement is True)}
    changes = {column.name: statement.excluded[column.name] for column in table.c if column.name not in fixed}
    return statement.on_conflict_do_update(index_elements=key, set_=changes)


def parts(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[i : i + CHUNK] for i in range(0, len(values), CHUNK))


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
