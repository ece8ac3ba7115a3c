"""Whether the approximate index still gives right answers: vectors of the library asked for themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from src.database.index.reach import TIE
from src.database.nearest import exact
from src.database.nearest.exact import Match
from src.database.store import Store
from src.schema import FloatArray

ASKED = 200
TOP = 10
LEAST_FOUND, LEAST_RECALL = 0.99, 0.9


@dataclass(frozen=True)
class SelfQueries:
    """``asked`` vectors; ``found`` of them came first for themselves.

    ``recall``: share of the exact scan's top 10 that the index gave.
    """

    asked: int
    found: int
    recall: float

    @property
    def good(self) -> bool:
        return self.found >= LEAST_FOUND * self.asked and self.recall >= LEAST_RECALL


def self_queries(store: Store, name: str) -> SelfQueries | None:
    """Ask the index for ``ASKED`` of its own vectors, spread over the collection. None where it can't be asked.

    Takes an exact scan of the collection: about 2 s for 100,000 vectors.
    """
    table = store.catalog.vectors
    sampled = table.get_many(name, table.sample(name, ASKED))
    if not sampled:
        return SelfQueries(0, 0, 1.0)
    queries = np.stack(list(sampled.values()))
    answers = store.index.ask(name, queries, TOP)
    if answers is None:
        return None
    truth = exact.nearest(table.blocks(name, hidden=True), queries, TOP)
    known = table.get_many(name, list({id_ for row in answers for id_, _ in row}))
    found, shares = 0, []
    for own, query, answer, right in zip(sampled, queries, answers, truth, strict=True):
        scores = _true_scores(answer, query, known)
        found += bool(answer) and (answer[0][0] == own or scores[0] >= 1 - TIE)
        shares.append(sum(score >= right[-1][1] - TIE for score in scores) / len(right))
    return SelfQueries(len(sampled), found, float(np.mean(shares)))


def _true_scores(answer: Sequence[Match], query: FloatArray, known: Mapping[str, FloatArray]) -> list[float]:
    """Cosines by the catalogue's vectors, whatever the index says of them; -1 for an id that has none there."""
    return [float(known[id_] @ query) if id_ in known else -1.0 for id_, _ in answer]
