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
    """A library's store with a current collection. Safe to use from several threads."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        catalog: Catalog | None = None,
        port: int | None = None,
        read_only: bool = False,
    ) -> None:
        """Open the library, to write where not said otherwise. Close it with ``close`` or by a ``with`` block.

        Args:
            settings: Where the library lies; None: as the ``MFE_*`` variables say.
            catalog: An open catalogue of that library; None: it is opened, and made where there is none.
            port: Of the pages that this process serves, 1 to 65535; others are led there. None for none.
            read_only: Leave the library to its owner: take no lock, and refuse to write.

        Raises:
            LibraryBusy: Another process owns the library.
            LibraryNewer: A newer version of this program wrote it.
            LibraryUnusable: It can't be read or written, or is on a network drive.
            BadSetting: A variable has a value that makes no sense.
        """
        super().__init__(settings, catalog=catalog, port=port, read_only=read_only)
        self._current: str | None = None

    def create_or_get_collection(self, name: str = DEFAULT_COLLECTION, dimensions: int | None = None) -> Collection:
        """Make a collection the current one; it is created where there is none.

        Args:
            name: 3 to 512 of ``A-Za-z0-9._-``, a letter or digit at both ends.
            dimensions: Length of its vectors, at least 1; None: as it is, or as the first vectors fix it.

        Returns:
            The collection: its name, dimensions (None while it never had a vector) and owner.

        Raises:
            BadInput: It can't have that name.
            WrongDimensions: Its vectors have another length.
            LibraryBusy: It would have to be written, and the library is open for reading only.
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
        """Insert or replace vectors of the current collection ("segments" where none is); committed before it returns.

        Args:
            embeddings: n vectors of length D, of any scale; they are stored with norm 1.
            metadatas: n JSON-like mappings, which replace those that their ids had; None: empty ones.
            ids: n distinct strings; None: they are made up.

        Returns:
            The n ids, in the order of the vectors.

        Raises:
            BadInput: The lists have different lengths, or a vector is zero or not finite.
            WrongDimensions: The collection holds vectors of another length than D.
            LibraryBusy: The library is open for reading only.
            LibraryUnusable: Its disk has no room for them.
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
        """Find the nearest vectors of the current collection ("segments" where none is) by cosine.

        Args:
            query: (D,), of any scale.
            n_results: How many at most, at least 1.

        Returns:
            Id, score in [-1, 1] and metadata of each, the best first; none where the collection is empty.

        Raises:
            BadInput: The query is zero or not finite, or fewer than one result is asked for.
            WrongDimensions: The collection holds vectors of another length than D.
            LibraryBusy: There is no collection yet, and the library is open for reading only.
        """
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
