"""Crops: the right pixels, in folders of their categories, under names that never collide."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src import masks
from src.errors import BadInput, UnreadableImage
from src.export.crops import export_crops
from src.export.items import Annotation
from tests.unit.test_export_items import HEIGHT, WIDTH, Open, ellipse, exported, library, marked, split


def gradient(image_id: str, scale: int = 1) -> Image.Image:
    """Red says the column, green the row, as they are in a picture of 160 x 120."""
    rows, columns = np.mgrid[: HEIGHT * scale, : WIDTH * scale] // scale
    return Image.fromarray(np.stack([columns, rows, np.zeros_like(rows)], axis=2).astype(np.uint8))


def listing(place: Path) -> list[dict[str, str]]:
    with (place / "crops.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_each_object_is_a_picture_in_its_categorys_folder(tmp_path: Path) -> None:
    images = library(tmp_path)
    opener = Open(images)
    progress, skipped = split(export_crops(images, tmp_path / "out", opener))
    assert len(progress) == 3 and not skipped and opener.opened == 2, "a picture without objects is not opened"
    rows = listing(tmp_path / "out")
    assert [row["file"] for row in rows] == [
        "cat/photo-00000001.jpg",
        "ring/photo-00000002.jpg",
        "cat/photo-00000002.jpg",
    ]
    for row in rows:
        left, top, right, bottom = (int(row[side]) for side in ("left", "top", "right", "bottom"))
        with Image.open(tmp_path / "out" / row["file"]) as crop:
            assert crop.size == (right - left, bottom - top)
    assert (rows[1]["score"], rows[1]["origin"], rows[0]["score"]) == ("0.5", "sam", "")


@pytest.mark.parametrize("scale", [1, 2])
def test_a_cut_out_is_the_masks_pixels_and_nothing_else(tmp_path: Path, scale: int) -> None:
    """Also where the opener gives the picture at another size."""
    image = exported(tmp_path / "a.jpg", annotations=(marked(ellipse(60, 80)),))
    list(export_crops([image], tmp_path / "out", lambda image_id: gradient(image_id, scale), cut_out=True))
    (row,) = listing(tmp_path / "out")
    pixels = np.asarray(Image.open(tmp_path / "out" / row["file"]))
    left, top, right, bottom = image.annotations[0].box
    expected = masks.decode(masks.resized(ellipse(60, 80), HEIGHT * scale, WIDTH * scale))
    assert ((pixels[..., 3] > 0) == expected[top * scale : bottom * scale, left * scale : right * scale]).all()
    assert (pixels[0, 0, :2] == (left, top)).all() and (pixels[-1, -1, :2] == (right - 1, bottom - 1)).all()


def test_padding_takes_what_is_around_as_far_as_the_picture_goes(tmp_path: Path) -> None:
    image = exported(tmp_path / "a.jpg", annotations=(Annotation("x", (5, 50, 45, 70)),))
    list(export_crops([image], tmp_path / "out", gradient, padding=0.25, cut_out=True))
    pixels = np.asarray(Image.open(next((tmp_path / "out" / "x").iterdir())))
    assert pixels.shape == (40, 55, 3), "a box without a mask has nothing to cut"
    assert tuple(pixels[0, 0, :2]) == (0, 40) and tuple(pixels[-1, -1, :2]) == (54, 79)


@pytest.mark.parametrize("padding", [-0.1, 11, float("nan")])
def test_padding_that_makes_no_sense_is_refused(tmp_path: Path, padding: float) -> None:
    with pytest.raises(BadInput, match="padding"):
        list(export_crops(library(tmp_path), tmp_path / "out", gradient, padding=padding))


def test_crops_of_one_category_and_categories_of_one_name_do_not_collide(tmp_path: Path) -> None:
    names = ("Cat", "cat", "c/a", "c:a", "..", "", "crops.csv", "nul")
    image = exported(tmp_path / "a.jpg", annotations=tuple(Annotation(name, (0, 0, 9, 9)) for name in (*names, "Cat")))
    list(export_crops([image], tmp_path / "out", gradient))
    files = [row["file"] for row in listing(tmp_path / "out")]
    folders = ("Cat", "cat-2", "c_a", "c_a-2", "object", "object-2", "crops.csv-2", "nul_")
    assert files == [*(f"{folder}/a-00000001.jpg" for folder in folders), "Cat/a-00000001-2.jpg"]
    assert sorted(files) == sorted(
        file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*.jpg")
    )


def test_a_picture_that_can_not_be_opened_is_told(tmp_path: Path) -> None:
    images = library(tmp_path)

    def opener(image_id: str) -> Image.Image:
        if image_id == images[0].id:
            raise UnreadableImage("The picture is damaged.")
        return gradient(image_id)

    _, skipped = split(export_crops(images, tmp_path / "out", opener))
    assert [(event.path, event.reason) for event in skipped] == [(images[0].path, "The picture is damaged.")]
    assert len(listing(tmp_path / "out")) == 2


def test_a_box_of_one_pixel_is_a_crop_of_one(tmp_path: Path) -> None:
    image = exported(tmp_path / "a.jpg", annotations=(Annotation("x", (WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT)),))
    list(export_crops([image], tmp_path / "out", lambda image_id: gradient(image_id).resize((16, 12))))
    with Image.open(next((tmp_path / "out" / "x").iterdir())) as crop:
        assert crop.size == (1, 1)
