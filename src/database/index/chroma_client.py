"""Chroma's own client for one folder: opened when first needed, and closed after the searches that are under way.

The only importer of chromadb.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from src.database.index import owner
from src.database.index.hnsw import FLUSH, HNSW, IndexFailed, ef_search

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection


class ChromaClient:
    """Chroma's database in one folder. All is called by whoever holds the lock, but for the search itself."""

    def __init__(self, folder: Path, lock: threading.RLock) -> None:
        self._folder = folder
        self._idle = threading.Condition(lock)
        self._searching = 0
        self._client: Client | None = None
        self._identity: tuple[int, int] | None = None
        self.opened: dict[str, Collection] = {}
        """The collections that were used since it was opened."""

    @property
    def is_open(self) -> bool:
        return self._client is not None

    def is_lost(self) -> bool:
        """Whether Chroma's database is open here, but was deleted or replaced."""
        return self.is_open and self._identity != owner.identity(self._folder)

    def open(self) -> None:
        """Open the database, made where there is none; it is marked as ours."""
        import chromadb
        from chromadb.config import Settings

        self._folder.mkdir(exist_ok=True)
        owner.claim(self._folder, ())
        settings = Settings(anonymized_telemetry=False)
        try:
            self._client = cast("Client", chromadb.PersistentClient(path=str(self._folder), settings=settings))
        except BaseException:
            chromadb.api.client.Client.clear_system_cache()  # else the half-opened one is what the next attempt gets
            raise
        self._identity = owner.identity(self._folder)

    def close(self) -> None:
        """Wait for the searches under way, and let go of the files."""
        while self._searching:
            self._idle.wait()
        self.opened.clear()
        if self._client is not None:
            self._client.close()
            self._client = None

    def names(self) -> set[str]:
        """Of all collections that there are."""
        return {collection.name for collection in self._connected().list_collections()}

    def has(self, name: str) -> bool:
        return name in self.opened or name in self.names()

    def collection(self, name: str, flush: int = FLUSH, total: int = 0) -> Collection:
        """The collection of that name, made where there is none, for ``total`` vectors."""
        if name not in self.opened:
            configuration: Any = {"hnsw": {**HNSW, "ef_search": ef_search(total), "sync_threshold": flush}}
            owner.claim(self._folder, (name,))
            self.opened[name] = self._connected().get_or_create_collection(
                name, embedding_function=None, configuration=configuration
            )
        return self.opened[name]

    def delete(self, name: str) -> None:
        self._connected().delete_collection(name)

    def begin_search(self, name: str) -> Collection:
        """The collection, which stays open until ``end_search``."""
        collection = self.collection(name)
        self._searching += 1
        return collection

    def end_search(self) -> None:
        """Takes the lock by itself."""
        with self._idle:
            self._searching -= 1
            self._idle.notify_all()

    def _connected(self) -> Client:
        if self._client is None:
            raise RuntimeError("the index is not open")
        return self._client


@contextmanager
def translated() -> Iterator[None]:
    """Whatever Chroma raises for a torn index, as IndexFailed."""
    from chromadb.errors import ChromaError

    try:
        yield
    # all seen from damaged or full folders
    except (ChromaError, sqlite3.Error, ValueError, KeyError, AttributeError, OSError) as error:
        raise IndexFailed(f"{type(error).__name__}: {error}") from error
