"""Lines of text as the catalogue stores them, and how a search looks for words in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from src.database.catalog import wildcards
from src.database.catalog.tables import texts
from src.plain_files import json_in
from src.schema.conditions import STAR, Condition
from src.schema.texts import Corners, TextLine
from src.text import looked_for


def says(wishes: Sequence[Condition]) -> sa.ColumnElement[bool]:
    """Whether a row of texts has one of what is asked for: any text, or a part of it, whatever its case and width.

    Between words a reader may miss the blank, so where one is asked for the blanks of both count for nothing. All rows
    are gone through.
    """
    return sa.or_(sa.false(), *(_says(wish) for wish in wishes))


def _says(wish: Condition) -> sa.ColumnElement[bool]:
    if wish.operator == "known":
        return texts.c.folded != ""
    parts = str(wish.value).split("*") if wish.operator == "like" else [str(wish.value)]
    wanted = [looked_for(part.replace(STAR, "*")) for part in parts]
    column: sa.ColumnElement[Any] = texts.c.folded
    if any(" " in part for part in wanted):
        column, wanted = sa.func.replace(column, " ", ""), [part.replace(" ", "") for part in wanted]
    if len(wanted) == 1:
        return sa.func.instr(column, wanted[0]) > 0
    pattern = "%".join(map(wildcards.escaped, wanted))
    return column.like(f"%{pattern}%", escape="\\")


def folded_lines(lines: Sequence[TextLine]) -> str:
    """What searches go through: the lines one below the other, as ``looked_for`` has them."""
    return "\n".join(looked_for(line.text) for line in lines)


def lines_in(stored: object) -> list[TextLine]:
    """Lines as they are stored; what is no line is left out."""
    found = json_in(stored)
    return [line for each in (found if isinstance(found, list) else []) if (line := _line(each)) is not None]


def _line(told: Any) -> TextLine | None:
    match told:
        case [str(text), int() | float() as sure, [*places]] if len(places) == 8 and 0 <= sure <= 1:
            if all(type(place) in (int, float) and 0 <= place <= 1 for place in places):
                corners: Corners = tuple((places[at], places[at + 1]) for at in range(0, 8, 2))  # type: ignore[assignment]
                return TextLine(text, corners, float(sure))
    return None


def written(lines: Sequence[TextLine]) -> str:
    """Lines as they are stored."""
    told = [
        [line.text, round(line.confidence, 4), [place for corner in line.box for place in corner]] for line in lines
    ]
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
