"""Upload: dropped files, folders, limits, progress and the report."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from src.runtime import Services
from src.schema import JobSnapshot
from src.services.jobs.kinds import JobKind, kind_of
from src.services.library import uploads
from src.ui.library import upload_form
from tests.fakes import colour_picture
from tests.ui.conftest import MAIN, button, goto, heic, names, png, texts


@pytest.fixture
def page(app: AppTest) -> AppTest:
    return goto(app.run(), "upload")


def drop(page: AppTest, files: list[tuple[str, bytes, str]]) -> AppTest:
    page.file_uploader[0].set_value(files)
    return page.run()


def finish(page: AppTest, services: Services) -> JobSnapshot:
    """Wait for the newest job and draw the page again."""
    newest = next(job for job in services.jobs.latest(5) if not kind_of(job.kind).quiet)
    done = services.jobs.wait(newest.id, 30)
    assert done is not None and done.finished
    page.run()
    assert not page.exception
    return done


def test_dropped_photos_become_one_job_and_are_found(page: AppTest, services: Services) -> None:
    drop(page, [("red.png", png("red"), "image/png"), ("blue.HEIC", heic("blue"), "image/heic")])
    assert not services.jobs.latest(1), "nothing starts before the button"
    before = page.file_uploader[0].id
    next(b for b in page.button if b.label.startswith("Add 2 photos (")).click().run()
    assert page.file_uploader[0].id != before, "the drop area is empty again"
    assert finish(page, services).indexed == 2
    assert [job.kind for job in services.jobs.latest(5) if not kind_of(job.kind).quiet] == ["index"]
    assert "added 2 photos" in texts(page)
    stages = page.dataframe[0].value
    assert {"Reading files", "Decoding", "Encoding", "Storing"} <= set(stages["Stage"]) and (
        stages["Seconds"] >= 0
    ).all()
    goto(page, "text_search")
    assert sorted(names(page, "newest")) == ["blue.HEIC", "red.png"]


def test_what_was_skipped_is_told_with_the_reason_and_the_rest_is_added(page: AppTest, services: Services) -> None:
    files = [
        ("red.png", png("red"), "image/png"),
        ("empty.png", b"", "image/png"),
        ("words.jpg", b"only words " * 20, "image/jpeg"),
    ]
    drop(page, [*files, ("cut.png", png("green")[:70], "image/png"), ("again.png", png("red"), "image/png")])
    button_label = next(b.label for b in page.button if b.label.startswith("Add 5 photos"))
    button(page, button_label).click().run()
    done = finish(page, services)
    assert (done.indexed, done.already, done.skipped_count) == (1, 1, 3)
    said = texts(page)
    assert "added 1 photo " in said and "1 file was in the library already" in said and "3 files were skipped" in said
    table = page.dataframe[0].value
    assert sorted(table["File"]) == ["cut.png", "empty.png", "words.jpg"]
    assert all(len(reason) > 10 for reason in table["Why it was skipped"])


def test_the_report_is_seen_by_another_session_until_it_is_dismissed(page: AppTest, services: Services) -> None:
    drop(page, [("red.png", png("red"), "image/png")])
    next(b for b in page.button if b.label.startswith("Add 1 photo")).click().run()
    finish(page, services)
    other = goto(AppTest.from_file(str(MAIN), default_timeout=30).run(), "upload")
    assert "added 1 photo" in texts(other)
    button(other, "Dismiss").click().run()
    assert "added 1 photo" not in texts(other)


def test_too_many_files_are_refused_with_the_way_round(page: AppTest, services: Services) -> None:
    drop(page, [(f"{n}.png", b"x", "image/png") for n in range(201)])
    assert "201 photos" in texts(page) and "Add their folder instead" in texts(page)
    assert not any(b.label.startswith("Add 201") for b in page.button)
    assert not services.jobs.latest(1)


def test_too_many_bytes_are_refused(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_BYTES", 100)
    drop(page, [("red.png", png("red"), "image/png")])
    assert "too many to upload at once" in texts(page)


@pytest.mark.parametrize(
    ("number", "total", "refused"), [(200, 500_000_000, False), (201, 1, True), (1, 500_000_001, True)]
)
def test_the_limits_are_200_files_and_500_mb(number: int, total: int, refused: bool) -> None:
    assert bool(upload_form.over_limit(number, total)) is refused


@pytest.mark.parametrize("form", ["{path}", "'{path}'", '"{path}"', "file://{url}", "  {path}  "])
def test_a_folder_is_added_by_any_spelling_of_its_path(
    page: AppTest, services: Services, tmp_path: Path, form: str
) -> None:
    folder = tmp_path / "my photos"
    folder.mkdir()
    colour_picture("pink").save(folder / "pink.png")
    page.text_input(key="folder").set_value(form.format(path=folder, url=str(folder).replace(" ", "%20")))
    button(page, "Add folder").click().run()
    assert finish(page, services).indexed == 1
    assert "Adding my photos" in texts(page)


def test_a_link_to_a_followed_folder_is_added_as_that_folder(page: AppTest, services: Services, tmp_path: Path) -> None:
    folder, link = tmp_path / "my photos", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder, target_is_directory=True)
    colour_picture("pink").save(folder / "pink.png")
    services.folders.add(folder)
    page.text_input(key="folder").set_value(str(link))
    button(page, "Add folder").click().run()
    assert services.jobs.paths(finish(page, services).id) == [str(folder)]


def test_without_a_usual_folder_a_path_is_no_other_one(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert goto(app.run(), "upload").text_input(key="folder").label == "A folder's path"


def test_the_usual_folders_that_exist_are_buttons(
    app: AppTest, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pictures").mkdir()
    colour_picture("brown").save(tmp_path / "Pictures" / "brown.png")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    page = goto(app.run(), "upload")
    assert {"Pictures"} == {b.label for b in page.button} & {"Pictures", "Desktop", "Downloads"}
    assert page.text_input(key="folder").label == "Or any other path"
    button(page, "Pictures").click().run()
    assert finish(page, services).indexed == 1


@pytest.mark.parametrize(
    ("typed", "said"), [("", "No folder was given."), ("/no/such/place", "There is no file or folder")]
)
def test_a_path_that_leads_nowhere_is_told_at_once(page: AppTest, services: Services, typed: str, said: str) -> None:
    page.text_input(key="folder").set_value(typed)
    button(page, "Add folder").click().run()
    assert said in texts(page)
    assert not services.jobs.latest(1)


def test_a_folder_without_permission_is_told_at_once(
    page: AppTest, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def refuse(path: Path) -> object:
        if Path(path) == tmp_path:
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr("src.processing.discovery.os.scandir", refuse)
    page.text_input(key="folder").set_value(str(tmp_path))
    button(page, "Add folder").click().run()
    assert "There is no permission to read" in texts(page)
    assert not services.jobs.latest(1)


@pytest.mark.parametrize(
    ("kind", "more", "told"),
    [
        ("sync", {"paths": ["{folder}"]}, False),
        ("sync", {"paths": []}, False),
        ("sync", {"paths": ["{folder}/else"]}, True),
        ("remove", {"path": "{folder}"}, False),
        ("remove", {"path": "{folder}/else"}, True),
        ("clear", {}, False),
        ("doctor", {}, True),
    ],
)
def test_a_report_goes_once_a_later_job_makes_it_untrue(
    app: AppTest, services: Services, photos: Path, kind: JobKind, more: dict[str, str | list[str]], told: bool
) -> None:
    params = json.dumps({"paths": [str(photos)]})
    job = {"id": "1", "kind": "index", "title": "Adding mine", "params": params, "state": "cancelled", "progress": None}
    services.catalog.jobs.put({**job, "cancel": True, "pause": False, "attempts": 1})
    page = goto(app.run(), "upload")
    assert "Adding mine" in texts(page)
    later = json.loads(json.dumps(more).replace("{folder}", str(photos)))
    services.jobs.wait(services.jobs.submit(kind, "Later", **later), 30)
    assert ("Adding mine" in texts(page.run())) is told and not page.exception


def test_a_report_of_all_that_was_added_outlives_a_later_look(app: AppTest, services: Services, photos: Path) -> None:
    services.jobs.wait(services.jobs.submit("sync", "Looking", paths=[str(photos)]), 30)
    assert "added 12 photos" in texts(goto(app.run(), "upload"))


def test_a_running_job_shows_its_progress_and_can_be_cancelled(
    page: AppTest, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = JobSnapshot(
        "42", "index", "running", "Adding *Holidays*", done=312, total=1000, seconds=6.5, current="IMG_1.jpg"
    )
    monkeypatch.setattr(services.jobs, "active", lambda: [running])
    cancelled: list[str] = []
    monkeypatch.setattr(services.jobs, "cancel", cancelled.append)
    page.run()
    assert "Adding *Holidays*" in [text.value for text in page.text], "a folder's name is data, not Markdown"
    bar = page.get("progress")[0].proto
    assert bar.text == "312 of 1,000 · 48 photos/s · 14 s left"
    assert bar.value == 31
    button(page, "Cancel").click().run()
    assert cancelled == ["42"]


def test_of_many_jobs_in_line_the_first_are_shown(
    page: AppTest, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [JobSnapshot(f"j{n}", "index", "queued", f"Adding {n}") for n in range(300)]
    jobs.append(JobSnapshot("now", "index", "running", "Adding now"))
    monkeypatch.setattr(services.jobs, "active", lambda: jobs)
    page.run()
    said = [text.value for text in page.text]
    assert [line for line in said if line.startswith("Adding")] == ["Adding now", *(f"Adding {n}" for n in range(4))]
    assert "296 more jobs in line" in said


def test_files_that_were_chosen_and_not_added_outlive_a_change_of_tab(page: AppTest, services: Services) -> None:
    drop(page, [("red.png", png("red"), "image/png"), ("blue.png", png("blue"), "image/png")])
    goto(goto(page, "about"), "upload")
    assert "Chosen before and not added yet: red.png, blue.png" in texts(page)
    assert any(b.label.startswith("Add 2 photos (") for b in page.button)
    drop(page, [("green.png", png("green"), "image/png")])
    next(b for b in page.button if b.label.startswith("Add 3 photos (")).click().run()
    assert finish(page, services).indexed == 3
    assert "Chosen before" not in texts(page)
    goto(goto(page, "about"), "upload")
    assert "Chosen before" not in texts(page) and not any(b.label.startswith("Add 3") for b in page.button)


def test_files_that_were_chosen_before_can_be_put_away(page: AppTest, services: Services) -> None:
    drop(page, [("red.png", png("red"), "image/png")])
    goto(goto(page, "text_search"), "upload")
    button(page, "Put them away").click().run()
    assert "Chosen before" not in texts(page) and not any(b.label.startswith("Add 1 photo") for b in page.button)
    goto(goto(page, "text_search"), "upload")
    assert "Chosen before" not in texts(page) and not services.jobs.latest(1)


def test_files_chosen_before_count_towards_the_limits(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    data = png("red")
    monkeypatch.setattr(uploads, "MAX_BYTES", 2 * len(data) - 1)
    drop(page, [("red.png", data, "image/png")])
    goto(goto(page, "about"), "upload")
    drop(page, [("again.png", data, "image/png")])
    assert "too many to upload at once" in texts(page)


@pytest.mark.parametrize("kind", ["nef", "cr2", "dng", "arw", "jpg", "heic"])
def test_the_drop_area_takes_every_format_that_is_promised(page: AppTest, kind: str) -> None:
    assert f".{kind}" in page.file_uploader[0].proto.type


def test_a_camera_raw_file_is_dropped_like_any_other(page: AppTest, services: Services, tmp_path: Path) -> None:
    """Here it is a TIFF of that name, which is read as one once RAW can be told from it; until then it is said what is
    wanting.
    """
    colour_picture("red", (60, 40)).save(tmp_path / "photo.nef", "TIFF")
    drop(page, [("photo.nef", (tmp_path / "photo.nef").read_bytes(), "application/octet-stream")])
    next(b for b in page.button if b.label.startswith("Add 1 photo (")).click().run()
    done = finish(page, services)
    assert done.indexed == 1 or "rawpy is installed" in done.skipped[0].reason
