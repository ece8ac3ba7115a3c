"""Made-up libraries of any size: python -m benchmarks.synthetic --size 100000 [--dimensions 512] [--kind clustered]
[--libraries FOLDER]

A catalogue and a vector index as the product itself writes them, of photos that do not exist. Built once and kept: a
million vectors take most of an hour. ``clustered`` vectors resemble CLIP's (mean cosine of two photos 0.35, of a
query's ten nearest 0.75, a decaying spectrum); ``random`` ones are directions without any structure, the hardest case
there is.

Photos are spread evenly over ``DAYS`` days, whatever they show, so that a span of days keeps a known share of them;
photos of ten neighbouring clusters share an album, so that an album is the opposite: all its photos look alike.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.config import Settings
from src.database.catalog.catalog import Catalog, ImageRow
from src.database.catalog.files import FileRow
from src.database.vector_db import VectorDatabase, library_collection
from src.schema import FileStamp, FloatArray, ImageFacts

DEFAULT_FOLDER = Path.home() / ".cache" / "media-feature-extractor-benchmarks"
DAYS = 1_000
FIRST_DAY = datetime(2020, 1, 1, 12)
BLOCK = 5_000
PER_CLUSTER = 50
QUERIES = 10**9
"""Seed of what is asked; those of the photos are lower."""
NEARLY = 0.02
"""How far photos that are nearly alike lie from one another, as a share of their length."""
SHARED, OWN = 0.35, 0.5
"""Of a vector's squared length: what all photos have in common; of the rest, what a cluster has in common."""
WORDS_SHARED, WORDS_OWN = 0.5, 0.4
"""The same of a query that resembles a text's vector: what all texts have in common, which no photo has, and of the
rest, a cluster's.
"""


@dataclass(frozen=True)
class Shape:
    """What a made-up library holds."""

    size: int
    dimensions: int = 512
    kind: str = "clustered"
    space: str = "synthetic"

    @property
    def name(self) -> str:
        return f"{self.space}-{self.kind}-{self.dimensions}-{self.size}"

    @property
    def collection(self) -> str:
        return library_collection(self.space)


