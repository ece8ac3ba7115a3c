"""Which photos belong together at each level, and which of them to keep."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from src.database.catalog.catalog import Catalog
from src.database.catalog.duplicates import FileOfImage
from src.processing.duplicates import keeper
from src.processing.duplicates.candidates import usual_cosine
from src.processing.duplicates.groups import connected, linked, stars
from src.processing.duplicates.shots import ALIKE, MOST_ALIKE, Moment, of_one_release, of_one_series
from src.schema import FloatArray, PhotoFilter
from src.schema.duplicates import Copy, DuplicateFile, DuplicateGroup, Level
from src.services.duplicates import words
from src.services.library.service import LibraryService

Pair = tuple[str, str]
"""Ids of two images, the lower one first."""
_SAMPLE = 2_000
"""Photos by whose vectors it is told how alike the library's are anyway."""


@dataclass(frozen=True)
class _Links:
    """Pairs of photos that are alike at one level, and why where that is known."""

    level: Level
    pairs: Collection[Pair]


class Grouping:
    """Groups as of now: what was decided is left out."""

    def __init__(self, catalog: Catalog, library: LibraryService, only: PhotoFilter | None) -> None:
        self._catalog = catalog
        self._library = library
        self._among = None if only is None else set(catalog.listing.ids(only, "added"))
        self._decided = catalog.decisions.of()
        self._alike = {pair.ids: pair for pair in catalog.duplicates.alike()}
        self._copies: dict[str, Copy] = {}
        self._settled = self._spoken_for()

    def _spoken_for(self) -> set[str]:
        """Photos that were said to be the same as a better one: that one stands for them."""
        pairs = [pair for pair, decision in self._decided.items() if decision == "same" and pair[0] != pair[1]]
        copies = self._catalog.duplicates.copies([id_ for pair in pairs for id_ in pair]) if pairs else {}
        same = [[copies[id_] for id_ in group if id_ in copies] for group in connected(linked(pairs))]
        return {copy.image_id for group in same for copy in keeper.best_first(group)[1:]}

    def all(self) -> list[DuplicateGroup]:
        found, gone = self._of_bytes(), set[str]()
        for links in (self._pixels(), self._pictures(), self._shots()):
            groups = self._stars(links, gone)
            gone.update(id_ for group in groups for id_ in group[1:])
            found += self._told(links.level, groups, every_file=False)
        return found

    def at(self, level: Level) -> list[DuplicateGroup]:
        if level == "bytes":
            return self._of_bytes()
        stricter: set[Pair] = set()
        for links in (self._pixels(), self._pictures(), self._shots() if level == "shot" else _Links("shot", ())):
            pairs = {*links.pairs, *stricter}
            if links.level == level:
                groups = self._stars(_Links(level, pairs), set())
                new = [group for group in groups if any(_pair(group[0], id_) not in stricter for id_ in group[1:])]
                return self._told(level, new, every_file=True)
            stricter = pairs
        return []

    # ------------------------------------------------------------ what is alike

    def _pixels(self) -> _Links:
        exact = [pair for pair in self._alike.values() if pair.turn == 0 and pair.share == 1]
        digests = self._catalog.duplicates.pixels_of([id_ for pair in exact for id_ in pair.ids])
        same = [pair.ids for pair in exact if digests.get(pair.first, 0) == digests.get(pair.second, 1)]
        return _Links("pixels", same)

    def _pictures(self) -> _Links:
        return _Links("picture", list(self._alike))

    def _shots(self) -> _Links:
        moments = self._moments()
        series = [_pair(*pair) for pair in of_one_series(moments)]
        vectors = self._vectors({id_ for pair in series for id_ in pair})
        least = min(max(ALIKE, self._usual()), MOST_ALIKE) if series else ALIKE
        alike = {
            pair for pair in series if pair[0] in vectors and pair[1] in vectors and _cosine(vectors, pair) >= least
        }
        return _Links("shot", alike | {_pair(*pair) for pair in of_one_release(moments)})

    def _moments(self) -> list[Moment]:
        copies = self._catalog.duplicates.copies()
        files = self._catalog.duplicates.files_of(list(copies))
        return [
            Moment(id_, file.path, copies[id_].format, copies[id_].camera, copies[id_].taken_at)
            for id_, places in files.items()
            if id_ in copies
            for file in places[:1]
        ]

    def _vectors(self, ids: Collection[str]) -> dict[str, FloatArray]:
        return self._catalog.vectors.get_many(self._library.collection(), list(ids)) if ids else {}

    def _usual(self) -> float:
        name = self._library.collection()
        some = self._catalog.vectors.get_many(name, self._catalog.vectors.sample(name, _SAMPLE))
        return usual_cosine(np.array(list(some.values()), np.float16)) if some else -1.0

    # ------------------------------------------------------------ groups

    def _stars(self, links: _Links, without: set[str]) -> list[list[str]]:
        """Groups of what is still to be decided. without: photos that stricter groups have taken."""
        pairs = [
            pair
            for pair in links.pairs
            if pair not in self._decided
            and without.isdisjoint(pair)
            and self._settled.isdisjoint(pair)
            and (self._among is None or self._among.issuperset(pair))
        ]
        return self._ranked(pairs, links.level == "shot")

    def _ranked(self, pairs: Sequence[Pair], shots: bool = False) -> list[list[str]]:
        """Ids of photos in groups, the one to keep first."""
        ids = {id_ for pair in pairs for id_ in pair}
        self._copies |= self._catalog.duplicates.copies(sorted(ids - set(self._copies)))
        order = keeper.best_first([self._copies[id_] for id_ in ids if id_ in self._copies], shots)
        return stars([copy.image_id for copy in order], linked(pairs))

    def _told(self, level: Level, groups: Sequence[Sequence[str]], every_file: bool) -> list[DuplicateGroup]:
        files = self._catalog.duplicates.files_of([id_ for group in groups for id_ in group])
        found = []
        for group in groups:
            places = [_best_first(files.get(id_, []))[: None if every_file else 1] for id_ in group]
            shown = tuple(DuplicateFile(file.image_id, file.path_text) for some in places for file in some)
            best, others = self._copies[group[0]], [self._copies[id_] for id_ in group[1:]]
            links = [self._alike[pair] for id_ in group[1:] if (pair := _pair(group[0], id_)) in self._alike]
            reasons = [*words.of_photos(level, best, others, links), *keeper.why(best, others, level == "shot")]
            if len(shown) > 1:
                found.append(DuplicateGroup(level, shown, tuple(reasons)))
        return found

    def _of_bytes(self) -> list[DuplicateGroup]:
        ids = [id_ for id_ in self._catalog.duplicates.several_files() if (id_, id_) not in self._decided]
        ids = [id_ for id_ in ids if self._among is None or id_ in self._among]
        found = []
        for places in self._catalog.duplicates.files_of(ids).values():
            shown = tuple(DuplicateFile(file.image_id, file.path_text) for file in _best_first(places))
            reasons = [*words.of_bytes(len(shown)), *words.of_files(_best_first(places))]
            if len(shown) > 1:
                found.append(DuplicateGroup("bytes", shown, tuple(reasons)))
        return found


def _best_first(files: Sequence[FileOfImage]) -> list[FileOfImage]:
    """Files with the same bytes: the user's own before uploads, then the oldest, then that with the shortest path."""
    return sorted(files, key=lambda file: (file.uploaded, file.mtime_ns, len(file.path), file.path))


def _cosine(vectors: dict[str, FloatArray], pair: Pair) -> float:
    return float(vectors[pair[0]] @ vectors[pair[1]])


def _pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)
