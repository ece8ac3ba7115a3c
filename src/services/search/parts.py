"""What the parts of a search say of the same photos, put together: what they show, what a model said of them, and what
is written of them.

Each part gives a photo a chance of its own. That of a photo with a description is made of what both say
(``calibration.together``): a text that fits lifts it, and one that tells of something else takes little away, for
nobody writes down all that is to be seen. What is not wanted counts wherever it is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from src.database.catalog.catalog import Catalog, Shown
from src.database.catalog.objects import StoredSegment
from src.database.store import Store
from src.identity import is_id
from src.models.model_manager import ModelManager
from src.models.query_bank import QueryBanks
from src.schema import Mode, PhotoFilter, SearchHit
from src.schema.search import LIKELY
from src.services.enrichment.description_vectors import DescriptionVectors
from src.services.search.calibration import together
from src.services.search.described import LEAST, Chances, Descriptions, Said
from src.services.search.fusion import Found
from src.services.search.judge import Judge
from src.services.search.lookup import Directions, Lookup
from src.services.search.names import Called, Names, lifted, unwanted
from src.services.search.query import Asked

NOT_CALLED = Called()


@dataclass(frozen=True)
class Joined:
    """One query's hits, best first; by which words photos were found; and their chances by their descriptions."""

    hits: list[SearchHit]
    called: Called = NOT_CALLED
    described: Chances = field(default_factory=dict)


class Parts:
    """Safe to use from several threads."""

    def __init__(self, catalog: Catalog, store: Store, models: ModelManager, judge: Judge) -> None:
        self._catalog = catalog
        self._judge = judge
        self._names = Names(catalog)
        vectors = DescriptionVectors(catalog, store, models)
        self._descriptions = Descriptions(vectors, judge, QueryBanks(models.settings.query_banks_dir))

    def least(self, number: int, mode: Mode, only: PhotoFilter | None) -> int:
        """How many photos each part has to name so that the best ``number`` of all together are among them."""
        return max(number, LEAST) if mode != "objects" and self._descriptions.count(only) else number

    def said(self, some: Sequence[Asked], number: int, mode: Mode, only: PhotoFilter | None) -> list[Said]:
        """What descriptions say to each query; they are of whole photos."""
        return self._descriptions.said(some, number, only) if mode != "objects" else [Said()] * len(some)

    def hits(self, found: Sequence[Sequence[Found]]) -> list[list[SearchHit]]:
        """With what is shown of each; images hidden meanwhile are left out."""
        shown = self._catalog.shown(list({hit.image_id for some in found for hit in some}))
        objects = list({hit.segment for some in found for hit in some if hit.segment})
        segments = self._catalog.objects.by_id(objects) if objects else {}
        shown = {id_: row for id_, row in shown.items() if is_id(id_)}
        return [[hit_of(hit, shown[hit.image_id], segments) for hit in some if hit.image_id in shown] for some in found]

    def joined(
        self, asked: Asked, direction: Directions, hits: Sequence[SearchHit], said: Said, lookup: Lookup, mode: Mode
    ) -> Joined:
        """What all parts say to one query. hits: by what photos show."""
        known = {hit.id: hit for hit in self.judged(asked, direction, hits, lookup)}
        seen = {hit.id for hit in hits}
        known |= self._more(asked, direction, [id_ for id_ in said.nearest if id_ not in seen], lookup)
        known, described = self._with_descriptions(said, known)
        called = NOT_CALLED if mode == "objects" else self._names.called(asked, list(known.values()), lookup.images)
        new = self._more(asked, direction, [id_ for id_ in called.ids if id_ not in seen | set(known)], lookup)
        new, more = self._with_descriptions(said, new)
        known = self._without(asked, known | new)
        named = {id_: lifted(known.pop(id_), called.near) for id_ in called.ids if id_ in known}
        order = {**named, **known}.values()
        # cosines of images and of objects are worth different chances
        changed = bool(named or described or said.unwanted) or mode == "both"
        best = sorted(order, key=lambda hit: -hit.chance) if changed else list(order)
        return Joined(best, called, described | more)

    def judged(self, asked: Asked, direction: Directions, hits: Sequence[SearchHit], lookup: Lookup) -> list[SearchHit]:
        """The hits with their chances, without those that are likely to show what is not wanted.

        The chance of the others is that of showing the one and not the other.
        """
        compared = lookup.compared
        if not direction.unwanted:
            assert direction.wanted is not None
            return self._judge.judged(lookup.model, hits, direction.wanted, asked.words_only, compared)
        found = [Found(hit.id, hit.score, hit.segment) for hit in hits]
        against = np.zeros(len(hits))
        wanted = [] if direction.wanted is None else [direction.wanted]
        scores = lookup.scores(found, [*(vector for vector, _ in direction.unwanted), *wanted])
        for (vector, words), row in zip(direction.unwanted, scores, strict=False):
            scored = [replace(hit, score=score) for hit, score in zip(hits, row, strict=True)]
            chances = [hit.chance for hit in self._judge.judged(lookup.model, scored, vector, words, compared)]
            against = np.maximum(against, chances)
        judged = [replace(hit, chance=1.0) for hit in hits]
        if direction.wanted is not None:
            scored = [replace(hit, score=score) for hit, score in zip(hits, scores[-1], strict=True)]
            judged = self._judge.judged(lookup.model, scored, direction.wanted, asked.words_only, compared)
        without = [
            replace(hit, chance=hit.chance * (1 - float(chance)))
            for hit, chance in zip(judged, against, strict=True)
            if chance < LIKELY
        ]
        return sorted(without, key=lambda hit: -hit.chance)

    def _more(self, asked: Asked, direction: Directions, ids: Sequence[str], lookup: Lookup) -> dict[str, SearchHit]:
        """Photos that another part found, judged by what they show as the others are: what is not wanted stays away."""
        if not ids or direction.wanted is None:
            return {}
        new = [Found(id_, 0.0) for id_ in ids]
        (scores,) = lookup.scores(new, [direction.wanted])
        seen = [replace(one, score=score) for one, score in zip(new, scores, strict=True) if score > -1]
        found = self.hits([seen])[0]
        return {hit.id: hit for hit in self.judged(asked, direction, found, lookup)}

    def _with_descriptions(self, said: Said, hits: Mapping[str, SearchHit]) -> tuple[dict[str, SearchHit], Chances]:
        """The hits with what is said of them, without those that are likely said to be what is not wanted."""
        wanted, against = self._descriptions.chances(said, hits)
        found = dict(hits)
        for id_ in wanted or against:
            hit, away = hits[id_], against.get(id_, 0.0)
            chance = float(together(np.array(hit.chance), np.array(wanted[id_]))) if wanted else hit.chance
            found[id_] = replace(hit, chance=chance * (1 - away), seen=hit.chance)
            if away >= LIKELY:
                del found[id_]
        return found, wanted

    def _without(self, asked: Asked, hits: dict[str, SearchHit]) -> dict[str, SearchHit]:
        """The hits of which nothing is written that is not wanted."""
        for wish in unwanted(asked):
            written = self._catalog.lexical.among(list(hits), wish)
            hits = {id_: hit for id_, hit in hits.items() if id_ not in written}
        return hits


def hit_of(found: Found, shown: Shown, segments: Mapping[str, StoredSegment]) -> SearchHit:
    """A result with the facts that are shown of it."""
    stored = segments.get(found.segment or "")
    size = (shown.width, shown.height)
    if stored is None:
        return SearchHit(shown.id, shown.path_text, shown.name, found.score, size=size)
    return SearchHit(shown.id, shown.path_text, shown.name, found.score, "object", stored.segment.box, size, stored.id)
