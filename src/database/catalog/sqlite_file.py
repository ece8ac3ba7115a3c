"""One SQLite file: opening it where it may be, pragmas, migrations, and its errors in our words."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.dialects.sqlite import insert

from src.database.catalog import wildcards
from src.database.catalog.migrations import MIGRATIONS, add_facts, lacks_facts
from src.database.catalog.network_drive import refuse_network
from src.database.disk_space import disk_is_full
from src.errors import LibraryBusy, LibraryNewer, LibraryUnusable
from src.schema.colour_words import colour_word
from src.text import folded

CHUNK = 500
"""Values per IN list: far under SQLite's limit on bound variables."""
PATIENCE = 15.0
"""Seconds to wait while another process writes."""
SHORT_PATIENCE = 0.5
"""The same for what can be done later."""

Guard = Callable[[], None]


class SqliteFile:
    """Opened on a file; safe for several threads and, as far as SQLite goes, several processes.

    ``read_only``: a file in a folder that may not be written (a medium that is write-protected) is opened as it is.
    ``guard`` is called before each use, and raises LibraryUnusable where the file is not the library's any more.
    ``untouched``: any file is, and where there is none, or one without a byte, an empty catalogue in memory is what is
    read. Raises LibraryNewer for a file of a newer version, LibraryBusy where another process keeps it locked,
    LibraryUnusable where it can't be opened as a catalogue. Neither then nor later is a damaged file replaced.
    """

    def __init__(
        self, file: Path, read_only: bool = False, untouched: bool = False, guard: Guard | None = None
    ) -> None:
        self.file = file
        self._guard = guard or (lambda: None)
        self._fixed = (read_only or untouched) and _holds_bytes(file) and (untouched or not _may_be_written(file))
        self._untouched = untouched
        if not self._fixed and not untouched:
            refuse_network(file)
            _make_folder(file)
            _refuse_foreign(file)
        self._engine = _in_memory() if untouched and not self._fixed else _on_disk(file, self._fixed)
        sa.event.listen(self._engine, "connect", _set_reading_pragmas if self._fixed else _set_pragmas)
        try:
            with in_our_words(file):
                self._migrate()
        except BaseException:
            self._engine.dispose()
            raise

    def close(self) -> None:
        self._engine.dispose()

    def only_read(self) -> None:
        """From now on SQLite itself refuses to write: LibraryUnusable."""
        sa.event.listen(self._engine, "connect", lambda made, _: made.execute("PRAGMA query_only=ON"))
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for reading. Raises LibraryBusy, LibraryUnusable."""
        self._guard()
        with in_our_words(self.file), self._engine.connect() as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One write transaction, committed at the end of the ``with``.

        Raises LibraryBusy, LibraryUnusable; nothing is stored then.
        """
        self._guard()
        with in_our_words(self.file), self._engine.begin() as db:
            yield db

    @property
    def fixed(self) -> bool:
        """Whether nothing can be written."""
        return self._fixed

    @contextmanager
    def writing_at_once(self) -> Iterator[sa.Connection]:
        """The same where nobody else is writing; another's transaction is waited for no longer than most take."""
        self._guard()
        with in_our_words(self.file), self._engine.begin() as db:
            db.exec_driver_sql(f"PRAGMA busy_timeout = {SHORT_PATIENCE * 1000:.0f}")
            try:
                db.exec_driver_sql("BEGIN IMMEDIATE")
                yield db
            finally:
                db.exec_driver_sql(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")

    def compact(self) -> None:
        """Give the space of deleted rows back to the disk, and empty the log.

        Raises LibraryUnusable where there is no room to do so.
        """
        with in_our_words(self.file), self._alone() as db:
            try:
                db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                db.exec_driver_sql("VACUUM")
            finally:
                db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def empty_log(self) -> None:
        """Give the space of the write-ahead log back to the disk, as far as nobody reads it. Raises LibraryUnusable."""
        with in_our_words(self.file), self._alone() as db:
            db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def snapshot_to(self, target: Path) -> None:
        """Write a consistent copy of all that is committed to ``target``, a new file; others may go on writing.

        Raises SQLAlchemy's DatabaseError: whether the copy or this file is at fault is the caller's to tell.
        """
        with self._alone() as db:
            db.exec_driver_sql("VACUUM INTO ?", (str(target),))

    def _alone(self) -> sa.Connection:
        """A connection for statements that may not stand in a transaction."""
        self._guard()
        return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def _migrate(self) -> None:
        """All steps in one transaction: a process that dies leaves the file as it was, and two at once take turns."""
        with self._engine.begin() as db:
            if self._version(db) == len(MIGRATIONS) and not lacks_facts(db):
                return
            if self._fixed:
                raise self._too_old(self._version(db))
            db.exec_driver_sql("BEGIN IMMEDIATE")
            for number, step in enumerate(MIGRATIONS[self._version(db) :], self._version(db) + 1):
                step(db)
                db.exec_driver_sql(f"PRAGMA user_version = {number}")
            add_facts(db)
        # the tables have their place on the disk from now on: what is written later finds room for more of the log
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def _too_old(self, version: int) -> LibraryUnusable:
        if version == 0:
            return LibraryUnusable(
                f"{self.file} holds no library.", "It was begun and never filled, or another program made it."
            )
        if self._untouched:
            return LibraryUnusable(
                f"The library {self.file} is of an older version, and a check changes nothing.",
                "Any other command brings it up to date.",
            )
        return LibraryUnusable(
            f"The library {self.file} is of an older version and write-protected, so it can't be brought up to date.",
            "Copy the library to a folder that can be written.",
        )

    def _version(self, db: sa.Connection) -> int:
        version = int(db.exec_driver_sql("PRAGMA user_version").scalar_one())
        if version > len(MIGRATIONS):
            raise LibraryNewer(
                f"The library {self.file} was written by a newer version of this program "
                f"(schema {version}, known {len(MIGRATIONS)}).",
                "Update the program, or choose another library with MFE_HOME.",
            )
        return version


# ---------------------------------------------------------------- where it lies


def _refuse_foreign(file: Path) -> None:
    """A database of another program that happens to have our name is left as it is.

    What can't be read is for the opening to say.
    """
    if not file.is_file() or not file.stat().st_size:
        return
    address = f"{file.absolute().as_uri()}?mode=rw"
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    with suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True, timeout=0)) as db:
        tables = {row[0] for row in db.execute(query)}
        if tables and not {"meta", "images"} <= tables:
            raise LibraryUnusable(
                f"{file} is a database of another program, not a library's catalogue.",
                "It was left as it is. Move it away, or choose another folder with MFE_HOME.",
            )


