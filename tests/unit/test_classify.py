"""Classifying: lists of labels, chances, the command, the pass over a library, what it stores, and the API."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.classify import average_precision, calibration_error, fitted, likeliest
from src.bootstrap import build_services
from src.cli.arguments import main
from src.config import Settings
from src.errors import BadInput
from src.models import label_bank, label_lists, label_words, zero_shot
from src.models.embedders.builtin import BuiltinEmbedder
from src.models.label_bank import Calibration, LabelBank
from src.models.model_manager import ModelManager
from src.models.zero_shot import Scale
from src.runtime import Services
from src.schema import FloatArray, Indexed
from src.services.curation.label_sheet import label_sheet
from src.services.jobs.kinds import Classify
from src.services.lab.classifying import Sorting, sorting
from tests.conftest import make_photo
from tests.fakes import COLOURS, FakeEmbedder

NAMES = ("red", "green", "blue", "purple")
FITTED = Calibration(temperature=0.05, slope=0.5, constant=0.2, shown=0.6)


class Told(FakeEmbedder):
    """A stand-in that tells classes too: the first is likely where there is much red, else the second."""

    def encode_classes(self, pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
        logits = np.zeros((len(pixels), 1000), np.float32)
        logits[:, :2] = pixels.mean(axis=(2, 3))[:, [0, 2]] * 20
        return self.encode_pixels(pixels), logits


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for seed, name in enumerate(NAMES):
        make_photo(tmp_path / "photos" / f"{name}.png", COLOURS[name], seed=seed)
    (tmp_path / "photos" / "broken.png").write_bytes((tmp_path / "photos" / "red.png").read_bytes()[:70])
    return tmp_path / "photos"


@pytest.fixture
def library(tmp_path: Path, photos: Path) -> Iterator[Services]:
    settings = Settings(home=tmp_path / "library", find_duplicates=False)
    services = build_services(settings, models=ModelManager("builtin", settings, lambda *_: Told("fake")))
    list(services.handlers["index"]({"paths": [str(photos)]}))
    yield services
    services.close()


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "src.cli.classify.ModelManager", lambda _, settings: ModelManager("builtin", settings, lambda *_: Told("fake"))
    )


# ---------------------------------------------------------------- lists


def test_labels_are_typed_with_commas_or_a_line_each_with_other_words_and_a_least_chance() -> None:
    assert label_lists.read("dog, Cat ,dog, cat").words == ("dog", "Cat")
    found = label_lists.read("# animals\ncrane = crane bird\ndog >= 60%\n\nhot dog = a sausage >= 0.25\n").labels
    assert [(one.word, one.asked, one.least) for one in found] == [
        ("crane", "crane bird", None), ("dog", "dog", 0.6), ("hot dog", "a sausage", 0.25)
    ]  # fmt: skip
    assert label_lists.of([one.line for one in found]).labels == found
    assert label_lists.read("a / b/\n/c").words == ("a/b", "c"), "as tags are kept, so that answers are found again"


@pytest.mark.parametrize(
    "text", ["", " , ", "dog = ", "dog >= 0", "dog >= 200%", "a > b", "x" * 101, "a\x00b", "= x", "/"]
)
def test_what_is_no_label_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        label_lists.read(text)
    assert refused.value.user_message and "\x00" not in refused.value.user_message


def test_a_file_that_is_no_text_or_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "b.txt").write_bytes(b"a\n" * 3_000_000)
    for name in ("a.txt", "b.txt", "none.txt"):
        with pytest.raises(BadInput):
            label_lists.from_file(tmp_path / name)


@pytest.mark.parametrize("name", label_lists.PRESETS)
def test_the_lists_that_come_along_are_as_long_as_they_are_called(name: str) -> None:
    found = label_lists.preset(name)
    said = int(label_lists.PRESETS[name].split()[0].replace(",", ""))
    assert abs(len(found) - said) <= (20 if name == "vocabulary" else 0)
    assert len({word.casefold() for word in found.words}) == len(found)
    for word in found.words:
        assert not set(word) & set("/,=>"), "a tag has its own use for these"


# ---------------------------------------------------------------- chances


def test_temperatures_lie_between_those_of_few_and_many_labels() -> None:
    scale = Scale((1.0, 1.0), few=(0.08, 0.16), many=(0.02, 0.04))
    found = [scale.labels(number) for number in (2, 10, 100, 1000, 5000)]
    assert [[round(one, 4) for one in both] for both in found] == [
        [0.08, 0.16], [0.08, 0.16], [0.04, 0.08], [0.02, 0.04], [0.02, 0.04]
    ]  # fmt: skip


def test_chances_are_the_middle_of_a_sharp_and_a_soft_softmax_and_keep_the_order() -> None:
    scores = np.random.default_rng(0).standard_normal((5, 7))
    found = zero_shot.shares(scores, (0.5, 2.0))
    each = [np.exp(scores / one) / np.exp(scores / one).sum(axis=1, keepdims=True) for one in (0.5, 2.0)]
    np.testing.assert_allclose(found, np.mean(each, axis=0))
    np.testing.assert_array_equal(np.argsort(found), np.argsort(scores))


def test_the_fit_finds_the_temperatures_that_chances_were_made_with() -> None:
    dice = np.random.default_rng(0)
    scores = dice.standard_normal((4000, 5)) * 0.4
    right = [dice.choice(5, p=row) for row in zero_shot.shares(scores, (0.05, 0.5))]
    sharp, soft = sorted(fitted(scores, np.array(right)))
    assert 0.025 < sharp < 0.1 and 0.35 < soft < 0.7


def test_a_label_by_itself_competes_with_all_words_but_those_that_mean_the_same() -> None:
    words = label_words.read("red\ngreen\nblue")
    embedder = FakeEmbedder()
    bank = LabelBank(words, label_bank.encoded(words, embedder.encode_texts), FITTED)
    photos = bank.vectors[:2]
    texts = ["red", "dark red", "purple"]
    found = zero_shot.each_by_itself(bank, texts, label_bank.asked_for(texts, embedder.encode_texts), photos)
    np.testing.assert_allclose(found[:, 0], bank.chances(photos)[:, 0])
    assert found[0, 1] > 0.9 > found[0, 2] and found[1, 1] < 0.1
    assert ((found > 0) & (found < 1)).all()


def test_the_built_in_towers_classes_come_with_the_vectors_and_change_none() -> None:
    model = BuiltinEmbedder()
    pixels = np.random.default_rng(0).normal(0, 0.5, (2, 3, 224, 224)).astype(np.float32)
    vectors, logits = model.encode_classes(pixels)
    np.testing.assert_array_equal(vectors, model.encode_pixels(pixels))
    assert logits.shape == (2, 1000) and logits.std() > 0.1
    assert [part.shape for part in model.encode_classes(pixels[:0])] == [(0, 768), (0, 1000)]
    known = zero_shot.scale(model.space)
    assert known is not None and all(0.3 < one < 3 for one in known.classes)


@pytest.mark.parametrize("template", ["no place", "{}" * 101, "a\n{}"])
def test_templates_have_a_place_for_the_label(template: str) -> None:
    with pytest.raises(BadInput):
        Sorting(label_lists.of(["a"]), templates=(template,))
    with pytest.raises(BadInput):
        sorting(["a"], "coco")


def test_calibration_error_and_average_precision() -> None:
    sure = np.array([[0.9, 0.1]] * 10)
    assert calibration_error(*likeliest(sure, np.array([0] * 9 + [1]))) == pytest.approx(0)
    assert calibration_error(*likeliest(sure, np.array([0] * 4 + [1] * 6))) == pytest.approx(0.5)
    assert average_precision([True, False, True]) == pytest.approx((1 + 2 / 3) / 2)
    assert np.isnan(average_precision([False]))


# ---------------------------------------------------------------- the command


def asked(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> Any:
    assert main(["classify", *map(str, words), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_pictures_are_classified_by_labels_and_one_that_cannot_be_read_is_told(
    photos: Path, tmp_path: Path, stand_in: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["classify", str(photos), "--labels", "red,green,blue", "--top-k", "2", "--json"]) == 1
    out, problems = capsys.readouterr()
    rows = json.loads(out)
    assert "broken.png" in problems and len(rows) == 4
    assert all(set(row) == {"path", "labels"} and len(row["labels"]) == 2 for row in rows)
    best = {Path(row["path"]).stem: row["labels"][0] for row in rows}
    assert all(best[name]["label"] == name and best[name]["probability"] > 0.9 for name in ("red", "green", "blue"))
    (tmp_path / "mine.txt").write_text("blue = red\nother = green\n")
    (row,) = asked(capsys, photos / "red.png", "--labels", tmp_path / "mine.txt", "--csv", tmp_path / "out.csv")
    assert row["labels"][0]["label"] == "blue"
    lines = list(csv.reader(io.StringIO((tmp_path / "out.csv").read_text("utf-8-sig"))))
    assert lines[0] == ["path", "place", "label", "probability"] and lines[1][1:3] == ["1", "blue"] and len(lines) == 3


def test_without_labels_the_classes_of_the_built_in_model_are_told(
    photos: Path, stand_in: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (row,) = asked(capsys, photos / "red.png")
    assert len(row["labels"]) == 5 and row["labels"][0]["label"] == "tench"
    assert 1 >= sum(one["probability"] for one in row["labels"]) > 0.5
    (row,) = asked(capsys, photos / "blue.png", "--labels", "imagenet", "--top-k", 1)
    assert row["labels"][0]["label"] == "goldfish"


@pytest.mark.parametrize(
    "words", [["--labels", "nowhere.txt"], ["--labels", " , "], ["--top-k", "0"], ["--template", "x"],
              ["--labels", "a,b", "--several"], ["--csv", "no/such/folder/a.csv"]],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_before_a_picture_is_read(
    words: list[str], photos: Path, stand_in: None, capsys: pytest.CaptureFixture[str]
) -> None:
    said = asked(capsys, photos / "red.png", *words, code=2)
    assert set(said) == {"error", "hint"}


def test_a_table_replaces_an_earlier_one_and_no_other_file(
    photos: Path, stand_in: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    picture, table = photos / "red.png", tmp_path / "labels.csv"
    (tmp_path / "link.csv").symlink_to(picture)
    before = picture.read_bytes()
    for place in (picture, tmp_path / "link.csv", photos):
        said = asked(capsys, picture, "--labels", "red,blue", "--csv", place, code=2)
        assert "is there already" in said["error"], "such as a picture that a shell put behind --csv"
    assert picture.read_bytes() == before and (tmp_path / "link.csv").is_symlink()
    asked(capsys, picture, "--labels", "red,blue", "--csv", table)
    asked(capsys, photos / "blue.png", "--labels", "red,blue", "--csv", table)
    assert b"blue.png" in table.read_bytes() and b"red.png" not in table.read_bytes()


# ---------------------------------------------------------------- the library


def test_the_library_is_classified_stored_as_suggestions_and_answered(library: Services) -> None:
    how = sorting(["red", "green = purple", "blue >= 99.9999%"])
    assert library.classifying.waiting(how) == 4
    events = list(library.classifying.classify(how))
    assert sum(isinstance(event, Indexed) for event in events) == 4
    assert library.classifying.waiting(how) == 0
    ids = {library.catalog.shown([id_])[id_].name: id_ for id_ in library.catalog.listing.ids(None, "name")}
    assert list(library.catalog.labels.of_word("RED")) == [ids["red.png"]]
    assert list(library.catalog.labels.of_image(ids["purple.png"])) == ["green"]
    assert not library.catalog.labels.of_word("purple")
    assert [label.word for label in library.labels.suggested(ids["purple.png"])] == ["green"]
    library.curation.tag([ids["red.png"]], ["red"])
    library.curation.refuse_tag([ids["purple.png"]], "green")
    counts = {one.word: (one.open, one.accepted, one.refused) for one in library.catalog.labels.counts()}
    assert counts["red"] == (0, 1, 0) and counts["green"][1:] == (0, 1)
    assert not library.catalog.labels.of_image(ids["purple.png"])
    rows = list(csv.reader(io.StringIO(label_sheet(library.catalog).decode("utf-8-sig"))))
    assert rows[0] == ["photo", "label", "probability"]
    assert {(Path(row[0]).name, row[1]) for row in rows[1:]} >= {("red.png", "red"), ("purple.png", "green")}
    library.catalog.labels.clear()
    assert not library.catalog.labels.counts() and library.classifying.waiting(how) == 4
    assert library.catalog.facts.of(ids["red.png"])["keywords"] == ("red",)


def test_another_list_leaves_what_it_does_not_ask_for_and_a_photo_loses_what_is_not_found_again(
    library: Services,
) -> None:
    list(library.handlers["classify"](Classify(labels=("red", "blue")).as_json()))
    list(library.handlers["classify"](Classify(labels=("blue = red", "green")).as_json()))
    names = {one.word: one.open for one in library.catalog.labels.counts()}
    ids = library.catalog.labels.of_word("blue")
    assert names["red"] >= 1 and [library.catalog.shown([id_])[id_].name for id_ in ids][:1] == ["red.png"]


def test_what_was_classified_by_another_calibration_is_out_of_date(
    library: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = sorting(["red", "green"])
    list(library.classifying.classify(how))
    assert library.classifying.waiting(how) == 0
    monkeypatch.setattr(zero_shot, "scale", lambda space: Scale((1.0, 1.0), (0.1, 0.1), (0.1, 0.1)))
    assert library.classifying.waiting(how) == 4


def test_what_is_found_is_stored_in_transactions_of_bounded_size(
    library: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.services.lab.classify_pass.ROWS", 5)
    how, table = sorting([f"{name} >= 0.0001%" for name in NAMES[:3]]), library.catalog.labels
    stored, put = list[int](), table.put

    def spied(recipe: str, words: Any, found: Any) -> None:
        stored.append(sum(len(each) for each in found.values()))
        put(recipe, words, found)

    monkeypatch.setattr(table, "put", spied)
    list(library.classifying.classify(how))
    assert len(stored) > 1 and max(stored) <= 5 and library.classifying.waiting(how) == 0
    assert sum(one.open for one in table.counts()) == sum(stored)


def test_a_cancelled_job_keeps_what_was_stored_and_goes_on_there(
    library: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.services.lab.classify_pass.PICTURES", 2)
    how = sorting(preset="imagenet")
    job = library.classifying.classify(how)
    while library.classifying.waiting(how) == 4:
        next(job)
    job.close()  # type: ignore[attr-defined]
    assert library.classifying.waiting(how) == 2
    list(library.classifying.classify(how))
    assert library.classifying.waiting(how) == 0
    assert {one.word for one in library.catalog.labels.counts()} == {"tench", "goldfish"}
