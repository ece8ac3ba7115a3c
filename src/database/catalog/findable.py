"""A PhotoFilter in SQL: which images pass, asked of all of them or of a few."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
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
from src.schema.conditions import STAR, Condition
from src.schema.fields import BY_NAME, Field
from src.text import folded


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


def passes(only: PhotoFilter) -> sa.ColumnElement[bool]:
    """True for an image that is not hidden and passes; for where the images are a few that are looked up by id.

    Raises as above.
    """

    def has(table: sa.FromClause, test: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        return test if table is images else sa.exists(_ids(table, test).where(table.c.image_id == images.c.id))

    return sa.and_(images.c.removed_at.is_(None), *_all_hold(_wanted(only, one_by_one=True), has))


Tests = dict[sa.FromClause, list[sa.ColumnElement[bool]]]
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
        tests = _tests(condition, one_by_one)
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
    table = facts if wanted.each[facts] and only_rows else files if wanted.each[files] and only_rows else images
    own = images.c.id if table is images else table.c.image_id

    def has(other: sa.FromClause, test: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        return test if other is table and other is not files else own.in_(_ids(other, test))

    if table is files:
        first, *others = wanted.each[files]
        rest = replace(wanted, each=wanted.each | {files: others})
        seen = files.c.image_id.not_in(sa.select(binned.c.image_id))
        return _of_files(first, wanted.folder).where(seen, *_all_hold(rest, has))
    hidden = sa.select(images.c.id).where(images.c.removed_at.is_not(None))
    seen = images.c.removed_at.is_(None) if table is images else own.not_in(hidden)
    return sa.select(own).where(seen, *_all_hold(wanted, has))


def _of_files(test: sa.ColumnElement[bool], by_path: bool) -> sa.Select[Any]:
    """Ids of the images of which a file that is not missing passes, each once.

    by_path: the index on paths leads to these files. Else all are gone through, and then, for those that pass, the
    index on images, in which those of one image stand together: to make out who is there twice would take longer.
    """
    if by_path:
        return _ids(files, test).distinct()
    passing = sa.select(files.c.id).where(files.c.missing_since.is_(None), test)
    return sa.select(files.c.image_id).where((files.c.id + 0).in_(passing)).distinct()


def _all_hold(wanted: _Wanted, has: Has) -> Iterator[sa.ColumnElement[bool]]:
    """All that they want of an image's row of facts is asked at once, and so is all that no row of a table may be."""
    for table, tests in wanted.each.items():
        together = tests if table in _SEVERAL else [sa.and_(*tests)] if tests else []
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


def _tests(condition: Condition, one_by_one: bool) -> Tests:
    """What the condition, were it not negative, wants of a row of each table: one of these rows must be so."""
    asked: dict[str, list[Condition]] = {}
    for wanted in condition.any_of or (condition,):
        for name in wanted.names:
            asked.setdefault(name, []).append(wanted)
    tests: Tests = {}
    for name, wishes in asked.items():
        table, column = _place(name)
        looked_up = name in _SHARED and not one_by_one and any(wish.operator != "known" for wish in wishes)
        compared = _few if looked_up else _compared
        tests.setdefault(table, []).append(compared(column, BY_NAME[name], wishes))
    return tests


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
_SEVERAL: frozenset[sa.FromClause] = frozenset({files, photo_tags, _IN_ALBUMS})
"""Tables of which an image may have several rows: what is asked of them need not hold of one and the same."""
_OF_FILES: dict[str, sa.Column[Any]] = {"name": files.c.name, "folder": files.c.path_text}
_MADE: dict[str, sa.ColumnElement[Any]] = {
    "megapixels": images.c.width * images.c.height / sa.literal(1e6),
    "shape": sa.case(
        (images.c.width < images.c.height, "portrait"), (images.c.width > images.c.height, "landscape"), else_="square"
    ),
}
"""Names of what is made of an image's width and height."""


_SHARED = frozenset({"camera_make", "camera_model", "lens", "software", "place"})
"""Facts of which most photos have one of a few values."""


def _few(column: sa.ColumnElement[Any], field: Field, wishes: Sequence[Condition]) -> sa.ColumnElement[bool]:
    """The same as ``_compared``, asked once of each value that there is. (The limit has SQLite find these first.)"""
    values = sa.select(column.label("value")).distinct().limit(-1).subquery()
    return column.in_(sa.select(values.c.value).where(_compared(values.c.value, field, wishes)))


def _compared(column: sa.ColumnElement[Any], field: Field, wishes: Sequence[Condition]) -> sa.ColumnElement[bool]:
    """Whether a fact is as one of the wishes has it; not true where it is not known."""
    if field.name in _SAID and field.kind == "words":
        return _is_said(column, wishes)
    texts = [wish for wish in wishes if wish.operator not in ("known", "range") and isinstance(wish.value, str)]
    tests = [_is_so(column, wish) for wish in wishes if wish not in texts]
    if texts and field.kind in ("words", "colours"):
        tests.append(_one_is(column, field, texts))
    elif texts:
        tests.append(_fits(column, [_pattern(wish) for wish in texts]))
    return sa.or_(*tests)


