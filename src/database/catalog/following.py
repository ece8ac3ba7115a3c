"""What the user says of a photo stays with its path: where the bytes there change, the new image takes it over.

The former image keeps its own too: where it was only moved away, and another photo came to its path, nothing is lost.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from src.database.catalog.description_table import OF_ANSWERS, descriptions
from src.database.catalog.sqlite_file import listed, upsert
from src.database.catalog.tables import (
    album_photos,
    binned,
    images,
    marks,
    photo_tags,
    successors,
)

OF_THE_USER = sa.or_(descriptions.c.by_hand, descriptions.c.deleted)
"""Whether the user changed a description, or deleted it."""
_OF_FILES = frozenset({photo_tags.c.file, *(descriptions.c[name] for name in OF_ANSWERS)})
"""What a row holds beside what the user says: it is about the bytes of the former image."""
_SAID = (marks, photo_tags, album_photos, descriptions)


def follow(db: sa.Connection, changed: Mapping[str, str]) -> None:
    """Former image -> the one that its path has now: take over what was said of the former.

    An image of which something was said already keeps that, but for one whose own former bytes are back: it gets what
    was said of them meanwhile. What is in the bin stays there, and what comes to its path is a photo of its own.
    """
    gone = set(db.execute(sa.select(binned.c.image_id).where(binned.c.image_id.in_(listed(list(changed))))).scalars())
    for former, new in changed.items():
        if former in gone or former == new:
            continue
        if _leads_to(db, new, former):
            for table in _SAID:
                _forget(db, table, new)
        elif _is_spoken_of(db, new):
            continue
        for table in _SAID:
            _copy(db, table, former, new)
        db.execute(successors.delete().where(successors.c.image_id == new))
        db.execute(upsert(successors, ["image_id"]), [{"image_id": former, "successor": new}])


def heirs(db: sa.Connection, ids: Collection[str]) -> dict[str, str]:
    """Image id -> the image that its path has now; itself where it is there still, or no other took its place.

    Ids of images that there are no more are left out.
    """
    asked = list(ids)
    query = sa.select(images.c.id, images.c.removed_at).where(images.c.id.in_(listed(asked)))
    found = {id_: id_ for id_, _ in db.execute(query)}
    hidden = sa.select(successors.c.image_id).join(images, images.c.id == successors.c.image_id)
    hidden = hidden.where(
        images.c.removed_at.is_not(None),
        images.c.id.in_(listed(asked)),
        images.c.id.not_in(sa.select(binned.c.image_id)),
    )
    for id_ in db.execute(hidden).scalars().all():
        found[id_] = _last(db, id_)
    return found


def _last(db: sa.Connection, image_id: str) -> str:
    """The end of the chain of successors."""
    seen = {image_id}
    while (next_ := _successor(db, image_id)) is not None and next_ not in seen:
        image_id = next_
        seen.add(image_id)
    return image_id


def _leads_to(db: sa.Connection, image_id: str, other: str) -> bool:
    return _successor(db, image_id) is not None and _last(db, image_id) == other


def _successor(db: sa.Connection, image_id: str) -> str | None:
    query = sa.select(images.c.id).join(successors, successors.c.successor == images.c.id)
    return db.execute(query.where(successors.c.image_id == image_id)).scalar()


def _is_spoken_of(db: sa.Connection, image_id: str) -> bool:
    return any(
        db.execute(sa.select(sa.literal(1)).where(table.c.image_id == image_id, *_said_only(table)).limit(1)).first()
        for table in _SAID
    )


def _said_only(table: sa.Table) -> list[sa.ColumnElement[bool]]:
    if table is descriptions:
        return [OF_THE_USER]
    return [photo_tags.c.said.is_not(None)] if table is photo_tags else []


def _forget(db: sa.Connection, table: sa.Table, image_id: str) -> None:
    """What was said of an image; of tags, what its file says stays."""
    if table is photo_tags:
        db.execute(table.update().where(table.c.image_id == image_id).values(said=None))
        db.execute(table.delete().where(table.c.image_id == image_id, photo_tags.c.file.is_(None)))
    else:
        db.execute(table.delete().where(table.c.image_id == image_id, *_said_only(table)))


def _copy(db: sa.Connection, table: sa.Table, former: str, new: str) -> None:
    columns = [column for column in table.c if column not in _OF_FILES]
    values = [sa.literal(new) if column.name == "image_id" else column for column in columns]
    rows = sa.select(*values).where(table.c.image_id == former, *_said_only(table))
    statement = insert(table).from_select([column.name for column in columns], rows)
    if len(columns) < len(table.c):  # what the new bytes tell may be there already
        said = {column.name: statement.excluded[column.name] for column in columns if not column.primary_key}
        db.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=said))
    else:
        db.execute(statement.on_conflict_do_nothing())
