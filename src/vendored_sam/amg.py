"""Automatic mask generation: which points to ask a network about, and which of its masks to keep. Knows no network.

    # look_at(box) -> a PointDecoder that has encoded this part of the picture
    found = generate(look_at, (height, width), QUICK)

The filters and their order are the reference's (Kirillov et al. 2023, "Segment Anything", section 5 and appendix B),
and with REFERENCE the masks are too. What is cheaper here: the predicted quality is read before any mask is drawn; what
is drawn stays at low resolution until it is known that it may be stable; and QUICK asks from coarse to fine and leaves
out points whose answer is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from src.errors import BadInput
from src.schema import Box, FloatArray

from .mask_maths import BoolArray, IntArray, LowStability, box_of, cleaned, crop_boxes, cut, grid, stability, suppress

REACH = (0.0, 1.5, 3.0, np.inf)
"""How far, in steps of the grid, an answer holds of whose three masks none, one, two or all were accepted. Chosen on
human segmentations in a network's place (benchmarks/sam.py, the harder one): without a limit, more is missed where
masks are good at some points only."""
_AT_ONCE = 4
"""Masks upscaled at a time: few enough to stay in the processor's cache."""


@dataclass(frozen=True)
class MaskSettings:
    """How thoroughly to look, and what to keep. Raises BadInput for numbers that make no sense."""

    side: int = 32
    """Points a side of the grid."""
    batch: int = 16
    """Points asked about at once. What is skipped is decided between batches, so small ones save more."""
    skip: bool = False
    """Leave out points that accepted masks answer for, see ``Covered``."""
    most_prompts: int | None = None
    """Points asked about at most in each crop, the coarse ones first."""
    min_iou: float = 0.88
    """The network's own guess of a mask's quality must be greater; 0.0 and less: any will do."""
    min_stability: float = 0.95
    """Intersection over union that a mask must reach at thresholds ``stability_offset`` above and below 0."""
    stability_offset: float = 1.0
    box_nms: float = 0.7
    """Of two masks of a crop whose boxes overlap by more (intersection over union), the lower in quality goes."""
    crop_layers: int = 0
    """Also look at 2 x 2 crops, 4 x 4 crops, ...: so many times."""
    crop_overlap: float = 512 / 1500
    """Of neighbouring crops, as a share of the picture's short side."""
    crop_nms: float = 0.7
    """As ``box_nms``, across crops: masks of smaller crops stay."""
    crop_divisor: int = 1
    """In each layer the grid has so many times fewer points a side than in the one before."""
    min_region: int = 0
    """Holes and islands of fewer pixels are removed; 0: none."""

    def __post_init__(self) -> None:
        if min(self.side, self.batch, self.crop_divisor, 1 if self.most_prompts is None else self.most_prompts) < 1:
            raise BadInput("Points a side, points at once and prompts must each be at least 1.")
        if min(self.crop_layers, self.min_region) < 0 or not 0 <= self.crop_overlap < 1:
            raise BadInput(
                "Crop layers and the smallest region can't be negative, and crops overlap by less than the whole."
            )


REFERENCE = MaskSettings()
"""The published defaults: every point of a 32 x 32 grid."""
QUICK = MaskSettings(skip=True)
"""The same grid, coarse to fine, without points whose answer is known."""
MOBILE = MaskSettings(skip=True, most_prompts=64)
"""At most 64 points, put where coarser ones left something open."""
PRESETS = {"reference": REFERENCE, "quick": QUICK, "mobile": MOBILE}


class Looked(Protocol):
    """What a network says of a batch of points before it draws anything."""

    @property
    def ious(self) -> Tensor:
        """(n, 3) float: the predicted quality of the three masks of each point."""
        ...


Answer = TypeVar("Answer", bound=Looked)


