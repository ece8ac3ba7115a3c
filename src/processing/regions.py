"""The built-in segmenter: what looks like a thing by colour, texture and edges alone.

It knows no objects and needs no weights. A picture is parted into small regions (``region_graph``). The two neighbours
that are most alike are merged again and again, as in selective search (Uijlings et al., "Selective Search for Object
Recognition", IJCV 2013); every region on the way is a proposal. Two orders of merging are taken, one by likeness and
one by the edges between regions (as in Arbelaez et al., "Contour Detection and Hierarchical Image Segmentation", PAMI
2011). The ranking is ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from src import masks
from src.masks import BoolArray
from src.pixels import to_rgb
from src.processing.region_graph import Graph, Labels
from src.schema import Box, FloatArray, Segment

SIDE = 320
EDGE_LEVELS = 10.0
"""Mean strength of an edge, in levels a pixel, that counts as much against merging as no likeness at all."""
SMALLEST, LARGEST = 0.0008, 0.85
"""Share of the picture's area that a proposal covers, respectively its box has."""
WEIGHTS = (0.6, 2.0, 2.5, 4.0, -0.5, -0.5)
"""In a proposal's score: logarithm of its box's share of the picture, of its border's strength, colour contrast to what
is around it, how much of its box it fills, sides of the picture that it touches, logarithm of how long it is. Set by
hand."""
MIDDLE = 5.5
"""The sum of these that makes a score of one half."""
APART = 0.5
"""Of two proposals whose boxes overlap by this intersection over union, the lower one is left out."""


class RegionSegmenter:
    """Proposes regions of a picture that might be things. Safe to call from several threads."""

    segmenter_id = "builtin-regions-1"
    side = SIDE

    def segment(self, image: Image.Image, most: int) -> list[Segment]:
        """Propose segments of a picture.

        Args:
            image: Of any size and PIL mode; the EXIF orientation is applied.
            most: How many segments to give at most.

        Returns:
            The segments, the best first: boxes are XYXY in pixels of the upright picture, scores in [0, 1]. Masks have
            the size that it looked at, the long side at most 320 pixels. Empty where nothing stands out, as in a plain
            picture.

        Raises:
            OSError: The picture's file can't be decoded.
        """
        upright = to_rgb(image)
        pixels = _shrunk(upright)
        if most < 1 or min(pixels.shape[:2]) < 3:
            return []
        graph = Graph.of(pixels)
        proposals = _proposals(graph)
        scale = (upright.width / pixels.shape[1], upright.height / pixels.shape[0])
        chosen = proposals.best(most)
        return [_segment(graph.labels, proposals, at, scale) for at in chosen]


def _segment(labels: Labels, proposals: _Proposals, at: int, scale: tuple[float, float]) -> Segment:
    mask = masks.encode(proposals.members[at][labels])
    x0, y0, x1, y1 = (float(side) for side in proposals.boxes[at])
    box: Box = int(x0 * scale[0]), int(y0 * scale[1]), round(x1 * scale[0]), round(y1 * scale[1])
    return Segment(
        (box[0], box[1], max(box[0] + 1, box[2]), max(box[1] + 1, box[3])), mask, float(proposals.scores[at])
    )


def _shrunk(image: Image.Image) -> npt.NDArray[np.uint8]:
    """(H, W, 3) uint8, the long side at most ``SIDE``; a side is never under one pixel."""
    scale = min(1.0, SIDE / max(image.size))
    width, height = (max(1, round(length * scale)) for length in image.size)
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0))


# ---------------------------------------------------------------- merging


class Merging:
    """One order of merging. Regions are slots: of two that are merged, the lower slot becomes both."""

    def __init__(self, graph: Graph, by_edges: bool) -> None:
        self._total = float(graph.pixels)
        self._by_edges = by_edges
        self._areas, self._boxes = graph.areas.copy(), graph.boxes.copy()
        self._looks = np.concatenate((graph.colours, graph.textures), axis=1)
        self._borders, self._edges = graph.borders.copy(), graph.edges.copy()
        number = len(self._areas)
        self._members: BoolArray = np.eye(number, dtype=bool)
        self._alike = np.full((number, number), -np.inf, np.float32)
        for slot in range(number):
            self._compare(slot)
        self._best = self._alike.max(axis=1)

    def regions(self) -> Iterator[BoolArray]:
        """(n,) bool for each merged region: which of the first ones are in it.

        The last holds all that hang together.
        """
        while True:
            one = int(self._best.argmax())
            if self._best[one] == -np.inf:
                return
            low, high = sorted((one, int(self._alike[one].argmax())))
            self._merge(low, high)
            yield self._members[low].copy()

    def _merge(self, low: int, high: int) -> None:
        areas = self._areas
        total = areas[low] + areas[high]
        self._looks[low] = (self._looks[low] * areas[low] + self._looks[high] * areas[high]) / total
        areas[low] = total
        self._boxes[low] = _around(self._boxes[low], self._boxes[high])
        self._members[low] |= self._members[high]
        touched = np.flatnonzero(self._borders[low] + self._borders[high])
        for matrix in (self._borders, self._edges):
            matrix[low] += matrix[high]
            matrix[low, low] = matrix[low, high] = 0
            matrix[:, low] = matrix[low]
            matrix[high] = matrix[:, high] = 0
        for slot in (low, high):
            self._alike[slot] = self._alike[:, slot] = -np.inf
        self._compare(low)
        self._best[touched] = self._alike[touched].max(axis=1)

    def _compare(self, slot: int) -> None:
        """How alike a region and its neighbours are, written into both their rows."""
        others = np.flatnonzero(self._borders[slot])
        if not len(others):
            return
        areas = self._areas[slot] + self._areas[others]
        alike = 1 - areas / self._total
        if self._by_edges:
            alike -= self._edges[slot, others] / self._borders[slot, others] / EDGE_LEVELS
        else:
            alike += np.minimum(self._looks[slot], self._looks[others]).sum(axis=1)
            alike += 1 - (_sizes(_around(self._boxes[slot], self._boxes[others])) - areas) / self._total
        self._alike[slot, others] = self._alike[others, slot] = alike


