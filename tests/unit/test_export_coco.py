"""COCO files as pycocotools reads them back."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image
from pycocotools.coco import COCO

from src import masks
from src.errors import UnreadableImage
from src.export.coco import FILE, export_coco
from src.export.items import Annotation, ExportedImage, Labels
from src.schema import Progress, Skipped
from tests.conftest import make_photo
from tests.unit.test_export_items import HEIGHT, WIDTH, Open, ellipse, exported, library, marked, split


def read(place: Path) -> tuple[COCO, dict[str, Any]]:
    return COCO(str(place / FILE)), json.loads((place / FILE).read_bytes())


def overlap(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    images = library(tmp_path)
    progress, skipped = split(export_coco(images, tmp_path / "out", total=3, description="Mine"))
    assert progress == [Progress(at, 3, "images", image.name) for at, image in enumerate(images)] and not skipped
    coco, raw = read(tmp_path / "out")
    assert raw["info"]["description"] == "Mine" and raw["info"]["year"] >= 2024
    assert {image["license"] for image in raw["images"]} <= {licence["id"] for licence in raw["licenses"]}
    assert [(category["id"], category["name"]) for category in raw["categories"]] == [(1, "cat"), (2, "ring")]
    for number, image in enumerate(images, 1):
        (stored,) = coco.loadImgs(number)
        assert (stored["file_name"], stored["source_id"], stored.get("tags", [])) == (
            image.path,
            image.id,
            list(image.tags),
        )
        assert (stored["width"], stored["height"], stored["date_captured"]) == (WIDTH, HEIGHT, "2024-05-01 10:20:30")
        assert len(coco.getAnnIds(number)) == len(image.annotations)


def test_masks_come_back_pixel_by_pixel(tmp_path: Path) -> None:
    """Also those that are smaller than the picture, which they cover all the same."""
    images = library(tmp_path)
    list(export_coco(images, tmp_path / "out"))
    coco, _ = read(tmp_path / "out")
    for stored, item in zip(coco.loadAnns(coco.getAnnIds(2)), images[1].annotations, strict=True):
        assert item.mask is not None
        pixels = masks.decode(masks.resized(item.mask, HEIGHT, WIDTH))
        assert (coco.annToMask(stored).astype(bool) == pixels).all()
        assert stored["area"] == pixels.sum() and stored["iscrowd"] == 0
        left, top, right, bottom = item.box
        assert stored["bbox"] == [left, top, right - left, bottom - top]


def test_annotations_with_scores_load_as_results(tmp_path: Path) -> None:
    scored = (marked(ellipse(), score=0.25), marked(ellipse(60, 80), "cat", score=0.75))
    list(export_coco([exported(tmp_path / "a.jpg", annotations=scored)], tmp_path / "out"))
    coco, raw = read(tmp_path / "out")
    wanted = ("image_id", "category_id", "segmentation", "score")
    results = coco.loadRes([{key: item[key] for key in wanted} for item in raw["annotations"]])
    for found, item in zip(results.loadAnns(results.getAnnIds()), raw["annotations"], strict=True):
        assert found["area"] == item["area"] and list(found["bbox"]) == item["bbox"] and found["score"] == item["score"]
        assert (results.annToMask(found) == coco.annToMask(item)).all()


def test_polygons_come_back_within_tolerance(tmp_path: Path) -> None:
    images = library(tmp_path)
    list(export_coco(images, tmp_path / "out", mask_form="polygons"))
    coco, _ = read(tmp_path / "out")
    for stored, item in zip(coco.loadAnns(coco.getAnnIds(2)), images[1].annotations, strict=True):
        assert item.mask is not None and isinstance(stored["segmentation"], list)
        pixels = masks.decode(masks.resized(item.mask, HEIGHT, WIDTH))
        drawn = coco.annToMask(stored).astype(bool)
        assert overlap(drawn, pixels) > (0.98 if item.mask.height == HEIGHT else 0.92), (
            "a pixel of the small mask is four of the picture's"
        )
        assert abs(drawn.sum() - stored["area"]) < 0.04 * stored["area"]


def test_a_box_alone_claims_no_mask(tmp_path: Path) -> None:
    list(export_coco(library(tmp_path), tmp_path / "out"))
    (stored,) = [item for item in read(tmp_path / "out")[1]["annotations"] if item["image_id"] == 1]
    assert (stored["bbox"], stored["area"], stored["segmentation"]) == ([10, 20, 40, 70], 2800, [])
    assert "score" not in stored


def test_a_whole_and_an_empty_mask_are_written(tmp_path: Path) -> None:
    whole, empty = (masks.encode(np.full((6, 8), value)) for value in (True, False))
    items = (Annotation("all", (0, 0, WIDTH, HEIGHT), whole), Annotation("none", (0, 0, 1, 1), empty))
    for form in ("rle", "polygons"):
        list(export_coco([exported(tmp_path / "a.jpg", annotations=items)], tmp_path / form, mask_form=form))  # type: ignore[arg-type]
    coco, raw = read(tmp_path / "rle")
    assert [int(coco.annToMask(item).sum()) for item in raw["annotations"]] == [WIDTH * HEIGHT, 0]
    assert [item["segmentation"] for item in read(tmp_path / "polygons")[1]["annotations"]] == [
        [[160, 0, 160, 120, 0, 120, 0, 0]],
        [],
    ]


def test_categories_of_a_query_and_of_tags(tmp_path: Path) -> None:
    images = library(tmp_path)
    list(export_coco(images, tmp_path / "query", labels=Labels("a cat", whole=True)))
    assert [category["name"] for category in read(tmp_path / "query")[1]["categories"]] == ["a cat"]
    list(export_coco(images, tmp_path / "tags", labels=Labels(whole=True, first=("ring",))))
    coco, raw = read(tmp_path / "tags")
    assert [category["name"] for category in raw["categories"]] == ["ring", "cat", "holiday", "sea"]
    assert [item["bbox"] for item in coco.loadAnns(coco.getAnnIds(3))] == [[0, 0, WIDTH, HEIGHT]] * 2


def test_pictures_are_copied_byte_by_byte_under_names_of_their_own(tmp_path: Path) -> None:
    images = library(tmp_path)
    opener = Open(images)
    list(export_coco(images, tmp_path / "out.zip", opener=opener))
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names = [image["file_name"] for image in json.loads(archive.read(FILE))["images"]]
        assert names == ["photo-00000001.jpg", "photo-00000002.jpg", "Ünï_写真_1_1-00000003.png"]
        assert [archive.read(f"images/{name}") for name in names] == [Path(image.path).read_bytes() for image in images]
    assert opener.opened == 0


def test_what_few_read_and_what_is_stored_turned_is_written_upright(tmp_path: Path) -> None:
    turned, other = make_photo(tmp_path / "turned.jpg", size=(120, 160)), make_photo(tmp_path / "other.tif")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.open(turned).save(turned, exif=exif)
    images = [exported(turned, 1), exported(other, 2)]
    upright = {image.id: Image.new("RGB", (WIDTH, HEIGHT), "red") for image in images}
    list(export_coco(images, tmp_path / "out", opener=upright.__getitem__))
    for stored in read(tmp_path / "out")[1]["images"]:
        with Image.open(tmp_path / "out" / "images" / stored["file_name"]) as picture:
            assert (picture.format, picture.size, len(picture.getexif())) == ("JPEG", (WIDTH, HEIGHT), 0)


def test_pictures_that_are_gone_changed_or_refused_are_left_out_and_told(tmp_path: Path) -> None:
    images = library(tmp_path)
    os.remove(images[0].path)
    with open(images[2].path, "ab") as file:
        file.write(b"more")
    refused = exported(make_photo(tmp_path / "scan.tif"), 4)

    def refuse(_: str) -> Image.Image:
        raise UnreadableImage("The picture is damaged.")

    _, skipped = split(export_coco([*images, refused], tmp_path / "out", opener=refuse))
    assert [event.path for event in skipped] == [images[0].path, images[2].path, refused.path]
    assert (
        "can't be read" in skipped[0].reason
        and "changed" in skipped[1].reason
        and skipped[2].reason == "The picture is damaged."
    )
    coco, raw = read(tmp_path / "out")
    assert [image["source_id"] for image in raw["images"]] == [images[1].id] and len(coco.getAnnIds()) == 2


def test_names_are_data(tmp_path: Path) -> None:
    strange = os.fsdecode(b'/p/\xff"\\\n</script>.jpg')
    image = ExportedImage(
        "1",
        'a"\u202e.jpg',
        strange,
        10,
        10,
        tags=('"]}',),
        annotations=(Annotation('x"}\n', (0, 0, 5, 5), score=float("nan")),),
    )
    list(export_coco([image], tmp_path / "out"))
    _, raw = read(tmp_path / "out")
    assert raw["images"][0]["file_name"] == strange and raw["images"][0]["tags"] == ['"]}']
    assert raw["categories"][0]["name"] == 'x"}' and "score" not in raw["annotations"][0]


def test_events_are_progress_or_skipped(tmp_path: Path) -> None:
    events = list(export_coco(library(tmp_path), tmp_path / "out"))
    assert all(isinstance(event, Progress | Skipped) for event in events)
