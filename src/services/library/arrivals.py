"""Photos as they become findable, whoever adds them: the app, a command, another program that uses the library."""

from __future__ import annotations

from src.database.catalog.catalog import Catalog
from src.schema import PhotoFilter
from src.services.library.service import LibraryService


class Arrivals:
    """Tells each photo once, from when this was made on; it need not own the library."""

    def __init__(self, catalog: Catalog, library: LibraryService) -> None:
        self._catalog = catalog
        self._library = library
        self._changes = catalog.changes()
        self._collection = library.collection()
        self._after = self._last()

    def new(self) -> list[str]:
        """Ids of the photos that became findable since this was asked last, in that order.

        Where the library has another model by now, those count that came before under it. Raises LibraryError.
        """
        changes = self._catalog.changes()
        if changes == self._changes:
            return []
        self._changes = changes
        if self._collection != self._library.collection():
            self._collection = self._library.collection()
            self._after = self._last()
            return []
        found: list[str] = []
        for block in self._catalog.vectors.rows(self._collection, after=self._after):
            found += block.ids
            self._after = int(block.numbers[-1])
        return found

    def _last(self) -> int:
        """Serial number of the vector that was stored last, 0 where there is none."""
        return int(self._catalog.vectors.numbers(self._collection, PhotoFilter()).max(initial=0))
