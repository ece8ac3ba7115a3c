"""Where text is: from the detector's map of a picture to boxes around lines, and from a box to the line's own picture.

The map is that of "Real-time Scene Text Detection with Differentiable Binarization" (Liao and others, AAAI 2020): for
each pixel, how likely it is in the shrunken middle of a line.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from src.schema import FloatArray

Pixels = NDArray[np.uint8]
"""(H, W, 3), in the order blue, green, red."""
Quad = FloatArray
"""(4, 2): corners as x and y in pixels, clockwise from the one where the line begins."""

IN_TEXT, SURE = 0.3, 0.5
"""Of a pixel, and of a box in the mean, so that it counts: what the model was published with."""
UNCLIP = 1.6
"""How far a box grows, times its area over its perimeter: the map shows lines shrunken."""
LEAST = 3
"""Pixels of the map under which a short side is noise."""
MOST = 1000
"""Boxes of one picture."""
STANDING = 1.5
"""Height over width from which on a box stands upright."""


def boxes(likely: FloatArray) -> list[Quad]:
    """The boxes in a map (H, W) of numbers from 0 to 1, in its pixels, at any angle."""
    mask = cv2.dilate((likely > IN_TEXT).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found = (_box(np.asarray(contour), likely) for contour in contours[:MOST])
    return [box for box in found if box is not None]


def standing(box: Quad) -> bool:
    """Whether a box is so much taller than wide that its line may run sideways."""
    width, height = size(box)
    return height >= STANDING * width


def turned(box: Quad, quarters: int) -> Quad:
    """The same box for a line that begins at another corner: 1 for text that runs down, 3 for text that runs up."""
    return np.roll(box, -quarters, axis=0)


def size(box: Quad) -> tuple[float, float]:
    """Width and height: the longer of both edges along the line, and of both across."""
    edges = np.linalg.norm(box - np.roll(box, -1, axis=0), axis=1)
    return float(max(edges[0], edges[2])), float(max(edges[1], edges[3]))


def cut(picture: Pixels, box: Quad) -> Pixels:
    """What a box shows, with its line running from left to right."""
    width, height = (max(1, int(side)) for side in size(box))
    upright = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    change = cv2.getPerspectiveTransform(box.astype(np.float32), upright)
    shown = cv2.warpPerspective(
        picture, change, (width, height), borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_CUBIC
    )
    return np.asarray(shown, np.uint8)


def in_reading_order(found: list[Quad]) -> list[Quad]:
    """From top to bottom; those whose tops are within half a line of each other from left to right."""
    rows: list[list[Quad]] = []
    for box in sorted(found, key=lambda each: float(each[:, 1].min())):
        top = float(box[:, 1].min())
        if rows and top - float(rows[-1][0][:, 1].min()) < 0.5 * min(size(box)):
            rows[-1].append(box)
        else:
            rows.append([box])
    return [box for row in rows for box in sorted(row, key=lambda each: float(each[:, 0].min()))]


def _box(contour: NDArray[Any], likely: FloatArray) -> Quad | None:
    """The box around a spot of the map, grown to what it was before it was shrunken; None where it is none."""
    (x, y), (width, height), angle = cv2.minAreaRect(contour)
    if min(width, height) < LEAST or _mean(likely, cv2.boxPoints(((x, y), (width, height), angle))) < SURE:
        return None
    grown = UNCLIP * width * height / (2 * (width + height))
    corners = cv2.boxPoints(((x, y), (width + 2 * grown, height + 2 * grown), angle))
    if min(width, height) + 2 * grown < LEAST + 2:
        return None
    rows, columns = likely.shape
    return _clockwise(np.clip(corners, 0, (columns, rows)).astype(np.float32))


def _mean(likely: FloatArray, corners: NDArray[Any]) -> float:
    """Of the map inside a box."""
    rows, columns = likely.shape
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, (columns - 1, rows - 1))
    right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int), 0, (columns - 1, rows - 1))
    inside = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(inside, [(corners - (left, top)).astype(np.int32)], 1)
    return float(cv2.mean(likely[top : bottom + 1, left : right + 1], inside)[0])


def _clockwise(corners: FloatArray) -> Quad:
    """From the upper left: the higher one of the two that are furthest to the left."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    (upper_left, lower_left), (upper_right, lower_right) = (
        pair[np.argsort(pair[:, 1], kind="stable")] for pair in (by_x[:2], by_x[2:])
    )
    return np.stack([upper_left, upper_right, lower_right, lower_left])
