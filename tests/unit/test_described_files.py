"""Descriptions written to a folder and taken over from one, whatever is in its files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.bootstrap import build_services
from src.database.catalog.descriptions import DescriptionRow
from src.errors import AppError, BadInput, UnreadablePath
from src.runtime import Services
from src.schema import Finding
from src.schema.descriptions import DescribedObject, Description
from src.services.exchange import described
from src.services.exchange.described import export_descriptions, import_descriptions
from tests.conftest import fake_models, make_photo, of
from tests.fakes import COLOURS

CAT = Description("A cat asleep.", (DescribedObject("cat", "grey", "on a chair"), DescribedObject("chair")))
DOG = Description("Ein Hund läuft – 犬.")
ENTRY = {"scene_summary": "A red wall.", "objects": [{"label": "wall", "color": "red", "position": "everywhere"}]}


@pytest.fixture
def library(services: Services, photos: Path) -> Services:
    list(services.handlers["index"]({"paths": [str(photos)]}))
    return services


def ids(library: Services) -> dict[str, str]:
    found = library.catalog.shown(library.catalog.health.image_ids())
    return {shown.name: id_ for id_, shown in found.items()}


def exported(library: Services, folder: Path) -> None:
    list(export_descriptions(library.catalog, library.descriptions.vectors, folder))


def imported(library: Services, folder: Path) -> list[Any]:
    return list(import_descriptions(library.catalog, library.store, library.descriptions.vectors, folder))


def written(folder: Path, said: object, names: object = None) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "image_descriptions.json").write_text(json.dumps(said), encoding="utf-8")
    if names is not None:
        (folder / "filename_mapping.json").write_text(json.dumps(names), encoding="utf-8")
    return folder


def summaries(library: Services) -> dict[str, str]:
    said = {id_: one.description.scene_summary for id_, one in library.catalog.descriptions.all()}
    return {name: said[id_] for name, id_ in ids(library).items() if id_ in said}


def test_the_files_have_the_shapes_of_the_older_system(library: Services, tmp_path: Path) -> None:
    red, blue = ids(library)["red.jpg"], ids(library)["blue.jpg"]
    library.store.put_descriptions([DescriptionRow(red, CAT, "llava")], {})
    library.curation.describe(blue, DOG)
    exported(library, tmp_path / "new" / "out")
    said = json.loads((tmp_path / "new" / "out" / "image_descriptions.json").read_text(encoding="utf-8"))
    assert said[f"{red}.jpg"] == {
        "scene_summary": "A cat asleep.",
        "objects": [
            {"label": "cat", "color": "grey", "position": "on a chair"},
            {"label": "chair", "color": "", "position": ""},
        ],
        "model": "llava",
        "by_hand": False,
    }
    assert said[f"{blue}.jpg"]["by_hand"] is True and len(said) == 2
    names = json.loads((tmp_path / "new" / "out" / "filename_mapping.json").read_text(encoding="utf-8"))
    assert names == {f"{red}.jpg": "red.jpg", f"{blue}.jpg": "blue.jpg"}
    with np.load(tmp_path / "new" / "out" / "image_embeddings.npz", allow_pickle=False) as stored:
        assert sorted(stored["filenames"]) == sorted(said) and stored["embeddings"].dtype == np.float32
        expected = library.descriptions.vectors.encode([CAT.text])[0]
        row = list(stored["filenames"]).index(f"{red}.jpg")
        assert stored["embeddings"].shape == (2, 384) and stored["embeddings"][row] @ expected > 0.999
    with pytest.raises(BadInput, match="is there already"):
        exported(library, tmp_path / "new" / "out")


def test_what_was_exported_can_be_imported_where_the_same_photos_are(
    library: Services, photos: Path, tmp_path: Path
) -> None:
    red, blue = ids(library)["red.jpg"], ids(library)["blue.jpg"]
    library.store.put_descriptions([DescriptionRow(red, CAT, "llava")], {})
    library.curation.describe(blue, DOG)
    exported(library, tmp_path / "out")
    settings = replace(library.settings, home=tmp_path / "other")
    other = build_services(settings, models=fake_models(settings))
    list(other.handlers["index"]({"paths": [str(photos)]}))
    imported(other, tmp_path / "out")
    for id_, model, by_hand, said in ((red, "llava", False, CAT), (blue, "", True, DOG)):
        found = other.descriptions.of_photo(id_)
        assert found and (found.model, found.by_hand, found.description) == (model, by_hand, said)
    vectors = other.descriptions.vectors
    assert vectors.nearest(vectors.encode([CAT.text]), 1)[0][0][0] == red
    other.close()


@pytest.mark.parametrize("turned", [False, True])
def test_a_photo_is_known_by_the_name_that_its_file_had(library: Services, tmp_path: Path, turned: bool) -> None:
    """The older system's own ids are not ours; its map may be written either way round."""
    make_photo(tmp_path / "photos" / "twice" / "green.jpg", COLOURS["pink"])
    list(library.handlers["sync"]({}))
    own = [f"0b5c2f0e-0000-4000-8000-00000000000{number}.jpg" for number in range(3)]
    names = dict(zip(own, ["red.jpg", "C:\\old\\blue.jpg", "green.jpg"], strict=True))
    told = {value: key for key, value in names.items()} if turned else names
    folder = written(tmp_path / "in", dict.fromkeys((*own, "unknown.jpg"), ENTRY), told)
    events = imported(library, folder)
    assert summaries(library) == {"red.jpg": "A red wall.", "blue.jpg": "A red wall."}, (
        "two photos are called green.jpg"
    )
    assert [one.text for one in of(events, Finding)] == ["2 descriptions belonged to no photo here."]


