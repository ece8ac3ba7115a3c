"""COCO: a data set's pictures, boxes and masks in one JSON file, by the format description on cocodataset.org."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal

from src import masks
from src.errors import BadInput
from src.export import shapes
from src.export.items import AS_FOUND, Annotation, Categories, ExportedImage, Labels, Opener, labelled, rounded
from src.export.pictures import picture_file
from src.export.target import Target, free_stem, new_target, scratch
from src.schema import Progress, Skipped
from src.text import shown

MaskForm = Literal["rle", "polygons"]
"""rle: the mask's runs as COCO's compressed text, exact. polygons: outlines, which more programs read and edit."""

FILE = "annotations.json"
PICTURES = "images"
LICENCE = {"id": 1, "name": "Not stated", "url": ""}


def export_coco(
    images: Iterable[ExportedImage],
    place: Path,
    *,
    total: int | None = None,
    mask_form: MaskForm = "rle",
    labels: Labels = AS_FOUND,
    opener: Opener | None = None,
    description: str = "",
) -> Iterator[Progress | Skipped]:
    """Write ``annotations.json`` to a new folder or ZIP, and the pictures to ``images/`` where ``opener`` is given.

    Boxes are XYWH in pixels of the upright picture, areas the mask's pixels, or the box's where there is no mask; its
    segmentation is then empty. Without pictures ``file_name`` is the original's path. Besides COCO's own, pictures have
    ``source_id``, ``name``, ``tags`` and ``score``, annotations ``score`` and ``origin``; one without a score has none.
    Progress in images; closing the iterator leaves nothing. A picture that can't be had is Skipped. Raises BadInput
    where ``place`` exists or there is no picture, UnreadablePath where it can't be written.
    """
    with new_target(place) as target, target.growing(FILE) as file, scratch(place) as spool:
        writer = _Writer(file, spool, mask_form, labels, description)
        for done, image in enumerate(images):
            yield Progress(done, total, "images", image.name)
            name = image.path if opener is None else _copied(image, opener, target)
            if isinstance(name, Skipped):
                yield name
            else:
                writer.add(image, name)
        writer.finish()


def _copied(image: ExportedImage, opener: Opener, target: Target) -> str | Skipped:
    picture = picture_file(image, opener)
    if isinstance(picture, Skipped):
        return picture
    data, suffix = picture
    name = free_stem(image.name, image.id, lambda stem: target.has(f"{PICTURES}/{stem}{suffix}")) + suffix
    target.add(f"{PICTURES}/{name}", data)
    return name


class _Writer:
    """Writes pictures at once; annotations, which come after them in the file, wait in ``spool``.

    Only categories are held in memory.
    """

    def __init__(
        self, file: IO[bytes], spool: IO[bytes], mask_form: MaskForm, labels: Labels, description: str
    ) -> None:
        self._file, self._mask_form, self._labels = file, mask_form, labels
        self._spool = spool
        self._categories = Categories(labels.first)
        now = datetime.now(UTC)
        info = {"year": now.year, "version": "1.0", "description": shown(description), "contributor": "", "url": ""}
        self._file.write(b'{"info":' + _json({**info, "date_created": f"{now:%Y/%m/%d}"}))
        self._file.write(b',\n"licenses":[' + _json(LICENCE) + b'],\n"images":[')
        self._images, self._annotations = _Array(file), _Array(spool)

    def add(self, image: ExportedImage, file_name: str) -> None:
        number = self._images.add(
            {
                "width": image.width,
                "height": image.height,
                "file_name": file_name,
                "license": LICENCE["id"],
                "flickr_url": "",
                "coco_url": "",
                "date_captured": (image.taken_at or "").replace("T", " "),
                "source_id": image.id,
                "name": image.name,
                **({"tags": list(image.tags)} if image.tags else {}),
                **_score(image.score),
            }
        )
        for item in labelled(image, self._labels):
            category = self._categories.number(item.category) + 1
            self._annotations.add(
                {"image_id": number, "category_id": category, **self._shape(item, image), **_score(item.score)}
            )

    def _shape(self, item: Annotation, image: ExportedImage) -> dict[str, Any]:
        left, top, right, bottom = item.box
        area = (right - left) * (bottom - top)
        segmentation: list[list[float]] | dict[str, Any] = []
        if item.mask is not None:
            runs = masks.resized(item.mask, image.height, image.width)
            area = masks.area(runs)
            if self._mask_form == "polygons":
                segmentation = shapes.polygons(item.mask, image.height, image.width)
            else:
                segmentation = {"size": [image.height, image.width], "counts": masks.compressed(runs)}
        box = [left, top, right - left, bottom - top]
        return {"bbox": box, "area": area, "segmentation": segmentation, "iscrowd": 0, "origin": item.origin}

    def finish(self) -> None:
        if not self._images.count:
            raise BadInput("There is no picture to export.")
        self._file.write(b'],\n"annotations":[')
        self._spool.seek(0)
        shutil.copyfileobj(self._spool, self._file, 1 << 20)
        names = enumerate(self._categories.names(), 1)
        categories = [{"id": number, "name": name, "supercategory": ""} for number, name in names]
        self._file.write(b'],\n"categories":' + _json(categories) + b"}\n")


class _Array:
    """The elements of a JSON array, written one by one and numbered from 1."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.count = 0

    def add(self, element: dict[str, Any]) -> int:
        self.count += 1
        self._file.write((b",\n" if self.count > 1 else b"\n") + _json({"id": self.count, **element}))
        return self.count


def _score(score: float | None) -> dict[str, float]:
    value = rounded(score)
    return {} if value is None else {"score": value}


def _json(value: object) -> bytes:
    """ASCII: bytes of a path that are no text stay Python's escapes, by which ``os.fsencode`` finds the file again."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
