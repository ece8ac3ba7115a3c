"""SIGKILL at random moments, the short version; ``python -m benchmarks.kill`` is the long one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import kill
from benchmarks.kill_child import NumberEmbedder, picture, vector
from src.processing.decoding.reader import PictureReader

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")


def test_nothing_acknowledged_is_lost_or_encoded_again(tmp_path: Path) -> None:
    result = kill.measure(kills=6, images=1_500, seed=3, folder=tmp_path)
    assert kill.passed(result), kill.table(result)
    assert 0 <= result["encoded"] - result["acknowledged"] <= 6 * 32, (
        "encoded twice only what a kill found between encode and word"
    )
    assert result["index_discarded"], "the kills were harmless"
    assert result["all_asked_of_exact_scan"] and result["all_asked_of_index"]


def test_the_model_of_the_kill_test_knows_its_pictures(tmp_path: Path) -> None:
    """Else it would prove nothing."""
    reader, model = PictureReader(), NumberEmbedder()
    for number in (0, 1, 4_097, 19_999):
        (tmp_path / "picture.jpg").write_bytes(picture(number))
        image, _ = reader.read(tmp_path / "picture.jpg")
        assert (model.encode_pixels(model.preprocess(image)[None])[0] == vector(number)).all()
    reader.close()
