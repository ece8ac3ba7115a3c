"""Objects cut out of a photo, so that each can be turned into a vector of its own.

For the app's indexing and for scripts alike.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from src import masks
from src.errors import BadInput
from src.masks import BoolArray
from src.pixels import to_rgb
from src.schema import Box, Segment, Segmenter

Outside = Literal["blur", "mean", "keep"]
"""What becomes of the pixels outside the mask: blurred (21 x 21 Gaussian), their mean colour, or as they are."""

KERNEL = 21
"""Pixels across the Gaussian."""
MOST = 1_000
"""Segments that may be asked of one picture."""
SPARE = 3
"""Times as many are asked of the segmenter, because the bounds leave some out."""


@dataclass(frozen=True)
class Cut:
    """How a segment is cut out of its picture. Another ``recipe`` gives other vectors."""

    outside: Outside = "keep"
    padding: float | None = 0.0
    """Room around the segment's box on each side, as a share of that side's length; None: the whole picture is kept."""

    @property
    def recipe(self) -> str:
        return f"{self.outside}-{'whole' if self.padding is None else f'{self.padding:g}'}"


BLURRED = Cut("blur", None)
"""The whole picture, with everything outside the mask blurred."""
PLAIN = Cut("keep", 0.0)
"""The segment's box and nothing else."""
ROOMY = Cut("keep", 0.1)
"""The segment's box and a little around it: what the built-in model names best (``benchmarks.segments``)."""


@dataclass(frozen=True)
class Bounds:
    """Which of a picture's segments are worth a vector."""

    most: int = 12
    smallest: float = 0.001
    """Share of the picture's area that a mask covers at least."""
    largest: float = 0.95
    """And at most: what covers everything is the whole picture once more."""
    overlap: float = 0.8
    """Two masks whose intersection is this share of their union are one thing; the surer one stands for both."""


@dataclass(frozen=True)
class Extract:
    """A segment, and the RGB picture of it."""

    segment: Segment
    picture: Image.Image


class SegmentExtractor:
    """Finds segments and cuts them out. As safe to call from several threads as its segmenter is."""

    def __init__(
        self, segmenter: Segmenter, cut: Cut = ROOMY, bounds: Bounds | None = None, workers: int | None = None
    ) -> None:
        """Keep what is to be cut out, and how.

        Args:
            segmenter: Finds the segments: the built-in ``RegionSegmenter()``, or ``ModelManager.load_sam()``.
            cut: How a segment's picture is made: ``BLURRED``, ``PLAIN``, ``ROOMY`` or one of your own.
            bounds: Which segments are left out; None: the usual ones.
            workers: How many threads may usefully call ``extract`` at once, at least 1; None: one for each core.

        Raises:
            BadInput: The bounds or the cut's padding make no sense.
        """
        self._segmenter = segmenter
        self._cut = cut
        self._bounds = _checked(bounds or Bounds())
        self.workers = workers or os.cpu_count() or 1
        if cut.padding is not None and not 0 <= cut.padding <= 10:
            raise BadInput(
                f"A padding of {cut.padding:g} makes no sense.", "Give the share of the box's side: 0 to 10."
            )

    @property
    def recipe(self) -> str:
        """Names all that decides which pictures come out, such as ``builtin-regions-1/keep-0/12-0.001-0.95-0.8``."""
        bounds = self._bounds
        limits = f"{bounds.most}-{bounds.smallest:g}-{bounds.largest:g}-{bounds.overlap:g}"
        return f"{self._segmenter.segmenter_id}/{self._cut.recipe}/{limits}"

    def extract(self, image: Image.Image) -> list[Extract]:
        """Find the segments of a picture and cut each of them out.

        Args:
            image: Of any size and PIL mode; the EXIF orientation is applied.

        Returns:
            At most ``bounds.most`` segments, the surest first, and the RGB picture of each. Boxes are XYXY in pixels
            of the upright picture, scores in [0, 1]. May be empty.

        Raises:
            OSError: The picture's file can't be decoded.
        """
        upright = to_rgb(image)
        return self.cut(upright, within(self._segmenter.segment(upright, SPARE * self._bounds.most), self._bounds))

    def cut(self, image: Image.Image, segments: Sequence[Segment]) -> list[Extract]:
        """Cut segments that were found before out of their picture, as ``extract`` does.

        Args:
            image: Of any size and PIL mode; the EXIF orientation is applied.
            segments: Found in it, with boxes in pixels of the upright picture.

        Returns:
            As many, in the same order, each with its RGB picture.

        Raises:
            OSError: The picture's file can't be decoded.
            BadInput: The runs of a mask do not add up to its size.
        """
        upright = to_rgb(image)
        return [Extract(segment, cut_out(upright, segment, self._cut)) for segment in segments]


