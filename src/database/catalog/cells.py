"""What operations change, cell by cell: of each kind of cell, how it is read, written, and kept for an undo.

A cell is one fact under one key, such as what was said of a tag of a photo; its value is None where nothing is. An
operation is the new values of some cells, and its inverse is the values that they had.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeGuard

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from src.database.catalog import row_rules
from src.database.catalog.description_table import descriptions
from src.database.catalog.files import hide_without_file
from src.database.catalog.following import heirs
from src.database.catalog.sqlite_file import listed, now
from src.database.catalog.tables import (
    album_covers,
    album_photos,
    albums,
    binned,
    files,
    folders,
    forgotten,
    images,
    marks,
    photo_tags,
    verdicts,
)
from src.plain_files import json_in
from src.schema import FileStamp

Key = tuple[str, ...]
Value = tuple[Any, ...] | None
Wanted = Mapping[str, Mapping[Key, Value]]
"""Kind of cell -> key -> the value that it is to have."""
Change = tuple[Key, Value, Value]
"""A key with its values before and after."""
Changes = Mapping[str, Sequence[Change]]
MOST_BYTES = 256_000_000
"""Of the changes of one operation, as JSON: several times what clearing a million photos takes."""


@dataclass(frozen=True)
class Cells:
    """One kind of cell: rows of a table that have a key of one or two texts."""

    table: sa.Table
    key: tuple[str, ...]
    values: tuple[str, ...]
    of_images: tuple[int, ...] = (0,)
    """Which parts of the key are images' ids."""
    of_bytes: bool = False
    """About what images show: it is not taken over by the one that comes to an image's path, and stays once the image
    is forgotten.
    """
    empty: tuple[Any, ...] = ()
    """The value of a row that says nothing: there need not be one."""
    stays_with: str = ""
    """A column that holds more than this cell: while it has a value, the row stays, and only the cell's values go."""
    path_key: bool = False
    """The key is a path: text here, bytes in the table."""

    def read(self, db: sa.Connection, keys: Iterable[Key]) -> dict[Key, Value]:
        """The values under these keys; keys under which nothing is are left out."""
        wanted = set(keys)
        first = sorted({self._stored(key)[0] for key in wanted})
        columns = [self.table.c[name] for name in (*self.key, *self.values)]
        column = self.table.c[self.key[0]]
        found: dict[Key, Value] = {}
        for where in [column == path for path in first] if self.path_key else [column.in_(listed(first))]:
            for row in db.execute(sa.select(*columns).where(where)):
                key, value = self._shown(tuple(row[: len(self.key)])), tuple(row[len(self.key) :])
                if key in wanted and value != (self.empty or (None,) * len(value)):
                    found[key] = value
        return found

    def write(self, db: sa.Connection, wanted: Mapping[Key, Value]) -> None:
        """Give each cell its value."""
        present = [dict(zip(self._columns, (*self._stored(k), *v), strict=True)) for k, v in wanted.items() if v]
        absent = [self._stored(key) for key, value in wanted.items() if not value]
        names = [f"key_{name}" for name in self.key]
        one = sa.and_(*(self.table.c[name] == sa.bindparam(f"key_{name}") for name in self.key))
        rows = [dict(zip(names, key, strict=True)) for key in absent]
        if rows and self.stays_with:
            db.execute(self.table.update().where(one).values(dict.fromkeys(self.values)), rows)
        if rows:
            needless = self.table.c[self.stays_with].is_(None) if self.stays_with else sa.true()
            db.execute(self.table.delete().where(one, needless), rows)
        if present:
            statement = insert(self.table)
            new = {name: statement.excluded[name] for name in self.values}
            db.execute(statement.on_conflict_do_update(index_elements=list(self.key), set_=new), present)

    def fits(self, key: object, value: object) -> bool:
        """Whether a stranger's cell is one that this program writes."""
        if not _are_texts(key) or not self._ruled(self.key, self._stored(tuple(key))):
            return False
        return value is None or (isinstance(value, list) and self._ruled(self.values, value))

    def _ruled(self, names: Sequence[str], values: Sequence[object]) -> bool:
        """Whether these may be values of these columns. Flags are stored as numbers, and are flags in JSON."""
        plain = [int(value) if isinstance(value, bool) else value for value in values]
        return len(plain) == len(names) and all(map(_keeps, (self._rules[name] for name in names), plain))

    @cached_property
    def _rules(self) -> dict[str, row_rules.Rule]:
        return row_rules.of_table(self.table.name)

    @property
    def _columns(self) -> tuple[str, ...]:
        return (*self.key, *self.values)

    def _stored(self, key: Key) -> tuple[Any, ...]:
        return tuple(map(os.fsencode, key)) if self.path_key else key

    def _shown(self, key: tuple[Any, ...]) -> Key:
        return tuple(map(os.fsdecode, key)) if self.path_key else key


