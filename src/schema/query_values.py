"""The values of the query language, such as ``>=4``, ``2019-05..2019-08``, ``f/2.8`` or ``red``, read as conditions.

Each reader is told the facts of which one must fit. It raises BadInput, in one plain sentence, for what makes no sense.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction

from src.errors import BadInput
from src.schema.colour_words import COLOUR_WORDS
from src.schema.conditions import ALIASES, LAST, STAR, Bound, Condition, Ends, flag, span
from src.schema.fields import BY_NAME, Field

Reader = Callable[[tuple[str, ...], str], Condition]

SHAPES = ("portrait", "landscape", "square")
FAVOURITE = "favourite"
IS = (*SHAPES, FAVOURITE)
KNOWN: dict[str, tuple[str, ...]] = {
    "gps": ("latitude",),
    "place": ("place",),
    "date": ("taken_at",),
    "rating": ("rating",),
    "tag": ("keywords",),
    "tags": ("keywords",),
    "title": ("title",),
    "caption": ("caption",),
    "camera": ALIASES["camera"],
    "lens": ("lens",),
    "note": ("note",),
    "album": ("albums",),
    "text": ("text",),
    "description": ("description",),
}
"""What ``has:`` asks for -> the facts of which one must be known."""
_FORMATS = {"jpg": "jpeg", "tif": "tiff", "heic": "heif"}
_COLOURS = {"gray": "grey"}
"""Other spellings."""
_UNITS: dict[str, dict[str, Fraction]] = {
    "bytes": {"b": Fraction(1), "kb": Fraction(10**3), "mb": Fraction(10**6), "gb": Fraction(10**9)},
    "focal_length": {"mm": Fraction(1)},
    "exposure": {"s": Fraction(1)},
    "width": {"px": Fraction(1)},
    "height": {"px": Fraction(1)},
    "megapixels": {"mp": Fraction(1)},
    "brightness": {"%": Fraction(1, 100)},
}
"""Name of a fact -> what may stand behind its numbers, and how much of the stored unit that is."""
_SIGNED = re.compile(r"(>=|<=|>|<|=|)\s*(.*)", re.DOTALL)
_NUMBER = re.compile(r"(-?\d{1,15}(?:\.\d{1,15})?|-?\.\d{1,15})(?:/(\d{1,15}))?\s*([a-z%]*)", re.ASCII)
_DAY = re.compile(r"\d{4}(-\d\d(-\d\d)?)?", re.ASCII)
_NEAR = 0.005
"""Share by which a number may differ from one that is asked for alone: 1/250 s is stored as 0.00399."""


def reader(field: Field) -> Reader:
    """How values of a fact are read that has nothing special about it."""
    return _range if field.operator == "range" else _flag if field.kind == "flag" else _text


def _text(names: tuple[str, ...], value: str) -> Condition:
    if "*" in value:
        return Condition(names, value, "like", value)
    return Condition(names, value, BY_NAME[names[0]].operator, value.replace(STAR, "*"))


def _flag(names: tuple[str, ...], value: str) -> Condition:
    return Condition(names, value, "equals", flag(names[0], value))


def _range(names: tuple[str, ...], value: str) -> Condition:
    found = _SIGNED.fullmatch(value)
    sign, ends = (found[1] or "=", found[2]) if found else ("=", value)
    return _between(names, sign, ends)


def before(names: tuple[str, ...], value: str) -> Condition:
    _covered_day(value)
    return _between(names, "<", value)


def after(names: tuple[str, ...], value: str) -> Condition:
    _covered_day(value)
    return _between(names, ">", value)


def file_format(names: tuple[str, ...], value: str) -> Condition:
    return _text(names, _FORMATS.get(value.lower(), value))


def folder(names: tuple[str, ...], value: str) -> Condition:
    """The path of a file below a folder of that name, of those names one below the other, or of that absolute path."""
    path = os.path.normpath(value.replace("/", os.sep))
    return Condition(names, value, "like", os.path.join(path if os.path.isabs(path) else os.path.join("*", path), "*"))


def colour(names: tuple[str, ...], value: str) -> Condition:
    word = _COLOURS.get(value.lower(), value.lower())
    if not re.fullmatch("#[0-9a-f]{6}", word):
        word = _one_of(COLOUR_WORDS, "colour", word)
    return Condition(names, value, "contains", word)


def is_so(_: tuple[str, ...], value: str) -> Condition:
    word = _one_of((*IS, "favorite"), "such thing", value)
    if word in SHAPES:
        return Condition(("shape",), value, "equals", word)
    return Condition((FAVOURITE,), value, "equals", 1)


def known(_: tuple[str, ...], value: str) -> Condition:
    return Condition(KNOWN[_one_of(KNOWN, "such fact", value)], value, "known")


def _one_of(words: Mapping[str, object] | tuple[str, ...], what: str, value: str) -> str:
    if value.lower() not in words:
        raise BadInput(f"“{value}” is no {what} here (there are {', '.join(words)}).")
    return value.lower()


# ---------------------------------------------------------------- numbers and moments


def _between(names: tuple[str, ...], sign: str, value: str) -> Condition:
    field = BY_NAME[names[0]]
    covered: Callable[[str], Ends] = _covered_day if field.kind == "moment" else lambda end: (_number(field, end),) * 2
    low, high = span(field.label, sign, value, covered)
    if field.kind == "number" and sign == "=" and ".." not in value:
        low, high = _around(low)
    return Condition(names, value, "range", low=low, high=high)


def _around(number: Bound) -> Ends:
    """The numbers that differ so little that people call them the same."""
    assert isinstance(number, float)
    return number - abs(number) * _NEAR, number + abs(number) * _NEAR


def _number(field: Field, text: str) -> float:
    """``50``, ``2.5mb``; of exposures also ``1/250``, of apertures ``f/2.8``."""
    written = text.strip().lower()
    found = _NUMBER.fullmatch(re.sub("^f/?", "", written) if field.name == "aperture" else written)
    units = {"": Fraction(1), **_UNITS.get(field.name, {})}
    if not found or found[3] not in units or (found[2] and (field.name != "exposure" or not int(found[2]))):
        raise BadInput(f"“{text}” is no number that is understood here.")
    return float(Fraction(found[1]) * units[found[3]] / int(found[2] or 1))


def _covered_day(text: str) -> Ends:
    """From the begin of a year, a month or a day to its end."""
    written = text.strip()
    try:
        if not _DAY.fullmatch(written):
            raise ValueError
        date.fromisoformat(f"{written}{'0000-01-01'[len(written) :]}")
    except ValueError:
        raise BadInput(f"“{text}” is no year, month or day (such as 2019, 2019-05 or 2019-05-31).") from None
    return written, written + LAST
