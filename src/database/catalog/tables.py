"""The catalogue's tables and the numbered steps that bring an older file up to date. Imported by catalog.py alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from src.database.catalog.tolerant import tolerate
from src.schema.fields import FIELDS

metadata = sa.MetaData()

meta = sa.Table(
    "meta", metadata, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False)
)

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
sa.Index("ix_images_taken", images.c.taken_at, images.c.removed_at, images.c.id)
sa.Index("ix_images_hidden", images.c.id, sqlite_where=images.c.removed_at.is_not(None))

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
    sa.Column("ctime_ns", sa.Integer, nullable=False, server_default="0"),  # 0: unknown
)
sa.Index("ix_files_stamp", files.c.inode, files.c.size)
sa.Index("ix_files_missing", files.c.id, sqlite_where=files.c.missing_since.is_not(None))
sa.Index("ix_files_uploaded", files.c.image_id, sqlite_where=sa.text("uploaded = 1"))

OF_IMAGES = frozenset({"width", "height", "format", "taken_at"})
"""Facts that the table of images has."""
_COLUMNS: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "text": sa.Text, "words": sa.Text, "whole": sa.Integer, "number": sa.Float, "flag": sa.Boolean, "moment": sa.Text,
    "offset": sa.Text, "colours": sa.Text,
}  # fmt: skip
"""Kind of a fact's value -> its column. Several words or colours are a JSON array."""

facts = sa.Table(
    "facts",
    metadata,
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    *(sa.Column(field.name, _COLUMNS[field.kind]) for field in FIELDS if field.name not in OF_IMAGES),
    # what lay beside the photo and told of it, and how it was: facts are read anew where that changes
    sa.Column("beside", sa.Text),
)

folders = sa.Table(
    "folders",
    metadata,
    sa.Column("path", sa.LargeBinary, primary_key=True),  # os.fsencode, absolute
    sa.Column("path_text", sa.Text, nullable=False),
    sa.Column("watched", sa.Boolean, nullable=False),
    sa.Column("offline_since", sa.Text),
    sa.Column("synced_at", sa.Text),
    sa.Column("objects", sa.Boolean, nullable=False, server_default="0"),  # the objects in its photos are indexed too
)

days = sa.Table(
    "days",
    metadata,
    # on which images were taken, YYYY-MM-DD; empty for those without a date
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("images", sa.Integer, nullable=False),  # that are not hidden; kept by triggers
)

