"""Which values facts have in the library, and how many photos have each."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from src.database.catalog import findable
from src.database.catalog.fact_tests import MADE
from src.database.catalog.sqlite_file import SqliteFile
from src.database.catalog.tables import facts, files, images
from src.schema import PhotoFilter
from src.schema.colour_words import colour_word
from src.text import folded

STEPS = 20_000
"""Of SQLite's machine between two looks at the clock: a millisecond or so."""
_OF_IMAGES: dict[str, sa.ColumnElement[Any]] = {
    "format": images.c.format,
    "shape": MADE["shape"],
    "year": sa.func.substr(images.c.taken_at, 1, 4),
}
_LISTS: dict[str, Callable[[Iterable[str]], set[str]]] = {
    "keywords": set,
    "colours": lambda codes: set(map(colour_word, codes)) - {""},
}
"""Facts that are several values -> the values that one photo counts for."""


class Vocabulary:
    """The values of facts of visible photos."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def counts(self, fact: str, only: PhotoFilter | None = None, seconds: float = 60.0) -> list[tuple[str, int]]:
        """Value -> number of the photos that pass which have it, most first; those that differ in capitals are one.

        fact: a column of the table of facts, ``format``, ``shape`` or ``year``; of keywords and colours (by their
        words) a photo may have several. Raises TimeoutError where it takes longer, BadInput for a filter that makes no
        sense. Goes through all that pass: 20 to 100 ms for 100,000 photos, of colours up to a second.
        """
        with self._bounded(seconds) as (db, until):
            rows: Iterator[Any] = iter(db.execute(_grouped(fact, only)))
            counted: Counter[str] = Counter()
            for number, (value, photos) in enumerate(rows):
                if number % 1_000 == 0 and time.monotonic() > until:
                    raise TimeoutError
                for one in _LISTS[fact](_words(value)) if fact in _LISTS else (str(value),):
                    counted[one] += photos
        return _united(counted)

    def folders(self, seconds: float = 60.0) -> list[tuple[str, int]]:
        """Path of a folder as it is shown -> number of files right in it, of all with files that are there.

        Uploads are left out. Raises TimeoutError. About 100 ms for 100,000 files.
        """
        folder = sa.func.substr(files.c.path_text, 1, sa.func.length(files.c.path_text) - sa.func.length(files.c.name))
        there = (files.c.missing_since.is_(None), files.c.uploaded.is_(False))
        with self._bounded(seconds) as (db, _):
            query = sa.select(folder, sa.func.count()).where(*there).group_by(folder)
            return [(str(row[0]), int(row[1])) for row in db.execute(query)]

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


def _grouped(fact: str, only: PhotoFilter | None) -> sa.Select[Any]:
    """Each value, of lists each list, with its number of photos."""
    column = _OF_IMAGES[fact] if fact in _OF_IMAGES else facts.c[fact]
    query = sa.select(column, sa.func.count()).where(column.is_not(None)).group_by(column)
    id_ = images.c.id if fact in _OF_IMAGES else facts.c.image_id
    if only is not None:
        return query.where(id_.in_(findable.passing(only)))
    return query.where(id_.not_in(sa.select(images.c.id).where(images.c.removed_at.is_not(None))))


def _words(stored: str) -> list[str]:
    """Of a list as it is stored; none of what is no list."""
    try:
        found = json.loads(stored)
    except ValueError:
        return []
    return [word for word in found if isinstance(word, str)] if isinstance(found, list) else []


def _united(counted: Counter[str]) -> list[tuple[str, int]]:
    """Most first; of spellings that differ in capitals the one that most have."""
    united: dict[str, tuple[str, int]] = {}
    for value, photos in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])):
        spelling, others = united.get(folded(value), (value, 0))
        united[folded(value)] = (spelling, others + photos)
    return sorted(united.values(), key=lambda pair: (-pair[1], pair[0]))
