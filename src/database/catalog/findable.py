"""A PhotoFilter in SQL: which images pass, asked of all of them or of a few."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from src.database.catalog.fact_tests import SEVERAL, Tests, tests_of
from src.database.catalog.files import within
from src.database.catalog.tables import SEEN, binned, days, facts, files, images, photo_tags
from src.errors import BadInput
from src.schema import PhotoFilter
from src.schema.conditions import Condition


def number(only: PhotoFilter) -> sa.Select[Any]:
    """How many images are not hidden and pass.

    Raises BadInput for a day that is none, or a span that ends before it begins.
    """
    if only.folder is None and not only.where:
        return SEEN.where(days.c.day != "", *_taken(days.c.day, only))
    if only.folder is None and not (only.since or only.until) and all(one.negative for one in only.where):
        return sa.select(SEEN.scalar_subquery() - number(_unlike(only)).scalar_subquery())
    wanted = _wanted(only)
    if wanted.each[facts] and wanted.tables() == {facts}:
        return _number_of_facts(wanted, _wanted(only, one_by_one=True))
    return sa.select(sa.func.count()).select_from(_passing(wanted).subquery())


def _unlike(only: PhotoFilter) -> PhotoFilter:
    """What passes no filter that has only negative conditions: whatever one of them speaks of. It is counted sooner."""
    some = (one.any_of or (replace(one, negative=False),) for one in only.where)
    return PhotoFilter(where=(Condition((), "", "equals", any_of=tuple(itertools.chain(*some))),))


def _number_of_facts(wanted: _Wanted, of_one: _Wanted) -> sa.Select[Any]:
    """How many rows of facts pass, without those of the images that are hidden, few as a rule, each looked up."""
    rows = sa.select(sa.func.count()).select_from(facts).where(*_all_hold(wanted, lambda _, test: test))
    own = sa.exists().where(facts.c.image_id == images.c.id, *_all_hold(of_one, lambda _, test: test))
    hidden = sa.select(sa.func.count()).select_from(images).where(images.c.removed_at.is_not(None), own)
    return sa.select(rows.scalar_subquery() - hidden.scalar_subquery())


def passing(only: PhotoFilter) -> sa.Select[Any]:
    """Ids of all images that are not hidden and pass, each once. Raises as above."""
    return _passing(_wanted(only))


def rows(table: sa.FromClause, only: PhotoFilter | None) -> Sequence[sa.ColumnElement[bool]]:
    """True for the rows of a table of images, or of what is known of them, whose image is not hidden and passes.

    Raises as above.
    """
    return _rows(table, _wanted(only or PhotoFilter()))


def passes(only: PhotoFilter) -> sa.ColumnElement[bool]:
    """True for an image that is not hidden and passes; for where the images are a few that are looked up by id.

    Raises as above.
    """

    def has(table: sa.FromClause, test: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        return test if table is images else sa.exists(_ids(table, test).where(table.c.image_id == images.c.id))

    return sa.and_(images.c.removed_at.is_(None), *_all_hold(_wanted(only, one_by_one=True), has))


Has = Callable[[sa.FromClause, sa.ColumnElement[bool]], sa.ColumnElement[bool]]
"""Makes of a test of a table's row one of an image: whether such a row of it passes."""


@dataclass(frozen=True)
class _Wanted:
    """What a filter wants of an image's rows in the tables."""

    each: Tests
    """For each test there must be a row of the table that passes. Of some tables an image has several rows."""
    either: list[Tests]
    """A row of one of the tables must pass one of its tests."""
    folder: bool
    """The first test of files is whether they are in a folder."""
    never: Tests
    """No row of the table may pass any of them."""

    def tables(self) -> set[sa.FromClause]:
        """All that are asked."""
        asked = (self.each, self.never, *self.either)
        return {table for tests in asked for table, some in tests.items() if some}


