"""The catalogue: one SQLite file that holds every fact and every vector of the library.

Committed here means kept: WAL with synchronous=FULL, and one transaction per batch. Everything else (the vector index,
thumbnails) can be made again from it and from the photos.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from src.database.catalog import batch, lexical_tables
from src.database.catalog.albums import AlbumTable
from src.database.catalog.batch import ImageRow as ImageRow
from src.database.catalog.bin import BinTable
from src.database.catalog.browsing import Browsing
from src.database.catalog.decisions import DecisionTable
from src.database.catalog.descriptions import DescriptionTable
from src.database.catalog.duplicates import DuplicateTables
from src.database.catalog.facts import FactsTable
from src.database.catalog.files import FileRow, FileTable, Refusal, is_absolute, within
from src.database.catalog.folders import FolderTable
from src.database.catalog.health import HealthTable
from src.database.catalog.index_changes import IndexChanges
from src.database.catalog.jobs import JobTable
from src.database.catalog.labels import LabelTable
from src.database.catalog.lexical import LexicalTable
from src.database.catalog.listing import Listing
from src.database.catalog.looked_at import LookedAtTable
from src.database.catalog.marks import MarksTable
from src.database.catalog.objects import ObjectTable, delete_segments
from src.database.catalog.operations import OperationTable
from src.database.catalog.sqlite_file import Guard, SqliteFile, parts, upsert
from src.database.catalog.tables import (
    CHANGES,
    SEEN,
    album_covers,
    album_photos,
    albums,
    alike,
    binned,
    collections,
    discarded,
    facts,
    files,
    folders,
    forgotten,
    images,
    looked_at,
    marks,
    meta,
    operations,
    photo_tags,
    prints,
    segments,
    successors,
    unreadable,
    vectors,
)
from src.database.catalog.texts import TextTable
from src.database.catalog.vectors import VectorTable, drop_collections, write_vectors
from src.database.catalog.vocabulary import Vocabulary
from src.plain_files import no_plain_file, special_of_database
from src.schema import FloatArray, ImageDetails, ImageFacts
from src.versioned_cache import Kept


@dataclass(frozen=True)
class Shown:
    """What a result needs to be drawn."""

    id: str
    path_text: str
    name: str
    width: int
    height: int


class Catalog:
    """Images and the library's settings; the file's other tables are ``files``, ``folders``, ``vectors`` and so on.

    Raises LibraryNewer for a file of a newer version, LibraryUnusable where it can't be opened as a catalogue.
    """

    def __init__(
        self, file: Path, read_only: bool = False, untouched: bool = False, guard: Guard | None = None
    ) -> None:
        if special := special_of_database(file):
            raise no_plain_file(special)
        self._file = SqliteFile(file, read_only, untouched, guard)
        self.files = FileTable(self._file)
        self.folders = FolderTable(self._file)
        self.vectors = VectorTable(self._file)
        self.objects = ObjectTable(self._file)
        self.looked_at = LookedAtTable(self._file)
        self.facts = FactsTable(self._file)
        self.duplicates = DuplicateTables(self._file)
        self.texts = TextTable(self._file)
        self.jobs = JobTable(self._file)
        self.health = HealthTable(self._file)
        self.index_changes = IndexChanges(self._file)
        self.lexical = LexicalTable(self._file)
        self.listing = Listing(self._file)
        self.vocabulary = Vocabulary(self._file)
        self.browsing = Browsing(self._file)
        self.operations = OperationTable(self._file)
        self.marks = MarksTable(self._file, self.operations)
        self.albums = AlbumTable(self._file, self.operations)
        self.bin = BinTable(self._file, self.operations)
        self.descriptions = DescriptionTable(self._file, self.operations)
        self.labels = LabelTable(self._file)
        self.decisions = DecisionTable(self._file, self.operations)
        self._counted: Kept[tuple[int, int, int]] = Kept(1)

    @property
    def path(self) -> Path:
        return self._file.file

    def close(self) -> None:
        self._file.close()

    def only_read(self) -> None:
        """Nothing can be written through this one any more: it raises LibraryUnusable."""
        self._file.only_read()

    def snapshot_to(self, target: Path) -> None:
        """Write a consistent copy of all that is committed to ``target``, a new file; others may go on writing."""
        self._file.snapshot_to(target)

    def changes(self) -> int:
        """Another number after each change to images, files or facts, and to what was looked at."""
        with self._file.reading() as db:
            return int(db.execute(CHANGES).scalar() or 0)

    # ------------------------------------------------------------ settings of the library

    def get_meta(self, key: str) -> str | None:
        with self._file.reading() as db:
            return db.execute(sa.select(meta.c.value).where(meta.c.key == key)).scalar()

    def set_meta(self, key: str, value: str) -> None:
        with self._file.writing() as db:
            db.execute(upsert(meta, ["key"]), [{"key": key, "value": value}])

    # ------------------------------------------------------------ images and files

    def commit_batch(
        self,
        collection: str,
        new_images: Sequence[ImageRow] = (),
        file_rows: Sequence[FileRow] = (),
        new_vectors: Mapping[str, FloatArray] | None = None,
        refusals: Sequence[Refusal] = (),
        wanted: Collection[str] = (),
    ) -> None:
        """Store a batch in one transaction: images, their files, refusals, vectors (image id -> (D,)) of a collection.

        wanted: of the images, those that the user added himself, see ``batch.store``.
        """
        with self._file.writing() as db:
            batch.store(db, collection, new_images, file_rows, new_vectors or {}, refusals, wanted)

    def put_vectors(self, collection: str, vectors_of: Mapping[str, FloatArray]) -> list[str]:
        """Store vectors (D,) of images (ids) that are in the library, hidden ones too; returns the ids of those."""
        with self._file.writing() as db:
            there = set[str]()
            for part in parts(list(vectors_of)):
                there.update(db.execute(sa.select(images.c.id).where(images.c.id.in_(part))).scalars())
            write_vectors(db, collection, {id_: vector for id_, vector in vectors_of.items() if id_ in there})
        return [id_ for id_ in vectors_of if id_ in there]

    def visible(self, ids: Sequence[str]) -> set[str]:
        """Those of the images that are in the library and not hidden."""
        return self._ids(images.c.id, ids, images.c.removed_at.is_(None))

    def encoded(self, collection: str, ids: Sequence[str]) -> set[str]:
        """Those of the images that have a vector in ``collection``, hidden ones too: it is used when they are back."""
        return self._ids(vectors.c.id, ids, vectors.c.collection == collection)

    def _ids(self, column: sa.Column[Any], ids: Sequence[str], condition: sa.ColumnElement[bool]) -> set[str]:
        found: set[str] = set()
        with self._file.reading() as db:
            for part in parts(ids):
                found.update(db.execute(sa.select(column).where(column.in_(part), condition)).scalars())
        return found

    def paths_of(self, image_id: str) -> list[tuple[bytes, str, str, bool]]:
        """(path, display text, name, uploaded) of each file of an image, those that are there first, then own ones.

        A path that is not absolute, which only damage or another program puts there, would be a place that depends on
        where this program was started: it is left out.
        """
        columns = (files.c.path, files.c.path_text, files.c.name, files.c.uploaded)
        order = (files.c.missing_since.is_not(None), files.c.uploaded, files.c.id)
        query = sa.select(*columns).where(files.c.image_id == image_id).order_by(*order)
        with self._file.reading() as db:
            return [(row[0], row[1], row[2], row[3]) for row in db.execute(query) if is_absolute(row[0])]

    def details(self, image_id: str) -> ImageDetails | None:
        """Everything known about one image, None where it is not in the library."""
        with self._file.reading() as db:
            row = (
                db.execute(sa.select(images).where(images.c.id == image_id, images.c.removed_at.is_(None)))
                .mappings()
                .first()
            )
        places = self.paths_of(image_id)
        if row is None or not places:
            return None
        facts = ImageFacts(row["width"], row["height"], row["format"], row["taken_at"])
        texts = tuple(text for _, text, _, _ in places)
        return ImageDetails(row["id"], places[0][2], texts, facts, row["bytes"], row["added_at"], places[0][3])

    def shown(self, ids: Sequence[str]) -> dict[str, Shown]:
        """Image id -> what a result shows, for those of ``ids`` that are in the library and not hidden."""
        found: dict[str, Shown] = {}
        with self._file.reading() as db:
            for part in parts(ids):
                query = (
                    sa.select(files.c.image_id, files.c.path_text, files.c.name, images.c.width, images.c.height)
                    .join(images, images.c.id == files.c.image_id)
                    .where(files.c.image_id.in_(part), images.c.removed_at.is_(None))
                    .order_by(files.c.missing_since.is_(None), files.c.uploaded.desc(), files.c.id.desc())
                )
                found.update({row[0]: Shown(*row) for row in db.execute(query)})
        return found

    def without_vector(self, collection: str) -> list[str]:
        """Ids of visible images that have no vector in ``collection``, in the order they were added."""
        has = sa.select(vectors.c.id).where(vectors.c.collection == collection)
        query = (
            sa.select(images.c.id)
            .where(images.c.removed_at.is_(None), images.c.id.not_in(has))
            .order_by(images.c.added_at)
        )
        with self._file.reading() as db:
            return list(db.execute(query).scalars())

    def counts(self) -> tuple[int, int, int]:
        """(images, files, images known only from an upload), hidden images and missing files left out.

        Counted once for each change.
        """
        with self._file.reading() as db:
            state = db.execute(CHANGES).scalar()
        return self._counted.get("counts", state, self._count)

    def _count(self) -> tuple[int, int, int]:
        own = files.alias()
        is_own = sa.exists().where(
            own.c.image_id == files.c.image_id, own.c.uploaded.is_(False), own.c.missing_since.is_(None)
        )
        uploads = sa.select(files.c.image_id).join(images, images.c.id == files.c.image_id).distinct()
        uploads = uploads.where(files.c.uploaded, images.c.removed_at.is_(None), ~is_own)
        with self._file.reading() as db:

            def number(table: sa.FromClause, *conditions: sa.ColumnElement[bool]) -> int:
                return db.execute(sa.select(sa.func.count()).select_from(table).where(*conditions)).scalar_one()

            seen = int(db.execute(SEEN).scalar_one())
            away = files.c.missing_since.is_not(None)
            there = number(files) - number(files, away) - number(files, ~away, files.c.image_id.in_(_BINNED))
            return seen, there, number(uploads.subquery())

    # ------------------------------------------------------------ forgetting

    def hidden(self, except_in: Sequence[bytes] = ()) -> list[str]:
        """Ids of images none of whose files was there when last looked for, but those with a file in these folders.

        None of the bin: why those are hidden is known.
        """
        kept = sa.select(files.c.image_id).where(sa.or_(sa.false(), *map(within, except_in)))
        with self._file.reading() as db:
            query = sa.select(images.c.id).where(_MISSING, images.c.id.not_in(kept))
            return list(db.execute(query).scalars())

    def earlier(self) -> list[str]:
        """Ids of hidden images that no path is known of: what was at theirs was changed, and is another image now."""
        held = sa.exists().where(files.c.image_id == images.c.id)
        with self._file.reading() as db:
            return list(db.execute(sa.select(images.c.id).where(_MISSING, ~held)).scalars())

    def forget(self, ids: Sequence[str]) -> None:
        """Delete images with their files, objects and library vectors, for good, in one transaction."""
        own = sa.select(collections.c.name).where(collections.c.owner == "library")
        with self._file.writing() as db:
            for part in parts(ids):
                delete_segments(
                    db, list(db.execute(sa.select(segments.c.id).where(segments.c.image_id.in_(part))).scalars())
                )
                db.execute(vectors.delete().where(vectors.c.id.in_(part), vectors.c.collection.in_(own)))
                db.execute(files.delete().where(files.c.image_id.in_(part)))
                db.execute(images.delete().where(images.c.id.in_(part)))

    def clear_images(self, settings: Mapping[str, str] | None = None) -> None:
        """Forget every image, file, folder and library vector, all that was said of them and done, in one transaction.

        Collections made by hand, settings and jobs stay. settings: some of the library's, stored in the same
        transaction. The space is given back by ``compact``.
        """
        own = sa.select(collections.c.name).where(collections.c.owner == "library")
        with self._file.writing() as db:
            drop_collections(db, list(db.execute(own).scalars()))
            for table in (*_SAID, segments, looked_at, facts, alike, prints, files, images, folders, unreadable):
                db.execute(table.delete())
            lexical_tables.start_over(db)
            for key, value in (settings or {}).items():
                db.execute(upsert(meta, ["key"]), [{"key": key, "value": value}])

    def empty_log(self) -> None:
        """Give the space of what was written last, and is kept twice until then, back to the disk.

        Raises LibraryUnusable.
        """
        self._file.empty_log()

    def compact(self) -> None:
        """Give the space of deleted rows back to the disk."""
        self._file.compact()


_BINNED = sa.select(binned.c.image_id)
_MISSING = sa.and_(images.c.removed_at.is_not(None), images.c.id.not_in(_BINNED))
_SAID = (forgotten, album_covers, album_photos, albums, photo_tags, marks, binned, successors, discarded, operations)
