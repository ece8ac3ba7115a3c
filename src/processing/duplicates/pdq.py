"""The PDQ hash of a picture: 256 bits that stay nearly the same when it is resized, re-compressed or tinted.

After Facebook's description, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm" (2019,
``hashing/hashing.pdf`` of ThreatExchange): the brightness at 64 x 64 points, the 16 x 16 slowest waves of its cosine
transform but the constant one, and of each wave whether there is more of it than of half of the others. Two pictures
that have nothing in common differ in about 128 bits, copies of one in 31 at most.

One step differs. The points are means of equal parts of the picture, where PDQ smooths it twice and takes single
points: that way a turned copy has the turned hash but for rounding, and it takes a tenth of the time. On a picture of
64 x 64 pixels both give the same bits.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

Grey = npt.NDArray[np.float32]
"""(..., height, width), brightness from 0 to 255."""
Waves = npt.NDArray[np.float32]
"""(16, 16): how much of each wave is in a picture, from slow to fast changes from top to bottom and left to right."""
Hashes = npt.NDArray[np.uint8]
"""(8, 32): a picture's hash as it is and after each other of ``TURNS``."""
SIDE, WAVES = 64, 16
BYTES = WAVES * WAVES // 8
"""Of a hash."""
POOR = 49
"""A hash of this quality or less tells nothing: the picture is nearly empty."""
_STEEP = 90
"""Steps between neighbouring points, summed, that count as one point of quality."""
_MIRRORED = np.where(np.arange(WAVES) % 2, 1, -1).astype(np.float32)
"""What becomes of each wave in the mirror: the first has one half period, so every other one changes its sign."""


TURNS: tuple[Callable[[Grey], Grey], ...] = (
    lambda grey: grey,
    lambda grey: np.rot90(grey, 1, (-2, -1)),
    lambda grey: np.rot90(grey, 2, (-2, -1)),
    lambda grey: np.rot90(grey, 3, (-2, -1)),
    lambda grey: grey[..., ::-1],
    lambda grey: grey[..., ::-1, :],
    lambda grey: grey.swapaxes(-2, -1),
    lambda grey: np.rot90(grey, 2, (-2, -1)).swapaxes(-2, -1),
)
"""The eight ways to put pictures (..., height, width) into a frame: as they are, turned to the left by one, two and
three quarters, mirrored left to right, top to bottom, and along either diagonal.
"""
_SWAPPING = frozenset({1, 3, 6, 7})
_CORNERS = np.arange(4, dtype=np.float32).reshape(2, 2)


@functools.cache
def then(first: int, second: int) -> int:
    """Number of the turn that two turns, one after the other, make together."""
    return _number(TURNS[second](TURNS[first](_CORNERS)))


@functools.cache
def undone(turn: int) -> int:
    """Number of the turn that undoes one."""
    return next(number for number in range(len(TURNS)) if then(turn, number) == 0)


def swaps_sides(turn: int) -> bool:
    """Whether a wide picture is a tall one after it."""
    return turn in _SWAPPING


def hashed(picture: Image.Image) -> tuple[Hashes, int]:
    """The hashes of a picture of any mode and size, and its quality from 0 to 100."""
    grey = picture if picture.mode == "L" else picture.convert("L")
    points = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
    return hashes_of((_transform() @ points @ _transform().T).astype(np.float32)), _quality(points)


def hashes_of(waves: Waves) -> Hashes:
    """The first wave of a picture is in the highest bit of the first byte."""
    across, down = waves * _MIRRORED, waves * _MIRRORED[:, None]
    both = across * _MIRRORED[:, None]
    turned = np.stack([waves, across.T, both, down.T, across, down, waves.T, both.T]).reshape(len(TURNS), -1)
    middle = turned.shape[1] // 2 - 1
    return np.packbits(turned > np.partition(turned, middle)[:, middle, None], axis=1)


def _quality(points: Grey) -> int:
    """How much the picture changes between neighbouring points, each step in whole hundredths of the largest one."""
    steps = (np.abs(np.trunc(np.diff(points, axis=axis) * 100 / 255)).sum() for axis in (0, 1))
    return min(100, int(sum(map(float, steps)) / _STEEP))


def _number(corners: Grey) -> int:
    return next(number for number, turn in enumerate(TURNS) if np.array_equal(turn(_CORNERS), corners))


@functools.lru_cache(1)
def _transform() -> Grey:
    """(16, 64): the slowest waves of the cosine transform but the constant one."""
    numbers, points = np.arange(1, WAVES + 1)[:, None], np.arange(SIDE)[None, :]
    waves: Grey = (math.sqrt(2 / SIDE) * np.cos(math.pi / 2 / SIDE * numbers * (2 * points + 1))).astype(np.float32)
    return waves
