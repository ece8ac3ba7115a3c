"""Finding the pairs that are the same picture among many: worth comparing by hash or vector, then compared."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from src.processing.duplicates.candidates import Half, HashSearch, Numbers, Pairs, VectorSearch
from src.processing.duplicates.pdq import then, undone
from src.processing.duplicates.verify import BAR, Bar, compared
from src.schema import FloatArray

CLOSE = 0.88
"""Cosine from which on photos are worth comparing: of parts cut out of a photo and the photo, 99 in 100 have more."""
NEIGHBOURS = 30
"""Copies of one picture that are compared with each other at most."""
_ROUNDS = 2

Grey = npt.NDArray[np.uint8]
"""(32, 32), see ``Print.grey``."""


Try = tuple[tuple[int, int], int]
"""A pair and the turn that was expected of it."""


@dataclass(frozen=True)
class Link:
    """Two pictures, by their numbers, that are the same; the lower number first.

    turn: number in ``pdq.TURNS`` of what makes the second of the first. share: of the first that the second shows, over
    1 where the first is a part of the second. match: their correlation.
    """

    first: int
    second: int
    turn: int
    share: float
    match: float


class Finder:
    """Pictures that are numbered, the new ones last."""

    def __init__(
        self,
        hashes: npt.NDArray[np.uint8],
        usable: npt.NDArray[np.bool_],
        vectors: Half,
        shapes: FloatArray,
        greys: Callable[[Numbers], Mapping[int, Grey]],
        bar: Bar = BAR,
    ) -> None:
        """hashes: (n, 8, 32). usable: (n,), False for hashes that tell nothing. vectors: (n, D) of norm 1, or zeros.
        shapes: (n,), width by height. greys: number -> very small copy, of as many of those asked for as there are.
        """
        self._by_hash, self._by_vector = HashSearch(hashes, usable), VectorSearch(vectors)
        self._shapes = shapes
        self._greys = greys
        self._bar = bar

    def links(
        self, since: int, until: int, known: Callable[[Sequence[int]], Iterable[Link]] = lambda _: ()
    ) -> list[Link]:
        """Of the pictures from ``since`` to before ``until`` with all before them. known: links of some of these.

        Copies of one picture are then compared with each other, turned as they must be: neither hash nor vector finds a
        part of a picture and a turned copy of it, but both are found with the picture.
        """
        pairs = np.concatenate((self._by_hash.pairs(since, until), self._by_vector.pairs(CLOSE, since, until)))
        todo = dict.fromkeys(map(tuple, pairs.tolist()), 0)
        found, tried = self._compared(todo), set(todo.items())
        old = list(known(sorted({number for link in found for number in (link.first, link.second)}))) if found else []
        for _ in range(_ROUNDS):
            more = closing([*old, *found], tried, since)
            if not more:
                break
            tried |= set(more.items())
            found += self._compared(more)
        return found

    def _compared(self, todo: Mapping[tuple[int, int], int]) -> list[Link]:
        """todo: pair -> the turn to expect."""
        greys = self._greys(np.unique(np.array(list(todo), np.int64)))
        pairs = [pair for pair in todo if pair[0] in greys and pair[1] in greys]
        if not pairs:
            return []
        first, second = (np.stack([greys[pair[side]] for pair in pairs]) for side in (0, 1))
        numbers: Pairs = np.array(pairs, np.int64)
        like = compared(
            first, second, self._shapes[numbers], np.array([todo[pair] for pair in pairs], np.int64), self._bar
        )
        return [
            Link(*pairs[at], int(like.turn[at]), float(like.share[at]), float(like.match[at]))
            for at in np.flatnonzero(like.same(self._bar))
        ]


def closing(links: Sequence[Link], tried: Collection[Try], since: int) -> dict[tuple[int, int], int]:
    """Pairs of pictures that are linked with one and the same, and not with each other -> what turn to expect, where
    that was not tried. One of each is a picture from ``since`` on.
    """
    linked = {(link.first, link.second) for link in links}
    near: dict[int, dict[int, int]] = {}
    for link in links:
        near.setdefault(link.first, {})[link.second] = link.turn
        near.setdefault(link.second, {})[link.first] = undone(link.turn)
    found: dict[tuple[int, int], int] = {}
    for turns in near.values():
        some = sorted(turns)[:NEIGHBOURS]
        for at, second in enumerate(some):
            for first in some[:at]:
                pair, turn = (first, second), then(undone(turns[first]), turns[second])
                if second >= since and pair not in linked and (pair, turn) not in tried:
                    found.setdefault(pair, turn)
    return found
