"""Objects inside photos: found by a segmenter, turned into vectors, and stored beside those of whole images.

    photos not yet looked through -> decode -> segment -> cut out -> model input (worker threads)
    -> encode in batches -> one catalogue transaction -> Chroma -> events

What is found depends on the recipe alone. For another model the segments that are stored are cut out and encoded again, not looked for.
Closing the iterator cancels; what was committed stays, and the next run goes on there. A photo is stored with all its objects or with none.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from src.database.catalog.catalog import Catalog
from src.database.catalog.objects import StoredSegment
from src.database.catalog.vectors import OBJECTS
from src.database.vector_db import VectorDatabase, library_collection
from src.models import registry
from src.models.model_manager import ModelManager
from src.processing.regions import RegionSegmenter
from src.processing.segment_extractor import SegmentExtractor
from src.schema import Box, Embedder, Finding, FloatArray, Indexed, JobEvent, ModelStatus, PhotoFilter, Progress, Segment, Skipped
from src.services.library.service import LibraryService
from src.text import count

SIDE = 1024
"""Short side in pixels at which photos are decoded: a small thing must still have pixels of its own when it is cut out."""
ENCODE_BATCH = 32
COMMIT_OBJECTS, COMMIT_SECONDS = 256, 2.0
"""Found objects, and seconds, after which what is done is committed."""
BUILTIN = "builtin-regions"
ABOUT_BUILTIN = (
    "Regions that stand out by colour and edges. Ships with the program; it knows nothing of what things are, so its boxes are rough."
)
SEGMENTER = "segmenter"
"""Key of the library's setting."""


@dataclass(frozen=True)
class _Looked:
    """A photo that was looked through. ``pixels``: (n, 3, H, W), the model's input for each segment."""

    image_id: str
    name: str
    segments: tuple[Segment, ...] = ()
    pixels: FloatArray | None = None
    lost: bool = False
    """It could not be read now."""


class ObjectService:
    """Looks through photos for objects, under the library's active model and the segmenter chosen for it."""

    def __init__(self, catalog: Catalog, vectors: VectorDatabase, models: ModelManager, library: LibraryService) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._models = models
        self._library = library

    # ------------------------------------------------------------ which segmenter

    @property
    def segmenter(self) -> str:
        """Id of the segmenter that the library uses: the built-in one until another is chosen that this program has."""
        chosen = self._catalog.get_meta(SEGMENTER)
        return chosen if chosen and any(spec.id == chosen for spec in registry.specs("segment")) else BUILTIN

    def use(self, segmenter: str) -> None:
        """Find objects with this segmenter from now on; photos that another looked through are due again.

        Raises UnknownModel, WeightsMissing.
        """
        if segmenter != BUILTIN:
            self._models.segmenter(segmenter)
        self._catalog.set_meta(SEGMENTER, segmenter)

    def segmenters(self) -> list[ModelStatus]:
        """Those that may be chosen, the built-in one first."""
        builtin = ModelStatus(BUILTIN, "Built-in regions", 0, True, self.segmenter == BUILTIN, about=ABOUT_BUILTIN)
        return [builtin, *self._models.statuses(self.segmenter, "segment")]

    def _extractor(self) -> SegmentExtractor:
        """Raises ModelError where the segmenter's weights are not here."""
        if self.segmenter == BUILTIN:
            return SegmentExtractor(RegionSegmenter())
        return SegmentExtractor(self._models.segmenter(self.segmenter), workers=1)

    # ------------------------------------------------------------ what there is

    def counts(self) -> tuple[int, int]:
        """(photos looked through, objects found in them)."""
        return self._catalog.objects.counts()

    def searchable(self, only: PhotoFilter | None = None) -> tuple[int, int]:
        """(objects that a search of those that pass can find, a number that grows when some are replaced or forgotten)."""
        name = self._library.collection("object")
        return self._catalog.vectors.count(name, only), self._catalog.vectors.counters(name).rewritten

    def of_photo(self, image_id: str) -> list[StoredSegment]:
        """The objects found in one photo, the surest first."""
        return self._catalog.objects.of_image(image_id)

    def part(self, image_id: str, box: Box) -> Image.Image | None:
        """What a box in a photo shows, in pixels of the upright original; None where its file can't be read now."""
        details, image = self._catalog.details(image_id), self._library.picture(image_id, SIDE)
        if details is None or image is None:
            return None
        return image.crop(scaled(box, (details.facts.width, details.facts.height), image.size))

    def part_of(self, segment_id: str) -> tuple[str, Image.Image | None] | None:
        """Name of the photo that an object is in, and its picture; None where there is no such object."""
        stored = self._catalog.objects.by_id([segment_id]).get(segment_id)
        details = self._catalog.details(stored.image_id) if stored else None
        return (details.name, self.part(details.id, stored.segment.box)) if stored and details else None

    def pending(self, folder: str | None = None, images: Sequence[str] | None = None) -> list[str]:
        """Ids of photos that are still to be looked through: of a folder, of these, or of all."""
        only = PhotoFilter(folder) if folder else None
        return self._catalog.objects.pending(self._library.collection("object"), self._extractor().recipe, only, images)

    def waiting(self) -> int:
        """How many photos of the library are still to be looked through. Raises ModelError where the segmenter's weights are not here."""
        return self._catalog.objects.number_pending(self._library.collection("object"), self._extractor().recipe)

    def waiting_folders(self) -> list[str]:
        """Followed folders whose objects are wanted and that hold photos not looked through yet."""
        wanted = [os.fsdecode(row.path) for row in self._catalog.folders.all() if row.objects and row.offline_since is None]
        return [folder for folder in wanted if self.pending(folder)]

    # ------------------------------------------------------------ finding and forgetting

    def index(self, folders: Sequence[str] | None = None, images: Sequence[str] | None = None, careful: bool = False) -> Iterator[JobEvent]:
        """Look through photos for objects: of these folders, of these photos, or of the whole library.

        Those that were looked through this way before are left as they are. careful: decode in a process of its own, as after a crash.
        """
        todo = list(dict.fromkeys(id_ for folder in folders or (None,) for id_ in self.pending(folder, images)))
        embedder = self._models.embedder(self._library.active_model)
        run = _Run(self._catalog, self._vectors, self._library, embedder, self._extractor(), careful)
        yield from run.events(todo)

    def forget_all(self) -> Iterator[JobEvent]:
        """Forget every object; the photos stay."""
        names = [collection.name for collection in self._catalog.vectors.all() if collection.name.startswith(OBJECTS)]
        _, total = self.counts()
        self._catalog.objects.clear()
        for name in names:
            self._vectors.discard(name)
        yield Progress(total, total, "objects")


