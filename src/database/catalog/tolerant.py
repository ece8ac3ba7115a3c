"""Columns that give what their readers expect, whatever lies in the file: SQLite stores any value in any column.

A value of another kind can only come from damage or from another program. It must not end a page or a search, so it
reads as what comes nearest: text for text, 0 for a number, nothing for bytes. The catalogue's own code writes none
such, and an import lets none in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

Read = Callable[[Any], Any]


class _Text(sa.Text):
    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Read:
        return lambda value: value if isinstance(value, str) or value is None else _as_text(value)


class _Whole(sa.Integer):
    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Read:
        return lambda value: value if isinstance(value, int) or value is None else 0


class _Real(sa.Float[float]):
    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Read:
        return lambda value: (
            value if value is None or (isinstance(value, int | float) and math.isfinite(value)) else 0.0
        )


class _Bytes(sa.LargeBinary):
    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Read:
        return lambda value: (
            value if isinstance(value, bytes) or value is None else str(value).encode("utf-8", "replace")
        )


class _NeededText(_Text):
    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Read:
        return lambda value: value if isinstance(value, str) else _as_text(value)


class _NeededWhole(_Whole):
    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Read:
        return lambda value: value if isinstance(value, int) else 0


class _NeededReal(_Real):
    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Read:
        return lambda value: value if isinstance(value, int | float) and math.isfinite(value) else 0.0


class _NeededBytes(_Bytes):
    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Read:
        return lambda value: (
            value if isinstance(value, bytes) else str("" if value is None else value).encode("utf-8", "replace")
        )


_KINDS = {
    sa.Text: (_NeededText, _Text),
    sa.Integer: (_NeededWhole, _Whole),
    sa.Float: (_NeededReal, _Real),
    sa.LargeBinary: (_NeededBytes, _Bytes),
}


def tolerate(metadata: sa.MetaData) -> None:
    """Have every column of these tables read so."""
    for table in metadata.tables.values():
        for column in table.columns:
            kinds = _KINDS.get(type(column.type))
            if kinds:
                column.type = kinds[bool(column.nullable)]()


def _as_text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else "" if value is None else str(value)
