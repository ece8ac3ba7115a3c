"""YOLO data sets, read back the way a trainer does."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import yaml

from src.errors import BadInput
from src.export.items import Annotation, Labels
from src.export.yolo import export_yolo
from tests.unit.test_export_items import HEIGHT, WIDTH, Open, exported, library, marked, split


def boxes(file: Path, width: int = WIDTH, height: int = HEIGHT) -> list[tuple[int, tuple[float, ...]]]:
    """Category and XYXY pixels of each line of a label file."""
    found = []
    for line in file.read_text().splitlines():
        category, x, y, w, h = line.split(" ")
        centre, size = (float(x) * width, float(y) * height), (float(w) * width, float(h) * height)
        found.append(
            (
                int(category),
                tuple(round(centre[axis] + side * size[axis] / 2, 3) for side in (-1, 1) for axis in (0, 1)),
            )
        )
    return found


def listing(place: Path) -> list[dict[str, str]]:
    with (place / "pictures.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_trainer_finds_pictures_boxes_and_names(tmp_path: Path) -> None:
    images = library(tmp_path)
    progress, skipped = split(export_yolo(images, tmp_path / "out", total=3, opener=Open(images)))
    assert [event.done for event in progress] == [0, 1, 2] and not skipped
    data = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text())
    assert data == {"train": "images", "val": "images", "nc": 2, "names": {0: "cat", 1: "ring"}}
    for image, row in zip(images, listing(tmp_path / "out"), strict=True):
        picture = tmp_path / "out" / data["train"] / row["picture"]
        assert picture.read_bytes() == Path(image.path).read_bytes() and row["original"] == image.path
        found = boxes(Path(str(picture).replace("/images/", "/labels/")).with_suffix(".txt"))
        assert [data["names"][number] for number, _ in found] == [item.category for item in image.annotations]
        for (_, box), item in zip(found, image.annotations, strict=True):
            assert box == pytest.approx(item.box, abs=0.001)


def test_same_names_do_not_collide(tmp_path: Path) -> None:
    """Not even under one id, and not where only the endings differ."""
    paths = [tmp_path / "one" / "a.jpg", tmp_path / "two" / "a.jpg", tmp_path / "two" / "a.png"]
    images = [exported(path, 7, annotations=(Annotation("x", (0, 0, at, at)),)) for at, path in enumerate(paths, 1)]
    list(export_yolo(images, tmp_path / "out"))
    assert [row["stem"] for row in listing(tmp_path / "out")] == ["a-00000007", "a-00000007-2", "a-00000007-3"]
    sizes = [boxes(tmp_path / "out" / "labels" / f"{row['stem']}.txt")[0][1][2] for row in listing(tmp_path / "out")]
    assert sizes == pytest.approx([1, 2, 3], abs=0.001)


def test_without_an_opener_originals_are_listed(tmp_path: Path) -> None:
    list(export_yolo(library(tmp_path), tmp_path / "out"))
    assert not (tmp_path / "out" / "images").exists()
    assert [(row["picture"], Path(row["original"]).is_file()) for row in listing(tmp_path / "out")] == [("", True)] * 3


@pytest.mark.parametrize(
    "box", [(0, 0, WIDTH, HEIGHT), (WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT), (-50, -50, 1, 1), (0, 0, 999, 999)]
)
def test_shares_never_leave_the_picture(tmp_path: Path, box: tuple[int, int, int, int]) -> None:
    list(export_yolo([exported(tmp_path / "a.jpg", annotations=(Annotation("x", box),))], tmp_path / "out"))
    numbers = [float(number) for number in next((tmp_path / "out" / "labels").iterdir()).read_text().split()[1:]]
    assert all(0 <= number <= 1 for number in numbers) and numbers[2] > 0 and numbers[3] > 0
    assert numbers[0] - numbers[2] / 2 >= -1e-6 and numbers[0] + numbers[2] / 2 <= 1 + 1e-6


NAMES = (
    *(
        "no",
        "1",
        "1.5",
        "0x1f",
        "12:30",
        "2024-01-01",
        "null",
        "~",
        "Yes",
        "=",
        "<<",
        "a: b",
        '"q" \\ #x',
        "- [x]",
        "{y}",
    ),
    *("emoji 👨‍👩‍👧 \ufffe", "Ünï 写真", "&a *b !c %d @e `f", " ".join(["long"] * 50)),
)


def test_any_name_survives_the_yaml(tmp_path: Path) -> None:
    list(
        export_yolo(
            [exported(tmp_path / "a.jpg", annotations=(marked(),))], tmp_path / "out", labels=Labels(first=NAMES)
        )
    )
    text = (tmp_path / "out" / "data.yaml").read_bytes().decode("ascii")
    assert yaml.safe_load(text)["names"] == dict(enumerate((*NAMES, "ring")))
    assert re.findall(r"^\w+", text, re.MULTILINE) == ["train", "val", "nc", "names"]


def test_without_any_box_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="None of these pictures has an object"):
        list(export_yolo([exported(tmp_path / "a.jpg", tags=("sea",))], tmp_path / "out"))
    list(export_yolo([exported(tmp_path / "a.jpg", tags=("sea",))], tmp_path / "out", labels=Labels(whole=True)))
    assert boxes(next((tmp_path / "out" / "labels").iterdir())) == [(0, (0, 0, WIDTH, HEIGHT))]
