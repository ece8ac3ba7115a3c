"""The command ``read-text``: what it prints for people and for programs, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from src.cli.arguments import main
from tests.parity.text_pictures import drawn

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    drawn("plain").save(tmp_path / "photos" / "sign.png")
    drawn("two columns").resize((480, 320)).save(tmp_path / "photos" / "two.jpg", quality=95)
    return tmp_path / "photos"


def test_json_has_its_keys_for_each_picture(folder: Path, capsys: Capture) -> None:
    assert main(["read-text", str(folder), "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert tuple(first) == ("path", "lines", "took_ms") and first["path"].endswith("sign.png")
    assert tuple(first["lines"][0]) == ("text", "box", "confidence")
    assert [line["text"] for line in first["lines"]] == ["Hello world $1,234.50", "Straße café naïve"]
    assert [len(corner) for corner in first["lines"][0]["box"]] == [2] * 4 and first["took_ms"] > 0
    assert [line["text"] for line in second["lines"]] == ["Left side", "Right side", "below it"]


def test_a_bad_file_gets_one_sentence_and_the_rest_goes_on(folder: Path, capsys: Capture) -> None:
    bad = folder / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff no picture")
    assert main(["read-text", str(folder / "nowhere.jpg"), str(bad), str(folder / "sign.png"), "--json"]) == 1
    told = capsys.readouterr()
    assert [Path(one["path"]).name for one in json.loads(told.out)] == ["sign.png"]
    assert "nowhere.jpg" in told.err and "bad.jpg" in told.err and len(told.err.strip().splitlines()) == 2


def test_people_read_the_lines_below_the_file(folder: Path, capsys: Capture) -> None:
    assert main(["read-text", str(folder / "sign.png")]) == 0
    name, first, second = capsys.readouterr().out.splitlines()
    assert name.endswith("sign.png") and (first, second) == ("  Hello world $1,234.50", "  Straße café naïve")
