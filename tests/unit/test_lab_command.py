"""evaluate and study: what they print, what they refuse, and the report in one file."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from src.cli.arguments import main
from src.config import Settings
from src.models.model_manager import ModelManager
from src.schema import FloatArray
from src.services.lab import elsewhere, report, sources
from src.services.lab.report import POLICY, STYLE
from tests.fakes import FakeEmbedder

CLASSES = {"red <b>": (220, 30, 30), "green": (30, 160, 40), "blue": (30, 60, 220)}
FIGURES = {"knn", "linear_probe", "precision@1", "precision@5", "precision@10", "map", "r_precision", "auc"}


class Both(FakeEmbedder):
    """A stand-in that gives visual features too."""

    def encode_both(self, pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
        means = pixels.mean(axis=(2, 3)) + 0.01
        return self.encode_pixels(pixels), means / np.linalg.norm(means, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 pictures of each of 3 classes, one of them blurred into another class, and a file that is no picture."""
    folder, dice = tmp_path_factory.mktemp("labelled"), np.random.default_rng(0)
    for label, colour in CLASSES.items():
        (folder / label).mkdir()
        for number in range(12):
            coarse = np.clip(np.array(colour) + dice.integers(-60, 61, (8, 8, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(coarse).resize((64, 48), Image.Resampling.BICUBIC).save(folder / label / f"{number}.png")
    twin = Image.open(folder / "green" / "3.png").resize((128, 96))
    twin.save(folder / "blue" / "twin & more.png")
    (folder / "green" / "broken.png").write_bytes((folder / "green" / "1.png").read_bytes()[:60])
    return folder


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "src.cli.lab.ModelManager", lambda settings: ModelManager("builtin", settings, lambda *_: Both("fake"))
    )


def run(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> Any:
    assert main([*map(str, words), "--json"]) == code
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("stand_ins")
def test_evaluate_tells_what_every_kind_of_vector_is_worth(labelled: Path, capsys: Any) -> None:
    told = run(capsys, "evaluate", labelled)
    assert (told["images"], told["classes"]) == (37, 3) and told["labels"] == sorted(CLASSES)
    assert list(told["models"]) == ["builtin", "builtin-visual", "vgg16-random"] and told["seconds"] > 0
    for name, figures in told["models"].items():
        assert figures.keys() >= {*FIGURES, "silhouette", "confusion", "hardest_pairs", "dimensions"}, name
        assert all(0 <= figures[figure] <= 1 for figure in FIGURES)
        assert np.sum(figures["confusion"]) == told["split"]["test"] and len(figures["confusion"]) == 3
        confused = np.array(figures["confusion"])
        for number, (label, of_class) in enumerate(zip(told["labels"], figures["by_class"].values(), strict=True)):
            right = confused[number, number]
            assert of_class["knn"] == pytest.approx(right / confused[number].sum(), abs=1e-4), label
            assert of_class["knn_precision"] == pytest.approx(right / max(1, confused[:, number].sum()), abs=1e-4)
        sizes = [13 if label == "blue" else 12 for label in told["labels"]]
        shares = [of_class["precision@10"] for of_class in figures["by_class"].values()]
        assert np.average(shares, weights=sizes) == pytest.approx(figures["precision@10"], abs=2e-4)
    assert list(told["models"]["builtin"]["by_class"]) == told["labels"] and told["published"] == []
    assert len({told["models"][name]["cut"] for name in told["models"]}) == 3
    assert told["models"]["builtin"]["knn"] > 0.8 and told["models"]["builtin"]["linear_probe"] > 0.8
    assert told["split"] == {"train": 37 - told["split"]["test"], "test": told["split"]["test"], "by": "chance"}
    assert [Path(one["path"]).name for one in told["skipped"]] == ["broken.png"]
    of_two = told["near_duplicates"]["of_two_classes"]
    assert {"files": ["blue/twin & more.png", "green/3.png"], "labels": ["blue", "green"]} in of_two
    hardest = told["models"]["builtin"]["hardest_pairs"]["of_two_classes"][0]
    assert sorted(hardest["files"]) == ["blue/twin & more.png", "green/3.png"] and hardest["cosine"] > 0.98


@pytest.mark.usefixtures("stand_ins")
def test_people_are_told_a_table_and_its_warnings(labelled: Path, capsys: Any) -> None:
    assert main(["evaluate", str(labelled), "--models", "builtin"]) == 0
    out = capsys.readouterr().out
    assert "37 pictures, 3 classes" in out and "linear probe" in out and re.search(r"^builtin +\d\.\d{3}", out, re.M)
    assert "two classes: one of each is labelled wrong" in out and "broken.png" in out


@pytest.mark.usefixtures("stand_ins")
def test_a_study_answers_its_question_and_asks_with_altered_pictures(labelled: Path, capsys: Any) -> None:
    told = run(capsys, "study", labelled, "--queries", 9, "--models", "builtin")
    assert told["split"]["test"] == 9 and told["answer"][0].startswith("Are the vectors of two similar pictures")
    ways = {way["how"]: way for way in told["models"]["builtin"]["altered"]}
    assert len(ways) == 8 and all(way["pictures"] == 9 for way in ways.values())
    assert ways["half the size"]["found"] >= 0.5 and ways["half the size"]["cosine"] > ways["without colours"]["cosine"]


@pytest.mark.usefixtures("stand_ins")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--models", "nothing"], 2, "There is no model 'nothing'"),
        (["--models", " , "], 2, "No model is named"),
        (["--models", "builtin,vgg16"], 1, "The weights of VGG-16 (ImageNet) are not on this computer"),
        (["--models", "ViT-B/32"], 1, "The weights of CLIP ViT-B/32 are not on this computer"),
        (["--level", "0"], 2, "--level counts"),
        (["--html", "absent/report.html"], 1, "no folder"),
    ],
)
def test_what_can_not_be_measured_is_refused_in_one_sentence(
    labelled: Path, words: list[str], code: int, said: str, capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MFE_HOME", str(tmp_path))
    assert said in run(capsys, "evaluate", labelled, *words, code=code)["error"]


@pytest.mark.usefixtures("stand_ins")
def test_what_others_measured_stands_beside_a_set_with_the_classes_of_cifar10(tmp_path: Path, capsys: Any) -> None:
    for label in elsewhere.CLASSES:
        (tmp_path / label).mkdir()
        for number in range(2):
            Image.new("RGB", (32, 32), (20 * len(label), 90 * number, 40)).save(tmp_path / label / f"{number}.png")
    told = run(capsys, "evaluate", tmp_path, "--models", "builtin", "--html", tmp_path / "report.html")
    assert [set(one) for one in told["published"]] == [{"what", "right", "differs", "where"}] * 5
    assert all(0.3 < one["right"] < 0.9 and "github.com" in one["where"] for one in told["published"])
    page = (tmp_path / "report.html").read_text()
    assert "What others measured" in page and all(f"{one['right']:.3f}" in page for one in told["published"])


def test_cuts_of_one_network_are_made_in_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Both("fake")
    models = ModelManager("builtin", Settings(), lambda *_: network)
    monkeypatch.setattr(models, "loaded", lambda task, name: network)
    pixels = np.ones((2, 3, 16, 16), np.float32)
    for names in (["vgg16-fc7", "builtin", "vgg16"], ["builtin-visual", "vgg16-fc7"]):
        made = sources.sources(models, names)
        assert sorted(name for one in made for name in one.names) == sorted(names)
        for one in made:
            found = dict(zip(one.names, one.encode(pixels), strict=True))
            assert [len(rows[0]) for rows in found.values()] == [
                3 if name in ("builtin-visual", "vgg16-fc7") else network.dimensions for name in one.names
            ]


def test_files_that_are_no_pictures_leave_no_set(tmp_path: Path, capsys: Any, stand_ins: None) -> None:
    for name in ("a/1.png", "a/2.png", "b/1.png", "b/2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    assert run(capsys, "evaluate", tmp_path, code=2)["error"] == "No picture of the set could be read."


# ---------------------------------------------------------------- the report


class Page(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.usefixtures("stand_ins")
def test_the_report_is_one_file_that_asks_for_nothing(labelled: Path, tmp_path: Path, capsys: Any) -> None:
    place = tmp_path / "report.html"
    run(capsys, "study", labelled, "--models", "builtin", "--html", place)
    text = place.read_text()
    page = Page(text)
    assert {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "form"} == set()
    named = [pair for _, attributes in page.tags for pair in attributes.items()]
    addresses = [value or "" for name, value in named if name in ("src", "href")]
    assert len(addresses) >= 8 and all(address.startswith("data:image/jpeg;base64,") for address in addresses)
    assert not any(name.startswith("on") or name == "style" for name, _ in named)
    assert POLICY.startswith("default-src 'none'") and POLICY in text and f"<style>{STYLE}</style>" in text
    assert "url(" not in STYLE and "<b>:" not in text and "red &lt;b&gt;" in text and "twin &amp; more.png" in text
    assert all(attributes.get("alt") for tag, attributes in page.tags if tag == "img")
    assert re.search(r"with \d+ threads that read ahead, vectors were made \d+\.\d times as fast", text)


@pytest.mark.usefixtures("stand_ins")
def test_only_a_report_is_replaced_by_a_report(labelled: Path, tmp_path: Path, capsys: Any) -> None:
    place = tmp_path / "report.html"
    place.write_text("my own page")
    words = ("evaluate", labelled, "--models", "builtin", "--html", place)
    assert "is no report" in run(capsys, *words, code=1)["error"] and place.read_text() == "my own page"
    place.write_text(report.MARK)
    run(capsys, *words)
    assert place.stat().st_size > 5_000 and list(tmp_path.iterdir()) == [place]


def test_the_built_in_model_is_measured(labelled: Path, capsys: Any) -> None:
    told = run(capsys, "evaluate", labelled, "--models", "builtin,builtin-visual")["models"]
    assert (told["builtin"]["dimensions"], told["builtin-visual"]["dimensions"]) == (768, 1280)
    assert all(figures["precision@1"] > 0.8 for figures in told.values())
