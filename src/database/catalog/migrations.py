"""The numbered steps that bring the catalogue of an earlier version up to date, and the triggers that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sqlalchemy as sa

from src.database.catalog import description_table, label_table, lexical_tables
from src.database.catalog.row_rules import TAG
from src.database.catalog.tables import (
    album_covers,
    album_photos,
    albums,
    alike,
    binned,
    changes,
    days,
    discarded,
    facts,
    folders,
    forgotten,
    index_changes,
    looked_at,
    marks,
    metadata,
    operations,
    photo_tags,
    prints,
    segments,
    successors,
    texts,
    unreadable,
    verdicts,
)
from src.plain_files import json_in
from src.text import folded, shown


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
_OF_MARKS = {
    f"{table}_{done.lower()}": (f"AFTER {done} ON {table}", "UPDATE changes SET number = number + 1")
    for table in ("marks", "photo_tags", "albums", "album_photos", "binned")
    for done in ("INSERT", "UPDATE", "DELETE")
}
MARKS_TRIGGERS = _statements(_OF_MARKS)
"""The same, of the seventh step: changes to what the user says of photos count too."""
COVER_TRIGGERS = _statements(
    {
        f"album_covers_{done.lower()}": (
            f"AFTER {done} ON album_covers",
            "UPDATE changes SET number = number + 1",
        )
        for done in ("INSERT", "UPDATE", "DELETE")
    }
)
"""The same, of the ninth step: another cover counts as a change."""
_RATING = "coalesce({} WHERE image_id = images.id), {} WHERE image_id = images.id))".format(
    *(f"(SELECT rating FROM {table}" for table in ("marks", "facts"))
)
_RATED = f"UPDATE images SET rating = {_RATING} WHERE id = {{row}}.image_id"
_TAGS = "UPDATE images SET tags = tags {change} 1 WHERE id = {row}.image_id"
_IS_TAG = "coalesce({row}.said, {row}.file, '') <> ''"
_WAS, _IS = _IS_TAG.format(row="OLD"), _IS_TAG.format(row="NEW")
_OF_IMAGES = {
    **{
        f"{table}_{name}": (f"AFTER {when}", _RATED.format(row=row))
        for table in ("marks", "facts")
        for name, when, row in (
            ("rated", f"INSERT ON {table} WHEN NEW.rating IS NOT NULL", "NEW"),
            ("rerated", f"UPDATE OF rating ON {table} WHEN OLD.rating IS NOT NEW.rating", "NEW"),
            ("unrated", f"DELETE ON {table} WHEN OLD.rating IS NOT NULL", "OLD"),
        )
    },
    "tags_added": (f"AFTER INSERT ON photo_tags WHEN {_IS}", _TAGS.format(change="+", row="NEW")),
    "tags_put_on": (f"AFTER UPDATE ON photo_tags WHEN {_IS} AND NOT {_WAS}", _TAGS.format(change="+", row="NEW")),
    "tags_taken_off": (f"AFTER UPDATE ON photo_tags WHEN {_WAS} AND NOT {_IS}", _TAGS.format(change="-", row="OLD")),
    "tags_gone": (f"AFTER DELETE ON photo_tags WHEN {_WAS}", _TAGS.format(change="-", row="OLD")),
}
SUMMARY_TRIGGERS = _statements(_OF_IMAGES)
"""The same, of the tenth step: they keep in an image's own row how many stars and tags it has."""
SUMMARY = (
    f"UPDATE images SET rating = {_RATING}, tags = (SELECT count(*) FROM photo_tags WHERE image_id = images.id "
    f"AND {_IS_TAG.format(row='photo_tags')}) WHERE id IN (SELECT image_id FROM marks UNION "
    "SELECT image_id FROM facts WHERE rating IS NOT NULL UNION SELECT image_id FROM photo_tags)"
)
"""Makes what those keep of what there is, where nothing is kept yet."""
LEXICAL_TRIGGERS = _statements(lexical_tables.NOTES)
"""The same, of the step that makes the lexical index: they note of which photos something else is written."""
DESCRIPTION_TRIGGERS = _statements(description_table.TRIGGERS)
"""The same, of the thirteenth step."""
TRIGGERS = COUNTERS | LATER_TRIGGERS | MARKS_TRIGGERS | COVER_TRIGGERS | SUMMARY_TRIGGERS | LEXICAL_TRIGGERS
TRIGGERS |= DESCRIPTION_TRIGGERS
KEPT = frozenset({("collections", "rows"), ("collections", "rewritten"), ("images", "rating"), ("images", "tags")})
"""Tables with columns that triggers keep."""


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


