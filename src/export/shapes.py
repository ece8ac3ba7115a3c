"""Masks as polygons along their outlines, in pixels of a picture of any size."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt

from src import masks
from src.schema import Mask

IntArray = npt.NDArray[np.int32]

TOLERANCE = 0.75
"""About how far a polygon may stray from its mask's outline, in its pixels: a slanting edge's steps become a line."""


def polygons(mask: Mask, height: int, width: int, tolerance: float = TOLERANCE) -> list[list[float]]:
    """The outlines of a mask as [x0, y0, x1, y1, ...] in whole pixels of a picture of that size.

    One polygon for each part, the largest first. A hole is cut in by a line that is walked there and back, since
    COCO's polygons know no holes; filled by the even-odd rule, as its own tools do, it stays empty. tolerance: 0
    follows every pixel. Empty for an empty mask.
    """
    scale = np.array([width / mask.width, height / mask.height])
    loops = []
    for outer, holes in outlines(masks.decode(mask), tolerance):
        for hole in holes:
            outer = _cut(outer, hole)
        loops.append(outer)
    return [np.round(loop * scale, 2).ravel().tolist() for loop in loops]


def outlines(pixels: masks.BoolArray, tolerance: float = 0.0) -> list[tuple[IntArray, list[IntArray]]]:
    """(H, W) bool -> for each part, the largest first, the loop around it and the loops around its holes.

    A loop is (n, 2) XY of the corners along the edges between set and unset pixels, closed, with the set pixels on
    the right hand of the walk: clockwise around a part. Pixels that touch at a corner alone are one part. tolerance:
    how far a loop may stray from those edges, in pixels, 0 for not at all; a loop of which nothing would be left stays
    as it is.
    """
    import cv2

    # Where each pixel is drawn as two by two, OpenCV's contours, which lead through the middles of set pixels, tell
    # the edges: halved and rounded down, they are the pixels' own corners.
    left, top, right, bottom = masks.bounds(pixels) or (0, 0, 0, 0)
    doubled = np.pad(pixels[top:bottom, left:right].view(np.uint8).repeat(2, axis=0).repeat(2, axis=1), 1)
    found, tree = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(2 * left, 2 * top))
    loops = [_simplified(_corners(np.asarray(contour, np.int32)[:, 0]), tolerance) for contour in found]
    inside: defaultdict[int, list[IntArray]] = defaultdict(list)
    owners = [int(facts[3]) for facts in tree[0]] if found else []
    for loop, owner in zip(loops, owners, strict=True):
        inside[owner].append(loop)
    parts = [(loop, inside[at]) for at, (loop, owner) in enumerate(zip(loops, owners, strict=True)) if owner < 0]
    return sorted(parts, key=lambda part: cv2.contourArea(part[0]), reverse=True)


def _corners(contour: IntArray) -> IntArray:
    """Of a contour in doubled pixels: a corner inwards is cut short there, and its two ends are the same corner."""
    loop = contour[::-1] // 2
    kept: IntArray = loop[(loop != np.roll(loop, 1, axis=0)).any(axis=1)]
    return kept


def _simplified(loop: IntArray, tolerance: float) -> IntArray:
    """The loop with fewer corners, all of them its own, by the method of Douglas and Peucker (1973)."""
    import cv2

    if tolerance <= 0 or len(loop) < 5:
        return loop
    short = np.asarray(cv2.approxPolyDP(loop[:, None], tolerance, closed=True), np.int32)[:, 0]
    return short if cv2.contourArea(short) else loop


def _cut(outer: IntArray, hole: IntArray) -> IntArray:
    """One loop of two: from the outer corner nearest to the hole to it, around it, and back the same way."""
    apart = ((outer[:, None, :] - hole[None, :, :]) ** 2).sum(axis=2)
    at, of_hole = np.unravel_index(int(np.argmin(apart)), apart.shape)
    around = np.concatenate([hole[of_hole:], hole[: of_hole + 1]])
    return np.concatenate([outer[: at + 1], around, outer[at:]])
