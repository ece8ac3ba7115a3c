"""A batch of a pass over files, stored in one transaction: images, their files, refusals and vectors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from src.database.catalog.bin import seen_again, welcome
from src.database.catalog.files import FileRow, Refusal, displace, hide_without_file, put_files, put_refusals
from src.database.catalog.following import follow
from src.database.catalog.sqlite_file import listed, now, parts, upsert
from src.database.catalog.tables import files, images
from src.database.catalog.vectors import write_vectors
from src.schema import FloatArray, ImageFacts


@dataclass(frozen=True)
class ImageRow:
    """One image: its identity and facts."""

    id: str
    sha256: str
    facts: ImageFacts
    bytes: int


def store(
    db: sa.Connection,
    collection: str,
    new_images: Sequence[ImageRow],
    file_rows: Sequence[FileRow],
    new_vectors: Mapping[str, FloatArray],
    refusals: Sequence[Refusal],
    wanted: Collection[str],
) -> None:
    """Store a batch; vectors are image id -> (D,) of a collection.

    A file whose bytes changed lets go of its former image, which is hidden where no other file holds it, and what the
    user said of that is said of the new one (``following``). What was there on another disk is out of reach, and its
    row is kept, see ``displace``. wanted: of the images, those that the user added himself: they leave the bin,
    as those do that are in it because no file of theirs was there.
    """
    moment = now()
    shown = _visible(db, file_rows)
    if new_images:
        _make_way(db, new_images)
        statement = upsert(images, ["id"], keep=("added_at", "removed_at"))
        db.execute(statement, [_values(row, moment) for row in new_images])
    former = _images_at(db, [*(row.path for row in file_rows), *(row.path for row in refusals)])
    displace(db, file_rows, refusals, moment)
    changed = _changed(db, file_rows, shown)
    put_files(db, file_rows)
    welcome(db, {*wanted, *seen_again(db, [row.image_id for row in file_rows])})
    put_refusals(db, refusals)
    write_vectors(db, collection, new_vectors)
    hide_without_file(db, set(former.values()) - {row.image_id for row in file_rows}, moment)
    if changed:
        follow(db, changed)


def _visible(db: sa.Connection, rows: Sequence[FileRow]) -> set[str]:
    ids = listed([row.image_id for row in rows])
    query = sa.select(images.c.id).where(images.c.id.in_(ids), images.c.removed_at.is_(None))
    return set(db.execute(query).scalars())


def _changed(db: sa.Connection, rows: Sequence[FileRow], shown: Collection[str]) -> dict[str, str]:
    """Former image -> new one, where other bytes came to a path; not where they are those of a photo that was shown
    already, and was only moved.
    """
    former = _images_at(db, [row.path for row in rows])
    new = {row.path: row.image_id for row in rows if row.image_id not in shown}
    return {image_id: new[path] for path, image_id in former.items() if path in new and new[path] != image_id}


def _make_way(db: sa.Connection, rows: Sequence[ImageRow]) -> None:
    """Let a damaged row (the same bytes, another id) go: its files are the new row's from their next look on."""
    for part in parts(rows):
        same = images.c.sha256.in_([row.sha256 for row in part])
        db.execute(images.delete().where(same, images.c.id.not_in([row.id for row in part])))


def _values(row: ImageRow, moment: str) -> dict[str, Any]:
    facts = {
        "width": row.facts.width,
        "height": row.facts.height,
        "format": row.facts.format,
        "taken_at": row.facts.taken_at,
    }
    return {"id": row.id, "sha256": row.sha256, "bytes": row.bytes, "added_at": moment, "removed_at": None, **facts}


def _images_at(db: sa.Connection, paths: Sequence[bytes]) -> dict[bytes, str]:
    """Path -> the image that it holds, as far as is known."""
    found: dict[bytes, str] = {}
    for part in parts(paths):
        query = sa.select(files.c.path, files.c.image_id).where(files.c.path.in_(part))
        found.update({row[0]: row[1] for row in db.execute(query)})
    return found
