"""The catalogue: one SQLite file that holds every fact and every vector of the library.

Committed here means kept: WAL with synchronous=FULL, and one transaction per batch. Everything else (the vector index,
thumbnails) can be made again from it and from the photos.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from src.database.job_table import JobTable
from src.database.sqlite_file import SqliteFile, now, parts, upsert
from src.database.tables import collections, files, images, meta, vectors
from src.database.vector_table import VectorTable, write_vectors
from src.schema import FileStamp, FloatArray, ImageDetails, ImageFacts


@dataclass(frozen=True)
class FileRow:
    """One file on disk and the image it holds. ``path`` is ``os.fsencode``'d."""

    path: bytes
    path_text: str
    name: str
    image_id: str
    stamp: FileStamp
    uploaded: bool = False


@dataclass(frozen=True)
class ImageRow:
    """One image: its identity and facts."""

    id: str
    sha256: str
    facts: ImageFacts
    bytes: int


@dataclass(frozen=True)
class Shown:
    """What a result needs to be drawn."""

    id: str
    path_text: str
    name: str


class Catalog:
    """Images, their files and the library's settings; ``vectors`` and ``jobs`` are the other rooms of the same file.

    Raises LibraryNewer for a file of a newer version, LibraryUnusable where it can't be opened as a catalogue.
    """

    def __init__(self, file: Path) -> None:
        self._file = SqliteFile(file)
        self.vectors = VectorTable(self._file)
        self.jobs = JobTable(self._file)

    def close(self) -> None:
        self._file.close()

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
        new_images: Sequence[ImageRow],
        file_rows: Sequence[FileRow],
        new_vectors: Mapping[str, FloatArray],
    ) -> list[str]:
        """Store a batch in one transaction: images, the files that hold them, and vectors (image id -> (D,)) of ``collection``.

        A file whose bytes changed lets go of its former image; ids of images left without any file are returned (they are now hidden).
        """
        moment = now()
        with self._file.writing() as db:
            if new_images:
                db.execute(upsert(images, ["id"], keep=("added_at",)), [_image_values(row, moment) for row in new_images])
            former = _images_at(db, [row.path for row in file_rows])
            if file_rows:
                db.execute(upsert(files, ["path"]), [_file_values(row) for row in file_rows])
                _revive(db, {row.image_id for row in file_rows})
            write_vectors(db, collection, new_vectors, {})
            return _hide_orphans(db, former - {row.image_id for row in file_rows}, moment)

    def files_under(self, folder: bytes | None = None) -> dict[bytes, tuple[FileStamp, str]]:
        """Path -> (stamp, image id) of every known file, or of those whose path starts with ``folder``."""
        query = sa.select(files.c.path, files.c.device, files.c.inode, files.c.mtime_ns, files.c.size, files.c.image_id)
        if folder is not None:
            query = query.where(files.c.path >= folder, files.c.path < folder + b"\xff")
        with self._file.reading() as db:
            return {row[0]: (FileStamp(*row[1:5]), row[5]) for row in db.execute(query)}

    def paths_of(self, image_id: str) -> list[tuple[bytes, str, str, bool]]:
        """(path, display text, name, uploaded) of every file that holds the image; the user's own files before uploads."""
        columns = (files.c.path, files.c.path_text, files.c.name, files.c.uploaded)
        query = sa.select(*columns).where(files.c.image_id == image_id).order_by(files.c.uploaded, files.c.id)
        with self._file.reading() as db:
            return [(row[0], row[1], row[2], row[3]) for row in db.execute(query)]

    def details(self, image_id: str) -> ImageDetails | None:
        """Everything known about one image, None where it is not in the library."""
        with self._file.reading() as db:
            row = db.execute(sa.select(images).where(images.c.id == image_id, images.c.removed_at.is_(None))).mappings().first()
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
                    sa.select(files.c.image_id, files.c.path_text, files.c.name)
                    .join(images, images.c.id == files.c.image_id)
                    .where(files.c.image_id.in_(part), images.c.removed_at.is_(None))
                    .order_by(files.c.uploaded.desc(), files.c.id.desc())
                )
                found.update({row[0]: Shown(*row) for row in db.execute(query)})
        return found

    def newest(self, limit: int, offset: int = 0) -> list[str]:
        """Ids of images, the last added first."""
        query = sa.select(images.c.id).where(images.c.removed_at.is_(None)).order_by(images.c.added_at.desc(), images.c.id)
        with self._file.reading() as db:
            return list(db.execute(query.limit(limit).offset(offset)).scalars())

    def without_vector(self, collection: str) -> list[str]:
        """Ids of visible images that have no vector in ``collection``, in the order they were added."""
        has = sa.select(vectors.c.id).where(vectors.c.collection == collection)
        query = sa.select(images.c.id).where(images.c.removed_at.is_(None), images.c.id.not_in(has)).order_by(images.c.added_at)
        with self._file.reading() as db:
            return list(db.execute(query).scalars())

    def counts(self) -> tuple[int, int, int]:
        """(images, files, images known only from an upload), hidden ones left out."""
        visible = sa.select(images.c.id).where(images.c.removed_at.is_(None))
        own = sa.select(files.c.image_id).where(files.c.uploaded.is_(False))
        with self._file.reading() as db:
            number = db.execute(sa.select(sa.func.count()).select_from(visible.subquery())).scalar_one()
            paths = db.execute(sa.select(sa.func.count()).select_from(files)).scalar_one()
            uploads = db.execute(sa.select(sa.func.count()).select_from(visible.where(images.c.id.not_in(own)).subquery())).scalar_one()
        return number, paths, uploads

    def clear_images(self) -> None:
        """Forget every image, file and library vector. Collections made by hand, settings and jobs stay."""
        own = sa.select(collections.c.name).where(collections.c.owner == "library")
        with self._file.writing() as db:
            db.execute(vectors.delete().where(vectors.c.collection.in_(own)))
            db.execute(collections.delete().where(collections.c.owner == "library"))
            db.execute(files.delete())
            db.execute(images.delete())
        self._file.compact()


def _image_values(row: ImageRow, moment: str) -> dict[str, Any]:
    facts = {"width": row.facts.width, "height": row.facts.height, "format": row.facts.format, "taken_at": row.facts.taken_at}
    return {"id": row.id, "sha256": row.sha256, "bytes": row.bytes, "added_at": moment, "removed_at": None, **facts}


def _file_values(row: FileRow) -> dict[str, Any]:
    values = {"path": row.path, "path_text": row.path_text, "name": row.name, "image_id": row.image_id, "uploaded": row.uploaded}
    return {**values, **vars(row.stamp)}


def _images_at(db: sa.Connection, paths: Sequence[bytes]) -> set[str]:
    found: set[str] = set()
    for part in parts(paths):
        found.update(db.execute(sa.select(files.c.image_id).where(files.c.path.in_(part))).scalars())
    return found


def _revive(db: sa.Connection, ids: set[str]) -> None:
    for part in parts(list(ids)):
        db.execute(images.update().where(images.c.id.in_(part)).values(removed_at=None))


def _hide_orphans(db: sa.Connection, candidates: set[str], moment: str) -> list[str]:
    hidden: list[str] = []
    for image_id in candidates:
        if db.execute(sa.select(files.c.id).where(files.c.image_id == image_id).limit(1)).first() is None:
            db.execute(images.update().where(images.c.id == image_id).values(removed_at=moment))
            hidden.append(image_id)
    return hidden