def test_of_two_descriptions_with_one_name_neither_is_taken(library: Services, tmp_path: Path) -> None:
    folder = written(tmp_path / "in", {"a.jpg": ENTRY, "b.jpg": ENTRY}, {"a.jpg": "red.jpg", "b.jpg": "red.jpg"})
    events = imported(library, folder)
    assert summaries(library) == {}
    assert [one.text for one in of(events, Finding)] == ["2 descriptions belonged to no photo here."]


def test_an_export_that_could_not_be_finished_is_not_in_the_way_of_the_next(
    library: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_a_full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    library.curation.describe(ids(library)["red.jpg"], CAT)
    with monkeypatch.context() as full:
        full.setattr(described, "_write", on_a_full_disk)
        with pytest.raises(UnreadablePath, match="No space left"):
            exported(library, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    exported(library, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_what_is_said_already_is_kept(library: Services, tmp_path: Path) -> None:
    red, blue, green = (ids(library)[f"{name}.jpg"] for name in ("red", "blue", "green"))
    library.curation.describe(red, CAT)
    library.curation.describe(blue, CAT)
    library.curation.delete_description(blue)
    folder = written(tmp_path / "in", {f"{id_}.jpg": ENTRY for id_ in (red, blue, green)})
    events = imported(library, folder)
    assert summaries(library) == {"red.jpg": "A cat asleep.", "green.jpg": "A red wall."}
    assert [one.text for one in of(events, Finding)] == [
        "2 photos kept what is said of them already, or are in the bin."
    ]


def test_null_is_not_said_and_a_description_that_says_nothing_is_told_as_one(library: Services, tmp_path: Path) -> None:
    part = {"scene_summary": None, "objects": [None, {"label": "cat", "color": None}], "model": None, "by_hand": None}
    said = {"red.jpg": part, "blue.jpg": None, "green.jpg": {"scene_summary": " ", "objects": None}}
    folder = written(tmp_path / "in", {f"{ids(library)[name]}.jpg": entry for name, entry in said.items()})
    events = imported(library, folder)
    found = library.descriptions.of_photo(ids(library)["red.jpg"])
    assert found and found.description == Description("", (DescribedObject("cat"),)) and found.model == "imported"
    assert list(summaries(library)) == ["red.jpg"]
    assert [one.text for one in of(events, Finding)] == ["2 descriptions said nothing."]


@pytest.mark.parametrize(
    "entry",
    [
        7, [], {}, {"summary": "x"}, {"scene_summary": 7}, {"scene_summary": "x", "objects": {}},
        {"scene_summary": "x", "objects": [7]},
        {"scene_summary": "x", "objects": [{"label": 7}]}, {"scene_summary": "x", "objects": [["cat", "grey", "left"]]},
        {"scene_summary": "x", "model": 7}, {"scene_summary": "x", "by_hand": "yes"},
    ],
)  # fmt: skip
def test_a_wrong_entry_is_told_and_nothing_is_taken_over(library: Services, tmp_path: Path, entry: object) -> None:
    folder = written(tmp_path / "in", {f"{ids(library)['red.jpg']}.jpg": ENTRY, "other\x1b.jpg": entry})
    with pytest.raises(BadInput, match="holds something else than a description under 'other\N{REPLACEMENT CHARACTER}"):
        imported(library, folder)
    assert summaries(library) == {}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("image_descriptions.json", b"[]"),
        ("image_descriptions.json", b"\xff\xfe"),
        ("image_descriptions.json", b"[" * 100_000),
        ("image_descriptions.json", b'{"a": '),
        ("filename_mapping.json", b"7"),
        ("filename_mapping.json", b'{"a": {"b": 1}}'),
    ],
)
def test_a_wrong_file_is_told(library: Services, tmp_path: Path, name: str, data: bytes) -> None:
    folder = written(tmp_path / "in", {}, {})
    (folder / name).write_bytes(data)
    with pytest.raises(BadInput, match=name):
        imported(library, folder)


def test_a_file_that_is_too_large_or_not_there_is_told(
    library: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnreadablePath, match=r"image_descriptions\.json can't be read"):
        imported(library, tmp_path)
    folder = written(tmp_path / "in", {"a.jpg": ENTRY})
    monkeypatch.setattr("src.services.exchange.described.MOST_BYTES", 20)
    with pytest.raises(BadInput, match="no JSON object"):
        imported(library, folder)
    with pytest.raises(AppError):
        exported(library, folder / "image_descriptions.json" / "below")


def test_hostile_words_are_bounded_and_shown_harmlessly(library: Services, tmp_path: Path) -> None:
    red = ids(library)["red.jpg"]
    wild = {"scene_summary": "a\u202e\ud800\0b " * 9_000, "objects": [{"label": "x" * 999, "color": None}] * 900}
    imported(
        library,
        written(
            tmp_path / "in", {f"../../{red}.jpg": wild, f"{ids(library)['blue.jpg']}.jpg": {"scene_summary": "\n"}}
        ),
    )
    said = library.descriptions.of_photo(red)
    assert said and len(said.description.scene_summary) <= 10_000 and len(said.description.objects) == 500
    assert all(character.isprintable() for character in said.description.text) and said.model == "imported"
    assert list(summaries(library)) == ["red.jpg"]