def _keeps(rule: row_rules.Rule, value: object) -> bool:
    return rule(value)


def _are_texts(key: object) -> TypeGuard[list[str]]:
    """Whether this is a list of texts that the system can store."""
    try:
        return isinstance(key, list) and all(isinstance(part, str) and os.fsencode(part) is not None for part in key)
    except UnicodeEncodeError:
        return False


class _Bin(Cells):
    """Photos in the bin: those are hidden, whether or not a file of theirs is there."""

    def write(self, db: sa.Connection, wanted: Mapping[Key, Value]) -> None:
        super().write(db, wanted)
        gone = listed([key[0] for key, value in wanted.items() if value])
        back = listed([key[0] for key, value in wanted.items() if not value])
        at = sa.select(binned.c.binned_at).where(binned.c.image_id == images.c.id).scalar_subquery()
        db.execute(images.update().where(images.c.id.in_(gone), images.c.removed_at.is_(None)).values(removed_at=at))
        is_there = sa.exists().where(files.c.image_id == images.c.id, files.c.missing_since.is_(None))
        hidden = sa.and_(images.c.removed_at.is_not(None), is_there)
        db.execute(images.update().where(images.c.id.in_(back), hidden).values(removed_at=None))


class _Switches(Cells):
    """Further columns of rows that come and go as cells of another kind. Operations that are older than the column have
    none of them.
    """

    def write(self, db: sa.Connection, wanted: Mapping[Key, Value]) -> None:
        for key, value in wanted.items():
            one = sa.and_(*(self.table.c[name] == part for name, part in zip(self.key, self._stored(key), strict=True)))
            said = dict(zip(self.values, value or self.empty, strict=True))
            db.execute(self.table.update().where(one).values(said))


class _AlbumPhotos(Cells):
    """Photos in albums that there are."""

    def write(self, db: sa.Connection, wanted: Mapping[Key, Value]) -> None:
        there = set(db.execute(sa.select(albums.c.id)).scalars())
        super().write(db, {key: value for key, value in wanted.items() if key[0] in there})


class _Covers(Cells):
    """Covers of albums that there are, among the photos that there are."""

    def write(self, db: sa.Connection, wanted: Mapping[Key, Value]) -> None:
        held = set(db.execute(sa.select(albums.c.id)).scalars())
        there = _there(db, [value[0] for value in wanted.values() if value])
        fits = {key: value for key, value in wanted.items() if key[0] in held and (not value or value[0] in there)}
        super().write(db, fits)


class _Files(Cells):
    """Files of photos. One whose path has a row again, or whose photo there is no more, is not brought back."""

    def write(self, db: sa.Connection, wanted: Mapping[Key, Value]) -> None:
        before = self.read(db, wanted)
        there = _there(db, [value[_IMAGE] for value in wanted.values() if value])
        back = {key: value for key, value in wanted.items() if value and key not in before and value[_IMAGE] in there}
        super().write(db, {**back, **{key: None for key, value in wanted.items() if not value}})
        shown = listed([value[_IMAGE] for value in back.values() if value and value[_SINCE] is None])
        free = images.c.id.not_in(sa.select(binned.c.image_id))
        db.execute(images.update().where(images.c.id.in_(shown), free).values(removed_at=None))
        hide_without_file(db, {value[_IMAGE] for value in before.values() if value}, now())


def _there(db: sa.Connection, ids: Sequence[str]) -> set[str]:
    return set(db.execute(sa.select(images.c.id).where(images.c.id.in_(listed(ids)))).scalars())


class _Verdicts(Cells):
    """What was decided of two images: the lower id comes first; one image twice stands for its files."""

    def fits(self, key: object, value: object) -> bool:
        return super().fits(key, value) and isinstance(key, list) and key[0] <= key[1]


