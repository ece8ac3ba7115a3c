"""What is kept of a picture's looks, to tell whether another one is the same: its hashes and a very small copy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from src.processing.duplicates.pdq import BYTES, TURNS, hashed

SIDE = 32
"""Pixels of the small copy in width and height, whatever the picture's shape."""
HASH_BYTES, GREY_BYTES = len(TURNS) * BYTES, SIDE * SIDE


@dataclass(frozen=True)
class Print:
    """One picture's. ``hashes``: (8, 32) uint8, see ``pdq``. ``quality``: theirs, 0 to 100.

    ``grey``: (32, 32) uint8, its brightness.
    """

    hashes: npt.NDArray[np.uint8]
    quality: int
    grey: npt.NDArray[np.uint8]


def print_of(picture: Image.Image) -> Print:
    """Of an upright picture of any mode and size. A thumbnail does: of the same picture at full size it is the same but
    for a few bits.
    """
    grey = picture if picture.mode == "L" else picture.convert("L")
    hashes, quality = hashed(grey)
    return Print(hashes, quality, np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX)))
