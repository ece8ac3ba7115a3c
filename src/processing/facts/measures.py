"""How a picture looks, in numbers: sharpness, brightness, its darkest and lightest parts, and its colours."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from src.schema.facts import PictureMeasures

SIDE = 256
"""Long side in pixels at which pictures are measured: their numbers are comparable at one size only."""
_BLACK, _WHITE = 8, 247
"""Brightness, of 255, up to which a pixel is black and from which on it is white."""
_WEIGHTS = np.asarray([0.299, 0.587, 0.114], np.float32)
_COLOURS, _FINEST = 5, 16
_COLOURS_SIDE = 64
"""Long side in pixels at which colours are counted: no worse than at SIDE, and in a fifteenth of the time."""
_LEAST_SHARE = 0.04
_ALIKE = 48.0
"""Distance of two colours in RGB below which people call them the same."""
_SCALE = 10_000.0

Colour = tuple[int, int, int]
Grey = npt.NDArray[np.float32]


def measure(picture: Image.Image) -> PictureMeasures:
    """All measures of a picture of any size, of which a copy of at most SIDE pixels is looked at.

    It is left as it is.
    """
    small = picture.convert("RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    grey: Grey = np.asarray(small, np.float32) @ _WEIGHTS
    return PictureMeasures(
        sharpness=round(sharpness(grey), 2),
        brightness=round(float(grey.mean()) / 255, 4),
        shadows=round(float((grey <= _BLACK).mean()), 4),
        highlights=round(float((grey >= _WHITE).mean()), 4),
        colours=colours(small),
    )


def sharpness(grey: Grey) -> float:
    """Variance of the Laplacian of a picture of brightnesses from 0 to 255, see ``PictureMeasures``.

    0 for a picture of less than 3 pixels in width or height.
    """
    if min(grey.shape) < 3:
        return 0.0
    scaled = grey / 255
    middle = scaled[1:-1, 1:-1]
    around = scaled[:-2, 1:-1] + scaled[2:, 1:-1] + scaled[1:-1, :-2] + scaled[1:-1, 2:]
    return float((around - 4 * middle).var()) * _SCALE


def colours(picture: Image.Image) -> tuple[str, ...]:
    """The colours that cover most of an RGB picture, the one that covers most first; one to five.

    Each is unlike those before it.
    """
    small = picture.copy()
    small.thumbnail((_COLOURS_SIDE, _COLOURS_SIDE), Image.Resampling.BOX)
    reduced = small.quantize(_FINEST, Image.Quantize.MEDIANCUT)
    palette, counted = reduced.getpalette() or [], reduced.getcolors() or []
    groups: dict[Colour, int] = {}
    for number, index in sorted(counted, key=lambda pair: -pair[0]):
        start = 3 * int(index)  # type: ignore[call-overload]
        colour = (palette[start], palette[start + 1], palette[start + 2])
        near = next((known for known in groups if math.dist(known, colour) < _ALIKE), colour)
        groups[near] = groups.get(near, 0) + number
    most = sorted(groups, key=lambda colour: -groups[colour])
    least = _LEAST_SHARE * small.width * small.height
    kept = [colour for colour in most if groups[colour] >= least] or most[:1]
    return tuple("#{:02x}{:02x}{:02x}".format(*colour) for colour in kept[:_COLOURS])
