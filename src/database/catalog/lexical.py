"""The lexical index: which photos are written of with which words. SQLite's FTS5 over the table ``lexical``.

Triggers note in the transaction of a change which photos it is about. What is written of them is brought up to date in
the background, and before each lookup (``catch_up``), in a transaction of its own: no damage to the index can keep a
change of the library from being stored.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Collection, Sequence
from sqlite3 import SQLITE_CONSTRAINT, SQLITE_CORRUPT

import sqlalchemy as sa

from src import lexical as words
from src.database.catalog import findable, lexical_tables
from src.database.catalog.lexical_rows import Row, Said, rows_of, said_of
from src.database.catalog.lexical_tables import WORDS, lexical, lexical_due, lexical_terms
from src.database.catalog.sqlite_file import SqliteFile, listed, parts, upsert
from src.database.catalog.tables import images
from src.errors import LibraryError, LibraryUnusable
from src.lexical import Wish
from src.schema import PhotoFilter

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Photos that one transaction brings up to date."""
RANKED, NEAR = 500, 8
"""Found photos that are put in order by where the words stand; words tried in the place of one."""
_COLUMNS = ", ".join(WORDS)
_TAKEN_OUT = f"INSERT INTO lexical_index (lexical_index, rowid, {_COLUMNS}) SELECT 'delete', number, {_COLUMNS}"
_PUT_IN = f"INSERT INTO lexical_index (rowid, {_COLUMNS}) SELECT number, {_COLUMNS}"
_THESE = "FROM lexical WHERE image_id IN (SELECT value FROM json_each(?))"
_FOUND = (
    "SELECT image_id FROM lexical_index CROSS JOIN lexical ON number = lexical_index.rowid "
    "WHERE lexical_index MATCH :asked"
)

_AMONG = sa.text(
    "SELECT image_id FROM lexical CROSS JOIN lexical_index ON lexical_index.rowid = number "
    "WHERE image_id IN (SELECT value FROM json_each(:ids)) AND lexical_index MATCH :asked"
)


class _Damaged(Exception):
    """What the index holds can't be right."""


class LexicalTable:
    """The index, safe to use from several threads."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._terms: dict[int, str] = {}
        self._lock = threading.Lock()

    # ------------------------------------------------------------ kept right

    def waiting(self) -> int:
        """How many photos are to be looked at before the index is right."""
        with self._file.reading() as db:
            return int(db.execute(sa.select(sa.func.count()).select_from(lexical_due)).scalar_one())

    def catch_up(self, most: int = AT_ONCE) -> bool:
        """Bring up to date what waits, the last changed first, so many photos at most. Whether more are left, and can
        be done now.

        An index that is damaged is made anew. While another program writes, or where nothing can be written, all waits.
        """
        for _ in range(0, most, AT_ONCE):
            if self._file.fixed or not self.waiting():
                return False
            try:
                self._follow(min(most, AT_ONCE))
            except LibraryError as error:
                log.info("the lexical index waits: %s", error)
                return False
            except _Damaged as error:
                log.warning("the lexical index is made anew: %s", error)
                return self.start_over()
        return self.waiting() > 0

    def _follow(self, most: int) -> None:
        with self._file.writing_at_once() as db:
            try:
                query = f"SELECT image_id FROM lexical_due ORDER BY number DESC LIMIT {most}"
                _bring_up_to_date(db, [row[0] for row in db.exec_driver_sql(query)])
            except sa.exc.DatabaseError as error:
                if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in (SQLITE_CORRUPT, SQLITE_CONSTRAINT):
                    raise _Damaged(str(error.orig)) from error
                raise

    def start_over(self) -> bool:
        """Empty the index and have all photos looked at again. Whether that could be done."""
        try:
            with self._file.writing() as db:
                lexical_tables.start_over(db)
        except LibraryError as error:
            log.warning("the lexical index can't be made anew: %s", error)
            return False
        with self._lock:
            self._terms = {}
        return True

    def wrong(self) -> int:
        """Photos of which something else is written than the index has, without those that wait."""
        number = self._strangers()
        with self._file.reading() as db:
            ids = list(db.execute(sa.select(images.c.id).where(images.c.id.not_in(_WAITING))).scalars())
        for part in parts(ids):
            with self._file.reading() as db:
                known, wanted = _known(db, part), rows_of(db, part)
            number += sum(known.get(id_) != row for id_, row in wanted.items())
        return number

    def _strangers(self) -> int:
        """Rows of no image."""
        stray = lexical.c.image_id.not_in(sa.select(images.c.id)), lexical.c.image_id.not_in(_WAITING)
        with self._file.reading() as db:
            return int(db.execute(sa.select(sa.func.count()).select_from(lexical).where(*stray)).scalar_one())

    def is_sound(self) -> bool:
        """Whether the index has just what its table has. True where nothing may be written: it can't be asked then."""
        if self._file.fixed:
            return True
        try:
            with self._file.writing() as db:
                db.exec_driver_sql("INSERT INTO lexical_index (lexical_index, rank) VALUES ('integrity-check', 1)")
        except LibraryUnusable:
            return False
        return True

    # ------------------------------------------------------------ asked

    def find(
        self, wanted: Sequence[Wish], unwanted: Sequence[Wish], only: PhotoFilter | None, most: int
    ) -> list[str] | None:
        """Ids of the visible photos that pass and of which all that is wanted is written, and nothing that is not.

        None where there are more than ``most``. Where they are few, the first are those of which it is written where
        it weighs most; none where the index turns out to be damaged, which is made anew then. Raises BadInput for a
        filter that makes no sense.
        """
        try:
            return self._found(words.expression(wanted, unwanted), only, most)
        except LibraryUnusable as error:
            log.warning("the lexical index is made anew: %s", error)
            self.start_over()
            return []

    def _found(self, expression: str, only: PhotoFilter | None, most: int) -> list[str] | None:
        asked = {"asked": expression}
        found = sa.text(_FOUND).columns(sa.column("image_id", sa.Text)).subquery()
        there: sa.ColumnElement[bool] = found.c.image_id.not_in(_NOT_SEEN)
        if only is not None:
            there = sa.exists(sa.select(images.c.id).where(images.c.id == found.c.image_id, findable.passes(only)))
        with self._file.reading() as db:
            if only is None and (sure := _surely(db, expression, most)) is not None:
                return None if sure else []
            ids = list(db.execute(sa.select(found.c.image_id).where(there).limit(most + 1), asked).scalars())
            if len(ids) > most:
                return None
            if 1 < len(ids) <= RANKED:
                seen = set(ids)
                ids = [id_ for id_ in db.execute(sa.text(f"{_FOUND} ORDER BY rank"), asked).scalars() if id_ in seen]
        return ids

    def said(self, ids: Sequence[str]) -> Said:
        """What is written of images, by the columns of the index, as it is written."""
        with self._file.reading() as db:
            return said_of(db, ids)

    def among(self, ids: Sequence[str], wish: Wish) -> set[str]:
        """Those of a few images of which a wish is written, as far as the index knows; none where it is damaged, which
        is made anew then.
        """
        asked = {"asked": wish.expression, "ids": json.dumps(list(ids))}
        try:
            with self._file.reading() as db:
                return set(db.execute(_AMONG, asked).scalars())
        except LibraryUnusable as error:
            log.warning("the lexical index is made anew: %s", error)
            self.start_over()
            return set()

    def near(self, wish: Wish, only: PhotoFilter | None) -> list[str]:
        """Words of visible photos that pass which may be meant where nothing is written as it was asked."""
        if not wish.fuzzy:
            return []
        near = words.nearest(wish.fuzzy, self._known_terms(), NEAR)
        return [term for term in near if self.find(words.quoted(term), (), only, 0) is None]

    def _known_terms(self) -> list[str]:
        with self._lock:
            new = sa.select(lexical_terms).where(lexical_terms.c.number > max(self._terms, default=0))
            with self._file.reading() as db:
                self._terms.update({row.number: row.term for row in db.execute(new)})
            return list(self._terms.values())


