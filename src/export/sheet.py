"""Tables as CSV that a spreadsheet opens without harm."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import IO

from src.text import shown

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a cell for a formula (OWASP, CSV injection), East Asian wide forms too."""

Value = str | int | float | None


class Sheet:
    """Rows written one by one as UTF-8 with the mark by which spreadsheets know it, lines end as RFC 4180 says."""

    def __init__(self, file: IO[bytes], columns: Sequence[str]) -> None:
        self._file = file
        self._file.write(b"\xef\xbb\xbf")
        self.add(columns)

    def add(self, row: Sequence[Value]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text).writerow([cell(value) for value in row])
        self._file.write(text.getvalue().encode("utf-8"))


def cell(value: Value) -> Value:
    """A value as a cell shows it.

    Text that would be a formula gets an apostrophe before it, and harmful characters a mark.
    """
    if not isinstance(value, str):
        return value
    return shown(f"'{value}" if value.startswith(FORMULA) else value)
