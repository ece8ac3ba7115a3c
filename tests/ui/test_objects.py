"""Objects on the results page: while they are found, a search by a part of a photo, and exports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import TextInput

from src.runtime import Services
from src.schema import JobSnapshot, SearchPage
from src.ui.jobs import job_progress
from src.ui.search import new_objects
from tests.ui.conftest import button, choice, galleries, gallery, goto, index, names, png, search, texts
from tests.unit.test_objects import scene

RUNNING = JobSnapshot("1", "objects", "running", "Finding objects in photos", done=1, total=3)


@pytest.fixture
def scenes(tmp_path: Path, services: Services) -> list[str]:
    """Ids of three photos of a red thing each, indexed, not looked through for objects."""
    for ground in ("white", "grey", "green"):
        scene(tmp_path / "scenes", f"red on {ground}.png", ground, "red")
    index(services, tmp_path / "scenes")
    return services.objects.pending()


def find(services: Services, *images: str) -> None:
    list(services.objects.index(images=images))


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def after_the_search(services: Services, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """Once: the page is drawn for what was before it."""
    real = services.search.search

    def searched(*args: object, **more: object) -> SearchPage:
        page = real(*args, **more)  # type: ignore[arg-type]
        monkeypatch.setattr(services.search, "search", real)
        happens()
        return page

    monkeypatch.setattr(services.search, "search", searched)


def test_new_objects_wait_for_a_click_where_there_are_results(
    app: AppTest, scenes: list[str], services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(services, scenes[0])
    app.session_state["mode"] = "objects"
    app.run()
    search(app, "red")
    assert len(gallery(app, "text-results")) == 1 and "new object" not in str(labels(app))
    monkeypatch.setattr(services.jobs, "active", lambda: [RUNNING])
    before = services.objects.counts()[1]
    after_the_search(services, monkeypatch, lambda: find(services, scenes[1]))
    app.run()
    more = services.objects.counts()[1] - before
    assert len(gallery(app, "text-results")) == 1, "what is looked at does not move by itself"
    button(app, f"Show {more} new object{'s' * (more > 1)}").click().run()
    assert len(gallery(app, "text-results")) == 2 and "new object" not in str(labels(app))
    assert not app.exception


@pytest.mark.parametrize(
    ("query", "mode"), [("red", "objects"), ("red", "both"), ("quantum chromodynamics", "objects")]
)
def test_photos_that_were_not_looked_through_are_told_and_can_be(
    app: AppTest, scenes: list[str], services: Services, query: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(services, scenes[0])
    app.session_state["mode"] = mode
    app.run()
    search(app, query)
    told = "2 photos have not been looked through for objects yet."
    assert told in texts(app)
    with monkeypatch.context() as patch:
        patch.setattr(services.jobs, "active", lambda: [RUNNING])
        app.run()
        assert told not in texts(app), "a job that does it is told already"
    app.run()
    button(app, "Find objects in them").click().run()
    (job,) = [job for job in services.jobs.latest(3) if job.kind == "objects"]
    assert services.jobs.wait(job.id, 30).state == "done" and services.objects.waiting() == 0  # type: ignore[union-attr]
    app.run()
    assert "have not been looked through" not in texts(app) and "Find objects in them" not in labels(app)
    app.session_state["mode"] = "images"
    services.catalog.objects.clear()
    app.run()
    assert "looked through" not in texts(app) and not app.exception


def test_no_object_that_passes_the_filters_is_not_no_photo(
    app: AppTest, scenes: list[str], services: Services, photos: Path
) -> None:
    find(services, scenes[0])
    app.session_state["mode"] = "objects"
    app.run()
    search(app, "red")
    choice(app, "Folder").select(str(photos)).run()
    assert "No object passes the filters" in texts(app) and "14 photos have not been looked through" in texts(app)


def test_a_change_without_more_objects_is_offered_too_but_not_among_photos_alone(
    app: AppTest, scenes: list[str], services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(services, *scenes)
    monkeypatch.setattr(services.jobs, "active", lambda: [RUNNING])
    app.session_state["mode"] = "both"
    app.run()
    after_the_search(services, monkeypatch, lambda: services.catalog.forget([scenes[0]]))
    search(app, "red")
    button(app, "Show new objects").click().run()
    assert len(gallery(app, "text-results")) == 2
    app.session_state["mode"] = "images"
    app.run()
    after_the_search(services, monkeypatch, lambda: services.catalog.forget([scenes[1]]))
    app.run()
    assert "Show new objects" not in labels(app)


@pytest.mark.parametrize("query", ["red", "quantum chromodynamics"])
def test_the_first_objects_show_by_themselves(
    app: AppTest, scenes: list[str], services: Services, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    """Also after some that do not fit: where nothing is shown, nothing moves."""
    monkeypatch.setattr(services.jobs, "active", lambda: [RUNNING])
    seen: list[str] = []

    def looks_twice(draw: Callable[[], None], seconds: float) -> None:
        draw()
        if seconds == new_objects.EVERY and "before" in seen:
            seen.remove("before")
            find(services, scenes[0])
            draw()

    app.session_state["mode"] = "objects"
    app.run()
    search(app, query)
    assert "Looking for objects" in texts(app) and not galleries(app)
    monkeypatch.setattr(job_progress, "repeat", looks_twice)
    seen.append("before")
    app.run()
    assert not app.exception and "Looking for objects" not in texts(app)
    if query == "red":
        assert names(app, "text-results") == [services.library.details(scenes[0]).name]  # type: ignore[union-attr]
    else:
        assert "No object so far in your library looks like" in texts(app)


def test_a_box_of_a_photo_finds_others_and_a_dropped_picture_its_own(
    app: AppTest, scenes: list[str], services: Services
) -> None:
    """What a box shows is searched for like a dropped picture, but its photo is left out; a picture dropped after it is
    a picture again.
    """
    find(services, *scenes)
    own = services.library.details(scenes[0])
    assert own is not None
    app.session_state["mode"] = "objects"
    app.session_state["similar_to"], app.session_state["similar_box"] = scenes[0], (40, 30, 130, 110)
    goto(app.run(), "image_search")
    assert len(gallery(app, "image-results")) == 2 and own.name not in names(app, "image-results")
    assert f"Objects that look like this part of {own.name}" in texts(app)
    button(app, "Choose another").click().run()
    app.file_uploader[0].set_value(("mine.png", png("red"), "image/png"))
    app.run()
    assert len(gallery(app, "image-results")) == 3 and own.name in names(app, "image-results")


def test_a_photo_found_by_an_object_opens_with_it_and_shows_its_facts_too(
    app: AppTest, scenes: list[str], services: Services
) -> None:
    find(services, *scenes)
    segment = services.objects.of_photo(scenes[0])[0].id
    app.session_state["dialog"], app.session_state["photo"] = "photo", scenes[0]
    app.session_state["found"], app.session_state["neighbours"] = {scenes[0]: segment}, scenes[:2]

    def drawn() -> set[str]:
        ids = [element.proto.id for element in app.get("bidi_component")]
        keys = {"inside": f"-inside-{scenes[0]}", "large": "-photo-large"}
        return {kind for kind, key in keys.items() if any(id_.endswith(key) for id_ in ids)}

    app.run()
    assert drawn() == {"inside"}
    button(app, "Whole photo").click().run()
    assert drawn() == {"large"} and not app.exception
    button(app, "Next").click().run()
    assert drawn() == {"large"}, "as it was chosen"
    button(app, "Previous").click().run()
    button(app, "Search inside").click().run()
    assert drawn() == {"inside"}


def test_a_failed_export_keeps_what_was_typed_and_names_the_whole_place(
    app: AppTest, scenes: list[str], services: Services, tmp_path: Path
) -> None:
    def place() -> TextInput:
        (found,) = [box for box in app.text_input if box.label.startswith("New folder")]
        return found

    def write(typed: str) -> None:
        place().set_value(typed).run()
        button(app, "Write it").click().run()
        jobs = [job for job in services.jobs.latest(3) if job.kind == "export"]
        if jobs:
            services.jobs.wait(jobs[0].id, 30)
        app.run()

    search(app.run(), "white")
    place().set_value(" ").run()
    assert not button(app, "Write it").disabled, "the browser tells of what is typed only once the field is left"
    button(app, "Write it").click().run()
    assert "No place was given." in texts(app)
    (tmp_path / "taken").write_text("mine")
    in_vain = str(tmp_path / "taken" / "new.zip")
    write(in_vain)
    assert place().value == in_vain and f"Exporting to {in_vain}" in texts(app).replace("\\", "")
    write(str(tmp_path / "found.zip"))
    assert (tmp_path / "found.zip").is_file() and place().value not in (in_vain, str(tmp_path / "found.zip"))
    assert not app.exception


def test_each_export_begins_with_a_new_form(
    app: AppTest, scenes: list[str], services: Services, tmp_path: Path
) -> None:
    app.run()
    search(app, "white")
    (place,) = [box for box in app.text_input if box.label.startswith("New folder")]
    suggested = place.value
    place.set_value("''").run()
    button(app, "Write it").click().run()
    assert len(app.error) == 1 and services.jobs.latest(1)[0].kind != "export", "an error is shown where it was made"
    (place,) = [box for box in app.text_input if box.label.startswith("New folder")]
    place.set_value(str(tmp_path / "found.zip")).run()
    before = {place.key}
    button(app, "Write it").click().run()
    (job,) = [job for job in services.jobs.latest(3) if job.kind == "export"]
    assert services.jobs.wait(job.id, 30).state == "done" and (tmp_path / "found.zip").is_file()  # type: ignore[union-attr]
    assert "The sidebar shows how far it is." in texts(app)
    (place,) = [box for box in app.text_input if box.label.startswith("New folder")]
    assert place.key not in before and place.value not in (suggested, str(tmp_path / "found.zip"))
