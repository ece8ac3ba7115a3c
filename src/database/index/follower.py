"""Keeps the vector index in step with the catalogue, whose noted changes it goes through from where it stopped.

The catalogue is committed first, so nothing is ever lost with the index: it may lag, fail, or be thrown away and made
again.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from src.database.catalog.catalog import Catalog
from src.database.disk_space import MARGIN, check_space, free_bytes
from src.database.index import building
from src.database.index.hnsw import BATCH, IndexFailed, is_wasteful
from src.database.index.places import Places
from src.database.index.protocol import Index
from src.database.index.reach import Reach
from src.database.nearest.exact import Match
from src.errors import LibraryUnusable
from src.schema import FloatArray, Progress

OPENING_S = 10.0
"""Seconds that a search waits at most for an index that is being opened; a million vectors take eight."""
log = logging.getLogger(__name__)

Timing = Callable[[str], AbstractContextManager[None]]
"""Times what is done inside it, under a stage's name."""


def untimed(_: str) -> AbstractContextManager[None]:
    return contextlib.nullcontext()


class Follower:
    """Brings one index up to date, and answers from it. Safe to use from several threads."""

    def __init__(
        self,
        catalog: Catalog,
        index: Index,
        folder: Path,
        guard: Callable[[], None],
        delete_damaged: Callable[[str], None],
        read_only: bool = False,
    ) -> None:
        """guard: raises where the library may not be written any more. delete_damaged: takes damaged vectors away.

        folder: the index's own, whose disk must have room. read_only: the index is never opened, and answers nothing.
        """
        self._changes = catalog.index_changes
        self._vectors = catalog.vectors
        self._index = index
        self._folder = folder
        self._guard = guard
        self._delete_damaged = delete_damaged
        self._read_only = read_only
        self._reach = Reach(catalog.vectors, index)
        self._places = Places(catalog, index)
        self._writing = threading.RLock()
        self._followed: dict[str, int] = {}
        """Collection that is in step -> number of the last change that its index has."""
        self._behind: set[str] = set()
        """Collections whose index was found to be another one than the catalogue's, and was not built anew since."""
        self._looked_at = threading.Event()
        self._looked_at.set()
        self._worker: ThreadPoolExecutor | None = None
        self._last: Future[None] | None = None

    # ------------------------------------------------------------ following

    def follows(self, name: str) -> bool:
        """Whether a collection's index is in step, or about to be: searches use it."""
        return name in self._followed

    def open(self, name: str) -> bool:
        """Open the index of a collection, bring it up to date, and say whether it holds what the catalogue holds.

        The first call reads the whole index (about 1 s for 100,000 vectors): for background work, not for a search.
        """
        with self._writing:
            if not (self._read_only or name in self._followed or name in self._behind or self.foreign):
                try:
                    self._open(name)
                except IndexFailed:
                    log.exception("the index can't be opened")
                    self._throw_away()
            return name in self._followed

    def follow(self, names: Sequence[str], timing: Timing = untimed) -> None:
        """Have changes followed beside the writer, on a thread; collections not in step wait for ``rebuild``."""
        if any(name in self._followed for name in names):
            if self._worker is None:
                self._worker = ThreadPoolExecutor(1, "index")
            self._last = self._worker.submit(self._follow, names, timing)

    def wait(self) -> None:
        """Until all that was to be followed is in the index. Raises what the guard raises."""
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def _follow(self, names: Sequence[str], timing: Timing) -> None:
        with self._writing, timing("index"):
            for name in names:
                self._catch_up(name)

    def _open(self, name: str) -> None:
        """Raises IndexFailed."""
        place = self._places.of(name)
        if place is None:
            self._behind.add(name)
            return
        self._followed[name] = place
        self._catch_up(name)
        if name in self._followed and not self._holds_all(name):
            del self._followed[name]
            self._behind.add(name)

    def _catch_up(self, name: str) -> None:
        """Follow a collection's changes to the last; an index that fails is left aside: the catalogue has them."""
        self._guard()
        try:
            while name in self._followed and (changes := self._changes.after(name, self._followed[name], BATCH)):
                ids = list(dict.fromkeys(change.id for change in changes if change.id))
                there = self._vectors.get_many(name, ids)
                gone = [id_ for id_ in ids if id_ not in there]
                if gone:
                    self._reach.delete(name, gone)
                if there:
                    self._reach.upsert(name, list(there), np.stack(list(there.values())))
                self._followed[name] = changes[-1].number
        except IndexFailed:
            log.exception("the index of %s could not be written and is left aside", name)
            self._followed.pop(name, None)

    def _holds_all(self, name: str) -> bool:
        return self._index.count(name) == self._vectors.count_all(name)

    # ------------------------------------------------------------ searching

    def announce(self) -> None:
        """The index will be opened soon: until ``looked_at``, searches of large collections wait and do not scan."""
        self._looked_at.clear()

    def looked_at(self) -> None:
        """It is open now, or can't be used."""
        self._looked_at.set()

    def answers(self, name: str) -> bool:
        """Whether a search of a collection can use the index; waits for one that was announced."""
        if name not in self._followed:
            self._looked_at.wait(OPENING_S)
        return name in self._followed and self._reach.usable(name)

    def ask(self, name: str, queries: FloatArray, limit: int) -> list[list[Match]] | None:
        """What the index alone answers, hidden images included; None where it is not in step, or fails.

        One that fails is left aside.
        """
        try:
            if name not in self._followed or not self._reach.usable(name):
                return None
            return self._reach.merged(name, queries, limit, self._index.query(name, queries, limit))
        except IndexFailed:
            log.exception("the index of %s failed and is left aside", name)
            self._followed.pop(name, None)
            return None

    # ------------------------------------------------------------ how it is

    def is_whole(self, name: str) -> bool:
        """Whether the index holds what the catalogue holds; nothing is changed by asking: what is not open stays so."""
        with self._writing, contextlib.suppress(IndexFailed):
            return name in self._followed or not self._vectors.count_all(name) or self._places.is_last(name)
        return False

    @property
    def foreign(self) -> Path | None:
        """The index's folder where it is another program's: that is left alone, and searches scan everything."""
        return self._folder if self._index.local and not self._index.reachable() else None

    def can_build(self) -> bool:
        """Whether an index that is behind can be made again now: a server may be down."""
        return self._index.reachable()

    def deleted(self, name: str) -> int:
        """Vectors whose space the index still takes although they were deleted."""
        return self._index.deleted(name)

    def needs_compaction(self, name: str) -> bool:
        """Whether so much was deleted that the index should be built anew: Chroma itself never gives space back."""
        return is_wasteful(self.deleted(name), self._vectors.count_all(name))

    def require_space(self, name: str) -> None:
        """Raise LibraryUnusable unless the disk has room for what following a write to a collection may take."""
        check_space(self._folder, self._index.flush_bytes(), f"the search index of {name}")

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

    # ------------------------------------------------------------ making it again, and letting go of it

    def rebuild(self, name: str) -> Iterator[Progress]:
        """Make a collection's index again from the catalogue; searches scan meanwhile. Closing the iterator stops it.

        Raises LibraryUnusable, and leaves the index aside, where the disk has too little space or the index can't be
        written.
        """
        building.require_space(self._vectors, self._index, self._folder, name)
        place = self._changes.last(name)
        try:
            with self._writing:
                self._drop(name)
                self._index.begin(name, self._vectors.count_all(name))
            yield from building.fill(self._vectors, self._index, self._reach, name, self._writing)
            self._take_up(name, place)
        except IndexFailed as error:
            log.exception("the index of %s can't be built", name)
            said = "The search index could not be written; searches go on without it."
            raise LibraryUnusable(said, f"Check {self._index.place}.") from error

    def _take_up(self, name: str, place: int) -> None:
        """Follow from there on an index that was built just now.

        Damaged vectors are in no index: their photos are encoded again.
        """
        with self._writing:
            self._followed[name] = place
            self._catch_up(name)
            if not self._holds_all(name):
                self._delete_damaged(name)
                self._catch_up(name)
            if name in self._followed and not self._holds_all(name):
                del self._followed[name]

    def drop(self, names: Sequence[str]) -> None:
        """Forget the index of collections that the catalogue has no more."""
        with self._writing:
            for name in names:
                self._drop(name)

    def give_back(self, names: Sequence[str]) -> None:
        """Take the index of these collections off the disk, as far as can be: on a full one this makes room for more.

        Where no other collection is left, all of the index goes: Chroma itself never shrinks.
        """
        with self._writing:
            for name in names:
                self._leave(name)
            try:
                if any(collection.name not in names for collection in self._vectors.all()):
                    for name in names:
                        self._index.drop(name)
                    return
            except IndexFailed:
                log.exception("the index can't be changed, so all of it is discarded")
            self._throw_away(in_any_case=True)

    def checkpoint(self) -> None:
        """Describe the index as it is, if it was written to: a kill from now to the next write costs nothing."""
        self.wait()
        with self._writing:
            if self._index.written:
                for name in list(self._followed):
                    self._look_again(name)
                self._index.checkpoint(self._places.names(self._followed))

    def close(self) -> None:
        """Let go of the index in order; the next opening goes on from here."""
        self.wait()
        with self._writing:
            self._index.close(self._places.names(self._followed) if self._index.written else {})
            self._places.forget_others(self._followed)
            self._followed.clear()
        self._end_worker()

    def let_go(self) -> None:
        """Let go of the index without a word of how it is: it is not where it was."""
        with self._writing:
            self._followed.clear()
            self._behind.clear()
            self._index.let_go()
        self._end_worker()

    def forget_lost(self) -> bool:
        """Let go of an index whose files were deleted while it was open, to be made again; say whether they were."""
        with self._writing:
            lost = self._index.is_lost()
        if lost:
            self.let_go()
        return lost

    def _look_again(self, name: str) -> None:
        try:
            self._reach.look_again(name)
        except IndexFailed:
            log.exception("the index of %s failed and is left aside", name)
            self._followed.pop(name, None)

    def _leave(self, name: str) -> None:
        self._followed.pop(name, None)
        self._behind.discard(name)

    def _drop(self, name: str) -> None:
        self._leave(name)
        try:
            self._index.drop(name)
        except IndexFailed:
            log.exception("the index of %s can't be dropped", name)
            self._throw_away()

    def _throw_away(self, in_any_case: bool = False) -> None:
        """After a failure of its own.

        Where the disk is full or read-only, or a server down, it may be good: it is left aside.
        """
        self._followed.clear()
        try:
            if in_any_case or (self._index.local and free_bytes(self._folder) >= MARGIN):
                self._index.discard()
                self._behind.clear()
        except OSError:
            log.exception("the index can't be discarded")

    def _end_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.shutdown(wait=True)
