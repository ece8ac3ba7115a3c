"""The doctor's checks of the catalogue itself: damage, rows that contradict each other, space that nothing uses."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from src.database.catalog.description_table import descriptions
from src.database.catalog.label_table import labels
from src.database.catalog.sqlite_file import SqliteFile, now
from src.database.catalog.tables import (
    album_covers,
    album_photos,
    binned,
    collections,
    facts,
    files,
    forgotten,
    images,
    looked_at,
    marks,
    photo_tags,
    prints,
    segments,
    successors,
    vectors,
)
from src.errors import LibraryUnusable

FREE_SHARE, FREE_LEAST = 0.25, 1_000_000
"""Empty part of the catalogue's file, and its bytes, from which on it is written anew."""

_PRESENT = sa.exists().where(files.c.image_id == images.c.id, files.c.missing_since.is_(None))
_IN_BIN = images.c.id.in_(sa.select(binned.c.image_id))
_SHOWN_WITHOUT_FILE = sa.and_(images.c.removed_at.is_(None), ~_PRESENT)
_SHOWN_IN_BIN = sa.and_(images.c.removed_at.is_(None), _IN_BIN)
_HIDDEN_WITH_FILE = sa.and_(images.c.removed_at.is_not(None), _PRESENT, ~_IN_BIN)
_SAID = (marks, photo_tags, album_photos, album_covers, binned, forgotten, successors)
OF_IMAGES = (files, facts, segments, looked_at, prints, descriptions, labels, *_SAID)
"""Tables with rows of an image each."""
_LIBRARY = sa.select(collections.c.name).where(collections.c.owner == "library")
_OF_NO_IMAGE = sa.and_(
    vectors.c.collection.in_(_LIBRARY),
    vectors.c.id.not_in(sa.select(images.c.id)),
    vectors.c.id.not_in(sa.select(segments.c.id)),
)
_AS_ID = "-".join("[0-9a-f]" * length for length in (8, 4, 4, 4, 12))
_STRANGE = sa.func.glob(_AS_ID, images.c.id) == 0
_SIZES = ("freelist_count", "page_count", "page_size")
_POINTS_NOWHERE = files.c.image_id.not_in(sa.select(images.c.id))


class HealthTable:
    """Each pair counts what is wrong, and puts it right."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def damage(self) -> str | None:
        """What SQLite finds wrong with its file, None where it is whole. Reads all of it."""
        try:
            with self._file.reading() as db:
                said = str(db.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one())
        except LibraryUnusable:
            return "it can't be read to its end"
        return None if said == "ok" else said

    def make_indexes_again(self) -> bool:
        """All of SQLite's own, from the tables.

        Whether nothing is wrong then: damage to the tables themselves stays.
        """
        try:
            with self._file.writing() as db:
                db.exec_driver_sql("REINDEX")
        except (LibraryUnusable, sa.exc.IntegrityError):  # IntegrityError: the tables themselves hold what may not be
            return False
        return self.damage() is None

    def shown_without_file(self) -> int:
        """Images that are not hidden although no file of theirs is there."""
        return self._count(images, _SHOWN_WITHOUT_FILE)

    def shown_in_bin(self) -> int:
        """Images that are not hidden although they are in the bin."""
        return self._count(images, _SHOWN_IN_BIN)

    def hidden_with_file(self) -> int:
        """Images that are hidden although a file of theirs is there."""
        return self._count(images, _HIDDEN_WITH_FILE)

    def set_visibility(self) -> None:
        """Hide and show images as their files and the bin say."""
        with self._file.writing() as db:
            db.execute(images.update().where(sa.or_(_SHOWN_WITHOUT_FILE, _SHOWN_IN_BIN)).values(removed_at=now()))
            db.execute(images.update().where(_HIDDEN_WITH_FILE).values(removed_at=None))

    def stray_files(self) -> int:
        """Rows of files that name an image which is not there."""
        return self._count(files, _POINTS_NOWHERE)

    def delete_stray_files(self) -> None:
        with self._file.writing() as db:
            db.execute(files.delete().where(_POINTS_NOWHERE))

    def strange_images(self) -> list[str]:
        """Ids of images that are no ids: nothing may be stored or looked for under such a name."""
        with self._file.reading() as db:
            return list(db.execute(sa.select(images.c.id).where(_STRANGE)).scalars())

    def delete_strange_images(self) -> None:
        """With all that points to no image. Their vectors are ``stray_vectors`` then."""
        with self._file.writing() as db:
            db.execute(images.delete().where(_STRANGE))
            for table in OF_IMAGES:
                db.execute(table.delete().where(table.c.image_id.not_in(sa.select(images.c.id))))

    def stray_vectors(self) -> dict[str, list[str]]:
        """Library collection -> ids of vectors that belong to no image and to no object."""
        found: dict[str, list[str]] = {}
        with self._file.reading() as db:
            for name, id_ in db.execute(sa.select(vectors.c.collection, vectors.c.id).where(_OF_NO_IMAGE)):
                found.setdefault(name, []).append(id_)
        return found

    def image_ids(self, hidden: bool = True) -> list[str]:
        """Ids of all images, or of those that are not hidden."""
        query = sa.select(images.c.id) if hidden else sa.select(images.c.id).where(images.c.removed_at.is_(None))
        with self._file.reading() as db:
            return list(db.execute(query).scalars())

    def uploads(self) -> list[bytes]:
        """Paths of stored uploads that should be there, ``os.fsencode``'d."""
        query = sa.select(files.c.path).where(files.c.uploaded, files.c.missing_since.is_(None))
        with self._file.reading() as db:
            return list(db.execute(query).scalars())

    def free_bytes(self) -> tuple[int, int]:
        """(bytes of deleted rows that the file still takes, bytes of the file)."""
        with self._file.reading() as db:
            free, pages, size = (int(db.exec_driver_sql(f"PRAGMA {what}").scalar_one()) for what in _SIZES)
        return free * size, pages * size

    def wasteful(self) -> bool:
        """Whether deleted rows take so much of the file that writing it anew pays."""
        free, size = self.free_bytes()
        return free >= FREE_LEAST and free > FREE_SHARE * size

    def _count(self, table: sa.Table, condition: sa.ColumnElement[Any]) -> int:
        with self._file.reading() as db:
            return db.execute(sa.select(sa.func.count()).select_from(table).where(condition)).scalar_one()
