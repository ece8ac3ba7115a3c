"""The table of what is known of a photo: one row a fact.

Whoever stores, filters, shows or exports facts reads it from here. A second table has what else searches may ask for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

ValueKind = Literal["text", "words", "whole", "number", "flag", "moment", "offset", "colours"]
"""text: a string. words: several strings. whole: an int. number: a float. flag: a bool. moment: ISO 8601 text
without a zone. offset: ``+HH:MM``. colours: several ``#rrggbb``."""
Operator = Literal["equals", "contains", "range"]
"""How a filter compares: with the whole value, a part of the text (or one of the words), or a least and a largest."""


@dataclass(frozen=True)
class Field:
    """One fact: how it is called, what kind of value it has, and how people read and filter it."""

    name: str
    """As in ``PhotoFacts`` or ``PictureMeasures``, in JSON and in a filter."""
    label: str
    """For people, without a colon."""
    kind: ValueKind
    operator: Operator
    show: Callable[[Any], str] = str
    """A value that is not None, as text for people."""
    unit: str = ""
    """Of the value as it is stored; empty where it has none."""
    known_by: Literal["camera", "people", ""] = ""
    """Who knows it best and is believed first of several; empty for what is found in a way of its own."""
    measured: bool = False
    """It is measured on the picture (``PictureMeasures``), not told by the file (``PhotoFacts``)."""
    in_json: bool = True
    """``facts --json`` prints it."""
    on_photo: bool = True
    """It is in the list of facts under the photo. The others are for filters and for other programs, or stand over the
    photo, where they are changed."""


def _plain(value: float) -> str:
    """A number with as few digits as it needs, at most four after the point."""
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def _exposure(seconds: float) -> str:
    """``1/250 s``, ``0.8 s``, ``30 s``."""
    return f"1/{round(1 / seconds):,} s" if 0 < seconds <= 0.3 else f"{_plain(round(seconds, 1))} s"


def _degrees(positive: str, negative: str) -> Callable[[float], str]:
    return lambda value: f"{abs(value):.5f}° {positive if value >= 0 else negative}"


def _stars(rating: int) -> str:
    return "rejected" if rating < 0 else f"{rating} of 5" if rating else "none"


def _moment(text: str) -> str:
    return text.replace("T", " ")


def _share(value: float) -> str:
    return f"{value:.0%}"


FIELDS: tuple[Field, ...] = (
    Field("width", "Width", "whole", "range", "{:,} px".format, "pixels"),
    Field("height", "Height", "whole", "range", "{:,} px".format, "pixels"),
    Field("format", "Format", "text", "equals"),
    Field("orientation", "Orientation", "whole", "equals", on_photo=False, known_by="camera"),
    Field("taken_at", "Taken", "moment", "range", _moment),
    Field("offset", "Offset from UTC", "offset", "equals"),
    Field("camera_make", "Camera make", "text", "contains", known_by="camera"),
    Field("camera_model", "Camera", "text", "contains", known_by="camera"),
    Field("lens", "Lens", "text", "contains", known_by="camera"),
    Field(
        "focal_length",
        "Focal length",
        "number",
        "range",
        lambda value: f"{_plain(round(value, 1))} mm",
        "millimetres",
        known_by="camera",
    ),
    Field(
        "aperture",
        "Aperture",
        "number",
        "range",
        lambda value: f"f/{_plain(round(value, 2))}",
        "f-number",
        known_by="camera",
    ),
    Field("exposure", "Exposure", "number", "range", _exposure, "seconds", known_by="camera"),
    Field("iso", "Sensitivity", "whole", "range", "ISO {}".format, known_by="camera"),
    Field(
        "flash",
        "Flash",
        "flag",
        "equals",
        lambda fired: "fired" if fired else "did not fire",
        in_json=False,
        known_by="camera",
    ),
    Field("latitude", "Latitude", "number", "range", _degrees("N", "S"), "degrees"),
    Field("longitude", "Longitude", "number", "range", _degrees("E", "W"), "degrees"),
    Field("altitude", "Altitude", "number", "range", lambda value: f"{round(value):,} m", "metres"),
    Field("place", "Place", "words", "contains", ", ".join),
    Field("title", "Title", "text", "contains", known_by="people"),
    Field("caption", "Caption", "text", "contains", known_by="people"),
    Field("keywords", "Keywords", "words", "contains", ", ".join, on_photo=False),
    Field("rating", "Rating", "whole", "range", _stars, "stars", known_by="people", on_photo=False),
    Field("software", "Software", "text", "contains", known_by="camera"),
    Field("sources", "Told by", "words", "contains", ", ".join, on_photo=False),
    Field(
        "sharpness",
        "Sharpness",
        "number",
        "range",
        lambda value: _plain(round(value, 1)),
        measured=True,
        in_json=False,
        on_photo=False,
    ),
    Field(
        "brightness", "Brightness", "number", "range", _share, "0 to 1", measured=True, in_json=False, on_photo=False
    ),
    Field("shadows", "Black parts", "number", "range", _share, "0 to 1", measured=True, in_json=False, on_photo=False),
    Field(
        "highlights", "White parts", "number", "range", _share, "0 to 1", measured=True, in_json=False, on_photo=False
    ),
    Field("colours", "Colours", "colours", "contains", ", ".join, measured=True, in_json=False, on_photo=False),
)
"""In the order in which people are shown them, and in which JSON has them."""

OF_THE_USER: tuple[Field, ...] = (
    Field("favourite", "Favourite", "flag", "equals", lambda on: "yes" if on else "no", on_photo=False),
    Field("note", "Note", "text", "contains", on_photo=False),
    Field("albums", "Albums", "words", "contains", ", ".join, on_photo=False),
)
"""What the user alone says of a photo. Rating and keywords are facts: his own count before those of the file.

It is no column of the facts; it is shown, searched for and exported.
"""

OF_THE_LIBRARY: tuple[Field, ...] = (
    Field("name", "File name", "text", "contains"),
    Field("folder", "Folder", "text", "equals"),
    Field("added_at", "Added", "moment", "range", _moment),
    Field("bytes", "Size", "whole", "range", "{:,} bytes".format, "bytes"),
    Field("megapixels", "Megapixels", "number", "range", _plain, "megapixels"),
    Field("shape", "Shape", "text", "equals"),
    Field("text", "Text in it", "text", "contains"),
    Field("description", "Description", "text", "contains"),
)
"""What the catalogue itself knows of a photo. Searches may ask for it; it is no column of the facts, nor exported.

folder: the path of the photo's file. shape: portrait, landscape or square.
"""

BY_NAME: dict[str, Field] = {field.name: field for field in (*FIELDS, *OF_THE_USER, *OF_THE_LIBRARY)}


def shown(name: str, value: Any) -> str:
    """A fact's value as text for people; empty where there is none.

    Raises KeyError for a name that is in no row.
    """
    return "" if value is None or value == () else BY_NAME[name].show(value)
