"""Photos whose objects people have boxed and named: coco128, which settings were chosen on, and everyday, which only
judges.

The boxes of ``everyday`` come from other photos and other people than coco128's, and no setting that a benchmark judges
by it was chosen with an eye on it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Boxes = NDArray[np.float64]
"""(n, 4) XYXY in pixels."""


@dataclass(frozen=True)
class Labelled:
    """A photo with its boxes: (n, 4), and the name of each."""

    image: Image.Image
    boxes: Boxes
    names: tuple[str, ...]


def coco128(folder: Path) -> list[Labelled]:
    """All photos of coco128, by name. Raises OSError where the folder is not as expected."""
    names = dict(re.findall(r"^ +(\d+): (.+?) *$", (folder / "config.yaml").read_text(encoding="utf-8"), re.MULTILINE))
    photos = []
    for path in sorted((folder / "images").rglob("*.jpg")):
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        lines = folder / "labels" / path.relative_to(folder / "images").with_suffix(".txt")
        rows = [line.split() for line in lines.read_text().splitlines() if line.strip()] if lines.is_file() else []
        values = np.array([row[1:5] for row in rows], np.float64).reshape(-1, 4)
        corners = np.concatenate((values[:, :2] - values[:, 2:] / 2, values[:, :2] + values[:, 2:] / 2), axis=1)
        photos.append(Labelled(image, corners * (*image.size, *image.size), tuple(names[row[0]] for row in rows)))
    if not photos:
        raise FileNotFoundError(f"There are no photos in {folder / 'images'}.")
    return photos


def coco128_by_tag(data: Path) -> tuple[list[Path], dict[str, set[str]]]:
    """All files of coco128 by name, and for each tag the names of those with such an object. Raises OSError."""
    folder = data / "boxes" / "coco128"
    files = sorted((folder / "images").rglob("*.jpg"))
    right: dict[str, set[str]] = {}
    for file, photo in zip(files, coco128(folder), strict=True):
        for tag in set(photo.names):
            right.setdefault(tag, set()).add(file.name)
    return files, right


def everyday(folder: Path) -> list[Labelled]:
    """All photos of boxes/everyday, by name, without the boxes that their people marked as difficult.

    Raises OSError where the folder is not as expected.
    """
    records = [
        json.loads(line) for line in (folder / "boxes.jsonl").read_text(encoding="utf-8").splitlines() if line.strip()
    ]
    photos = []
    for record in sorted(records, key=lambda record: str(record["file"])):
        with Image.open(folder / record["file"]) as opened:
            image = opened.convert("RGB")
        boxes = [box for box in record["boxes"] if not box.get("difficult")]
        corners = np.array([box["xyxy"] for box in boxes], np.float64).reshape(-1, 4)
        photos.append(Labelled(image, corners, tuple(box["label"] for box in boxes)))
    if not photos:
        raise FileNotFoundError(f"There are no photos in {folder}.")
    return photos