class _Run:
    """One pass over photos."""

    def __init__(
        self,
        catalog: Catalog,
        vectors: VectorDatabase,
        library: LibraryService,
        embedder: Embedder,
        extractor: SegmentExtractor,
        careful: bool,
    ) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._library = library
        self._embedder = embedder
        self._extractor = extractor
        self._careful = careful
        self._collection = library_collection(embedder.space, "object")
        self._found = 0

    def events(self, todo: Sequence[str]) -> Iterator[JobEvent]:
        yield Progress(0, len(todo))
        self._catalog.vectors.create(self._collection, self._embedder.dimensions, "library")
        self._vectors.open_index(self._collection)
        done = 0
        for batch in self._batches(todo):
            self._commit([looked for looked in batch if not looked.lost])
            for looked in batch:
                done += 1
                yield Skipped(looked.name, "Its file can't be read now.") if looked.lost else Indexed(looked.image_id, looked.name)
            yield Progress(done, len(todo), current=batch[-1].name)  # here a job may be stopped: all that is stored was told
        yield Finding("objects", f"{count(self._found, 'object')} found in {count(done, 'photo')}.")

    def _batches(self, todo: Sequence[str]) -> Iterator[list[_Looked]]:
        """Photos in order, looked through a few ahead by worker threads."""
        workers = self._extractor.workers
        ids = iter(todo)
        waiting: deque[Future[_Looked]] = deque()
        batch: list[_Looked] = []
        until = time.monotonic() + COMMIT_SECONDS
        pool = ThreadPoolExecutor(workers, "objects")
        try:
            while True:
                waiting.extend(pool.submit(self._look, id_) for id_ in itertools.islice(ids, 2 * workers - len(waiting)))
                if not waiting:
                    break
                batch.append(waiting.popleft().result())
                if sum(len(looked.segments) for looked in batch) >= COMMIT_OBJECTS or time.monotonic() > until:
                    yield batch
                    batch, until = [], time.monotonic() + COMMIT_SECONDS
            if batch:
                yield batch
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _look(self, image_id: str) -> _Looked:
        """One photo, in a worker thread: its objects, and what the model is to see of them."""
        details = self._catalog.details(image_id)
        image = self._library.picture(image_id, SIDE, self._careful)
        if details is None or image is None:
            return _Looked(image_id, details.name if details else image_id, lost=True)
        full = (details.facts.width, details.facts.height)
        segments = self._catalog.objects.known(image_id, self._extractor.recipe)
        if segments is None:
            extracts = self._extractor.extract(image)
            segments = _scaled([extract.segment for extract in extracts], image.size, full)
        else:
            extracts = self._extractor.cut(image, _scaled(segments, full, image.size))
        pixels = np.stack([self._embedder.preprocess(extract.picture) for extract in extracts]) if extracts else None
        return _Looked(image_id, details.name, tuple(segments), pixels)

    def _commit(self, batch: Sequence[_Looked]) -> None:
        inputs = [looked.pixels for looked in batch if looked.pixels is not None]
        vectors = self._encode(np.concatenate(inputs)) if inputs else np.empty((0, self._embedder.dimensions), np.float32)
        found, at = {}, 0
        for looked in batch:
            found[looked.image_id] = list(zip(looked.segments, vectors[at : at + len(looked.segments)], strict=True))
            at += len(looked.segments)
        self._vectors.require_space(self._collection)
        new, gone = self._catalog.objects.put(self._collection, self._extractor.recipe, found)
        if gone:
            self._vectors.remove(self._collection, gone)
        if new:
            self._vectors.push(self._collection, list(new), np.stack(list(new.values())))
        self._found += len(new)

    def _encode(self, pixels: FloatArray) -> FloatArray:
        parts = [self._embedder.encode_pixels(pixels[at : at + ENCODE_BATCH]) for at in range(0, len(pixels), ENCODE_BATCH)]
        return np.concatenate(parts)


def scaled(box: Box, old: tuple[int, int], new: tuple[int, int]) -> Box:
    """A box in a picture of size ``old`` (width, height), as it lies where the picture has size ``new``. At least one pixel.

    A box scaled up and down again is the same.
    """
    x0, y0 = (min(round(box[axis] * new[axis] / old[axis]), new[axis] - 1) for axis in (0, 1))
    x1, y1 = (max(low + 1, min(new[axis], round(box[2 + axis] * new[axis] / old[axis]))) for axis, low in ((0, x0), (1, y0)))
    return x0, y0, x1, y1


def _scaled(segments: Sequence[Segment], old: tuple[int, int], new: tuple[int, int]) -> list[Segment]:
    return [replace(segment, box=scaled(segment.box, old, new)) for segment in segments]
