"""The examples of docs/features.md, run as they stand there on what the commands have written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.cli.arguments import main
from src.config import PROJECT_DIR
from src.models.model_manager import ModelManager
from tests.conftest import make_photo
from tests.fakes import COLOURS, FakeEmbedder

PAGE = (PROJECT_DIR / "docs" / "features.md").read_text()
NAMES = ("one", "two", "three", "four", "five", "six")


def example(word: str) -> str:
    return next(code for code in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if word in code)


def run(word: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(example(word), "docs/features.md", "exec"), names)
    return names


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder in which the commands of the page were run."""
    real = ModelManager.__init__

    def with_stand_ins(self: ModelManager, *args: Any, **more: Any) -> None:
        real(self, *args, **{**more, "loader": lambda spec, *_: FakeEmbedder(spec.id)})

    monkeypatch.setattr(ModelManager, "__init__", with_stand_ins)
    monkeypatch.setenv("MFE_HOME", str(tmp_path / "library"))
    monkeypatch.chdir(tmp_path)
    colours = ["red", "red", "green", "blue", "yellow", "black"]
    for number, (name, colour) in enumerate(zip(NAMES, colours, strict=True)):
        size = (160, 120) if number % 2 else (120, 160)
        make_photo(tmp_path / "pictures" / f"{name}.jpg", COLOURS[colour], size, seed=number)
    assert main(["index", "pictures"]) == 0
    assert main(["export-features", "vectors.npz"]) == 0
    assert main(["export-features", "photos", "--format", "npy"]) == 0
    assert "6 vectors of 64 numbers by builtin written to" in capsys.readouterr().out
    return tmp_path


def test_the_examples_do_what_they_say(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run('np.load("vectors.npz")')
    data, nearest = found["data"], found["nearest"]
    assert len(nearest) == 5 and nearest[0] == data["paths"][0] and found["cosines"][0] == pytest.approx(1, abs=1e-6)
    table = run("pandas")
    assert len(table["photos"]) == 6 and len(table["wide"]) == 3
    np.testing.assert_array_equal(np.stack(table["photos"]["vector"]), data["vectors"])
    faiss = run("faiss")
    assert faiss["places"][0, 0] == 0 and faiss["scores"][0, 0] == pytest.approx(1, abs=1e-6)
    order = np.argsort(-found["cosines"], kind="stable")[:5]
    np.testing.assert_allclose(faiss["scores"][0], found["cosines"][order], atol=1e-6)
    run("elsewhere.npz")
    assert main(["import-features", "elsewhere.npz", "--name", "dino", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"space": "dino", "photos": 2, "dimensions": 384, "notes": []}


def test_every_command_of_the_page_is_one_that_there_is(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("elsewhere.npz")
    block = re.search(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert block
    lines = [line.partition("#")[0].split(maxsplit=3)[3] for line in block[1].strip().splitlines()]
    done = {"vectors.npz", "photos"}
    for line in lines:
        words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)]
        words = ["red" if word == "a red car" else word for word in words]
        words = [str(place / "pictures" / "one.jpg") if word == "photo.jpg" else word for word in words]
        words = [f"new-{word}" if word in done else word for word in words]
        assert main(words) == 0, line
    assert "two.jpg" in capsys.readouterr().out.splitlines()[-2], "the other photo of the space"
    with np.load(place / "looks.npz") as data:
        assert data["model"].item() == "builtin-visual" and data["vectors"].shape == (6, 3)
    assert (place / "clip" / "img_emb" / "img_emb_0.npy").is_file()


def test_spaces_are_listed_made_searched_and_removed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def ask(*words: str) -> Any:
        assert main([*words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    made = ask("spaces", "--make", "builtin-visual")
    assert [(one["name"], one["photos"], one["active"]) for one in made] == [
        ("builtin", 6, True), ("builtin-visual", 6, False)
    ]  # fmt: skip
    page = ask("search", "--image", str(place / "pictures" / "one.jpg"), "--looks-like", "--top-k", "2")
    assert page["model"] == "builtin-visual" and page["results"][0]["name"] == "one.jpg"
    wide = ask("search", "--image", str(place / "pictures" / "one.jpg"), "--looks-like", "--where", "width>=150")
    assert {hit["name"] for hit in wide["results"]} == {"two.jpg", "four.jpg", "six.jpg"}
    for words, code in (
        (["search", "a cat", "--image", "pictures/one.jpg", "--looks-like"], 2),
        (["search", "--image", "pictures/one.jpg", "--in-space", "dino"], 2),
        (["spaces", "--remove", "builtin", "--yes"], 2),
        (["export-features", "x.npy"], 2),
        (["export-features", "x.npz", "--model", "vgg16"], 1),
    ):
        assert main(words) == code, words
        assert capsys.readouterr().err.count("\n") == 1, words
    for words in (["search", "red", "--looks-like"], ["spaces", "--remove", "builtin-visual"]):
        with pytest.raises(SystemExit):
            main(words)
    assert ask("spaces", "--remove", "builtin-visual", "--yes") == {"removed": 6}
