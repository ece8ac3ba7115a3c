"""How the lexical index is made, and the triggers that note of which photos something else is written since."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from src.database.catalog.tables import metadata

WORDS: dict[str, float] = {
    "tags": 4.0, "name": 2.0, "folders": 1.5, "title": 1.5, "caption": 1.5, "note": 1.0, "albums": 1.0, "place": 1.0,
    "camera": 1.0, "dates": 1.0, "text": 1.0, "description": 1.5,
}  # fmt: skip
"""Columns of the lexical index -> how much a word there weighs. text: that was read in the picture. description: what
is said to be in it.
"""

lexical = sa.Table(
    "lexical",
    metadata,
    # what is written of each photo, as ``src.lexical`` has it: the content of the index ``lexical_index``
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("image_id", sa.Text, nullable=False, unique=True),
    sa.Column("first_name", sa.Text, nullable=False, server_default=""),  # of its files, folded: lists go by it
    *(sa.Column(name, sa.Text, nullable=False, server_default="") for name in WORDS),
)
sa.Index("ix_lexical_name", lexical.c.first_name, lexical.c.image_id)

lexical_due = sa.Table(
    "lexical_due",
    metadata,
    # photos of which something else is written since; noted by triggers, the last change has the highest number
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("image_id", sa.Text, nullable=False, unique=True),
)

lexical_terms = sa.Table(
    "lexical_terms",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),  # words of letters that were ever written of a photo
    sa.Column("term", sa.Text, nullable=False, unique=True),
)

TABLES = (lexical, lexical_due, lexical_terms)
_COLUMNS = ", ".join(WORDS)
_MAKE = (
    f"CREATE VIRTUAL TABLE IF NOT EXISTS lexical_index USING fts5({_COLUMNS}, content='lexical', "
    "content_rowid='number', tokenize=\"ascii tokenchars '+#'\", prefix='2 3')"
)
_WEIGHTS = (
    f"INSERT INTO lexical_index (lexical_index, rank) VALUES ('rank', 'bm25({', '.join(map(str, WORDS.values()))})')"
)
_ONCE = "ON CONFLICT (image_id) DO NOTHING"
DUE = f"INSERT INTO lexical_due (image_id) SELECT id FROM images WHERE true {_ONCE}"
"""All photos are to be looked at."""


def make(db: sa.Connection) -> None:
    """The index, empty, with all photos due."""
    for table in TABLES:
        table.create(db, checkfirst=True)
    start_over(db)


def start_over(db: sa.Connection) -> None:
    """The same of one that there is, whatever state it is in."""
    db.exec_driver_sql("DROP TABLE IF EXISTS lexical_index")
    for table in TABLES:
        db.execute(table.delete())
    db.exec_driver_sql(_MAKE)
    db.exec_driver_sql(_WEIGHTS)
    db.exec_driver_sql(DUE)


def weigh(db: sa.Connection) -> None:
    """Have words weigh what they do now in an index that was made when some weighed otherwise."""
    db.exec_driver_sql(_WEIGHTS)


def _noted(*rows: str) -> str:
    """Notes one image each, and takes away its earlier note: what is changed last has the highest number."""
    earlier, new = "DELETE FROM lexical_due WHERE image_id = {0}", "INSERT INTO lexical_due (image_id) VALUES ({0})"
    return "; ".join(f"{earlier}; {new}".format(row) for row in rows)


def _differs(columns: Sequence[str]) -> str:
    return " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in columns)


def notes_of(table: str, columns: Sequence[str], key: str = "image_id") -> dict[str, tuple[str, str]]:
    """The triggers of a table that has rows of an image each, of which these columns are written."""
    both = (f"OLD.{key}", f"NEW.{key}") if key in columns else (f"NEW.{key}",)
    update = f"AFTER UPDATE OF {', '.join(columns)} ON {table} WHEN {_differs(columns)}"
    return {
        f"lexical_{table}_insert": (f"AFTER INSERT ON {table}", _noted(f"NEW.{key}")),
        f"lexical_{table}_delete": (f"AFTER DELETE ON {table}", _noted(f"OLD.{key}")),
        f"lexical_{table}_update": (update, _noted(*both)),
    }


def _below(row: str) -> str:
    """Notes all photos with a file below a folder, whichever system its path is of."""
    ranges = (
        f"(path >= CAST(rtrim(CAST({row}.path AS TEXT), '{sign}') || '{sign}' AS BLOB) AND "
        f"path < CAST(rtrim(CAST({row}.path AS TEXT), '{sign}') || '{after}' AS BLOB))"
        for sign, after in (("/", "0"), ("\\", "]"))
    )
    return f"INSERT INTO lexical_due (image_id) SELECT image_id FROM files WHERE ({' OR '.join(ranges)}) {_ONCE}"


NOTES: dict[str, tuple[str, str]] = {
    **notes_of("images", ("taken_at",), "id"),
    **notes_of("files", ("image_id", "path_text", "name", "uploaded", "missing_since")),
    **notes_of("facts", ("title", "caption", "place", "camera_make", "camera_model")),
    **notes_of("photo_tags", ("said", "file")),
    **notes_of("marks", ("note",)),
    **notes_of("texts", ("folded",)),
    **notes_of("album_photos", ("album_id", "image_id")),
    "lexical_albums_update": (
        "AFTER UPDATE OF name ON albums WHEN OLD.name IS NOT NEW.name",
        f"INSERT INTO lexical_due (image_id) SELECT image_id FROM album_photos WHERE album_id = NEW.id {_ONCE}",
    ),
    "lexical_folders_insert": ("AFTER INSERT ON folders", _below("NEW")),
    "lexical_folders_delete": ("AFTER DELETE ON folders", _below("OLD")),
}
"""Name of a trigger -> when it runs, and what it notes. What else is to be written of photos needs its own: of a table
that is younger than this index, beside that table.
"""
