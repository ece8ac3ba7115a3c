"""The built-in segmenter: it finds what stands out, its boxes and masks agree, and odd pictures do no harm."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from src import masks
from src.processing.regions import SIDE, RegionSegmenter
from src.schema import Box, Segment, Segmenter

PROJECT = Path(__file__).resolve().parent.parent.parent


def scene(size: tuple[int, int] = (640, 480), seed: int = 0) -> Image.Image:
    """A noisy wall above a noisy floor."""
    noise = np.random.default_rng(seed).normal(0, 6, (size[1], size[0], 3))
    base = np.where(np.arange(size[1])[:, None, None] < size[1] * 0.6, (150, 160, 175), (90, 75, 60))
    return Image.fromarray(np.clip(base + noise, 0, 255).astype(np.uint8))


def with_things(boxes: dict[str, Box]) -> Image.Image:
    picture = scene()
    for colour, box in boxes.items():
        ImageDraw.Draw(picture).ellipse((box[0], box[1], box[2] - 1, box[3] - 1), fill=colour)
    return picture


def overlap(one: Box, other: Box) -> float:
    width, height = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, width) * max(0, height)
    return shared / ((one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared)


def is_a_segmenter(segmenter: Segmenter) -> Segmenter:
    return segmenter


THINGS = {"red": (60, 80, 180, 200), "gold": (380, 90, 430, 140), "navy": (250, 330, 470, 450)}


def test_things_that_stand_out_are_found_whatever_their_size() -> None:
    found = is_a_segmenter(RegionSegmenter()).segment(with_things(THINGS), 12)
    for colour, box in THINGS.items():
        best = max(found, key=lambda segment: overlap(segment.box, box))
        assert overlap(best.box, box) > 0.85, colour
        share = masks.area(best.mask) / (best.mask.height * best.mask.width)
        expected = np.pi / 4 * (box[2] - box[0]) * (box[3] - box[1]) / (640 * 480)
        assert share == pytest.approx(expected, rel=0.15), "the ellipse, not its box"


def test_segments_are_in_order_apart_and_inside() -> None:
    picture = with_things(THINGS)
    found = RegionSegmenter().segment(picture, 40)
    assert found == RegionSegmenter().segment(picture, 40), "the same each time"
    assert found[:5] == RegionSegmenter().segment(picture, 5)
    scores = [segment.score for segment in found]
    assert scores == sorted(scores, reverse=True) and 0 <= scores[-1] <= scores[0] <= 1
    for at, segment in enumerate(found):
        check_fits(segment, picture.size)
        assert all(overlap(segment.box, other.box) < 0.5 for other in found[:at])


def check_fits(segment: Segment, size: tuple[int, int]) -> None:
    """The box lies in the picture, and around the mask."""
    x0, y0, x1, y1 = segment.box
    assert 0 <= x0 < x1 <= size[0] and 0 <= y0 < y1 <= size[1]
    assert max(segment.mask.height, segment.mask.width) <= SIDE
    inside = masks.bounds(masks.decode(segment.mask))
    assert inside is not None
    across, down = size[0] / segment.mask.width, size[1] / segment.mask.height
    for side, at, scale in zip(segment.box, inside, (across, down, across, down), strict=True):
        assert abs(side - at * scale) <= 1


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 4000), (4000, 2), (3, 3), (17, 900), (320, 320)])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
def test_odd_sizes_and_modes(size: tuple[int, int], mode: str) -> None:
    picture = scene(size).convert(mode)
    for segment in RegionSegmenter().segment(picture, 10_000):
        check_fits(segment, size)


def test_a_plain_picture_has_nothing_in_it() -> None:
    assert RegionSegmenter().segment(Image.new("RGB", (400, 300), "teal"), 12) == []


def test_noise_does_not_take_forever_and_ten_thousand_are_not_given() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (900, 1200, 3), np.uint8))
    found = RegionSegmenter().segment(noise, 10_000)
    assert len(found) < 2_000
    assert RegionSegmenter().segment(noise, 0) == []


def test_boxes_are_in_upright_pixels() -> None:
    picture = with_things({"red": (60, 80, 180, 200)})
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    turned.getexif()[0x0112] = 6
    upright = RegionSegmenter().segment(picture, 5)
    assert [segment.box for segment in RegionSegmenter().segment(turned, 5)] == [segment.box for segment in upright]


def test_several_threads_get_what_one_gets() -> None:
    pictures = [with_things({"red": (60 + 20 * at, 80, 180 + 20 * at, 200)}) for at in range(6)]
    segmenter = RegionSegmenter()
    alone = [segmenter.segment(picture, 12) for picture in pictures]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda picture: segmenter.segment(picture, 12), pictures)) == alone


def test_importing_it_loads_no_picture_libraries() -> None:
    heavy = ("cv2", "skimage", "scipy")
    code = (
        "import sys, src.processing.regions, src.processing.segment_extractor; "
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout.strip() == "[]"
