"""Search: words and example pictures in, hits out, best first, with an honest word on whether anything fits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from PIL import Image

from src.database.catalog.catalog import Catalog
from src.database.store import Store
from src.errors import BadInput, BadQuery
from src.identity import is_id
from src.models.model_manager import ModelManager
from src.models.registry import spec
from src.processing.decoding.reader import PictureReader
from src.schema import Box, Mode, Notice, PhotoFilter, SearchHit, SearchPage, Verdict
from src.schema.search import LIKELY
from src.services.enrichment.spaces import SpaceService
from src.services.indexing.pipeline import decode_side
from src.services.library.service import LibraryService
from src.services.search.foreign import SENTENCE, looks_foreign
from src.services.search.fusion import Found
from src.services.search.in_space import SpaceSearch, check_mode
from src.services.search.judge import Judge, Told
from src.services.search.lookup import Lookup
from src.services.search.names import Called
from src.services.search.parts import Joined, Parts, hit_of
from src.services.search.query import Asked, Query, check_region, read
from src.services.search.reasons import Reasons

__all__ = ["MAX_RESULTS", "Query", "SearchService"]

MAX_RESULTS = 10_000
MANY = 1_000
"""Best of a search for words of which those that are likely are put into another order, or counted."""
MOST_OWN = 2
"""Images that a query may have been taken from, which are left out."""
MORE, MOST_LOOKED_AT = 4, 20_000
"""Times as many hits are looked for where too many show what is not wanted, up to so many."""
NO_OBJECTS = Notice("no-objects", "No objects are indexed yet.")
NOT_ENGLISH = Notice("not-english", SENTENCE)
UNSORTED = Notice("unsorted", "No photo is likely enough to be put in another order; the best come first.")


class SearchService:
    """Searches the library under its active model, or under another that has vectors in it."""

    def __init__(
        self,
        catalog: Catalog,
        store: Store,
        models: ModelManager,
        library: LibraryService,
        reader: PictureReader,
        spaces: SpaceService,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._models = models
        self._library = library
        self._reader = reader
        self.judge = Judge(catalog, models)
        self._parts = Parts(catalog, store, models, self.judge)
        self._reasons = Reasons(catalog)
        self._spaces = spaces
        self._in_space = SpaceSearch(catalog, store, spaces, self.judge, self._parts, self._reasons)

    def search(
        self,
        query: Query,
        limit: int = 20,
        model: str | None = None,
        only: PhotoFilter | None = None,
        mode: Mode = "images",
        space: str = "",
    ) -> SearchPage:
        """The ``limit`` best images for a query, of those that pass ``only``, as a whole or by an object in them.

        space: compare an example in that one in place of the model's (``SpaceSearch``). Raises BadQuery for an empty
        one, BadInput for a filter that makes no sense, ModelError where the model can't be used.
        """
        if space:
            _check_limit(limit)
            check_mode(mode, space)
            return self._in_space.search(query, limit, only, space)
        return self.search_many([query], limit, model, only, mode)[0]

    def similar(self, image_id: str, limit: int) -> tuple[SearchHit, ...]:
        """The images of the library that look most like one of it, by its stored vector; see ``search``."""
        return self.search(Query(like=image_id), limit).hits

    def search_many(
        self,
        queries: Sequence[Query],
        limit: int = 20,
        model: str | None = None,
        only: PhotoFilter | None = None,
        mode: Mode = "images",
    ) -> list[SearchPage]:
        """One page a query; those with the same restrictions share encode and scan, and ``took_ms`` is their share."""
        _check_limit(limit)
        asked = [read(query, only) for query in queries]
        model = model or self._library.active_model
        pages: dict[int, SearchPage] = {}
        for key in dict.fromkeys((one.only, one.lists) for one in asked):
            places = [place for place, one in enumerate(asked) if (one.only, one.lists) == key]
            some = [asked[place] for place in places]
            if some[0].lists:
                found = [self._listed(one, limit, model) for one in some]
            else:
                found = self._found(some, limit, model, mode)
            pages.update(zip(places, found, strict=True))
        return [pages[place] for place in range(len(asked))]

    def _listed(self, asked: Asked, limit: int, model: str) -> SearchPage:
        """Photos that pass, in order; nothing was looked for in them."""
        started, model = time.perf_counter(), spec(model).id
        ids = self._catalog.listing.ids(asked.only, asked.reading.sort or "date", limit)
        shown = self._catalog.shown(ids)
        found = [hit_of(Found(id_, 0.0), shown[id_], {}) for id_ in ids if id_ in shown and is_id(id_)]
        hits = self._reasons.told(found, asked, Called(), {})
        number = self._catalog.listing.number(asked.only)
        took = (time.perf_counter() - started) * 1000
        verdict: Verdict = "match" if hits else "empty"
        filtered = asked.only is not None
        return SearchPage(asked.query.label, model, took, hits, number, verdict, asked.notices, filtered, listed=True)

    def _found(self, some: Sequence[Asked], limit: int, model: str, mode: Mode) -> list[SearchPage]:
        """What is looked for, all among the same photos."""
        started, only = time.perf_counter(), some[0].only
        lookup = Lookup(self._catalog, self._store, self._models, model, only)
        directions = lookup.directions(some)
        least = MANY if any(one.reading.sort for one in some) else 0
        number = self._parts.least(max(limit, least) + MOST_OWN, mode, only)
        while True:
            hits = self._parts.hits(lookup.found(directions, number, mode))
            said = self._parts.said(some, number, mode, only)
            each = zip(some, directions, hits, said, strict=True)
            joined = [self._parts.joined(*one, lookup, mode) for one in each]
            short = any(len(one.hits) < min(limit, len(all_)) for one, all_ in zip(joined, hits, strict=True))
            if not short or number >= min(MOST_LOOKED_AT, lookup.images + lookup.objects):
                break
            number *= MORE  # much of it shows what is not wanted
        took = (time.perf_counter() - started) * 1000 / len(some)
        unseen = () if lookup.searched or only else self._unseen(model, mode)
        return [self._page(*one, lookup, limit, took, unseen) for one in zip(some, joined, strict=True)]

    def _page(
        self, asked: Asked, joined: Joined, lookup: Lookup, limit: int, took: float, more: tuple[Notice, ...]
    ) -> SearchPage:
        own, called = lookup.own(asked), joined.called
        shown = [hit for hit in joined.hits if hit.id not in own]
        notices = asked.notices
        if spec(lookup.model).embedding.english_only and looks_foreign(asked.words):
            notices = (*notices, NOT_ENGLISH)
        if asked.reading.sort:
            likely = {hit.id: hit for hit in shown if hit.chance >= LIKELY}
            order = self._catalog.listing.ordered(list(likely), asked.reading.sort, asked.only)
            shown = [likely[id_] for id_ in order] or shown
            notices = notices if order else (*notices, UNSORTED)
        best = self._reasons.told(shown[:limit], asked, called, joined.described)
        fits = any(hit.fits for hit in best)
        verdict: Verdict = "empty" if not lookup.searched else "match" if fits else "nothing"
        return SearchPage(
            asked.query.label,
            lookup.model,
            took,
            best,
            lookup.images,
            verdict,
            (*(notices if lookup.searched else asked.notices), *more, *called.notices),
            asked.only is not None,
            lookup.objects,
            asked.words,
            asked.words_only,
        )

    def tell(self, chance: float, fits: bool) -> Told:
        """The library's owner says of a hit of words with that chance that it is, or is not, what was asked for."""
        return self.judge.tell(self._models.embedder(self._library.active_model).space, chance, fits)

    def take_back(self, told: Told) -> None:
        """Forget that it was said."""
        self.judge.take_back(self._models.embedder(self._library.active_model).space, told)

    def open_picture(self, source: Path | IO[bytes]) -> Image.Image:
        """An example picture, decoded as indexing does, so that a picture of the library finds itself first.

        Raises UnreadableImage; OSError for a path that can't be opened.
        """
        return self.open_part(source)

    def open_part(self, source: Path | IO[bytes], region: Box | None = None) -> Image.Image:
        """The same of a part of it. region: XYXY in pixels of the upright picture; BadInput where it has no such."""
        embedder = self._models.embedder(self._library.active_model)
        image, facts = self._reader.read(source, None if region else decode_side(embedder))
        if region is None:
            return image
        check_region(region, (facts.width, facts.height))
        return image.crop(region)

    def example(self, source: Path | IO[bytes], text: str = "", region: Box | None = None, space: str = "") -> Query:
        """A query for a picture, with words beside it; of a file, or of the part of it that counts.

        In a space that was made elsewhere it is the photo of the library with just those bytes. Raises as
        ``open_part`` does, and BadQuery where the library has no such photo, NotFound for an unknown space.
        """
        if space and self._spaces.find(space).imported:
            like = self._library.id_of_bytes(source)
            if like is None or region:
                what = "a part of a photo" if like else "a picture that is no photo of the library"
                said = f"The space {space} was made elsewhere, so that {what} can't be compared in it."
                raise BadQuery(said, "Give a whole photo of the library.")
            return Query(text, like=like)
        return Query(text, self.open_part(source, region))

    def _unseen(self, model: str, mode: Mode) -> tuple[Notice, ...]:
        """Why nothing can be found in a library that does hold images."""
        images, _, _ = self._catalog.counts()
        if not images:
            return ()
        if mode == "objects":
            return (NO_OBJECTS,)
        sentence = f"The {images:,} photos of the library are not indexed with the model {model} yet."
        return (Notice("other-model", sentence),)


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_RESULTS:
        raise BadInput(f"{limit} results can't be shown.", f"Ask for 1 to {MAX_RESULTS}.")
