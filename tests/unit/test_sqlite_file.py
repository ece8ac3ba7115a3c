"""The catalogue's file: where it may lie, what is said when it is locked, damaged, newer or write-protected; nothing is
overwritten.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from src import mounts
from src.config import PROJECT_DIR
from src.database.catalog import sqlite_file
from src.database.catalog.migrations import MIGRATIONS
from src.database.catalog.network_drive import network_file_system
from src.database.catalog.sqlite_file import SqliteFile
from src.database.catalog.tables import meta
from src.errors import LibraryBusy, LibraryNewer, LibraryUnusable
from tests.conftest import MountTable

NUMBER = 4_000
VALUE = "value" * 20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A catalogue of some hundred pages, closed."""
    path = tmp_path / "data" / "catalog.sqlite3"
    opened = SqliteFile(path)
    with opened.writing() as db:
        db.execute(meta.insert(), [{"key": f"key{number}", "value": VALUE} for number in range(NUMBER)])
    opened.close()
    assert not path.with_name("catalog.sqlite3-wal").exists(), "closed cleanly"
    return path


def everything(opened: SqliteFile) -> int:
    with opened.reading() as db:
        return len(db.execute(sa.select(meta.c.key, meta.c.value)).all())


def read_and_close(path: Path, read_only: bool = False) -> int:
    opened = SqliteFile(path, read_only)
    try:
        return everything(opened)
    finally:
        opened.close()


# ---------------------------------------------------------------- locked


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process that lets nobody in: not even readers."""
    code = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "db.execute('PRAGMA locking_mode=EXCLUSIVE');db.execute('BEGIN EXCLUSIVE'); "
        "db.execute('DELETE FROM meta WHERE key = 0'); print('locked', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin and process.stdout
    try:
        assert process.stdout.readline() == "locked\n"
        yield
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def test_a_locked_catalogue_is_told_at_opening_and_read_when_it_is_free(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "PATIENCE", 0.1)
    with locked(file), pytest.raises(LibraryBusy, match="Another program keeps the library's catalogue locked"):
        read_and_close(file)
    assert read_and_close(file) == NUMBER


def test_a_writer_in_another_process_stops_writing_and_not_reading(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "PATIENCE", 0.1)
    opened = SqliteFile(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert everything(opened) == NUMBER
        with pytest.raises(LibraryBusy), opened.writing() as db:
            db.execute(meta.delete())
        other.execute("ROLLBACK")
    with opened.writing() as db:
        db.execute(meta.delete())
    assert everything(opened) == 0
    opened.close()


# ---------------------------------------------------------------- damaged


def test_a_damaged_catalogue_is_told_and_left_as_it_is(file: Path) -> None:
    whole = file.read_bytes()
    damages = {
        "garbled at its start": b"\xff" * 100 + whole[100:],
        "no database": b"this is no database at all, but text" * 300,
        "cut in the middle": whole[: len(whole) // 2],
        "a page garbled": whole[: len(whole) // 2] + b"\xa5" * 8192 + whole[len(whole) // 2 + 8192 :],
    }
    for name, damaged in damages.items():
        file.write_bytes(damaged)
        with pytest.raises(LibraryUnusable) as told:
            read_and_close(file)
        assert told.value.user_message == f"The library's catalogue {file} is damaged.", name
        assert "import-library" in told.value.hint and "left as it is" in told.value.hint
        assert file.read_bytes() == damaged, name
    file.write_bytes(whole)
    assert read_and_close(file) == NUMBER


def test_damage_found_while_reading_or_writing_is_told_too(file: Path) -> None:
    opened = SqliteFile(file)
    with file.open("r+b") as raw:
        raw.seek(os.path.getsize(file) // 2)
        raw.write(b"\xa5" * 40_000)
    with pytest.raises(LibraryUnusable, match="is damaged"):
        everything(opened)
    with pytest.raises(LibraryUnusable, match="is damaged"), opened.writing() as db:
        db.execute(meta.delete())
    opened.close()


class Failing(sqlite3.OperationalError):
    """What SQLite raises, with the code of a disk that can't be trusted here."""

    def __init__(self, code: int) -> None:
        super().__init__("made up")
        self.sqlite_errorcode = code


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (sqlite3.SQLITE_BUSY, LibraryBusy, "keeps the library's catalogue locked"),
        (sqlite3.SQLITE_BUSY | 2 << 8, LibraryBusy, "keeps the library's catalogue locked"),
        (sqlite3.SQLITE_FULL, LibraryUnusable, "The disk is full; nothing more was stored."),
        (sqlite3.SQLITE_IOERR | 1 << 8, LibraryUnusable, "the disk reports an error"),
        (sqlite3.SQLITE_READONLY, LibraryUnusable, "is write-protected"),
        (sqlite3.SQLITE_CORRUPT, LibraryUnusable, "is damaged"),
        (sqlite3.SQLITE_NOTADB, LibraryUnusable, "is damaged"),
        (sqlite3.SQLITE_CANTOPEN, LibraryUnusable, "can't be used (made up)"),
    ],
)
@pytest.mark.parametrize("how", ["reading", "writing"])
def test_every_fault_has_its_sentence(file: Path, code: int, kind: type[Exception], says: str, how: str) -> None:
    opened = SqliteFile(file)
    with pytest.raises(kind) as told, getattr(opened, how)() as db:
        db.execute(meta.delete() if how == "writing" else sa.select(meta))
        raise sa.exc.OperationalError("SELECT", {}, Failing(code))
    assert says in str(told.value)
    assert everything(opened) == NUMBER, "a write that failed leaves nothing behind"
    opened.close()


