"""What automatic mask generation reckons with masks and boxes: grids, crops, stability, doubles, clean-up.

Boxes are (n, 4) int64 XYXY in pixels; right and bottom lie just outside. Method: Kirillov et al. 2023, "Segment
Anything", appendix B, and the code published with it, whose conventions are kept where they decide which masks survive.
"""

from __future__ import annotations

from itertools import product
from math import ceil

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from src.schema import Box, FloatArray

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
EDGE = 20
"""Pixels within which a box counts as touching an edge."""
_MOVED = 11


# ------------------------------------------------------------ where to look


def grid(side: int) -> FloatArray:
    """(side * side, 2) float32 XY in (0, 1): the middles of equal cells, coarse to fine.

    The first quarter is a grid of half as many points a side, its first quarter one of a quarter as many, and so on
    (for a power of two; nearly so for others): the order of Bayer's dither matrix.
    """
    places = np.indices((side, side)).reshape(2, -1)
    order = np.argsort(_bayer(places[0], places[1]), kind="stable")
    middles = (places[::-1, order].T + 0.5) / side
    return middles.astype(np.float32)


def _bayer(rows: IntArray, columns: IntArray) -> IntArray:
    """Threshold of each place in a 32 x 32 dither matrix, moved so that every coarse grid lies about the middle."""
    rank = np.zeros_like(rows)
    for bit in range(5):
        row, column = rows + _MOVED >> bit & 1, columns + _MOVED >> bit & 1
        rank = 4 * rank + 2 * (row ^ column) + row
    return rank


def crop_boxes(size: tuple[int, int], layers: int, overlap: float) -> list[tuple[Box, int]]:
    """The whole picture (H, W), then of each layer 2, 4, 8, ... crops a side; each with the number of its layer.

    overlap: of neighbours in the first layer, as a share of the short side; half of it in the next one, and so on.
    """
    height, width = size
    crops: list[tuple[Box, int]] = [((0, 0, width, height), 0)]
    for layer in range(1, layers + 1):
        number = 2**layer
        shared = int(overlap * min(size) * 2 / number)
        wide, high = (ceil((shared * (number - 1) + length) / number) for length in (width, height))
        for across, down in product(range(number), repeat=2):
            left, top = across * (wide - shared), down * (high - shared)
            crops.append(((left, top, min(left + wide, width), min(top + high, height)), layer))
    return crops


# ------------------------------------------------------------ boxes


def box_of(pixels: BoolArray) -> Box:
    """(H, W) bool -> the smallest box around what is set; (0, 0, 0, 0) where nothing is."""
    left, top, wide, high = cv2.boundingRect(pixels.view(np.uint8))
    return left, top, left + wide, top + high


def suppress(boxes: IntArray, scores: npt.NDArray[np.floating], limit: float) -> IntArray:
    """Places of the boxes that stay, best first: none that a better one overlaps by more than ``limit``.

    Overlap is intersection over union. Of equal scores the earlier is better. Lengths are measured from the first to
    the last pixel, one less than the box is long.
    """
    order = np.argsort(-scores, kind="stable")
    corners = boxes[order] - np.array([0, 0, 1, 1])
    areas = np.prod(corners[:, 2:] - corners[:, :2], axis=1)
    alive = np.ones(len(order), bool)
    for place in range(len(order)):
        if alive[place]:
            near, far = np.maximum(corners[place, :2], corners[:, :2]), np.minimum(corners[place, 2:], corners[:, 2:])
            shared = np.prod(np.clip(far - near, 0, None), axis=1)
            doubles = shared > limit * (areas[place] + areas - shared)
            doubles[: place + 1] = False
            alive &= ~doubles
    return order[alive]


def cut(boxes: IntArray, crop: Box, size: tuple[int, int]) -> BoolArray:
    """Which boxes (in the picture's pixels) touch an edge of the crop that is none of the (H, W) picture's.

    More may lie outside.
    """
    last = boxes - np.array([0, 0, 1, 1])
    picture = np.array([0, 0, size[1], size[0]])
    touching = (np.abs(last - np.array(crop)) <= EDGE) & ~(np.abs(last - picture) <= EDGE)
    result: BoolArray = touching.any(axis=1)
    return result


# ------------------------------------------------------------ stability


def stability(logits: FloatArray, offset: float) -> float:
    """(H, W) logits -> intersection over union of the masks at ``+offset`` and ``-offset``; 0.0 if both are empty."""
    loose = np.count_nonzero(logits > -offset)
    return float(np.float32(np.count_nonzero(logits > offset)) / np.float32(loose)) if loose else 0.0


class LowStability:
    """Tells from (m, S, S) low-resolution logits which masks can't be stable, whatever upscaling them bilinearly gives.

    A pixel of the large mask lies between the least and the greatest of the 3 x 3 low-resolution ones around it.
    Counting with these instead gives bounds of the stability; a mask whose upper bound is too low needs no upscaling.
    """

    def __init__(self, looked_at: tuple[int, int], size: tuple[int, int], side: int) -> None:
        """looked_at: (H, W) of the square's part that is picture, its long side the square's; size: of large masks."""
        cell = max(looked_at) / side
        rows, columns = (
            np.bincount(((np.arange(length) + 0.5) * seen / length / cell).astype(np.int64), minlength=side)
            for length, seen in zip(size, looked_at, strict=True)
        )
        self._pixels = torch.from_numpy(np.outer(rows, columns)).float().flatten()

    def hopeless(self, low: Tensor, least: float, offset: float) -> Tensor:
        """(m,) bool, on the CPU: stability surely below ``least``.

        Only what looks unstable already is reckoned through.
        """
        found = self._ratio(low, low, offset) < least - 0.05
        doubtful = low[found]
        if len(doubtful):
            highest = functional.max_pool2d(doubtful[:, None], 3, 1, 1)[:, 0]
            lowest = -functional.max_pool2d(-doubtful[:, None], 3, 1, 1)[:, 0]
            found[found.clone()] = self._ratio(highest, lowest, offset) < least
        return found.cpu()

    def _ratio(self, above: Tensor, below: Tensor, offset: float) -> Tensor:
        pixels = self._pixels.to(above.device)
        tight, loose = ((mask.flatten(1).float() @ pixels) for mask in (above > offset, below > -offset))
        ratio: Tensor = tight / loose.clamp(min=1)
        return ratio


# ------------------------------------------------------------ clean-up


def cleaned(pixels: BoolArray, least: int) -> tuple[BoolArray, bool]:
    """The mask without holes and then without islands of fewer than ``least`` pixels, and whether that changed it.

    Pixels hang together across corners. Where all islands are small the largest stays.
    """
    filled = pixels | _small(~pixels, least)
    small = _small(filled, least)
    if small.any() and small.sum() == filled.sum():
        small &= ~_largest(filled)
    result = filled & ~small
    return result, bool((result != pixels).any())


def _small(pixels: BoolArray, least: int) -> BoolArray:
    _, labels, facts, _ = cv2.connectedComponentsWithStats(pixels.view(np.uint8), connectivity=8)
    small = facts[:, cv2.CC_STAT_AREA] < least
    small[0] = False
    result: BoolArray = small[labels]
    return result


def _largest(pixels: BoolArray) -> BoolArray:
    _, labels, facts, _ = cv2.connectedComponentsWithStats(pixels.view(np.uint8), connectivity=8)
    result: BoolArray = labels == 1 + np.argmax(facts[1:, cv2.CC_STAT_AREA])
    return result
