"""Up to which of the catalogue's changes each collection's index has followed.

The index keeps a name of that place while it is closed.
"""

from __future__ import annotations

from collections.abc import Collection as Names

from src.database.catalog.catalog import Catalog
from src.database.index.protocol import Index

MOST_BEHIND, SHARE_BEHIND = 1_000, 0.2
"""Changes, in all and as a share, that an opened index is brought past; after more it is built anew."""
KEPT_CHANGES = 20_000
"""Changes that are kept of a collection whose index follows none of them, such as that of a server which is away."""


class Places:
    """The places of one index in the changes of one catalogue."""

    def __init__(self, catalog: Catalog, index: Index) -> None:
        self._changes = catalog.index_changes
        self._vectors = catalog.vectors
        self._index = index

    def of(self, name: str) -> int | None:
        """Number of the change up to which the index, which is opened for it, holds what the catalogue held.

        None where that can't be told, or is too long ago. Raises IndexFailed.
        """
        last, count = self._changes.last(name), self._index.count(name)
        noted = self._index.noted(name)
        if noted is None:
            return last if not count and not self._vectors.count_all(name) else None
        number = self._changes.number_of(noted)
        if number is None:  # an earlier version noted which rows it held
            return last if noted == self._vectors.fingerprint(name) else None
        most = max(MOST_BEHIND, SHARE_BEHIND * self._vectors.count_all(name))
        return number if self._changes.count_after(name, number) <= most else None

    def is_last(self, name: str) -> bool:
        """Whether the index holds what the catalogue holds, told without opening it. Raises IndexFailed."""
        noted = self._index.noted_unopened(name)
        number = self._changes.number_of(noted or "")
        return noted == self._vectors.fingerprint(name) if number is None else number == self._changes.last(name)

    def names(self, followed: dict[str, int]) -> dict[str, str]:
        """Collection -> name of its place, to be kept with the index. What came before it is forgotten.

        followed: collection -> number of the last change that its index has; brought up to date.
        """
        named = {}
        for name, number in list(followed.items()):
            if settled := self._changes.settle(name, number):
                followed[name], named[name] = settled
        return named

    def forget_others(self, followed: Names[str]) -> None:
        """Very many changes of collections whose index follows none of them: it is built anew once it can be."""
        for name in [collection.name for collection in self._vectors.all()]:
            most = max(KEPT_CHANGES, SHARE_BEHIND * self._vectors.count_all(name))
            if name not in followed and self._changes.count_after(name, 0) > most:
                self._changes.forget(name)