def test_a_programming_error_stays_one(file: Path) -> None:
    opened = SqliteFile(file)
    with pytest.raises(sa.exc.IntegrityError), opened.writing() as db:
        db.execute(meta.insert(), [{"key": "key1", "value": "again"}])
    with pytest.raises(ZeroDivisionError), opened.reading():
        _ = 1 // 0
    opened.close()


def test_a_disk_that_is_full_stores_nothing_more_and_says_so(file: Path) -> None:
    """The size of the file is limited instead: SQLite then fails in the same way, in the middle of a transaction."""
    code = """
import sys
from pathlib import Path
from src.database.catalog.sqlite_file import SqliteFile
from src.database.catalog.tables import meta
from src.errors import LibraryUnusable
opened = SqliteFile(Path(sys.argv[1]))
with opened.reading() as db:
    pages = db.exec_driver_sql("PRAGMA page_count").scalar_one()
    db.exec_driver_sql(f"PRAGMA max_page_count = {pages + 3}")
try:
    with opened.writing() as db:
        db.execute(meta.insert(), [{"key": f"more{n}", "value": "v" * 1000} for n in range(200)])
except LibraryUnusable as error:
    print(error.user_message)
"""
    run = subprocess.run(
        [sys.executable, "-c", code, str(file)], cwd=PROJECT_DIR, capture_output=True, text=True, timeout=60
    )
    assert run.stdout == "The disk is full; nothing more was stored.\n", run.stderr
    assert read_and_close(file) == NUMBER


# ---------------------------------------------------------------- versions


