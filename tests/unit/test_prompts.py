"""How words are put to a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from src.schema import FloatArray
from src.services.search import prompts

PLACES = {"crane": (1, 0, 0), "a photo of crane": (0, 1, 0), "a red crane by a river": (0, 0, 1)}


def encode(texts: Sequence[str]) -> FloatArray:
    return np.array([PLACES.get(text, (0.6, 0.8, 0)) for text in texts], np.float32).reshape(-1, 3)


def test_a_name_is_asked_as_it_is_and_as_a_photo_of_it() -> None:
    found = prompts.vectors(["crane"], encode)
    assert found["crane"] == pytest.approx([0.5**0.5, 0.5**0.5, 0])


def test_a_description_is_asked_as_it_is() -> None:
    found = prompts.vectors(["a red crane by a river"], encode)
    assert found["a red crane by a river"] == pytest.approx([0, 0, 1])


def test_all_words_are_encoded_together_and_each_once() -> None:
    asked: list[Sequence[str]] = []

    def listening(texts: Sequence[str]) -> FloatArray:
        asked.append(list(texts))
        return encode(texts)

    found = prompts.vectors(["crane", "a photo of crane", "a red crane by a river"], listening)
    assert asked == [["crane", "a photo of crane", "a red crane by a river"]]
    assert list(found) == ["crane", "a photo of crane", "a red crane by a river"]
    assert all(np.linalg.norm(vector) == pytest.approx(1, abs=1e-6) for vector in found.values())


def test_no_words_and_readings_that_make_up_for_each_other_give_no_nonsense() -> None:
    assert prompts.vectors([], encode) == {}
    found = prompts.vectors(["x"], lambda texts: np.array([[1.0, 0], [-1.0, 0]], np.float32)[: len(texts)])
    assert np.isfinite(found["x"]).all()
