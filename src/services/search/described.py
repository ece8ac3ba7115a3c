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
        return self._vectors.count(only)

    def said(self, queries: Sequence[Asked], limit: int, only: PhotoFilter | None) -> list[Said]:
        """For each query the ``limit`` nearest; nothing for those with a picture, and where no photo has a description.

        Raises ModelError where texts can't be encoded.
        """
        number = self.count(only) if any(one.words_only for one in queries) else 0
        if not number:
            return [Said()] * len(queries)
        found = [self._read(one, number) for one in queries]
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

    def _read(self, asked: Asked, number: int) -> Said:
        """A query as vectors."""
        if not asked.words_only:
            return Said()
        texts = [*(term.text for term in asked.wanted), *asked.unwanted]
        vectors = self._texts.vectors(texts)
        first = len(asked.wanted)
        unwanted = tuple(vectors[first:])
        if not first:
            return Said((), None, unwanted, number)
        together = np.sum([term.weight * row for term, row in zip(asked.wanted, vectors, strict=False)], axis=0)
        return Said((), (together / max(float(np.linalg.norm(together)), 1e-6)).astype(np.float32), unwanted, number)


def _by_id(scores: Mapping[str, FloatArray], chances: Numbers) -> Chances:
    return dict(zip(scores, np.asarray(chances).tolist(), strict=True))
