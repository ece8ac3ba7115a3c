"""Whether a text is like one of several patterns, whatever its case: for the texts whose case SQLite does not know."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from src.text import folded

_TOKENS = re.compile(r"\\.|%|[^\\%]+", re.DOTALL)


def escaped(text: str) -> str:
    """A text as a pattern of SQL's LIKE that only it is like: with a backslash before what LIKE reads as a sign."""
    return re.sub(r"[\\%_]", r"\\\g<0>", text)


def written(patterns: Sequence[str]) -> str:
    """Patterns of SQL's LIKE, folded, with a backslash before what is meant as it is: as ``fits`` reads them."""
    return json.dumps([_parts(pattern) for pattern in patterns])


def fits(text: object, patterns: str) -> bool:
    """Whether a text, folded, is like one of them; what is no text is like none."""
    return isinstance(text, str) and _read(patterns)(folded(text)) is not None


@lru_cache(64)
def _read(patterns: str) -> Callable[[str], object]:
    return re.compile("|".join(map(_expression, json.loads(patterns))), re.DOTALL).fullmatch


def _expression(parts: Sequence[str]) -> str:
    """The first place that fits is taken for good, so that no text takes longer than in line with its length."""
    first, *others = map(re.escape, parts)
    between = (f"(?>.*?{part})" for part in others[:-1])
    return f"{first}{''.join(between)}{'.*' if others else ''}{others[-1] if others else ''}"


def _parts(pattern: str) -> list[str]:
    """What stands before, between and after the signs for any text."""
    found = [""]
    for token in _TOKENS.findall(pattern):
        if token == "%":
            found.append("")
        else:
            found[-1] += token.removeprefix("\\") if len(token) == 2 else token
    return found
