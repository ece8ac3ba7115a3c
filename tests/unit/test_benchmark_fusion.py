"""The benchmarks of putting parts of a search together, and of other languages: what they count."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import fusion, fusion_sets, languages
from benchmarks.fusion import METHODS, Weights, fused, passed
from benchmarks.fusion_sets import Tried, worded
from src.services.search.calibration import together


def test_a_photo_that_both_parts_rank_high_comes_first_in_every_way_that_knows_both() -> None:
    parts = {"images": np.array([[0.3, 0.6, 0.1]]), "descriptions": np.array([[0.5, 0.01, 0.02]])}
    for method in METHODS:
        first = int(fused(parts, method, Weights()).argmax())
        assert first == (1 if method == "lifted" else 0), method


def test_as_it_is_searched_a_photo_without_a_description_is_what_it_shows_and_words_lift() -> None:
    parts = {"images": np.array([[0.4, 0.4]]), "descriptions": np.array([[0.0, 0.2]])}
    both = together(np.array([0.4]), np.array([0.2]))[0]
    np.testing.assert_allclose(fused(parts, "searched", Weights()), [[0.4, both]])
    named = {**parts, "words": np.array([[0.9, 0.0]])}
    np.testing.assert_allclose(fused(named, "searched", Weights())[0, 0], 0.94)


def test_words_of_captions_know_their_pictures() -> None:
    captions = [["A brown dog runs", "dog on the grass"]] * 8 + [["a boat"]] * 20
    assert worded(captions) == {
        word: frozenset(range(8)) for word in ("brown", "brown dog", "dog", "dog runs", "grass", "runs")
    }


def test_the_error_and_what_is_flagged_are_counted_by_the_best_hits() -> None:
    sure = Tried("answerable", np.array([True, False]), np.array([0.9, 0.01]), np.array([9.0, -9.0]), 0.0)
    odd = Tried("nonsense", np.array([False, False]), np.array([0.01, 0.02]), np.array([-9.0, -9.0]), 0.0)
    told = fusion.judged([sure, odd], fusion.calibration.DESCRIPTIONS)
    assert told["images"]["flagged"] == {"nonsense": 1.0, "answerable": 0.0} and told["images"]["hits"] == 4
    assert told["images"]["strong"] == {"precision": 1.0, "recall": 1.0}
    assert set(told) == {"images", "descriptions", "noisy-or", "searched"}


def test_bars_are_about_the_way_that_is_searched() -> None:
    ways = {"images": {"r@10": 0.5}, "descriptions": {"r@10": 0.6}, "searched": {"r@10": 0.64}}
    assert passed({"described": ways}) == {"gain": True, "loss": True}
    assert passed({"described": {**ways, "searched": {"r@10": 0.58}}}) == {"gain": False, "loss": False}


def test_what_is_written_is_found_by_words_alone(tmp_path: Path) -> None:
    photos = [{"name": ["pier.jpg"]}, {"keywords": ["Boat trip"]}, {"text": ["SALE"]}, {"caption": ["a"]}]
    some = fusion_sets.Set(
        "made", np.zeros((4, 2), np.float32), (), photos, ["pier", "boat", "sale", "none"], np.eye(4) > 0
    )
    chances = fusion_sets._by_words(some, np.zeros(4))
    assert (chances[:3] > 0.5).tolist() == np.eye(4)[:3].astype(bool).tolist() and not chances[3].any()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for folder in ("flickr8k", "languages"):
        (tmp_path / folder).mkdir()
    rows = [{"file": f"images/{n}.jpg", "split": "dev", "captions": ["a dog", "a cat"]} for n in range(2)]
    (tmp_path / "flickr8k" / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    told = [{"file": f"flickr8k/images/{n}.jpg", "lang": "de", "captions": ["ein Hund"]} for n in range(2)]
    told.append({"file": "flickr8k/images/unknown.jpg", "lang": "de", "captions": ["nichts"]})
    (tmp_path / "languages" / "flickr8k_dev.jsonl").write_text("\n".join(map(json.dumps, told)))
    return tmp_path


def test_captions_of_other_languages_go_with_the_english_ones_of_the_same_pictures(data: Path) -> None:
    english, others = languages.captions(data)
    assert set(others) == {"de"} and set(others["de"]) == set(english) == {"images/0.jpg", "images/1.jpg"}
    assert languages._share(["ein Hund im Schnee", "a dog"]) == 0.5
