"""The small regions that a picture is parted into first, and what lies between them: what the segmenter merges.

A picture is flooded from the places where nothing changes (Meyer, "Color image segmentation", IPA 1992).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from src.schema import FloatArray

Labels = npt.NDArray[np.int32]

SMOOTH, WINDOW = 1.5, 9
"""Deviation in pixels of the smoothing before edges are sought, and the square whose weakest edge starts a region."""
MOST_REGIONS = 700
"""More are never merged: time and memory grow with their square."""
COLOURS, DIRECTIONS = 20, 8
STRENGTHS = (2.0, 5.0, 10.0, 20.0)
"""Grey levels a pixel that part the histogram of edge strengths."""


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