class PointDecoder(Protocol[Answer]):
    """A network that has encoded a picture, or a crop of one, and can be asked about points of it."""

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) in which it sees the picture; the long side is that of the square which it pads it to."""
        ...

    def look(self, points: Tensor) -> Answer:
        """(n, 2) float32 XY, pixels of ``size`` -> the predicted quality, and what ``draw`` needs."""
        ...

    def draw(self, looked: Answer, prompts: Tensor, choices: Tensor) -> Tensor:
        """(m,) int64 points of the batch and of their three masks -> (m, S, S) float logits of the padded square."""
        ...

    def upscale(self, logits: Tensor) -> Tensor:
        """(m, S, S) -> (m, H, W) float32 logits without the padding, bilinear."""
        ...


@dataclass(frozen=True)
class FoundMask:
    """A mask that was kept, with what the network said of it."""

    box: Box
    predicted_iou: float
    stability: float
    point: tuple[float, float]
    """XY of the point that gave it, in pixels of the picture."""
    crop: Box
    """The part of the picture that was looked at."""
    size: tuple[int, int]
    """(H, W) of the picture."""
    bits: npt.NDArray[np.uint8] = field(repr=False)
    """The mask within its box, row by row, eight pixels a byte."""

    @property
    def pixels(self) -> BoolArray:
        """The mask as (H, W) bool."""
        left, top, right, bottom = self.box
        whole = np.zeros(self.size, bool)
        inner = np.unpackbits(self.bits, count=(bottom - top) * (right - left))
        whole[top:bottom, left:right] = inner.reshape(bottom - top, right - left)
        return whole


@dataclass
class Tally:
    """What a run cost: points asked about, points in the grids, masks drawn, masks upscaled."""

    prompts: int = 0
    points: int = 0
    drawn: int = 0
    upscaled: int = 0


def generate(
    look_at: Callable[[Box], PointDecoder[Answer]],
    size: tuple[int, int],
    settings: MaskSettings = REFERENCE,
    tally: Tally | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[FoundMask]:
    """The masks of a picture, the best first (with crops: those of smaller crops first).

    look_at: encodes a part of the picture, XYXY in its pixels; called once for each crop. size: (H, W) of the picture,
    also of the masks; where it is not the decoder's own, logits are resized to it. cancelled: asked before each batch;
    what was found until then is returned.
    """
    found: list[FoundMask] = []
    tally = Tally() if tally is None else tally
    crops = crop_boxes(size, settings.crop_layers, settings.crop_overlap)
    with torch.inference_mode():
        for crop, layer in crops:
            if not cancelled():
                side = max(1, settings.side // settings.crop_divisor**layer)
                found += _Crop(look_at(crop), crop, size, grid(side), settings, tally).masks(cancelled)
    if len(crops) > 1:
        found = _without_doubles(found, [-_area(mask.crop) for mask in found], settings.crop_nms)
    if settings.min_region:
        found = _tidied(found, settings)
    return found


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _without_doubles(found: list[FoundMask], scores: list[float] | list[int], limit: float) -> list[FoundMask]:
    boxes = np.array([mask.box for mask in found], np.int64).reshape(-1, 4)
    return [found[place] for place in suppress(boxes, np.array(scores, np.float64), limit)]


def _tidied(found: list[FoundMask], settings: MaskSettings) -> list[FoundMask]:
    """Small holes and islands removed, then doubles again; masks that needed no change are preferred."""
    tidy, scores = [], []
    for mask in found:
        pixels, changed = cleaned(mask.pixels, settings.min_region)
        box = box_of(pixels)
        tidy.append(replace(mask, box=box, bits=_bits(pixels, box)) if changed else mask)
        scores.append(float(not changed))
    return _without_doubles(tidy, scores, max(settings.box_nms, settings.crop_nms))


def _bits(pixels: BoolArray, box: Box) -> npt.NDArray[np.uint8]:
    return np.packbits(pixels[box[1] : box[3], box[0] : box[2]])


# ------------------------------------------------------------ points


class Covered:
    """Which points of a grid need not be asked about, because the answer of an earlier one holds for them too.

    The three masks of a point are a thing, its part, a part of that. Where another point lies within all three (those
    that were not accepted too) it would be answered with the same ones, while parts of a large mask that the first
    point was not on are still looked for. An answer of which less was accepted is trusted less far, see ``REACH``. A
    point must lie clearly within: there the logits exceed the stability offset.
    """

    def __init__(self, points: FloatArray) -> None:
        """points: (n, 2) XY of the grid as shares of the crop."""
        self.known = np.zeros(len(points), bool)
        self._points = points * np.float32(np.sqrt(len(points)))

    def learn(self, asked: IntArray, accepted: IntArray, inside: BoolArray) -> None:
        """(m,) points of the grid, how many of their masks were accepted, and (m, n) which points lie in all three."""
        for point, number, within in zip(asked, accepted, inside, strict=True):
            near = np.linalg.norm(self._points - self._points[point], axis=1) <= REACH[number]
            self.known |= within & near


# ------------------------------------------------------------ one crop


class _Crop(Generic[Answer]):
    """Masks of one crop: asked for, filtered, freed of doubles."""

    def __init__(
        self,
        decoder: PointDecoder[Answer],
        crop: Box,
        size: tuple[int, int],
        points: FloatArray,
        settings: MaskSettings,
        tally: Tally,
    ) -> None:
        """points: (n, 2) XY as shares of the crop, coarse to fine."""
        self._decoder, self._crop, self._size, self._points = decoder, crop, size, points
        self._settings, self._tally = settings, tally
        self._shape = (crop[3] - crop[1], crop[2] - crop[0])
        self._covered = Covered(points)

    def masks(self, cancelled: Callable[[], bool]) -> list[FoundMask]:
        """Best predicted quality first."""
        found: list[FoundMask] = []
        self._tally.points += len(self._points)
        for batch in self._batches():
            if cancelled():
                break
            found += self._asked(batch)
        whole = [mask for mask in found if not cut(np.array([mask.box]), self._crop, self._size).any()]
        return _without_doubles(whole, [mask.predicted_iou for mask in whole], self._settings.box_nms)

    def _batches(self) -> Iterator[IntArray]:
        """Points to ask about next, until none is left or enough were asked about."""
        waiting = np.ones(len(self._points), bool)
        left = self._settings.most_prompts or len(waiting)
        while left:
            batch = np.flatnonzero(waiting & ~self._covered.known)[: min(self._settings.batch, left)]
            if not len(batch):
                return
            waiting[batch] = False
            left -= len(batch)
            self._tally.prompts += len(batch)
            yield batch

    def _asked(self, batch: IntArray) -> list[FoundMask]:
        """What a batch of points gives.

        Draws all three masks of a point where they tell which others to skip, else the good ones.
        """
        settings, points = self._settings, self._points[batch]
        looked = self._decoder.look(torch.from_numpy(points * np.array(self._decoder.size[::-1], np.float32)))
        ious = looked.ious.float().cpu()
        good = ious > (settings.min_iou if settings.min_iou > 0 else -torch.inf)
        prompts, choices = torch.nonzero(
            good.any(1, keepdim=True).expand(-1, 3) if settings.skip else good, as_tuple=True
        )
        if not len(prompts):
            return []
        self._tally.drawn += len(prompts)
        low = self._decoder.draw(looked, prompts, choices).float()
        found = self._filtered(low, good[prompts, choices])
        if settings.skip:
            told = prompts[::3].numpy()
            accepted = np.bincount(prompts[list(found)].numpy(), minlength=len(batch))
            self._covered.learn(batch[told], accepted[told], self._inside(low))
        return [
            self._mask(pixels, float(ious[prompts[row], choices[row]]), steady, points[prompts[row]])
            for row, (pixels, steady) in found.items()
        ]

    def _filtered(self, low: Tensor, good: Tensor) -> dict[int, tuple[BoolArray, float]]:
        """(m, S, S) logits, (m,) whether quality will do -> of the stable ones, by row: (H, W) bool and stability."""
        least, offset = self._settings.min_stability, self._settings.stability_offset
        rows = torch.nonzero(good)[:, 0]
        bounds = LowStability(self._decoder.size, self._shape, low.shape[-1])
        rows = rows[~bounds.hopeless(low[rows], least, offset)]
        self._tally.upscaled += len(rows)
        found = {}
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            for row, logits in zip(some.tolist(), self._large(low[some]), strict=True):
                steady, pixels = stability(logits, offset), logits > 0
                if steady >= least and pixels.any():
                    found[row] = (pixels, steady)
        return found

    def _inside(self, low: Tensor) -> BoolArray:
        """(3 m, S, S) logits -> (m, n) bool: which points of the grid lie clearly within all three masks of each."""
        shares = self._points * np.array(self._decoder.size[::-1]) / max(self._decoder.size)
        columns, rows = torch.from_numpy((shares * low.shape[-1]).astype(np.int64)).T
        within: BoolArray = (low[:, rows, columns] > self._settings.stability_offset).cpu().numpy()
        everywhere: BoolArray = np.asarray(within.reshape(-1, 3, len(self._points)).all(axis=1), np.bool_)
        return everywhere

    def _large(self, low: Tensor) -> FloatArray:
        """(m, S, S) -> (m, H, W) float32 at the crop's own size."""
        large = self._decoder.upscale(low)
        if large.shape[1:] != self._shape:
            large = functional.interpolate(large[None], self._shape, mode="bilinear", align_corners=False)[0]
        logits: FloatArray = large.cpu().numpy()
        return logits

    def _mask(self, pixels: BoolArray, iou: float, steady: float, point: FloatArray) -> FoundMask:
        left, top = self._crop[:2]
        box = box_of(pixels)
        place = (float(point[0]) * self._shape[1] + left, float(point[1]) * self._shape[0] + top)
        moved = (box[0] + left, box[1] + top, box[2] + left, box[3] + top)
        return FoundMask(moved, iou, steady, place, self._crop, self._size, _bits(pixels, box))
