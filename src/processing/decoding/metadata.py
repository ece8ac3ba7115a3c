"""When a photo was taken, by what its camera wrote into it: the first of EXIF's dates that is one."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from PIL import ExifTags, Image

from src.pixels import METADATA_ERRORS
from src.schema import FIRST_PHOTO

_FIELDS = (ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized, ExifTags.Base.DateTime)
"""The most trusted first; the last is when the file was written.

GPS has a date too, but one in UTC, not by the camera's clock.
"""
_DAY = r"\s*(\d{4})[:/.-]\s?(\d{1,2})[:/.-]\s?(\d{1,2})"
_CLOCK = r"[\sT]+(\d{1,2}):\s?(\d{1,2})(?::\s?(\d{1,2}))?"
_MOMENT = re.compile(rf"{_DAY}(?:{_CLOCK}(?!\d|:\s?\d).*|[\s:\0]*)", re.DOTALL | re.ASCII)
"""A day, and what follows: a time and anything after it (parts of a second, a zone), or nothing but blanks."""
_RELEASE = date(2026, 1, 1)
"""It is this day or a later one, whatever a computer says that does not keep the time while it is off."""


def taken_at(image: Image.Image) -> str | None:
    """Capture time by the camera's clock, as ISO 8601 text without a zone; None where no field has one.

    A field whose text is blank, zero or no real date does not hide what the next one says.
    """
    try:
        exif = image.getexif()
    except METADATA_ERRORS:
        return None
    parts = (_details(exif), exif)  # TIFF/EP, and DNG with it, has all dates among the main fields
    return next((found for field in _FIELDS for part in parts if (found := moment(_value(part, field)))), None)


def moment(written: object) -> str | None:
    """An EXIF date as ISO 8601 text: its wall clock, whatever zone it names; midnight where it is a day only.

    None for what is no text and for no real date: one that no calendar has, from before photography, or later than
    tomorrow.
    """
    found = _MOMENT.fullmatch(written) if isinstance(written, str) else None
    if not found:
        return None
    try:
        read = datetime(*(int(number or 0) for number in found.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None
    tomorrow = max(date.today(), _RELEASE) + timedelta(days=1)
    return read.isoformat() if read.year >= FIRST_PHOTO and read.date() <= tomorrow else None


def _details(exif: Image.Exif) -> dict[int, object]:
    try:
        return exif.get_ifd(ExifTags.IFD.Exif)
    except METADATA_ERRORS:
        return {}


def _value(part: Image.Exif | dict[int, object], field: int) -> object:
    try:
        return part.get(field)
    except METADATA_ERRORS:
        return None