unreadable = sa.Table(
    "unreadable",
    metadata,
    # a file that can't be indexed, so that it is not tried at every sync
    sa.Column("path", sa.LargeBinary, primary_key=True),
    sa.Column("device", sa.Integer, nullable=False),
    sa.Column("inode", sa.Integer, nullable=False),
    sa.Column("mtime_ns", sa.Integer, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("reader", sa.Text, nullable=False),  # what refused it: another version of it tries again
    sa.Column("ctime_ns", sa.Integer, nullable=False, server_default="0"),  # 0: unknown
)

collections = sa.Table(
    "collections",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("dimensions", sa.Integer),  # None until the first vector
    sa.Column("owner", sa.Text, nullable=False),  # library | user
    # vectors of hidden images included; kept by triggers
    sa.Column("rows", sa.Integer, nullable=False, server_default="0"),
    # grows with each change other than a new vector
    sa.Column("rewritten", sa.Integer, nullable=False, server_default="0"),
    sa.Column("kind", sa.Text, nullable=False, server_default="image"),  # what its vectors stand for, see kinds.py
)

changes = sa.Table(
    "changes",
    metadata,
    sa.Column("what", sa.Text, primary_key=True),
    # grows with each change to images, files, facts: what was counted is out of date
    sa.Column("number", sa.Integer, nullable=False),
)

vectors = sa.Table(
    "vectors",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("collection", sa.Text, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("vector", sa.LargeBinary, nullable=False),  # float16 little-endian, norm 1
    sa.Column("metadata", sa.Text),  # JSON object
    # the image that what it stands for is in; None where that is the image itself, whose id it has
    sa.Column("image_id", sa.Text),
    sa.UniqueConstraint("collection", "id"),
    sqlite_autoincrement=True,
)
sa.Index("ix_vectors_image", vectors.c.collection, vectors.c.image_id, sqlite_where=vectors.c.image_id.is_not(None))

index_changes = sa.Table(
    "index_changes",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("collection", sa.Text, nullable=False),
    sa.Column("id", sa.Text, nullable=False),  # of a vector that came, changed or went; written by triggers
    # tells it from the same number of another past
    sa.Column("mark", sa.Integer, nullable=False, server_default=sa.text("(random())")),
    sqlite_autoincrement=True,
)
sa.Index("ix_index_changes", index_changes.c.collection, index_changes.c.number)

segments = sa.Table(
    "segments",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # begins with the image's id; also the id of its vector
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("x0", sa.Integer, nullable=False),  # pixels of the upright image
    sa.Column("y0", sa.Integer, nullable=False),
    sa.Column("x1", sa.Integer, nullable=False),
    sa.Column("y1", sa.Integer, nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("mask_height", sa.Integer, nullable=False),
    sa.Column("mask_width", sa.Integer, nullable=False),
    sa.Column("mask", sa.Text, nullable=False),  # COCO's compressed runs
)

looked_at = sa.Table(
    "looked_at",
    metadata,
    sa.Column("image_id", sa.Text, sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("pass", sa.Text, primary_key=True),  # which pass over all photos has looked at it
    sa.Column("recipe", sa.Text, nullable=False),  # with what: another one looks at it again
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


former = sa.MetaData()
"""Tables that an older version made and this one has replaced: they are only read, once."""
sa.Table(
    "segmented", former, *(sa.Column(name, sa.Text, nullable=False) for name in ("image_id", "recipe", "collection"))
)

tolerate(metadata)
CHANGES = sa.select(sa.func.max(changes.c.number))
"""A number that is another one after each change to images, files or facts, and to what was looked at."""
SEEN = sa.select(sa.func.coalesce(sa.func.sum(days.c.images), 0))
"""The number of images that are not hidden; counting them would go through all of them."""


def _first(db: sa.Connection) -> None:
    metadata.create_all(db)


def _second(db: sa.Connection) -> None:
    """Folders, missing files, unreadable files, and jobs that pause. (A new file has them from the first step on.)"""
    for table in (folders, unreadable):
        table.create(db, checkfirst=True)
    _add_column(db, "files", "missing_since", "TEXT")
    _add_column(db, "jobs", "pause", "BOOLEAN")
    db.exec_driver_sql("CREATE INDEX IF NOT EXISTS ix_files_stamp ON files (inode, size)")


_DAY = "coalesce(substr({row}.taken_at, 1, 10), '')"
_SEEN = f"INSERT INTO days VALUES ({_DAY.format(row='NEW')}, 1) ON CONFLICT (day) DO UPDATE SET images = images + 1"
_UNSEEN = f"UPDATE days SET images = images - 1 WHERE day = {_DAY.format(row='OLD')}"
_CHANGED = "(OLD.removed_at IS NOT NEW.removed_at OR OLD.taken_at IS NOT NEW.taken_at)"
_TRIGGERS = {
    "days_added": ("AFTER INSERT ON images WHEN NEW.removed_at IS NULL", _SEEN),
    "days_gone": ("AFTER DELETE ON images WHEN OLD.removed_at IS NULL", _UNSEEN),
    "days_from": (f"AFTER UPDATE ON images WHEN OLD.removed_at IS NULL AND {_CHANGED}", _UNSEEN),
    "days_to": (f"AFTER UPDATE ON images WHEN NEW.removed_at IS NULL AND {_CHANGED}", _SEEN),
    "vectors_added": ("AFTER INSERT ON vectors", "UPDATE collections SET rows = rows + 1 WHERE name = NEW.collection"),
    "vectors_gone": (
        "AFTER DELETE ON vectors",
        "UPDATE collections SET rows = rows - 1, rewritten = rewritten + 1 WHERE name = OLD.collection",
    ),
    "vectors_replaced": (
        "AFTER UPDATE ON vectors",
        "UPDATE collections SET rewritten = rewritten + 1 WHERE name = NEW.collection",
    ),
    "images_hidden": (
        "AFTER UPDATE OF removed_at ON images WHEN OLD.removed_at IS NOT NEW.removed_at",
        "UPDATE collections SET rewritten = rewritten + 1",
    ),
    **{
        f"{table}_{done.lower()}": (f"AFTER {done} ON {table}", "UPDATE changes SET number = number + 1")
        for table in ("images", "files")
        for done in ("INSERT", "UPDATE", "DELETE")
    },
}
_NOTE = "INSERT INTO index_changes (collection, id) VALUES ({row}.collection, {row}.id)"
_KNOWN = "EXISTS (SELECT 1 FROM collections WHERE name = {row}.collection)"
_OF_INDEX = {
    f"index_{done.split()[0].lower()}": (
        f"AFTER {done} ON vectors WHEN {_KNOWN.format(row=row)}",
        _NOTE.format(row=row),
    )
    for done, row in (("INSERT", "NEW"), ("UPDATE OF vector", "NEW"), ("DELETE", "OLD"))
}
_OF_FACTS = {
    f"{table}_{done.lower()}": (f"AFTER {done} ON {table}", "UPDATE changes SET number = number + 1")
    for table in ("facts", "looked_at")
    for done in ("INSERT", "UPDATE", "DELETE")
}


def _statements(triggers: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    return {name: f"CREATE TRIGGER {name} {when} BEGIN {action}; END" for name, (when, action) in triggers.items()}


COUNTERS = _statements(_TRIGGERS)
"""Name -> statement. They count in the same transaction as what they count, whichever code made the change."""
LATER_TRIGGERS = _statements(_OF_INDEX | _OF_FACTS)
"""The same, of the sixth step: they note for the vector index which vectors came, changed or went (a collection that is
dropped as a whole needs no note: its own row goes first), and count changes to facts.
"""
TRIGGERS = COUNTERS | LATER_TRIGGERS


def _third(db: sa.Connection) -> None:
    """Counters that tell at once how many vectors there are and whether anything changed, and indexes for filters."""
    for table in (changes, days):
        table.create(db, checkfirst=True)
    _add_column(db, "collections", "rows", "INTEGER NOT NULL DEFAULT 0")
    _add_column(db, "collections", "rewritten", "INTEGER NOT NULL DEFAULT 0")
    db.exec_driver_sql("CREATE INDEX IF NOT EXISTS ix_images_taken ON images (taken_at, removed_at, id)")
    db.exec_driver_sql("CREATE INDEX IF NOT EXISTS ix_images_hidden ON images (id) WHERE removed_at IS NOT NULL")
    db.exec_driver_sql("CREATE INDEX IF NOT EXISTS ix_files_missing ON files (id) WHERE missing_since IS NOT NULL")
    db.exec_driver_sql("CREATE INDEX IF NOT EXISTS ix_files_uploaded ON files (image_id) WHERE uploaded = 1")
    db.exec_driver_sql("UPDATE collections SET rows = (SELECT count(*) FROM vectors WHERE collection = name)")
    day = _DAY.format(row="images")
    db.exec_driver_sql(f"INSERT INTO days SELECT {day}, count(*) FROM images WHERE removed_at IS NULL GROUP BY 1")
    db.exec_driver_sql("INSERT OR IGNORE INTO changes VALUES ('photos', 0)")
    _make_triggers(db, COUNTERS)


SEGMENTED = """CREATE TABLE IF NOT EXISTS segmented (
    image_id TEXT NOT NULL PRIMARY KEY REFERENCES images (id) ON DELETE CASCADE, \
recipe TEXT NOT NULL, collection TEXT NOT NULL)"""
"""What ``looked_at`` was until the sixth step."""


def _fourth(db: sa.Connection) -> None:
    """Objects inside images, and folders whose photos are looked through for them."""
    segments.create(db, checkfirst=True)
    db.exec_driver_sql(SEGMENTED)
    _add_column(db, "folders", "objects", "BOOLEAN NOT NULL DEFAULT 0")


def _fifth(db: sa.Connection) -> None:
    """When a file was last changed in any way, and no capture times that are none, as earlier versions stored them.

    SQLite makes 2 March of 31 February once it calculates with it, and NULL of what is no moment. A date to come stays:
    the computer's clock may be wrong.
    """
    for table in ("files", "unreadable"):
        _add_column(db, table, "ctime_ns", "INTEGER NOT NULL DEFAULT 0")
    odd = "strftime('%Y-%m-%dT%H:%M:%S', taken_at, '+0 days') IS NOT taken_at OR taken_at < '1826'"
    db.exec_driver_sql(f"UPDATE images SET taken_at = NULL WHERE taken_at IS NOT NULL AND ({odd})")


SIXTH = (
    "UPDATE collections SET kind = 'object' WHERE owner = 'library' AND name LIKE 'object-%'",
    "UPDATE vectors SET image_id = substr(id, 1, instr(id || '#', '#') - 1) "
    "WHERE collection IN (SELECT name FROM collections WHERE kind = 'object')",
    "INSERT INTO looked_at SELECT image_id, 'segments', recipe FROM segmented",
    "INSERT INTO looked_at SELECT image_id, 'objects', recipe || ' in ' || collection FROM segmented",
    "DROP TABLE segmented",
)
"""Brings rows of an earlier version to the sixth step, whose columns say what a collection's name and an object's id
(its image's, a ``#`` and a number) said before.
"""


def _sixth(db: sa.Connection) -> None:
    """What a vector stands for, what was looked at by which pass, and notes of what the index has yet to follow."""
    _add_column(db, "collections", "kind", "TEXT NOT NULL DEFAULT 'image'")
    _add_column(db, "vectors", "image_id", "TEXT")
    looked_at.create(db, checkfirst=True)
    facts.create(db, checkfirst=True)
    add_facts(db)
    for statement in SIXTH:
        db.exec_driver_sql(statement)
    db.exec_driver_sql(
        "CREATE INDEX IF NOT EXISTS ix_vectors_image ON vectors (collection, image_id) WHERE image_id IS NOT NULL"
    )
    index_changes.create(db, checkfirst=True)
    _make_triggers(db, LATER_TRIGGERS)


def lacks_facts(db: sa.Connection) -> bool:
    """Whether the table of facts has a row (``schema.fields``) that there is no column for yet."""
    there = {row[1] for row in db.exec_driver_sql(f"PRAGMA table_info({facts.name})")}
    return not there.issuperset(facts.columns.keys())


def add_facts(db: sa.Connection) -> None:
    """A column for each fact that has none yet. So a new fact needs no step of its own."""
    for column in facts.columns:
        _add_column(db, facts.name, column.name, str(column.type.compile(db.dialect)))


def _make_triggers(db: sa.Connection, statements: Mapping[str, str]) -> None:
    for statement in statements.values():
        db.exec_driver_sql(statement.replace("TRIGGER", "TRIGGER IF NOT EXISTS", 1))


def _add_column(db: sa.Connection, table: str, column: str, kind: str) -> None:
    if column not in {row[1] for row in db.exec_driver_sql(f"PRAGMA table_info({table})")}:
        db.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_first, _second, _third, _fourth, _fifth, _sixth)
"""Step n brings schema n-1 to n. Steps are never changed once released; a new one is added at the end."""
