"""A library of many made-up photos: rows of the catalogue and thumbnails, without originals and without vectors."""

from __future__ import annotations

import os
import random
from datetime import datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from src.config import Settings
from src.database.catalog.catalog import ImageRow
from src.database.catalog.facts import FactsRow
from src.database.catalog.files import FileRow
from src.database.store import Store
from src.processing.thumbnails import thumbnail_path, write_thumbnail
from src.schema import FileStamp, ImageFacts
from src.schema.facts import PhotoFacts, PictureMeasures
from src.services.enrichment.facts_pass import RECIPE
from tests.e2e.pictures import MOTIFS

LATEST = datetime(2024, 8, 30, 18)
SHAPES = ((4000, 3000), (4000, 3000), (3000, 4000), (6000, 4000), (2400, 2400), (8000, 3000))
CAMERAS = ("Nikon D750", "Canon EOS R6", "Pixel 8", None)
BLOCK = 5_000


def photo_id(number: int) -> str:
    return str(uuid5(NAMESPACE_OID, f"made-up {number}"))


def write_library(home: Path, number: int) -> None:
    """So many photos in 40 folders, taken every few hours before August 2024; one of fifty has no date."""
    settings = Settings(home=home)
    home.mkdir(parents=True, exist_ok=True)
    store = Store(settings)
    try:
        store.catalog.vectors.create("made-up", 8, "library")
        for start in range(0, number, BLOCK):
            some = range(start, min(start + BLOCK, number))
            images, files = [_image(one) for one in some], [_file(one) for one in some]
            store.catalog.commit_batch("made-up", images, files)
            store.catalog.facts.put(RECIPE, [_facts(one) for one in some])
    finally:
        store.close()
    _write_thumbnails(settings.thumbs_dir, number)


def _image(number: int) -> ImageRow:
    width, height = SHAPES[random.Random(number).randrange(len(SHAPES))]
    taken = None if number % 50 == 49 else (LATEST - timedelta(hours=number * 5)).isoformat(timespec="seconds")
    return ImageRow(photo_id(number), f"{number:064x}", ImageFacts(width, height, "JPEG", taken), 3_000_000)


def _file(number: int) -> FileRow:
    path = f"/photos/{2024 - number % 8}/album {number % 40 // 8}/IMG_{number:06}.jpg"
    stamp = FileStamp(1, number + 1, 1, 3_000_000)
    return FileRow(path.encode(), path, path.rsplit("/", 1)[1], photo_id(number), stamp)


def _facts(number: int) -> FactsRow:
    colour = f"#{random.Random(-number).randrange(1 << 24):06x}"
    measures = PictureMeasures(50.0, 0.5, 0.0, 0.0, (colour,))
    return FactsRow(photo_id(number), PhotoFacts(camera_model=CAMERAS[number % len(CAMERAS)]), measures, "")


def _write_thumbnails(folder: Path, number: int) -> None:
    """A few pictures, each of which stands for many photos."""
    pool = [write_thumbnail(draw(random.Random(1)), folder, photo_id(-at - 1)) for at, draw in enumerate(MOTIFS)]
    for one in range(number):
        target = thumbnail_path(folder, photo_id(one))
        target.parent.mkdir(exist_ok=True)
        os.link(pool[one % len(pool)], target)
