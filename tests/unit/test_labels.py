"""Labels by themselves: the vocabulary's rules, chances against brute force, what is kept, and what is suggested."""

from __future__ import annotations

import json
import math
import threading
from pathlib import Path

import numpy as np
import pytest

from src.cli.arguments import main
from src.errors import BadInput
from src.models import label_bank, label_words
from src.models.label_bank import Calibration, Label, LabelBank, LabelBanks
from src.runtime import Services
from src.services.curation import labels
from src.services.search.service import Query
from src.text import folded
from tests.conftest import make_photo
from tests.fakes import COLOURS, FakeEmbedder, colour_picture

SMALL = """# things
colour
  warm
    red
    orange < fruit
    dark red = brown
  blue
fruit
"""
FITTED = Calibration(temperature=0.05, slope=0.5, constant=0.2, shown=0.6)


@pytest.fixture
def small() -> LabelBank:
    words = label_words.read(SMALL)
    return LabelBank(words, label_bank.encoded(words, FakeEmbedder().encode_texts), FITTED)


@pytest.fixture
def for_fakes(small: LabelBank, monkeypatch: pytest.MonkeyPatch) -> LabelBank:
    """Every model has a calibration, and the vocabulary is the small one."""
    monkeypatch.setattr(label_bank, "vocabulary", lambda: small.vocabulary)
    monkeypatch.setattr(label_bank, "calibration", lambda _: FITTED)
    return small


# ---------------------------------------------------------------- vocabulary


def test_the_vocabulary_is_what_people_would_type_as_tags() -> None:
    words = label_words.shipped()
    shown = [one.word for one in words.words]
    assert 1_900 <= len(shown) <= 2_200
    assert len({folded(word) for word in shown}) == len(shown), "a word stands there twice"
    assert all(word == " ".join(word.split()) and len(word) <= 40 for word in shown)
    assert not [word for word in shown if set(word) & set('/,;:"\\|<=')], "a tag has its own use for these"
    homonyms = [one for one in words.words if "(" in one.word]
    assert homonyms and all(one.asked != one.word and "(" not in one.asked for one in homonyms)


def test_a_narrower_word_implies_all_broader_ones_and_none_implies_itself() -> None:
    words = label_words.shipped()

    def above(word: str) -> set[str]:
        return {words.words[number].word for number in words.above[words.number(word)]}

    assert above("Golden Retriever") == {"dog", "animal"} and above("puppy") == {"dog", "animal", "baby animal"}
    assert above("crane (bird)") == {"bird", "animal"} and above("crane") == {"machine"}
    assert not [one.word for number, one in enumerate(words.words) if number in words.above[number]]


@pytest.mark.parametrize("text", ["a\n    b\n", "a < nowhere\n", "a = \n", "a = b = c\n"])
def test_a_line_that_makes_no_sense_is_told(text: str) -> None:
    with pytest.raises(BadInput):
        label_words.read(text)


# ---------------------------------------------------------------- chances


def test_chances_are_what_counting_one_by_one_gives(small: LabelBank) -> None:
    chance = np.random.default_rng(2)
    photos = chance.normal(size=(5, FakeEmbedder.dimensions)).astype(np.float32)
    photos /= np.linalg.norm(photos, axis=1, keepdims=True)
    found, words = small.chances(photos), small.vocabulary
    for row, photo in zip(found, photos, strict=True):
        parts = [math.exp(float(photo @ vector) / FITTED.temperature) for vector in small.vectors]
        for number, one in enumerate(row):
            mine = (part for at, part in enumerate(parts) if number == at or number in words.above[at])
            share = min(max(sum(mine) / sum(parts), 1e-9), 1 - 1e-9)
            evidence = FITTED.slope * math.log(share / (1 - share)) + FITTED.constant
            assert one == pytest.approx(1 / (1 + math.exp(-evidence)), abs=1e-5)
        assert all(row[above] >= row[number] - 1e-9 for number in range(len(words)) for above in words.above[number])


def test_what_another_label_implies_is_left_out_and_the_likeliest_comes_first(small: LabelBank) -> None:
    model = FakeEmbedder()
    pictures = np.stack([model.preprocess(colour_picture(colour)) for colour in ("red", "blue", "grey")])
    red, blue, grey = small.labels(model.encode_pixels(pictures))
    assert [label.word for label in red] == ["red"] and [label.word for label in blue] == ["blue"]
    assert all(label.chance >= FITTED.shown for label in (*red, *blue, *grey)) and small.labels(pictures[:0]) == []


def test_no_chance_is_given_for_a_model_that_was_never_measured(tmp_path: Path) -> None:
    assert label_bank.calibration("fake-0") is None and LabelBanks(tmp_path / "kept").of(FakeEmbedder()) is None


