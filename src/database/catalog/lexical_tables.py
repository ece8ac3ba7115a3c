"""How the lexical index is made, and the triggers that note of which photos something else is written since."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from src.database.catalog.tables import WORDS, lexical, lexical_due, lexical_terms

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


def _noted(*rows: str) -> str:
    """Notes one image each, and takes away its earlier note: what is changed last has the highest number."""
    earlier, new = "DELETE FROM lexical_due WHERE image_id = {0}", "INSERT INTO lexical_due (image_id) VALUES ({0})"
    return "; ".join(f"{earlier}; {new}".format(row) for row in rows)


def _differs(columns: Sequence[str]) -> str:
    return " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in columns)


def _of(table: str, columns: Sequence[str], key: str = "image_id") -> dict[str, tuple[str, str]]:
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
    **_of("images", ("taken_at",), "id"),
    **_of("files", ("image_id", "path_text", "name", "uploaded", "missing_since")),
    **_of("facts", ("title", "caption", "place", "camera_make", "camera_model")),
    **_of("photo_tags", ("said", "file")),
    **_of("marks", ("note",)),
    **_of("texts", ("folded",)),
    **_of("album_photos", ("album_id", "image_id")),
    "lexical_albums_update": (
        "AFTER UPDATE OF name ON albums WHEN OLD.name IS NOT NEW.name",
        f"INSERT INTO lexical_due (image_id) SELECT image_id FROM album_photos WHERE album_id = NEW.id {_ONCE}",
    ),
    "lexical_folders_insert": ("AFTER INSERT ON folders", _below("NEW")),
    "lexical_folders_delete": ("AFTER DELETE ON folders", _below("OLD")),
}
"""Name of a trigger -> when it runs, and what it notes. What else is to be written of photos needs its own here."""
