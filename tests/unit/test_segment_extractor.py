"""Cutting objects out: what becomes of the rest of the picture, which segments are left out, and what a script gets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from src import masks
from src.errors import BadInput
from src.processing.regions import RegionSegmenter
from src.processing.segment_extractor import (
    BLURRED,
    PLAIN,
    ROOMY,
    Bounds,
    Cut,
    SegmentExtractor,
    cut_out,
    padded,
    within,
)
from src.schema import Box, Segment

DICE = np.random.default_rng(1)
NOISE = Image.fromarray(DICE.integers(0, 256, (90, 120, 3), np.uint8))
BOX: Box = (30, 20, 70, 60)


def segment(box: Box = BOX, size: tuple[int, int] = (120, 90), score: float = 0.5) -> Segment:
    """A segment whose mask fills its box."""
    pixels = np.zeros((size[1], size[0]), bool)
    pixels[box[1] : box[3], box[0] : box[2]] = True
    return Segment(box, masks.encode(pixels), score)


class Given:
    """A segmenter that finds what it was given."""

    segmenter_id = "given"
    side = 100

    def __init__(self, *segments: Segment) -> None:
        self.segments = list(segments)
        self.asked: list[tuple[tuple[int, int], int]] = []

    def segment(self, image: Image.Image, most: int) -> list[Segment]:
        self.asked.append((image.size, most))
        return self.segments[:most]


def blurred_by_hand(pixels: np.ndarray) -> np.ndarray:
    """A 21 x 21 Gaussian of deviation 3.5, the edges mirrored."""
    ramp = np.exp(-(np.arange(-10, 11) ** 2) / (2 * 3.5**2))
    ramp /= ramp.sum()
    wide = np.pad(pixels.astype(np.float64), ((10, 10), (10, 10), (0, 0)), mode="reflect")
    rows = sum(weight * wide[at : at + pixels.shape[0]] for at, weight in enumerate(ramp))
    return sum(weight * rows[:, at : at + pixels.shape[1]] for at, weight in enumerate(ramp))


def test_outside_the_mask_is_blurred_by_21_pixels_and_inside_nothing_changes() -> None:
    made, pixels = np.asarray(cut_out(NOISE, segment(), BLURRED)), np.asarray(NOISE)
    inside = masks.decode(segment().mask)
    assert made.shape == pixels.shape
    assert np.array_equal(made[inside], pixels[inside])
    difference = np.abs(made[~inside] - blurred_by_hand(pixels)[~inside])
    assert difference.max() < 2.5 and difference.mean() < 0.75, "OpenCV blurs in whole numbers"


def test_a_cut_is_the_whole_picture_s_cut() -> None:
    whole = cut_out(NOISE, segment(), BLURRED)
    for padding in (0.0, 0.25, 0.7, 5.0):
        box = padded(BOX, padding, NOISE.size)
        part = np.asarray(cut_out(NOISE, segment(), Cut("blur", padding)), int)
        assert np.abs(part - np.asarray(whole.crop(box), int)).max() <= 1


def test_plain_and_padded_cuts_change_no_pixel() -> None:
    assert np.array_equal(cut_out(NOISE, segment(), PLAIN), NOISE.crop(BOX))
    assert np.array_equal(cut_out(NOISE, segment(), Cut("keep", 0.5)), NOISE.crop((10, 0, 90, 80)))
    assert np.array_equal(cut_out(NOISE, segment(), Cut("keep", None)), NOISE)
    assert np.array_equal(cut_out(NOISE, segment()), cut_out(NOISE, segment(), ROOMY))


def test_mean_replaces_what_is_outside() -> None:
    picture = Image.new("RGB", (120, 90), (10, 20, 30))
    ImageDraw.Draw(picture).rectangle((30, 20, 69, 59), fill="white")
    made = np.asarray(cut_out(picture, segment(), Cut("mean", 0.5)))
    assert made.shape == (80, 80, 3)
    inside = (made == 255).all(axis=2)
    assert inside.sum() == 40 * 40 and (made[~inside] == (10, 20, 30)).all()


def test_a_mask_smaller_than_the_picture_covers_all_of_it() -> None:
    small = replace(segment(), mask=masks.encode(np.kron([[0, 1], [0, 0]], np.ones((3, 4))).astype(bool)))
    made = np.asarray(cut_out(NOISE, small, Cut("mean", None)))
    assert np.array_equal(made[:45, 60:], np.asarray(NOISE)[:45, 60:])
    assert len(np.unique(made[45:].reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize("cut", [BLURRED, PLAIN, Cut("mean", 0.0), Cut("blur", 0.3)])
def test_a_mask_of_the_whole_picture_leaves_it_as_it_is(cut: Cut) -> None:
    assert np.array_equal(cut_out(NOISE, segment((0, 0, 120, 90)), cut), NOISE)


@pytest.mark.parametrize("cut", [BLURRED, PLAIN, Cut("mean", 2.0)])
def test_a_picture_of_one_pixel(cut: Cut) -> None:
    pixel = Image.new("RGB", (1, 1), "red")
    assert cut_out(pixel, segment((0, 0, 1, 1), (1, 1)), cut).getpixel((0, 0)) == (255, 0, 0)
    assert SegmentExtractor(RegionSegmenter(), cut).extract(pixel) == []


@pytest.mark.parametrize("box", [(-20, -20, 500, 500), (115, 85, 130, 99), (119, 89, 120, 90), (0, 0, 1, 1)])
def test_padding_stays_in_the_picture_and_is_never_empty(box: Box) -> None:
    for padding in (None, 0.0, 0.1, 10.0):
        x0, y0, x1, y1 = padded(box, padding, (120, 90))
        assert 0 <= x0 < x1 <= 120 and 0 <= y0 < y1 <= 90
        assert cut_out(NOISE, segment((0, 0, 5, 5)), Cut("blur", padding)).size > (0, 0)


def test_too_small_too_large_and_twice_the_same_are_left_out() -> None:
    whole, tiny, thing = segment((0, 0, 120, 90), score=0.9), segment((5, 5, 7, 7), score=0.8), segment(score=0.6)
    again, half = segment((31, 20, 70, 60), score=0.7), segment((30, 20, 50, 60), score=0.4)
    assert within([whole, tiny, thing, again, half], Bounds()) == [again, half]
    assert within([thing, again, half], Bounds(most=1)) == [again]
    assert within([thing, again], Bounds(overlap=1.0)) == [again, thing]
    empty = replace(thing, mask=masks.encode(np.zeros((90, 120), bool)))
    assert within([empty], Bounds()) == []


def test_what_the_bounds_leave_out_makes_room_for_others() -> None:
    things = [
        segment((0, 0, 120, 90), score=0.9),
        segment((5, 5, 7, 7), score=0.8),
        segment(score=0.7),
        segment((80, 60, 110, 85), score=0.6),
    ]
    found = SegmentExtractor(Given(*things), bounds=Bounds(most=2)).extract(NOISE)
    assert [extract.segment for extract in found] == things[2:]


def test_masks_of_two_sizes_are_compared_as_they_lie_on_the_picture() -> None:
    large = segment(score=0.9)
    small = replace(large, mask=masks.resized(large.mask, 45, 60), score=0.8)
    assert within([large, small], Bounds()) == [large]


def test_a_script_gets_each_segment_with_its_picture() -> None:
    picture = Image.new("RGBA", (400, 300), (120, 130, 140, 255))
    ImageDraw.Draw(picture).ellipse((100, 80, 179, 159), fill="red")
    found = SegmentExtractor(RegionSegmenter(), PLAIN).extract(picture)
    x0, y0, x1, y1 = found[0].segment.box
    assert abs(x0 - 100) < 4 and abs(y0 - 80) < 4 and abs(x1 - 180) < 4 and abs(y1 - 160) < 4
    assert found[0].picture.size == (x1 - x0, y1 - y0) and found[0].picture.mode == "RGB"
    blurred = SegmentExtractor(RegionSegmenter(), BLURRED).extract(picture)
    assert [extract.segment for extract in blurred] == [extract.segment for extract in found]
    assert {extract.picture.size for extract in blurred} == {(400, 300)}


def test_the_picture_is_made_upright_once() -> None:
    turned = NOISE.transpose(Image.Transpose.ROTATE_90)
    turned.getexif()[0x0112] = 6
    segmenter = Given(segment())
    (found,) = SegmentExtractor(segmenter, PLAIN).extract(turned)
    assert segmenter.asked == [((120, 90), 36)]
    assert np.array_equal(found.picture, NOISE.crop(BOX))


@pytest.mark.parametrize(
    "bounds",
    [Bounds(most=10_000), Bounds(most=0), Bounds(smallest=0.5, largest=0.4), Bounds(largest=1.5), Bounds(overlap=0.0)],
)
def test_bounds_that_make_no_sense_are_refused(bounds: Bounds) -> None:
    with pytest.raises(BadInput):
        SegmentExtractor(Given(), bounds=bounds)


@pytest.mark.parametrize("padding", [-0.1, 11.0, float("nan")])
def test_a_padding_that_makes_no_sense_is_refused(padding: float) -> None:
    with pytest.raises(BadInput, match="padding"):
        SegmentExtractor(Given(), Cut("keep", padding))


def test_the_recipe_names_all_that_changes_the_pictures() -> None:
    made = [
        SegmentExtractor(Given()),
        SegmentExtractor(RegionSegmenter()),
        SegmentExtractor(Given(), BLURRED),
        SegmentExtractor(Given(), Cut("keep", 0.25)),
        SegmentExtractor(Given(), bounds=Bounds(most=13)),
        SegmentExtractor(Given(), bounds=Bounds(smallest=0.01)),
    ]
    assert len({extractor.recipe for extractor in made}) == len(made)
    assert (
        SegmentExtractor(Given(), workers=3).recipe == made[0].recipe
        and SegmentExtractor(Given(), workers=3).workers == 3
    )
