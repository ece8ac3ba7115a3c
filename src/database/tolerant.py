"""Columns that give what their readers expect, whatever lies in the file: SQLite itself stores any kind of value in any column.

A value of another kind can only come from damage or from another program. It must not end a page or a search, so it reads as what comes
nearest: text for text, 0 for a number. The catalogue's own code writes none such, and an import lets none in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

Read = Callable[[Any], Any]


class _Text(sa.Text):
    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Read:
        return _as_text


class _Whole(sa.Integer):
    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Read:
        return lambda value: value if value is None or isinstance(value, int) else 0


class _Real(sa.Float[float]):
    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Read:
        return lambda value: value if value is None or (isinstance(value, int | float) and math.isfinite(value)) else 0.0


class _Bytes(sa.LargeBinary):
    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Read:
        return _as_bytes


def tolerate(metadata: sa.MetaData) -> None:
    """Have every column of these tables read so."""
    kinds = {sa.Text: _Text, sa.Integer: _Whole, sa.Float: _Real, sa.LargeBinary: _Bytes}
    for table in metadata.tables.values():
        for column in table.columns:
            column.type = kinds.get(type(column.type), lambda kept=column.type: kept)()


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _as_bytes(value: Any) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    return str(value).encode("utf-8", "replace")
