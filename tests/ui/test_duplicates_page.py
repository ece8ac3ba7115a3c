"""The page Duplicates as it is drawn, and what comes of what is asked for on it."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from src.errors import WeightsMissing
from src.runtime import Services
from src.services.curation.system_bin import SystemBin
from src.services.duplicates.service import DuplicateService
from src.ui import state
from src.ui.curation import told as said
from src.ui.duplicates import bulk, differences, review, told
from tests.ui.conftest import button, goto, index, texts
from tests.unit.scenes import scene


@pytest.fixture
def copies(services: Services, tmp_path: Path) -> Path:
    """A file twice, and a scene at three sizes."""
    folder = tmp_path / "copies"
    folder.mkdir()
    scene(1).resize((960, 720)).save(folder / "large.jpg", quality=95)
    scene(1).resize((320, 240)).save(folder / "middle.jpg")
    scene(1).resize((160, 120)).save(folder / "small.jpg")
    scene(2).save(folder / "twice.jpg")
    shutil.copy(folder / "twice.jpg", folder / "again.jpg")
    index(services, folder)
    return folder


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A session outside of a page."""
    held: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", held)
    yield held


def shown(app: AppTest) -> dict[str, Any]:
    """What the group's component was given to draw."""
    (found,) = [element.proto for element in app.get("bidi_component") if element.proto.id.endswith("-review")]
    data: dict[str, Any] = json.loads(found.json)
    return data


def asked(services: Services, session: dict[str, Any], at: int, name: str, **how: Any) -> None:
    """As a key on that group of the page does."""
    groups = services.duplicates.groups()
    group = review.key_of(groups[at])
    session["review"] = SimpleNamespace(act={"name": name, "group": group, "value": None, **how})
    review._act(services, groups, at)


# ---------------------------------------------------------------- what is drawn


def test_a_library_without_photos_says_how_to_add_some(app: AppTest) -> None:
    goto(app.run(), "duplicates")
    assert "No photos yet" in texts(app)


def test_groups_one_after_the_other_with_what_differs(app: AppTest, services: Services, copies: Path) -> None:
    goto(app.run(), "duplicates")
    assert not app.exception and "2 groups to decide: 1 same bytes, 1 same picture." in texts(app)
    first = shown(app)
    assert (first["title"], first["at"], first["total"]) == ("Same bytes", 0, 2)
    assert [Path(path).name for path in first["files"]] in (["twice.jpg", "again.jpg"], ["again.jpg", "twice.jpg"])
    assert [name for name, *_ in first["offered"]] == ["same", "undo"] and first["note"]
    app.segmented_control(key=told.LEVEL).set_value("picture").run()
    second = shown(app)
    assert (second["title"], second["total"]) == ("Same picture", 1) and not second["files"]
    assert [photo["name"] for photo in second["photos"]] == ["large.jpg", "middle.jpg", "small.jpg"]
    pixels = [photo["facts"][0] for photo in second["photos"]]
    assert pixels[0] == {"label": "Pixels", "text": "960 × 720", "differs": True, "best": True}
    assert all(fact["differs"] and not fact["best"] for fact in pixels[1:])
    assert {"label": "Format", "text": "JPEG", "differs": False, "best": False} in second["photos"][0]["facts"]
    app.segmented_control(key=told.LEVEL).set_value("shot").run()
    assert "None at this level" in texts(app)


def test_filters_narrow_the_page(app: AppTest, services: Services, copies: Path) -> None:
    goto(app.run(), "duplicates")
    app.text_input(key=told.QUERY).set_value("name:nothing*")
    button(app, "Search").click().run()
    assert "No duplicates among these photos" in texts(app)
    app.text_input(key=told.QUERY).set_value("name:*.jpg")
    button(app, "Search").click().run()
    assert shown(app)["total"] == 2 and "filters alone" not in texts(app)
    app.text_input(key=told.QUERY).set_value("a dog")
    button(app, "Search").click().run()
    assert "narrowed by filters alone" in texts(app) and shown(app)["total"] == 2


def test_a_library_without_copies_says_so(app: AppTest, services: Services, photos: Path) -> None:
    for group in services.duplicates.groups():
        services.curation.decide([group.photos], "different")
    goto(app.run(), "duplicates")
    assert "nothing left to decide" in texts(app)


def test_photos_that_were_not_compared_yet_are_told_of(
    app: AppTest, services: Services, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DuplicateService, "waiting", lambda _: 7)
    goto(app.run(), "duplicates")
    assert "7 photos are not compared with the others yet." in texts(app)
    button(app, "Look for duplicates").click().run()
    assert any(job.kind == "duplicates" for job in services.jobs.latest(3))


def test_a_model_that_is_not_here_is_said(
    app: AppTest, services: Services, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: DuplicateService) -> int:
        raise WeightsMissing("The weights are not on this machine.")

    goto(app.run(), "duplicates")
    monkeypatch.setattr(DuplicateService, "waiting", missing)
    app.run()
    assert "The weights are not on this machine." in texts(app) and not app.exception


