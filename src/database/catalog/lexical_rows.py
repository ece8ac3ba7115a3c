"""What is written of photos, gathered from the tables that know it: the rows of the table ``lexical`` as they should
be.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from src import lexical as words
from src.database.catalog.description_table import descriptions
from src.database.catalog.lexical_tables import WORDS
from src.database.catalog.marks import HAS_TAG, SPELLED
from src.database.catalog.sqlite_file import listed
from src.database.catalog.tables import (
    album_photos,
    albums,
    facts,
    files,
    folders,
    images,
    marks,
    photo_tags,
    texts,
)
from src.plain_files import json_in
from src.text import folded

Row = dict[str, str]
"""Column -> text; every column but the number."""
Said = dict[str, dict[str, list[str]]]
"""Image id -> column -> the texts as they are written."""


def rows_of(db: sa.Connection, ids: Sequence[str]) -> dict[str, Row]:
    """Image id -> its row, of those of the images that there are, hidden ones too."""
    first: dict[str, str] = {}
    return {id_: _row(id_, some, first.get(id_, "")) for id_, some in said_of(db, ids, first).items()}


def said_of(db: sa.Connection, ids: Sequence[str], first: dict[str, str] | None = None) -> Said:
    """What is written of the images that there are, hidden ones too. first: is given the first of each one's names."""
    wanted = listed(list(ids))
    days = db.execute(sa.select(images.c.id, images.c.taken_at).where(images.c.id.in_(wanted)))
    said: Said = {id_: {"dates": [str(day or "")[:10]]} for id_, day in days}
    _of_files(db, wanted, said, {} if first is None else first)
    for row in db.execute(sa.select(*_OF_FACTS).where(facts.c.image_id.in_(wanted))):
        told = {"title": [row.title], "caption": [row.caption], "place": _listed(row.place)}
        _add(said, row.image_id, {**told, "camera": [row.camera_model or row.camera_make]})
    for column, query, key in _SEVERAL:
        for image_id, text in db.execute(query.where(key.in_(wanted))):
            _add(said, image_id, {column: [text]})
    return said


_OF_FACTS = (facts.c.image_id, facts.c.title, facts.c.caption, facts.c.place, facts.c.camera_make, facts.c.camera_model)
_SEVERAL = (
    (
        "tags",
        sa.select(photo_tags.c.image_id, SPELLED).where(HAS_TAG).order_by(photo_tags.c.tag),
        photo_tags.c.image_id,
    ),
    ("note", sa.select(marks.c.image_id, marks.c.note), marks.c.image_id),
    ("text", sa.select(texts.c.image_id, texts.c.folded), texts.c.image_id),
    ("description", sa.select(descriptions.c.image_id, descriptions.c.said), descriptions.c.image_id),
    (
        "albums",
        sa.select(album_photos.c.image_id, albums.c.name).join(albums).order_by(albums.c.folded),
        album_photos.c.image_id,
    ),
)
"""Column, what is written there, and the image's id by which it is looked up."""


def _of_files(db: sa.Connection, wanted: Any, said: Said, first: dict[str, str]) -> None:
    """Names and folders of the files that are there or, where none is, of all: what is hidden stays as it was."""
    columns = (files.c.image_id, files.c.path_text, files.c.name, files.c.uploaded, files.c.missing_since)
    found: dict[str, list[Any]] = {}
    for row in db.execute(sa.select(*columns).where(files.c.image_id.in_(wanted)).order_by(files.c.path)):
        found.setdefault(row.image_id, []).append(row)
    followed = sorted((str(text) for text in db.execute(sa.select(folders.c.path_text)).scalars()), key=len)
    above = [os.path.dirname(text).rstrip(os.sep) + os.sep for text in followed]
    for image_id, several in found.items():
        there = [row for row in several if row.missing_since is None] or several
        inside = [_folders(row.path_text, followed, above) for row in there if not row.uploaded]
        _add(said, image_id, {"name": [row.name for row in there], "folders": inside})
        if image_id in said:
            first[image_id] = folded(min(str(row.name) for row in there))


def _folders(path: str, followed: Sequence[str], above: Sequence[str]) -> str:
    """The folders that a file is in, from the outermost followed one on: what lies above it all photos in it have."""
    for folder, start in zip(followed, above, strict=True):
        if path.startswith(folder.rstrip(os.sep) + os.sep):
            path = path[len(start) :]
            break
    return os.path.dirname(path)


def _listed(said: object) -> list[Any]:
    found = json_in(said) if isinstance(said, str) else None
    return found if isinstance(found, list) else [said]


def _add(said: dict[str, dict[str, list[str]]], image_id: str, told: dict[str, Iterable[Any]]) -> None:
    """Rows of no image, and values that are no text, which only damage brings, count for nothing."""
    if image_id in said:
        for column, some in told.items():
            said[image_id].setdefault(column, []).extend(text for text in some if isinstance(text, str))


def _row(image_id: str, some: dict[str, list[str]], first_name: str) -> Row:
    row = {column: words.written(some[column]) if column in some else "" for column in WORDS if column != "dates"}
    return {"image_id": image_id, "first_name": first_name, **row, "dates": words.dates(some["dates"][0])}
