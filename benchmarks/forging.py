"""Forged libraries for ``benchmarks.forged``: one good catalogue, made worse in ways that a seed chooses."""

from __future__ import annotations

import hashlib
import io
import json
import random
import sqlite3
import stat
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from src.database.catalog.tables import metadata

Members = dict[str, bytes]
CATALOG, MANIFEST = "catalog.sqlite3", "manifest.json"
TABLES = tuple(metadata.tables)


def values(dice: random.Random, outside: Path, followed: Path) -> Any:
    """Something that does not belong in a column, or just may. ``outside``: a folder that nothing may touch."""
    victim = f"{outside}/holiday"
    texts = [
        "", "x", victim, f"{victim}.jpg", f"{victim}\0", "../" * dice.randrange(1, 9) + victim.lstrip("/"), "..", "/",
        "\0", "\n", "\u202eevil", "NaN", "-1", "0", "1e999", "{", "[]", "null", '{"done": "x"}', '{"skipped": 5}',
        '{"total": -1, "done": 1e400}', "[" * 5_000, "0a1b2c3d-0000-5000-8000-000000000000",
        "0A1B2C3D-0000-5000-8000-000000000000", "0a1b2c3d-0000-5000-8000-000000000000.jpg", "queued", "running",
        "paused", "done", "failed", "index", "clear", "export", "evil", "builtin", "library", "user", "active_model",
        "9" * 5_000, "<script>", "2024-02-31T00:00:00", "0001-01-01T00:00:00+00:00", "2024-05-05T10:00:00+00:00",
        "\ufffe", str(followed), "image-builtin", "object-", "#00000000-0", "o" * 300 + "1", "04", "a" * 70_000,
    ]  # fmt: skip
    numbers = [0, 1, -1, 2, 255, 2**31, 2**53, 2**63 - 1, -(2**63), 0.5, -1.5, 1e308, float("inf")]
    blobs = [
        b"",
        b"\0",
        b"\xff",
        victim.encode(),
        f"{victim}.jpg".encode(),
        str(followed).encode(),
        b"/\0",
        b"../x",
        b"\x00\x7e" * 64,
    ]
    blobs += [b"\x00\x3c" + bytes(126), b"\x00\x30" * 64, b"\xc3(", bytes(1 << 16)]
    return dice.choice([None, dice.choice(texts), dice.choice(texts), dice.choice(numbers), dice.choice(blobs)])


def spoil_rows(db: sqlite3.Connection, dice: random.Random, outside: Path, followed: Path) -> str:
    """Put a few such values into the catalogue; in half of the cases its tables first lose their constraints."""
    said = []
    db.execute("PRAGMA foreign_keys = OFF")
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        table = dice.choice(TABLES)
        if dice.random() < 0.4:
            _loosen(db, table)
        column = dice.choice(list(metadata.tables[table].columns.keys()))
        value = values(dice, outside, followed)
        some = (
            ""
            if dice.random() < 0.2
            else f"WHERE rowid IN (SELECT rowid FROM {table} ORDER BY random() LIMIT {dice.choice((1, 1, 2))})"
        )
        try:
            db.execute(f'UPDATE OR IGNORE {table} SET "{column}" = ? {some}', (value,))
        except (sqlite3.Error, OverflowError, UnicodeEncodeError):
            continue
        said.append(f"{table}.{column} = {value!r:.60}")
        if dice.random() < 0.1:
            db.execute(f"INSERT OR IGNORE INTO {table} SELECT * FROM {table} LIMIT 1")
    return "; ".join(said)


def _loosen(db: sqlite3.Connection, table: str) -> None:
    """The same rows in a table without keys, triggers and indexes."""
    names = ", ".join(f'"{name}"' for name in metadata.tables[table].columns.keys())  # noqa: SIM118
    db.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    db.execute(f"CREATE TABLE {table} ({names})")
    db.execute(f"INSERT INTO {table} SELECT {names} FROM old_{table}")
    db.execute(f"DROP TABLE old_{table}")


SCHEMAS = (
    "CREATE VIEW evil AS SELECT * FROM images",
    "CREATE TABLE evil (x)",
    "CREATE VIRTUAL TABLE evil USING fts5(x)",
    "CREATE TRIGGER evil AFTER DELETE ON files BEGIN DELETE FROM images; END",
    "DROP TRIGGER files_delete",
    "DROP TABLE days",
    "DROP TABLE segments",
    "DROP INDEX ix_files_stamp",
    "CREATE INDEX evil ON images (hex(zeroblob(100000)))",
    "ALTER TABLE images ADD COLUMN evil AS (hex(zeroblob(10000000)))",
    "ALTER TABLE jobs ADD COLUMN evil TEXT CHECK (length(evil) > 1)",
    "ALTER TABLE images RENAME COLUMN width TO wide",
    "PRAGMA user_version = 0",
    "PRAGMA user_version = 2",
    "PRAGMA user_version = 99",
    "PRAGMA user_version = -1",
    "UPDATE sqlite_master SET sql = 'CREATE INDEX ix_files_uploaded ON files (image_id)' "
    "WHERE name = 'ix_files_uploaded'",
    "UPDATE sqlite_master SET sql = 'CREATE VIEW images AS SELECT 1' WHERE name = 'images'",
    "UPDATE sqlite_master SET rootpage = 1 WHERE name = 'files'",
    "UPDATE sqlite_master SET sql = 'nonsense' WHERE name = 'files'",
    "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'images') "
    "WHERE name = 'vectors'",
    "DELETE FROM sqlite_master WHERE type = 'index'",
)


