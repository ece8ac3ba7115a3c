"""VectorDatabase: vectors committed to the catalogue first, then indexed in Chroma, searched by cosine.

    db = VectorDatabase()
    db.create_or_get_collection()
    db.add_segments(embeddings=[...], metadatas=[{"source": "img1.jpg"}], ids=["id1"])
    db.search_by_embedding(query, n_results=10)
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy.typing as npt

from src.config import Settings
from src.database.catalog.catalog import Catalog
from src.database.catalog.vectors import Collection
from src.database.disk_space import MARGIN, check_space, free_bytes, index_bytes
from src.database.embeddings import VectorMatch, check_dimensions, check_name, library_collection, normalised, together
from src.database.index.choice import chosen_index
from src.database.index.chroma_local import BATCH, IndexFailed, is_wasteful
from src.database.index.protocol import Index
from src.database.library_lock import LibraryLock
from src.database.nearest.exact import Match
from src.database.nearest.planner import Finder
from src.database.nearest.reach import Reach
from src.errors import BadInput, LibraryBusy, LibraryUnusable
from src.schema import FloatArray, PhotoFilter, Progress

__all__ = ["VectorDatabase", "VectorMatch", "library_collection", "normalised"]

DEFAULT_COLLECTION = "segments"
SMALL = 10_000
"""Vectors up to which a script waits for its index to be rebuilt (about 10 s); above, searches scan exactly."""
OPENING_S = 10.0
"""Seconds that a search waits at most for an index that is being opened; a million vectors take eight."""
log = logging.getLogger(__name__)


class VectorDatabase:
    """Collections of vectors in the library. Takes the library's lock; ``read_only`` takes none, scans exactly and refuses writes.

    ``untouched``: read only, and no file is changed, not even to bring it up to date; others are kept from changing any meanwhile.

    Raises LibraryBusy where another process owns the library. Safe to use from several threads.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        catalog: Catalog | None = None,
        port: int | None = None,
        read_only: bool = False,
        untouched: bool = False,
    ) -> None:
        settings = settings or Settings.from_env()
        self._lock = LibraryLock(settings.lock_file)
        self.read_only = read_only = read_only or untouched
        self._lock.take(port, read_only, untouched)
        try:
            self.catalog = catalog or Catalog(settings.catalog_file, read_only, untouched, None if read_only else self._lock.check)
            if not read_only:
                self._lock.watch(self.catalog.path)
        except BaseException:
            self._lock.release()
            raise
        self._folder = settings.chroma_dir
        self._index: Index = chosen_index(settings, self.catalog, read_only)
        self._reach = Reach(self.catalog.vectors, self._index)
        self._writing = threading.RLock()
        self._in_step: set[str] = set()
        self._looked_at = threading.Event()
        self._looked_at.set()
        self._finder = Finder(self.catalog.vectors, self.ask_index, self._has_index)
        self._current: str | None = None

    def __enter__(self) -> VectorDatabase:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check_place(self) -> None:
        """Raise LibraryUnusable where the library's files were taken away, or others put in their place, while it was open."""
        self._lock.check()

    def close(self) -> None:
        """Close the index cleanly and let go of the library. One that was taken away is only let go of: nothing is written."""
        try:
            if not self.read_only:
                self._lock.check()
                self._close_index()
        except LibraryUnusable:
            log.exception("the library can't be closed cleanly")
            self._let_go_of_index()
        finally:
            self._lock.release()
            self.catalog.close()

    def app_is_running(self) -> bool:
        """Whether an app owns the library now and would take a job that is queued. For readers beside it."""
        return self._lock.serving()

    # ------------------------------------------------------------ the user's API

    def create_or_get_collection(self, name: str = DEFAULT_COLLECTION, dimensions: int | None = None) -> Collection:
        """Make ``name`` the current collection, creating it where there is none; the first vectors fix the dimension.

        Raises BadInput for a name that is not 3 to 512 of ``A-Za-z0-9._-``, WrongDimensions where it has another length.
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

        embeddings: n vectors of length D, any scale (stored with norm 1). metadatas: n JSON-like mappings; replaced with the
        vector. ids: n distinct strings, made up where not given. Committed to the catalogue before this returns.
        Raises BadInput for lists of different lengths or vectors that are zero or not finite, WrongDimensions.
        """
        name = self._current or self.create_or_get_collection().name
        matrix, keys, details = together(embeddings, metadatas, ids)
        if len(keys):
            self._refuse_if_read_only()
            self.require_space(name)
            self._ensure_index(name)
            self.catalog.vectors.create(name, matrix.shape[1], "user")
            self.catalog.vectors.put(name, dict(zip(keys, matrix, strict=True)), dict(zip(keys, details, strict=True)))
            self.push(name, keys, matrix)
        return keys

    def search_by_embedding(self, query: npt.ArrayLike, n_results: int = 10) -> list[VectorMatch]:
        """The ``n_results`` nearest of the current collection to ``query`` (D,), best first; an empty collection gives []."""
        name = self._current or self.create_or_get_collection().name
        matrix = normalised([query])
        matches = self.search(name, matrix, n_results)[0]
        metadata = self.catalog.vectors.metadata_of(name, [id_ for id_, _ in matches])
        return [VectorMatch(id_, score, metadata.get(id_, {})) for id_, score in matches]

    # ------------------------------------------------------------ for the services

    def search(self, name: str, queries: FloatArray, limit: int, only: PhotoFilter | None = None) -> list[list[Match]]:
        """The ``limit`` nearest of a collection to each of (q, D) queries of norm 1, of images that are not hidden and pass ``only``.

        By the index where it is in step and the collection large, else by an exact scan of what may be found. Raises BadInput.
        """
        if limit < 1:
            raise BadInput(f"{limit} results can't be shown.", "Ask for at least 1.")
        check_dimensions(name, self.catalog.vectors.counters(name).dimensions, queries)
        return self._finder.nearest(name, queries, limit, only)

    def push(self, name: str, ids: Sequence[str], matrix: FloatArray) -> None:
        """Index vectors that the catalogue already has. Where the index is not in step this waits for ``rebuild``."""

        self._on_index(name, lambda: self._reach.upsert(name, ids, matrix))

    def remove(self, name: str, ids: Sequence[str]) -> None:
        """Take vectors out of the index (the catalogue hides or deletes them itself)."""
        self._on_index(name, lambda: self._reach.delete(name, ids))

    def open_index(self, name: str) -> bool:
        """Open the index of a collection and say whether it holds what the catalogue holds. To be called before writing to it.

        The first call reads the whole index (about 3 s for 100,000 vectors): for background work, not for a search.
        """
        with self._writing:
            if not self.read_only and name not in self._in_step and not self.foreign_index:
                try:
                    if self._holds_all(name) and self._is_as_noted(name):
                        self._in_step.add(name)
                except IndexFailed:
                    log.exception("the index can't be opened")
                    self._throw_index_away()
            return name in self._in_step

    def is_whole(self, name: str) -> bool:
        """Whether the index holds what the catalogue holds, told without changing anything: what is not open stays unopened."""
        with self._writing, contextlib.suppress(IndexFailed):
            wanted = self.catalog.vectors.fingerprint(name)
            return name in self._in_step or self._index.noted_unopened(name) == wanted or not self.catalog.vectors.count_all(name)
        return False

    def _holds_all(self, name: str) -> bool:
        return self._index.count(name) == self.catalog.vectors.count_all(name)

    def _is_as_noted(self, name: str) -> bool:
        """Whether the rows are those that the index held when it was closed: their number alone does not tell."""
        noted = self._index.noted(name)
        return noted == self.catalog.vectors.fingerprint(name) if noted else not self._index.count(name)

    def _throw_index_away(self, in_any_case: bool = False) -> None:
        """After a failure of its own. Where the disk is full or read-only, or a server down, it may be good: it is left aside."""
        self._in_step.clear()
        try:
            if in_any_case or (self._index.local and free_bytes(self._folder) >= MARGIN):
                self._index.discard()
        except OSError:
            log.exception("the index can't be discarded")

    def checkpoint(self) -> None:
        """Describe the index as it is, so that a kill from now to the next write costs nothing. For after a job that wrote.

        Takes about 0.5 s for 100,000 vectors, and nothing where nothing was written.
        """
        with self._writing:
            if self._index.written:
                for name in list(self._in_step):
                    self._on_index(name, partial(self._reach.look_again, name))
                self._index.checkpoint(self._fingerprints())

    def _close_index(self) -> None:
        with self._writing:
            self._index.close(self._fingerprints())
            self._in_step.clear()

    def _let_go_of_index(self) -> None:
        with self._writing:
            self._in_step.clear()
            self._index.let_go()

    def forget_lost_index(self) -> bool:
        """Where the index's files were deleted while it was open, let go of it, so that it is made again. Says whether they were."""
        with self._writing:
            lost = self._index.is_lost()
            if lost:
                self._let_go_of_index()
            return lost

    def _fingerprints(self) -> dict[str, str]:
        return {name: self.catalog.vectors.fingerprint(name) for name in self._in_step}

    def ask_index(self, name: str, queries: FloatArray, limit: int) -> list[list[Match]] | None:
        """What the index alone answers, hidden images included; None where it is not in step, or fails and is left aside."""
        try:
            if name not in self._in_step or not self._reach.usable(name):
                return None
            return self._reach.merged(name, queries, limit, self._index.query(name, queries, limit))
        except IndexFailed:
            log.exception("the index of %s failed and is left aside", name)
            self._in_step.discard(name)
            return None

    def leftovers(self) -> int:
        """Folders in the index of collections that are no more."""
        try:
            return self._index.leftovers()
        except IndexFailed:
            return 0

    def sweep(self) -> None:
        """Remove those folders. Searches wait for about as long as opening the index takes."""
        with self._writing:
            self._index.sweep()

    def deleted(self, name: str) -> int:
        """Vectors whose space the index still takes although they were deleted."""
        return self._index.deleted(name)

    def require_space(self, name: str) -> None:
        """Raise LibraryUnusable unless the disk has room for what a write to a collection may take."""
        check_space(self._folder, self._index.flush_bytes(), f"the search index of {name}")

    def _on_index(self, name: str, write: Callable[[], None]) -> None:
        """Do a write where the index is in step; one that fails leaves the index aside, the catalogue has the vectors."""
        with self._writing:
            self._lock.check()
            if name in self._in_step:
                try:
                    write()
                except IndexFailed:
                    log.exception("the index of %s could not be written and is left aside", name)
                    self._in_step.discard(name)

    @property
    def foreign_index(self) -> Path | None:
        """The index's folder where it holds a Chroma database of another program: that is left alone, and searches scan everything."""
        return self._folder if self._index.local and not self._index.reachable() else None

    def can_build(self) -> bool:
        """Whether an index that is behind can be made again now: a server may be down."""
        return self._index.reachable()

    def in_step(self, name: str) -> bool:
        """Whether searches of this collection use the index."""
        return name in self._in_step

    def announce_index(self) -> None:
        """The index will be opened soon: until ``index_looked_at``, searches of large collections wait for it instead of scanning."""
        self._looked_at.clear()

    def index_looked_at(self) -> None:
        """It is open now, or can't be used."""
        self._looked_at.set()

    def _has_index(self, name: str) -> bool:
        if name not in self._in_step:
            self._looked_at.wait(OPENING_S)
        return name in self._in_step and self._reach.usable(name)

    def needs_compaction(self, name: str) -> bool:
        """Whether so much was deleted that the index should be built anew: Chroma itself never gives space back."""
        return is_wasteful(self.deleted(name), self.catalog.vectors.count_all(name))

    def rebuild(self, name: str) -> Iterator[Progress]:
        """Make a collection's index again from the catalogue; searches scan exactly meanwhile. Closing the iterator stops it.

        Raises LibraryUnusable, and leaves the index aside, where the disk has too little space or the index can't be written.
        """
        self._refuse_if_read_only()
        total, done = self.catalog.vectors.count_all(name), 0
        if self._index.local:  # a server's disk is its own affair; the old index gives its room back
            more = index_bytes(total, self.catalog.vectors.counters(name).dimensions) - self._index.flush_bytes()
            check_space(self._folder, max(0, more), f"the search index of {name}")
        try:
            with self._writing:
                self._in_step.discard(name)
                self._drop(name)
                self._index.begin(name, total)
            for ids, matrix in self.catalog.vectors.blocks(name, BATCH, hidden=True):
                with self._writing:
                    self._index.upsert(name, ids, matrix)
                done += len(ids)
                yield Progress(done, total, "vectors")
            with self._writing:
                self._index.finish(name)
            for _ in self._reach.look(name):
                yield Progress(done, total, "vectors")
            with self._writing:
                if not self._holds_all(name):  # damaged vectors are in no index: their photos are encoded again
                    self.catalog.vectors.delete(name, self.catalog.vectors.unsound(name))
                if self._holds_all(name):
                    self._in_step.add(name)
                    self._finder.release(name)
        except IndexFailed as error:
            log.exception("the index of %s can't be built", name)
            raise LibraryUnusable(
                "The search index could not be written; searches go on without it.", f"Check {self._index.place}."
            ) from error

    def _drop(self, name: str) -> None:
        try:
            self._index.drop(name)
        except IndexFailed:
            log.exception("the index of %s can't be dropped", name)
            self._throw_index_away()

    def discard(self, name: str) -> None:
        """Forget a collection: its vectors, its index."""
        self._refuse_if_read_only()
        with self._writing:
            self._in_step.discard(name)
            self.catalog.vectors.drop(name)
            self._drop(name)

    def give_back(self, names: Sequence[str]) -> None:
        """Take the index of these collections off the disk, as far as it can be: on a full one, this is what makes room for more.

        Where no other collection is left, all of the index goes: Chroma itself never shrinks.
        """
        self._refuse_if_read_only()
        with self._writing:
            self._in_step.difference_update(names)
            try:
                if any(collection.name not in names for collection in self.catalog.vectors.all()):
                    for name in names:
                        self._index.drop(name)
                    return
            except IndexFailed:
                log.exception("the index can't be changed, so all of it is discarded")
            self._throw_index_away(in_any_case=True)

    def _ensure_index(self, name: str) -> None:
        """For scripts, which have no background jobs: a small index that is behind is made again on the spot."""
        if not self.open_index(name) and self.catalog.vectors.count_all(name) <= SMALL:
            try:
                for _ in self.rebuild(name):
                    pass
            except LibraryUnusable as error:
                log.warning("%s", error)

    def _refuse_if_read_only(self) -> None:
        if self.read_only:
            raise LibraryBusy("The library was opened for reading only.")
