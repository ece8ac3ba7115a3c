"""Google Takeout's JSON beside a photo: which of the files in a folder belongs to it, and what it tells.

A photo's JSON is named after it, with ``.supplemental-metadata`` added, cut to 46 characters, and ``.json``
behind that: 51 in all. Where a name was there twice the number comes last: ``IMG_1(1).jpg`` has
``IMG_1.jpg.supplemental-metadata(1).json``. What was edited in Google Photos (``IMG_1-edited.jpg``) shares
the JSON of its original. Older exports have only ``.json`` behind the photo's name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from src.plain_files import json_in
from src.processing.facts import values
from src.processing.facts.told import NOTHING, Dated, Told

JSON_BYTES = 256 * 2**10
"""Most that is read of one; a usual one has 1 kB."""
TITLE_BYTES = 64 * 2**10
"""The same where only the title is looked for."""
LENGTH = 46
"""Characters of a JSON's name before ``.json``, at most, and before a number in brackets."""

_SUFFIX = "supplemental-metadata"
_NUMBERED = re.compile(r"(.*?)(\(\d{1,5}\))?", re.DOTALL)
_EDITED = (
    "-edited",
    "-bearbeitet",
    "-ha editado",
    "-editado",
    "-modifié",
    "-modificato",
    "-bewerkt",
    "-edytowane",
    "-redigerad",
)
"""What Google Photos adds to the name of an edited photo, by the user's language."""
_OF_PHOTO = ("photoTakenTime", "creationTime", "geoData", "geoDataExif")
"""An album's own JSON has none of these at its top."""

Key = tuple[str, str]
"""A photo's name in small letters without the number of a double, and that number with its brackets."""


class Names:
    """The names of the JSON files of one folder, to be found by the name of a photo."""

    def __init__(self, names: Iterable[str]) -> None:
        """names: of the files of the folder that end in ``.json``."""
        self.names = sorted(names)
        self.without_number: list[str] = []
        """Those that are not of a double, whose JSON has the title of the first."""
        self._whole: dict[Key, str] = {}
        self._cut: dict[Key, str] = {}
        for name in self.names:
            stem, number = _split(name[: -len(".json")].casefold())
            if not number:
                self.without_number.append(name)
            for key in _without_suffix(stem):
                self._whole.setdefault((key, number), name)
                if len(stem) >= LENGTH:
                    self._cut.setdefault((key, number), name)
        self._lengths = sorted({len(key) for key, _ in self._cut}, reverse=True)

    def of(self, photo: str) -> str | None:
        """The JSON of the photo with that file name; None where there is none."""
        if not self.names:
            return None
        return next(filter(None, map(self._named_after, _originals(photo.casefold()))), None)

    def _named_after(self, photo: str) -> str | None:
        stem, dot, ending = photo.rpartition(".")
        base, number = _split(stem if dot else ending)
        name = base + dot + ending if dot else base
        exact = self._whole.get((name, number)) or self._whole.get((photo, ""))
        cut = (self._cut.get((name[:length], number)) for length in self._lengths)
        return exact or next(filter(None, cut), None)


def titles_of(photo: str) -> Iterator[str]:
    """The titles that a photo's JSON may have, in small letters: its own name and that of its original."""
    return _originals(photo.casefold())


def title_of(data: bytes) -> str | None:
    """The title that a JSON gives its photo, in small letters; None where it is no photo's JSON."""
    said = _said(data)
    title = said.get("title") if said else None
    return title.casefold() if isinstance(title, str) else None


def in_takeout(data: bytes) -> Told:
    """What such a JSON tells; nothing where it is an album's, another program's, or nonsense."""
    said = _said(data)
    if not said:
        return NOTHING
    latitude, longitude, altitude = _place(said)
    return Told(
        latitude=latitude,
        longitude=longitude,
        altitude=altitude,
        caption=values.caption(said.get("description")),
        dates=_dates(said),
    )


def _said(data: bytes) -> dict[str, Any] | None:
    said = json_in(data)
    return said if isinstance(said, dict) and any(key in said for key in _OF_PHOTO) else None


def _split(stem: str) -> Key:
    """``img_1(2)`` -> ``img_1``, ``(2)``."""
    found = _NUMBERED.fullmatch(stem)
    return (found[1], found[2] or "") if found else (stem, "")


def _without_suffix(stem: str) -> tuple[str, ...]:
    """What the photo may be called: the JSON's name, and that without what may be Google's suffix, cut."""
    name, dot, last = stem.rpartition(".")
    return (stem, name) if dot and name and _SUFFIX.startswith(last) else (stem,)


def _originals(photo: str) -> Iterator[str]:
    """A photo's name, then that of the photo of which it is the edited version.

    A long name may have lost the end of ``-edited``.
    """
    yield photo
    stem, dot, ending = photo.rpartition(".")
    base, number = _split(stem)
    for suffix in _EDITED:
        cut = base[base.rfind("-") :] if "-" in base else ""
        if base.endswith(suffix):
            yield base.removesuffix(suffix) + number + dot + ending
        elif len(base) + len(dot + ending) >= LENGTH and len(cut) > 1 and suffix.startswith(cut):
            yield base.removesuffix(cut) + number + dot + ending


def _place(said: dict[str, Any]) -> tuple[float | None, float | None, float | None]:
    """What the person set, else what the camera had.

    Google writes 0, 0 for no place, and 0 m for no altitude.
    """
    for key in ("geoData", "geoDataExif"):
        place = said.get(key)
        if isinstance(place, dict):
            north, east = _number(place.get("latitude")), _number(place.get("longitude"))
            latitude, longitude = values.place(north, east)
            if latitude or longitude:
                return latitude, longitude, values.altitude(place.get("altitude")) or None
    return None, None, None


def _number(value: object) -> float | None:
    return values.number(value, -math.inf, math.inf)


def _dates(said: dict[str, Any]) -> tuple[Dated, ...]:
    """The moment of taking, which Google keeps in UTC: what the camera's clock showed is not known."""
    taken = said.get("photoTakenTime")
    told = taken.get("timestamp") if isinstance(taken, dict) else None
    seconds = values.whole(told, -4_600_000_000, 1 << 40)
    if seconds is None:
        return ()
    try:
        read = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return ()
    return values.dated("takeout", read.strftime("%Y-%m-%dT%H:%M:%S") if read.year >= 1000 else "", "+00:00")