def spoil_schema(db: sqlite3.Connection, dice: random.Random) -> str:
    statement = dice.choice(SCHEMAS)
    db.execute("PRAGMA writable_schema = ON")
    try:
        db.execute(statement)
    except sqlite3.Error as error:
        return f"{statement} ({error})"
    return statement


def spoil_bytes(data: bytes, dice: random.Random) -> bytes:
    """Some bytes changed, a stretch moved, or the end cut off."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 3, 20, 200))):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    if dice.random() < 0.1:
        at, to, size = (dice.randrange(len(changed)) for _ in range(3))
        changed[to : to + size] = changed[at : at + size][: max(0, len(changed) - to)]
    return bytes(changed[: dice.randrange(len(changed))] if dice.random() < 0.1 else changed)


def names(dice: random.Random, outside: Path) -> str:
    uuid = "0a1b2c3d-0000-5000-8000-000000000000"
    return dice.choice(
        [f"{outside}/evil.jpg", f"../../outside/{uuid}.jpg", f"uploads/{uuid}.jpg", f"thumbs/0a/{uuid}.jpg",
         f"uploads/../{uuid}.jpg", f"uploads\\{uuid}.jpg", "verified", "thumbs/", "CATALOG.sqlite3",
         "catalog.sqlite3-wal", "theirs.sqlite3", f"uploads/{uuid}.jpg/", "\0", ""]
    )  # fmt: skip


def packed(members: Members, dice: random.Random | None = None) -> bytes:
    """A ZIP of the members. The manifest says what is true of them; with ``dice`` one thing in it may be a lie."""
    said = json.loads(members[MANIFEST])
    kinds = [name.split("/")[0] for name in members]
    said |= {
        "thumbs": kinds.count("thumbs"),
        "uploads": kinds.count("uploads"),
        "catalogue_bytes": len(members[CATALOG]),
    }
    said["catalogue_sha256"] = hashlib.sha256(members[CATALOG]).hexdigest()
    said["schema"] = _version(members[CATALOG])
    if dice and dice.random() < 0.3:
        said[dice.choice(list(said))] = dice.choice([None, -1, "x", 10**400, [], {}, 99, True])
    target = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w") as archive:
        warnings.simplefilter("ignore")  # about the same name twice
        for name, data in {**members, MANIFEST: json.dumps(said).encode()}.items():
            archive.writestr(_entry(name, dice), data)
            if dice and dice.random() < 0.02:
                archive.writestr(name.partition("\0")[0] or "empty", b"again")
    return target.getvalue()


def _version(catalogue: bytes) -> int:
    return int.from_bytes(catalogue[60:64], "big", signed=True) if len(catalogue) > 64 else 0


def _entry(name: str, dice: random.Random | None) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    if dice and dice.random() < 0.03:
        entry.external_attr = dice.choice([stat.S_IFLNK | 0o777, stat.S_IFIFO, stat.S_IFDIR, stat.S_IFCHR]) << 16
    if dice and dice.random() < 0.02:
        entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def changed(catalogue: bytes, file: Path, change: Callable[[sqlite3.Connection], str]) -> tuple[bytes, str]:
    """The catalogue after a change, and what that was. ``file`` is where it is done."""
    file.write_bytes(catalogue)
    db = sqlite3.connect(file)
    try:
        said = change(db)
        db.commit()
    except (sqlite3.Error, SystemError) as error:
        said = f"failed: {error}"
    db.close()
    return file.read_bytes(), said


def archive(good: Members, file: Path, dice: random.Random, outside: Path, followed: Path) -> tuple[bytes, str]:
    """The bytes of one forged archive, and what was forged."""
    way = dice.choice(("rows", "rows", "rows", "rows", "schema", "bytes", "zip", "zip bytes"))
    members, said = dict(good), way
    if way in ("rows", "schema"):
        spoil = (
            (lambda db: spoil_rows(db, dice, outside, followed))
            if way == "rows"
            else (lambda db: spoil_schema(db, dice))
        )
        members[CATALOG], said = changed(good[CATALOG], file, spoil)
    elif way == "bytes":
        members[CATALOG] = spoil_bytes(good[CATALOG], dice)
    elif way == "zip":
        for _ in range(dice.randrange(3)):
            members[names(dice, outside)] = b"evil" * dice.randrange(3)
        if dice.random() < 0.2:
            del members[dice.choice([name for name in members if name not in (MANIFEST, CATALOG)])]
    data = packed(members, dice if way == "zip" else None)
    return (spoil_bytes(data, dice) if way == "zip bytes" else data), said
