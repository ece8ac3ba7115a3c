"""Masks as polygons along their outlines, in pixels of a picture of any size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from src import masks
from src.schema import Mask

FloatArray = npt.NDArray[np.float64]

TOLERANCE = 0.75
"""How far a polygon may stray from its mask's outline, in the mask's pixels: a slanting edge's steps become a line."""


def polygons(mask: Mask, height: int, width: int, tolerance: float = TOLERANCE) -> list[list[float]]:
    """The outlines of a mask as [x0, y0, x1, y1, ...] in whole pixels of a picture of that size.

    One polygon for each part. A hole is cut in by a line that is walked there and back, since COCO's polygons know no
    holes; filled by the even-odd rule, as its own tools do, it stays empty. tolerance: 0 follows every pixel. Empty for
    an empty mask.
    """
    scale = np.array([width / mask.width, height / mask.height])
    loops = [_simplified(loop, tolerance) for loop in outlines(masks.decode(mask))]
    outer = sorted((loop for loop in loops if len(loop) > 2 and _area(loop) > 0), key=_area)
    holes: dict[int, list[FloatArray]] = {}
    for hole in (loop for loop in loops if len(loop) > 2 and _area(loop) < 0):
        owner = next((at for at, loop in enumerate(outer) if _contains(loop, hole)), None)
        if owner is not None:
            holes.setdefault(owner, []).append(hole)
    for owner, inside in holes.items():
        for hole in inside:
            outer[owner] = _cut(outer[owner], hole)
    return [np.round(loop * scale, 2).ravel().tolist() for loop in reversed(outer)]


def outlines(pixels: masks.BoolArray) -> list[FloatArray]:
    """(H, W) bool -> closed loops of (n, 2) XY along the edges between set and unset pixels, corners only.

    The set pixels are on the right hand of the walk: around a part it goes clockwise, around a hole the other way.
    Pixels that touch at a corner alone belong to different parts.
    """
    step = pixels.shape[1] + 1
    edges = _edges(pixels, step)
    moves = (1, step, -1, -step)
    loops = []
    while edges:
        start = place = next(iter(edges))
        first = direction = edges[place][0]
        corners = []
        while True:
            _take(edges, place, direction)
            place += moves[direction]
            if place == start and not _turns_on(edges.get(place), direction, first):
                break
            onward = _onward(edges[place], direction)
            if onward != direction:
                corners.append(place)
            direction = onward
        if first != direction:
            corners.append(start)
        loops.append(np.array([(corner % step, corner // step) for corner in corners], dtype=np.float64))
    return loops


def _edges(pixels: masks.BoolArray, step: int) -> dict[int, list[int]]:
    """Corner -> the directions (0 right, 1 down, 2 left, 3 up) in which edges leave it."""
    framed = np.pad(pixels, 1)
    inside = framed[1:-1, 1:-1]
    neighbours = (framed[:-2, 1:-1], framed[1:-1, 2:], framed[2:, 1:-1], framed[1:-1, :-2])
    edges: dict[int, list[int]] = {}
    for direction, (neighbour, corner) in enumerate(zip(neighbours, (0, 1, step + 1, step), strict=True)):
        rows, columns = np.nonzero(inside & ~neighbour)
        for place in (rows * step + columns + corner).tolist():
            edges.setdefault(place, []).append(direction)
    return edges


def _take(edges: dict[int, list[int]], place: int, direction: int) -> None:
    left = edges[place]
    left.remove(direction)
    if not left:
        del edges[place]


def _onward(ways: list[int], direction: int) -> int:
    """Where four pixels meet crosswise there are two ways: the right turn stays with the same pixel."""
    return (direction + 1) % 4 if (direction + 1) % 4 in ways else ways[0]


def _turns_on(ways: list[int] | None, direction: int, first: int) -> bool:
    """Whether the walk is back at its start's corner but has to pass it: the way that is a right turn is still open."""
    return ways is not None and (direction + 1) % 4 != first and (direction + 1) % 4 in ways


def _area(loop: FloatArray) -> float:
    """Of a loop that goes clockwise, Y pointing down; negative for one that goes the other way."""
    after = np.roll(loop, -1, axis=0)
    return float((loop[:, 0] * after[:, 1] - loop[:, 1] * after[:, 0]).sum() / 2)


def _simplified(loop: FloatArray, tolerance: float) -> FloatArray:
    """The loop with fewer corners, all of them its own, by the method of Douglas and Peucker (1973)."""
    if tolerance <= 0 or len(loop) < 5:
        return loop
    far = int(np.argmax(((loop - loop[0]) ** 2).sum(axis=1)))
    closed = np.concatenate([loop, loop[:1]])
    keep = np.zeros(len(closed), bool)
    keep[[0, far, len(loop)]] = True
    spans = [(0, far), (far, len(loop))]
    while spans:
        begin, end = spans.pop()
        if end - begin < 2:
            continue
        distances = _distances(closed[begin + 1 : end], closed[begin], closed[end])
        worst = int(np.argmax(distances))
        if distances[worst] > tolerance:
            at = begin + 1 + worst
            keep[at] = True
            spans += [(begin, at), (at, end)]
    return loop[keep[:-1]]


def _distances(points: FloatArray, begin: FloatArray, end: FloatArray) -> FloatArray:
    """From each point to the nearest one on the line from ``begin`` to ``end``."""
    along = end - begin
    length = float(along @ along)
    share = np.clip((points - begin) @ along / length, 0, 1) if length else np.zeros(len(points))
    apart: FloatArray = points - begin - share[:, None] * along
    return np.hypot(apart[:, 0], apart[:, 1])


def _contains(loop: FloatArray, hole: FloatArray) -> bool:
    """Whether a hole's loop lies in another: a point just off its first edge, on its side, is tested by crossings."""
    along = hole[1] - hole[0]
    point = (hole[0] + hole[1]) / 2 + 0.01 * np.array([along[1], -along[0]]) / np.hypot(*along)
    after = np.roll(loop, -1, axis=0)
    crossed = (loop[:, 1] > point[1]) != (after[:, 1] > point[1])
    begin, end = loop[crossed], after[crossed]
    at = begin[:, 0] + (point[1] - begin[:, 1]) * (end[:, 0] - begin[:, 0]) / (end[:, 1] - begin[:, 1])
    return bool((at > point[0]).sum() % 2)


def _cut(outer: FloatArray, hole: FloatArray) -> FloatArray:
    """One loop of two: from the outer corner nearest to the hole to it, around it, and back the same way."""
    apart = ((outer[:, None, :] - hole[None, :, :]) ** 2).sum(axis=2)
    at, of_hole = np.unravel_index(int(np.argmin(apart)), apart.shape)
    around = np.concatenate([hole[of_hole:], hole[: of_hole + 1]])
    return np.concatenate([outer[: at + 1], around, outer[at:]])
