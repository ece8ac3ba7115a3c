"""Which categories and boxes an export gives to objects, and what the other export tests share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src import masks
from src.export.items import Annotation, Categories, ExportedImage, Labels, labelled, rounded
from src.schema import Mask, Progress, Segment, Skipped
from tests.conftest import make_photo

WIDTH, HEIGHT = 160, 120


def exported(file: Path, number: int = 1, **facts: object) -> ExportedImage:
    """A picture of 160 x 120 in a file that need not exist."""
    given = {
        "id": f"{number:08x}-0000-5000-8000-000000000000",
        "name": file.name,
        "path": str(file),
        "width": WIDTH,
        "height": HEIGHT,
    }
    return ExportedImage(**{**given, **facts})  # type: ignore[arg-type]


def ellipse(height: int = HEIGHT, width: int = WIDTH) -> Mask:
    """With a hole in its middle and a part of its own in a corner."""
    rows, columns = np.mgrid[:height, :width] + 0.5
    apart = np.hypot((rows / height - 0.5) / 0.4, (columns / width - 0.5) / 0.3)
    pixels = (apart < 1) & (apart > 0.4)
    pixels[: height // 10, : width // 8] = True
    return masks.encode(pixels)


def marked(mask: Mask | None = None, category: str = "ring", **facts: object) -> Annotation:
    """An annotation of 160 x 120 pictures; of the mask's bounds where there is one."""
    box = masks.bounds(masks.decode(masks.resized(mask, HEIGHT, WIDTH))) if mask else (10, 20, 50, 90)
    return Annotation(category, box, mask, **facts)  # type: ignore[arg-type]


def library(folder: Path) -> list[ExportedImage]:
    """Three pictures that exist: two of one name in different folders, one with masks, and one without objects."""
    paths = [make_photo(folder / place / "photo.jpg", seed=seed) for seed, place in enumerate(("one", "two"))]
    paths.append(make_photo(folder / "Ünï 写真 =1+1.png", seed=2))
    objects = (
        (marked(category="cat"),),
        (marked(ellipse(), score=0.5, origin="sam"), marked(ellipse(30, 40), "cat")),
        (),
    )
    return [
        exported(
            path,
            number,
            annotations=found,
            bytes=path.stat().st_size,
            tags=("holiday", "sea"),
            format="JPEG",
            taken_at="2024-05-01T10:20:30",
        )
        for number, (path, found) in enumerate(zip(paths, objects, strict=True), 1)
    ]


class Open:
    """An opener of the files themselves, which counts."""

    def __init__(self, images: Iterable[ExportedImage]) -> None:
        self._paths = {image.id: image.path for image in images}
        self.opened = 0

    def __call__(self, image_id: str) -> Image.Image:
        self.opened += 1
        return Image.open(self._paths[image_id]).convert("RGB")


def split(events: Iterable[Progress | Skipped]) -> tuple[list[Progress], list[Skipped]]:
    found = list(events)
    return [event for event in found if isinstance(event, Progress)], [
        event for event in found if isinstance(event, Skipped)
    ]


# ---------------------------------------------------------------- categories


@pytest.mark.parametrize(
    ("own", "tags", "query", "category"),
    [
        ("dog", ("pet",), "", "dog"),
        ("", ("pet", "garden"), "", "pet"),
        ("  ", (), "", "object"),
        ("dog", ("pet",), " a red\n ball ", "a red ball"),
        ("turned \u202egod", (), "", "turned \N{REPLACEMENT CHARACTER}god"),
    ],
)
def test_an_object_goes_by_the_query_its_own_name_or_a_tag(
    own: str, tags: tuple[str, ...], query: str, category: str
) -> None:
    image = exported(Path("a.jpg"), tags=tags, annotations=(marked(category=own),))
    assert [item.category for item in labelled(image, Labels(query))] == [category]


def test_a_picture_without_objects_gets_boxes_around_all_of_it_only_when_asked() -> None:
    image = exported(Path("a.jpg"), tags=("sea", "sky"), score=0.3)
    assert labelled(image, Labels()) == []
    boxes = labelled(image, Labels(whole=True))
    assert [(item.category, item.box, item.origin) for item in boxes] == [
        (tag, (0, 0, 160, 120), "tag") for tag in ("sea", "sky")
    ]
    assert [(item.category, item.score) for item in labelled(image, Labels("waves", whole=True))] == [("waves", 0.3)]


def test_boxes_end_at_the_picture_and_those_outside_are_left_out() -> None:
    boxes = [(-5, -5, 400, 400), (150, 10, 170, 20), (160, 0, 170, 10), (5, 130, 9, 140)]
    image = exported(Path("a.jpg"), annotations=tuple(Annotation("x", box) for box in boxes))
    assert [item.box for item in labelled(image, Labels())] == [(0, 0, 160, 120), (150, 10, 160, 20)]


def test_categories_are_numbered_as_they_are_met_after_those_that_were_given() -> None:
    categories = Categories(("dog", "cat"))
    assert [categories.number(name) for name in ("cat", "bird", "dog", "bird")] == [1, 2, 0, 2]
    assert categories.names() == ["dog", "cat", "bird"]


def test_a_segment_becomes_an_annotation() -> None:
    segment = Segment((1, 2, 3, 4), ellipse(), 0.75)
    assert Annotation.of(segment, "cup", origin="sam") == Annotation("cup", (1, 2, 3, 4), segment.mask, 0.75, "sam")
    assert Annotation.of(segment, score=0.0).score == 0.0


def test_a_score_that_is_no_number_is_none() -> None:
    assert [rounded(score) for score in (None, math.nan, math.inf, 0.12345678, -1.0)] == [
        None,
        None,
        None,
        0.123457,
        -1.0,
    ]
