"""What a row of the catalogue may hold, column by column: the rules for rows that this program has not written itself.

A column without a rule of its own is judged by its type, so that one which a later schema adds is never copied unseen.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

import sqlalchemy as sa

from src.database.catalog.tables import GREY_BYTES, HASH_BYTES, PIXELS_BYTES, former, metadata
from src.database.catalog.vector_codec import DIMENSIONS
from src.identity import is_id
from src.plain_files import json_in
from src.schema import JobState, Kind
from src.schema.duplicates import DECISIONS
from src.schema.fields import FIELDS

if TYPE_CHECKING:
    pass

Rule = Callable[[Any], bool]
Row = dict[str, Any]

MOST = 2**53
"""Largest whole number of rows and bytes.

Near 2**63 the next row could get no number, which SQLite reports as a full disk.
"""
SIDE = 1_000_000
"""Longest side of a picture in pixels."""
PIXELS = 2**32
"""Of a whole picture: more than any decoder takes; masks are brought to this size in exports."""
MASK_SIDE, MASK_PIXELS = 65_536, 1 << 26
PATH_BYTES = 32_768
TEXT = 10_000_000
"""Most characters of the lines that were read in one picture, as they are stored."""
NOTE, TAG = 10_000, 200
"""Most characters of a note, and of a tag or of an album's name; what is folded may be longer."""
SUMMARY, MODEL, OBJECTS = 10_000, 200, 500
"""Most characters of what a description says of a picture as a whole, and of a model's name, and most things in it."""
FINISHED = ("done", "failed", "cancelled")
NORM_SLACK = 0.02
"""How far the norm of a vector may be from 1 after the rounding to float16."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[0-9.:+Z-]{0,20}", re.ASCII)
_TAKEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)
_SHA256 = re.compile("[0-9a-f]{64}")
_COLLECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,510}[A-Za-z0-9]")
OBJECT = re.compile(r"#[0-9a-f]{8}-[0-9]{1,9}")
_FORMAT = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/+-]{0,39}")
_JOB = re.compile("[0-9a-f]{32}")
_DRIVE = re.compile(rb"([A-Za-z]:\\|\\\\)[^/]+")
_KEY = re.compile("[a-z_]{1,64}")
_WORDS = re.compile("[a-z]+(-[a-z]+)*")
_NOT_PLAIN = "\0"


# ---------------------------------------------------------------- of single values


def whole(least: int = 0, most: int = MOST) -> Rule:
    return lambda value: type(value) is int and least <= value <= most


def text(most: int, pattern: re.Pattern[str] | None = None) -> Rule:
    """At most so many characters, none of them NUL, all of them as the pattern says."""

    def fits(value: Any) -> bool:
        return (
            isinstance(value, str)
            and len(value) <= most
            and _NOT_PLAIN not in value
            and (pattern is None or bool(pattern.fullmatch(value)))
        )

    return fits


def one_of(*values: str) -> Rule:
    return lambda value: isinstance(value, str) and value in values


def flag(value: Any) -> bool:
    return type(value) is int and value in (0, 1)


def blob(length: int) -> Rule:
    """Just so many bytes."""
    return lambda value: isinstance(value, bytes) and len(value) == length


def number(least: float, most: float) -> Rule:
    return lambda value: type(value) in (int, float) and least <= value <= most


def span(most: float) -> Rule:
    """A number that is no further than this from 0."""
    return number(-most, most)


def _words(value: Any) -> bool:
    """A JSON array of texts."""
    found = json_in(value) if isinstance(value, str) and len(value) <= 100_000 else None
    return isinstance(found, list) and all(isinstance(word, str) and _NOT_PLAIN not in word for word in found)


def certainty(value: Any) -> bool:
    """Of a segmenter; a network that estimates it may go a little beyond 0 and 1."""
    return type(value) in (int, float) and -1.0 <= value <= 2.0


def moment(value: Any) -> bool:
    """A moment as ISO 8601 writes it, one that a calendar has."""
    return isinstance(value, str) and _MOMENT.fullmatch(value) is not None and on_the_calendar(value)


def path(value: Any) -> bool:
    """Bytes of an absolute path, of this system's kind or the other's.

    A catalogue from Windows names drives, and nothing in them.
    """
    if not isinstance(value, bytes) or not 0 < len(value) <= PATH_BYTES or b"\0" in value:
        return False
    return value.startswith(b"/") or _DRIVE.fullmatch(value) is not None


def is_json(value: Any, kind: type = dict, most: int = 1_000_000) -> bool:
    """Text of at most so many characters that parses as JSON of this kind."""
    if not isinstance(value, str) or len(value) > most:
        return False
    return isinstance(json_in(value), kind)


def on_the_calendar(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _of_type(column: sa.Column[Any]) -> Rule:
    """For a column that has no rule of its own."""
    for kind, rule in _BY_TYPE:
        if isinstance(column.type, kind):
            return rule
    return lambda _: False


_BY_TYPE: tuple[tuple[type, Rule], ...] = (
    (sa.Boolean, flag),
    (sa.Integer, whole(-MOST)),
    (sa.Float, lambda value: type(value) in (int, float) and math.isfinite(value)),
    (sa.LargeBinary, lambda value: isinstance(value, bytes) and len(value) <= PATH_BYTES),
    (sa.Text, text(100_000)),
)
_STAMP: dict[str, Rule] = {
    "device": whole(0, 2**63 - 1),
    "inode": whole(0, 2**63 - 1),
    "mtime_ns": whole(-(2**63), 2**63 - 1),
    "size": whole(),
    "ctime_ns": whole(-(2**63), 2**63 - 1),
}
_OWN: dict[str, dict[str, Rule]] = {
    "meta": {"key": text(64, _KEY), "value": text(1_000_000)},
    "images": {
        "id": is_id,
        "sha256": text(64, _SHA256),
        "width": whole(1, SIDE),
        "height": whole(1, SIDE),
        "format": text(40, _FORMAT),
        "taken_at": text(19, _TAKEN),
        "bytes": whole(1),
        "added_at": moment,
        "removed_at": moment,
    },
    "files": {
        **_STAMP,
        "id": whole(1),
        "image_id": is_id,
        "name": text(4096),
        "path_text": text(PATH_BYTES),
        "missing_since": moment,
    },
    "folders": {"path": path, "path_text": text(PATH_BYTES), "offline_since": moment, "synced_at": moment},
    "unreadable": {**_STAMP, "path": path, "reason": text(2000), "reader": text(500)},
    "collections": {
        "name": text(512, _COLLECTION),
        "dimensions": whole(1, DIMENSIONS),
        "owner": one_of("library", "user"),
        "rows": lambda _: True,
        "rewritten": lambda _: True,
        "kind": one_of(*get_args(Kind)),
    },
    "vectors": {
        "number": whole(1),
        "collection": text(512),
        "id": text(65_536),
        "vector": lambda value: isinstance(value, bytes),
        "metadata": lambda value: is_json(value, most=16_000_000),
        "image_id": is_id,
    },
    "segments": {
        "id": text(60),
        "image_id": is_id,
        **{edge: whole(0, SIDE) for edge in ("x0", "y0", "x1", "y1")},
        "score": certainty,
        "mask_height": whole(1, MASK_SIDE),
        "mask_width": whole(1, MASK_SIDE),
        "mask": text(2 * MASK_PIXELS),
    },
    "facts": {
        "image_id": is_id,
        **{field.name: _words for field in FIELDS if field.kind in ("words", "colours")},
        "orientation": whole(1, 8),
        "rating": whole(-1, 5),
        "latitude": span(90.0),
        "longitude": span(180.0),
    },
    "looked_at": {"image_id": is_id, "pass": text(64, _KEY), "recipe": text(2000)},
    "marks": {"image_id": is_id, "rating": whole(-1, 5), "note": text(NOTE)},
    "photo_tags": {"image_id": is_id, "tag": text(3 * TAG), "file": text(TAG), "said": text(TAG)},
    "albums": {"id": is_id, "name": text(TAG), "folded": text(3 * TAG), "created_at": moment},
    "album_photos": {"album_id": is_id, "image_id": is_id, "position": whole()},
    "binned": {"image_id": is_id, "binned_at": moment},
    "forgotten": {"image_id": is_id, "forgotten_at": moment},
    "album_covers": {"album_id": is_id, "image_id": is_id},
    "discarded": {**_STAMP, "path": path, "image_id": is_id},
    "successors": {"image_id": is_id, "successor": is_id},
    "operations": {
        "number": whole(1),
        "at": moment,
        "kind": text(64, _WORDS),
        "said": lambda value: is_json(value, most=16_000_000),
        "changes": lambda value: isinstance(value, bytes),
        "undone_at": moment,
    },
    "prints": {
        "image_id": is_id,
        "hashes": blob(HASH_BYTES),
        "quality": whole(0, 100),
        "grey": blob(GREY_BYTES),
        "pixels": blob(PIXELS_BYTES),
    },
    "texts": {
        "image_id": is_id,
        "pixels": blob(PIXELS_BYTES),
        "lines": lambda value: is_json(value, list, most=TEXT),
        "folded": text(2 * TEXT),
    },
    "descriptions": {
        "image_id": is_id,
        "scene_summary": text(SUMMARY),
        "objects": lambda value: is_json(value, list, most=TEXT),
        "said": text(TEXT),
        "model": text(MODEL),
        "made_at": moment,
        "recipe": text(2000),
        "pixels": blob(PIXELS_BYTES),
        "answered_at": moment,
        "seconds": number(0.0, 1e9),
        "sent": whole(),
        "received": whole(),
    },
    "labels": {"image_id": is_id, "tag": text(3 * TAG), "word": text(TAG), "chance": number(0.0, 1.0)},
    "alike": {
        "first": is_id,
        "second": is_id,
        "turn": whole(0, 7),
        "share": number(0.01, 100.0),
        "match": number(-1.0, 1.01),
    },
    "verdicts": {"first": is_id, "second": is_id, "verdict": one_of(*DECISIONS), "decided_at": moment},
    "segmented": {"image_id": is_id, "recipe": text(1000), "collection": text(512, _COLLECTION)},
    "jobs": {
        "id": text(32, _JOB),
        "kind": text(64, _KEY),
        "title": text(2000),
        "state": one_of(*get_args(JobState)),
        "params": is_json,
        "progress": is_json,
        "attempts": whole(),
        "created_at": moment,
    },
}


def of_table(name: str) -> dict[str, Rule]:
    """Column -> rule, for every column of a table."""

    def rule(column: sa.Column[Any]) -> Rule:
        own = _OWN.get(name, {}).get(column.name) or _of_type(column)
        return (lambda value: value is None or own(value)) if column.nullable else own

    table = metadata.tables[name] if name in metadata.tables else former.tables[name]
    return {column.name: rule(column) for column in table.columns}


def os_text(raw: bytes) -> str:
    """A path's bytes as text that can be stored and shown anywhere."""
    return raw.decode("utf-8", "replace")
