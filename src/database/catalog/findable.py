"""A PhotoFilter in SQL: which images pass, asked of all of them or of a few."""

from __future__ import annotations

import os
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from src.database.catalog.files import within
from src.database.catalog.tables import OF_IMAGES, SEEN, days, facts, files, images
from src.errors import BadInput
from src.schema import PhotoFilter
from src.schema.conditions import Condition
from src.schema.fields import BY_NAME, Field


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
    if inside is not None and only.since is None and only.until is None and not only.where:
        return inside.distinct()
    found = sa.select(images.c.id).where(images.c.removed_at.is_(None), *_taken(images.c.taken_at, only), *_facts(only))
    return found if inside is None else found.where(images.c.id.in_(inside))


def passes(only: PhotoFilter) -> sa.ColumnElement[bool]:
    """True for an image that is not hidden and passes; for where the images are a few that are looked up by id.

    Raises as above.
    """
    taken = images.c.taken_at.concat("")  # else SQLite might go through all that were taken then
    conditions = [images.c.removed_at.is_(None), *_taken(taken, only), *_facts(only)]
    if only.folder is not None:
        inside = sa.and_(within(os.fsencode(only.folder)), files.c.missing_since.is_(None))
        conditions.append(sa.exists().where(files.c.image_id == images.c.id, inside))
    return sa.and_(*conditions)


def _facts(only: PhotoFilter) -> list[sa.ColumnElement[bool]]:
    return [sa.or_(*(_holds(name, condition) for name in condition.names)) for condition in only.where]


def _holds(name: str, condition: Condition) -> sa.ColumnElement[bool]:
    """Whether a fact of an image is what the condition wants."""
    if name in OF_IMAGES:
        return _compared(images.c[name], BY_NAME[name], condition)
    return sa.exists().where(facts.c.image_id == images.c.id, _compared(facts.c[name], BY_NAME[name], condition))


def _compared(column: sa.Column[Any], field: Field, condition: Condition) -> sa.ColumnElement[bool]:
    """False where the fact is not known."""
    if condition.operator == "range":
        least = [] if condition.low is None else [column >= condition.low]
        return sa.and_(column.is_not(None), *least, *([] if condition.high is None else [column <= condition.high]))
    wanted = str(condition.value).casefold()
    if field.kind in ("words", "colours"):
        word = sa.func.json_each(sa.case((sa.func.json_valid(column) == 1, column), else_="[]")).table_valued("value")
        return sa.exists(sa.select(word.c.value).where(sa.func.casefold(word.c.value) == wanted))
    if condition.operator == "contains":
        return sa.func.casefold(column).contains(wanted, autoescape=True)
    return column == condition.value if isinstance(condition.value, int) else sa.func.casefold(column) == wanted


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
