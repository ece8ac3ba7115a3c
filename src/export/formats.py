"""The formats of an export: one row each, read by pages, command line and jobs.

A new format is a row here and its writer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from src.export.coco import MaskForm, export_coco
from src.export.crops import export_crops
from src.export.items import ExportedImage, Labels, Opener
from src.export.tables import export_csv, export_parquet
from src.export.yolo import export_yolo
from src.schema import Progress, Skipped


@dataclass(frozen=True)
class Writing:
    """What a writer is given: images and their number, where to, what objects are called, how a picture is opened."""

    images: Iterable[ExportedImage]
    place: Path
    total: int
    labels: Labels
    opener: Opener
    pictures: bool
    """Whether copies of the photos are asked for."""

    @property
    def copier(self) -> Opener | None:
        """Opens the pictures to copy; None where no copies are asked for."""
        return self.opener if self.pictures else None


@dataclass(frozen=True)
class Format:
    """One format: how people read its name, how it is written, and whether it can hold copies of the photos."""

    title: str
    write: Callable[[Writing], Iterator[Progress | Skipped]]
    copies_pictures: bool = False


def _coco(to: Writing, masks: MaskForm) -> Iterator[Progress | Skipped]:
    return export_coco(to.images, to.place, total=to.total, mask_form=masks, labels=to.labels, opener=to.copier)


FORMATS: Mapping[str, Format] = {
    "coco": Format("COCO JSON, exact masks", partial(_coco, masks="rle"), copies_pictures=True),
    "coco-polygons": Format("COCO JSON, outlines", partial(_coco, masks="polygons"), copies_pictures=True),
    "yolo": Format(
        "YOLO boxes",
        lambda to: export_yolo(to.images, to.place, total=to.total, labels=to.labels, opener=to.copier),
        copies_pictures=True,
    ),
    "crops": Format(
        "Cut-out objects as pictures",
        lambda to: export_crops(to.images, to.place, to.opener, total=to.total, labels=to.labels),
    ),
    "csv": Format("Table (CSV)", lambda to: export_csv(to.images, to.place, total=to.total)),
    "parquet": Format("Table (Parquet)", lambda to: export_parquet(to.images, to.place, total=to.total)),
}