def _around(one: FloatArray, other: FloatArray) -> FloatArray:
    """(..., 4) boxes around both."""
    return np.concatenate((np.minimum(one[..., :2], other[..., :2]), np.maximum(one[..., 2:], other[..., 2:])), axis=-1)


def _sizes(boxes: FloatArray) -> FloatArray:
    """(..., 4) -> (...) pixels in each box."""
    sizes: FloatArray = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return sizes


# ---------------------------------------------------------------- ranking


@dataclass(frozen=True)
class _Proposals:
    """r regions that might be things."""

    members: BoolArray
    """(r, n): which of the first regions are in each."""
    boxes: FloatArray
    """(r, 4) XYXY in pixels of what was looked at."""
    scores: FloatArray
    """(r,) in [0, 1]."""

    def best(self, most: int) -> list[int]:
        """Places of at most ``most``, the best first, of which no two have nearly the same box."""
        left = np.argsort(-self.scores, kind="stable")
        chosen: list[int] = []
        while len(left) and len(chosen) < most:
            first, left = int(left[0]), left[1:]
            chosen.append(first)
            left = left[_overlaps(self.boxes[first], self.boxes[left]) < APART]
        return chosen


def _proposals(graph: Graph) -> _Proposals:
    """Every region met while merging that is neither tiny nor nearly everything."""
    first = np.eye(len(graph.areas), dtype=bool)
    merged = [region for by_edges in (False, True) for region in Merging(graph, by_edges).regions()]
    members = np.concatenate((first, np.array(merged, bool).reshape(-1, len(first))))
    _, places = np.unique(np.packbits(members, axis=1), axis=0, return_index=True)
    members = members[np.sort(places)]
    boxes = np.stack([around_all(graph.boxes[region]) for region in members])
    fits = (members @ graph.areas >= SMALLEST * graph.pixels) & (_sizes(boxes) <= LARGEST * graph.pixels)
    members, boxes = members[fits], boxes[fits]
    return _Proposals(members, boxes, _scores(graph, members.astype(np.float32), boxes))


def _scores(graph: Graph, members: FloatArray, boxes: FloatArray) -> FloatArray:
    """(r,) how much each region looks like a thing, in [0, 1].

    What speaks for it: strong edges all along its border, colours unlike those of the regions around it, a box that it
    fills, and size. Against it: the picture's own edges cut it off, and a long thin box.
    """
    areas = members @ graph.areas
    meets = members @ graph.borders
    around = meets * (1 - members)
    length = np.maximum(around.sum(axis=1), 1)
    edge = ((members @ graph.edges) * (1 - members)).sum(axis=1) / length
    own = (members * graph.areas) @ graph.colours / areas[:, None]
    contrast = 1 - np.minimum(own, around @ graph.colours / length[:, None]).sum(axis=1)
    height, width = graph.labels.shape
    cut = (boxes[:, :2] <= 0).sum(axis=1) + (boxes[:, 2:] >= (width, height)).sum(axis=1)
    thin = np.abs(np.log((boxes[:, 2] - boxes[:, 0]) / (boxes[:, 3] - boxes[:, 1])))
    sizes = _sizes(boxes)
    weights = zip(
        WEIGHTS, (np.log(sizes / graph.pixels), np.log1p(edge), contrast, areas / sizes, cut, thin), strict=True
    )
    total = sum(weight * feature for weight, feature in weights)
    scores: FloatArray = (1 / (1 + np.exp(MIDDLE - total))).astype(np.float32)
    return scores


def around_all(boxes: FloatArray) -> FloatArray:
    """(k, 4) -> (4,)"""
    return np.concatenate((boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)))


def _overlaps(box: FloatArray, others: FloatArray) -> FloatArray:
    """(4,), (k, 4) -> (k,) intersection over union."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.maximum(high - low, 0).prod(axis=1)
    overlaps: FloatArray = shared / (_sizes(box) + _sizes(others) - shared)
    return overlaps
