"""The approximate index on a Chroma server (``MFE_CHROMA_URL``) in place of the embedded one.

It speaks the server's HTTP interface by itself (``chroma_http``): nothing of chromadb is loaded.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from src.database.index.chroma_http import CONNECT_SECONDS, ChromaHttp, understood
from src.database.index.hnsw import BATCH, FLUSH, HNSW, LARGE, IndexFailed, ef_search, flush_at_building
from src.database.index.protocol import Beside
from src.database.nearest.exact import Match
from src.schema import FloatArray

SEARCH_SECONDS, WORK_SECONDS = 10.0, 60.0
"""Longest wait for an answer: to a search or another question; to a write."""
PAGE, PAGES = 500, 200
"""Collections asked for at once when all are listed, and how often at most."""
NAME_LENGTH = 512
MADE_BY = {"made_by": "media-feature-extractor"}
"""Chroma takes no empty metadata."""
log = logging.getLogger(__name__)


class ChromaServer:
    """The collections of one library on a server that it may share with others. Implements ``index.Index``.

    A collection's fingerprint is kept in its metadata there. Connects on first use, and again after any failure at the
    next call.
    """

    local = False

    def __init__(self, url: str, library: str) -> None:
        """``url`` such as http://127.0.0.1:8000; ``library``: unlike any other's, it is in the collections' names."""
        self._http = ChromaHttp(url)
        self._prefix = f"mfe-{hashlib.sha256(library.encode()).hexdigest()[:32]}"
        self._writing = threading.RLock()
        self._known: dict[str, str] = {}
        """The server's own id of each collection: one that was dropped and made again has another."""
        self._deleted: dict[str, int] = {}
        self.beside: dict[str, Beside] = {}
        self._changed: set[str] = set()
        self._failed: set[str] = set()
        self._flushed_seldom: set[str] = set()

    @property
    def place(self) -> str:
        return self._http.place

    @property
    def written(self) -> bool:
        """Whether a collection changed since it was last described."""
        return bool(self._changed)

    def reachable(self) -> bool:
        """Whether it answers as a Chroma server now."""
        try:
            return isinstance(self._http.ask("GET", "?limit=1", CONNECT_SECONDS), list)
        except IndexFailed:
            return False

    # ------------------------------------------------------------ vectors

    def count(self, name: str) -> int:
        """Vectors in a collection, 0 where there is none."""
        if self._look_up(name) is None:
            return 0
        with understood():
            return int(self._of(name, "GET", "count", WORK_SECONDS))

    def upsert(self, name: str, ids: Sequence[str], matrix: FloatArray) -> None:
        """Insert or replace n vectors, (n, D) float32, in batches; the collection is made where there is none."""
        for start in range(0, len(ids), BATCH):
            with self._write(name, make=True):
                vectors = np.asarray(matrix[start : start + BATCH], np.float32).tolist()
                self._of(
                    name,
                    "POST",
                    "upsert",
                    WORK_SECONDS,
                    {"ids": list(ids[start : start + BATCH]), "embeddings": vectors},
                )

    def begin(self, name: str, total: int) -> None:
        """Make an empty collection that is about to get ``total`` vectors; a large one is flushed seldom meanwhile."""
        flush = flush_at_building(total)
        if flush != FLUSH:
            with self._writing:
                self._make(name, flush)
                self._flushed_seldom.add(name)

    def finish(self, name: str) -> None:
        """After the last of them: flush as usual."""
        if name in self._flushed_seldom:
            with self._write(name):
                self._of(name, "PUT", "", SEARCH_SECONDS, {"new_configuration": {"hnsw": {"sync_threshold": FLUSH}}})
                self._flushed_seldom.discard(name)

    def delete(self, name: str, ids: Sequence[str]) -> None:
        """Take vectors out; unknown ids are ignored. Chroma keeps their space until the collection is dropped."""
        for start in range(0, len(ids), BATCH):
            if self._id(name) is None:
                return
            with self._write(name):
                part = list(ids[start : start + BATCH])
                self._deleted[name] = self._deleted.get(name, 0) + len(part)
                self._of(name, "POST", "delete", WORK_SECONDS, {"ids": part})

    def query(self, name: str, queries: FloatArray, limit: int) -> list[list[Match]]:
        """The ``limit`` nearest of a collection to each of (q, D) queries, best first.

        An unknown collection has none.
        """
        if self._id(name) is None:
            return [[] for _ in queries]
        asked = {
            "query_embeddings": np.asarray(queries, np.float32).tolist(),
            "n_results": limit,
            "include": ["distances"],
        }
        found = self._of(name, "POST", "query", SEARCH_SECONDS, asked)
        with understood():
            cosines = [np.clip(1.0 - np.asarray(row, np.float64), -1.0, 1.0).tolist() for row in found["distances"]]
            return [list(zip(map(str, ids), row, strict=True)) for ids, row in zip(found["ids"], cosines, strict=True)]

    def drop(self, name: str) -> None:
        """Delete a collection, if there is one."""
        with self._writing:
            self._forget(name)
            self._http.ask("DELETE", f"/{self._name(name)}", WORK_SECONDS)
            self._deleted.pop(name, None)
            self.beside.pop(name, None)
            for doubt in (self._failed, self._changed, self._flushed_seldom):
                doubt.discard(name)

    # ------------------------------------------------------------ what it holds

    def noted(self, name: str) -> str | None:
        """The fingerprint it was last described with; None where there is none or it was written to since."""
        with self._writing:
            found = self._look_up(name)
            text = found and found.get("fingerprint")
            return str(text) if text and name not in self._changed else None

    def noted_unopened(self, name: str) -> str | None:
        """The same: to ask changes nothing."""
        return self.noted(name)

    def deleted(self, name: str) -> int:
        """Vectors taken out since the collection was built, as far as it was looked at."""
        return self._deleted.get(name, 0)

    def flush_bytes(self) -> int:
        """0: the space is the server's."""
        return 0

    def leftovers(self) -> int:
        """0: what the server keeps of dropped collections is its own affair."""
        return 0

    def sweep(self) -> None:
        """Nothing to do, see ``leftovers``."""

    def discard(self) -> None:
        """Delete every collection of this library, and no other.

        Where the server can't be reached they stay, and the log says so.
        """
        with self._writing:
            try:
                for name in self._own_collections():
                    self._http.ask("DELETE", f"/{name}", WORK_SECONDS)
            except IndexFailed:
                log.exception("collections of this library may be left on %s", self.place)
            for memory in (self._known, self._deleted, self.beside, self._changed, self._failed, self._flushed_seldom):
                memory.clear()

    def checkpoint(self, fingerprints: Mapping[str, str]) -> None:
        """Describe the collections that changed, so that the next opening trusts them.

        A failure costs a rebuild then, nothing else.
        """
        with self._writing:
            for name in sorted(self._changed & fingerprints.keys() - self._failed):
                try:
                    self._describe(name, {"fingerprint": fingerprints[name]})
                    self._changed.discard(name)
                except IndexFailed:
                    log.exception("%s could not be described on %s", name, self.place)

    def let_go(self) -> None:
        """Let go of the connection; nothing is described."""
        self.close()

    def is_lost(self) -> bool:
        """False: the files are the server's."""
        return False

    def close(self, fingerprints: Mapping[str, str] | None = None) -> None:
        """Describe what changed and let go of the connection, after the searches under way.

        The next call of any method connects again.
        """
        with self._writing:
            self.checkpoint(fingerprints or {})
            self._http.close()
            self._known.clear()

    # ------------------------------------------------------------ collections

    def _name(self, name: str) -> str:
        """Name on the server. Two names never become one: only a digest follows a dot."""
        readable = f"{self._prefix}-{name}"
        return (
            readable if len(readable) <= NAME_LENGTH else f"{self._prefix}.{hashlib.sha256(name.encode()).hexdigest()}"
        )

    def _id(self, name: str) -> str | None:
        """The server's id of a collection, None where there is none."""
        if name not in self._known:
            self._look_up(name)
        return self._known.get(name)

    def _look_up(self, name: str) -> dict[str, Any] | None:
        """Ask the server for a collection: its metadata, None where there is none."""
        found = self._http.ask("GET", f"/{self._name(name)}", SEARCH_SECONDS)
        if found is None:
            self._forget(name)
            return None
        with understood():
            metadata = dict(found["metadata"] or {})
            self._deleted.setdefault(name, int(metadata.get("deleted", 0)))
            beside = map(str, json.loads(str(metadata.get("beside", "[]"))))
            self.beside.setdefault(name, Beside(tuple(beside), int(metadata.get("missed", 0))))
            self._known[name] = str(found["id"])
        return metadata

    def _make(self, name: str, flush: int = FLUSH) -> None:
        configuration = {"hnsw": {**HNSW, "ef_search": ef_search(LARGE), "sync_threshold": flush}}
        body = {"name": self._name(name), "metadata": MADE_BY, "configuration": configuration, "get_or_create": True}
        made = self._http.ask("POST", "", WORK_SECONDS, body)
        with understood():
            self._known[name] = str(made["id"])

    def _describe(self, name: str, what: Mapping[str, str]) -> None:
        """Replace a collection's metadata."""
        beside = self.beside.get(name, Beside())
        known = {**MADE_BY, "deleted": self.deleted(name), "beside": json.dumps(beside.ids), "missed": beside.missed}
        self._of(name, "PUT", "", SEARCH_SECONDS, {"new_metadata": {**known, **what}})

    def _forget(self, name: str) -> None:
        self._known.pop(name, None)

    @contextmanager
    def _write(self, name: str, make: bool = False) -> Iterator[None]:
        """One write at a time; the first takes the fingerprint away.

        One that fails leaves its collection in doubt until it is dropped.
        """
        with self._writing:
            if self._id(name) is None and make:
                self._make(name)
            if name not in self._changed:
                self._describe(name, {})
                self._changed.add(name)
            self._failed.add(name)
            yield
            self._failed.discard(name)

    def _own_collections(self) -> Iterator[str]:
        """Names on the server.

        All are listed before the first is given out, so that deleting them moves none to another page.
        """
        names: set[str] = set()
        with understood():
            for page in range(PAGES):
                found = self._http.ask("GET", f"?limit={PAGE}&offset={page * PAGE}", SEARCH_SECONDS)
                names.update(str(collection["name"]) for collection in found)
                if len(found) < PAGE:
                    break
        yield from sorted(name for name in names if name.startswith((f"{self._prefix}-", f"{self._prefix}.")))

    # ------------------------------------------------------------ the wire

    def _of(self, name: str, method: str, what: str, seconds: float, body: object = None) -> Any:
        """Ask something of a collection that was there a moment ago.

        Raises IndexFailed where it is gone: the server has lost it.
        """
        known = self._known.get(name)
        answer = self._http.ask(method, f"/{known}/{what}".rstrip("/"), seconds, body) if known else None
        if answer is None:
            self._forget(name)
            raise IndexFailed(f"{self.place} has no collection {name} any more")
        return answer
