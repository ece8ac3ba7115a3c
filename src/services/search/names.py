"""Photos that are called what was asked for: by words in file and folder names, titles, captions, keywords, notes,
albums, cameras and names of places, and by the date (``database.catalog.lexical``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from src.database.catalog.catalog import Catalog
from src.lexical import Wish, quoted, wishes
from src.schema import Notice, PhotoFilter, SearchHit
from src.schema.search import LIKELY
from src.services.search.query import Asked
from src.text import count
from src.versioned_cache import Kept

MOST_WORDS = 64
COMMON, FEW, MOST = 0.1, 50, 10_000
"""Words that more than this share of the photos have, and more than so many, tell nothing, such as ``img``; and
nothing is told by what more than so many have.
"""
CERTAIN, NEARLY = 0.9, 0.4
"""Chance of a photo that is called what was asked for, at least; and of one that is called nearly so."""
CATCH_UP = 2_000
"""Photos that a lookup brings up to date at most before it goes on without the others."""
SHORT = Notice("short-word", "A single letter or digit is looked for in names only beside other words.")


@dataclass(frozen=True)
class Called:
    """Ids of photos, those of which it is written where it weighs most first where they are few.

    near: they are called nearly so, and nothing is called just so. wishes: the words that are written of them.
    """

    ids: tuple[str, ...] = ()
    near: bool = False
    wishes: tuple[Wish, ...] = ()
    notices: tuple[Notice, ...] = ()


class Names:
    """Answers are kept until the library changes: a page asks the same again each time that it is drawn."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._called: Kept[Called] = Kept(16)

    def called(self, asked: Asked, hits: Sequence[SearchHit], searched: int) -> Called:
        """The photos that are called what was asked for, of ``searched`` that pass; where there are none, and none of
        the hits is likely, those that are called nearly so.
        """
        wishes = wanted(asked)
        if not asked.words_only or not searched or not 0 < len(wishes) <= MOST_WORDS:
            return Called()
        if _is_short(wishes):
            return Called(notices=(SHORT,))
        late = self._late()
        nearly = all(hit.chance < LIKELY for hit in hits)
        found = self._called.get(
            (asked.reading.terms, asked.only, searched, nearly),
            (self._catalog.changes(), late),
            lambda: self._looked_up(wishes, unwanted(asked), asked.only, searched, nearly),
        )
        return replace(found, notices=(*found.notices, *late))

    def _late(self) -> tuple[Notice, ...]:
        """What is to be said where the index does not know all photos yet."""
        self._catalog.lexical.catch_up(CATCH_UP)
        if not (waiting := self._catalog.lexical.waiting()):
            return ()
        number = count(waiting, "photo")
        return (Notice("names-late", f"What {number} are called is still being read; they may be missing here."),)

    def _looked_up(
        self, wishes: Sequence[Wish], away: Sequence[Wish], only: PhotoFilter | None, searched: int, nearly: bool
    ) -> Called:
        lexical, most = self._catalog.lexical, min(MOST, max(FEW, int(COMMON * searched)))
        ids = lexical.find(wishes, away, only, most)
        if ids != [] or not nearly:
            return Called(tuple(ids or ()), wishes=tuple(wishes))
        others = {wish.word: self._near(wish, only) for wish in wishes}
        near = [others[wish.word] or wish for wish in wishes]
        ids = lexical.find(near, away, only, most) if any(others.values()) else None
        return Called(tuple(ids), near=True, wishes=tuple(near), notices=_told(others)) if ids else Called()

    def _near(self, wish: Wish, only: PhotoFilter | None) -> Wish | None:
        """Words to look for in the place of one that nothing is called; None where it is to stay."""
        lexical = self._catalog.lexical
        if not wish.fuzzy or lexical.find([wish], (), only, 0) is None:
            return None
        found = [alternative for term in lexical.near(wish, only) for alternative in quoted(term)[0].alternatives]
        return Wish(wish.word, tuple(found)) if found else None


def wanted(asked: Asked) -> list[Wish]:
    terms = [term for term in asked.reading.terms if not term.negative]
    return [wish for term in terms for wish in (quoted(term.text) if term.phrase else wishes(term.text))]


def unwanted(asked: Asked) -> list[Wish]:
    return [wish for term in asked.reading.terms if term.negative for wish in quoted(term.text)]


def _is_short(wanted: Sequence[Wish]) -> bool:
    """Whether all that is asked for is one plain letter or digit."""
    (first, *others) = wanted
    terms = [term for some in first.alternatives for phrase in some for term in phrase.terms]
    return not others and len(terms) == 1 and len(terms[0]) == 1 and terms[0].isascii()


def _told(others: dict[str, Wish | None]) -> tuple[Notice, ...]:
    """What was looked for in the place of each word."""
    near = {word: [some[0].terms[0] for some in wish.alternatives] for word, wish in others.items() if wish}
    each = (f"Nothing is called “{word}”, but {_listed(terms)} is nearly so." for word, terms in near.items())
    return (Notice("near-names", " ".join(each)),)


def _listed(terms: Sequence[str]) -> str:
    return " or ".join(f"“{term}”" for term in terms[:3])


def lifted(hit: SearchHit, near: bool = False) -> SearchHit:
    """A hit that is called what was asked for, or nearly so; what it shows decides its place among those."""
    least = NEARLY if near else CERTAIN
    if hit.chance >= least:  # what it shows says so already
        return hit
    room = (LIKELY if near else 1.0) - least
    seen = hit.chance if hit.seen is None else hit.seen
    return replace(hit, chance=least + room * hit.chance, named=True, seen=seen)