def _make_folder(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LibraryUnusable(
            f"The library's folder {file.parent} can't be made ({error.strerror or error}).",
            "Choose another with MFE_HOME.",
        ) from error


def _holds_bytes(file: Path) -> bool:
    """False where there is no file, or an empty one, as a full disk leaves it: neither is a library yet."""
    try:
        return os.stat(file).st_size > 0
    except OSError:
        return False


def _may_be_written(file: Path) -> bool:
    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


def _on_disk(file: Path, fixed: bool) -> sa.Engine:
    return sa.create_engine(_address(file, fixed), connect_args={"timeout": PATIENCE})


def _in_memory() -> sa.Engine:
    return sa.create_engine("sqlite://", poolclass=sa.StaticPool, connect_args={"check_same_thread": False})


def _address(file: Path, fixed: bool) -> sa.URL:
    """A file that can't be written is opened as it is.

    With a write-ahead log beside it, SQLite has to look for changes in there.
    """
    if not fixed:
        return sa.URL.create("sqlite", database=str(file))
    log = file.with_name(f"{file.name}-wal")
    still = {} if log.exists() and log.stat().st_size else {"immutable": "1"}
    return sa.URL.create(
        "sqlite", database=f"file:{quote(os.fsencode(file))}", query={"mode": "ro", "uri": "true", **still}
    )


def _set_pragmas(connection: sqlite3.Connection, _: Any) -> None:
    _set_functions(connection)
    _set_wal(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _set_wal(connection: sqlite3.Connection) -> None:
    """Of two that open a new file at once, SQLite tells one that it is locked without its usual patience."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _set_functions(connection: sqlite3.Connection) -> None:
    """SQLite's own ``lower`` knows the letters of ASCII alone."""
    fold: Callable[[Any], Any] = lambda value: folded(value) if isinstance(value, str) else value  # noqa: E731
    connection.create_function("casefold", 1, fold, deterministic=True)
    connection.create_function("fits", 2, wildcards.fits, deterministic=True)
    connection.create_function("colour_word", 1, colour_word, deterministic=True)


def _set_reading_pragmas(connection: sqlite3.Connection, _: Any) -> None:
    _set_functions(connection)
    connection.execute("PRAGMA query_only=ON")


# ---------------------------------------------------------------- errors


@contextmanager
def in_our_words(file: Path) -> Iterator[None]:
    """Turns SQLite's errors about the file itself into ours; what a program did wrong stays as it is.

    Ours are LibraryBusy and LibraryUnusable.
    """
    try:
        yield
    except (exc.OperationalError, sqlite3.OperationalError) as error:
        raise _translated(error, file) from error
    except (exc.DatabaseError, sqlite3.DatabaseError) as error:
        if _code(error) not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise
        raise _translated(error, file) from error


def _translated(error: BaseException, file: Path) -> LibraryBusy | LibraryUnusable:
    code, catalogue = _code(error), f"The library's catalogue {file}"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LibraryBusy("Another program keeps the library's catalogue locked.", "Close it and try again.")
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return LibraryUnusable(
            f"{catalogue} is damaged.",
            "It was left as it is, and so were your photos. Bring a backup back with `import-library`; "
            "without one, move the file away and add your folders again.",
        )
    if code == sqlite3.SQLITE_FULL:
        return disk_is_full(file.parent)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return LibraryUnusable(
            f"{catalogue} can't be written: it or its folder is write-protected.", "Check their permissions."
        )
    if code == sqlite3.SQLITE_IOERR:
        return LibraryUnusable(
            f"{catalogue} can't be read or written: the disk reports an error.", "Check the disk and its free space."
        )
    hint = "Check that the folder exists and may be written, or choose another with MFE_HOME."
    return LibraryUnusable(f"{catalogue} can't be used ({getattr(error, 'orig', None) or error}).", hint)


def _code(error: BaseException) -> int:
    """SQLite's primary result code, 0 where it is none of SQLite's errors."""
    return int(getattr(getattr(error, "orig", None) or error, "sqlite_errorcode", 0)) & 0xFF


# ---------------------------------------------------------------- for the tables


def upsert(table: sa.Table, key: list[str], keep: tuple[str, ...] = ()) -> Any:
    """INSERT that replaces every column but the key, ``keep`` and a serial number where the key exists."""
    statement = insert(table)
    fixed = {*key, *keep, *(column.name for column in table.primary_key if column.autoincrement is True)}
    changes = {column.name: statement.excluded[column.name] for column in table.c if column.name not in fixed}
    return statement.on_conflict_do_update(index_elements=key, set_=changes)


def parts(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[i : i + CHUNK] for i in range(0, len(values), CHUNK))


def listed(values: Sequence[str] | Sequence[int]) -> sa.Select[Any]:
    """Any number of values for ``column.in_``, as one bound variable."""
    each = sa.func.json_each(sa.bindparam(None, json.dumps(values))).table_valued("value")
    return sa.select(each.c.value)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
