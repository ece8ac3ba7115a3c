"""Our preprocessing against the published rule, written out with PIL: torchvision's Resize, CenterCrop, ToTensor and
Normalize.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.vendored_clip import clip

Record = Callable[[str, object], None]

SIZES = [
    *[(1, 1), (1, 500), (500, 1), (2, 3), (7, 5), (37, 1000), (1000, 37), (10, 990), (2200, 22)],
    *[(223, 224), (224, 223), (224, 224), (225, 226), (226, 225), (225, 225), (224, 227), (231, 224), (448, 449)],
    *[(427, 641), (641, 427), (333, 500), (500, 333), (150, 225), (225, 150), (300, 390), (260, 520), (640, 480)],
    *[(480, 640), (1023, 767), (769, 1025), (1200, 800), (99, 101), (50, 400), (400, 50), (313, 1111)],
]


def published(image: Image.Image, n: int = 224) -> np.ndarray:
    """(n, n, 3) grey levels 0..255."""
    width, height = image.size
    if width <= height:
        image = image.resize((n, int(n * height / width)), Image.Resampling.BICUBIC)
    else:
        image = image.resize((int(n * width / height), n), Image.Resampling.BICUBIC)
    width, height = image.size
    top, left = int(round((height - n) / 2.0)), int(round((width - n) / 2.0))  # noqa: RUF046
    return np.asarray(image.crop((left, top, left + n, top + n)).convert("RGB")).astype(np.float64)


def grey_levels(pixels: np.ndarray) -> np.ndarray:
    """What ``preprocess`` made, with the published mean and spread taken out again: (n, n, 3)."""
    mean, std = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    return (pixels.astype(np.float64).transpose(1, 2, 0) * std + mean) * 255


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Independent random values, the hardest picture to resample alike."""
    chance = np.random.default_rng(width * 10_000 + height)
    if mode == "I;16":
        return Image.fromarray(chance.integers(0, 65_536, (height, width), dtype=np.uint16))
    rgb = Image.fromarray(chance.integers(0, 256, (height, width, 3), dtype=np.uint8))
    if mode == "RGBA":
        rgb.putalpha(Image.fromarray(chance.integers(0, 256, (height, width), dtype=np.uint8)))
    return rgb.convert(mode)


def test_within_one_grey_level_over_odd_sizes(record_property: Record) -> None:
    worst = 0.0
    for width, height in SIZES:
        image = noise(width, height)
        ours = clip.preprocess(image)
        assert ours.shape == (3, 224, 224) and ours.dtype == np.float32 and ours.flags.c_contiguous
        apart = float(np.abs(grey_levels(ours) - published(image)).max())
        assert apart <= 1.001, (width, height, apart)
        worst = max(worst, apart)
    print(f"\n{len(SIZES)} sizes of noise: at most {worst:.4f} grey levels apart")
    record_property("preprocess sizes", {"sizes": len(SIZES), "grey_levels": worst})


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "LA", "1"])
def test_within_one_grey_level_in_other_modes(mode: str, record_property: Record) -> None:
    image = noise(301, 245, mode)
    apart = float(np.abs(grey_levels(clip.preprocess(image)) - published(image)).max())
    print(f"\nmode {mode}: {apart:.4f} grey levels apart")
    record_property(f"preprocess {mode}", apart)
    assert apart <= 1.001


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    image = noise(301, 245, "I;16")
    eight = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    assert np.abs(grey_levels(clip.preprocess(image)) - published(eight.convert("RGB"))).max() <= 1.001


@pytest.mark.parametrize("size", [32, 224, 336])
def test_other_sides(size: int) -> None:
    image = noise(401, 299)
    ours = clip.preprocess(image, size)
    assert ours.shape == (3, size, size)
    assert np.abs(grey_levels(ours) - published(image, size)).max() <= 1.001


@pytest.mark.parametrize("size", [(1, 60_000), (60_000, 1), (3, 20_000)])
def test_of_a_thin_strip_only_the_middle_is_computed(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Resized whole it would take gigabytes; a ramp along it shows that the square is the middle one."""
    made: list[tuple[int, int]] = []
    resize = Image.Image.resize
    monkeypatch.setattr(Image.Image, "resize", lambda self, to, *a, **k: made.append(to) or resize(self, to, *a, **k))
    ramp = np.linspace(0, 255, max(size)).astype(np.uint8)
    along = ramp[:, None] if size[1] > size[0] else ramp[None, :]
    levels = grey_levels(clip.preprocess(Image.fromarray(np.ascontiguousarray(np.broadcast_to(along, size[::-1])))))
    assert made == [(224, 224)]
    assert np.abs(levels - 127).max() < 2


@pytest.mark.parametrize("size", [(4, 600), (600, 4), (300, 40_000)])
def test_the_middle_of_a_thin_strip_is_as_published(size: tuple[int, int], record_property: Record) -> None:
    """Pillow may take the two passes in the other order, and rounds in between: single values of noise differ, their
    mean does not.
    """
    image = noise(*size)
    apart = np.abs(grey_levels(clip.preprocess(image)) - published(image))
    print(f"\nstrip {size}: {apart.max():.2f} grey levels at most, {apart.mean():.3f} in the mean")
    record_property(f"preprocess strip {size}", {"max": float(apart.max()), "mean": float(apart.mean())})
    assert apart.mean() <= 1.0


def test_the_example_of_openai_has_transparency(record_property: Record) -> None:
    """CLIP.png: made RGB before the resizing, its half-transparent edges would come out otherwise, and so its
    probabilities.
    """
    folder = os.environ.get("MFE_TEST_DATA")
    if not folder:
        pytest.skip("MFE_TEST_DATA names no folder with clip/CLIP.png")
    image = Image.open(Path(folder) / "clip" / "CLIP.png")
    ours = grey_levels(clip.preprocess(image))
    apart = float(np.abs(ours - published(image)).max())
    print(f"\nCLIP.png: {apart:.4f} grey levels apart")
    record_property("preprocess CLIP.png", apart)
    assert apart <= 1.001
    assert np.abs(ours - published(image.convert("RGB"))).max() > 100


def test_real_photos(record_property: Record) -> None:
    folder = os.environ.get("MFE_TEST_DATA")
    if not folder:
        pytest.skip("MFE_TEST_DATA names no folder with photos1000")
    photos = sorted((Path(folder) / "photos1000").glob("*.jpg"))[::10]
    assert len(photos) == 100
    images = [Image.open(path).convert("RGB") for path in photos]
    worst = max(float(np.abs(grey_levels(clip.preprocess(image)) - published(image)).max()) for image in images)
    print(f"\n{len(photos)} photos: at most {worst:.4f} grey levels apart")
    record_property("preprocess photos", worst)
    assert worst <= 1.001
