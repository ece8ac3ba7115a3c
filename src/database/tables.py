"""The catalogue's tables and the numbered steps that bring an older file up to date. Imported by catalog.py alone."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

metadata = sa.MetaData()

meta = sa.Table("meta", metadata, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False))

images = sa.Table(
    "images",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # UUIDv5 of sha256
    sa.Column("sha256", sa.Text, nullable=False, unique=True),
    sa.Column("width", sa.Integer, nullable=False),  # pixels, upright
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("taken_at", sa.Text),  # the camera's clock, ISO 8601
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("added_at", sa.Text, nullable=False, index=True),  # UTC, ISO 8601
    sa.Column("removed_at", sa.Text),  # hidden since: none of its files is there; vectors are kept
)

files = sa.Table(
    "files",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("path", sa.LargeBinary, nullable=False, unique=True),  # os.fsencode
    sa.Column("path_text", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("device", sa.Integer, nullable=False),
    sa.Column("inode", sa.Integer, nullable=False),
    sa.Column("mtime_ns", sa.Integer, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("uploaded", sa.Boolean, nullable=False),
    sa.Column("missing_since", sa.Text),  # UTC, ISO 8601: not there when last looked for; back when seen again
)
sa.Index("ix_files_stamp", files.c.inode, files.c.size)

folders = sa.Table(
    "folders",
    metadata,
    sa.Column("path", sa.LargeBinary, primary_key=True),  # os.fsencode, absolute
    sa.Column("path_text", sa.Text, nullable=False),
    sa.Column("watched", sa.Boolean, nullable=False),
    sa.Column("offline_since", sa.Text),
    sa.Column("synced_at", sa.Text),
)

unreadable = sa.Table(
    "unreadable",
    metadata,
    sa.Column("path", sa.LargeBinary, primary_key=True),  # a file that can't be indexed, so that it is not tried at every sync
    sa.Column("device", sa.Integer, nullable=False),
    sa.Column("inode", sa.Integer, nullable=False),
    sa.Column("mtime_ns", sa.Integer, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("reader", sa.Text, nullable=False),  # what refused it: another version of it tries again
)

collections = sa.Table(
    "collections",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("dimensions", sa.Integer),  # None until the first vector
    sa.Column("owner", sa.Text, nullable=False),  # library | user
)

vectors = sa.Table(
    "vectors",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("collection", sa.Text, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("vector", sa.LargeBinary, nullable=False),  # float16 little-endian, norm 1
    sa.Column("metadata", sa.Text),  # JSON object
    sa.UniqueConstraint("collection", "id"),
    sqlite_autoincrement=True,
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("params", sa.Text, nullable=False),  # JSON object
    sa.Column("progress", sa.Text),  # JSON of the last JobSnapshot
    sa.Column("cancel", sa.Boolean, nullable=False, default=False),
    sa.Column("pause", sa.Boolean),  # asked to pause; None in rows of an older version
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("created_at", sa.Text, nullable=False),
)


def _first(db: sa.Connection) -> None:
    metadata.create_all(db)


def _second(db: sa.Connection) -> None:
    """Folders, missing files, files that can't be read, and jobs that pause. (A new file has all of it from the first step.)"""
    for table in (folders, unreadable):
        table.create(db, checkfirst=True)
    _add_column(db, "files", "missing_since", "TEXT")
    _add_column(db, "jobs", "pause", "BOOLEAN")
    db.exec_driver_sql("CREATE INDEX IF NOT EXISTS ix_files_stamp ON files (inode, size)")


def _add_column(db: sa.Connection, table: str, column: str, kind: str) -> None:
    if column not in {row[1] for row in db.exec_driver_sql(f"PRAGMA table_info({table})")}:
        db.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_first, _second)
"""Step n brings schema n-1 to n. Steps are never changed once released; a new one is added at the end."""
