"""Searches that are kept by name, and the last that were asked: texts in the query language, in the catalogue."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from src.database.catalog.catalog import Catalog
from src.errors import AppError, BadInput
from src.plain_files import json_in
from src.schema.library import RECENT_SEARCHES, SAID_OF_HITS, SAVED_SEARCHES
from src.schema.search import LIKELY
from src.services.library.service import ACTIVE_MODEL
from src.services.search.language import parse, written
from src.services.search.service import MANY, Query, SearchService
from src.versioned_cache import Kept

MOST, MOST_RECENT, NAME_LENGTH = 500, 20, 80


@dataclass(frozen=True)
class SavedSearch:
    name: str
    text: str
    """In the query language."""


@dataclass(frozen=True)
class Album:
    """What a saved search finds now."""

    number: int
    """Photos that fit it: those that it lists, or those that are likely what it asks for, at most 1,000."""
    cover: str | None
    """Id of the best that fits at all."""


class SavedSearches:
    """Safe to use from several threads."""

    def __init__(self, catalog: Catalog, search: SearchService) -> None:
        self._catalog = catalog
        self._search = search
        self._albums: Kept[Album] = Kept(MOST)
        self._writing = threading.Lock()

    def all(self) -> list[SavedSearch]:
        """By name, whatever its case."""
        found = [SavedSearch(name, text) for name, text in self._pairs()]
        return sorted(found, key=lambda saved: saved.name.casefold())

    def save(self, name: str, text: str) -> None:
        """Keep a search, in place of one of that name.

        Raises BadInput for an empty name, an empty search or too many.
        """
        name, text = _name(name), written(parse(text))
        if not name or not text:
            raise BadInput("A saved search needs a name and something to look for.", "Type both.")
        with self._writing:
            others = [[known, kept] for known, kept in self._pairs() if known.casefold() != name.casefold()]
            if len(others) >= MOST:
                raise BadInput(f"There are {MOST} saved searches already.", "Remove one first.")
            self._catalog.set_meta(SAVED_SEARCHES, json.dumps([*others, [name, text]]))

    def remove(self, name: str) -> None:
        with self._writing:
            self._catalog.set_meta(SAVED_SEARCHES, json.dumps([pair for pair in self._pairs() if pair[0] != name]))

    def album(self, saved: SavedSearch, busy: bool = False) -> Album:
        """What it finds, looked for anew only where the library changed. Nothing where it can't be searched now.

        busy: the library changes all the time; what is known already will do.
        """
        known = self._albums.last(saved.text)
        if known and busy:
            return known
        said, model = self._catalog.get_meta(SAID_OF_HITS), self._catalog.get_meta(ACTIVE_MODEL)
        state = (self._catalog.changes(), said, model)
        try:
            return self._albums.get(saved.text, state, lambda: self._found(saved.text))
        except AppError:  # the model's weights are not here now, say
            return known or Album(0, None)

    def as_text(self) -> str:
        """All of them, a line each: its name, a tab, and the search."""
        return "".join(f"{saved.name}\t{saved.text}\n" for saved in self.all())

    def from_text(self, text: str) -> int:
        """Keep those of such a text, and say how many there were. Raises BadInput for a line that is none."""
        lines = [line.split("\t", 1) for line in text.splitlines() if line.strip()]
        wrong = (number for number, line in enumerate(lines, 1) if len(line) < 2 or not all(map(str.strip, line)))
        if (number := next(wrong, None)) is not None:
            raise BadInput(f"Line {number} is no saved search.", "Write a name, a tab, and the search.")
        for name, search in lines:
            self.save(name, search)
        return len(lines)

    def recent(self) -> list[str]:
        """The last searches, the newest first."""
        return [text for text in _list(self._catalog.get_meta(RECENT_SEARCHES)) if isinstance(text, str)][:MOST_RECENT]

    def note(self, text: str) -> None:
        """This was asked now."""
        asked = written(parse(text))
        with self._writing:
            known = self.recent()
            if asked and known[:1] != [asked]:
                kept = [asked, *(other for other in known if other != asked)][:MOST_RECENT]
                self._catalog.set_meta(RECENT_SEARCHES, json.dumps(kept))

    def forget_recent(self) -> None:
        with self._writing:
            self._catalog.set_meta(RECENT_SEARCHES, "[]")

    def _pairs(self) -> list[tuple[str, str]]:
        """What is no pair of two texts is left out: another version may have written it."""
        found = [
            pair for pair in _list(self._catalog.get_meta(SAVED_SEARCHES)) if isinstance(pair, list) and len(pair) == 2
        ]
        return [(_name(str(name)), _readable(str(text))) for name, text in found]

    def _found(self, text: str) -> Album:
        page = self._search.search(Query(text), MANY)
        first = page.hits[0].id if page.verdict == "match" else None
        likely = sum(hit.chance >= LIKELY for hit in page.hits)
        return Album(page.searched if page.listed else likely, first)


def _readable(text: str) -> str:
    """On one line, of characters that can be written."""
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").split())


def _name(text: str) -> str:
    return _readable(text)[:NAME_LENGTH].strip()


def _list(said: str | None) -> Sequence[object]:
    found = json_in(said)
    return found if isinstance(found, list) else []
