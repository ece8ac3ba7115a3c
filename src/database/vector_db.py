"""VectorDatabase, for scripts: vectors are committed to the catalogue, then indexed in Chroma, searched by cosine.

db = VectorDatabase()
db.create_or_get_collection()
db.add_segments(embeddings=[...], metadatas=[{"source": "img1.jpg"}], ids=["id1"])
db.search_by_embedding(query, n_results=10)
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt

from src.config import Settings
from src.database.catalog.catalog import Catalog
from src.database.catalog.vectors import Collection
from src.database.embeddings import VectorMatch, check_name, library_collection, normalised, together
from src.database.store import Store
from src.errors import LibraryUnusable

__all__ = ["VectorDatabase", "VectorMatch", "library_collection", "normalised"]

DEFAULT_COLLECTION = "segments"
SMALL = 10_000
"""Vectors up to which a script waits for its index to be rebuilt (about 10 s); above, searches scan exactly."""
log = logging.getLogger(__name__)


class VectorDatabase(Store):
    """A library's store with a current collection. Takes the lock; ``read_only`` takes none and refuses writes.

    Raises LibraryBusy where another process owns the library. Safe to use from several threads.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        catalog: Catalog | None = None,
        port: int | None = None,
        read_only: bool = False,
    ) -> None:
        super().__init__(settings, catalog=catalog, port=port, read_only=read_only)
        self._current: str | None = None

    def create_or_get_collection(self, name: str = DEFAULT_COLLECTION, dimensions: int | None = None) -> Collection:
        """Make ``name`` the current collection, creating it where there is none; the first vectors fix the dimension.

        Raises BadInput for a name that is not 3 to 512 of ``A-Za-z0-9._-``, WrongDimensions where it has another
        length.
        """
        check_name(name)
        known = {collection.name: collection for collection in self.catalog.vectors.all()}
        if name not in known or dimensions is not None:
            self._refuse_if_read_only()
            known[name] = self.catalog.vectors.create(name, dimensions, "user")
        self._current = name
        return known[name]

    def add_segments(
        self,
        embeddings: Sequence[npt.ArrayLike] | npt.NDArray[Any],
        metadatas: Sequence[Mapping[str, Any]] | None = None,
        ids: Sequence[str] | None = None,
    ) -> list[str]:
        """Insert or replace vectors of the current collection and return their ids.

        embeddings: n vectors of length D, any scale (stored with norm 1). metadatas: n JSON-like mappings; replaced
        with the vector. ids: n distinct strings, made up where not given. Committed to the catalogue before this
        returns. Raises BadInput for lists of different lengths or vectors that are zero or not finite, WrongDimensions.
        """
        name = self._current or self.create_or_get_collection().name
        matrix, keys, details = together(embeddings, metadatas, ids)
        if len(keys):
            self._refuse_if_read_only()
            self.index.require_space(name)
            self._make_index(name)
            self.catalog.vectors.create(name, matrix.shape[1], "user")
            self.put(name, dict(zip(keys, matrix, strict=True)), dict(zip(keys, details, strict=True)))
        return keys

    def search_by_embedding(self, query: npt.ArrayLike, n_results: int = 10) -> list[VectorMatch]:
        """The ``n_results`` nearest of the current collection to ``query`` (D,), best first; [] where it is empty."""
        name = self._current or self.create_or_get_collection().name
        matrix = normalised([query])
        matches = self.search(name, matrix, n_results)[0]
        metadata = self.catalog.vectors.metadata_of(name, [id_ for id_, _ in matches])
        return [VectorMatch(id_, score, metadata.get(id_, {})) for id_, score in matches]

    def _make_index(self, name: str) -> None:
        """Scripts have no background jobs: a small index that is behind is made again on the spot."""
        if not self.index.open(name) and self.catalog.vectors.count_all(name) <= SMALL:
            try:
                for _ in self.rebuild(name):
                    pass
            except LibraryUnusable as error:
                log.warning("%s", error)
