"""What the library has as values of the query language's keys: for completing them, and how many photos have each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace

from src.database.catalog.catalog import Catalog
from src.errors import AppError
from src.schema import PhotoFilter
from src.schema.conditions import STAR, Condition
from src.schema.query_keys import KEYS
from src.services.search.language import Reading, Restriction
from src.text import folded, shown
from src.versioned_cache import Kept

FACTS = {
    "tag": ("keywords",),
    "camera": ("camera",),
    "lens": ("lens",),
    "software": ("software",),
    "format": ("format",),
    "place": ("place",),
    "title": ("title",),
    "album": ("album",),
    "note": ("note",),
    "colour": ("colours",),
    "is": ("shape", "favourite"),
    "rating": ("rating",),
    "date": ("year",),
}
"""Key -> the facts whose values are told of it; of ``date`` its years."""
COMPLETED = ("in", "tag", "camera", "lens", "software", "format", "place", "title", "album", "note")
"""Keys whose values only the library knows."""
MOST_FOLDERS = 50_000
LONG = 1_000
"""Most characters of a value that is completed: a path may be long, and a note."""
PATIENCE, LONGEST = 0.05, 5.0
"""Seconds that counts are waited for, and that one may take at all."""
Counts = Mapping[str, int]


class Vocabulary:
    """Safe to use from several threads. What was found is kept until the library changes."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: Kept[list[tuple[str, str]]] = Kept(len(COMPLETED))
        self._counts: Kept[Future[Counts | None]] = Kept(200)
        self._running: dict[Hashable, Future[Counts | None]] = {}
        self._worker = ThreadPoolExecutor(1, "counts")

    def completions(self, key: str, typed: str, most: int = 8) -> list[str]:
        """Values of a key in which the typed text is: first what begins with it, then what most photos have.

        A star in a value is ``STAR``. Empty for a key whose values are not the library's. Raises LibraryError.
        """
        name = KEYS[key].name if key in KEYS else ""
        if name not in COMPLETED:
            return []
        known = self._known.get(name, self._catalog.changes(), lambda: self._values(name))
        wanted = folded(typed.replace(STAR, "*"))
        found = [(value, plain) for value, plain in known if wanted in plain and wanted != plain]
        first = [value for value, plain in found if plain.startswith(wanted) or f"/{wanted}" in plain]
        chosen = dict.fromkeys([*first[:most], *(value for value, _ in found[: 2 * most])])
        return [value.replace("*", STAR) for value in chosen][:most]

    def counts(self, reading: Reading, keys: Sequence[str], patience: float = PATIENCE) -> dict[str, Counts | None]:
        """Key -> value -> how many photos have it, of those that pass all of a query's other filters.

        None where that is not known yet: it goes on being counted for the next time, unless it takes too long.
        """
        asked = {key: self._counted(key, reading) for key in keys}
        wait(asked.values(), patience)
        return {key: future.result() if future.done() else None for key, future in asked.items()}

    def counting(self, reading: Reading, keys: Sequence[str]) -> bool:
        """Whether some of these are still being counted."""
        return not all(self._counted(key, reading).done() for key in keys)

    def close(self) -> None:
        self._worker.shutdown(cancel_futures=True)

    def _counted(self, key: str, reading: Reading) -> Future[Counts | None]:
        """What is, or will be, counted; what is on its way is not begun again because the library changed meanwhile."""
        where = _others(reading, key)
        only = PhotoFilter(where=where) if where else None
        running = self._running.get((key, only))
        if running is not None and not running.done():
            return running
        future = self._counts.get(
            (key, only), self._catalog.changes(), lambda: self._worker.submit(self._count, key, only)
        )
        self._running = {asked: other for asked, other in self._running.items() if not other.done()}
        self._running[key, only] = future
        return future

    def _count(self, key: str, only: PhotoFilter | None) -> Counts | None:
        try:
            if key == "in":
                return {row.path_text: self._inside(row.path_text, only) for row in self._catalog.folders.all()}
            count = self._catalog.vocabulary.counts
            return {value: photos for fact in FACTS[key] for value, photos in count(fact, only, LONGEST)}
        except (AppError, TimeoutError):
            return None

    def _inside(self, path: str, only: PhotoFilter | None) -> int:
        inside = Restriction("in", (path.replace("*", STAR),)).condition
        return self._catalog.listing.number(PhotoFilter(where=(*(only.where if only else ()), inside)))

    def _values(self, name: str) -> list[tuple[str, str]]:
        """Each value, and how it is compared with what is typed."""
        own = self._catalog.vocabulary
        values = self._folders() if name == "in" else [value for fact in FACTS[name] for value in own.values(fact)]
        # the others can't be typed, or nobody would read them in a list
        return [(value, folded(value)) for value in values if shown(value) == value and len(value) <= LONG]

    def _folders(self) -> list[str]:
        """Folders that hold photos, and those that these are in, those with most first: as paths that begin with the
        name of a folder that the library follows.
        """
        followed = [row.path_text.rstrip(os.sep) for row in self._catalog.folders.all()]
        counted: Counter[str] = Counter()
        for path, photos in self._catalog.browsing.folders():
            for folder in _from_followed(path.rstrip(os.sep), followed):
                counted[folder.replace(os.sep, "/")] += photos
        return [folder for folder, _ in counted.most_common(MOST_FOLDERS) if folder]


def _from_followed(path: str, followed: Sequence[str]) -> list[str]:
    """A folder and all that it is in, from one that is followed on; of one that is in none its own name."""
    root = next((root for root in followed if f"{path}{os.sep}".startswith(f"{root}{os.sep}")), None)
    if root is None:
        return [os.path.basename(path)]
    names = [os.path.basename(root), *path[len(root) :].split(os.sep)[1:]]
    return [os.sep.join(names[:number]) for number in range(1, len(names) + 1)]


def _others(reading: Reading, key: str) -> tuple[Condition, ...]:
    """What a query wants beside the values of a key; what must not be holds in any case."""
    kept = tuple(one for one in reading.restrictions if one.key != key or one.negative)
    return replace(reading, restrictions=kept).conditions
