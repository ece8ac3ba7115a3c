"""Looking through the library: all photos that pass a query's filters, in its order, and where one can look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from src.database.catalog.browsing import Counted, ListedPhoto
from src.database.catalog.catalog import Catalog, Shown
from src.identity import is_id
from src.schema import PhotoFilter
from src.services.search.language import Reading, parse
from src.versioned_cache import Kept

MOST_AT_ONCE = 200
"""Photos of which names and places are told in one answer."""
MOST_CAMERAS = 200
_KEPT = 4
"""Listings that are kept, of 40 bytes a photo and more each."""


@dataclass(frozen=True)
class Listing:
    """The photos of a library that pass, in order."""

    version: int
    """Of the library: another number after each change to it."""
    ids: tuple[str, ...]
    packed: bytes
    """The same for a page, see ``pack``."""


@dataclass(frozen=True)
class Places:
    """Where photos are from, each with the number of those."""

    folders: Counted
    months: Counted
    cameras: Counted
    albums: Counted
    tags: Counted
    sites: list[tuple[tuple[str, ...], int]]
    """Names of a place from its country inwards."""


class BrowsingService:
    """Reads only. Safe to use from several threads."""

    def __init__(self, catalog: Catalog, photos_of: Callable[[str], frozenset[str] | None] = lambda _: None) -> None:
        """photos_of: the ids of a set of photos by its name, None for what is none."""
        self._catalog = catalog
        self._photos_of = photos_of
        self._listings: Kept[Listing] = Kept(_KEPT)
        self._places: Kept[Places] = Kept(1)

    def version(self) -> int:
        """Another number after each change to the library."""
        return self._catalog.changes()

    def listing(self, text: str, of: str = "") -> Listing:
        """The photos that pass the filters of a query, the last taken first unless it says ``sort:``.

        Words and examples, which photos would have to be compared with, are not looked at: see ``looks_for``. Made
        once for each change. of: the name of a set in which they must be; there are none in what is no set.
        """
        version, reading = self.version(), parse(text)
        among = (self._photos_of(of) or frozenset()) if of else None
        question = (reading.conditions, reading.sort, of)
        return self._listings.get(question, (version, among), lambda: self._listing(version, reading, among))

    def _listing(self, version: int, reading: Reading, among: frozenset[str] | None) -> Listing:
        only = PhotoFilter(where=reading.conditions) if reading.conditions else None
        rows = [row for row in self._catalog.browsing.photos(only, reading.sort or "date") if is_id(row.id)]
        rows = rows if among is None else [row for row in rows if row.id in among]
        return Listing(version, tuple(row.id for row in rows), pack(rows))

    def shown(self, ids: Sequence[str]) -> list[Shown]:
        """Names and places of photos, of ``MOST_AT_ONCE`` at most; those that are not there any more are left out."""
        return list(self._catalog.shown([one for one in ids[:MOST_AT_ONCE] if is_id(one)]).values())

    def places(self) -> Places:
        """Counted once for each change."""
        return self._places.get("places", self.version(), self._count_places)

    def _count_places(self) -> Places:
        found = self._catalog.browsing
        albums = [(album.name, album.photos) for album in self._catalog.albums.all()]
        tags = [(tag.tag, tag.photos) for tag in self._catalog.marks.tags()]
        cameras = self._catalog.vocabulary.counts("camera")[:MOST_CAMERAS]
        return Places(found.folders(), found.months(), cameras, albums, tags, found.sites())


def looks_for(reading: Reading) -> bool:
    """Whether a query asks for more than a listing can tell: words, or what photos are to look like."""
    return bool(reading.terms or reading.similar)


def pack(rows: Sequence[ListedPhoto]) -> bytes:
    """Photos for a page that lays out all of them: 26 bytes each, column after column, little-endian.

    uint32 day (20240731; 0: unknown), uint32 colour (0x1rrggbb; 0: unknown), uint16 width/height in thousandths (at
    most 65535, at least 1), 16 bytes id.
    """
    days, colours = np.array([look_of(row) for row in rows], "<u4").reshape(-1, 2).T
    shapes = np.array([_shape(row.width, row.height) for row in rows], "<u2")
    ids = bytes.fromhex("".join(row.id for row in rows).replace("-", ""))
    return days.tobytes() + colours.tobytes() + shapes.tobytes() + ids


def look_of(row: ListedPhoto) -> tuple[int, int]:
    """Day and colour of a photo as ``pack`` writes them."""
    return _day(row.day), _colour(row.colour)


def _day(number: object) -> int:
    """0 for what can't be a day: a damaged row may say anything."""
    known = isinstance(number, int) and number < 10**8 and 1 <= number // 100 % 100 <= 12 and 1 <= number % 100 <= 31
    return number if known else 0  # type: ignore[return-value]


def _colour(text: object) -> int:
    try:
        return 0x1000000 + int(text, 16) if isinstance(text, str) and len(text) == 6 else 0
    except ValueError:
        return 0


def _shape(width: object, height: object) -> int:
    """Width by height in thousandths; that of a square where a damaged row has no sizes."""
    if not (isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0):
        return 1000
    return min(max(round(1000 * width / height), 1), 65535)
