"""Objects inside images, and what finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from PIL import Image

Box = tuple[int, int, int, int]
"""XYXY in pixels of the upright picture.

Right and bottom lie just outside the box, so that it is x1 - x0 wide; it is never empty.
"""


@dataclass(frozen=True)
class Mask:
    """Which pixels belong to something, run-length encoded as COCO does: down the columns, the first run counts zeros.

    Its size may be smaller than the picture's (what the segmenter looked at); it covers all of the picture all the
    same.
    """

    height: int
    width: int
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Segment:
    """An object inside a picture, or what looks like one."""

    box: Box
    mask: Mask
    score: float
    """How sure the segmenter is, in [0, 1]; of two segmenters not comparable."""


class Segmenter(Protocol):
    """Finds things in pictures, whatever they are. Safe to call from several threads."""

    segmenter_id: str
    """Such as ``builtin-regions`` or ``sam-vit-b``; another one where the same picture would give other segments."""
    side: int
    """Long side in pixels at which it looks at pictures: more is of no use to it."""

    def segment(self, image: Image.Image, most: int) -> list[Segment]:
        """RGB picture of any size -> at most ``most`` segments, the best first; boxes in pixels of the picture given.

        May be empty.
        """
        ...
