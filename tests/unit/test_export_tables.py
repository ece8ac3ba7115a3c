"""Tables as a spreadsheet and as pyarrow read them back."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from src import masks
from src.config import PROJECT_DIR
from src.export.items import Annotation
from src.export.sheet import FORMULA, cell
from src.export.tables import FACTS, IMAGES, OBJECTS, ROWS, export_csv, export_parquet
from src.schema import Progress
from tests.unit.test_export_items import HEIGHT, WIDTH, ellipse, exported, library, marked


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened))


def test_csv_has_every_picture_and_every_object(tmp_path: Path) -> None:
    images = library(tmp_path)
    assert list(export_csv(images, tmp_path / "out", total=3)) == [
        Progress(at, 3, "images", image.name) for at, image in enumerate(images)
    ]
    pictures, objects = rows(tmp_path / "out" / "images.csv"), rows(tmp_path / "out" / "objects.csv")
    assert tuple(pictures[0]) == IMAGES and tuple(objects[0]) == OBJECTS
    assert [(row["id"], row["path"], row["objects"]) for row in pictures] == [
        (image.id, image.path, str(len(image.annotations))) for image in images
    ]
    assert [(row["image_id"][:8], row["number"], row["category"]) for row in objects] == [
        ("00000001", "1", "cat"),
        ("00000002", "1", "ring"),
        ("00000002", "2", "cat"),
    ]
    assert objects[1]["area"] == str(masks.area(ellipse())) and objects[0]["area"] == "2800"


def test_parquet_has_types(tmp_path: Path) -> None:
    images = library(tmp_path)
    images[0] = replace(images[0], facts={"iso": 200, "aperture": 2.8, "flash": True, "keywords": ("sea", "sky")})
    list(export_parquet(images, tmp_path / "out"))
    pictures, objects = (
        pq.read_table(tmp_path / "out" / f"{name}.parquet").to_pylist() for name in ("images", "objects")
    )
    assert pictures[0] == {
        "id": images[0].id,
        "name": "photo.jpg",
        "path": images[0].path,
        "width": WIDTH,
        "height": HEIGHT,
        "taken_at": datetime(2024, 5, 1, 10, 20, 30),
        "format": "JPEG",
        "bytes": images[0].bytes,
        "score": None,
        "objects": 1,
        **{field.name: None for field in FACTS},
        "iso": 200,
        "aperture": 2.8,
        "flash": True,
        "keywords": "sea; sky",
    }
    assert [item["image_id"] for item in objects] == [images[0].id, images[1].id, images[1].id]
    assert [(item["score"], item["origin"]) for item in objects[1:]] == [(0.5, "sam"), (None, "")]
    small = masks.resized(ellipse(30, 40), HEIGHT, WIDTH)
    assert objects[2]["area"] == masks.area(small)


def test_parquet_without_objects_and_over_several_groups_of_rows(tmp_path: Path) -> None:
    list(export_parquet((exported(Path("a.jpg"), at) for at in range(2 * ROWS + 1)), tmp_path / "out"))
    file = pq.ParquetFile(tmp_path / "out" / "images.parquet")
    assert (file.num_row_groups, file.metadata.num_rows) == (3, 2 * ROWS + 1)
    assert pq.read_table(tmp_path / "out" / "objects.parquet").num_rows == 0


def test_odd_times_and_names_are_no_error(tmp_path: Path) -> None:
    raw = os.fsdecode(b"/p/\xff=\x00\n.jpg")
    odd = exported(Path("a.jpg"), 1, path=raw, name="\u202ea\n.jpg", taken_at="2024-02-31T10:20:30")
    images = [odd, exported(Path("b"), 2, taken_at="x")]
    list(export_parquet(images, tmp_path / "parquet"))
    table = pq.read_table(tmp_path / "parquet" / "images.parquet").to_pylist()
    assert table[0]["path"] == "/p/\N{REPLACEMENT CHARACTER}=\x00\n.jpg" and table[0]["name"] == "\u202ea\n.jpg"
    assert [row["taken_at"] for row in table] == [None, None]
    list(export_csv(images, tmp_path / "csv"))
    listed = rows(tmp_path / "csv" / "images.csv")
    assert listed[0]["path"] == "/p/\N{REPLACEMENT CHARACTER}=\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}.jpg"
    assert listed[0]["taken_at"] == "2024-02-31T10:20:30"


@pytest.mark.parametrize("start", FORMULA)
def test_no_cell_is_a_formula(tmp_path: Path, start: str) -> None:
    text = f'{start}HYPERLINK("http://x")'
    item = Annotation(text, (0, 0, 1, 1), origin=text)
    image = exported(Path("a.jpg"), name=text, path=text, format=text, annotations=(item,))
    list(export_csv([image], tmp_path / "out"))
    for table in ("images", "objects"):
        for row in rows(tmp_path / "out" / f"{table}.csv"):
            assert not [value for value in row.values() if value.startswith(FORMULA)]
    assert cell(-0.5) == -0.5, "numbers stay numbers"


def test_a_smaller_mask_counts_at_the_pictures_size(tmp_path: Path) -> None:
    list(export_csv([exported(Path("a.jpg"), annotations=(marked(ellipse(12, 16)),))], tmp_path / "out"))
    area = masks.area(masks.resized(ellipse(12, 16), HEIGHT, WIDTH))
    assert rows(tmp_path / "out" / "objects.csv")[0]["area"] == str(area)


def test_importing_the_export_loads_no_table_library() -> None:
    modules = "src.export.coco, src.export.crops, src.export.tables, src.export.yolo"
    code = f"import sys, {modules}; print([m for m in ('pyarrow', 'pandas', 'cv2', 'torch') if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_DIR, capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout.strip() == "[]"