def _wanted(only: PhotoFilter, one_by_one: bool = False) -> _Wanted:
    """one_by_one: the images are a few, each of which is looked up; else a table is gone through once for all."""
    wanted = _Wanted({images: [], facts: [], files: []}, [], only.folder is not None, {})
    if only.folder is not None:
        wanted.each[files].append(within(os.fsencode(only.folder)))
    taken = images.c.taken_at.concat("") if one_by_one else images.c.taken_at
    wanted.each[images].extend(_taken(taken, only))  # by its index, SQLite might go through all that were taken then
    for condition in only.where:
        tests = tests_of(condition, one_by_one)
        if condition.negative:
            for table, some in tests.items():
                wanted.never.setdefault(table, []).extend(some)
        elif len(tests) > 1:
            wanted.either.append(tests)
        else:
            for table, some in tests.items():
                wanted.each.setdefault(table, []).append(sa.or_(*some))
    return wanted


def _passing(wanted: _Wanted) -> sa.Select[Any]:
    """Ids of the images, each once, from the table that tells most, so that as few ids as can be are compared.

    An image one of whose files is there is not hidden, unless it is in the bin.
    """
    only_rows = not wanted.each[images] and not wanted.either
    table = next((one for one in (facts, files, photo_tags) if only_rows and wanted.each.get(one)), images)
    if table not in SEVERAL:
        return sa.select(_own(table)).where(*_rows(table, wanted))
    first, *others = wanted.each[table]
    rest = _rows(table, replace(wanted, each=wanted.each | {table: others}))
    by_index = table is not files or wanted.folder
    return (_ids(table, first).distinct() if by_index else _of_files(first)).where(*rest)


def _rows(table: sa.FromClause, wanted: _Wanted) -> list[sa.ColumnElement[bool]]:
    """The tests of its rows; where an image may have several, one of them need not pass what others of them do."""

    def has(other: sa.FromClause, test: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        return test if other is table and other not in SEVERAL else _own(table).in_(_ids(other, test))

    hidden = sa.select(images.c.id).where(images.c.removed_at.is_not(None))
    hidden = sa.select(binned.c.image_id) if table is files else hidden
    seen = images.c.removed_at.is_(None) if table is images else _own(table).not_in(hidden)
    return [seen, *_all_hold(wanted, has)]


def _own(table: sa.FromClause) -> sa.ColumnElement[Any]:
    """The id of a row's image."""
    return images.c.id if table is images else table.c.image_id


def _of_files(test: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Ids of the images of which a file that is not missing passes, each once.

    All are gone through, and then, for those that pass, the index on images, in which those of one image stand
    together: to make out who is there twice would take longer.
    """
    passing = sa.select(files.c.id).where(files.c.missing_since.is_(None), test)
    return sa.select(files.c.image_id).where((files.c.id + 0).in_(passing)).distinct()


def _all_hold(wanted: _Wanted, has: Has) -> Iterator[sa.ColumnElement[bool]]:
    """All that they want of an image's row of facts is asked at once, and so is all that no row of a table may be."""
    for table, tests in wanted.each.items():
        together = tests if table in SEVERAL else [sa.and_(*tests)] if tests else []
        yield from (has(table, test) for test in together)
    for some in wanted.either:
        yield sa.or_(*(has(table, sa.or_(*tests)) for table, tests in some.items()))
    for table, tests in wanted.never.items():
        yield has(table, sa.or_(*tests)).is_not(sa.true())


def _ids(table: sa.FromClause, test: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Ids of the images of which a row of the table passes; of files, one that is not missing."""
    if table is images:
        return sa.select(images.c.id).where(test)
    there = [files.c.missing_since.is_(None)] if table is files else []
    return sa.select(table.c.image_id).where(*there, test)


def _taken(moment: sa.ColumnElement[Any], only: PhotoFilter) -> list[sa.ColumnElement[bool]]:
    since, until = (None if day is None else _day(day) for day in (only.since, only.until))
    if since and until and since > until:
        raise BadInput(f"The first day, {since}, is after the last, {until}.", "Change one of the two days.")
    conditions = [moment >= since.isoformat()] if since else []
    return [*conditions, moment < _after(until)] if until else conditions


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is no day.", "Write days as YYYY-MM-DD, such as 2024-07-31.") from error


def _after(day: date) -> str:
    """Later than every moment of that day, as text; Python's calendar ends with the year 9999."""
    return (day + timedelta(days=1)).isoformat() if day < date.max else "A"
