"""How a picture looks, in numbers."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from src.processing.facts.measures import colours, measure, sharpness


def noisy(side: int = 200) -> Image.Image:
    grains = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    return Image.fromarray(grains)


def test_blurring_makes_a_picture_less_sharp() -> None:
    sharp = noisy()
    soft, softer = (sharp.filter(ImageFilter.GaussianBlur(radius)) for radius in (1, 4))
    numbers = [measure(picture).sharpness for picture in (sharp, soft, softer)]
    assert numbers[0] > 100 > numbers[1] > numbers[2]
    assert numbers[2] < 10
    assert measure(Image.new("RGB", (50, 50), "red")).sharpness == 0


@pytest.mark.parametrize(
    ("colour", "brightness", "shadows", "highlights"),
    [("black", 0, 1, 0), ("white", 1, 0, 1), ("#808080", 0.502, 0, 0)],
)
def test_exposure_of_plain_pictures(colour: str, brightness: float, shadows: float, highlights: float) -> None:
    told = measure(Image.new("RGB", (300, 200), colour))
    assert told.brightness == pytest.approx(brightness, abs=1e-3)
    assert (told.shadows, told.highlights) == (shadows, highlights)


def test_shares_of_black_and_white_parts() -> None:
    picture = Image.new("RGB", (100, 100), "#808080")
    picture.paste("black", (0, 0, 100, 25))
    picture.paste("white", (0, 90, 100, 100))
    told = measure(picture)
    assert (told.shadows, told.highlights) == (0.25, 0.1)


def test_colours_come_by_how_much_they_cover() -> None:
    picture = Image.new("RGB", (100, 100), (200, 30, 30))
    picture.paste((30, 30, 200), (0, 0, 100, 30))
    picture.paste((240, 240, 40), (0, 0, 10, 5))  # half a percent
    assert colours(picture) == ("#c81e1e", "#1e1ec8")
    assert measure(Image.new("RGB", (1, 1), "#010203")).colours == ("#010203",)
    assert 1 <= len(colours(noisy())) <= 5


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_any_mode_and_size_is_measured_and_left_as_it_is(mode: str) -> None:
    picture = Image.new("RGB", (999, 1), "#808080").convert(mode)
    before = picture.tobytes()
    assert measure(picture).sharpness == 0
    assert (picture.size, picture.mode, picture.tobytes()) == ((999, 1), mode, before)
    assert sharpness(np.zeros((2, 9), np.float32)) == 0


def test_a_larger_copy_has_about_the_same_numbers() -> None:
    small = noisy(64).resize((256, 256), Image.Resampling.BICUBIC)
    large = small.resize((1024, 1024), Image.Resampling.NEAREST)
    first, second = measure(small), measure(large)
    assert first.sharpness == pytest.approx(second.sharpness, rel=0.1)
    assert first.brightness == pytest.approx(second.brightness, abs=0.01)
