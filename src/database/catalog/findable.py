"""A PhotoFilter in SQL: which images pass, asked of all of them or of a few."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from src.database.catalog.files import within
from src.database.catalog.marks import HAS_TAG, at_or_below, rated
from src.database.catalog.tables import (
    SEEN,
    album_photos,
    albums,
    binned,
    days,
    facts,
    files,
    images,
    marks,
    photo_tags,
)
from src.errors import BadInput
from src.schema import PhotoFilter
from src.schema.conditions import Condition
from src.schema.fields import BY_NAME, Field
from src.text import folded


def number(only: PhotoFilter) -> sa.Select[Any]:
    """How many images are not hidden and pass.

    Raises BadInput for a day that is none, or a span that ends before it begins.
    """
    if only.folder is not None or only.where:
        return sa.select(sa.func.count()).select_from(passing(only).subquery())
    return SEEN.where(days.c.day != "", *_taken(days.c.day, only))


def passing(only: PhotoFilter) -> sa.Select[Any]:
    """Ids of all images that are not hidden and pass, each once. Raises as above."""
    inside = None
    if only.folder is not None:  # an image one of whose files is there is not hidden
        inside = sa.select(files.c.image_id).where(within(os.fsencode(only.folder)), files.c.missing_since.is_(None))
        inside = inside.where(files.c.image_id.not_in(sa.select(binned.c.image_id)))
    if inside is not None and only.since is None and only.until is None and not only.where:
        return inside.distinct()
    found = sa.select(images.c.id).where(images.c.removed_at.is_(None), *_taken(images.c.taken_at, only), *_facts(only))
    return found if inside is None else found.where(images.c.id.in_(inside))


def passes(only: PhotoFilter) -> sa.ColumnElement[bool]:
    """True for an image that is not hidden and passes; for where the images are a few that are looked up by id.

    Raises as above.
    """
    taken = images.c.taken_at.concat("")  # else SQLite might go through all that were taken then
    conditions = [images.c.removed_at.is_(None), *_taken(taken, only), *_facts(only, one_by_one=True)]
    if only.folder is not None:
        inside = sa.and_(within(os.fsencode(only.folder)), files.c.missing_since.is_(None))
        conditions.append(sa.exists().where(files.c.image_id == images.c.id, inside))
    return sa.and_(*conditions)


def _facts(only: PhotoFilter, one_by_one: bool = False) -> list[sa.ColumnElement[bool]]:
    """What the conditions want of an image. All that they want of its row of facts is asked at once, and so is all that
    no row of a table may be.

    one_by_one: the images are a few, each of which is looked up; else a table is gone through once for all.
    """
    together: list[sa.ColumnElement[bool]] = []
    found: list[sa.ColumnElement[bool]] = []
    never: dict[sa.FromClause, list[sa.ColumnElement[bool]]] = {}
    for condition in only.where:
        tests = _tests(condition)
        if condition.negative:
            for table, test in tests.items():
                never.setdefault(table, []).append(test)
        elif set(tests) == {facts}:
            together.append(tests[facts])
        else:
            found.append(sa.or_(*(_in_table(table, test, one_by_one) for table, test in tests.items())))
    if together:
        found.append(_in_table(facts, sa.and_(*together), one_by_one))
    unlike = (_in_table(table, sa.or_(*some), one_by_one) for table, some in never.items())
    return [*found, *(some.is_not(sa.true()) for some in unlike)]


def _tests(condition: Condition) -> dict[sa.FromClause, sa.ColumnElement[bool]]:
    """What the condition, were it not negative, wants of a row of each table: one of these rows must be so."""
    tests: dict[sa.FromClause, list[sa.ColumnElement[bool]]] = {}
    for wanted in condition.any_of or (condition,):
        for name in wanted.names:
            table, column = _place(name)
            tests.setdefault(table, []).append(_compared(column, BY_NAME[name], wanted))
    return {table: sa.or_(*some) for table, some in tests.items()}


def _place(name: str) -> tuple[sa.FromClause, sa.ColumnElement[Any]]:
    """The table that knows a fact, and where in it."""
    if name in _SAID:
        return _SAID[name]
    if name in _MADE:
        return images, _MADE[name]
    if name in _OF_FILES:
        return files, _OF_FILES[name]
    return (images, images.c[name]) if name in images.c else (facts, facts.c[name])


_RATED = rated()
_IN_ALBUMS = sa.select(album_photos.c.image_id, albums.c.name).join(albums).subquery("in_albums")
_SAID: dict[str, tuple[sa.FromClause, sa.ColumnElement[Any]]] = {
    "keywords": (photo_tags, photo_tags.c.tag),
    "rating": (_RATED, _RATED.c.rating),
    "favourite": (marks, marks.c.favourite),
    "note": (marks, marks.c.note),
    "albums": (_IN_ALBUMS, _IN_ALBUMS.c.name),
}
"""What the user may say of a photo, in place of its file or alone."""
_OF_FILES: dict[str, sa.Column[Any]] = {"name": files.c.name, "folder": files.c.path_text}
_MADE: dict[str, sa.ColumnElement[Any]] = {
    "megapixels": images.c.width * images.c.height / sa.literal(1e6),
    "shape": sa.case(
        (images.c.width < images.c.height, "portrait"), (images.c.width > images.c.height, "landscape"), else_="square"
    ),
}
"""Names of what is made of an image's width and height."""