def test_a_newer_catalogue_is_refused_and_left_as_it_is(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = file.read_bytes()
    for read_only in (False, True):
        with pytest.raises(LibraryNewer, match="newer version"):
            SqliteFile(file, read_only)
    assert file.read_bytes() == before


def test_a_migration_that_dies_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(db: sa.Connection) -> None:
        db.exec_driver_sql("CREATE TABLE half (x)")
        raise KeyboardInterrupt

    path = tmp_path / "catalog.sqlite3"
    monkeypatch.setattr(sqlite_file, "MIGRATIONS", (*MIGRATIONS, dies))
    with pytest.raises(KeyboardInterrupt):
        SqliteFile(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    monkeypatch.setattr(sqlite_file, "MIGRATIONS", MIGRATIONS)
    assert read_and_close(path) == 0


def test_several_that_open_a_new_library_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(read_and_close, [tmp_path / "catalog.sqlite3"] * 16)) == [0] * 16


def test_any_name_of_a_folder_will_do(tmp_path: Path) -> None:
    for name in ("what?mode=ro", "a#b", "100%25", "file:", "new\nline", os.fsdecode(b"latin-\xe9"), "ü 写真"):
        path = tmp_path / name / "catalog.sqlite3"
        assert read_and_close(path) == 0 and path.exists()


# ---------------------------------------------------------------- write-protected


def protect(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system says of a write-protected medium. (Root may write where permissions say no.)"""
    monkeypatch.setattr(sqlite_file.os, "access", lambda _, mode: mode != os.W_OK)


def test_a_write_protected_library_is_read_and_nothing_is_made_beside_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    protect(monkeypatch)
    before = file.read_bytes()
    opened = SqliteFile(file, read_only=True)
    assert everything(opened) == NUMBER
    with pytest.raises(LibraryUnusable, match="write-protected"), opened.writing() as db:
        db.execute(meta.delete())
    assert [path.name for path in file.parent.iterdir()] == ["catalog.sqlite3"]
    opened.close()
    assert file.read_bytes() == before


def test_a_write_protected_copy_of_a_library_in_use_is_read_with_its_log(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SqliteFile(file)
    with writer.writing() as db:
        db.execute(meta.insert(), [{"key": "late", "value": "in the log"}])
    assert file.with_name("catalog.sqlite3-wal").stat().st_size
    protect(monkeypatch)
    assert read_and_close(file, read_only=True) == NUMBER + 1
    writer.close()


def test_a_write_protected_library_of_an_older_version_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "catalog.sqlite3"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE old (x)")
        db.execute("PRAGMA user_version = 1")
    protect(monkeypatch)
    with pytest.raises(LibraryUnusable, match="older version"):
        SqliteFile(path, read_only=True)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 0")
    with pytest.raises(LibraryUnusable, match="holds no library"):
        SqliteFile(path, read_only=True)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions are another thing elsewhere")
def test_a_folder_without_permission_to_write(file: Path) -> None:
    """As a user who is not root: reading works, opening for writing says what is wrong."""
    code = """
import os, sys
from pathlib import Path
from src.database.catalog.sqlite_file import SqliteFile
from src.database.catalog.tables import meta
from src.errors import AppError
if os.geteuid() == 0:
    os.setuid(65534)
opened = SqliteFile(Path(sys.argv[1]), read_only=True)
with opened.reading() as db:
    print(len(db.execute(meta.select()).all()))
try:
    opened = SqliteFile(Path(sys.argv[1]))
    with opened.writing() as db:
        db.execute(meta.delete())
except AppError as error:
    print(type(error).__name__, error.user_message)
"""
    closed = [path for path in file.parents if os.geteuid() == 0 and path.stat().st_mode & 0o005 != 0o005]
    modes = {path: path.stat().st_mode for path in (file, file.parent, *closed)}
    try:
        for path in closed:
            path.chmod(modes[path] | 0o055)
        file.chmod(0o444)
        file.parent.chmod(0o555)
        run = subprocess.run(
            [sys.executable, "-c", code, str(file)], cwd=PROJECT_DIR, capture_output=True, text=True, timeout=60
        )
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    said = run.stdout.splitlines()
    assert said[0] == str(NUMBER) and said[1].startswith("LibraryUnusable The library's catalogue"), (
        run.stdout + run.stderr
    )


# ---------------------------------------------------------------- network drives

MOUNTS = r"""
proc /proc proc rw,relatime 0 0
/dev/vda / ext4 rw,relatime 0 0
nas:/photos /mnt/nas nfs4 rw,vers=4.2 0 0
/dev/sdb1 /mnt/nas/local ext4 rw 0 0
//server/share /mnt/my\040share cifs rw 0 0
me@host: /mnt/ssh fuse.sshfs rw 0 0
/dev/sdc1 /mnt/usb fuseblk rw 0 0
nas:/x /mnt/twice nfs rw 0 0
/dev/sdd /mnt/twice btrfs rw 0 0
C:\134 /mnt/c 9p rw 0 0
autofs /mnt/plain
cifs /home/me/nfs4 tmpfs rw 0 0
not a mount
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/mnt/nas", "nfs4"),
        ("/mnt/nas/library/data", "nfs4"),
        ("/mnt/nas/local/data", None),
        ("/mnt/nasty/data", None),
        ("/mnt/my share/data", "cifs"),
        ("/mnt/ssh/x", "fuse.sshfs"),
        ("/mnt/usb/x", None),
        ("/mnt/twice/x", None),
        ("/mnt/c/Users", "9p"),
        ("/home/me/nfs4/data", None),
        ("/home/me", None),
        ("/", None),
    ],
)
def test_network_drives_are_told_by_the_longest_mount(path: str, kind: str | None, mount_table: MountTable) -> None:
    mount_table(MOUNTS)
    assert network_file_system(Path(path), mounts.mounted()) == kind
    assert network_file_system(Path(path), []) is None


def test_a_sandbox_whose_own_root_is_9p_is_no_network_drive() -> None:
    assert network_file_system(Path("/home/me"), [mounts.Mount("/", "none", "9p")]) is None


def test_a_library_on_a_network_drive_is_refused_before_anything_is_made(
    tmp_path: Path, mount_table: MountTable
) -> None:
    mount_table(f"/dev/vda / ext4 rw 0 0\nnas:/x {tmp_path} nfs4 rw 0 0\n")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for folder in ("real", "link"):
        with pytest.raises(LibraryUnusable) as told:
            SqliteFile(tmp_path / folder / "catalog.sqlite3")
        assert "network drive (nfs4)" in told.value.user_message and "MFE_HOME" in told.value.hint
    assert not (tmp_path / "real").exists()


def test_where_mounts_can_not_be_read_nothing_is_refused(tmp_path: Path, mount_table: MountTable) -> None:
    mount_table(None)
    assert mounts.mounted() == []
    assert read_and_close(tmp_path / "catalog.sqlite3") == 0


def test_this_computers_own_disk_is_fine(file: Path) -> None:
    assert read_and_close(file) == NUMBER
