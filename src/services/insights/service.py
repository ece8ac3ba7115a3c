"""The blocks of the page Insights, each counted in the background and kept until the library changes; and the sets of
photos that no query can tell.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from functools import partial

import numpy as np

from src.database.catalog.catalog import Catalog
from src.errors import AppError
from src.schema import FloatArray
from src.schema.duplicates import LEVELS, Level
from src.schema.insights import Bar, Block
from src.services.curation.labels import LabelService
from src.services.duplicates.service import DuplicateService
from src.services.insights import alike
from src.services.insights.alike import Alike
from src.services.insights.counting import COUNTED
from src.services.library.service import LibraryService
from src.text import count
from src.versioned_cache import Kept

MOST_GROUPS = 16
"""Groups that are told of."""
ANEW = 100
"""Groups are made anew once one photo in so many has come."""
COPIES: Mapping[Level, str] = {
    "bytes": "same bytes",
    "pixels": "same pixels",
    "picture": "same picture",
    "shot": "similar shots of one moment",
}
Found = tuple[str, frozenset[str]]
"""What a set is called, and the ids of its photos."""
NAMES = (*COUNTED, "copies", "alike", "unlike")
"""Of all blocks, in the order in which they are shown."""
_OF_VECTORS = ("copies", "alike", "unlike")


class InsightsService:
    """Reads only. Safe to use from several threads."""

    def __init__(
        self, catalog: Catalog, library: LibraryService, duplicates: DuplicateService, labels: LabelService
    ) -> None:
        self._catalog, self._library, self._duplicates, self._labels = catalog, library, duplicates, labels
        self._make: Mapping[str, Callable[[], Block]] = {
            **{name: partial(make, catalog) for name, make in COUNTED.items()},
            "copies": self._copies,
            "alike": self._groups,
            "unlike": self._unlike,
        }
        self._blocks: Kept[Future[Block]] = Kept(len(NAMES))
        self._running: dict[str, Future[Block]] = {}
        self._last: dict[str, Block] = {}
        self._sets: dict[str, dict[str, Found]] = {}
        self._alike: tuple[tuple[str, int], int, Alike] | None = None
        self._making = threading.Lock()
        self._quick, self._slow = ThreadPoolExecutor(1, "insights"), ThreadPoolExecutor(1, "insights-alike")

    def close(self) -> None:
        for pool in (self._quick, self._slow):
            pool.shutdown(cancel_futures=True)

    # ------------------------------------------------------------ blocks

    def block(self, name: str, patience: float = 0.0) -> tuple[Block | None, bool]:
        """A block as it is known, and whether it is being counted anew; None where it was never counted.

        name: one of ``NAMES``. patience: seconds that are waited for it. Raises LibraryError.
        """
        future = self._asked(name)
        wait_for([future], patience)
        if future.done():
            return future.result(), False
        return self._last.get(name), True

    def all(self) -> list[Block]:
        """All blocks as of now. Takes a few seconds in a large library."""
        return [self._asked(name).result() for name in NAMES]

    def _asked(self, name: str) -> Future[Block]:
        """What is on its way is not begun again because the library changed meanwhile."""
        running = self._running.get(name)
        if running is not None and not running.done():
            return running
        state = self._catalog.changes(), self._catalog.decisions.state()
        pool = self._slow if name in _OF_VECTORS else self._quick
        self._running[name] = self._blocks.get(name, state, lambda: pool.submit(self._made, name))
        return self._running[name]

    def _made(self, name: str) -> Block:
        """An error is told in the block itself: the others are not to suffer."""
        try:
            block = self._make[name]()
        except AppError as error:
            block = Block(name, name.capitalize(), (), error.user_message)
        except TimeoutError:
            block = Block(name, name.capitalize(), (), "To count these takes too long in this library.")
        self._last[name] = block
        return block

    # ------------------------------------------------------------ sets of photos

    def photos_of(self, of: str) -> Found | None:
        """What a bar's ``of`` stands for: its name and the ids of its photos; None for what is no set, or not any more.

        Waits until the block that it is in has been counted.
        """
        name = of.partition("-")[0]
        if name not in _OF_VECTORS:
            return None
        self._asked(name).result()
        return self._sets.get(name, {}).get(of)

    def ids_of(self, of: str) -> frozenset[str] | None:
        """The photos alone, see ``photos_of``."""
        found = self.photos_of(of)
        return found[1] if found else None

    def _told(self, name: str, title: str, sets: Mapping[str, tuple[Bar, frozenset[str]]], note: str) -> Block:
        """A block of sets, which can be asked for from now on."""
        self._sets[name] = {
            of: (f"{title}: {bar.label}" if bar.label else title, ids) for of, (bar, ids) in sets.items()
        }
        return Block(name, title, tuple(bar for bar, _ in sets.values()), note)

    def _seen(self) -> frozenset[str]:
        return frozenset(self._catalog.listing.ids(None, "added"))

    def _copies(self) -> Block:
        seen = self._seen()
        sets = dict[str, tuple[Bar, frozenset[str]]]()
        groups = self._duplicates.groups()
        for level in LEVELS:
            own = [group for group in groups if group.level == level]
            ids = frozenset(id_ for group in own for id_ in group.photos) & seen
            if ids:
                of = f"copies-{level}"
                sets[of] = Bar(COPIES[level], len(ids), of=of, detail=count(len(own), "group")), ids
        waiting = self._duplicates.waiting()
        note = f"{count(waiting, 'photo is', 'photos are')} not compared with the others yet." if waiting else ""
        return self._told("copies", "Duplicates", sets, note)

    def _groups(self) -> Block:
        seen, found = self._seen(), self._found()
        known = found.groups[:MOST_GROUPS]
        words = self._labels.telling_apart(np.stack([group.middle for group in known])) if known else []
        sets = dict[str, tuple[Bar, frozenset[str]]]()
        for number, group in enumerate(known):
            ids, of = frozenset(group.ids) & seen, f"alike-{group.centre}"
            label = ", ".join(words[number]) if words else f"group {number + 1}"
            if ids:
                sets[of] = Bar(label, len(ids), of=of), ids
        note = (
            "Each photo stands in the group that it looks most like; the words are the model's guess at what tells a"
            " group from the others."
        )
        return self._told("alike", "Photos that look alike", sets, note if sets else _too_few(seen))

    def _unlike(self) -> Block:
        seen = self._seen()
        ids = frozenset(self._found().unlike) & seen
        sets = {"unlike-all": (Bar("unlike all others", len(ids), of="unlike-all"), ids)} if ids else {}
        note = "The photos that have the least in common with those most like them." if ids else _too_few(seen)
        return self._told("unlike", "Outliers", sets, note)

    def _found(self) -> Alike:
        """The groups of the active model's vectors; kept until one photo in a hundred has come, or one has changed."""
        with self._making:
            name = self._library.collection()
            counters = self._catalog.vectors.counters(name)
            state = name, counters.rewritten
            known = self._alike
            if known is None or known[0] != state or counters.rows - known[1] > known[1] // ANEW:
                made = alike.found(self._sample(name), lambda: self._vectors(name))
                self._alike = known = state, counters.rows, made
            return known[2]

    def _sample(self, name: str) -> FloatArray:
        table = self._catalog.vectors
        vectors = list(table.get_many(name, table.sample(name, alike.SAMPLE)).values())
        return np.stack(vectors) if vectors else np.empty((0, 1), np.float32)

    def _vectors(self, name: str) -> Iterator[tuple[list[str], FloatArray]]:
        return self._catalog.vectors.blocks(name)


def _too_few(seen: frozenset[str]) -> str:
    return f"For this there must be {alike.LEAST} photos or more that the model in use has seen." if seen else ""
