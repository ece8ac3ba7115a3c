"""The benchmark of text in pictures counts what it says it counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import words
from benchmarks.words_pictures import Known, met, rendered, words_of
from tests.parity.text_pictures import drawn


def test_words_are_compared_as_letters_and_digits() -> None:
    assert words_of("“Don't” PANIC-1, Straße") == ["dont", "panic", "1", "strasse"]
    assert words_of("Café 中文街 3D") == ["café", "中", "文", "街", "3d"]
    assert met(["a", "a", "b"], ["a", "b", "b", "c"]) == 2


def test_made_pictures_are_the_same_each_time_and_turned() -> None:
    first, second = (rendered(6, ["alpha", "beta", "gamma"], 0) for _ in range(2))
    assert [one.words for one in first] == [one.words for one in second]
    assert first[4].picture().tobytes() == second[4].picture().tobytes()
    assert [one.picture().size for one in first[:3]] == [(1200, 900), (900, 1200), (900, 1200)]
    assert all(one.words and one.complete for one in first)


def test_recall_and_precision() -> None:
    def told(known: str, read: str, complete: bool) -> words.Told:
        return words.Told(Known("x", "sign", tuple(words_of(known)), complete), tuple(words_of(read)), 1, 0.5)

    found = words.figures([told("one two", "one three four", True), told("five six", "five seven", False)])
    assert (found["words"], found["recall"], found["precision"]) == (4, 0.5, pytest.approx(1 / 3, abs=1e-4))
    assert found["images_per_s"] == 2.0
    assert words.figures([told("five", "five", False)])["precision"] is None


def test_it_runs_on_a_folder_and_judges_the_bars(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "MADE", 8 * 6)  # two for each way up; an eighth is drawn
    (tmp_path / "ocr").mkdir()
    drawn("plain").save(tmp_path / "ocr" / "plain.png")
    noted = [{"text": "Hello world"}, {"text": "$1,234.50"}, {"text": "absent"}, {"text": "x", "ignore": True}]
    row = {"file": "plain.png", "kind": "sign", "complete": False, "words": noted}
    (tmp_path / "ocr" / "texts.jsonl").write_text(json.dumps(row) + "\n")
    Image.new("RGB", (400, 300), "grey").save(tmp_path / "grey.png")
    (tmp_path / "ocr" / "no_text.jsonl").write_text(json.dumps({"file": "grey.png", "words": []}) + "\n")
    assert words.main(["--data", str(tmp_path), "--quick", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["real"]["words"], result["real"]["recall"]) == (6, pytest.approx(5 / 6, abs=1e-4))
    assert result["blank"]["without_lines"] == 1.0 and result["blank"]["gate_ms"] > 0
    assert set(result["passed"]) == {"upright", "sideways", "found", "blank"} and all(result["passed"].values())
