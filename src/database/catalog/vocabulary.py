"""Which values facts have in the library, and how many photos each finds that is asked for by the query language."""

from __future__ import annotations

import bisect
import itertools
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from src.database.catalog import findable
from src.database.catalog.fact_tests import MADE
from src.database.catalog.marks import counted_tags
from src.database.catalog.sqlite_file import SqliteFile
from src.database.catalog.tables import album_photos, albums, facts, images, marks, photo_tags
from src.schema import PhotoFilter
from src.schema.colour_words import colour_word
from src.text import folded

STEPS = 20_000
"""Of SQLite's machine between two looks at the clock: a millisecond or so."""
MOST = 1_000
"""Values of a text that are compared with all others, those of most photos: a part of a text finds it."""
Groups = Sequence[tuple[tuple[str, ...], int]]
"""Texts that photos have together, with the number of those photos."""
_YEAR = sa.func.substr(images.c.taken_at, 1, 4)
_COLUMNS: dict[str, tuple[sa.ColumnElement[Any], ...]] = {
    "format": (images.c.format,),
    "shape": (MADE["shape"],),
    "year": (sa.case((_YEAR.op("GLOB")("[0-9][0-9][0-9][0-9]"), _YEAR)),),
    "added": (sa.func.substr(images.c.added_at, 1, 10),),
    "rating": (images.c.rating,),
    "favourite": (sa.case((marks.c.favourite, "favourite")),),
    "note": (marks.c.note,),
    "album": (albums.c.name,),
    "camera": (facts.c.camera_make, facts.c.camera_model),
    "model": (facts.c.camera_model,),
    "lens": (facts.c.lens,),
    "software": (facts.c.software,),
    "title": (facts.c.title,),
    "place": (facts.c.place,),
    "colours": (sa.func.coalesce(facts.c.colour_words, facts.c.colours),),
}
"""What is counted -> where it stands. Of tags ``marks`` knows."""
_OF_IMAGES, _OF_MARKS = frozenset({"format", "shape", "year", "added", "rating"}), frozenset({"favourite", "note"})


class Vocabulary:
    """The values of facts of visible photos."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def counts(self, fact: str, only: PhotoFilter | None = None, seconds: float = 60.0) -> list[tuple[str, int]]:
        """Value -> number of the photos that pass and that asking for it finds, most first; those that differ in
        capitals are one.

        fact: ``keywords`` (a tag counts for those that it is below, too), ``format``, ``shape``, ``year``, ``added``
        (the day, in UTC), ``rating``, ``favourite``, ``album``, ``place``, ``model`` or ``colours`` (by their words);
        or ``camera``, ``lens``, ``software``, ``title`` or ``note``, of which a part is enough: ``MOST`` of those.
        Raises TimeoutError where it takes longer, BadInput for a filter that makes no sense. Goes through all that
        pass: 20 to 100 ms for 100,000 photos.
        """
        with self._bounded(seconds) as (db, until):
            if fact == "keywords":
                tags = counted_tags(db, findable.rows(photo_tags, only))
                return _most_first((tag.tag, tag.photos) for tag in tags)
            groups = _groups(db, fact, only, until)
            return _holding(groups) if fact in _PARTS else _united(groups)

    def values(self, fact: str, seconds: float = 60.0) -> list[str]:
        """All values that visible photos have, those of most photos first; facts and errors as above."""
        if fact == "keywords":
            return [tag for tag, _ in self.counts(fact, None, seconds)]
        with self._bounded(seconds) as (db, until):
            return [value for value, _ in _united(_groups(db, fact, None, until))]

    @contextmanager
    def _bounded(self, seconds: float) -> Iterator[tuple[sa.Connection, float]]:
        """A connection whose questions are given up after that time, and when that is. Raises TimeoutError then."""
        until = time.monotonic() + seconds
        with self._file.reading() as db:
            raw = db.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            raw.set_progress_handler(lambda: time.monotonic() > until, STEPS)
            try:
                yield db, until
            except sa.exc.OperationalError as error:
                if getattr(error.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_INTERRUPT:
                    raise
                raise TimeoutError from error
            finally:
                raw.set_progress_handler(None, 0)


def _groups(db: sa.Connection, fact: str, only: PhotoFilter | None, until: float) -> Groups:
    """The texts that photos have which pass."""
    groups = list[tuple[tuple[str, ...], int]]()
    for number, row in enumerate(db.execute(_grouped(fact, only))):
        if number % 1_000 == 0 and time.monotonic() > until:
            raise TimeoutError
        groups.append((_TEXTS.get(fact, _plain)(row[:-1]), row[-1]))
    return groups


def _grouped(fact: str, only: PhotoFilter | None) -> sa.Select[Any]:
    columns = _COLUMNS[fact]
    table = album_photos if fact == "album" else images if fact in _OF_IMAGES else marks if fact in _OF_MARKS else facts
    query = sa.select(*columns, sa.func.count()).group_by(*columns).where(*findable.rows(table, only))
    query = query.where(sa.or_(*(column.is_not(None) for column in columns)))
    return query.join_from(albums, album_photos) if fact == "album" else query


def _plain(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(str(value) for value in values if value is not None)


def _words(values: Sequence[Any]) -> tuple[str, ...]:
    """Of a list as it is stored; none of what is no list."""
    try:
        found = json.loads(str(values[0]))
    except ValueError:
        return ()
    return tuple(word for word in found if isinstance(word, str)) if isinstance(found, list) else ()


def _colours(values: Sequence[Any]) -> tuple[str, ...]:
    """The words for colours, or those of the codes where no words are kept."""
    kept = str(values[0])
    return tuple(filter(None, map(colour_word, _words(values)))) if kept.startswith("[") else tuple(kept.split())


_TEXTS: dict[str, Callable[[Sequence[Any]], tuple[str, ...]]] = {"place": _words, "colours": _colours}
"""What is stored as a list -> how it is read."""
_PARTS = frozenset({"camera", "lens", "software", "title", "note"})
"""What a part of is enough to find it."""


def _united(groups: Groups) -> list[tuple[str, int]]:
    """Most first; of spellings that differ in capitals the one that most have."""
    counted: Counter[str] = Counter()
    spelled: dict[str, Counter[str]] = {}
    for texts, photos in groups:
        for plain, text in {folded(text): text for text in texts}.items():
            counted[plain] += photos
            spelled.setdefault(plain, Counter())[text] += photos
    return _most_first((_most_first(spelled[plain].items())[0][0], photos) for plain, photos in counted.items())


def _holding(groups: Groups) -> list[tuple[str, int]]:
    """The same of values that find all photos which have a text that they are in."""
    texts = [folded("\0".join(texts)) for texts, _ in groups]
    starts = list(itertools.accumulate((len(text) + 1 for text in texts), initial=0))
    every = "\1".join(texts)
    return _most_first(
        (value, _found(folded(value), every, starts, groups)) for value, _ in _united(groups)[:MOST] if value
    )


def _found(value: str, every: str, starts: Sequence[int], groups: Groups) -> int:
    """How many photos have it in a text. every: all texts one after the other, each at its start."""
    photos, at = 0, every.find(value)
    while at >= 0:
        number = bisect.bisect_right(starts, at)
        photos += groups[number - 1][1]
        at = every.find(value, starts[number])
    return photos


def _most_first(counted: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(counted, key=lambda pair: (-pair[1], pair[0]))
