"""Single values as they come from files, checked: what makes no sense is None, and no text is endless."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime

from src.processing.decoding.metadata import moment
from src.processing.facts.told import Dated, DateKind
from src.text import shown

TEXT_LENGTH, CAPTION_LENGTH, KEYWORD_LENGTH = 500, 10_000, 200
"""Most characters that are kept of a text."""
MOST_KEYWORDS = 1000

_OFFSET = re.compile(r"\s*([+-])(\d{1,2}):?(\d{2})\s*", re.ASCII)
_ZONE_AT_END = re.compile(r":\d{2}(?:\.\d*)?\s*(Z|[+-]\d{2}:?\d{2})\s*", re.ASCII)
_HAS_TIME = re.compile(r"\d[T\s]+\d{1,2}:\s?\d", re.ASCII)
_LONGEST_DATE = 64
_FRACTION = re.compile(r"\s*([+-]?\d{1,15}(?:\.\d{1,15})?)(?:/(\d{1,15}(?:\.\d{1,15})?))?\s*", re.ASCII)
_FRACTION_OF_MARKS = {12: 1, 37: 2, 62: 3, 87: 4, 100: 5}


def line(value: object, most: int = TEXT_LENGTH) -> str | None:
    """A text of one line: without blanks around it, breaks as blanks, harmful characters marked.

    None where nothing is left of it.
    """
    cleaned = caption(value)
    return " ".join(cleaned.split("\n"))[:most].strip() if cleaned else None


def caption(value: object) -> str | None:
    """A text that may have several lines, else as ``line``. A NUL ends it: EXIF's texts are stored so."""
    if not isinstance(value, str):
        return None
    text = value[: 2 * CAPTION_LENGTH].split("\0", 1)[0].replace("\t", " ").strip()[:CAPTION_LENGTH]
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(shown(each).rstrip() for each in lines).strip() or None


def name(value: object) -> str | None:
    """As ``line``, for what has a letter or a digit in it: cameras write ``----`` for an unknown lens."""
    text = line(value)
    return text if text and any(map(str.isalnum, text)) else None


def keywords(values: Iterable[object]) -> tuple[str, ...]:
    """Each keyword once, whatever its capitals, in the order and the spelling in which it comes first."""
    found: dict[str, str] = {}
    for value in values:
        text = line(value, KEYWORD_LENGTH)
        if text and len(found) < MOST_KEYWORDS:
            found.setdefault(text.casefold(), text)
    return tuple(found.values())


def number(value: object, least: float, most: float) -> float | None:
    """A number in [least, most] from a number or a text such as ``96/10``; of a list, the first."""
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    if isinstance(value, str):
        value = fraction(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and abs(value) > 1 << 53:
        return None
    return float(value) if math.isfinite(value) and least <= value <= most else None


def fraction(text: str) -> float | None:
    """``96/10`` or ``9.6`` as a number."""
    found = _FRACTION.fullmatch(text[:40])
    if not found:
        return None
    below = float(found[2] or 1)
    return float(found[1]) / below if below else None


def whole(value: object, least: int, most: int) -> int | None:
    """A whole number in [least, most], also from ``1.0``."""
    found = number(value, least, most)
    return int(found) if found is not None and found == int(found) else None


def positive(value: object, most: float) -> float | None:
    """A number above 0: cameras write 0 for what they do not know."""
    return number(value, 1e-9, most)


def focal_length(value: object) -> float | None:
    return positive(value, 100_000)


def aperture(value: object, apex: object = None) -> float | None:
    """The f-number; else from APEX's value, to one digit after the point."""
    found = positive(value, 1000)
    steps = number(apex, -10, 20) if found is None else None
    return found if steps is None else round(2 ** (steps / 2), 1)


def exposure(value: object, apex: object = None) -> float | None:
    """Seconds, a week at most; else from APEX's shutter speed."""
    found = positive(value, 604_800)
    steps = number(apex, -20, 30) if found is None else None
    return found if steps is None else round(2.0**-steps, 9)


def iso(*values: object) -> int | None:
    """The first of the values that is a film speed.

    65535 says in EXIF that the speed is too high for its field.
    """
    found = (whole(value, 1, 10_000_000) for value in values)
    return next((value for value in found if value not in (None, 65535)), None)


def orientation(value: object) -> int | None:
    return whole(value, 1, 8)


def rating(stars: object, percent: object = None) -> int | None:
    """Stars from 0 to 5, or -1 for rejected; else from a percentage, as Windows keeps it."""
    found = whole(stars, -1, 5)
    share = number(percent, 0, 100) if found is None else None
    if not share:
        return found if share is None else 0
    return next(mark for most, mark in _FRACTION_OF_MARKS.items() if share <= most)


def place(latitude: float | None, longitude: float | None) -> tuple[float | None, float | None]:
    """Both, in degrees, or neither."""
    north, east = number(latitude, -90, 90), number(longitude, -180, 180)
    return (None, None) if north is None or east is None else (round(north, 8), round(east, 8))


def altitude(value: object, below: bool = False) -> float | None:
    """In metres, between the deepest sea and where aircraft fly."""
    found = number(value, -12_000, 100_000)
    return None if found is None else -abs(found) if below else found


def offset(value: object) -> str | None:
    """``+02:00`` from that, ``+0200`` or ``Z``; None for what no clock on earth has (-12:00 to +14:00)."""
    if not isinstance(value, str):
        return None
    text = value[:_LONGEST_DATE].split("\0", 1)[0].strip()
    found = _OFFSET.fullmatch("+00:00" if text == "Z" else text)
    if not found:
        return None
    minutes = (int(found[2]) * 60 + int(found[3])) * (-1 if found[1] == "-" else 1)
    return offset_of(minutes) if int(found[3]) < 60 and -720 <= minutes <= 840 else None


def offset_of(minutes: int) -> str:
    """``offset_of(-90)`` -> ``-01:30``."""
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def dated(kind: DateKind, value: object, zone: object = None) -> tuple[Dated, ...]:
    """A date as one of that kind, or none.

    Its zone is that in the text, else ``zone``; a day without a time is of the kind ``day``.
    """
    if not isinstance(value, str):
        return ()
    text = value[:_LONGEST_DATE].split("\0", 1)[0]
    read = moment(text)
    if read is None:
        return ()
    if not _HAS_TIME.search(text):
        return (Dated("day", read),)
    at_end = _ZONE_AT_END.search(text)
    return (Dated(kind, read, offset(at_end[1] if at_end else zone)),)


def moment_of_satellites(day: object, time: object) -> datetime | None:
    """UTC by EXIF's two fields: a text ``YYYY:MM:DD`` and three numbers."""
    read = moment(day)
    parts = list(time) if isinstance(time, list | tuple) else []
    bounds = (23, 59, 60)
    clock = [number(part, 0, most) for part, most in zip(parts, bounds, strict=False)]
    if read is None or len(clock) != 3 or None in clock:
        return None
    hour, minute, second = (int(part or 0) for part in clock)
    return datetime.fromisoformat(read).replace(hour=hour, minute=minute, second=min(second, 59))
