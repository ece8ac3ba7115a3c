"""The benchmark of hits' chances: what it counts, and that it finds weights that are known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import relevance, relevance_sets
from benchmarks.relevance import Asked, calibration_error, figures, fitted
from benchmarks.relevance_sets import Gallery
from src.models import query_bank
from src.services.search.calibration import Weights, chance
from tests.fakes import COLOURS, FakeEmbedder, colour_picture


def asked(kind: str, heights: list[float], right: list[bool], visible: float = 0.0, fit: bool = False) -> Asked:
    scores = np.array(heights) / 10
    return Asked("set", kind, fit, scores, np.array(heights, float), visible, np.array(right), sum(right), 100)


def test_the_error_of_calibration_is_how_far_chances_lie_from_what_happens() -> None:
    assert calibration_error(np.array([0.25] * 4), np.array([True, False, False, False])) == 0
    assert calibration_error(np.array([0.9] * 4), np.array([False] * 4)) == pytest.approx(0.9)
    assert calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0


def test_weights_that_made_the_hits_are_found_again() -> None:
    dice, true = np.random.default_rng(0), Weights(0.5, 0.3, -2.0)
    queries = []
    for _ in range(4_000):
        heights, visible = dice.uniform(-2, 8, 5), float(dice.uniform(-3, 3))
        right = dice.uniform(size=5) < chance(heights, visible, true)
        queries.append(asked("answerable", list(heights), list(right), visible, fit=True))
    found = fitted(queries)
    assert vars(found) == pytest.approx(vars(true), abs=0.06)


def test_only_queries_that_nothing_was_fitted_to_are_judged() -> None:
    weights = Weights(1.0, 0.0, 0.0)
    queries = [
        asked("answerable", [9.0, -9.0], [True, False]),
        asked("answerable", [-9.0, -9.0], [False, False]),
        asked("absent", [-9.0, -9.0], [False, False]),
        asked("nonsense", [9.0, -9.0], [False, False]),
        asked("nonsense", [9.0, 9.0], [False, False], fit=True),
    ]
    found = figures(queries, weights)["sets"]["set"]
    assert found["flagged"] == {"answerable": 0.5, "absent": 1.0, "nonsense": 0.0, "first_right": 0.0}
    assert found["strong"] == {"precision": 0.5, "recall": 1.0} and found["hits"] == 8


def test_libraries_are_asked_what_they_have_what_they_lack_and_nonsense() -> None:
    model = FakeEmbedder()
    pictures = np.stack([model.preprocess(colour_picture(colour)) for colour in COLOURS for _ in range(3)])
    right = {colour: frozenset(range(3 * number, 3 * number + 3)) for number, colour in enumerate(COLOURS)}
    gallery = Gallery("colours", model.encode_pixels(pictures), right)
    queries = list(relevance.asked([gallery], model.encode_texts, ["blorp", "invoice"], 3))
    assert {query.kind for query in queries} >= {"answerable", "nonsense"}
    assert all(query.right[0] for query in queries if query.kind == "answerable")
    assert all(query.there == 0 and not query.right.any() for query in queries if query.kind != "answerable")
    assert {query.photos for query in queries if query.kind == "answerable"} >= {36}


def test_its_nonsense_is_in_no_list_that_anything_was_made_with() -> None:
    strange = relevance.NONSENSE.read_text(encoding="utf-8").splitlines()
    assert len(set(strange)) == len(strange) >= 100
    assert not {line.casefold() for line in strange} & {line.casefold() for line in query_bank.texts("nothing")}
    assert len(relevance_sets.UNSEEN_TAGS) == 28
