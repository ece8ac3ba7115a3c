"""A search as another program asks for it: photos by id or name, a part of a picture, and one page after the other."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import IO

from src.errors import AppError, BadInput, UnreadableImage
from src.schema import Box, Mode, SearchPage
from src.schema.conditions import parse_condition
from src.schema.search import PhotoFilter
from src.services.enrichment.objects import ObjectService
from src.services.library.service import LibraryService
from src.services.search.query import Query, check_region
from src.services.search.service import MAX_RESULTS, SearchService

KEPT_BYTES, KEPT_PAGES = 16_000_000, 2_000
"""What is remembered of pages that were told, the last ones: 16 bytes a photo."""
_ID_BYTES = 16


@dataclass(frozen=True)
class Wanted:
    """What another program looks for.

    image: a photo of the library, by id or name. file: an example picture, open for reading. region: the part of either
    that counts, in pixels of the upright picture. filters: conditions such as ``camera=nikon``. weak: weak matches too.
    space: in which the example is compared, in place of the model's.
    """

    query: str = ""
    image: str | None = None
    file: IO[bytes] | None = None
    region: Box | None = None
    filters: tuple[str, ...] = ()
    top_k: int = 20
    mode: Mode = "images"
    weak: bool = True
    cursor: str | None = None
    space: str = ""


Answer = tuple[SearchPage, str | None]
"""A page, and what the next one is asked for with."""


@dataclass(frozen=True)
class _Asked:
    """What is wanted, understood. which: the same for all pages of one search. before: ids that were told, in bytes."""

    wanted: Wanted
    query: Query
    only: PhotoFilter | None
    which: bytes
    before: bytes

    @property
    def limit(self) -> int:
        return min(len(self.before) // _ID_BYTES + self.wanted.top_k + 1, MAX_RESULTS)


class AskingService:
    """Safe to use from several threads."""

    def __init__(self, search: SearchService, library: LibraryService, objects: ObjectService) -> None:
        self._search = search
        self._library = library
        self._objects = objects
        self._told = _ToldBefore()

    def page(self, wanted: Wanted) -> Answer:
        """The best ``top_k`` that no earlier page told of, and what to ask for the next page with; None at the end.

        Each page is of the library as it is then. No photo is told twice; every photo that is found all the time is
        told once; one that is added meanwhile may be. Raises BadInput, BadQuery, UnreadableImage, ModelError, NotFound.
        """
        (answer,) = self.pages([wanted])
        if isinstance(answer, AppError):
            raise answer
        return answer

    def pages(self, several: Sequence[Wanted]) -> list[Answer | AppError]:
        """A page for each, or why there is none, as ``page`` would tell. Those that are alike but for what is looked
        for share what a search costs.
        """
        found: list[Answer | AppError | None] = [None] * len(several)
        asked: dict[tuple[Hashable, ...], list[tuple[int, _Asked]]] = {}
        for place, wanted in enumerate(several):
            try:
                one = self._asked(wanted)
            except AppError as error:
                found[place] = error
            else:
                asked.setdefault((one.only, one.wanted.mode, one.wanted.space, one.limit), []).append((place, one))
        for some in asked.values():
            answers = self._found([one for _, one in some])
            for (place, _), answer in zip(some, answers, strict=True):
                found[place] = answer
        return [answer for answer in found if answer is not None]

    def _asked(self, wanted: Wanted) -> _Asked:
        which = _fingerprint(wanted)
        before = self._told.of(wanted.cursor, which) if wanted.cursor else b""
        only = PhotoFilter(where=tuple(map(parse_condition, wanted.filters))) if wanted.filters else None
        return _Asked(wanted, self._query(wanted), only, which, before)

    def _found(self, some: Sequence[_Asked]) -> list[Answer | AppError]:
        first = some[0]
        try:
            queries = [one.query for one in some]
            mode, space, only = first.wanted.mode, first.wanted.space, first.only
            if space:
                pages = [self._search.search(one, first.limit, only=only, mode=mode, space=space) for one in queries]
            else:
                pages = self._search.search_many(queries, first.limit, only=only, mode=mode)
        except AppError as error:
            return [error] if len(some) == 1 else [answer for one in some for answer in self._found([one])]
        return [self._answer(one, page) for one, page in zip(some, pages, strict=True)]

    def _answer(self, asked: _Asked, page: SearchPage) -> Answer:
        wanted, before = asked.wanted, asked.before
        known = {before[at : at + _ID_BYTES].hex() for at in range(0, len(before), _ID_BYTES)}
        new = [hit for hit in page.hits if hit.id.replace("-", "") not in known]
        fit = [hit for hit in new if wanted.weak or not page.words or hit.band != "weak"]
        hits, more = fit[: wanted.top_k], fit[wanted.top_k :]
        told = before + b"".join(bytes.fromhex(hit.id.replace("-", "")) for hit in hits)
        following = self._told.keep(asked.which, told) if more and len(told) < MAX_RESULTS * _ID_BYTES else None
        return replace(page, hits=tuple(hits)), following

    def _query(self, wanted: Wanted) -> Query:
        if wanted.image and wanted.file:
            raise BadInput("Two example pictures are given.", "Give a photo of the library or a file.")
        if wanted.region and not (wanted.image or wanted.file):
            raise BadInput("A region is given without a picture.", "Say of which picture it is a part.")
        if wanted.file:
            return self._search.example(wanted.file, wanted.query, wanted.region, wanted.space)
        if not wanted.image:
            return Query(wanted.query)
        image_id = self._library.id_of(wanted.image)
        if wanted.region is None:
            return Query(wanted.query, like=image_id)
        details = self._library.details(image_id)
        if details is None:
            raise BadInput("The photo was removed just now.")
        check_region(wanted.region, (details.facts.width, details.facts.height))
        part = self._objects.part(image_id, wanted.region)
        if part is None:
            raise UnreadableImage(f"The file of {details.name} can't be read now.")
        return Query(wanted.query, part, part_of=image_id)


def _fingerprint(wanted: Wanted) -> bytes:
    """The same for all pages of one search."""
    rest = (wanted.query, wanted.image, wanted.region, wanted.filters, wanted.mode, wanted.weak, wanted.space)
    digest = hashlib.sha256(repr(rest).encode("utf-8", "replace"))
    if wanted.file:
        wanted.file.seek(0)
        for chunk in iter(lambda: wanted.file.read(2**20) if wanted.file else b"", b""):
            digest.update(chunk)
        wanted.file.seek(0)
    return digest.digest()


class _ToldBefore:
    """Photos that pages told of, by cursor."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: OrderedDict[str, tuple[bytes, bytes]] = OrderedDict()
        self._bytes = 0

    def keep(self, which: bytes, told: bytes) -> str:
        cursor = secrets.token_urlsafe(12)
        with self._lock:
            self._pages[cursor] = which, told
            self._bytes += len(told)
            while len(self._pages) > 1 and (self._bytes > KEPT_BYTES or len(self._pages) > KEPT_PAGES):
                self._bytes -= len(self._pages.popitem(last=False)[1][1])
        return cursor

    def of(self, cursor: str, which: bytes) -> bytes:
        """Raises BadInput for a cursor that is none, is of another search, or was given out too long ago."""
        with self._lock:
            known = self._pages.get(cursor)
            if known:
                self._pages.move_to_end(cursor)
        if known is None:
            raise BadInput("The cursor is not known, or not any more.", "Ask for the first page again.")
        if known[0] != which:
            raise BadInput("The cursor is of another search.", "Ask with what the first page was asked with.")
        return known[1]
