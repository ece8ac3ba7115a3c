"""The approximate index in the library's own folder: ChromaDB collections that can be thrown away and made again.

A hard kill while Chroma flushes its files can leave a collection unusable, or crash the process that opens it. So an
index is opened only where it is, byte for byte, what a clean close left (``manifest``); any other is discarded,
not repaired.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Collection as Names
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from src.database.index import manifest, owner
from src.database.index.chroma_client import ChromaClient, translated
from src.database.index.hnsw import BATCH, FLUSH, IndexFailed, ef_search, flush_at_building
from src.database.index.manifest import Note
from src.database.index.protocol import Beside
from src.database.nearest.exact import Match
from src.schema import FloatArray

log = logging.getLogger(__name__)


class ChromaIndex:
    """One client for one folder, opened on first use.

    Every method may be called from any thread. Implements ``index.Index``.
    """

    local = True

    def __init__(self, folder: Path, known: Callable[[], Names[str]] = tuple) -> None:
        """known: gives the names of the catalogue's collections, to tell an earlier version's index from others'."""
        self._folder = folder.absolute()
        self._known = known
        self._lock = threading.RLock()
        self._client = ChromaClient(self._folder, self._lock)
        self._notes: dict[str, Note] | None = None
        """Of collections that were not written to since the last clean close; None before the index was looked at."""
        self._checksums = manifest.Checksums()
        self._deleted: dict[str, int] = {}
        self.beside: dict[str, Beside] = {}
        self._failed: set[str] = set()
        self._flushed_seldom: set[str] = set()
        self.written = False
        """Whether the index changed since its last clean close."""

    @property
    def place(self) -> str:
        return f"the disk that holds {self._folder}"

    def reachable(self) -> bool:
        """False where the folder holds a Chroma database that another program made: nothing in it is touched then."""
        return self._client.is_open or owner.is_ours(self._folder, self._known())

    # ------------------------------------------------------------ vectors

    def count(self, name: str) -> int:
        """Vectors in a collection, 0 where there is none.

        The first call reads every file of the index: about 3 s for 100,000 vectors.
        """
        with self._opened_client():
            return self._client.collection(name).count() if self._client.has(name) else 0

    def upsert(self, name: str, ids: Sequence[str], matrix: FloatArray) -> None:
        """Insert or replace n vectors, (n, D) float32, in small batches."""
        for start in range(0, len(ids), BATCH):
            with self._writing(name):
                part = slice(start, start + BATCH)
                self._client.collection(name).upsert(ids=list(ids[part]), embeddings=matrix[part])

    def begin(self, name: str, total: int) -> None:
        """Make an empty collection that will get ``total`` vectors, flushed seldom and best right after the last."""
        flush = flush_at_building(total)
        if flush != FLUSH:
            with self._writing(name):
                self._client.collection(name, flush, total)
                self._flushed_seldom.add(name)

    def finish(self, name: str) -> None:
        """After the last of them: from the next opening on, flush as usual."""
        if name not in self._flushed_seldom:
            return
        with self._writing(name):
            self._flushed_seldom.discard(name)
            configuration: Any = {"hnsw": {"sync_threshold": FLUSH}}
            self._client.collection(name).modify(configuration=configuration)

    def delete(self, name: str, ids: Sequence[str]) -> None:
        """Take vectors out; unknown ids are ignored. Chroma keeps their space until the collection is dropped."""
        for start in range(0, len(ids), BATCH):
            with self._opened_client():
                if not self._client.has(name):
                    return
            with self._writing(name):
                part = ids[start : start + BATCH]
                self._deleted[name] = self._deleted.get(name, 0) + len(part)
                self._client.collection(name).delete(ids=list(part))

    def query(self, name: str, queries: FloatArray, limit: int) -> list[list[Match]]:
        """The ``limit`` nearest of a collection to each of (q, D) queries, best first.

        An unknown collection has none.
        """
        with self._opened_client():
            if not self._client.has(name):
                return [[] for _ in queries]
            collection = self._client.begin_search(name)
        try:
            with translated():
                found = collection.query(query_embeddings=queries, n_results=limit, include=["distances"])
        finally:
            self._client.end_search()
        distances = found["distances"] or []
        return [
            [(id_, _cosine(d)) for id_, d in zip(ids, row, strict=True)]
            for ids, row in zip(found["ids"], distances, strict=True)
        ]

    def drop(self, name: str) -> None:
        """Delete a collection, if there is one, with the files that Chroma would leave behind."""
        with self._writing(name):
            names = self._client.names()
            if names <= {name}:
                self.discard()
            elif name in names:
                self._client.delete(name)
                self._client.close()
                self._sweep()
            self._deleted.pop(name, None)
            self.beside.pop(name, None)

    # ------------------------------------------------------------ the files

    def noted(self, name: str) -> str | None:
        """The fingerprint given at the last clean close; None for none, or where the collection was written since."""
        with self._opened_client():
            note = (self._notes or {}).get(name)
        return note.fingerprint if note else None

    def noted_unopened(self, name: str) -> str | None:
        """The same for an index as it was closed, told unopened: by opening it Chroma changes its database."""
        with self._lock:
            notes = self._notes if self._client.is_open else manifest.verified(self._folder)
        note = (notes or {}).get(name)
        return note.fingerprint if note else None

    def deleted(self, name: str) -> int:
        """Vectors taken out since the collection was built."""
        return self._deleted.get(name, 0)

    def flush_bytes(self) -> int:
        """Size of the largest collection's files, which Chroma writes anew every 1,000 vectors."""
        with self._lock:
            return max((_bytes(segment) for segment in manifest.segments(self._folder)), default=0)

    def leftovers(self) -> int:
        """Folders of collections that are no more."""
        with self._lock, translated():
            return len(manifest.orphans(self._folder)) if self.reachable() else 0

    def sweep(self) -> None:
        """Remove folders of collections that are no more. The next call of any other method opens the index again."""
        with self._lock, translated():
            self._client.close()
            if self.reachable():
                self._sweep()

    def discard(self) -> None:
        """Delete the whole index: nothing is lost, the catalogue has every vector.

        Only files of our own Chroma are touched.
        """
        with self._lock:
            self._client.close()
            if self.reachable():
                manifest.remove_files(self._folder)
                owner.unclaim(self._folder)
            self._notes, self.written = {}, False
            self._deleted.clear()
            self.beside.clear()
            self._failed.clear()

    def close(self, fingerprints: Mapping[str, str] | None = None) -> None:
        """Let go of the files, remove leftovers, and describe what stays, so that the next opening trusts it.

        fingerprints: what tells the rows of each collection that holds all it should; others are made again at the next
        opening. The next call of any method opens the index again. Waits for searches that are under way.
        """
        with self._lock:
            if self.written and not self._failed:
                self._tune()
            self._client.close()
            if self.written and not self._failed:
                self._describe(fingerprints or {}, sweep=True)

    def let_go(self) -> None:
        """Close the files without a word of how they are: they are not where they were.

        The next call of any method looks anew.
        """
        with self._lock:
            self._client.close()
            self._notes, self.written = None, False
            self._deleted.clear()
            self.beside.clear()
            self._failed.clear()

    def is_lost(self) -> bool:
        """Whether Chroma's database is open here, but was deleted or replaced."""
        with self._lock:
            return self._client.is_lost()

    def checkpoint(self, fingerprints: Mapping[str, str]) -> None:
        """Describe what is on the disk between two writes, as ``close`` does, but stay open: searches go on."""
        with self._lock:
            if self.written and not self._failed:
                self._tune()
                self._describe(fingerprints, sweep=False)

    def _tune(self) -> None:
        """A collection that has grown, or shrunk, past ``LARGE`` is searched accordingly from the next opening on."""
        with suppress(IndexFailed), translated():
            for collection in self._client.opened.values():
                wanted = ef_search(collection.count())
                if (collection.configuration["hnsw"] or {}).get("ef_search") != wanted:
                    configuration: Any = {"hnsw": {"ef_search": wanted}}
                    collection.modify(configuration=configuration)

    def _describe(self, fingerprints: Mapping[str, str], sweep: bool) -> None:
        notes = dict(self._notes or {})
        notes |= {
            name: Note(text, self.deleted(name), self.beside.get(name, Beside())) for name, text in fingerprints.items()
        }
        try:
            if sweep:
                self._sweep()
            manifest.write(self._folder, notes, self._checksums)
        except (OSError, sqlite3.Error):
            log.exception("the index could not be described, and will be made again at the next start")
            return
        self._notes, self.written = notes, False

    def _sweep(self) -> None:
        """Remove what Chroma left of dropped collections. The client must be closed."""
        with suppress(OSError):
            for segment in manifest.orphans(self._folder):
                manifest.remove_segment(segment)

    # ------------------------------------------------------------ the client

    @contextmanager
    def _opened_client(self) -> Iterator[None]:
        """The open client for one call; whatever a torn index raises becomes IndexFailed."""
        with self._lock, translated():
            self._open()
            yield

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        """The open client for one write; from the first one on, the index is not clean.

        One that fails leaves its collection in doubt.
        """
        with self._opened_client():
            if not self.written:
                manifest.remove(self._folder)
                self.written = True
            if self._notes:
                self._notes.pop(name, None)
            self._failed.add(name)
            yield
            self._failed.discard(name)

    def _open(self) -> None:
        if self._client.is_open:
            return
        if not self.reachable():
            raise IndexFailed(f"{self._folder} holds an index of another program")
        if self._notes is None:
            self._look_at()
        self._client.open()
        if not self.written:
            self._note_opening()

    def _note_opening(self) -> None:
        try:
            manifest.note_opening(self._folder)
        except (OSError, sqlite3.Error):
            log.exception("the opened index could not be described, and will be made again at the next start")

    def _look_at(self) -> None:
        """Before Chroma touches a file: is this what a clean close left?"""
        self._notes = manifest.verified(self._folder)
        if self._notes is None:
            log.warning("the index was not closed cleanly or is damaged; it is discarded and made again")
            self.discard()
        self._deleted = {name: note.deleted for name, note in (self._notes or {}).items()}
        self.beside = {name: note.beside for name, note in (self._notes or {}).items()}


def _cosine(distance: float) -> float:
    """Chroma's cosine distance, which may be a hair under 0, as a cosine in [-1, 1]."""
    return float(np.clip(1.0 - distance, -1.0, 1.0))


def _bytes(folder: Path) -> int:
    return sum(entry.stat().st_size for entry in os.scandir(folder))
