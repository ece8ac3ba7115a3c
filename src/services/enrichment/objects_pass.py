"""The pass that finds objects in photos, turns them into vectors, and stores them beside those of whole images.

    photos not yet looked through -> decode -> segment -> cut out -> model input (worker threads)
    -> encode in batches -> one transaction of the store -> events

What is found depends on the recipe alone. For another model the segments that are stored are cut out and encoded again,
not looked for. A photo is stored with all its objects or with none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from src.database.catalog.catalog import Catalog
from src.database.catalog.objects import OBJECTS
from src.database.embeddings import library_collection
from src.database.store import Store
from src.masks import scaled
from src.processing.segment_extractor import SegmentExtractor
from src.schema import Embedder, FloatArray, Segment
from src.services.enrichment.passes import Looked
from src.services.library.service import LibraryService

SIDE = 1024
"""Short side in pixels at which photos are decoded: a small thing must have pixels of its own when cut out."""
ENCODE_BATCH = 32
COMMIT_OBJECTS = 256
"""Found objects after which what is done is stored."""


@dataclass(frozen=True)
class LookedThrough(Looked):
    """A photo that was looked through. ``pixels``: (n, 3, H, W), the model's input for each segment."""

    segments: tuple[Segment, ...] = ()
    pixels: FloatArray | None = None


class ObjectsPass:
    """One pass over photos, under one model and one segmenter."""

    name = OBJECTS

    def __init__(
        self,
        catalog: Catalog,
        store: Store,
        library: LibraryService,
        embedder: Embedder,
        extractor: SegmentExtractor,
        careful: bool,
    ) -> None:
        """careful: every picture is decoded in a process of its own, as after a crash."""
        self._catalog = catalog
        self._store = store
        self._library = library
        self._embedder = embedder
        self._extractor = extractor
        self._careful = careful
        self._collection = library_collection(embedder.space, "object")
        self.workers = extractor.workers
        self.found = 0
        """Objects that were stored."""
        store.prepare(self._collection, embedder.dimensions, "object")

    def look(self, image_id: str) -> LookedThrough:
        """One photo's objects, and what the model is to see of them."""
        details = self._catalog.details(image_id)
        image = self._library.picture(image_id, SIDE, self._careful)
        if details is None or image is None:
            return LookedThrough(image_id, details.name if details else image_id, lost=True)
        full = (details.facts.width, details.facts.height)
        segments = self._catalog.objects.known(image_id, self._extractor.recipe)
        if segments is None:
            extracts = self._extractor.extract(image)
            segments = _scaled([extract.segment for extract in extracts], image.size, full)
        else:
            extracts = self._extractor.cut(image, _scaled(segments, full, image.size))
        pixels = np.stack([self._embedder.preprocess(extract.picture) for extract in extracts]) if extracts else None
        return LookedThrough(image_id, details.name, segments=tuple(segments), pixels=pixels)

    def is_full(self, batch: Sequence[LookedThrough]) -> bool:
        return sum(len(looked.segments) for looked in batch) >= COMMIT_OBJECTS

    def store(self, batch: Sequence[LookedThrough]) -> None:
        inputs = [looked.pixels for looked in batch if looked.pixels is not None]
        vectors = (
            self._encode(np.concatenate(inputs)) if inputs else np.empty((0, self._embedder.dimensions), np.float32)
        )
        found, at = {}, 0
        for looked in batch:
            found[looked.image_id] = list(zip(looked.segments, vectors[at : at + len(looked.segments)], strict=True))
            at += len(looked.segments)
        self.found += self._store.replace_parts(self._collection, self._extractor.recipe, found)

    def _encode(self, pixels: FloatArray) -> FloatArray:
        parts = [
            self._embedder.encode_pixels(pixels[at : at + ENCODE_BATCH]) for at in range(0, len(pixels), ENCODE_BATCH)
        ]
        return np.concatenate(parts)


def _scaled(segments: Sequence[Segment], old: tuple[int, int], new: tuple[int, int]) -> list[Segment]:
    return [replace(segment, box=scaled(segment.box, old, new)) for segment in segments]
