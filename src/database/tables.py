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
    sa.Column("removed_at", sa.Text),  # hidden since; vectors are kept
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
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("created_at", sa.Text, nullable=False),
)


def _first(db: sa.Connection) -> None:
    metadata.create_all(db)


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_first,)
"""Step n brings schema n-1 to n. Steps are never changed once released; a new one is added at the end."""
