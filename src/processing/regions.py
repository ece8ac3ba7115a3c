"""The built-in segmenter: what looks like a thing by colour, texture and edges alone.

It knows no objects and needs no weights. A picture is parted into small regions by flooding it from the places where
nothing changes (Meyer, "Color image segmentation", IPA 1992). The two neighbours that are most alike are merged again
and again, as in selective search (Uijlings et al., "Selective Search for Object Recognition", IJCV 2013); every region
on the way is a proposal. Two orders of merging are taken, one by likeness and one by the edges between regions (as in
Arbelaez et al., "Contour Detection and Hierarchical Image Segmentation", PAMI 2011). The ranking is ours.
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
from src.schema import Box, FloatArray, Segment

Labels = npt.NDArray[np.int32]

SIDE = 320
SMOOTH, WINDOW = 1.5, 9
"""Deviation in pixels of the smoothing before edges are sought, and the square whose weakest edge starts a region."""
MOST_REGIONS = 700
"""More are never merged: time and memory grow with their square."""
COLOURS, DIRECTIONS = 20, 8
STRENGTHS = (2.0, 5.0, 10.0, 20.0)
"""Grey levels a pixel that part the histogram of edge strengths."""
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
        """Picture of any mode and size -> at most ``most`` segments, the best first, boxes in its upright pixels.

        Masks have the size that it looked at, the long side at most 320 pixels. Empty where nothing stands out, as in a
        plain picture.
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


# ---------------------------------------------------------------- the first regions


@dataclass(frozen=True)
class Graph:
    """n regions and what lies between them."""

    labels: Labels
    """(H, W): each pixel's region, 0 to n - 1."""
    areas: FloatArray
    """(n,) pixels."""
    boxes: FloatArray
    """(n, 4) XYXY."""
    colours: FloatArray
    """(n, 60): histograms of the three Lab channels, together of sum 1."""
    textures: FloatArray
    """(n, 40): histogram over direction and strength of the edges inside, of sum 1."""
    borders: FloatArray
    """(n, n) symmetric: pairs of pixels where two regions meet."""
    edges: FloatArray
    """(n, n) symmetric: the edge's strength summed over them."""

    @staticmethod
    def of(pixels: npt.NDArray[np.uint8], labels: Labels | None = None) -> Graph:
        """The graph of an (H, W, 3) RGB picture, of these regions (numbered from 0) where they are known."""
        import cv2

        lab = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), np.uint8)
        labels = _first_regions(lab) if labels is None else labels
        number = int(labels.max()) + 1
        strength, kinds = _gradients(lab)
        areas = np.bincount(labels.ravel(), minlength=number).astype(np.float32)
        colours = [
            _histogram(labels, lab[..., channel].astype(np.int64) * COLOURS // 256, number, COLOURS)
            for channel in range(3)
        ]
        textures = _histogram(labels, kinds, number, DIRECTIONS * (len(STRENGTHS) + 1))
        borders, edges = _between(labels, strength, number)
        share = areas[:, None]
        return Graph(
            labels,
            areas,
            _boxes(labels, number),
            np.concatenate(colours, 1) / (3 * share),
            textures / share,
            borders,
            edges,
        )

    @property
    def pixels(self) -> int:
        return self.labels.size


def _first_regions(lab: npt.NDArray[np.uint8]) -> Labels:
    """(H, W, 3) -> each pixel's region, 0 to n - 1; where they would be too many, they start further apart."""
    import cv2

    weakness = cv2.GaussianBlur(_gradients(lab, SMOOTH)[0], (0, 0), 1.0)
    window = WINDOW
    while True:
        starts = weakness <= cv2.erode(weakness, np.ones((window, window), np.uint8))
        number, labels = cv2.connectedComponents(starts.astype(np.uint8), connectivity=8)
        if number <= MOST_REGIONS:
            return _flooded(lab, np.asarray(labels))
        window = 2 * window - 1


def _flooded(lab: npt.NDArray[np.uint8], starts: Labels) -> Labels:
    """Regions grown from where ``starts`` is not 0, over the least differences of colour first."""
    import cv2

    # OpenCV gives the outermost pixels and those where two regions meet to none: the first are added, the others filled
    # from beside them.
    wide, labels = (cv2.copyMakeBorder(each, 1, 1, 1, 1, cv2.BORDER_REPLICATE) for each in (lab, starts))
    flooded = np.asarray(cv2.watershed(wide, labels), np.float32)[1:-1, 1:-1]
    while (flooded <= 0).any():
        flooded = np.where(flooded <= 0, cv2.dilate(flooded, np.ones((3, 3), np.uint8)), flooded)
    _, numbered = np.unique(flooded, return_inverse=True)
    return numbered.reshape(starts.shape).astype(np.int32)


def _gradients(lab: npt.NDArray[np.uint8], smooth: float = 1.0) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """(H, W) strength in levels a pixel, and (H, W) kind of edge by lightness: direction and strength, 0 to 39."""
    import cv2

    smoothed = cv2.GaussianBlur(lab, (0, 0), smooth).astype(np.float32)
    across, down = (np.asarray(cv2.Sobel(smoothed, cv2.CV_32F, *axis)) / 8 for axis in ((1, 0), (0, 1)))
    strength = np.sqrt((across**2 + down**2).sum(axis=2))
    turns = (np.arctan2(down[..., 0], across[..., 0]) / (2 * np.pi) + 0.5) * DIRECTIONS
    level = np.digitize(np.hypot(across[..., 0], down[..., 0]), STRENGTHS)
    return strength, turns.astype(np.int64) % DIRECTIONS * (len(STRENGTHS) + 1) + level


def _histogram(labels: Labels, values: npt.NDArray[np.int64], number: int, bins: int) -> FloatArray:
    """(n, bins) counts of the values in each region."""
    places = labels.ravel().astype(np.int64) * bins + values.ravel()
    return np.bincount(places, minlength=number * bins).reshape(number, bins).astype(np.float32)


def _boxes(labels: Labels, number: int) -> FloatArray:
    """(n, 4) XYXY of each region."""
    height, width = labels.shape
    rows, columns = (axis.ravel() for axis in np.mgrid[:height, :width])
    boxes = np.tile(np.array([width, height, 0, 0], np.float32), (number, 1))
    for side, least in ((0, columns), (1, rows)):
        np.minimum.at(boxes[:, side], labels.ravel(), least)
        np.maximum.at(boxes[:, side + 2], labels.ravel(), least + 1)
    return boxes


def _between(labels: Labels, strength: FloatArray, number: int) -> tuple[FloatArray, FloatArray]:
    """(n, n) how many pixels of two regions meet, and the stronger edge of each pair summed."""
    borders, edges = np.zeros((2, number * number), np.float64)
    for one, other in (
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
        ((slice(None, -1),), (slice(1, None),)),
    ):
        differ = labels[one] != labels[other]
        places = labels[one][differ].astype(np.int64) * number + labels[other][differ]
        borders += np.bincount(places, minlength=number * number)
        edges += np.bincount(places, np.maximum(strength[one], strength[other])[differ], number * number)
    square = (number, number)
    both = [(flat.reshape(square) + flat.reshape(square).T).astype(np.float32) for flat in (borders, edges)]
    return both[0], both[1]


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
