"""Baselines for object proposals, each a function (RGB picture, most) -> (n, 4) boxes XYXY in its pixels, the best
first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.segmentation import felzenszwalb

from src.processing import regions, thumbnails
from src.processing.region_graph import Graph

Boxes = NDArray[np.float64]
SCALES = (1, 2 / 3, 1 / 2, 1 / 3, 1 / 4, 1 / 6, 1 / 8)
SIDE = 320
"""Long side in pixels at which felzenszwalb looks, as the built-in segmenter does."""
SALIENCY_SIDE = 64
THRESHOLDS = (3.0, 2.0, 1.5, 4.0, 1.0, 6.0, 0.75, 8.0)
"""Times the mean saliency; three is the paper's."""


def grid(image: Image.Image, most: int) -> Boxes:
    """The picture's own shape at several scales, each half a box apart, the largest and the most central first."""
    made: list[tuple[float, float, float, float]] = []
    for scale in SCALES:
        starts = np.linspace(0, 1 - scale, round((1 - scale) / (scale / 2)) + 1)
        boxes = [(x, y, x + scale, y + scale) for y in starts for x in starts]
        made += sorted(boxes, key=lambda box: (box[0] + box[2] - 1) ** 2 + (box[1] + box[3] - 1) ** 2)
    return np.array(made[:most]) * (*image.size, *image.size)


def merged(image: Image.Image, most: int, scale: float = 1.0, least: int = 20) -> Boxes:
    """felzenszwalb and then selective search's merging with its four likenesses; the regions merged last come first.

    scale, least: scikit-image's ``scale`` and ``min_size``, by default its own.
    """
    small = np.asarray(thumbnails.shrunk(image, SIDE))
    graph = Graph.of(small, felzenszwalb(small, scale=scale, min_size=least).astype(np.int32))
    last = list(regions.Merging(graph, by_edges=False).regions())[::-1][:most]
    boxes = np.array([regions.around_all(graph.boxes[region]) for region in last], np.float64).reshape(-1, 4)
    across, down = image.width / small.shape[1], image.height / small.shape[0]
    return boxes * (across, down, across, down)


def salient(image: Image.Image, most: int) -> Boxes:
    """Spots of the spectral residual (Hou and Zhang, "Saliency Detection: A Spectral Residual Approach", CVPR 2007), at
    thresholds.
    """
    shown = spectral_residual(image)
    scale = np.array((*image.size, *image.size)) / SALIENCY_SIDE
    boxes: list[NDArray[np.float64]] = []
    for times in THRESHOLDS:
        number, labels, facts, _ = cv2.connectedComponentsWithStats((shown > times * shown.mean()).astype(np.uint8))
        spots = [(float(shown[labels == at].sum()), facts[at]) for at in range(1, number)]
        spots.sort(key=lambda spot: -spot[0])
        boxes += [np.array((x, y, x + w, y + h)) * scale for _, (x, y, w, h, _) in spots]
    return np.array(boxes[:most], np.float64).reshape(-1, 4)


def spectral_residual(image: Image.Image) -> NDArray[np.float32]:
    """(64, 64) saliency: what of the log spectrum its neighbourhood does not explain, turned back into a picture."""
    grey = np.asarray(image.convert("L").resize((SALIENCY_SIDE, SALIENCY_SIDE), Image.Resampling.BOX), np.float32)
    spectrum = np.fft.fft2(grey)
    logarithm = np.log(np.abs(spectrum) + 1e-9).astype(np.float32)
    residual = logarithm - cv2.blur(logarithm, (3, 3))
    power = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    return np.asarray(cv2.GaussianBlur(power.astype(np.float32), (0, 0), 2.5))


BASELINES: dict[str, Callable[[Image.Image, int], Boxes]] = {
    "grid": grid,
    "felzenszwalb": merged,
    "felzenszwalb 100": partial(merged, scale=100.0, least=50),
    "saliency": salient,
}
