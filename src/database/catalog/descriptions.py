"""What models say is in images: a description an image, which the user may change, delete and ask for again.

What a model said is written by the pass over photos, with its vector; what the user says, by ``operations``. A change
of the words takes their vector away (by a trigger): it is made anew by whoever finds it missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from src.database.catalog import findable
from src.database.catalog.cells import Value, Wanted
from src.database.catalog.description_table import descriptions
from src.database.catalog.following import OF_THE_USER
from src.database.catalog.kinds import DESCRIPTIONS
from src.database.catalog.operations import Operation, OperationTable
from src.database.catalog.row_rules import MODEL, OBJECTS, SUMMARY, TAG
from src.database.catalog.sqlite_file import SqliteFile, listed, now, upsert
from src.database.catalog.tables import CHANGES, collections, images, vectors
from src.database.catalog.vectors import write_vectors
from src.plain_files import json_in
from src.schema import FloatArray, PhotoFilter
from src.schema.descriptions import DescribedObject, Description
from src.text import shown
from src.versioned_cache import Kept

Row = Mapping[str, Any] | sa.RowMapping


@dataclass(frozen=True)
class Described:
    """What is known of an image's description. model: that said it first; empty where none did.

    deleted: the user wants none; it says nothing then. by_hand: he wrote it, or changed what a model said.
    """

    description: Description
    model: str
    made_at: str
    by_hand: bool = False
    deleted: bool = False
    recipe: str = ""


@dataclass(frozen=True)
class DescriptionRow:
    """What a model said is in one image, and what that took.

    pixels: BLAKE2 of what was looked at, the same for copies of one picture. seconds, sent, received: of the answer,
    and the tokens that it counted for; 0 where that of a copy was taken. answered_at: None where no server was asked.
    by_hand: a person wrote it, where it comes from elsewhere.
    """

    image_id: str
    description: Description
    model: str
    recipe: str = ""
    pixels: bytes | None = None
    answered_at: str | None = None
    seconds: float = 0.0
    sent: int = 0
    received: int = 0
    by_hand: bool = False


@dataclass(frozen=True)
class Spent:
    """What a server's answers took: photos that it was asked about, its seconds, and the tokens they counted for."""

    asked: int = 0
    seconds: float = 0.0
    sent: int = 0
    received: int = 0


