"""What an export is made of: pictures with the objects marked in them, and the names that objects go by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from src.schema import Box, Mask, Segment
from src.text import shown

Opener = Callable[[str], Image.Image]
"""Image id -> the picture, upright and RGB.

Raises UnreadableImage or OSError where it can't be had; a smaller copy of it will do.
"""

UNNAMED = "object"
"""The category of what nobody gave a name."""


@dataclass(frozen=True)
class Annotation:
    """Something marked in a picture.

    ``box`` is XYXY in pixels of the upright picture; without a mask the box is all that is known.
    """

    category: str
    """May be empty: see ``labelled``."""
    box: Box
    mask: Mask | None = None
    """Covers the whole picture, at its size or a smaller one."""
    score: float | None = None
    """How sure whoever found it is; what it means depends on ``origin``."""
    origin: str = ""
    """Who marked it: a segmenter's id, ``drawn``, ``tag`` and the like."""

    @classmethod
    def of(cls, segment: Segment, category: str = "", score: float | None = None, origin: str = "") -> Annotation:
        """A segment under a name; its score is the segmenter's unless another one is given."""
        return cls(category, segment.box, segment.mask, segment.score if score is None else score, origin)


@dataclass(frozen=True)
class ExportedImage:
    """A picture of the library with what is known about it. Width and height in pixels, upright."""

    id: str
    name: str
    path: str
    """Of the original, as the system spells it."""
    width: int
    height: int
    taken_at: str | None = None
    """``YYYY-MM-DDTHH:MM:SS`` in the camera's clock."""
    format: str = ""
    bytes: int = 0
    tags: tuple[str, ...] = ()
    score: float | None = None
    """Its score in the search that is exported."""
    annotations: tuple[Annotation, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Further facts by name, see ``schema.fields``; those that are not known are left out."""


@dataclass(frozen=True)
class Labels:
    """Which categories objects get.

    The words of ``query`` where they are given; else the object's own category, else its picture's first tag, else
    ``object``.
    """

    query: str = ""
    whole: bool = False
    """A picture without objects gets a box around all of it, for the query or for each of its tags."""
    first: tuple[str, ...] = ()
    """Categories that are numbered first, in this order, so that exports number alike; others as they are met."""


AS_FOUND = Labels()
"""Every object under its own name."""


def labelled(image: ExportedImage, labels: Labels) -> list[Annotation]:
    """The picture's objects, each with a category and with its box inside the picture.

    A box that lies outside of it is left out.
    """
    found = [_placed(item, _category(item.category, image, labels), image) for item in image.annotations]
    if not image.annotations and labels.whole:
        all_of_it = (0, 0, image.width, image.height)
        names = [labels.query] if labels.query.strip() else image.tags
        return [
            Annotation(_clean(name), all_of_it, None, image.score, "query" if labels.query.strip() else "tag")
            for name in names
        ]
    return [item for item in found if item is not None]


def _category(own: str, image: ExportedImage, labels: Labels) -> str:
    return next((_clean(name) for name in (labels.query, own, *image.tags[:1]) if name.strip()), UNNAMED)


def _clean(name: str) -> str:
    return shown(" ".join(name.split())) or UNNAMED


def _placed(item: Annotation, category: str, image: ExportedImage) -> Annotation | None:
    left, top = max(0, item.box[0]), max(0, item.box[1])
    right, bottom = min(image.width, item.box[2]), min(image.height, item.box[3])
    if left >= right or top >= bottom:
        return None
    return Annotation(category, (left, top, right, bottom), item.mask, item.score, item.origin)


class Categories:
    """Names and their numbers, from 0, in the order in which they are met."""

    def __init__(self, first: Sequence[str] = ()) -> None:
        self._numbers: dict[str, int] = {}
        for name in first:
            self.number(_clean(name))

    def number(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers))

    def names(self) -> list[str]:
        return list(self._numbers)


def rounded(score: float | None) -> float | None:
    """A score with six decimals, None where there is none or it is no number."""
    return round(score, 6) if score is not None and math.isfinite(score) else None
