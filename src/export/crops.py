"""Crops: every object as a picture of its own, in a folder for each category."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from src import masks
from src.errors import AppError, BadInput
from src.export.items import AS_FOUND, UNNAMED, Annotation, ExportedImage, Labels, Opener, labelled, rounded
from src.export.pictures import as_jpeg, skipped
from src.export.sheet import Sheet
from src.export.target import Target, free_stem, new_target, plain
from src.schema import Box, Mask, Progress, Skipped

LIST = "crops.csv"
COLUMNS = ("file", "image_id", "name", "category", "left", "top", "right", "bottom", "score", "origin")

_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for devices, whatever their ending."""


def export_crops(
    images: Iterable[ExportedImage],
    place: Path,
    opener: Opener,
    *,
    total: int | None = None,
    labels: Labels = AS_FOUND,
    padding: float = 0.0,
    cut_out: bool = False,
) -> Iterator[Progress | Skipped]:
    """Write every object to ``<category>/<name>.jpg`` in a new folder or ZIP, and ``crops.csv``, which lists them.

    padding: how much of the picture around a box is taken along, as a share of the box's longer side, in [0, 10].
    cut_out: what is outside of an object's mask becomes transparent; crops are then PNGs. Where the opener gives a
    smaller copy, so are the crops. Progress in images; closing the iterator leaves nothing. A picture that can't be
    opened is Skipped. Raises BadInput where ``place`` exists or there is no object, UnreadablePath where it can't be
    written.
    """
    if not 0 <= padding <= 10:
        raise BadInput(f"The padding of crops is a share from 0 to 10, not {padding}.")
    count, folders = 0, _Folders()
    with new_target(place) as target, target.growing(LIST) as file:
        sheet = Sheet(file, COLUMNS)
        for done, image in enumerate(images):
            yield Progress(done, total, "images", image.name)
            found = labelled(image, labels)
            if not found:
                continue
            try:
                picture = opener(image.id)
            except (AppError, OSError) as error:
                yield skipped(image, error)
                continue
            for item in found:
                data, suffix = _file(picture, item, image, padding, cut_out)
                name = _store(target, image, f"{folders.of(item.category)}/", data, suffix)
                sheet.add((name, image.id, image.name, item.category, *item.box, rounded(item.score), item.origin))
            count += len(found)
        if not count:
            raise BadInput("None of these pictures has an object to cut out.")


class _Folders:
    """A folder for each category: no two share one, also where case does not tell names apart."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._taken: set[str] = {LIST}

    def of(self, category: str) -> str:
        if category not in self._names:
            base = plain(category) or UNNAMED
            base += "_" if _DEVICE.fullmatch(base) else ""
            name, number = base, 1
            while name.casefold() in self._taken:
                number += 1
                name = f"{base}-{number}"
            self._taken.add(name.casefold())
            self._names[category] = name
        return self._names[category]


def _store(target: Target, image: ExportedImage, folder: str, data: bytes, suffix: str) -> str:
    name = folder + free_stem(image.name, image.id, lambda stem: target.has(f"{folder}{stem}{suffix}")) + suffix
    target.add(name, data)
    return name


def _file(
    picture: Image.Image, item: Annotation, image: ExportedImage, padding: float, cut_out: bool
) -> tuple[bytes, str]:
    """The crop's bytes and the ending of its name."""
    box = _padded(item.box, image, padding)
    scaled = _scaled(box, image, picture)
    crop = picture.crop(scaled)
    if not cut_out:
        return as_jpeg(crop), ".jpg"
    crop = crop.convert("RGB")
    if item.mask is not None:
        crop.putalpha(_alpha(item.mask, scaled, picture))
    target = io.BytesIO()
    crop.save(target, "PNG")
    return target.getvalue(), ".png"


def _padded(box: Box, image: ExportedImage, padding: float) -> Box:
    margin = round(max(box[2] - box[0], box[3] - box[1]) * padding)
    return (
        max(0, box[0] - margin),
        max(0, box[1] - margin),
        min(image.width, box[2] + margin),
        min(image.height, box[3] + margin),
    )


def _scaled(box: Box, image: ExportedImage, picture: Image.Image) -> Box:
    """The box in pixels of the picture as it was opened, at least one pixel wide and high."""
    across, down = picture.width / max(1, image.width), picture.height / max(1, image.height)
    left, top = min(int(box[0] * across), picture.width - 1), min(int(box[1] * down), picture.height - 1)
    return left, top, max(left + 1, round(box[2] * across)), max(top + 1, round(box[3] * down))


def _alpha(mask: Mask, box: Box, picture: Image.Image) -> Image.Image:
    """The mask's part inside ``box``, at the picture's size: 255 where it is set."""
    rows = (2 * np.arange(box[1], box[3]) + 1) * mask.height // (2 * picture.height)
    columns = (2 * np.arange(box[0], box[2]) + 1) * mask.width // (2 * picture.width)
    return Image.fromarray(masks.decode(mask)[rows][:, columns].astype(np.uint8) * 255)