class DescriptionTable:
    """The ``descriptions`` table."""

    def __init__(self, file: SqliteFile, operations: OperationTable) -> None:
        self._file = file
        self._operations = operations
        self._counted: Kept[int] = Kept(16)

    # ------------------------------------------------------------ what models say

    def put(self, rows: Sequence[DescriptionRow], vectors_of: Mapping[str, FloatArray]) -> list[str]:
        """Store what was said of images, each with its vector (D,), in one transaction; returns their ids.

        Images deleted meanwhile are left out, and those of which the user has said something himself.
        """
        with self._file.writing() as db:
            db.exec_driver_sql("BEGIN IMMEDIATE")
            asked = listed([row.image_id for row in rows])
            own = sa.select(descriptions.c.image_id).where(OF_THE_USER)
            query = sa.select(images.c.id).where(images.c.id.in_(asked), images.c.id.not_in(own))
            free = set(db.execute(query).scalars())
            kept = [row for row in rows if row.image_id in free]
            if kept:
                db.execute(upsert(descriptions, ["image_id"]), [_stored(row) for row in kept])
            put_vectors(db, {row.image_id: vectors_of[row.image_id] for row in kept if row.image_id in vectors_of})
        return [row.image_id for row in kept]

    def put_vectors(self, found: Mapping[str, tuple[str, FloatArray]]) -> None:
        """Image id -> words and their vector (D,): stored where those are still what is said of it."""
        with self._file.writing() as db:
            db.exec_driver_sql("BEGIN IMMEDIATE")
            query = sa.select(descriptions.c.image_id, descriptions.c.said)
            said = db.execute(query.where(descriptions.c.image_id.in_(listed(list(found))))).all()
            put_vectors(db, {id_: found[id_][1] for id_, text in said if text == found[id_][0]})

    def without_vector(self, most: int) -> dict[str, str]:
        """Image id -> the words of which no vector is stored, of ``most`` images.

        Where there are as many of both none is looked for, which would take many times as long as to count them.
        """
        has = sa.select(vectors.c.id).where(vectors.c.collection == DESCRIPTIONS)
        query = sa.select(descriptions.c.image_id, descriptions.c.said)
        query = query.where(descriptions.c.said != "", descriptions.c.image_id.not_in(has)).limit(most)
        number = sa.select(sa.func.count()).select_from(descriptions).where(descriptions.c.said != "")
        held = sa.select(collections.c.rows).where(collections.c.name == DESCRIPTIONS)
        with self._file.reading() as db:
            if db.execute(number).scalar() == (db.execute(held).scalar() or 0):
                return {}
            return {row.image_id: row.said for row in db.execute(query)}

    # ------------------------------------------------------------ what there is

    def of_image(self, image_id: str) -> Described | None:
        """None where nothing was said of it, by nobody."""
        with self._file.reading() as db:
            row = db.execute(sa.select(descriptions).where(descriptions.c.image_id == image_id)).mappings().first()
        return None if row is None else _described(row)

    def of_pixels(self, pixels: bytes, recipe: str | None) -> Described | None:
        """What a model said of an image of the same pixels, by this recipe or, with None, by any; None where none did.

        What the user changed is about his photo alone.
        """
        query = sa.select(descriptions).where(descriptions.c.pixels == pixels, ~OF_THE_USER)
        if recipe is not None:
            query = query.where(descriptions.c.recipe == recipe)
        with self._file.reading() as db:
            row = db.execute(query.order_by(descriptions.c.answered_at.desc()).limit(1)).mappings().first()
        return None if row is None else _described(row)

    def all(self) -> Iterator[tuple[str, Described]]:
        """(image id, description) of every visible image that has one; memory does not grow with their number."""
        after = ""
        while True:
            query = sa.select(descriptions).join(images, images.c.id == descriptions.c.image_id)
            query = query.where(
                descriptions.c.image_id > after, descriptions.c.said != "", images.c.removed_at.is_(None)
            )
            with self._file.reading() as db:
                rows = db.execute(query.order_by(descriptions.c.image_id).limit(1_000)).mappings().all()
            if not rows or rows[-1]["image_id"] <= after:  # an id that is no text would be asked for again and again
                return
            yield from ((row["image_id"], _described(row)) for row in rows)
            after = rows[-1]["image_id"]

    def count(self) -> int:
        """Visible images that have a description. Counted once for each change."""
        return self._counted_now("described", self._count)

    def _count(self) -> int:
        there = descriptions.join(images, images.c.id == descriptions.c.image_id)
        query = sa.select(sa.func.count()).select_from(there)
        with self._file.reading() as db:
            return int(db.execute(query.where(images.c.removed_at.is_(None), descriptions.c.said != "")).scalar_one())

    # ------------------------------------------------------------ what is still to be said

    def pending(self, recipe: str | None, only: PhotoFilter | None = None) -> list[str]:
        """Ids of visible images that have no description, in the order they were added.

        None of those whose description the user wrote, changed or deleted. recipe: with one, also those that another
        described.
        """
        query = sa.select(images.c.id).where(*_pending(recipe)).order_by(images.c.added_at)
        if only is not None:
            query = query.where(images.c.id.in_(findable.passing(only)))
        with self._file.reading() as db:
            return list(db.execute(query).scalars())

    def number_pending(self) -> int:
        """How many visible images have none. Counted once for each change."""
        return self._counted_now("pending", self._number_pending)

    def _counted_now(self, what: str, number: Callable[[], int]) -> int:
        with self._file.reading() as db:
            state = db.execute(CHANGES).scalar()
        return self._counted.get(what, state, number)

    def _number_pending(self) -> int:
        with self._file.reading() as db:
            return int(db.execute(sa.select(sa.func.count()).select_from(images).where(*_pending(None))).scalar_one())

    def spent(self, model: str, since: str = "") -> Spent:
        """What a model's answers took, from a moment on (UTC, ISO 8601), or ever; of images that are still there."""
        sums = [sa.func.coalesce(sa.func.sum(descriptions.c[name]), 0) for name in ("seconds", "sent", "received")]
        answered = sa.and_(descriptions.c.answered_at.is_not(None), descriptions.c.answered_at >= since)
        query = sa.select(sa.func.count(), *sums).where(answered, descriptions.c.model == model)
        with self._file.reading() as db:
            asked, seconds, sent, received = db.execute(query).one()
        return Spent(asked, float(seconds), int(sent), int(received))

    # ------------------------------------------------------------ what the user says

    def change(self, image_id: str, description: Description) -> Operation | None:
        """The user's own words in place of what is said; None where that is so already."""

        def wanted(db: sa.Connection) -> Wanted:
            row = _row(db, image_id)
            if not _is_there(db, image_id) or (row is not None and _described(row).description == description):
                return {}
            return {"descriptions": {(image_id,): _cell(description, row, by_hand=True)}}

        return self._operations.perform("describe", {}, wanted)

    def delete(self, image_id: str) -> Operation | None:
        """It is gone, and none is made again until asked for."""

        def wanted(db: sa.Connection) -> Wanted:
            row = _row(db, image_id)
            if row is None or row["deleted"]:
                return {}
            return {"descriptions": {(image_id,): _cell(Description(""), row, deleted=True)}}

        return self._operations.perform("delete-description", {}, wanted)

    def ask_again(self, image_id: str) -> Operation | None:
        """Of an image whose description was deleted, one is wanted again: the next pass makes it."""

        def wanted(db: sa.Connection) -> Wanted:
            row = _row(db, image_id)
            return {"descriptions": {(image_id,): None}} if row is not None and row["deleted"] else {}

        return self._operations.perform("describe-again", {}, wanted)