_OF_FILES = ("path_text", "name", "image_id", *(field.name for field in fields(FileStamp)), "uploaded", "missing_since")
_IMAGE, _SINCE = _OF_FILES.index("image_id"), _OF_FILES.index("missing_since")
_OF_FOLDERS = ("path_text", "watched", "offline_since", "synced_at", "objects")
_OF_DESCRIPTIONS = ("scene_summary", "objects", "said", "model", "made_at", "by_hand", "deleted")
CELLS: Mapping[str, Cells] = {
    "folders": Cells(folders, ("path",), _OF_FOLDERS, (), path_key=True),
    "folder_texts": _Switches(folders, ("path",), ("texts",), (), empty=(False,), path_key=True),
    "albums": Cells(albums, ("id",), ("name", "folded", "created_at"), ()),
    "album_photos": _AlbumPhotos(album_photos, ("album_id", "image_id"), ("position",), (1,)),
    "covers": _Covers(album_covers, ("album_id",), ("image_id",), ()),
    "marks": Cells(marks, ("image_id",), ("rating", "favourite", "note"), empty=(None, False, None)),
    "descriptions": Cells(descriptions, ("image_id",), _OF_DESCRIPTIONS),
    "tags": Cells(photo_tags, ("image_id", "tag"), ("said",), stays_with="file"),
    "bin": _Bin(binned, ("image_id",), ("binned_at",)),
    "forgotten": Cells(forgotten, ("image_id",), ("forgotten_at",)),
    "files": _Files(files, ("path",), _OF_FILES, (), path_key=True),
    "verdicts": _Verdicts(verdicts, ("first", "second"), ("verdict", "decided_at"), (0, 1), of_bytes=True),
}
"""In the order in which they are written: what others point to first.

Operations that were kept have the columns that a kind had then: a new column is a kind of its own.
"""


def differing(db: sa.Connection, wanted: Wanted) -> dict[str, list[Change]]:
    """What the wanted values would change."""
    changes: dict[str, list[Change]] = {}
    for kind, values in wanted.items():
        before = CELLS[kind].read(db, values)
        some = [(key, before.get(key), value) for key, value in values.items() if before.get(key) != value]
        if some:
            changes[kind] = some
    return changes


def written(db: sa.Connection, changes: Changes, back: bool = False) -> None:
    """Give the cells their values after the changes or, with ``back``, before them."""
    for kind, cells in CELLS.items():
        cells.write(db, {key: (before if back else after) for key, before, after in changes.get(kind, ())})


def number_of_images(changes: Changes) -> int:
    """How many images the changes are about."""
    return len(set(images_of(changes)))


def images_of(changes: Changes) -> Iterable[str]:
    for kind, some in changes.items():
        yield from (key[part] for key, _, _ in some for part in CELLS[kind].of_images)


def of_present(db: sa.Connection, changes: Changes) -> dict[str, list[Change]]:
    """The changes without those of images and albums that there are no more.

    What was said of an image whose path has another one by now is that one's.
    """
    current = heirs(db, set(images_of(changes)))
    kept: dict[str, list[Change]] = {}
    for kind, some in changes.items():
        cells = CELLS[kind]
        if cells.of_bytes:
            kept[kind] = [change for change in some if any(change[0][part] in current for part in cells.of_images)]
        else:
            moved = ((_moved(key, cells.of_images, current), before, after) for key, before, after in some)
            kept[kind] = [change for change in moved if change[0]]
    return {kind: some for kind, some in kept.items() if some}


def _moved(key: Key, parts: Sequence[int], current: Mapping[str, str]) -> Key:
    """The key with what its images' paths have now; empty where one is there no more."""
    if any(key[part] not in current for part in parts):
        return ()
    return tuple(current[text] if at in parts else text for at, text in enumerate(key))


# ---------------------------------------------------------------- as bytes


def packed(changes: Changes) -> bytes:
    """JSON of ``{kind: [[key, before, after], ...]}``, compressed."""
    return zlib.compress(json.dumps(changes, ensure_ascii=True, separators=(",", ":")).encode())


def unpacked(data: bytes) -> dict[str, list[Change]] | None:
    """What ``packed`` made; None where it is anything else, or larger than any operation is."""
    text = _inflated(data)
    said = json_in(text) if text is not None else None
    if not isinstance(said, dict) or not all(kind in CELLS and isinstance(some, list) for kind, some in said.items()):
        return None
    if not all(_is_change(CELLS[kind], change) for kind, some in said.items() for change in some):
        return None
    return {kind: [(tuple(k), _tuple(b), _tuple(a)) for k, b, a in some] for kind, some in said.items()}


def _inflated(data: bytes) -> bytes | None:
    machine = zlib.decompressobj()
    try:
        text = machine.decompress(data, MOST_BYTES)
    except zlib.error:
        return None
    return text if machine.eof and not machine.unused_data else None


def _is_change(cells: Cells, change: object) -> bool:
    if not isinstance(change, list) or len(change) != 3:
        return False
    key, before, after = change
    return cells.fits(key, before) and cells.fits(key, after)


def _tuple(value: list[Any] | None) -> Value:
    return None if value is None else tuple(value)