def within(segments: Iterable[Segment], bounds: Bounds) -> list[Segment]:
    """Those that are neither too small nor too large, each thing once, the surest first, at most ``bounds.most``."""
    kept: list[Segment] = []
    for segment in sorted(segments, key=lambda segment: -segment.score):
        share = masks.area(segment.mask) / max(1, segment.mask.height * segment.mask.width)
        if bounds.smallest <= share <= bounds.largest and not any(
            _same(segment, other, bounds.overlap) for other in kept
        ):
            kept.append(segment)
        if len(kept) == bounds.most:
            break
    return kept


def cut_out(image: Image.Image, segment: Segment, cut: Cut = ROOMY) -> Image.Image:
    """RGB picture -> the part of it around a segment, with what lies outside the mask treated as ``cut`` says.

    A mask of another size than the picture's is stretched over it. A box that reaches over the edges is cut there.
    """
    box = padded(segment.box, cut.padding, image.size)
    if cut.outside == "keep":
        return image.crop(box)
    reach = KERNEL // 2
    wide = (
        max(0, box[0] - reach),
        max(0, box[1] - reach),
        min(image.width, box[2] + reach),
        min(image.height, box[3] + reach),
    )
    pixels = np.asarray(image.crop(wide))
    inside = _part(segment, wide, image.size)
    filled = _blurred(pixels) if cut.outside == "blur" else _mean(pixels, ~inside)
    made = Image.fromarray(np.where(inside[:, :, None], pixels, filled))
    return made.crop((box[0] - wide[0], box[1] - wide[1], box[2] - wide[0], box[3] - wide[1]))


def padded(box: Box, padding: float | None, size: tuple[int, int]) -> Box:
    """The box with room around it in a picture of ``size`` (width, height), at least one pixel; None: all of it."""
    if padding is None:
        return 0, 0, size[0], size[1]
    across, down = round(padding * (box[2] - box[0])), round(padding * (box[3] - box[1]))
    x0, y0 = (min(max(0, low), size[axis] - 1) for axis, low in enumerate((box[0] - across, box[1] - down)))
    x1, y1 = min(box[2] + across, size[0]), min(box[3] + down, size[1])
    return x0, y0, max(x0 + 1, x1), max(y0 + 1, y1)


def _checked(bounds: Bounds) -> Bounds:
    if not 1 <= bounds.most <= MOST:
        raise BadInput(f"{bounds.most:,} segments of one picture can't be asked for.", f"Ask for 1 to {MOST:,}.")
    if not (0 <= bounds.smallest < bounds.largest <= 1 and 0 < bounds.overlap <= 1):
        raise BadInput(
            "The bounds of segments make no sense.", "Give shares between 0 and 1, the smallest below the largest."
        )
    return bounds


def _same(one: Segment, other: Segment, overlap: float) -> bool:
    """Whether two masks cover the same. Boxes that overlap by less than half of that need not be looked into."""
    if _box_overlap(one.box, other.box) < overlap / 2:
        return False
    first, second = one.mask, other.mask
    smaller, larger = sorted(
        (masks.area(first) * second.height * second.width, masks.area(second) * first.height * first.width)
    )
    if smaller < overlap * larger:
        return False
    a, b = masks.decode(first), masks.decode(masks.resized(second, first.height, first.width))
    return int((a & b).sum()) >= overlap * int((a | b).sum())


def _box_overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    across, down = (max(0, min(one[axis + 2], other[axis + 2]) - max(one[axis], other[axis])) for axis in (0, 1))
    sizes = ((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return across * down / (sum(sizes) - across * down)


def _part(segment: Segment, box: Box, size: tuple[int, int]) -> BoolArray:
    """(box height, box width) bool: the mask, stretched over a picture of ``size``, inside a box of it."""
    pixels = masks.decode(segment.mask)
    rows, columns = (
        _places(box[1], box[3], size[1], segment.mask.height),
        _places(box[0], box[2], size[0], segment.mask.width),
    )
    part: BoolArray = pixels[rows][:, columns]
    return part


def _places(start: int, stop: int, length: int, cells: int) -> npt.NDArray[np.int64]:
    """Which of ``cells`` cells along a side each of its pixels from ``start`` to ``stop`` lies in."""
    places: npt.NDArray[np.int64] = (2 * np.arange(start, stop) + 1) * cells // (2 * length)
    return places


def _blurred(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """(H, W, 3) -> the same blurred; the deviation that belongs to the kernel is OpenCV's choice, 3.5 pixels for 21."""
    import cv2

    blurred: npt.NDArray[np.uint8] = np.asarray(cv2.GaussianBlur(pixels, (KERNEL, KERNEL), 0), np.uint8)
    return blurred


def _mean(pixels: npt.NDArray[np.uint8], outside: BoolArray) -> npt.NDArray[np.uint8]:
    """The mean colour outside the mask, everywhere; any grey where nothing is outside."""
    chosen: Sequence[float] = pixels[outside].mean(axis=0) if outside.any() else (127.0, 127.0, 127.0)
    filled: npt.NDArray[np.uint8] = np.broadcast_to(np.round(chosen).astype(np.uint8), pixels.shape)
    return filled
