"""What is said of photos as vectors: compared with a query's words, whichever model looks at the photos themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, cast

import numpy as np

from src.database.catalog.catalog import Catalog
from src.database.catalog.kinds import DESCRIPTIONS
from src.database.nearest.exact import Match
from src.database.store import Store
from src.models.model_manager import ModelManager
from src.models.registry import BUILTIN
from src.schema import FloatArray, PhotoFilter

AT_ONCE = 256
"""Texts that are encoded and stored together."""
DIMENSIONS = 384


class SentenceModel(Protocol):
    """A model that compares texts with texts."""

    def sentence_vectors(self, texts: Sequence[str]) -> FloatArray: ...


class DescriptionVectors:
    """The collection of the vectors of what is said of photos: one a photo, under the id of its image."""

    collection = DESCRIPTIONS

    def __init__(self, catalog: Catalog, store: Store, models: ModelManager) -> None:
        self._catalog = catalog
        self._store = store
        self._models = models
        self._seen = -1

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """n texts, descriptions or queries -> (n, 384) float32 of L2 norm 1: all-MiniLM-L6-v2's, by the built-in model.

        Cut after 128 tokens, about 100 words. Raises ModelError where the built-in model's files can't be used.
        """
        return cast(SentenceModel, self._models.embedder(BUILTIN)).sentence_vectors(texts)

    def of(self, texts: Mapping[str, str]) -> FloatArray:
        """Image id -> what is said of it: the vectors (n, 384), stored ones and, of what has none yet, new ones."""
        stored = self._catalog.vectors.get_many(DESCRIPTIONS, list(texts))
        lacking = [id_ for id_ in texts if id_ not in stored]
        for start in range(0, len(lacking), AT_ONCE):
            ids = lacking[start : start + AT_ONCE]
            stored |= zip(ids, self.encode([texts[id_] for id_ in ids]), strict=True)
        return np.stack([stored[id_] for id_ in texts]) if texts else np.empty((0, DIMENSIONS), np.float32)

    def count(self, only: PhotoFilter | None = None) -> int:
        """Photos that ``nearest`` looks through."""
        return self._catalog.vectors.count(DESCRIPTIONS, only)

    def nearest(self, queries: FloatArray, limit: int, only: PhotoFilter | None = None) -> list[list[Match]]:
        """Of each of (q, 384) queries of norm 1, the ``limit`` photos that pass whose descriptions are nearest.

        (image id, cosine), the best first; hidden photos are never among them. By an exact scan. Raises BadInput.
        """
        if not self._catalog.vectors.count_all(DESCRIPTIONS):
            return [[] for _ in queries]
        return self._store.search(DESCRIPTIONS, queries, limit, only)

    def scores(self, vectors: FloatArray, image_ids: Sequence[str]) -> dict[str, FloatArray]:
        """Image id -> the cosines (q,) of its description with (q, 384) vectors of norm 1; ids without one left out."""
        stored = self._catalog.vectors.get_many(DESCRIPTIONS, image_ids)
        return {id_: np.asarray(vectors @ vector, np.float32) for id_, vector in stored.items()}

    def catch_up(self) -> int:
        """Make the vectors of words that were changed, undone or taken over from a backup since; how many were made.

        It costs next to nothing where nothing has changed since the last call. Raises ModelError, LibraryUnusable.
        """
        state = self._catalog.changes()
        if state == self._seen:
            return 0
        found = self._catalog.descriptions.without_vector(AT_ONCE)
        if found:
            vectors = self.encode(list(found.values()))
            words = zip(found.items(), vectors, strict=True)
            self._store.put_words({id_: (text, vector) for (id_, text), vector in words})
        else:
            self._seen = state
        return len(found)
