"""The benchmark's arithmetic on numbers small enough to check by hand, and its command on a made-up data folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import failures, retrieval, retrieval_sets
from benchmarks.labelled import coco128
from src.models.embedders.builtin import FILES


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
    found = retrieval_sets.nearest(images, wrong, 2)
    assert found[0] == 0 and retrieval_sets.accuracy(found, labels) == 1.0


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
    assert retrieval.main(["--model", "builtin", "--data", str(data), "--quick", "--json"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out.splitlines()[-1])
    assert result["model"] == "builtin" and result["dimensions"] == 768
    assert set(result["flickr8k"]) == set(result["names"]) == {"r@1", "r@5", "r@10"}
    assert result["flickr8k"]["r@5"] == 1.0 and result["names"]["r@5"] == 1.0
    assert result["machine"]["matrix_product_1024_s"] > 0
    assert "flickr8k" in err and "names" in err


def test_another_version_is_measured_beside_it(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert retrieval.main(["--data", str(data), "--against", str(FILES), "--quick", "--json"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out.splitlines()[-1])
    same = ("space", "flickr8k", "names", "names_of_photos")
    assert [result["against"][key] for key in same] == [result[key] for key in same]
    assert err.count(result["space"]) == 2


def test_names_are_asked_both_ways(data: Path) -> None:
    class Knows:
        """A model whose second and fourth photo look alike, as their names do."""

        def encode(self, pictures: list[Image.Image]) -> np.ndarray:
            return np.eye(5, dtype=np.float32)[[0, 1, 2, 1, 4]]

        def encode_text(self, names: list[str]) -> np.ndarray:
            return np.eye(5, dtype=np.float32)[[4, 1, 2, 1, 0]]

    names, photos = retrieval.names_ranks(Knows(), data / "photos1000")  # type: ignore[arg-type]
    assert names.tolist() == [4, 0, 0, 0, 4] and photos.tolist() == [4, 0, 0, 0, 4]


def test_edits_keep_or_change_a_photo(data: Path) -> None:
    class Brightness:
        def encode(self, pictures: list[Image.Image]) -> np.ndarray:
            grey = np.array([[np.asarray(picture.convert("L")).mean(), 60.0] for picture in pictures], np.float32)
            return grey / np.linalg.norm(grey, axis=1, keepdims=True)

    found = retrieval_sets.edited(Brightness(), data / "photos1000")  # type: ignore[arg-type]
    assert set(found) == set(retrieval_sets.EDITS)
    assert found["mirror"] == 1.0 and found["dark"] < 1.0


def test_coco128_names_are_asked_of_photos_and_boxes(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("names:\n  0: cat\n  1: dog\n")
    for number, (colour, label) in enumerate((("white", 0), ("black", 1))):
        for folder in ("images", "labels"):
            (tmp_path / folder).mkdir(exist_ok=True)
        Image.new("RGB", (80, 60), colour).save(tmp_path / "images" / f"{number}.jpg")
        (tmp_path / "labels" / f"{number}.txt").write_text(f"{label} 0.5 0.5 0.5 0.5\n{label} 0.5 0.5 0.01 0.01\n")

    class White:
        """Cats are white to it; and so are dogs."""

        def encode(self, pictures: list[Image.Image]) -> np.ndarray:
            return np.array([[np.asarray(picture).mean() / 255.0] for picture in pictures], np.float32)

        def encode_text(self, names: list[str]) -> np.ndarray:
            return np.ones((len(names), 1), np.float32)

    assert retrieval_sets.names_precision(White(), coco128(tmp_path)) == {"photos": 0.75, "boxes": 0.75}  # type: ignore[arg-type]


def test_a_wrong_folder_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert retrieval.main(["--data", str(tmp_path)]) == 1
    assert "captions.jsonl" in capsys.readouterr().err


def test_an_unknown_model_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert retrieval.main(["--model", "no-such-model", "--data", str(tmp_path)]) == 1
    assert "no-such-model" in capsys.readouterr().err


def test_the_page_of_failures_shows_the_worst_and_no_success(data: Path, tmp_path: Path) -> None:
    files = [data / "flickr8k" / "images" / f"{number}.jpg" for number in range(3)]
    scores = np.array([[0.9, 0.5, 0.1], [0.9, 0.2, 0.8], [0.3, 0.6, 0.5]], np.float32)
    found = failures.failures(["a <b>", "b", "c"], files, scores, np.eye(3, dtype=bool))
    assert [failure.rank for failure in found] == [0, 2, 1]
    chosen = failures.worst([*found, failures.Failure("b again", 1, files[1], ())], 5)
    assert [failure.query for failure in chosen] == ["b", "c"]
    shown = failures.page("builtin-x", {"captions": found})
    assert "a &lt;b&gt;" in shown and shown.count("data:image/jpeg") == 3 * 4 and "2 others came before" in shown


def test_failures_are_written_to_a_file(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert failures.main(["--data", str(data), "--out", str(tmp_path / "page.html")]) == 0
    assert "class names" in (tmp_path / "page.html").read_text()
    assert "written to" in capsys.readouterr().err