def _with_marks(db: sa.Connection) -> None:
    """What the user says of photos, albums, the bin and operations that can be undone; keywords of files are tags."""
    for table in (marks, photo_tags, albums, album_photos, binned, discarded, successors, operations):
        table.create(db, checkfirst=True)
    rows = db.execute(sa.select(facts.c.image_id, facts.c.keywords).where(facts.c.keywords.is_not(None)))
    for some in rows.partitions(1_000):
        if found := [tag for image_id, said in some for tag in file_tags(image_id, json_in(said))]:
            db.exec_driver_sql(FILE_TAGS, found)
    _make_triggers(db, MARKS_TRIGGERS)


FILE_TAGS = "INSERT OR IGNORE INTO photo_tags (image_id, tag, file) VALUES (?, ?, ?)"


def file_tags(image_id: str, words: object) -> list[tuple[str, str, str]]:
    """The rows that ``FILE_TAGS`` stores of one image's keywords; nothing of what are none."""
    texts = [word for word in words if isinstance(word, str)] if isinstance(words, list) else []
    return [(image_id, folded(word), word) for word in texts if 0 < len(word) <= TAG and shown(word) == word]


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


def _duplicates(db: sa.Connection) -> None:
    """What pictures look like, which of them are the same, and what was decided about them."""
    for table in (prints, alike, verdicts):
        table.create(db, checkfirst=True)


def _covers_and_forgotten(db: sa.Connection) -> None:
    """Photos chosen to stand for albums, and photos in the bin because their files were gone."""
    for table in (album_covers, forgotten):
        table.create(db, checkfirst=True)
    _make_triggers(db, COVER_TRIGGERS)


def _summaries(db: sa.Connection) -> None:
    """How many stars and tags an image has, whoever says so, in its own row, and all of a tag in its index: filters and
    counts ask for it there.
    """
    _add_column(db, "images", "rating", "INTEGER")
    _add_column(db, "images", "tags", "INTEGER NOT NULL DEFAULT 0")
    for index, columns in (
        ("ix_images_taken", "images (taken_at, removed_at, id, rating)"),
        ("ix_photo_tags_tag", "photo_tags (tag, image_id, said, file)"),
    ):
        db.exec_driver_sql(f"DROP INDEX IF EXISTS {index}")
        db.exec_driver_sql(f"CREATE INDEX {index} ON {columns}")
    db.exec_driver_sql(SUMMARY)
    _make_triggers(db, SUMMARY_TRIGGERS)


def _texts(db: sa.Connection) -> None:
    """Text in pictures, and folders whose photos are read."""
    texts.create(db, checkfirst=True)
    _add_column(db, "folders", "texts", "BOOLEAN NOT NULL DEFAULT 0")


def _with_lexical_index(db: sa.Connection) -> None:
    """What is written of photos, as words find it; it is filled in the background."""
    lexical_tables.make(db)
    _make_triggers(db, LEXICAL_TRIGGERS)


def _descriptions(db: sa.Connection) -> None:
    """What models say is in pictures. Its words have had their place in the lexical index; they weigh more now."""
    description_table.descriptions.create(db, checkfirst=True)
    lexical_tables.weigh(db)
    _make_triggers(db, DESCRIPTION_TRIGGERS)


def _countable_passes(db: sa.Connection) -> None:
    """How many images each pass has looked at is counted after every job: all that tells it stands in an index."""
    db.exec_driver_sql("CREATE INDEX IF NOT EXISTS ix_looked_at_pass ON looked_at (pass, recipe)")


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (
    _first,
    _second,
    _third,
    _fourth,
    _fifth,
    _sixth,
    _with_marks,
    _duplicates,
    _covers_and_forgotten,
    _summaries,
    _texts,
    _with_lexical_index,
    _descriptions,
    _countable_passes,
    lambda db: label_table.labels.create(db, checkfirst=True),  # that photos got when the library was classified
)
"""Step n brings schema n-1 to n. Steps are never changed once released; a new one is added at the end."""
