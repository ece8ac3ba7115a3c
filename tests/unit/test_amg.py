"""Automatic mask generation without a network: where it asks, what it keeps, what it leaves out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from src.errors import BadInput
from src.schema import Box
from src.vendored_sam import mask_maths as maths
from src.vendored_sam.amg import (
    MOBILE,
    QUICK,
    REFERENCE,
    Covered,
    FoundMask,
    MaskSettings,
    PointDecoder,
    Tally,
    generate,
)

SIDE, LOW = 256, 64
WHOLE = (0, 0, SIDE, SIDE)


@dataclass(frozen=True)
class Answer:
    ious: Tensor
    layers: Tensor


class Regions:
    """Answers a point with, in each of three maps, the region that it lies in; -1 is none, of quality 0. Remembers what
    it was asked.

    maps: (3, S, S) int64 of the padded square.
    """

    def __init__(self, maps: Tensor, size: tuple[int, int] = (SIDE, SIDE), sure: float = 10.0) -> None:
        self.maps, self.size, self.sure = maps, size, sure
        self.asked: list[tuple[float, float]] = []
        self.drawn = self.upscaled = 0

    def look(self, points: Tensor) -> Answer:
        self.asked += [(float(x), float(y)) for x, y in points]
        columns, rows = (points * LOW / SIDE).long().T
        found = self.maps[:, rows, columns].T
        quality = 0.99 - 0.001 * found.float() - 0.0001 * torch.arange(3)
        return Answer(torch.where(found < 0, 0.0, quality), found)

    def draw(self, looked: Answer, prompts: Tensor, choices: Tensor) -> Tensor:
        self.drawn += len(prompts)
        wanted = looked.layers[prompts, choices][:, None, None]
        return torch.where((self.maps[choices] == wanted) & (wanted >= 0), self.sure, -self.sure)

    def upscale(self, logits: Tensor) -> Tensor:
        self.upscaled += len(logits)
        large: Tensor = functional.interpolate(logits[None], (SIDE, SIDE), mode="bilinear", align_corners=False)[0]
        return large[:, : self.size[0], : self.size[1]]


def regions(*boxes: Box, layer: int = 0, maps: Tensor | None = None) -> Tensor:
    """Three maps of which one holds these boxes, in low-resolution pixels, numbered on."""
    made = torch.full((3, LOW, LOW), -1, dtype=torch.int64) if maps is None else maps.clone()
    start = int(made.max()) + 1
    for number, (left, top, right, bottom) in enumerate(boxes):
        made[layer, top:bottom, left:right] = start + number
    return made


def run(decoder: PointDecoder[Answer], settings: MaskSettings, tally: Tally | None = None) -> list[FoundMask]:
    return generate(lambda _: decoder, decoder.size, settings, tally)


def boxes_of(found: list[FoundMask]) -> list[Box]:
    return sorted(mask.box for mask in found)


# ------------------------------------------------------------ where to look


@pytest.mark.parametrize("side", [1, 5, 8, 32])
def test_the_grid_has_the_middle_of_every_cell_once(side: int) -> None:
    wanted = {(across, down) for across in range(side) for down in range(side)}
    places = maths.grid(side) * side
    assert {(int(x), int(y)) for x, y in places} == wanted and len(places) == side**2
    assert np.allclose(places % 1, 0.5)


def test_the_grid_goes_from_coarse_to_fine() -> None:
    places = (maths.grid(32) * 32).astype(int)
    for number, step in ((16, 8), (64, 4), (256, 2)):
        assert len(np.unique(places[:number] % step, axis=0)) == 1, "a coarse grid is a regular one"
        assert np.abs(places[:number].mean(axis=0) + 0.5 - 16).max() <= step / 2, "about the middle"


def test_crops_cover_the_picture_and_overlap() -> None:
    crops = maths.crop_boxes((300, 400), 2, 512 / 1500)
    assert [layer for _, layer in crops] == [0] + [1] * 4 + [2] * 16
    assert crops[0][0] == (0, 0, 400, 300)
    assert [box for box, layer in crops if layer == 1] == [
        (0, 0, 251, 201),
        (0, 99, 251, 300),
        (149, 0, 400, 201),
        (149, 99, 400, 300),
    ]
    for wanted in (1, 2):
        seen = np.zeros((300, 400), bool)
        for (left, top, right, bottom), layer in crops:
            if layer == wanted:
                seen[top:bottom, left:right] = True
        assert seen.all()


# ------------------------------------------------------------ boxes, stability, clean-up


def test_the_box_of_a_mask() -> None:
    pixels = np.zeros((7, 9), bool)
    assert maths.box_of(pixels) == (0, 0, 0, 0)
    pixels[2, 3] = pixels[4, 8] = True
    assert maths.box_of(pixels) == (3, 2, 9, 5)


def test_doubles_go_by_overlap_of_their_corners() -> None:
    boxes = np.array([[0, 0, 11, 11], [0, 0, 11, 8], [0, 0, 11, 9], [50, 50, 61, 61]])
    scores = np.array([0.9, 0.8, 0.95, 0.1])
    assert maths.suppress(boxes, scores, 0.7).tolist() == [2, 3], "0.8 and 0.875 of the second"
    assert maths.suppress(boxes, scores, 0.8).tolist() == [2, 0, 3], "0.8 is no more than 0.8"
    assert maths.suppress(np.zeros((0, 4), np.int64), np.zeros(0), 0.7).tolist() == []


def test_of_equal_scores_the_earlier_stays_and_boxes_of_a_pixel_are_no_doubles() -> None:
    same = np.array([[5, 5, 20, 20]] * 3)
    assert maths.suppress(same, np.ones(3), 0.7).tolist() == [0]
    assert maths.suppress(np.array([[5, 5, 6, 6]] * 2), np.ones(2), 0.7).tolist() == [0, 1], (
        "no area to overlap, as published"
    )


@pytest.mark.parametrize("seed", range(5))
def test_suppression_equals_its_definition(seed: int) -> None:
    from benchmarks.sam_work import plain_suppression

    dice = np.random.default_rng(seed)
    starts = dice.integers(0, 40, (60, 2))
    boxes = np.hstack([starts, starts + dice.integers(2, 40, (60, 2))])
    scores = dice.integers(0, 20, 60) / 20
    wanted = plain_suppression((boxes - [0, 0, 1, 1]).astype(float), scores, 0.5)
    assert maths.suppress(boxes, scores, 0.5).tolist() == wanted


def test_boxes_at_the_edge_of_a_crop_are_cut_but_not_at_that_of_the_picture() -> None:
    boxes = np.array([[10, 30, 50, 60], [0, 30, 50, 60], [40, 30, 85, 60], [40, 30, 79, 60], [40, 30, 100, 60]])
    assert maths.cut(boxes, (0, 0, 100, 100), (100, 200)).tolist() == [False, False, True, False, True]
    assert not maths.cut(boxes, (0, 0, 100, 100), (100, 100)).any()


def test_stability_is_the_share_of_the_loose_mask_that_is_in_the_tight_one() -> None:
    logits = np.array([[-2.0, -0.5, 0.5, 2.0], [-2.0, -2.0, 2.0, 2.0]], np.float32)
    assert maths.stability(logits, 1.0) == pytest.approx(3 / 5)
    assert maths.stability(np.full((2, 2), -5, np.float32), 1.0) == 0.0


@pytest.mark.parametrize(
    ("seen", "size"),
    [((256, 256), (256, 256)), ((171, 256), (171, 256)), ((171, 256), (80, 120)), ((171, 256), (342, 512))],
)
def test_no_stable_mask_is_called_hopeless(seen: tuple[int, int], size: tuple[int, int]) -> None:
    dice = torch.Generator().manual_seed(0)
    coarse = torch.randn(200, 1, 12, 12, generator=dice) * torch.logspace(-0.5, 2.5, 200)[:, None, None, None]
    low = functional.interpolate(coarse, (LOW, LOW), mode="bilinear")[:, 0] + 0.3 * torch.randn(
        200, LOW, LOW, generator=dice
    )
    large = functional.interpolate(low[None], (SIDE, SIDE), mode="bilinear")[..., : seen[0], : seen[1]]
    large = functional.interpolate(large, size, mode="bilinear")[0].numpy()
    steady = np.array([maths.stability(each, 1.0) for each in large])
    for least in (0.5, 0.8, 0.95):
        hopeless = maths.LowStability(seen, size, LOW).hopeless(low, least, 1.0).numpy()
        assert not (hopeless & (steady >= least)).any()
        assert hopeless.sum() > 0.5 * (steady < least - 0.2).sum() > 0, "it is of use"


def test_small_holes_are_filled_and_small_islands_go() -> None:
    pixels = np.zeros((20, 20), bool)
    pixels[2:12, 2:12] = True
    pixels[5, 5] = False
    pixels[16, 16] = pixels[17, 17] = True
    tidy, changed = maths.cleaned(pixels, 3)
    assert changed and tidy[5, 5] and not tidy[16:18, 16:18].any() and tidy.sum() == 100
    same, changed = maths.cleaned(tidy, 3)
    assert not changed and (same == tidy).all()
    assert maths.cleaned(pixels, 2)[0][16, 16], "two pixels that touch at a corner are one island"


def test_of_small_islands_only_the_largest_stays() -> None:
    pixels = np.zeros((20, 20), bool)
    pixels[3, 3] = pixels[10, 10:13] = True
    tidy, _ = maths.cleaned(pixels, 50)
    assert maths.box_of(tidy) == (10, 10, 13, 11)


# ------------------------------------------------------------ the filters


def test_masks_are_found_where_the_regions_are() -> None:
    decoder = Regions(regions((4, 4, 20, 30), (30, 40, 62, 60)))
    found = run(decoder, MaskSettings(side=8))
    assert [mask.box for mask in found] == [(16, 16, 80, 120), (120, 160, 248, 240)], "the better first"
    wanted = np.zeros((SIDE, SIDE), bool)
    wanted[16:120, 16:80] = True
    assert (found[0].pixels != wanted).mean() < 0.001, "but for rounded corners"
    assert found[0].crop == WHOLE and found[0].stability > 0.95
    x, y = found[0].point
    assert 16 < x < 80 and 16 < y < 120


def test_quality_is_read_before_drawing_and_stability_before_upscaling() -> None:
    maps = regions((0, 0, 32, 64))
    decoder, tally = Regions(maps), Tally()
    run(decoder, MaskSettings(side=4), tally)
    assert (decoder.drawn, decoder.upscaled) == (8, 8), "one of three masks of half of the points"
    assert tally == Tally(prompts=16, points=16, drawn=8, upscaled=8)
    faint = Regions(maps, sure=0.5)
    assert run(faint, MaskSettings(side=4)) == [] and (faint.drawn, faint.upscaled) == (8, 0)


def test_thresholds_keep_what_is_above_them() -> None:
    decoder = Regions(regions((0, 0, 32, 64), (32, 0, 64, 64)))
    assert len(run(decoder, MaskSettings(side=4, min_iou=0.9895))) == 1
    assert len(run(decoder, MaskSettings(side=4, min_iou=0.985))) == 2
    assert run(decoder, MaskSettings(side=4, min_iou=1.0)) == []
    assert len(run(Regions(regions()), MaskSettings(side=4, min_iou=0.0, min_stability=0.0))) == 0, (
        "an empty mask is none"
    )


def test_a_picture_of_another_size_than_the_decoders() -> None:
    decoder = Regions(regions((4, 4, 20, 30)), size=(200, 256))
    found = generate(lambda _: decoder, (400, 512), MaskSettings(side=8))
    assert [mask.box for mask in found] == [(32, 32, 160, 240)]
    assert found[0].pixels.shape == (400, 512)
    assert all(0 <= x < 256 and 0 <= y < 200 for x, y in decoder.asked)


def test_a_picture_of_one_pixel_and_a_mask_of_everything() -> None:
    everything = regions((0, 0, LOW, LOW))
    pixel = generate(lambda _: Regions(everything), (1, 1), REFERENCE)
    assert {mask.box for mask in pixel} == {(0, 0, 1, 1)} and pixel[0].pixels.all()
    for preset in (REFERENCE, QUICK, MOBILE):
        found = run(Regions(everything), preset)
        assert [mask.box for mask in found] == [WHOLE] and found[0].pixels.all()


def test_small_regions_are_tidied_and_doubles_that_come_of_it_go() -> None:
    maps = regions((4, 4, 20, 30), (50, 50, 52, 52))
    maps[0, 50:52, 50:52] = maps[0, 5, 5]
    found = run(Regions(maps), MaskSettings(side=16, min_region=200))
    assert [mask.box for mask in found] == [(16, 16, 80, 120)]
    assert [mask.box for mask in run(Regions(maps), MaskSettings(side=16))] == [(16, 16, 208, 208)]


# ------------------------------------------------------------ crops


def crop_decoder(thing: Box) -> Callable[[Box], Regions]:
    """Looks at parts of a picture of 256 x 256 in which there is one thing."""

    def look_at(crop: Box) -> Regions:
        scale = LOW / (crop[2] - crop[0])
        left, top, right, bottom = (round((edge - crop[number % 2]) * scale) for number, edge in enumerate(thing))
        inside = (max(left, 0), max(top, 0), max(min(right, LOW), 0), max(min(bottom, LOW), 0))
        return Regions(regions(inside))

    return look_at


def test_masks_of_smaller_crops_take_the_place_of_larger_ones() -> None:
    settings = MaskSettings(side=16, crop_layers=1)
    found = generate(crop_decoder((30, 40, 70, 90)), (SIDE, SIDE), settings)
    assert len(found) == 1 and found[0].crop[2:] == (172, 172)
    assert np.abs(np.array(found[0].box) - (30, 40, 70, 90)).max() <= 2


def test_masks_that_a_crop_cuts_are_left_to_larger_crops() -> None:
    settings = MaskSettings(side=16, crop_layers=1)
    found = generate(crop_decoder((60, 60, 200, 200)), (SIDE, SIDE), settings)
    assert [mask.box for mask in found] == [(60, 60, 200, 200)] and found[0].crop == WHOLE


def test_crops_have_fewer_points_where_asked() -> None:
    tally = Tally()
    generate(crop_decoder((30, 40, 70, 90)), (SIDE, SIDE), MaskSettings(side=16, crop_layers=1, crop_divisor=4), tally)
    assert tally.points == 16**2 + 4 * 4**2


# ------------------------------------------------------------ skipping


def nested() -> Tensor:
    """The right half, three things in it, and a part in one of them."""
    maps = regions((32, 0, 64, 64))
    maps = regions((32, 0, 64, 64), (36, 4, 60, 30), (36, 34, 46, 60), (50, 34, 60, 60), layer=1, maps=maps)
    return regions(
        (32, 0, 64, 64), (36, 4, 60, 30), (36, 34, 46, 60), (50, 34, 60, 60), (40, 8, 46, 14), layer=2, maps=maps
    )


def test_skipping_finds_the_same_with_far_fewer_prompts() -> None:
    full, saving = Tally(), Tally()
    wanted = run(Regions(nested()), REFERENCE, full)
    found = run(Regions(nested()), QUICK, saving)
    assert len(wanted) == 5 and boxes_of(found) == boxes_of(wanted)
    assert full.prompts == saving.points == 1024
    assert saving.prompts < 600, "the left half, where nothing is, is asked about point by point"


def test_an_answer_of_which_less_was_accepted_is_trusted_less_far() -> None:
    points = maths.grid(8)
    middle = np.flatnonzero((points == 3.5 / 8).all(axis=1))
    reached = []
    for accepted in range(4):
        covered = Covered(points)
        covered.learn(middle, np.array([accepted]), np.ones((1, 64), bool))
        reached.append(int(covered.known.sum()))
    assert reached == [1, 9, 29, 64], "itself; one step, corners too; three steps; all"
    covered.learn(middle, np.array([3]), np.zeros((1, 64), bool))
    assert covered.known.all(), "what is known stays known"


def test_points_that_are_only_just_inside_are_asked_about() -> None:
    maps = regions((0, 0, LOW, LOW))
    maps[:] = 0
    assert len(run(Regions(maps, sure=1.01), MaskSettings(skip=True, min_stability=0.0))) == 1
    sure, faint = Tally(), Tally()
    run(Regions(maps, sure=1.01), MaskSettings(side=8, skip=True, min_stability=0.0), sure)
    run(Regions(maps, sure=0.99), MaskSettings(side=8, skip=True, min_stability=0.0), faint)
    assert (sure.prompts, faint.prompts) == (16, 64)


def test_no_more_prompts_than_allowed_and_the_coarse_ones_first() -> None:
    decoder, tally = Regions(regions()), Tally()
    assert run(decoder, MOBILE, tally) == [] and tally.prompts == 64
    places = np.array(decoder.asked) / SIDE * 32
    assert len(np.unique(np.floor(places) % 4, axis=0)) == 1, "the grid of 8 x 8"


def test_nothing_is_asked_after_a_cancel() -> None:
    decoder = Regions(nested())
    answers = iter([False, False, True])
    generate(lambda _: decoder, decoder.size, MaskSettings(side=8, batch=16), cancelled=lambda: next(answers, True))
    assert len(decoder.asked) == 16, "the first question is before the picture is encoded"


@pytest.mark.parametrize(
    "wrong",
    [{"side": 0}, {"batch": 0}, {"most_prompts": 0}, {"crop_layers": -1}, {"crop_overlap": 1.0}, {"min_region": -1}],
)
def test_numbers_without_sense_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(BadInput):
        MaskSettings(**wrong)  # type: ignore[arg-type]