class Drawer:
    """Draws vectors of norm 1; the same numbers give the same vectors, in whatever order they are asked for."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self.clusters = max(8, shape.size // PER_CLUSTER)
        dice = np.random.default_rng(0)
        self._scales = (np.arange(shape.dimensions) + 1.0) ** -0.5
        self._scales = (self._scales / np.linalg.norm(self._scales)).astype(np.float32)
        self._common = dice.standard_normal(shape.dimensions, np.float32)
        self._common /= np.linalg.norm(self._common)
        self._centres = dice.standard_normal((self.clusters, shape.dimensions), np.float32) * self._scales

    def texts(self, number: int) -> FloatArray:
        """(number, D) vectors that lie to the photos as CLIP's texts do: apart from all of them, nearer to those of one
        cluster.

        A text and a photo of its cluster have a cosine of about 0.25, two texts 0.5, two photos of different clusters
        0.35.
        """
        dice = np.random.default_rng((2, 0))
        away = dice.standard_normal(self._shape.dimensions, np.float32)
        away -= (away @ self._common) * self._common
        cluster = dice.integers(0, self.clusters, number)
        noise = dice.standard_normal((number, self._shape.dimensions), np.float32) * self._scales
        own = np.sqrt(WORDS_OWN) * self._centres[cluster] + np.sqrt(1 - WORDS_OWN) * noise
        found = np.sqrt(WORDS_SHARED) * away / np.linalg.norm(away) + np.sqrt(1 - WORDS_SHARED) * own
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)

    def block(self, seed: int, rows: int) -> tuple[FloatArray, NDArray[np.int64]]:
        """(rows, D) vectors and the cluster of each."""
        dice = np.random.default_rng((1, seed))
        cluster = dice.integers(0, self.clusters, rows)
        noise = dice.standard_normal((rows, self._shape.dimensions), np.float32)
        if self._shape.kind in ("clustered", "alike"):
            own = np.sqrt(OWN) * self._centres[cluster] + np.sqrt(1 - OWN) * noise * self._scales
            noise = np.sqrt(SHARED) * self._common + np.sqrt(1 - SHARED) * own
        if self._shape.kind == "alike" and seed < QUERIES:
            alike, copy = np.arange(rows) % 11 != 0, np.arange(rows) % 4 == 0
            base = self._common + self._centres[0]
            size = NEARLY * np.linalg.norm(base) / self._shape.dimensions**0.5
            near = size * dice.standard_normal((rows, self._shape.dimensions), np.float32)
            noise[alike] = (base + np.where(copy[:, None], 0, near))[alike]
        return np.asarray(noise / np.linalg.norm(noise, axis=1, keepdims=True), np.float32), cluster


def photo_id(number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))


def day(number: int) -> int:
    """The day of a photo, 0 to DAYS - 1: multiplying by a prime scatters them evenly."""
    return number * 7_919 % DAYS


def moment(days: float) -> str:
    """A day of the library as the catalogue writes times."""
    return (FIRST_DAY + timedelta(days=days)).isoformat(timespec="seconds")


def queries(shape: Shape, number: int, like: str = "photos") -> FloatArray:
    """(number, D) vectors that are in no library: ``photos`` of the library's own kind, or ``texts``, of another
    distribution.
    """
    drawer = Drawer(shape)
    return drawer.texts(number) if like == "texts" else drawer.block(QUERIES, number)[0]


def library(shape: Shape, folder: Path = DEFAULT_FOLDER) -> Path:
    """Home of the library of that shape, built where it is not there yet. What an interrupted build left is used."""
    home = folder / shape.name
    ready = home / "ready.json"
    if not ready.exists():
        started = time.perf_counter()
        with VectorDatabase(Settings(home=home)) as database:
            fill(database, shape)
            if not database.index.open(shape.collection):
                for progress in database.rebuild(shape.collection):
                    _tell(
                        f"{shape.name}: {progress.done:,} of {progress.total:,} in the index", progress.done, shape.size
                    )
        ready.write_text(json.dumps({**vars(shape), "seconds": round(time.perf_counter() - started)}), encoding="utf-8")
    know_words(home)
    return home


def know_words(home: Path) -> None:
    """Has the lexical index of a library catch up, which the app does in the background beside the first searches."""
    catalog = Catalog(Settings(home=home).catalog_file)
    try:
        while catalog.lexical.catch_up():
            pass
    finally:
        catalog.close()


def fill(database: VectorDatabase, shape: Shape) -> None:
    database.catalog.vectors.create(shape.collection, shape.dimensions, "library")
    done = database.catalog.vectors.count_all(shape.collection)
    drawer = Drawer(shape)
    for start in range(done - done % BLOCK, shape.size, BLOCK):
        rows = min(BLOCK, shape.size - start)
        vectors, clusters = drawer.block(start, rows)
        numbers = range(start, start + rows)
        database.catalog.commit_batch(
            shape.collection,
            [_image(number) for number in numbers],
            [_file(number, int(cluster)) for number, cluster in zip(numbers, clusters, strict=True)],
            {photo_id(number): vector for number, vector in zip(numbers, vectors, strict=True)},
        )
        _tell(f"{shape.name}: {start + rows:,} of {shape.size:,} in the catalogue", start + rows, shape.size)


def _image(number: int) -> ImageRow:
    facts = ImageFacts(4000, 3000, "JPEG", moment(day(number)))
    return ImageRow(photo_id(number), f"{number:064x}", facts, 3_000_000)


def _file(number: int, cluster: int) -> FileRow:
    path = f"/made-up/album-{cluster // 10:06}/photo-{number:08}.jpg"
    return FileRow(
        path.encode(), path, path.rsplit("/", 1)[1], photo_id(number), FileStamp(1, number + 1, 1, 3_000_000)
    )


def album(cluster: int) -> str:
    return f"/made-up/album-{cluster // 10:06}"


def _tell(text: str, done: int, total: int) -> None:
    if (done % 50_000 < BLOCK and done % BLOCK == 0) or done == total:
        print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--kind", choices=("clustered", "random", "alike"), default="clustered")
    parser.add_argument(
        "--libraries", type=Path, default=DEFAULT_FOLDER, help="where they are kept (default: %(default)s)"
    )
    options = parser.parse_args()
    print(library(Shape(options.size, options.dimensions, options.kind), options.libraries))
    return 0


if __name__ == "__main__":
    sys.exit(main())