_WAITING = sa.select(lexical_due.c.image_id)
_HIDDEN = sa.select(images.c.id).where(images.c.removed_at.is_not(None))
_NOT_SEEN = sa.union_all(_HIDDEN, _WAITING.where(lexical_due.c.image_id.not_in(sa.select(images.c.id))))
"""Ids of images that are hidden, and of those that are no more and still in the index."""


def _surely(db: sa.Connection, expression: str, most: int) -> bool | None:
    """Whether there are more photos, told by the index alone; None where each has to be looked at."""
    counted = "SELECT count(*) FROM (SELECT 1 FROM lexical_index WHERE lexical_index MATCH ? LIMIT ?)"
    number = int(db.exec_driver_sql(counted, (expression, most + 1)).scalar_one())
    if 0 < number <= most:
        return None
    if not number:
        return False
    hidden = int(db.execute(sa.select(sa.func.count()).select_from(_NOT_SEEN.subquery())).scalar_one())
    crowd = most + 1 + hidden
    return not hidden or int(db.exec_driver_sql(counted, (expression, crowd)).scalar_one()) >= crowd or None


def _bring_up_to_date(db: sa.Connection, ids: Sequence[str]) -> None:
    known, wanted = _known(db, ids), rows_of(db, ids)
    other = [id_ for id_ in ids if known.get(id_) != wanted.get(id_)]
    gone = [id_ for id_ in other if id_ not in wanted]
    _pass_on(db, _TAKEN_OUT, [id_ for id_ in other if id_ in known])
    db.execute(lexical.delete().where(lexical.c.image_id.in_(listed(gone))))
    new = [wanted[id_] for id_ in other if id_ in wanted]
    if new:
        db.execute(upsert(lexical, ["image_id"], keep=("number",)), new)
        _pass_on(db, _PUT_IN, [row["image_id"] for row in new])
        _note_terms(db, new)
    db.execute(lexical_due.delete().where(lexical_due.c.image_id.in_(listed(list(ids)))))


def _known(db: sa.Connection, ids: Collection[str]) -> dict[str, Row]:
    columns = [column for column in lexical.c if column.name != "number"]
    query = sa.select(*columns).where(lexical.c.image_id.in_(listed(list(ids))))
    return {row["image_id"]: dict(row) for row in db.execute(query).mappings()}


def _pass_on(db: sa.Connection, statement: str, ids: Sequence[str]) -> None:
    """To FTS5, from the table."""
    for part in parts(ids):
        db.exec_driver_sql(f"{statement} {_THESE}", (json.dumps(list(part)),))


def _note_terms(db: sa.Connection, rows: Sequence[Row]) -> None:
    every = {term for row in rows for column in WORDS for term in row[column].split()}
    if found := sorted(filter(words.fuzzy, every)):
        db.exec_driver_sql("INSERT OR IGNORE INTO lexical_terms (term) VALUES (?)", [(term,) for term in found])