def bounded(said: Description) -> Description:
    """A description as it may be stored: on one line each, without what drives terminals, and of no great length."""
    things = (
        DescribedObject(*(_line(text, TAG) for text in (each.label, each.color, each.position)))
        for each in said.objects[:OBJECTS]
    )
    return Description(_line(said.scene_summary, SUMMARY), tuple(each for each in things if each.label))


def _line(text: str, most: int) -> str:
    return shown(" ".join(text.split()))[:most].strip()


def in_row(row: Row) -> Description:
    """The description that a row holds; what is none in it is left out."""
    summary, stored = row["scene_summary"], json_in(row["objects"])
    things = [each for each in (stored if isinstance(stored, list) else []) if _is_object(each)]
    return Description(summary if isinstance(summary, str) else "", tuple(DescribedObject(*each) for each in things))


def _is_object(said: object) -> bool:
    """Whether this is what an object is stored as: three texts, of which the label says something."""
    plain = (
        isinstance(said, list) and len(said) == 3 and all(isinstance(text, str) and "\0" not in text for text in said)
    )
    return plain and bool(said[0])  # type: ignore[index]


def put_vectors(db: sa.Connection, found: Mapping[str, FloatArray]) -> None:
    """Image id -> the vector (D,) of what is said of it."""
    write_vectors(db, DESCRIPTIONS, found, {id_: id_ for id_ in found})


def _objects(said: Description) -> str:
    told = [[each.label, each.color, each.position] for each in said.objects]
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _stored(row: DescriptionRow) -> dict[str, object]:
    said = bounded(row.description)
    words = {"scene_summary": said.scene_summary, "objects": _objects(said), "said": said.text}
    own = {name: getattr(row, name) for name in ("image_id", "recipe", "pixels", "answered_at", "seconds")}
    counted = {"sent": row.sent, "received": row.received, "by_hand": row.by_hand, "deleted": False}
    return {**words, **own, **counted, "model": row.model[:MODEL], "made_at": row.answered_at or now()}


def _cell(said: Description, row: Row | None, by_hand: bool = False, deleted: bool = False) -> Value:
    """The value of a cell of ``cells``. Who said first what the user changed stays known."""
    model = row["model"] if row is not None else ""
    return (said.scene_summary, _objects(said), said.text, model, now(), by_hand, deleted)


def _described(row: Row) -> Described:
    flags = bool(row["by_hand"]), bool(row["deleted"])
    return Described(in_row(row), str(row["model"] or ""), str(row["made_at"] or ""), *flags, str(row["recipe"] or ""))


def _row(db: sa.Connection, image_id: str) -> Row | None:
    return db.execute(sa.select(descriptions).where(descriptions.c.image_id == image_id)).mappings().first()


def _is_there(db: sa.Connection, image_id: str) -> bool:
    return db.execute(sa.select(images.c.id).where(images.c.id == image_id)).first() is not None


def _pending(recipe: str | None) -> list[sa.ColumnElement[bool]]:
    """Whether an image is to be described. An empty answer, which only damage leaves, is none."""
    done = sa.or_(OF_THE_USER, sa.true() if recipe is None else descriptions.c.recipe == recipe)
    has = sa.select(descriptions.c.image_id).where(done)
    return [images.c.removed_at.is_(None), images.c.id.not_in(has)]