def _is_so(column: sa.ColumnElement[Any], condition: Condition) -> sa.ColumnElement[bool]:
    """Whether a fact is known, in a span, or a number; not true where it is not known."""
    if condition.operator == "known":
        return sa.and_(column.is_not(None), column.not_in(["", "[]"]))
    if condition.operator == "range":
        least = [] if condition.low is None else [column >= condition.low]
        return sa.and_(column.is_not(None), *least, *([] if condition.high is None else [column <= condition.high]))
    return column == condition.value


def _is_said(column: sa.ColumnElement[Any], wishes: Sequence[Condition]) -> sa.ColumnElement[bool]:
    """Whether a row's tag is one of the values, or below one in the tree; or its album has such a name."""
    of_tags = column is photo_tags.c.tag
    tests: list[sa.ColumnElement[bool]] = [sa.true() for wish in wishes if wish.operator == "known"]
    plain = [wish for wish in wishes if wish.operator not in ("known", "like")]
    patterns = [_pattern(wish) for wish in wishes if wish.operator == "like"]
    if of_tags:
        tests += [at_or_below(folded(str(wish.value))) for wish in plain]
    else:
        patterns += [_pattern(replace(wish, operator="equals")) for wish in plain]
    if patterns:
        tests.append(_fits(column, patterns))
    return sa.and_(sa.or_(*tests), HAS_TAG) if of_tags else sa.or_(*tests)


def _pattern(condition: Condition) -> str:
    """The value for SQL's LIKE, in which a backslash stands before what is meant as it is."""
    escaped = re.sub(r"[\\%_]", r"\\\g<0>", folded(str(condition.value)))
    if condition.operator == "like":
        return escaped.replace("*", "%").replace(STAR, "*")
    return f"%{escaped}%" if condition.operator == "contains" else escaped


def _fits(text: sa.ColumnElement[Any], patterns: Sequence[str]) -> sa.ColumnElement[bool]:
    """Whether a text, whatever its case, is like one of the patterns.

    Of text in ASCII alone SQLite knows the case by itself, ten times as fast as our function is called, which is called
    once for all patterns. It is like no pattern that has other characters.
    """
    once = sa.func.json_each(sa.func.json_array(sa.func.casefold(text))).table_valued("value").c.value
    several = sa.exists(sa.select(once).where(_like(once, patterns)))
    like = several if len(patterns) > 1 else _like(sa.func.casefold(text), patterns)
    return sa.case((_odd(text), like), else_=_like(text, [one for one in patterns if one.isascii()]))


def _like(text: sa.ColumnElement[Any], patterns: Sequence[str]) -> sa.ColumnElement[bool]:
    return sa.or_(sa.false(), *(text.like(pattern, escape="\\") for pattern in patterns))


def _odd(text: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a text has other characters than those of ASCII: it has more bytes than characters."""
    return sa.func.length(text) != sa.func.length(sa.cast(text, sa.LargeBinary))


def _one_is(column: sa.ColumnElement[Any], field: Field, wishes: Sequence[Condition]) -> sa.ColumnElement[bool]:
    """Whether one of several words, or of several colours, is as one of the wishes has it."""
    listed = sa.case((sa.func.json_valid(column) == 1, column), else_="[]")
    word = sa.func.json_each(listed).table_valued("value").c.value
    plain = [wish for wish in wishes if field.kind != "colours" or str(wish.value).startswith("#")]
    named = [str(wish.value) for wish in wishes if wish not in plain]
    patterns = [_pattern(replace(wish, operator="equals") if wish.operator == "contains" else wish) for wish in plain]
    fits = sa.exists(sa.select(word).where(_fits(word, patterns)))
    tests = [sa.and_(_may_have(column, [folded(str(wish.value)) for wish in plain]), fits)] if plain else []
    if named:
        tests.append(
            _is_called(
                facts.c.colour_words, sa.exists(sa.select(word).where(sa.func.colour_word(word).in_(named))), named
            )
        )
    return sa.or_(*tests)


def _is_called(
    words: sa.ColumnElement[Any], looked_up: sa.ColumnElement[bool], names: Sequence[str]
) -> sa.ColumnElement[bool]:
    """Whether one of the names is among the words for a photo's colours; ``looked_up`` says so where none are kept."""
    return sa.case((words.is_(None), looked_up), else_=sa.or_(*(words.contains(f" {name} ") for name in names)))


def _may_have(column: sa.ColumnElement[Any], values: Sequence[str]) -> sa.ColumnElement[bool]:
    """False for a list, as it is stored, that can't have such a word: to take it apart would take longer."""
    if not all(re.fullmatch(r"[\w# -]+", value) for value in values if value.isascii()):
        return sa.true()
    plain = (column.contains(value, autoescape=True) for value in values if value.isascii())
    return sa.or_(*plain, _odd(column), sa.func.instr(column, "\\") > 0)


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