def test_the_words_vectors_are_made_once_for_a_model_and_kept_where_a_library_is(
    tmp_path: Path, for_fakes: LabelBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data" / "kept"
    nowhere = LabelBanks(folder)
    assert nowhere.at_hand(FakeEmbedder()) is None
    assert nowhere.of(FakeEmbedder()) is nowhere.of(FakeEmbedder()) is nowhere.at_hand(FakeEmbedder())
    assert not folder.parent.exists()
    folder.parent.mkdir()
    LabelBanks(folder).of(FakeEmbedder())
    (file,) = folder.iterdir()
    saved = label_bank.read(file, FakeEmbedder.dimensions)
    assert LabelBanks(folder).at_hand(FakeEmbedder()) is not None
    assert saved is not None and np.abs(saved - for_fakes.vectors).max() < 1e-3
    assert label_bank.read(file, 32) is None
    monkeypatch.setattr(label_bank, "PROMPT", "a drawing of {}")
    assert label_bank.read(file, FakeEmbedder.dimensions) is None, "they were made in another way"
    file.write_bytes(b"nothing of the kind")
    assert label_bank.read(file, FakeEmbedder.dimensions) is None


# ---------------------------------------------------------------- a library


@pytest.fixture
def library(services: Services, tmp_path: Path, for_fakes: LabelBank) -> Services:
    for colour in ("red", "blue", "green"):
        make_photo(tmp_path / "photos" / f"{colour}.jpg", COLOURS[colour])
    list(services.handlers["index"]({"paths": [str(tmp_path / "photos")]}))
    return services


def named(library: Services, name: str) -> str:
    return next(hit.id for hit in library.library.newest(9) if hit.name.startswith(name))


def words_of(found: tuple[Label, ...]) -> list[str]:
    return [label.word for label in found]


def test_stored_vectors_are_labelled_when_they_are_asked_for(library: Services) -> None:
    red, blue = named(library, "red"), named(library, "blue")
    assert library.labels.suggested(red) == (), "a page does not wait for the words"
    for thread in threading.enumerate():
        if thread.name == "labels":
            thread.join(10)
    assert words_of(library.labels.suggested(red)) == ["red"], "they are made meanwhile"
    found = library.labels.labels_of([red, blue, "no such photo"])
    assert {id_: words_of(of_photo) for id_, of_photo in found.items()} == {red: ["red"], blue: ["blue"]}
    assert words_of(library.labels.suggested(red)) == ["red"]


def test_what_was_accepted_or_refused_is_not_suggested_again_until_it_is_undone(library: Services) -> None:
    red, blue = named(library, "red"), named(library, "blue")
    library.labels.get_ready()
    library.curation.refuse_tag([red], "red")
    assert library.labels.suggested(red) == ()
    library.curation.undo()
    assert words_of(library.labels.suggested(red)) == ["red"]
    library.curation.tag([blue], add=["things/Blue"])
    assert library.labels.suggested(blue) == ()


def test_tags_that_say_more_make_a_suggestion_needless(for_fakes: LabelBank) -> None:
    found = (Label("warm", 0.9), Label("fruit", 0.8), Label("blue", 0.7))
    assert words_of(labels.without(found, ["Orange"], [])) == ["blue"]
    assert words_of(labels.without(found, ["xyzzy"], ["Blue"])) == ["warm", "fruit"]
    assert labels.sentence(found[:2]) == "Looks like: warm, fruit." and labels.sentence(()) == ""


def test_no_search_finds_a_photo_by_what_was_only_suggested(library: Services) -> None:
    library.labels.labels_of([named(library, "red")])
    assert library.curation.tags() == [] and not library.curation.can_undo()
    assert library.search.search(Query("tag:red"), 9).hits == ()


# ---------------------------------------------------------------- the command


def test_the_command_labels_files_without_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the built-in model, with few words, and little that is asked of a picture of one colour."""
    monkeypatch.setenv("MFE_HOME", str(tmp_path / "none"))
    words = label_words.read("animal\n  dog\nbeach\nred colour\nblue colour\nchart\n")
    monkeypatch.setattr(label_bank, "vocabulary", lambda: words)
    monkeypatch.setattr(label_bank, "calibration", lambda _: Calibration(0.03, 1.0, 0.0, 0.2))
    good, bad = tmp_path / "red.png", tmp_path / "bad.jpg"
    colour_picture("red", (64, 64)).save(good)
    bad.write_bytes(b"\xff\xd8\xff no picture")
    assert main(["labels", str(good), str(bad), "--json"]) == 1
    told = capsys.readouterr()
    (row,) = json.loads(told.out)
    assert tuple(row) == ("path", "labels", "sentence") and row["path"].endswith("red.png")
    assert row["labels"][0]["label"] == "red colour" and 20 <= row["labels"][0]["percent"] <= 100
    assert row["sentence"].startswith("Looks like: red colour") and "bad.jpg" in told.err
    assert main(["labels", str(good)]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.endswith("red.png") and second == f"  {row['sentence']}"
    assert not (tmp_path / "none").exists()


def test_closing_the_library_ends_the_making_of_words_and_waits_for_it(
    library: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def encode(_: FakeEmbedder, texts: list[str]) -> np.ndarray:
        begun.set()
        go_on.wait(20)
        return np.ones((len(texts), 8), np.float32)

    monkeypatch.setattr(FakeEmbedder, "encode_texts", encode)
    monkeypatch.setattr(label_bank, "BATCH", 1)
    assert library.labels.suggested(named(library, "red")) == () and begun.wait(20)
    closing = threading.Thread(target=library.labels.close)
    closing.start()
    assert closing.is_alive(), "a model at work is waited for"
    go_on.set()
    closing.join(20)
    assert not [thread for thread in threading.enumerate() if thread.name == "labels"]
    assert not list(library.settings.query_banks_dir.glob("*.labels.*")), "what is not whole is not kept"
