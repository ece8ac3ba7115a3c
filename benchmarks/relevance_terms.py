"""Queries of several parts, for ``benchmarks.relevance``: one thing without another, and a picture with words.

Made of the labels of each set. *Without*: for each pair of names of which at least three photos have the one alone and
three both, the photos with the one alone are right. Read as nothing (the unwanted name is ignored), as a push away, as
a veto, and as the search does it: pushed away, what is likely left out, the chances multiplied.

*With*: for each pair of names that at least three photos have both of, photos that have the first alone ask, one by
one, together with the second name; photos with both are right. Beside it the picture alone and the words alone.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.relevance_sets import Encode, Gallery
from benchmarks.segments import average_precision
from src.models.query_bank import QueryBank
from src.schema.search import LIKELY
from src.services.search import calibration
from src.services.search.lookup import PUSH

LEAST = 3
ASKING = 5
"""Photos that ask for each pair."""
Rows = NDArray[np.float64]


def measured(sets: Sequence[Gallery], encode: Encode, bank: QueryBank) -> dict[str, dict[str, dict[str, float]]]:
    """Set -> reading -> mean average precision, and for *without* the share of photos with both among the first."""
    return {
        gallery.name: {"pairs": {"without": len(list(_pairs(gallery)))}, **_readings(gallery, encode, bank)}
        for gallery in sets
        if any(True for _ in _pairs(gallery))
    }


def _pairs(gallery: Gallery) -> Iterator[tuple[str, str]]:
    for one, other in itertools.permutations(gallery.right, 2):
        both = gallery.right[one] & gallery.right[other]
        if len(both) >= LEAST and len(gallery.right[one] - both) >= LEAST:
            yield one, other


def _readings(gallery: Gallery, encode: Encode, bank: QueryBank) -> dict[str, dict[str, float]]:
    names = sorted({name for pair in _pairs(gallery) for name in pair})
    vectors = dict(zip(names, encode(names), strict=True))
    sample = gallery.images[np.random.default_rng(0).permutation(len(gallery.images))[: calibration.SAMPLE]]
    background = calibration.best_scores(bank.nothing, sample, len(gallery.images))
    scores = {name: (gallery.images @ vectors[name]).astype(np.float64) for name in names}
    chances = {
        name: calibration.chance(
            background.height(scores[name], len(gallery.images)),
            float(bank.visible(vectors[name][None])[0]),
            calibration.WORDS,
        )
        for name in names
    }
    found: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for one, other in _pairs(gallery):
        _ask_without(gallery, one, other, scores, chances, found)
    told = {
        name: {"average_precision": _mean(rows, 0), "both_among_first": _mean(rows, 1)} for name, rows in found.items()
    }
    return told | _with(gallery, vectors)


def _ask_without(
    gallery: Gallery,
    one: str,
    other: str,
    scores: Mapping[str, Rows],
    chances: Mapping[str, Rows],
    found: dict[str, list[tuple[float, float]]],
) -> None:
    both = gallery.right[one] & gallery.right[other]
    right = np.isin(np.arange(len(gallery.images)), list(gallery.right[one] - both))
    wrong = np.isin(np.arange(len(gallery.images)), list(both))
    likely = chances[other] >= LIKELY
    pushed = scores[one] - PUSH * scores[other]
    readings = {
        "ignored": scores[one],
        "pushed": pushed,
        "vetoed": np.where(likely, scores[one] - 9, scores[one]),
        "as searched": np.where(likely, pushed - 9, chances[one] * (1 - chances[other])),
    }
    for name, row in readings.items():
        first = np.argsort(-row)[: right.sum()]
        found[name].append((average_precision(row, right), float(wrong[first].mean())))


def _with(gallery: Gallery, vectors: Mapping[str, NDArray[np.float32]]) -> dict[str, dict[str, float]]:
    found: defaultdict[str, list[float]] = defaultdict(list)
    for one, other in _pairs(gallery):
        both = gallery.right[one] & gallery.right[other]
        right = np.isin(np.arange(len(gallery.images)), list(both))
        for number in sorted(gallery.right[one] - both)[:ASKING]:
            picture = gallery.images[number]
            for name, query in (("picture", picture), ("words", vectors[other]), ("both", picture + vectors[other])):
                row = (gallery.images @ query).astype(np.float64)
                row[number] = -9
                found[name].append(average_precision(row, right))
    return {f"with: {name}": {"average_precision": round(float(np.mean(rows)), 3)} for name, rows in found.items()}


def _mean(rows: Sequence[tuple[float, float]], column: int) -> float:
    return round(float(np.mean([row[column] for row in rows])), 3)
