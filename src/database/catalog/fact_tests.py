"""What a condition of a filter wants of the rows of the tables that know the fact, in SQL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from src.database.catalog import wildcards
from src.database.catalog.description_table import descriptions
from src.database.catalog.marks import HAS_TAG, at_or_below
from src.database.catalog.tables import album_photos, albums, facts, files, images, marks, photo_tags, texts
from src.database.catalog.text_lines import says
from src.schema.conditions import STAR, Condition
from src.schema.fields import BY_NAME, Field
from src.text import folded

Tests = dict[sa.FromClause, list[sa.ColumnElement[bool]]]
"""Table -> tests of one of its rows."""


def tests_of(condition: Condition, one_by_one: bool) -> Tests:
    """What the condition, were it not negative, wants of a row of each table: one of these rows must be so."""
    asked: dict[str, list[Condition]] = {}
    for wanted in condition.any_of or (condition,):
        for name in wanted.names:
            asked.setdefault(name, []).append(wanted)
    tests: Tests = {}
    shared = _values([name for name, wishes in asked.items() if _pays(name, wishes)])
    for name, wishes in asked.items():
        if name == "keywords" and all(wish.operator == "known" for wish in wishes):
            tests.setdefault(images, []).append(images.c.tags > 0)
            continue
        table, column = _place(name)
        few = shared.c[name] if _pays(name, wishes) and not one_by_one else None
        tests.setdefault(table, []).append(_compared(column, BY_NAME[name], wishes, few))
    return tests


def _place(name: str) -> tuple[sa.FromClause, sa.ColumnElement[Any]]:
    """The table that knows a fact, and where in it."""
    if name in _SAID:
        return _SAID[name]
    if name == "text":
        return texts, texts.c.folded
    if name == "description":
        return descriptions, descriptions.c.said
    if name in MADE:
        return images, MADE[name]
    if name in _OF_FILES:
        return files, _OF_FILES[name]
    return (images, images.c[name]) if name in images.c else (facts, facts.c[name])


_IN_ALBUMS = sa.select(album_photos.c.image_id, albums.c.name).join(albums).subquery("in_albums")
_SAID: dict[str, tuple[sa.FromClause, sa.ColumnElement[Any]]] = {
    "keywords": (photo_tags, photo_tags.c.tag),
    "favourite": (marks, marks.c.favourite),
    "note": (marks, marks.c.note),
    "albums": (_IN_ALBUMS, _IN_ALBUMS.c.name),
}
"""What the user may say of a photo, in place of its file or alone. (Of the stars, the image's own row has the sum.)"""
SEVERAL: frozenset[sa.FromClause] = frozenset({files, photo_tags, _IN_ALBUMS})
"""Tables of which an image may have several rows: what is asked of them need not hold of one and the same."""
_OF_FILES: dict[str, sa.Column[Any]] = {"name": files.c.name, "folder": files.c.path_text}
MADE: dict[str, sa.ColumnElement[Any]] = {
    "megapixels": images.c.width * images.c.height / sa.literal(1e6),
    "shape": sa.case(
        (images.c.width < images.c.height, "portrait"), (images.c.width > images.c.height, "landscape"), else_="square"
    ),
}
"""Names of what is made of an image's width and height."""


_SHARED = frozenset({"camera_make", "camera_model", "lens", "software", "place", "keywords"})
"""Facts of which most photos have one of a few values."""


def _pays(name: str, wishes: Sequence[Condition]) -> bool:
    """Whether to compare each value once; of tags an index leads to what is no pattern."""
    operators = {wish.operator for wish in wishes}
    return name in _SHARED and ("like" in operators if name == "keywords" else operators != {"known"})


def _values(names: Sequence[str]) -> sa.CTE:
    """All values that there are of facts, as they occur together. (The limit has SQLite find them before it looks.)"""
    columns: list[sa.ColumnElement[Any]] = [_place(name)[1].label(name) for name in names]
    return sa.select(*columns).distinct().limit(-1).cte()


def _compared(
    column: sa.ColumnElement[Any], field: Field, wishes: Sequence[Condition], values: sa.ColumnElement[Any] | None
) -> sa.ColumnElement[bool]:
    """Whether a fact is as one of the wishes has it; not true where it is not known.

    values: those that there are, of a fact that most photos share with others: each is compared once.
    """
    if field.name == "text":
        return says(wishes)
    if values is not None:
        one = column.in_(sa.select(values).where(_compared(values, field, wishes, None)))
        return sa.and_(one, HAS_TAG) if column is photo_tags.c.tag else one
    if field.name in _SAID and field.kind == "words":
        return _is_said(column, wishes)
    texts = [wish for wish in wishes if wish.operator not in ("known", "range") and isinstance(wish.value, str)]
    tests = [_is_so(column, wish) for wish in wishes if wish not in texts]
    if texts and field.name in MADE:
        tests.append(column.in_([str(wish.value) for wish in texts]))
    elif texts and field.kind in ("words", "colours"):
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
    of_tags = column is not _IN_ALBUMS.c.name
    tests: list[sa.ColumnElement[bool]] = [sa.true() for wish in wishes if wish.operator == "known"]
    plain = [wish for wish in wishes if wish.operator not in ("known", "like")]
    patterns = [_pattern(wish) for wish in wishes if wish.operator == "like"]
    if of_tags:
        tests += [at_or_below(folded(str(wish.value)), column) for wish in plain]
    else:
        patterns += [_pattern(replace(wish, operator="equals")) for wish in plain]
    if patterns:
        tests.append(_fits(column, patterns))
    return sa.and_(sa.or_(*tests), HAS_TAG) if column is photo_tags.c.tag else sa.or_(*tests)


def _pattern(condition: Condition) -> str:
    """The value for SQL's LIKE, in which a backslash stands before what is meant as it is."""
    escaped = wildcards.escaped(folded(str(condition.value)))
    if condition.operator == "like":
        return escaped.replace("*", "%").replace(STAR, "*")
    return f"%{escaped}%" if condition.operator == "contains" else escaped


def _fits(text: sa.ColumnElement[Any], patterns: Sequence[str]) -> sa.ColumnElement[bool]:
    """Whether a text, whatever its case, is like one of the patterns.

    Of text in ASCII alone SQLite knows the case by itself, ten times as fast as our function is called, which is called
    once for all patterns. It is like no pattern that has other characters.
    """
    plain = (text.like(pattern, escape="\\") for pattern in patterns if pattern.isascii())
    odd: sa.ColumnElement[bool]
    if len(patterns) == 1:
        odd = sa.func.casefold(text).like(patterns[0], escape="\\")
    else:
        odd = sa.func.fits(text, wildcards.written(patterns)) == 1
    return sa.case((_odd(text), odd), else_=sa.or_(sa.false(), *plain))


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
