"""Masks and their runs: the same back, the same text as pycocotools writes, and nonsense refused."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as oracle

from src import masks
from src.errors import BadInput
from src.masks import BoolArray
from src.schema import Mask

SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, max_side=40)
PIXELS = arrays.arrays(bool, SHAPES)
DICE = np.random.default_rng(3)


def blobs(height: int, width: int, share: float) -> BoolArray:
    """Random patches of 7 pixels, so that runs are long and short."""
    coarse = DICE.random((height // 7 + 1, width // 7 + 1)) < share
    return np.kron(coarse, np.ones((7, 7), bool))[:height, :width].astype(bool)


@given(PIXELS)
def test_a_mask_comes_back(pixels: BoolArray) -> None:
    mask = masks.encode(pixels)
    assert np.array_equal(masks.decode(mask), pixels)
    assert masks.area(mask) == pixels.sum()
    assert all(run > 0 for run in mask.counts[1:]), "only the first run may be empty"


@given(PIXELS)
def test_its_text_is_what_pycocotools_writes(pixels: BoolArray) -> None:
    mask = masks.encode(pixels)
    theirs = oracle.encode(np.asfortranarray(pixels, np.uint8))
    assert masks.compressed(mask) == theirs["counts"].decode()
    assert masks.from_compressed(theirs["counts"].decode(), *pixels.shape) == mask


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
@pytest.mark.parametrize("size", [(480, 640), (1, 5000), (5000, 1), (333, 500)])
def test_large_masks_agree_with_pycocotools(size: tuple[int, int], share: float) -> None:
    pixels = blobs(*size, share)
    mask = masks.encode(pixels)
    theirs = oracle.encode(np.asfortranarray(pixels, np.uint8))
    assert masks.compressed(mask) == theirs["counts"].decode()
    assert masks.area(mask) == oracle.area(theirs)
    assert np.array_equal(oracle.decode({"size": list(size), "counts": masks.compressed(mask).encode()}), pixels)


@pytest.mark.parametrize("value", [False, True])
def test_one_pixel_and_plain_masks(value: bool) -> None:
    assert masks.encode(np.full((1, 1), value)).counts == ((0, 1) if value else (1,))
    full = masks.encode(np.full((30, 20), value))
    assert full.counts == ((0, 600) if value else (600,))
    assert masks.from_compressed(masks.compressed(full), 30, 20) == full


def test_bounds_lie_just_around_what_is_set() -> None:
    pixels = np.zeros((10, 12), bool)
    assert masks.bounds(pixels) is None
    pixels[3:5, 7] = pixels[8, 2] = True
    assert masks.bounds(pixels) == (2, 3, 8, 9)
    theirs = oracle.toBbox(oracle.encode(np.asfortranarray(pixels, np.uint8))).tolist()
    assert theirs == [2, 3, 8 - 2, 9 - 3]


def test_another_size_takes_the_nearest_pixel() -> None:
    pixels = np.array([[True, False], [False, False]])
    large = masks.decode(masks.resized(masks.encode(pixels), 6, 4))
    assert large[:3, :2].all() and large.sum() == 6
    assert masks.decode(masks.resized(masks.encode(large), 2, 2)).tolist() == pixels.tolist()
    same = masks.encode(pixels)
    assert masks.resized(same, 2, 2) is same


@given(PIXELS, st.integers(1, 24), st.integers(1, 24))
def test_runs_are_resized_as_pixels_are(pixels: BoolArray, height: int, width: int) -> None:
    """The plain way: the old row and column in whose middle part each new pixel's middle lies."""
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * new) for new, old in zip((height, width), pixels.shape, strict=True)
    )
    assert masks.resized(masks.encode(pixels), height, width) == masks.encode(pixels[rows][:, columns])


@pytest.mark.parametrize("value", [False, True])
def test_an_empty_and_a_whole_mask_are_resized(value: bool) -> None:
    mask = masks.encode(np.full((3, 4), value))
    assert masks.resized(mask, 300, 500) == masks.encode(np.full((300, 500), value))


def test_a_mask_of_a_large_picture_takes_the_memory_of_its_runs() -> None:
    rows, columns = np.mgrid[:256, :256]
    small = masks.encode(np.hypot(rows - 127.5, columns - 127.5) < 100)
    tracemalloc.start()
    large = masks.resized(small, 20_000, 30_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert abs(masks.area(large) / (20_000 * 30_000) - masks.area(small) / 256**2) < 0.001
    assert peak < 60_000_000, "600 million pixels were held"


@pytest.mark.parametrize("counts", [(3,), (2, 3), (-1, 5), (5, -1), ()])
def test_runs_that_do_not_add_up_are_refused(counts: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="add up"):
        masks.decode(Mask(2, 2, counts))


def test_text_that_is_no_mask_is_refused() -> None:
    text = masks.compressed(masks.encode(blobs(40, 40, 0.5)))
    with pytest.raises(BadInput, match="does not belong"):
        masks.from_compressed(text[:-1] + "~", 40, 40)
    with pytest.raises(BadInput, match="middle of a number"):
        masks.from_compressed(text + "P", 40, 40)
    with pytest.raises(BadInput, match="add up"):
        masks.from_compressed(text, 41, 40)


@pytest.mark.parametrize("size", [(2**31, 3), (3, 2**31)])
def test_a_size_that_no_picture_has_is_refused_before_memory_is_taken_for_it(size: tuple[int, int]) -> None:
    with pytest.raises(BadInput, match="no picture of"):
        masks.resized(masks.encode(np.ones((2, 2), bool)), *size)
