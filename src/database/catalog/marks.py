"""What the user says of photos: tags, rating, favourite, note. Where he says nothing, what the file says counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from src.database.catalog.cells import CELLS, Key, Value, Wanted
from src.database.catalog.migrations import FILE_TAGS, file_tags
from src.database.catalog.operations import Operation, OperationTable
from src.database.catalog.sqlite_file import SqliteFile, listed
from src.database.catalog.tables import CHANGES, album_photos, albums, images, marks, photo_tags
from src.text import folded
from src.versioned_cache import Kept

SPELLED = sa.func.coalesce(photo_tags.c.said, photo_tags.c.file)
"""A tag as it is written; empty where the user took it off."""
HAS_TAG = SPELLED != ""
STEP = "/"
"""Between the steps of a tag in a tree, such as ``trip/italy``."""


@dataclass(frozen=True)
class TagCount:
    """A tag, as it is most simply written, and the number of photos that have it or one below it."""

    tag: str
    photos: int


@dataclass(frozen=True)
class Said:
    """What the user says of one photo. tags: a tag, folded -> as he writes it, empty where he took it off."""

    tags: dict[str, str]
    rating: int | None
    note: str | None


def at_or_below(tag: str, column: sa.ColumnElement[Any] = photo_tags.c.tag) -> sa.ColumnElement[bool]:
    """True for rows of this tag (folded), and of all below it in the tree. Uses the index on tags."""
    return sa.or_(column == tag, sa.and_(column >= f"{tag}{STEP}", column < f"{tag}{chr(ord(STEP) + 1)}"))


def overlaid(db: sa.Connection, found: Mapping[str, dict[str, Any]]) -> None:
    """Image id -> its facts, to which what the user says is added, in place of what its file says."""
    ids = listed(list(found))
    for row in db.execute(sa.select(marks).where(marks.c.image_id.in_(ids))).mappings():
        said = {"rating": row["rating"], "favourite": row["favourite"] or None, "note": row["note"]}
        found[row["image_id"]].update({name: value for name, value in said.items() if value is not None})
    for values in found.values():
        values.pop("keywords", None)
    tags = sa.select(photo_tags.c.image_id, SPELLED).where(photo_tags.c.image_id.in_(ids), HAS_TAG)
    _gathered(db.execute(tags.order_by(photo_tags.c.tag)), found, "keywords")
    held = sa.select(album_photos.c.image_id, albums.c.name).join(albums, albums.c.id == album_photos.c.album_id)
    _gathered(db.execute(held.where(album_photos.c.image_id.in_(ids)).order_by(albums.c.folded)), found, "albums")


def _gathered(rows: Iterable[Any], found: Mapping[str, dict[str, Any]], name: str) -> None:
    for image_id, word in rows:
        found[image_id][name] = (*found[image_id].get(name, ()), word)


def put_file_tags(db: sa.Connection, keywords: Mapping[str, Sequence[str]]) -> None:
    """Image id -> the keywords that its file has now; in the transaction that stores its facts."""
    ids = photo_tags.c.image_id.in_(listed(list(keywords)))
    db.execute(photo_tags.update().where(ids).values(file=None))
    rows = [row for image_id, words in keywords.items() for row in file_tags(image_id, list(words))]
    if rows:
        db.exec_driver_sql(f"{FILE_TAGS} ON CONFLICT (image_id, tag) DO UPDATE SET file = excluded.file", rows)
    db.execute(photo_tags.delete().where(ids, photo_tags.c.file.is_(None), photo_tags.c.said.is_(None)))


def counted_tags(db: sa.Connection, rows: Sequence[sa.ColumnElement[bool]]) -> list[TagCount]:
    """All tags in rows of which all that is so, and those that others are below, by name."""
    image_id, seen = photo_tags.c.image_id, sa.and_(HAS_TAG, *rows)
    each = sa.select(photo_tags.c.tag, sa.func.min(SPELLED), sa.func.count()).where(seen).group_by(photo_tags.c.tag)
    found = {tag: TagCount(text, number) for tag, text, number in db.execute(each)}
    tree = [(step, text, tag) for tag, counted in found.items() for step, text in _steps(tag, counted.tag)]
    spelled = {step: text for step, text, _ in reversed(tree)} | {tag: counted.tag for tag, counted in found.items()}
    above = {step for step, _, tag in tree if step != tag}
    pair = sa.func.json_each(json.dumps([(step, tag) for step, _, tag in tree if step in above])).table_valued("value")
    step, tag = (sa.func.json_extract(pair.c.value, f"$[{at}]") for at in (0, 1))
    below = sa.select(step, sa.func.count(image_id.distinct())).where(photo_tags.c.tag == tag, seen).group_by(step)
    for name, number in db.execute(below) if above else ():
        found[name] = TagCount(spelled[name], number)
    return [found[name] for name in sorted(found)]


class MarksTable:
    """The ``marks`` and ``photo_tags`` tables. Images that there are none of are left out of all that is asked for."""

    def __init__(self, file: SqliteFile, operations: OperationTable) -> None:
        self._file = file
        self._operations = operations
        self._counted: Kept[list[TagCount]] = Kept(1)

    # ------------------------------------------------------------ tags

    def tag(self, ids: Sequence[str], add: Sequence[str] = (), remove: Sequence[str] = ()) -> Operation | None:
        """Put tags on images, and take others off, those below them in the tree too."""

        def wanted(db: sa.Connection) -> Wanted:
            off = [at_or_below(folded(tag)) for tag in remove]
            values = dict[Key, Value]()
            for row in _rows(db, ids, sa.and_(sa.or_(sa.false(), *off), HAS_TAG)):
                values[row.image_id, row.tag] = _taken_off(row)
            return {"tags": values | all_tagged(db, ids, add)}

        return self._operations.perform("tag", {"add": list(add), "remove": list(remove)}, wanted)

    def refuse(self, ids: Sequence[str], tag: str) -> Operation | None:
        """These images do not have the tag, and are not to be suggested for it again."""

        def wanted(db: sa.Connection) -> Wanted:
            return {"tags": {(image_id, folded(tag)): ("",) for image_id in there(db, ids)}}

        return self._operations.perform("refuse-tag", {"tag": tag}, wanted)

    def tagged(self, tag: str) -> list[str]:
        """Ids of visible images that have this tag or one below it."""
        query = sa.select(photo_tags.c.image_id).where(at_or_below(folded(tag)), HAS_TAG)
        with self._file.reading() as db:
            return list(db.execute(query.where(photo_tags.c.image_id.not_in(_HIDDEN)).distinct()).scalars())

    def refused(self, tag: str) -> set[str]:
        """Ids of images that the user said do not have just this tag."""
        query = sa.select(photo_tags.c.image_id).where(photo_tags.c.tag == folded(tag), photo_tags.c.said == "")
        with self._file.reading() as db:
            return set(db.execute(query).scalars())

    def rename(self, kind: str, tags: Sequence[str], into: str) -> Operation | None:
        """All images that have one of these tags have another in its place; what is below them goes along."""

        def wanted(db: sa.Connection) -> Wanted:
            off, on = dict[Key, Value](), dict[Key, Value]()
            for tag in dict.fromkeys(map(folded, tags)):
                steps = tag.count(STEP) + 1
                query = sa.select(photo_tags, SPELLED.label("spelled")).where(at_or_below(tag), HAS_TAG)
                for row in db.execute(query):
                    text = STEP.join([into, *row.spelled.split(STEP)[steps:]])
                    off[row.image_id, row.tag] = _taken_off(row)
                    on[row.image_id, folded(text)] = (text,)
            return {"tags": off | on}

        return self._operations.perform(kind, {"tags": list(tags), "into": into}, wanted)

    def tags(self) -> list[TagCount]:
        """All tags of visible images, and those that others are below, by name. Counted once for each change."""
        with self._file.reading() as db:
            state = db.execute(CHANGES).scalar()
        return self._counted.get("tags", state, self._tags)

    def _tags(self) -> list[TagCount]:
        with self._file.reading() as db:
            return counted_tags(db, [photo_tags.c.image_id.not_in(_HIDDEN)])

    def said(self, ids: Sequence[str]) -> dict[str, Said]:
        """Image id -> what the user says of it; images of which he says nothing are left out."""
        wanted = listed(list(ids))
        tags = sa.select(photo_tags).where(photo_tags.c.image_id.in_(wanted), photo_tags.c.said.is_not(None))
        found: dict[str, Said] = {}
        with self._file.reading() as db:
            for row in db.execute(sa.select(marks).where(marks.c.image_id.in_(wanted))):
                found[row.image_id] = Said({}, row.rating, row.note)
            for row in db.execute(tags):
                found.setdefault(row.image_id, Said({}, None, None)).tags[row.tag] = row.said
        return found

    # ------------------------------------------------------------ rating, favourite, note

    def rate(self, ids: Sequence[str], rating: int | None) -> Operation | None:
        """None: what the file says counts again."""
        return self._mark("rate", ids, {"rating": rating}, lambda _, favourite, note: (rating, favourite, note))

    def favourite(self, ids: Sequence[str], on: bool) -> Operation | None:
        return self._mark("favourite", ids, {"on": on}, lambda rating, _, note: (rating, on, note))

    def note(self, ids: Sequence[str], text: str) -> Operation | None:
        """An empty text takes the note away."""
        return self._mark("note", ids, {"note": text}, lambda rating, favourite, _: (rating, favourite, text or None))

    def _mark(
        self, kind: str, ids: Sequence[str], said: Mapping[str, Any], made: Callable[..., tuple[Any, ...]]
    ) -> Operation | None:
        def wanted(db: sa.Connection) -> Wanted:
            cells = CELLS["marks"]
            keys: list[Key] = [(id_,) for id_ in there(db, ids)]
            before = cells.read(db, keys)
            after = {key: made(*(before.get(key) or cells.empty)) for key in keys}
            return {"marks": {key: value if value != cells.empty else None for key, value in after.items()}}

        return self._operations.perform(kind, said, wanted)


_HIDDEN = sa.select(images.c.id).where(images.c.removed_at.is_not(None))


def all_tagged(db: sa.Connection, ids: Sequence[str], tags: Sequence[str]) -> dict[Key, Value]:
    """What is wanted of tags so that these images have them; those that have one keep it as it is written."""
    known = {(row.image_id, row.tag): row for row in _rows(db, ids, _is_one_of(tags))}
    keys = [(image_id, text) for image_id in there(db, ids) for text in tags]
    return {(id_, folded(text)): _put_on(known.get((id_, folded(text))), text) for id_, text in keys}


def _rows(db: sa.Connection, ids: Sequence[str], of: sa.ColumnElement[bool]) -> list[Any]:
    return list(db.execute(sa.select(photo_tags).where(photo_tags.c.image_id.in_(listed(list(ids))), of)))


def _is_one_of(tags: Sequence[str]) -> sa.ColumnElement[bool]:
    return photo_tags.c.tag.in_(listed([folded(tag) for tag in tags]))


def _taken_off(row: Any) -> Value:
    """What is to be said of a tag so that an image does not have it."""
    return ("",) if row.file is not None else None


def _put_on(row: Any, text: str) -> Value:
    """So that it has it, as it is written already where it is."""
    return ((row.said or row.file or text) if row is not None else text,)


def there(db: sa.Connection, ids: Sequence[str]) -> list[str]:
    """Those of the images that there are, hidden ones too, in the order given."""
    found = set(db.execute(sa.select(images.c.id).where(images.c.id.in_(listed(list(ids))))).scalars())
    return [id_ for id_ in dict.fromkeys(ids) if id_ in found]


def _steps(tag: str, text: str) -> list[tuple[str, str]]:
    """All that a tag is at or below -> how those are written in it."""
    steps, texts = tag.split(STEP), text.split(STEP)
    return [(STEP.join(steps[:n]), STEP.join(texts[:n])) for n in range(1, len(steps) + 1)]
