"""The pass that makes vectors of photos by any model that makes such, beside those of the model in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.database.catalog.catalog import Catalog
from src.database.store import Store
from src.models.looking import Looker
from src.schema import FloatArray
from src.services.enrichment.passes import Looked
from src.services.library.service import LibraryService

COMMIT = 64
"""Photos that are encoded and stored together."""


@dataclass(frozen=True)
class Seen(Looked):
    """A photo as the model takes it: (3, H, W)."""

    pixels: FloatArray | None = None


class FeaturesPass:
    """One pass over photos, with one model. A photo that has a vector was gone through: that needs no other mark."""

    name = "features"
    workers = 2

    def __init__(
        self,
        catalog: Catalog,
        store: Store,
        library: LibraryService,
        model: Looker,
        collection: str,
        careful: bool = False,
    ) -> None:
        """careful: every picture is decoded in a process of its own, as after a crash."""
        self._catalog = catalog
        self._store = store
        self._library = library
        self._model = model
        self._collection = collection
        self._careful = careful
        self.stored = 0
        """Photos that got their vector."""

    def look(self, image_id: str) -> Seen:
        shown = self._catalog.shown([image_id]).get(image_id)
        name = shown.name if shown else image_id
        picture = self._library.picture(image_id, self._model.min_side, self._careful)
        if picture is None:
            return Seen(image_id, name, lost=True)
        return Seen(image_id, name, pixels=self._model.preprocess(picture))

    def is_full(self, batch: Sequence[Seen]) -> bool:
        return len(batch) >= COMMIT

    def store(self, batch: Sequence[Seen]) -> None:
        seen = [(one.image_id, one.pixels) for one in batch if one.pixels is not None]
        if seen:
            vectors = self._model.encode(np.stack([pixels for _, pixels in seen]))
            ids = [id_ for id_, _ in seen]
            self.stored += len(self._store.put_features(self._collection, dict(zip(ids, vectors, strict=True))))
