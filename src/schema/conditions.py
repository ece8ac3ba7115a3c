"""Conditions on a photo's facts, as people type them: ``camera=nikon``, ``iso=100..400``, ``keywords=wedding``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from src.errors import BadInput
from src.schema.fields import BY_NAME, Field

Bound = str | int | float | None
ALIASES: dict[str, tuple[str, ...]] = {"camera": ("camera_make", "camera_model")}
"""Names that stand for several facts: one of them must fit."""
_WRITTEN = re.compile(r"\s*([a-z_]+)\s*(=|>=|<=)\s*(.*?)\s*", re.DOTALL)
_FLAGS = {"yes": 1, "true": 1, "1": 1, "no": 0, "false": 0, "0": 0}


@dataclass(frozen=True)
class Condition:
    """What a fact of a photo must be; a photo of which the fact is not known does not pass.

    names: of the facts, one of which must fit. text: how it was written, for people. equals, contains: the whole value,
    or a part of it whatever its case. low, high: the least and the largest value, None for no bound.
    """

    names: tuple[str, ...]
    text: str
    operator: Literal["equals", "contains", "range"]
    value: str | int = ""
    low: Bound = None
    high: Bound = None


def names() -> list[str]:
    """What may stand before the sign, in the order of the table of facts."""
    return [*ALIASES, *BY_NAME]


def parse_condition(written: str) -> Condition:
    """``NAME=VALUE``, of numbers and moments also ``NAME=LOW..HIGH``, ``NAME>=LOW`` and ``NAME<=HIGH``.

    Raises BadInput, in one sentence, for a name that there is none of or a value that makes no sense.
    """
    found = _WRITTEN.fullmatch(written)
    if not found or not found[3]:
        raise BadInput(f"{written!r} is no condition.", "Write one as camera=nikon, iso=100..400 or rating>=4.")
    name, sign, value = found[1], found[2], found[3]
    fields = ALIASES.get(name) or ((name,) if name in BY_NAME else ())
    if not fields:
        raise BadInput(f"There is no fact named {name!r}.", f"The facts are: {', '.join(names())}.")
    field, text = BY_NAME[fields[0]], f"{name}{sign}{value}"
    if field.operator == "range":
        low, high = _span(field, sign, value)
        return Condition(fields, text, "range", low=low, high=high)
    if sign != "=":
        raise BadInput(f"{name} has no order, so {sign} says nothing of it.", f"Write {name}={value}.")
    return Condition(
        fields, text, field.operator, _FLAGS[_flag(name, value)] if field.kind == "flag" else _plain(field, value)
    )


def _span(field: Field, sign: str, value: str) -> tuple[Bound, Bound]:
    low, dots, high = value.partition("..")
    if sign == ">=" and not dots:
        return _bound(field, low), None
    if sign == "<=" and not dots:
        return None, _last(field, low)
    if sign != "=" or (dots and not low and not high):
        raise BadInput(f"{field.name}{sign}{value} is no span.", f"Write {field.name}=LOW..HIGH.")
    least = _bound(field, low) if low else None
    largest = _last(field, high if dots else low) if high or not dots else None
    if least is not None and largest is not None and least > largest:  # type: ignore[operator]
        raise BadInput(f"The span {value} of {field.name} ends before it begins.", "Change one of its two ends.")
    return least, largest


def _bound(field: Field, value: str) -> Bound:
    if field.kind == "moment":
        return value
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadInput(
            f"{field.name} is a number, and {value!r} is none.", f"Write {field.name}=100 or {field.name}=100..400."
        )
    return number


def _last(field: Field, value: str) -> Bound:
    """Of moments, everything that begins with what was written is in the span: all of 2024-05, all of a day."""
    return f"{value}\U0010ffff" if field.kind == "moment" else _bound(field, value)


def _flag(name: str, value: str) -> str:
    if value.lower() not in _FLAGS:
        raise BadInput(f"{name} is yes or no, not {value!r}.", f"Write {name}=yes or {name}=no.")
    return value.lower()


def _plain(field: Field, value: str) -> str | int:
    if field.kind != "whole":
        return value
    number = _bound(field, value)
    return int(number) if isinstance(number, float) and number.is_integer() else value
