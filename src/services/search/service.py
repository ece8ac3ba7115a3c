"""Search: words and example pictures in, hits out, best first, with an honest word on whether anything fits."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from src.database.catalog.catalog import Catalog, Shown
from src.database.catalog.objects import StoredSegment
from src.database.store import Store
from src.errors import BadInput
from src.identity import is_id
from src.models.model_manager import ModelManager
from src.models.registry import spec
from src.processing.decoding.reader import PictureReader
from src.schema import Mode, Notice, PhotoFilter, SearchHit, SearchPage, Verdict
from src.schema.search import LIKELY
from src.services.indexing.pipeline import decode_side
from src.services.library.service import LibraryService
from src.services.search.foreign import SENTENCE, looks_foreign
from src.services.search.fusion import Found
from src.services.search.judge import Judge, Told
from src.services.search.lookup import Directions, Lookup
from src.services.search.names import Called, Names, lifted
from src.services.search.query import Asked, Query, read

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
        self, catalog: Catalog, store: Store, models: ModelManager, library: LibraryService, reader: PictureReader
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._models = models
        self._library = library
        self._reader = reader
        self.judge = Judge(catalog, models)
        self._names = Names(catalog)

    def search(
        self,
        query: Query,
        limit: int = 20,
        model: str | None = None,
        only: PhotoFilter | None = None,
        mode: Mode = "images",
    ) -> SearchPage:
        """The ``limit`` best images for a query, of those that pass ``only``, as a whole or by an object in them.

        Raises BadQuery for an empty one, BadInput for a filter that makes no sense, ModelError where the model can't be
        used.
        """
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
        if not 1 <= limit <= MAX_RESULTS:
            raise BadInput(f"{limit} results can't be shown.", f"Ask for 1 to {MAX_RESULTS}.")
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
        hits = tuple(_hit(Found(id_, 0.0), shown[id_], {}) for id_ in ids if id_ in shown and is_id(id_))
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
        number = max(limit, least) + MOST_OWN
        while True:
            hits = self._hits(lookup.found(directions, number, mode))
            judged = [self._judged(*one, model, lookup) for one in zip(some, directions, hits, strict=True)]
            short = any(len(best) < min(limit, len(all_)) for best, all_ in zip(judged, hits, strict=True))
            if not short or number >= min(MOST_LOOKED_AT, lookup.images + lookup.objects):
                break
            number *= MORE  # much of it shows what is not wanted
        called = [Called()] * len(some)
        if mode != "objects":
            told = zip(some, directions, judged, strict=True)
            named = [self._with_names(*one, model, lookup) for one in told]
            judged, called = [hits for hits, _ in named], [names for _, names in named]
        if mode == "both":  # cosines of images and of objects are worth different chances
            judged = [sorted(best, key=lambda hit: -hit.chance) for best in judged]
        took = (time.perf_counter() - started) * 1000 / len(some)
        unseen = () if lookup.searched or only else self._unseen(model, mode)
        return [
            self._page(asked, best, lookup, limit, took, model, (*unseen, *names.notices))
            for asked, best, names in zip(some, judged, called, strict=True)
        ]

    def _judged(
        self, asked: Asked, direction: Directions, hits: Sequence[SearchHit], model: str, lookup: Lookup
    ) -> list[SearchHit]:
        """The hits with their chances, without those that are likely to show what is not wanted.

        The chance of the others is that of showing the one and not the other.
        """
        compared = lookup.compared
        if not direction.unwanted:
            assert direction.wanted is not None
            return self.judge.judged(model, hits, direction.wanted, asked.words_only, compared)
        found = [Found(hit.id, hit.score, hit.segment) for hit in hits]
        against = np.zeros(len(hits))
        wanted = [] if direction.wanted is None else [direction.wanted]
        scores = lookup.scores(found, [*(vector for vector, _ in direction.unwanted), *wanted])
        for (vector, words), row in zip(direction.unwanted, scores, strict=False):
            scored = [replace(hit, score=score) for hit, score in zip(hits, row, strict=True)]
            chances = [hit.chance for hit in self.judge.judged(model, scored, vector, words, compared)]
            against = np.maximum(against, chances)
        judged = [replace(hit, chance=1.0) for hit in hits]
        if direction.wanted is not None:
            scored = [replace(hit, score=score) for hit, score in zip(hits, scores[-1], strict=True)]
            judged = self.judge.judged(model, scored, direction.wanted, asked.words_only, compared)
        without = [
            replace(hit, chance=hit.chance * (1 - float(chance)))
            for hit, chance in zip(judged, against, strict=True)
            if chance < LIKELY
        ]
        return sorted(without, key=lambda hit: -hit.chance)

    def _with_names(
        self, asked: Asked, direction: Directions, hits: list[SearchHit], model: str, lookup: Lookup
    ) -> tuple[list[SearchHit], Called]:
        """The hits and the photos that are called what was asked for, these among the first; and what was found so."""
        called = self._names.called(asked, hits, lookup.images)
        if not called.ids:
            return hits, called
        known = {hit.id: hit for hit in hits}
        new = [Found(id_, 0.0) for id_ in called.ids if id_ not in known]
        if new and direction.wanted is not None:
            (scores,) = lookup.scores(new, [direction.wanted])
            seen = [replace(one, score=score) for one, score in zip(new, scores, strict=True) if score > -1]
            found = self._hits([seen])[0]  # judged as the others are: what is not wanted stays away
            known |= {hit.id: hit for hit in self._judged(asked, direction, found, model, lookup)}
        named = {id_: lifted(known.pop(id_), called.near) for id_ in called.ids if id_ in known}
        return sorted((named | known).values(), key=lambda hit: -hit.chance), called

    def _page(
        self,
        asked: Asked,
        hits: Sequence[SearchHit],
        lookup: Lookup,
        limit: int,
        took: float,
        model: str,
        more: tuple[Notice, ...],
    ) -> SearchPage:
        own = lookup.own(asked)
        shown = [hit for hit in hits if hit.id not in own]
        notices = asked.notices
        if spec(model).embedding.english_only and looks_foreign(asked.words):
            notices = (*notices, NOT_ENGLISH)
        if asked.reading.sort:
            likely = {hit.id: hit for hit in shown if hit.chance >= LIKELY}
            order = self._catalog.listing.ordered(list(likely), asked.reading.sort, asked.only)
            shown = [likely[id_] for id_ in order] or shown
            notices = notices if order else (*notices, UNSORTED)
        shown = shown[:limit]
        fits = any(hit.fits for hit in shown)
        verdict: Verdict = "empty" if not lookup.searched else "match" if fits else "nothing"
        return SearchPage(
            asked.query.label,
            model,
            took,
            tuple(shown),
            lookup.images,
            verdict,
            (*(notices if lookup.searched else asked.notices), *more),
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

    def _hits(self, found: Sequence[Sequence[Found]]) -> list[list[SearchHit]]:
        """With what is shown of each; images hidden meanwhile are left out."""
        shown = self._catalog.shown(list({hit.image_id for some in found for hit in some}))
        objects = list({hit.segment for some in found for hit in some if hit.segment})
        segments = self._catalog.objects.by_id(objects) if objects else {}
        shown = {id_: row for id_, row in shown.items() if is_id(id_)}
        return [[_hit(hit, shown[hit.image_id], segments) for hit in some if hit.image_id in shown] for some in found]

    def open_picture(self, source: Path | IO[bytes]) -> Image.Image:
        """An example picture, decoded as indexing does, so that a picture of the library finds itself first.

        Raises UnreadableImage; OSError for a path that can't be opened.
        """
        embedder = self._models.embedder(self._library.active_model)
        return self._reader.read(source, decode_side(embedder))[0]

    def _unseen(self, model: str, mode: Mode) -> tuple[Notice, ...]:
        """Why nothing can be found in a library that does hold images."""
        images, _, _ = self._catalog.counts()
        if not images:
            return ()
        if mode == "objects":
            return (NO_OBJECTS,)
        sentence = f"The {images:,} photos of the library are not indexed with the model {model} yet."
        return (Notice("other-model", sentence),)


def _hit(found: Found, shown: Shown, segments: Mapping[str, StoredSegment]) -> SearchHit:
    stored = segments.get(found.segment or "")
    size = (shown.width, shown.height)
    if stored is None:
        return SearchHit(shown.id, shown.path_text, shown.name, found.score, size=size)
    return SearchHit(shown.id, shown.path_text, shown.name, found.score, "object", stored.segment.box, size, stored.id)
