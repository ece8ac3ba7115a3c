"""The benchmark's arithmetic on numbers small enough to check by hand, and its command on a made-up data folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import retrieval


def test_ranks_count_the_wrong_pictures_in_front() -> None:
    scores = np.array([[0.9, 0.5, 0.1], [0.2, 0.8, 0.8], [0.3, 0.4, 0.5]], np.float32)
    right = np.array([[False, True, False], [False, True, False], [True, False, True]])
    assert retrieval.ranks_of(scores, right).tolist() == [1, 1, 0]


def test_a_model_that_says_the_same_for_all_is_last() -> None:
    assert retrieval.ranks_of(np.zeros((4, 10), np.float32), np.eye(4, 10, dtype=bool)).tolist() == [9, 9, 9, 9]


def test_recalls_are_fractions_within_k() -> None:
    assert retrieval.recalls(np.array([0, 1, 4, 5, 9, 10])) == {"r@1": 0.1667, "r@5": 0.5, "r@10": 0.8333}


def test_interval_holds_the_estimate_and_narrows() -> None:
    few, many = np.arange(20) % 12, np.arange(2_000) % 12
    narrow, wide = (retrieval.intervals(ranks[:, None])["r@5"] for ranks in (many, few))
    assert narrow[0] < 5 / 12 < narrow[1] and wide[1] - wide[0] > 3 * (narrow[1] - narrow[0])


def test_nearest_neighbours_leave_the_picture_itself_out() -> None:
    dice = np.random.default_rng(0)
    labels = np.repeat([0, 1], 30)
    images = np.eye(2)[labels] + dice.normal(0, 0.05, (60, 2))
    images = (images / np.linalg.norm(images, axis=1, keepdims=True)).astype(np.float32)
    wrong = labels.copy()
    wrong[0] = 1
    found = retrieval._nearest(images, wrong, 2)
    assert found[0] == 0 and retrieval.accuracy(found, labels) == 1.0


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four flickr8k test pictures, one training picture, and five photos of which two share a name."""
    flickr, photos = tmp_path / "flickr8k", tmp_path / "photos1000"
    (flickr / "images").mkdir(parents=True)
    photos.mkdir()
    records = []
    for number, colour in enumerate(("red", "green", "blue", "white", "black")):
        Image.new("RGB", (224, 224), colour).save(flickr / "images" / f"{number}.jpg")
        split = "test" if number < 4 else "train"
        records.append({"file": f"images/{number}.jpg", "captions": [f"a {colour} wall"] * 5, "split": split})
    (flickr / "captions.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    for number, name in enumerate(("red_fox", "crane", "pine", "crane", "owl")):
        Image.new("RGB", (90, 60), (40 * number, 90, 200)).save(photos / f"n0000000{number}_{name}.jpg")
    return tmp_path


def test_the_last_line_is_one_object(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert retrieval.main(["--model", "builtin", "--data", str(data), "--json"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out.splitlines()[-1])
    assert result["model"] == "builtin" and result["dimensions"] == 768
    assert set(result["flickr8k"]) == set(result["names"]) == {"r@1", "r@5", "r@10"}
    assert result["flickr8k"]["r@5"] == 1.0 and result["names"]["r@5"] == 1.0
    assert result["machine"]["matrix_product_1024_s"] > 0
    assert "flickr8k" in err and "names" in err


def test_a_wrong_folder_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert retrieval.main(["--data", str(tmp_path)]) == 1
    assert "captions.jsonl" in capsys.readouterr().err


def test_an_unknown_model_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert retrieval.main(["--model", "no-such-model", "--data", str(tmp_path)]) == 1
    assert "no-such-model" in capsys.readouterr().err
