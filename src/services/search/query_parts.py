"""The parts of a query that stand apart from its plain words, one by one: each may be changed, or taken away."""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from src.errors import BadInput
from src.schema.conditions import STAR
from src.schema.query_keys import condition
from src.services.search.language import (
    MAX_CHARACTERS,
    MOST_WEIGHT,
    Like,
    Reading,
    Restriction,
    Term,
    cleaned,
    parse,
    written,
)

BETWEEN = ".."
SIGNS = ("", ">=", "<=", ">", "<", BETWEEN)
"""How a number may be compared: with itself, or with a least and a largest one."""
_SIGNED = re.compile(r"(>=|<=|>|<|=|)\s*(.*)", re.DOTALL)


@dataclass(frozen=True)
class Order:
    """The order that results are wanted in, as ``Reading.sort`` has it."""

    name: str


Part = Term | Restriction | Like | Order


def parts(reading: Reading) -> tuple[Part, ...]:
    """All that is no plain word, in the order in which it is written."""
    return tuple(piece for piece in _pieces(reading) if not _is_plain(piece))


def part_written(part: Part) -> str:
    """The usual text for one part."""
    return written(_joined([part]))


def changed(reading: Reading, number: int, new: Part | None) -> Reading:
    """The query with another part in place of one of its ``parts``, or with none.

    What comes out is always what ``parse`` makes of its text: words that are plain now join those beside them.
    Raises BadInput, in one plain sentence, for a value that makes no sense and for a query that would be too long.
    """
    if isinstance(new, Restriction):
        condition(new.key, new.values)
    pieces = _pieces(reading)
    place = [at for at, piece in enumerate(pieces) if not _is_plain(piece)][number]
    text = written(_joined([*pieces[:place], *([] if new is None else [new]), *pieces[place + 1 :]]))
    if len(text) > MAX_CHARACTERS:
        raise BadInput(f"The whole search would be longer than {MAX_CHARACTERS:,} characters.")
    return parse(text)


def term(text: str, weight: float = 1.0, negative: bool = False, phrase: bool = False) -> Term | None:
    """Words as they are understood of what is typed; None for no words. weight: brought to what a weight may be."""
    plain = unicodedata.normalize("NFC", " ".join(cleaned(text).split()))
    weight = round(min(max(weight, 0.001), MOST_WEIGHT), 3)
    apart = negative or weight != 1
    return Term(plain, weight, negative, phrase or (apart and " " in plain)) if plain else None


def restriction(key: str, values: Sequence[str], negative: bool = False) -> Restriction | None:
    """A filter with those of the values that are not empty, each once; None where there is none."""
    plain = (STAR.join(map(cleaned, value.split(STAR))) for value in values)
    kept = tuple(dict.fromkeys(value for value in plain if value.strip()))
    return Restriction(key, kept, negative) if kept else None


def compared(value: str) -> tuple[str, str, str]:
    """A number's value taken apart: one of ``SIGNS``, and what is behind it; of ``3..5`` both ends."""
    found = _SIGNED.fullmatch(value)
    sign, rest = (found[1], found[2]) if found else ("", value)
    first, dots, last = rest.partition(BETWEEN)
    return (BETWEEN, first, last) if dots else (sign.removeprefix("=") if sign == "=" else sign, rest, "")


def comparison(sign: str, first: str, last: str) -> str:
    """The value that says that, which ``compared`` takes apart; empty where nothing is compared with."""
    first, last = first.strip(), last.strip()
    if sign == BETWEEN:
        return f"{first}{BETWEEN}{last}" if first or last else ""
    return f"{sign}{first or last}" if first or last else ""


def days(key: str, value: str) -> tuple[date | None, date | None]:
    """The first and the last day that a value of ``date``, ``added``, ``before`` or ``after`` lets through; None for no
    end, and for one that no calendar has.
    """
    sign, first, last = compared(value)
    sign = {"before": "<", "after": ">"}.get(key, sign)
    if sign == BETWEEN:
        return _day(first, 0), _day(last, 1)
    if sign in (">", "<"):
        return (_day(first, 1, 1), None) if sign == ">" else (None, _day(first, 0, -1))
    return (_day(first, 0) if sign != "<=" else None), (_day(first, 1) if sign != ">=" else None)


def days_written(key: str, first: date | None, last: date | None) -> str:
    """The value that says that, which ``days`` reads; empty for no ends."""
    if key in ("before", "after"):
        end = first if key == "after" else last
        return (end + timedelta(-1 if key == "after" else 1)).isoformat() if end else ""
    if first and last and first > last:
        first, last = last, first
    if first == last:
        return first.isoformat() if first else ""
    return f"{first.isoformat() if first else ''}{BETWEEN}{last.isoformat() if last else ''}"


def _day(text: str, end: int, later: int = 0) -> date | None:
    """The first (0) or the last (1) day of a year, a month or a day, or one so many days later."""
    year, month, day = (*text.strip().split("-"), "", "")[:3]
    try:
        begun = date(int(year), int(month or (12 if end else 1)), int(day or 1))
        length = monthrange(begun.year, begun.month)[1]
        return (begun if day or not end else begun.replace(day=length)) + timedelta(later)
    except (ValueError, OverflowError):
        return None


def _is_plain(piece: Part) -> bool:
    return isinstance(piece, Term) and not piece.negative and piece.weight == 1 and not piece.phrase


def _pieces(reading: Reading) -> list[Part]:
    order = [Order(reading.sort)] if reading.sort else []
    return [*reading.terms, *reading.restrictions, *reading.similar, *order]


def _joined(pieces: Sequence[Part]) -> Reading:
    return Reading(
        tuple(piece for piece in pieces if isinstance(piece, Term)),
        tuple(piece for piece in pieces if isinstance(piece, Restriction)),
        tuple(piece for piece in pieces if isinstance(piece, Like)),
        next((piece.name for piece in pieces if isinstance(piece, Order)), ""),
    )
