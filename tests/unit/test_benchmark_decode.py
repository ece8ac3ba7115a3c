"""The decode benchmark's own logic: its pictures, its two ways, its cosines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import decode
from src.processing.decoding.reader import PictureReader
from tests.conftest import make_photo
from tests.fakes import FakeEmbedder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number, colour in enumerate([(200, 40, 40), (40, 200, 40), (40, 40, 200)]):
        make_photo(tmp_path / "photos" / f"{number}.jpg", colour, seed=number)
    return tmp_path / "photos"


def test_pictures_are_as_a_camera_writes_them(photos: Path, tmp_path: Path) -> None:
    files = decode.camera_files(photos, tmp_path / "made", 5, (800, 600))
    assert len(files) == 5
    with Image.open(files[0]) as picture:
        assert (picture.size, picture.format, picture.mode) == ((800, 600), "JPEG", "RGB")
        assert picture.layer[0][1:3] == (2, 2), "colour at half the resolution"  # type: ignore[attr-defined]
    assert len({file.read_bytes() for file in files}) == 5, "noise of its own in each"
    with pytest.raises(FileNotFoundError, match="no photos"):
        decode.camera_files(tmp_path / "nowhere", tmp_path / "none", 1)


def test_noise_has_the_strength_it_says_and_the_middle_is_kept() -> None:
    grey = Image.new("RGB", (300, 100), (128, 128, 128))
    grey.paste((0, 0, 0), (0, 0, 50, 100))
    made = np.asarray(decode.noisy(grey, (400, 300), 0), np.float32)
    assert made.shape == (300, 400, 3)
    assert abs(made.mean() - 128) < 1 and abs(made.std() - decode.NOISE) < 0.3


def test_our_way_reduces_and_lies_near_the_full_decode(photos: Path, tmp_path: Path) -> None:
    files = decode.camera_files(photos, tmp_path / "made", 3, (1600, 1200))
    model, reader = FakeEmbedder(), PictureReader()
    sizes: list[tuple[int, int]] = []
    prepare = model.preprocess
    model.preprocess = lambda image: sizes.append(image.size) or prepare(image)  # type: ignore[method-assign, func-returns-value]
    try:
        told = decode.compared(reader, model, files)
    finally:
        reader.close()
    assert sizes == [(800, 600)] * 3 + [(1600, 1200)] * 3
    assert told["cosine_mean"] > 0.99 > told["cosine_of_two_pictures"]
    assert told["cosine_min"] <= told["cosine_mean"]


def test_a_folder_without_photos_is_told(tmp_path: Path) -> None:
    assert decode.main(["--data", str(tmp_path)]) == 1
