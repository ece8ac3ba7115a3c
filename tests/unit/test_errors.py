"""Errors meant for the user: each kind has a code of its own, which programs read instead of the sentence."""

from __future__ import annotations

import re

from src import errors
from src.errors import AppError, LibraryBusy


def test_every_error_has_a_code_of_its_own() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AppError)]
    codes = [kind.code for kind in kinds]
    assert len(kinds) == 23 and len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


def test_a_busy_library_says_where_it_is_open_or_that_it_is_not_known() -> None:
    assert LibraryBusy("Open elsewhere.").address is None
    assert LibraryBusy("Open elsewhere.", address="http://127.0.0.1:8600").address == "http://127.0.0.1:8600"
