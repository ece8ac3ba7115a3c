"""Patterns for texts whose case SQLite does not know: they fit what its LIKE fits, folded."""

from __future__ import annotations

import sqlite3
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from src.database.catalog import wildcards
from src.text import folded

SIGNS = st.text("aAbéßİ%_\\*\n |[(.", max_size=8)
PATTERNS = st.lists(st.sampled_from(["a", "b", "é", "ss", "%", "\\%", "\\_", "\\\\", "*", ".", "(", "["]), max_size=8)


@settings(max_examples=500, deadline=None)
@given(SIGNS, st.lists(PATTERNS.map("".join), min_size=1, max_size=3))
def test_a_text_fits_as_sqlite_has_it(text: str, patterns: list[str]) -> None:
    db = sqlite3.connect(":memory:")
    like = [db.execute("SELECT ? LIKE ? ESCAPE '\\'", (folded(text), one)).fetchone()[0] for one in patterns]
    assert wildcards.fits(text, wildcards.written(patterns)) == any(like)
    db.close()


def test_what_is_no_text_fits_nothing() -> None:
    assert not any(wildcards.fits(value, wildcards.written(["%"])) for value in (None, 7, b"x"))


def test_many_stars_take_no_longer_than_the_text_is_long() -> None:
    started = time.perf_counter()
    assert not wildcards.fits("a" * 100_000, wildcards.written(["%a" * 60 + "%b"]))
    assert time.perf_counter() - started < 2
