"""Photos by what a model said of them, whose texts are compared with a query's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from src.models.query_bank import QueryBanks
from src.models.text_cache import TextCache
from src.schema import FloatArray, PhotoFilter
from src.services.enrichment.description_vectors import DescriptionVectors
from src.services.search.calibration import Numbers
from src.services.search.judge import Judge
from src.services.search.query import Asked

LEAST = 100
"""Photos that each part of a search names at least: one that is no part's best may be the best of both."""
Chances = dict[str, float]
"""Image id -> how likely it is, by its description, what was asked for, 0 to 1."""


@dataclass(frozen=True)
class Sentences:
    """The model that compares texts with texts, for the bank of queries that it is tried with."""

    encode: Callable[[Sequence[str]], FloatArray]
    space: str = "all-MiniLM-L6-v2"
    dimensions: int = 384

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        return self.encode(texts)


@dataclass(frozen=True)
class Said:
    """What descriptions say to one query. number: how many photos have one and pass."""

    nearest: tuple[str, ...] = ()
    """Ids of the photos whose descriptions are nearest to what is wanted."""
    wanted: FloatArray | None = None
    """(384,) of norm 1; None where nothing is wanted in words."""
    unwanted: tuple[FloatArray, ...] = ()
    number: int = 0


class Descriptions:
    """What is said of photos, looked through for one search after the other. Safe to use from several threads."""

    def __init__(self, vectors: DescriptionVectors, judge: Judge, banks: QueryBanks) -> None:
        self._vectors = vectors
        self._judge = judge
        self._banks = banks
        self._texts = TextCache(vectors.encode)

    def count(self, only: PhotoFilter | None) -> int:
        """Photos that have a description and pass."""
        return self._vectors.count(only) if self._vectors.count() else 0

    def said(self, queries: Sequence[Asked], limit: int, only: PhotoFilter | None) -> list[Said]:
        """For each query the ``limit`` nearest; nothing for those with a picture, and where no photo has a description.

        Raises ModelError where texts can't be encoded.
        """
        number = self.count(only) if any(one.words_only for one in queries) else 0
        if not number:
            return [Said()] * len(queries)
        texts = list(dict.fromkeys(text for one in queries if one.words_only for text in _texts(one)))
        vectors = dict(zip(texts, self._texts.vectors(texts), strict=True)) if texts else {}
        found = [_read(one, vectors, number) if one.words_only else Said() for one in queries]
        asked = [one.wanted for one in found if one.wanted is not None]
        nearest = iter(self._vectors.nearest(np.stack(asked), limit, only) if asked else ())
        return [
            one
            if one.wanted is None
            else Said(tuple(id_ for id_, _ in next(nearest)), one.wanted, one.unwanted, number)
            for one in found
        ]

    def chances(self, said: Said, ids: Iterable[str]) -> tuple[Chances, Chances]:
        """Of photos that have a description: how likely they are what is wanted, and what is not."""
        vectors = [*([] if said.wanted is None else [said.wanted]), *said.unwanted]
        scores = self._vectors.scores(np.stack(vectors), list(ids)) if vectors else {}
        if not scores:
            return {}, {}
        columns = np.stack(list(scores.values()), axis=1)
        bank, each = self._banks.of(Sentences(self._vectors.encode)), zip(columns, vectors, strict=True)
        chances = [self._judge.described(row, vector, said.number, bank) for row, vector in each]
        wanted = {} if said.wanted is None else _by_id(scores, chances.pop(0))
        return wanted, _by_id(scores, np.max(chances, axis=0)) if chances else {}


def _texts(asked: Asked) -> list[str]:
    return [*(term.text for term in asked.wanted), *asked.unwanted]


def _read(asked: Asked, vectors: Mapping[str, FloatArray], number: int) -> Said:
    """A query as vectors: all that is wanted as one, its mean direction."""
    unwanted = tuple(vectors[text] for text in asked.unwanted)
    if not asked.wanted:
        return Said((), None, unwanted, number)
    mean = np.sum([term.weight * vectors[term.text] for term in asked.wanted], axis=0)
    return Said((), (mean / max(float(np.linalg.norm(mean)), 1e-6)).astype(np.float32), unwanted, number)


def _by_id(scores: Mapping[str, FloatArray], chances: Numbers) -> Chances:
    return dict(zip(scores, np.asarray(chances).tolist(), strict=True))
