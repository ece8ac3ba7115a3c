"""Photos that may want a tag: found by its examples once there are enough of them, until then by its words."""

from __future__ import annotations

import heapq
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from src.database.catalog.catalog import Catalog
from src.database.catalog.marks import STEP
from src.schema import FloatArray, PhotoFilter
from src.schema.query_keys import condition
from src.services.curation.service import tag_of
from src.services.library.service import LibraryService
from src.services.search.service import Query, SearchService

EXAMPLES = 8
"""Photos with a tag from which on these, and not its words, say what it looks like."""
OTHERS = 2_000
"""Photos without it that these are compared with, chosen by chance."""
RIDGE = 0.01
"""Weight of the probe's own length against its errors."""
SHARE = 0.25
"""Of the examples, each judged by all others, this share may be less like the tag than what is suggested."""
SEED = 7


@dataclass(frozen=True)
class Suggestion:
    """A photo that may want a tag.

    score: comes from ``by``: the chance of a search by the tag's words, 0 to 1, or how far beyond the middle between
    examples (1) and others (-1) the photo is.
    """

    image_id: str
    score: float
    by: Literal["words", "examples"]


class SuggestionService:
    """Suggests photos for tags. To accept one is ``CurationService.tag``, to refuse it ``refuse_tag`` there."""

    def __init__(self, catalog: Catalog, library: LibraryService, search: SearchService) -> None:
        self._catalog = catalog
        self._library = library
        self._search = search

    def photos(self, tag: str, limit: int = 50) -> list[Suggestion]:
        """Photos that have no such tag and were not refused for it, the likeliest first; none where none is likely.

        Goes through all vectors once there are examples enough. Raises BadInput for what is no tag, ModelError where
        the model can't be used.
        """
        tag = tag_of(tag)
        tagged, refused = self._catalog.marks.tagged(tag), self._catalog.marks.refused(tag)
        collection = self._library.collection()
        examples = self._catalog.vectors.get_many(collection, tagged)
        if len(examples) < EXAMPLES:
            return self._by_words(tag, limit, refused)
        known = {*tagged, *refused}
        others = self._others(collection, known, refused)
        if not len(others):
            return []
        probe = Probe(np.stack(list(examples.values())), others)
        best: list[tuple[float, str]] = []
        for ids, matrix in self._catalog.vectors.blocks(collection):
            scores = probe.scores(matrix)
            good = [(float(score), id_) for score, id_ in zip(scores, ids, strict=True) if score >= probe.least]
            best = heapq.nlargest(limit, [*best, *(one for one in good if one[1] not in known)])
        return [Suggestion(id_, score, "examples") for score, id_ in best]

    def _by_words(self, tag: str, limit: int, refused: Collection[str]) -> list[Suggestion]:
        """What a search for the last step of the tag finds that is likely it."""
        words = re.sub(r"([^\w\s])", r"\\\1", tag.rpartition(STEP)[2])
        only = PhotoFilter(where=(condition("tag", [tag], negative=True),))
        page = self._search.search(Query(words), limit + len(refused), only=only)
        likely = [hit for hit in page.hits if hit.band != "weak" and hit.id not in refused]
        return [Suggestion(hit.id, hit.chance, "words") for hit in likely[:limit]]

    def _others(self, collection: str, known: Collection[str], refused: Collection[str]) -> FloatArray:
        """(n, D): photos without the tag, those that were refused for it among them."""
        every = [id_ for id_ in self._catalog.health.image_ids(hidden=False) if id_ not in known]
        chance = np.random.default_rng(SEED)
        some = chance.choice(len(every), min(OTHERS, len(every)), replace=False)
        found = self._catalog.vectors.get_many(collection, [*refused, *(every[number] for number in some)])
        return np.stack(list(found.values())) if found else np.empty((0, 0), np.float32)


class Probe:
    """A linear probe: ridge regression of 1 for examples and -1 for others, both classes of the same weight.

    ``least``: the score from which on a photo is suggested. It comes from the examples, each scored by a probe of all
    others, which needs no second fit (Allen, The relationship between variable selection and data augmentation, 1974).
    """

    def __init__(self, examples: FloatArray, others: FloatArray) -> None:
        """Both (n, D), of norm 1."""
        rows = _with_bias(np.concatenate([examples, others]))
        wanted = np.concatenate([np.ones(len(examples)), -np.ones(len(others))])
        weights = np.concatenate([np.full(len(examples), 0.5 / len(examples)), np.full(len(others), 0.5 / len(others))])
        weighted = rows * weights[:, None]
        inverse = np.linalg.inv(weighted.T @ rows + RIDGE * np.eye(rows.shape[1]))
        self._weights = inverse @ (weighted.T @ wanted)
        own = rows[: len(examples)]
        leverage = np.einsum("nd,de,ne->n", own, inverse, own) * weights[: len(examples)]
        alone = (own @ self._weights - leverage) / (1 - leverage)
        self.least = max(0.0, float(np.quantile(alone, SHARE)))

    def scores(self, rows: FloatArray) -> Sequence[float]:
        """(n, D) -> (n,)."""
        found: Sequence[float] = (_with_bias(rows) @ self._weights).tolist()
        return found


def _with_bias(rows: FloatArray) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.concatenate([rows, np.ones((len(rows), 1))], axis=1).astype(np.float64)
