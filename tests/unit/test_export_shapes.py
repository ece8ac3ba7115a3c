"""Masks as polygons, against pycocotools."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_masks
from skimage.measure import label

from src import masks
from src.export import shapes
from src.schema import Mask
from tests.unit.test_export_items import ellipse


@st.composite
def any_mask(draw: st.DrawFn) -> Mask:
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    bits = draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    return masks.encode(np.array(bits).reshape(height, width))


def filled(polygons: list[list[float]], height: int, width: int) -> masks.BoolArray:
    """What pycocotools makes of polygons: (H, W) bool."""
    if not polygons:
        return np.zeros((height, width), bool)
    return coco_masks.decode(coco_masks.merge(coco_masks.frPyObjects(polygons, height, width))).astype(bool)


def overlap(one: masks.BoolArray, other: masks.BoolArray) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


@given(any_mask())
def test_polygons_that_follow_every_pixel_are_exact(mask: Mask) -> None:
    """COCO's rasteriser rounds outlines to fifths of a pixel, so whole corners come back as they were."""
    pixels = masks.decode(mask)
    drawn = filled(shapes.polygons(mask, mask.height, mask.width, tolerance=0), mask.height, mask.width)
    assert (drawn == pixels).all()


def enclosed(loop: shapes.IntArray) -> float:
    """The area of a loop that goes clockwise, Y pointing down; negative for one that goes the other way."""
    after = np.roll(loop, -1, axis=0)
    return float((loop[:, 0] * after[:, 1] - loop[:, 1] * after[:, 0]).sum() / 2)


@given(any_mask())
def test_outlines_enclose_as_much_as_is_set(mask: Mask) -> None:
    pixels = masks.decode(mask)
    parts = shapes.outlines(pixels)
    around, within = [outer for outer, _ in parts], [hole for _, holes in parts for hole in holes]
    assert all(enclosed(loop) > 0 for loop in around) and all(enclosed(loop) < 0 for loop in within)
    assert sum(map(enclosed, around + within)) == pixels.sum()
    for loop in around + within:
        moves = np.roll(loop, -1, axis=0) - loop
        assert ((moves == 0).sum(axis=1) == 1).all(), "each edge goes along one axis"
        assert (moves[:, 0].astype(bool) != np.roll(moves, 1, axis=0)[:, 0].astype(bool)).all(), "corners only"


@given(any_mask())
def test_each_part_has_its_own_holes(mask: Mask) -> None:
    """Parts hang together at corners too, holes along edges alone: both as scikit-image counts them."""
    pixels = masks.decode(mask)
    parts = shapes.outlines(pixels)
    assert len(parts) == label(pixels, connectivity=2).max()
    assert (
        sum(len(holes) for _, holes in parts)
        == label(np.pad(~pixels, 1, constant_values=True), connectivity=1).max() - 1
    )
    for outer, holes in parts:
        low, high = outer.min(axis=0), outer.max(axis=0)
        assert all((hole.min(axis=0) > low).all() and (hole.max(axis=0) < high).all() for hole in holes)


@given(any_mask())
def test_no_part_is_lost_where_outlines_are_made_shorter(mask: Mask) -> None:
    pixels = masks.decode(mask)
    found = shapes.polygons(mask, mask.height, mask.width)
    assert len(found) == label(pixels, connectivity=2).max()
    for polygon in found:
        x, y = np.array(polygon).reshape(-1, 2).T
        assert len(x) > 2 and (x >= 0).all() and (y >= 0).all() and x.max() <= mask.width and y.max() <= mask.height


def test_a_hole_stays_empty_and_a_part_within_it_full() -> None:
    pixels = np.zeros((90, 90), bool)
    pixels[5:85, 5:85] = True
    pixels[15:75, 15:75] = False
    pixels[30:60, 30:60] = True
    pixels[40:50, 40:50] = False
    polygons = shapes.polygons(masks.encode(pixels), 90, 90)
    assert len(polygons) == 2
    assert (filled(polygons, 90, 90) == pixels).all()


def test_polygons_are_short_and_near() -> None:
    mask = ellipse(240, 320)
    exact, short = (shapes.polygons(mask, 240, 320, tolerance) for tolerance in (0, shapes.TOLERANCE))
    assert sum(map(len, short)) < sum(map(len, exact)) / 2
    assert overlap(filled(short, 240, 320), masks.decode(mask)) > 0.98


def test_polygons_of_a_small_mask_count_in_the_pictures_pixels() -> None:
    small = ellipse(120, 160)
    polygons = shapes.polygons(small, 480, 640)
    assert overlap(filled(polygons, 480, 640), masks.decode(masks.resized(small, 480, 640))) > 0.97
    assert all(len(polygon) >= 6 and len(polygon) % 2 == 0 for polygon in polygons)


def test_one_pixel_and_none() -> None:
    one = np.zeros((5, 7), bool)
    one[2, 3] = True
    assert [sorted(polygon) for polygon in shapes.polygons(masks.encode(one), 5, 7)] == [
        sorted([3, 2, 4, 2, 4, 3, 3, 3])
    ]
    assert shapes.polygons(masks.encode(np.zeros((5, 7), bool)), 5, 7) == []
