"""Judges the hits of one library: how likely each is what was asked for, by ``calibration`` and what the owner has said
so far.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from src.database.catalog.catalog import Catalog
from src.database.catalog.kinds import DESCRIPTIONS
from src.database.embeddings import library_collection
from src.models.model_manager import ModelManager
from src.models.query_bank import QueryBank
from src.plain_files import json_in
from src.schema import Embedder, FloatArray, Kind, SearchHit
from src.schema.library import SAID_OF_HITS
from src.schema.search import NOTHING
from src.services.search.calibration import DESCRIPTIONS as OF_DESCRIPTIONS
from src.services.search.calibration import (
    MOST_EVIDENCE,
    PICTURES,
    SAMPLE,
    WORDS,
    Background,
    Numbers,
    best_scores,
    chance,
    evidence_of,
    pairs,
    shift_of,
)
from src.versioned_cache import Kept

NONE = Background(np.zeros(1), np.zeros(1), np.ones(1))
"""Where there is nothing to compare with."""
STEP = 1.05
"""A large collection's scores are compared anew each time that it has grown, or shrunk, by this factor."""
ALIKE = 0.9
"""Cosine from which on two pictures may be one and the same, whatever else the library holds; at 1 they are."""
TOLD = 1_000
"""Judgements of the owner that are kept, the last ones."""

Told = tuple[float, bool]
"""The evidence that there was for a hit, and whether its owner says that it fits."""


class Judge:
    """Safe to use from several threads."""

    def __init__(self, catalog: Catalog, models: ModelManager) -> None:
        self._catalog = catalog
        self._models = models
        self._backgrounds: Kept[Background] = Kept(8)
        self._shifts: Kept[float] = Kept(8)
        self._telling = threading.Lock()

    def get_ready(self, model: str) -> None:
        """Compare what the first search by words would wait for: up to SAMPLE photos with the bank's queries."""
        self._background(self._models.embedder(model), model, "image", words_only=True)

    def judged(
        self, model: str, hits: Sequence[SearchHit], query: FloatArray, words_only: bool, compared: Mapping[Kind, int]
    ) -> list[SearchHit]:
        """The hits of one query (D,), each with its chance. compared: vectors of each kind that the query was compared
        with.
        """
        embedder = self._models.embedder(model)
        chances: dict[int, float] = {}
        for kind in {hit.kind for hit in hits}:
            places = [place for place, hit in enumerate(hits) if hit.kind == kind]
            scores = np.array([hits[place].score for place in places])
            found = self._chances(embedder, model, kind, scores, query, words_only, compared.get(kind, 0))
            chances.update(zip(places, found.tolist(), strict=True))
        return [replace(hit, chance=chances[place]) for place, hit in enumerate(hits)]

    def tell(self, space: str, hit_chance: float, fits: bool) -> Told:
        """The owner says of a hit of words that it is what was asked for, or is not. Gives what ``take_back`` needs."""
        with self._telling:
            told = (round(evidence_of(hit_chance) - self._shift(space), 4), fits)
            self._keep(space, [*self._told(space), told][-TOLD:])
            return told

    def take_back(self, space: str, told: Told) -> bool:
        """Forget that it was said. Says whether it was."""
        with self._telling:
            known = self._told(space)[::-1]
            if told in known:
                known.remove(told)
                self._keep(space, known[::-1])
                return True
            return False

    def _chances(
        self,
        embedder: Embedder,
        model: str,
        kind: Kind,
        scores: Numbers,
        query: FloatArray,
        words_only: bool,
        number: int,
    ) -> Numbers:
        background = self._background(embedder, model, kind, words_only)
        if not words_only:
            return _of_pictures(background, scores, number)
        visible = float(self._models.query_bank(model).visible(query[None])[0])
        return chance(background.height(scores, number), visible, WORDS, self._shift(embedder.space))

    def alike(self, collection: str, scores: Numbers) -> Numbers:
        """(n,) cosines of pictures in a collection -> chances, (n,), as those of pictures are judged."""
        background = self._of_pictures(collection)
        return _of_pictures(background, np.asarray(scores, np.float64), 0)

    def described(self, scores: FloatArray, query: FloatArray, number: int, bank: QueryBank) -> Numbers:
        """(n,) cosines of descriptions with a query's words (384,), compared with ``number`` of them -> chances, (n,).

        bank: the queries that no photo answers, by the same model.
        """
        background = self._of_collection(DESCRIPTIONS, lambda sample, total: best_scores(bank.nothing, sample, total))
        visible = float(bank.visible(query[None])[0])
        return chance(background.height(np.asarray(scores, np.float64), number), visible, OF_DESCRIPTIONS)

    def _background(self, embedder: Embedder, model: str, kind: Kind, words_only: bool) -> Background:
        if not words_only:
            return self._of_pictures(library_collection(embedder.space, kind))
        nothing = self._models.query_bank(model).nothing
        return self._of_collection(
            library_collection(embedder.space, kind), lambda sample, total: best_scores(nothing, sample, total)
        )

    def _of_pictures(self, collection: str) -> Background:
        return self._of_collection(collection, lambda some, _: pairs(some) if len(some) > 1 else NONE, False)

    def _of_collection(
        self, name: str, compare: Callable[[FloatArray, int], Background], words_only: bool = True
    ) -> Background:
        """What does not belong together scores in a collection. compare: a sample of it (s, D), and its size."""
        counters = self._catalog.vectors.counters(name)
        sizes = (counters.rows, counters.rows + counters.rewritten)
        grown = tuple(round(np.log(size + 1) / np.log(STEP)) for size in sizes)
        state = grown if counters.rows > SAMPLE else counters
        return self._backgrounds.get((name, words_only), state, lambda: self._compared(name, counters.rows, compare))

    def _compared(self, name: str, total: int, compare: Callable[[FloatArray, int], Background]) -> Background:
        stored = self._catalog.vectors.get_many(name, self._catalog.vectors.sample(name, SAMPLE))
        if not stored:  # a damaged collection says that it has vectors
            return NONE
        sample = np.stack(list(stored.values()))
        np.random.default_rng(0).shuffle(sample)
        return compare(sample, total)

    def _shift(self, space: str) -> float:
        said = self._catalog.get_meta(SAID_OF_HITS)
        return self._shifts.get(space, said, lambda: shift_of(self._told(space)))

    def _keep(self, space: str, told: list[Told]) -> None:
        self._catalog.set_meta(SAID_OF_HITS, json.dumps({**self._said(), space: told}))

    def _told(self, space: str) -> list[Told]:
        """What is no pair of a number and a truth is left out: another version may have written it."""
        said = self._said().get(space)
        pairs_of = [one for one in said if isinstance(one, list) and len(one) == 2] if isinstance(said, list) else []
        return [
            (float(value), bool(fits))
            for value, fits in pairs_of
            if isinstance(value, int | float) and abs(value) <= MOST_EVIDENCE
        ]

    def _said(self) -> dict[str, object]:
        said = json_in(self._catalog.get_meta(SAID_OF_HITS))
        return said if isinstance(said, dict) else {}


def _of_pictures(background: Background, scores: Numbers, number: int) -> Numbers:
    found = chance(background.height(scores, number), 0.0, PICTURES)
    same = (scores - ALIKE) / (1 - ALIKE)
    # never below: how near is near enough is the reader's own judgement
    return np.clip(np.maximum(found, same), NOTHING, 1.0)