# ---------------------------------------------------------------- what is done


def test_each_decision_is_one_operation(services: Services, copies: Path, session: dict[str, Any]) -> None:
    for name in ("same", "alternates", "different"):
        asked(services, session, 1, name)
        assert len(services.duplicates.groups()) == 1 and services.curation.history(1)[0].said["decision"] == name
        asked(services, session, 0, "undo")
        assert len(services.duplicates.groups()) == 2
    group = services.duplicates.groups()[1]
    asked(services, session, 1, "bin", value=group.photos[2])
    assert set(services.catalog.bin.ids()) == set(group.photos[:2])
    assert said.last().text == "2 copies put into the bin, the best of each kept."  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "odd",
    [
        {"name": "bin", "value": "../x"},
        {"name": "bin", "value": None},
        {"name": "same", "group": "picture:another"},
        {"name": "evil"},
        {"name": "open", "value": 5},
        {"name": "move", "value": 99},
        {"name": "move", "value": []},
    ],
)
def test_what_makes_no_sense_does_nothing(
    services: Services, copies: Path, session: dict[str, Any], odd: dict[str, Any]
) -> None:
    asked(services, session, 1, **odd)
    session["review"] = SimpleNamespace(act="x")
    review._act(services, services.duplicates.groups(), 0)
    assert not services.curation.history() and state.dialog() is None


def test_the_page_goes_on_and_comes_back(session: dict[str, Any]) -> None:
    assert told.place(["a", "b", "c"]) == 0
    told.go(["a", "b", "c"], 1)
    assert told.place(["a", "b", "c"]) == 1
    assert told.place(["a", "c"]) == 1, "what took its place"
    assert told.place(["0", "a", "c"]) == 2, "the same group, wherever it is now"
    said.tell("Undone.", "redo")
    assert told.place(["0", "a", "b", "c"]) == 2, "what an undo brought back"
    told.go(["0", "a", "b", "c"], 9)
    assert told.place(["0", "a", "b", "c"]) == 3
    assert told.place([]) == 0


def test_a_rule_decides_about_what_was_shown_and_is_still_undecided(
    services: Services, copies: Path, session: dict[str, Any]
) -> None:
    groups = [group.photos for group in services.duplicates.groups()]
    bulk._apply(services, groups, "tag", "twin")
    (done,) = services.curation.history()
    assert done.said["others"] == 2 and [tag.photos for tag in services.curation.tags()] == [2]
    bulk._apply(services, groups, "bin", "")
    assert not services.catalog.bin.ids(), "those were decided about meanwhile"


def test_the_list_has_every_file_and_no_formula(services: Services, copies: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(bulk.as_csv(services, services.duplicates.groups()).decode("utf-8-sig"))))
    assert [(row["group"], row["level"], row["keep"]) for row in rows] == [
        *(("1", "bytes", keep) for keep in ("yes", "no")),
        *(("2", "picture", keep) for keep in ("yes", "no", "no")),
    ]
    assert Path(rows[2]["path"]) == copies / "large.jpg" and rows[2]["bytes"] == str(
        (copies / "large.jpg").stat().st_size
    )


def test_a_rule_is_shown_before_it_is_used(app: AppTest, services: Services, copies: Path) -> None:
    goto(app.run(), "duplicates")
    app.session_state[told.BULK] = True
    app.run()
    assert "1 group: the suggested photo of each is kept, and 2 copies of" in texts(app).replace("**", "")
    app.selectbox(key="bulk-rule").set_value("album").run()
    app.text_input(key="bulk-album").set_value("Twins").run()
    assert "put into the album “Twins”" in texts(app)
    button(app, "Decide about 1 group").click().run()
    assert [(album.name, album.photos) for album in services.curation.albums()] == [("Twins", 2)]
    assert shown(app)["total"] == 1


def test_facts_of_photos_that_are_gone_are_left_out(services: Services, copies: Path) -> None:
    files = services.duplicates.groups()[1].files
    services.curation.remove([files[1].image_id])
    found = differences.of_photos(services, {file.image_id: file.path for file in files})
    assert list(found) == [files[0].image_id, files[2].image_id]


# ---------------------------------------------------------------- the system's bin


def test_a_file_is_moved_after_its_path_was_confirmed(
    app: AppTest, services: Services, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = []
    monkeypatch.setattr(SystemBin, "move", lambda _, *which: moved.append(which))
    goto(app.run(), "duplicates")
    assert shown(app)["movable"] is False
    services.system_bin = SystemBin(replace(services.settings, system_bin=True), services.catalog)
    app.run()
    assert shown(app)["movable"] is True
    group = services.duplicates.groups()[0]
    app.session_state["file_to_move"] = (group.files[1].image_id, group.files[1].path)
    app.session_state["dialog"] = "system-bin"
    app.run()
    assert group.files[1].path in texts(app) and "only file" not in texts(app)
    button(app, "Move it").click().run()
    assert moved == [(group.files[1].image_id, group.files[1].path)]
