"""YOLO: a text file of boxes a picture and a ``data.yaml`` of the categories, as Ultralytics' trainers read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from src.errors import BadInput
from src.export.items import AS_FOUND, Annotation, Categories, ExportedImage, Labels, Opener, labelled
from src.export.pictures import picture_file
from src.export.sheet import Sheet
from src.export.target import free_stem, new_target
from src.schema import Progress, Skipped

PICTURES, LABELS, DATA, LIST = "images", "labels", "data.yaml", "pictures.csv"


def export_yolo(
    images: Iterable[ExportedImage],
    place: Path,
    *,
    total: int | None = None,
    labels: Labels = AS_FOUND,
    opener: Opener | None = None,
) -> Iterator[Progress | Skipped]:
    """Write ``labels/*.txt``, ``data.yaml`` and ``pictures.csv``, and ``images/`` where ``opener`` is given.

    They go to a new folder or ZIP. A line of a label file is category, x and y of the box's centre, its width and
    height, as shares of the upright picture in [0, 1]. A picture without a box has an empty file. Where pictures are
    not copied, ``pictures.csv`` says which original goes with which label file: trainers look for pictures beside the
    labels. Training and validation are the same pictures; split them as you like. Progress in images; closing the
    iterator leaves nothing. A picture that can't be had is Skipped. Raises BadInput where ``place`` exists or nothing
    has a box, UnreadablePath where it can't be written.
    """
    categories, boxes = Categories(labels.first), 0
    with new_target(place) as target, target.growing(LIST) as listing:
        sheet = Sheet(listing, ("stem", "picture", "id", "original"))
        for done, image in enumerate(images):
            yield Progress(done, total, "images", image.name)
            picture = picture_file(image, opener) if opener else None
            if isinstance(picture, Skipped):
                yield picture
                continue
            stem = free_stem(image.name, image.id, lambda stem: target.has(f"{LABELS}/{stem}.txt"))
            if picture:
                target.add(f"{PICTURES}/{stem}{picture[1]}", picture[0])
            lines = [_line(categories.number(item.category), item, image) for item in labelled(image, labels)]
            boxes += len(lines)
            target.add(f"{LABELS}/{stem}.txt", "".join(lines).encode("ascii"))
            sheet.add((stem, stem + picture[1] if picture else "", image.id, image.path))
        if not boxes:
            raise BadInput("None of these pictures has an object to export.")
        target.add(DATA, _data(categories.names()).encode("ascii"))


def _line(category: int, item: Annotation, image: ExportedImage) -> str:
    left, right = (x / image.width for x in (item.box[0], item.box[2]))
    top, bottom = (y / image.height for y in (item.box[1], item.box[3]))
    numbers = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
    return f"{category} " + " ".join(f"{number:.6f}" for number in numbers) + "\n"


def _data(names: list[str]) -> str:
    """The data set's description. ``path`` is left out: trainers then count from the folder that this file is in."""
    data = {"train": PICTURES, "val": PICTURES, "nc": len(names), "names": dict(enumerate(names))}
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=False)
