"""The approximate index: ChromaDB collections that can be thrown away and made again. The only importer of chromadb.

A hard kill while Chroma flushes its files can leave a collection unusable, or crash the process that opens it. So a marker
file stands in the folder from the first write until a clean close; where it is found at start, the index is discarded, not repaired.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from src.database.exact import Match
from src.schema import FloatArray

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

BATCH = 200
"""Vectors per upsert: Chroma holds the interpreter lock for the whole call, about 0.1 s for this many."""
HNSW = {"space": "cosine", "max_neighbors": 32, "ef_construction": 200, "ef_search": 200}
MARKER = ".unclean"
_SEGMENT_FOLDER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class IndexFailed(Exception):
    """The index can't answer. Never shown to the user: the caller scans exactly and has the index rebuilt."""


class ChromaIndex:
    """One client for one folder, opened on first use. Every method may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._marker = self._folder / MARKER
        self._lock = threading.RLock()
        self._client: Client | None = None
        self._opened: dict[str, Collection] = {}

    def count(self, name: str) -> int:
        """Vectors in a collection, 0 where there is none."""
        with self._opened_client():
            return self._collection(name).count() if name in self._names() else 0

    def upsert(self, name: str, ids: Sequence[str], matrix: FloatArray) -> None:
        """Insert or replace n vectors, (n, D) float32, in small batches."""
        with self._opened_client():
            self._marker.touch()
            collection = self._collection(name)
            for start in range(0, len(ids), BATCH):
                collection.upsert(ids=list(ids[start : start + BATCH]), embeddings=matrix[start : start + BATCH])

    def delete(self, name: str, ids: Sequence[str]) -> None:
        """Take vectors out; unknown ids are ignored."""
        with self._opened_client():
            if ids and name in self._names():
                self._marker.touch()
                for start in range(0, len(ids), BATCH):
                    self._collection(name).delete(ids=list(ids[start : start + BATCH]))

    def query(self, name: str, queries: FloatArray, limit: int) -> list[list[Match]]:
        """The ``limit`` nearest of a collection to each of (q, D) queries, best first."""
        with _translated():
            found = self._collection(name).query(query_embeddings=queries, n_results=limit, include=["distances"])
        distances = found["distances"] or []
        return [[(id_, _cosine(d)) for id_, d in zip(ids, row, strict=True)] for ids, row in zip(found["ids"], distances, strict=True)]

    def drop(self, name: str) -> None:
        """Delete a collection, if there is one."""
        with self._opened_client():
            self._opened.pop(name, None)
            if name in self._names():
                self._marker.touch()
                self._connected().delete_collection(name)

    def discard(self) -> None:
        """Delete the whole index: nothing is lost, the catalogue has every vector. Only files that Chroma made are touched."""
        with self._lock:
            self._close_client()
            if self._folder.is_dir():
                for entry in self._folder.iterdir():
                    if entry.is_dir() and _SEGMENT_FOLDER.fullmatch(entry.name):
                        shutil.rmtree(entry)
                    elif entry.name.startswith("chroma.sqlite3"):
                        entry.unlink()
            self._marker.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the files and mark them clean."""
        with self._lock:
            if self._client is not None:
                self._close_client()
                self._marker.unlink(missing_ok=True)

    def _close_client(self) -> None:
        self._opened.clear()
        if self._client is not None:
            self._client.close()
            self._client = None

    @contextmanager
    def _opened_client(self) -> Iterator[None]:
        """The open client for one call; whatever a torn index raises becomes IndexFailed."""
        with self._lock, _translated():
            self._open()
            yield

    def _open(self) -> None:
        if self._client is not None:
            return
        if self._marker.exists():
            self.discard()
        import chromadb
        from chromadb.config import Settings

        self._folder.mkdir(parents=True, exist_ok=True)
        settings = Settings(anonymized_telemetry=False)
        try:
            self._client = cast("Client", chromadb.PersistentClient(path=str(self._folder), settings=settings))
        except BaseException:
            chromadb.api.client.Client.clear_system_cache()  # else the half-opened one is what the next attempt gets
            raise

    def _connected(self) -> Client:
        if self._client is None:
            raise RuntimeError("the index is not open")
        return self._client

    def _names(self) -> set[str]:
        return {collection.name for collection in self._connected().list_collections()}

    def _collection(self, name: str) -> Collection:
        with self._lock:
            if name not in self._opened:
                configuration: Any = {"hnsw": HNSW}
                self._opened[name] = self._connected().get_or_create_collection(name, embedding_function=None, configuration=configuration)
            return self._opened[name]


@contextmanager
def _translated() -> Iterator[None]:
    from chromadb.errors import ChromaError

    try:
        yield
    except (ChromaError, ValueError, KeyError, AttributeError, OSError) as error:  # all seen from damaged or full folders
        raise IndexFailed(f"{type(error).__name__}: {error}") from error


def _cosine(distance: float) -> float:
    """Chroma's cosine distance, which may be a hair under 0, as a cosine in [-1, 1]."""
    return float(np.clip(1.0 - distance, -1.0, 1.0))
