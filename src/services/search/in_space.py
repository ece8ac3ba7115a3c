"""Search by example in one space of vectors: how photos look, or what another program made of them.

No words are known there. A picture that is in no library is looked at by the space's model; in a space that was made
elsewhere, by its bytes: it is asked for by the photo that it is.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from src.database.catalog.catalog import Catalog
from src.database.store import Store
from src.errors import BadInput, BadQuery
from src.schema import FloatArray, PhotoFilter, SearchHit, SearchPage, Verdict
from src.schema.library import Space
from src.services.enrichment.spaces import SpaceService
from src.services.search.fusion import wholes
from src.services.search.judge import Judge
from src.services.search.lookup import unit
from src.services.search.names import Called
from src.services.search.parts import Parts
from src.services.search.query import Asked, Query, read
from src.services.search.reasons import Reasons

NO_WORDS = "Words can't be looked for in the space {name}: it only knows pictures."


class SpaceSearch:
    """Safe to use from several threads."""

    def __init__(
        self, catalog: Catalog, store: Store, spaces: SpaceService, judge: Judge, parts: Parts, reasons: Reasons
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._spaces = spaces
        self._judge = judge
        self._parts = parts
        self._reasons = reasons

    def search(self, query: Query, limit: int, only: PhotoFilter | None, name: str) -> SearchPage:
        """The ``limit`` photos that lie nearest to the example, of those that pass.

        Raises NotFound for an unknown space, BadQuery for words and for an example that has no vector in it,
        WeightsMissing.
        """
        started, space, asked = time.perf_counter(), self._spaces.find(name), read(query, only)
        if asked.wanted or asked.unwanted:
            raise BadQuery(NO_WORDS.format(name=name), "Leave the words out; filters such as date:2024 may stay.")
        if asked.words_only:
            raise BadQuery(f"There is no example to look for in the space {name}.", "Give a picture or a photo.")
        vector, own = self._wanted(asked, space)
        compared = self._catalog.vectors.count(space.collection, asked.only)
        found = self._store.search(space.collection, vector[None], limit + len(own), asked.only)[0] if compared else []
        hits = [hit for hit in self._parts.hits([wholes(found)])[0] if hit.id not in own][:limit]
        page = self._told(asked, space, compared, self._judged(hits, space))
        return replace(page, took_ms=(time.perf_counter() - started) * 1000)

    def _judged(self, hits: list[SearchHit], space: Space) -> list[SearchHit]:
        chances = self._judge.alike(space.collection, np.array([hit.score for hit in hits]))
        return [replace(hit, chance=float(chance)) for hit, chance in zip(hits, chances, strict=True)]

    def _told(self, asked: Asked, space: Space, compared: int, hits: list[SearchHit]) -> SearchPage:
        if asked.reading.sort and hits:
            known = {hit.id: hit for hit in hits}
            hits = [known[id_] for id_ in self._catalog.listing.ordered(list(known), asked.reading.sort, asked.only)]
        verdict: Verdict = "match" if hits else "nothing" if compared else "empty"
        why = self._reasons.told(hits, asked, Called(), {})
        filtered = asked.only is not None
        return SearchPage(
            asked.query.label, space.name, 0.0, why, compared, verdict, asked.notices, filtered, words_only=False
        )

    # ------------------------------------------------------------ the example

    def _wanted(self, asked: Asked, space: Space) -> tuple[FloatArray, set[str]]:
        """The mean direction (D,) of all examples, and the photos that they are of."""
        likes = [like.id for like in asked.likes if not like.negative]
        if any(like.negative for like in asked.likes):
            raise BadQuery(f"What a photo shall not be like can't be said in the space {space.name}.")
        stored = self._catalog.vectors.get_many(space.collection, likes)
        if missing := [id_ for id_ in likes if id_ not in stored]:
            raise BadQuery(self._why_not(missing[0], space))
        parts = list(stored.values())
        if asked.query.image is not None:
            if space.imported:
                text = f"The space {space.name} was made elsewhere, so that no vector can be made of that picture."
                raise BadQuery(text, "Give a photo of the library that has one.")
            model = self._spaces.looker(space.name)
            parts.append(model.encode(model.preprocess(asked.query.image)[None])[0])
        own = {*likes, *([asked.query.part_of] if asked.query.part_of else [])}
        return unit(np.mean(parts, axis=0)), own

    def _why_not(self, id_: str, space: Space) -> str:
        """Why an example has no vector."""
        if not self._catalog.shown([id_]):
            return f"Only whole photos can be compared in the space {space.name}."
        made = "" if space.imported else " yet"
        return f"That photo has no vector in the space {space.name}{made}."


def check_mode(mode: str, name: str) -> None:
    """Raise BadInput where objects are to be found in a space, which has vectors of whole photos alone."""
    if mode == "objects":
        raise BadInput(f"The space {name} has no vectors of objects.", "Search whole photos there.")
