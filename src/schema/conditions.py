"""Conditions on a photo's facts, as people type them: ``camera=nikon``, ``iso=100..400``, ``keywords=wedding``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from src.errors import BadInput
from src.schema.fields import BY_NAME, FIELDS, OF_THE_USER, Field

Bound = str | int | float | None
Ends = tuple[Bound, Bound]
"""The least and the largest value, None for no bound."""
ALIASES: dict[str, tuple[str, ...]] = {"camera": ("camera_make", "camera_model")}
"""Names that stand for several facts: one of them must fit."""
LAST = "\U0010ffff"
"""The last character of all: a moment with it behind is later than every moment that begins so."""
_WRITTEN = re.compile(r"\s*([a-z_]+)\s*(=|>=|<=)\s*(.*?)\s*", re.DOTALL)
_FLAGS = {"yes": 1, "true": 1, "1": 1, "no": 0, "false": 0, "0": 0}


@dataclass(frozen=True)
class Condition:
    """What a fact of a photo must be; a photo of which the fact is not known passes only what is negative.

    names: of the facts, one of which must fit. text: how it was written, for people. equals, contains: the whole value,
    or a part of it, whatever its case. like: the whole value, whatever its case, with ``*`` for any text. range: from
    ``low`` to ``high``, None for no bound. known: any value. negative: the photos that do not pass it otherwise.
    any_of: conditions that stand in place of the names, one of which must hold; these have no others in them.
    """

    names: tuple[str, ...]
    text: str
    operator: Literal["equals", "contains", "like", "range", "known"]
    value: str | int = ""
    low: Bound = None
    high: Bound = None
    negative: bool = False
    any_of: tuple[Condition, ...] = ()


def names() -> list[str]:
    """What may stand before the sign, in the order of the table of facts."""
    return [*ALIASES, *(field.name for field in (*FIELDS, *OF_THE_USER))]


def parse_condition(written: str) -> Condition:
    """``NAME=VALUE``, of numbers and moments also ``NAME=LOW..HIGH``, ``NAME>=LOW`` and ``NAME<=HIGH``.

    Raises BadInput, in one sentence, for a name that there is none of or a value that makes no sense.
    """
    found = _WRITTEN.fullmatch(written)
    if not found or not found[3]:
        raise BadInput(f"{written!r} is no condition.", "Write one as camera=nikon, iso=100..400 or rating>=4.")
    name, sign, value = found[1], found[2], found[3]
    if name not in names():
        raise BadInput(f"There is no fact named {name!r}.", f"The facts are: {', '.join(names())}.")
    fields = ALIASES.get(name, (name,))
    field, text = BY_NAME[fields[0]], f"{name}{sign}{value}"
    if field.operator == "range":
        low, high = span(name, sign, value, lambda end: _covered(field, end))
        return Condition(fields, text, "range", low=low, high=high)
    if sign != "=":
        raise BadInput(f"{name} has no order, so {sign} says nothing of it.", f"Write {name}={value}.")
    return Condition(fields, text, field.operator, flag(name, value) if field.kind == "flag" else _plain(field, value))


def span(name: str, sign: str, value: str, covered: Callable[[str], Ends]) -> Ends:
    """What ``VALUE`` or ``LOW..HIGH`` and the sign before it (``=``, ``>=``, ``<=``, ``>``, ``<``) leave.

    ``covered`` gives the first and the last of what an end stands for: all days of a month, or twice the same number.
    Raises BadInput for what is no span, or ends before it begins.
    """
    first, dots, last = value.partition("..")
    if not value.strip() or (dots and (sign != "=" or not first + last)):
        raise BadInput(f"{name}{sign}{value} is no span.", f"Write {name}=LOW..HIGH.")
    if sign == ">":
        return _above(covered(value)[1]), None
    if sign == "<":
        return None, _below(covered(value)[0])
    low = covered(first)[0] if first and sign != "<=" else None
    high = covered(last if dots else first)[1] if (last or not dots) and sign != ">=" else None
    if low is not None and high is not None and low > high:  # type: ignore[operator]
        raise BadInput(f"The span {value} of {name} ends before it begins.", "Change one of its two ends.")
    return low, high


def _above(bound: Bound) -> Bound:
    return math.nextafter(bound, math.inf) if isinstance(bound, int | float) else bound


def _below(bound: Bound) -> Bound:
    """The largest value before a number or a moment; of texts, what ends with a character just before its last one."""
    if isinstance(bound, str):
        return f"{bound[:-1]}{chr(ord(bound[-1]) - 1)}{LAST}"
    return bound if bound is None else math.nextafter(bound, -math.inf)


def _covered(field: Field, value: str) -> Ends:
    """Of moments, everything that begins with what was written: all of 2024-05, all of a day."""
    return (value, value + LAST) if field.kind == "moment" else (_number(field, value),) * 2


def _number(field: Field, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadInput(
            f"{field.name} is a number, and {value!r} is none.", f"Write {field.name}=100 or {field.name}=100..400."
        )
    return number


def flag(name: str, value: str) -> int:
    """1 or 0 for yes or no. Raises BadInput."""
    if value.lower() not in _FLAGS:
        raise BadInput(f"{name} is yes or no, not {value!r}.", f"Write {name}=yes or {name}=no.")
    return _FLAGS[value.lower()]


def _plain(field: Field, value: str) -> str | int:
    if field.kind != "whole":
        return value
    number = _number(field, value)
    return int(number) if number.is_integer() and abs(number) < 2**63 else value