def _in_table(table: sa.FromClause, test: sa.ColumnElement[bool], one_by_one: bool) -> sa.ColumnElement[bool]:
    """True for an image of which a row of the table passes the test; of files, one that is not missing."""
    if table is images:
        return test
    if table is files:
        test = sa.and_(files.c.missing_since.is_(None), test)
    if one_by_one:
        return sa.exists().where(table.c.image_id == images.c.id, test)
    return images.c.id.in_(sa.select(table.c.image_id).where(test))


def _compared(column: sa.ColumnElement[Any], field: Field, condition: Condition) -> sa.ColumnElement[bool]:
    """Not true where the fact is not known."""
    if field.name in _SAID and field.kind == "words":
        return _is_called(column, condition)
    if condition.operator == "known":
        return sa.and_(column.is_not(None), column.not_in(["", "[]"]))
    if condition.operator == "range":
        least = [] if condition.low is None else [column >= condition.low]
        return sa.and_(column.is_not(None), *least, *([] if condition.high is None else [column <= condition.high]))
    if isinstance(condition.value, int):
        return column == condition.value
    if field.kind in ("words", "colours"):
        return _one_is(column, field, condition)
    return _fits(column, _pattern(condition))


def _is_called(column: sa.ColumnElement[Any], condition: Condition) -> sa.ColumnElement[bool]:
    """Whether a row's tag is the value, or below it in the tree; or its album's name is the value."""
    called, value = column is photo_tags.c.tag, folded(str(condition.value))
    if condition.operator == "known":
        return HAS_TAG if called else sa.true()
    if condition.operator == "like":
        fits = _fits(column, _pattern(condition))
    else:
        fits = at_or_below(value) if called else _fits(column, _pattern(replace(condition, operator="equals")))
    return sa.and_(fits, HAS_TAG) if called else fits


def _pattern(condition: Condition) -> str:
    """The value for SQL's LIKE, in which a backslash stands before what is meant as it is."""
    escaped = re.sub(r"[\\%_]", r"\\\g<0>", folded(str(condition.value)))
    if condition.operator == "like":
        return escaped.replace("*", "%")
    return f"%{escaped}%" if condition.operator == "contains" else escaped


def _fits(text: sa.ColumnElement[Any], pattern: str) -> sa.ColumnElement[bool]:
    """Whether a text, whatever its case, is like a pattern.

    Of text in ASCII alone SQLite knows the case by itself, ten times as fast as our function is called. It is like no
    pattern that has other characters.
    """
    like = sa.func.casefold(text).like(pattern, escape="\\")
    return sa.case((_odd(text), like), else_=text.like(pattern, escape="\\") if pattern.isascii() else sa.false())


def _odd(text: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a text has other characters than those of ASCII: it has more bytes than characters."""
    return sa.func.length(text) != sa.func.length(sa.cast(text, sa.LargeBinary))


def _one_is(column: sa.ColumnElement[Any], field: Field, condition: Condition) -> sa.ColumnElement[bool]:
    """Whether one of several words, or of several colours, is the value."""
    listed = sa.case((sa.func.json_valid(column) == 1, column), else_="[]")
    word = sa.func.json_each(listed).table_valued("value").c.value
    value = str(condition.value)
    if field.kind == "colours" and not value.startswith("#"):
        return sa.exists(sa.select(word).where(sa.func.colour_word(word) == value))
    whole = replace(condition, operator="equals") if condition.operator == "contains" else condition
    found = sa.exists(sa.select(word).where(_fits(word, _pattern(whole))))
    return sa.and_(_may_have(column, folded(value)), found)


def _may_have(column: sa.ColumnElement[Any], value: str) -> sa.ColumnElement[bool]:
    """False for a list, as it is stored, that can't have such a word: to take it apart would take longer."""
    maybe = sa.or_(_odd(column), sa.func.instr(column, "\\") > 0)
    if not value.isascii():
        return maybe
    plain = re.fullmatch(r"[\w# -]+", value)
    return sa.or_(column.contains(value, autoescape=True), maybe) if plain else sa.true()


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
