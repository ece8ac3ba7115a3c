"""Folders on the page: what is followed, what is offline or missing, forgetting, and the check-up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Toggle

from src.runtime import Services
from src.schema import Finding, JobSnapshot
from src.services.jobs.kinds import Params
from src.ui.jobs import job_progress
from tests.fakes import colour_picture
from tests.parity.text_pictures import written
from tests.ui.conftest import button, goto, index, texts


@pytest.fixture
def page(app: AppTest, photos: Path) -> AppTest:
    """The page Upload of a library with one folder of twelve photos."""
    return goto(app.run(), "upload")


def settled(page: AppTest, services: Services, kind: str = "sync") -> JobSnapshot:
    """Wait for the last job of a kind and draw the page again."""
    job = next(job for job in services.jobs.latest(10) if job.kind == kind)
    done = services.jobs.wait(job.id, 30)
    assert done is not None and done.finished
    page.run()
    assert not page.exception
    return done


def test_a_folder_with_its_numbers_and_looking_again(page: AppTest, services: Services, photos: Path) -> None:
    said = texts(page)
    assert str(photos) in said and "12 photos · looked at" in said
    colour_picture("red", (61, 40)).save(photos / "another.png")
    button(page, "Look now").click().run()
    assert settled(page, services).indexed == 1
    assert "13 photos · looked at" in texts(page)


def test_no_folders_no_list(app: AppTest, services: Services) -> None:
    assert "Folders" not in [m.value.strip("# ") for m in goto(app.run(), "upload").markdown]


def test_watching_is_switched_for_each_folder(page: AppTest, services: Services, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    colour_picture("red", (62, 40)).save(tmp_path / "second" / "red.png")
    index(services, tmp_path / "second")
    page.run()
    assert [toggle.value for toggle in toggles(page, "Watch")] == [True, True]
    toggles(page, "Watch")[1].set_value(False).run()
    assert {Path(f.path).name: f.watched for f in services.folders.all()} == {"photos": True, "second": False}
    assert [toggle.value for toggle in toggles(page, "Watch")] == [True, False]


def toggles(page: AppTest, label: str) -> list[Toggle]:
    return [toggle for toggle in page.toggle if toggle.label == label]


def test_objects_are_asked_for_by_folder(page: AppTest, services: Services, photos: Path) -> None:
    toggles(page, "Objects")[0].set_value(True).run()
    assert services.folders.all()[0].objects
    settled(page, services, "objects")
    assert services.objects.counts()[0] == 12 and services.objects.pending() == []
    toggles(page, "Objects")[0].set_value(False).run()
    assert not services.folders.all()[0].objects and services.objects.counts()[0] == 12


def test_text_is_asked_for_by_folder(page: AppTest, services: Services, photos: Path) -> None:
    written(colour_picture("red", (640, 480)), "Market Street", (60, 200), 60).save(photos / "sign.png")
    index(services, photos)
    toggles(page, "Text")[0].set_value(True).run()
    assert services.folders.all()[0].texts
    settled(page, services, "texts")
    assert services.texts.counts() == (13, 1) and services.texts.pending() == []
    toggles(page, "Text")[0].set_value(False).run()
    assert not services.folders.all()[0].texts and services.texts.counts() == (13, 1), "what was read stays"


def test_a_missing_photo_is_told_and_forgotten_only_after_asking(
    page: AppTest, services: Services, photos: Path
) -> None:
    (photos / "red.png").unlink()
    (photos / "blue.png").unlink()
    button(page, "Look now").click().run()
    settled(page, services)
    said = texts(page)
    assert "10 photos · 2 missing" in said and "2 photos are missing: their files are gone" in said
    button(page, "Forget 2 photos …").click().run()
    assert "The files of 2 photos were not there" in texts(page)
    button(page, "Keep everything").click().run()
    assert services.folders.missing() == 2
    button(page, "Forget 2 photos …").click().run()
    button(page, "Forget 2 photos").click().run()
    settled(page, services, "forget")
    assert services.folders.missing() == 0 and "are missing:" not in texts(page)


def test_an_unplugged_drive_is_one_badge(page: AppTest, services: Services, photos: Path) -> None:
    photos.rename(photos.with_name("away"))
    button(page, "Look now").click().run()
    settled(page, services)
    said = texts(page)
    assert "**Offline** – 12 photos hidden until it is back. Nothing is forgotten." in said and "Forget" not in said
    assert "Offline folders" in str([html.proto.body for html in page.get("html")])
    photos.with_name("away").rename(photos)
    button(page, "Look now").click().run()
    assert (
        settled(page, services).indexed == 0 and "Offline" not in texts(page) and "12 photos are back." in texts(page)
    )


def test_a_part_that_can_not_be_reached_is_told_and_not_forgotten(
    page: AppTest, services: Services, photos: Path
) -> None:
    nas = photos.with_name("nas")
    nas.mkdir()
    colour_picture("red", (61, 40)).save(nas / "on the nas.png")
    (photos / "nas").symlink_to(nas)
    index(services, photos)
    nas.rename(photos.with_name("away"))
    page.run()
    button(page, "Look now").click().run()
    settled(page, services)
    said = texts(page)
    assert "12 photos · :material/folder_off: 1 hidden: a part of it can't be reached" in said and "Forget" not in said


def test_what_photos_were_before_is_no_missing_photo(page: AppTest, services: Services, photos: Path) -> None:
    for name in ("red", "blue"):
        (photos / f"{name}.png").write_bytes((photos / f"{name}.png").read_bytes() + b"tags")
    (photos / "green.png").unlink()
    button(page, "Look now").click().run()
    settled(page, services)
    said = texts(page)
    assert "1 photo is missing: its file is gone" in said
    assert "2 earlier versions of photos that were changed since are kept, hidden." in said
    button(page, "Forget 1 photo and 2 earlier versions …").click().run()
    said = texts(page)
    assert (
        "The files of 1 photo were not there, looked for just now." in said
        and "the photos as they are now stay" in said
    )
    colour_picture("green", (60, 40)).save(photos / "green.png")
    page.run()
    button(page, "Forget 2 earlier versions").click().run()
    settled(page, services, "forget")
    assert services.folders.earlier() == 0 and services.folders.missing() == 1, (
        "it is there again, and back at the next look"
    )


def test_removing_an_offline_folder_says_so(page: AppTest, services: Services, photos: Path) -> None:
    photos.rename(photos.with_name("away"))
    button(page, "Look now").click().run()
    settled(page, services)
    button(page, "Remove").click().run()
    assert "It is offline." in "".join(warning.value for warning in page.warning)


def test_removing_a_folder_asks_first(page: AppTest, services: Services, photos: Path) -> None:
    button(page, "Remove").click().run()
    assert "The files themselves stay where they are." in texts(page) and "12 files" in texts(page)
    button(page, "Remove the folder").click().run()
    settled(page, services, "remove")
    assert services.catalog.counts()[0] == 0 and services.folders.all() == [] and len(list(photos.iterdir())) == 12
    bars = [one.proto.json for one in page.get("bidi_component") if one.proto.id.endswith("-undo-bar")]
    last = json.loads(bars[0])["text"]
    assert f"Folder “{photos}” removed: 12 photos put into the bin." == last
    services.curation.undo()
    page.run()
    assert services.catalog.counts()[0] == 12 and "12 photos · looked at" in texts(page)


def test_what_ended_before_the_page_was_drawn_again_is_told(
    page: AppTest, services: Services, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = services.jobs.queue

    def at_once(title: str, asked: Params) -> str:
        job = queue(title, asked)
        services.jobs.wait(job, 30)
        return job

    monkeypatch.setattr(services.jobs, "queue", at_once)
    button(page, "Remove").click().run()
    button(page, "Remove the folder").click().run()
    bars = [one.proto.json for one in page.get("bidi_component") if one.proto.id.endswith("-undo-bar")]
    assert json.loads(bars[0])["text"] == f"Folder “{photos}” removed: 12 photos put into the bin."


def test_a_paused_job_says_so_and_can_be_resumed(app: AppTest, services: Services, tmp_path: Path) -> None:
    for number in range(3):
        colour_picture("red", (40 + number, 40)).save(tmp_path / f"{number}.png")
    row = {"kind": "index", "title": "Adding many", "state": "paused", "params": json.dumps({"paths": [str(tmp_path)]})}
    services.catalog.jobs.put({"id": "job", "progress": None, "cancel": False, "pause": True, "attempts": 0, **row})
    page = goto(app.run(), "upload")
    assert [bar.proto.text for bar in page.get("progress")] == ["Paused"]
    button(page, "Resume").click().run()
    done = services.jobs.wait("job", 30)
    assert done is not None and (done.state, done.indexed) == ("done", 3)


def test_lines_of_paused_jobs() -> None:
    job = JobSnapshot("j", "index", "paused", "Adding", done=1200, total=5000)
    assert job_progress.progress_line(job) == "Paused at 1,200 of 5,000"


def test_the_check_up_tells_what_it_found(app: AppTest, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def examine(_: object) -> object:
        yield Finding("thumbnails", "3 thumbnails were missing.", True)
        yield Finding("uploads", "1 upload <b>can't</b> be read.", False)

    services.handlers["doctor"] = examine  # type: ignore[assignment]
    page = goto(app.run(), "about")
    button(page, "Check and repair").click().run()
    settled(page, services, "doctor")
    said = texts(page)
    assert (
        "3 thumbnails were missing. Repaired." in said and ":material/warning: 1 upload <b>can't</b> be read." in said
    )


def test_a_quiet_look_says_nothing_and_a_telling_one_does() -> None:
    quiet = JobSnapshot("j", "sync", "done", "Looking", already=12)
    assert job_progress.is_quiet(quiet)
    found = JobSnapshot("j", "sync", "done", "Looking", findings=(Finding("missing", "2 photos are no longer there."),))
    assert not job_progress.is_quiet(found) and "no longer" in job_progress.outcome(found)


def test_switches_belong_to_their_folder_whichever_row_it_is_in(
    app: AppTest, services: Services, tmp_path: Path
) -> None:
    for number, name in enumerate("abc"):
        (tmp_path / name).mkdir()
        colour_picture("red", (60 + number, 40)).save(tmp_path / name / "photo.png")
        index(services, tmp_path / name)
    page = goto(app.run(), "upload")
    before = [toggle.key for toggle in page.toggle]
    assert len(set(before)) == 3 * len(services.folders.all())
    first = services.folders.all()[0].path
    list(services.handlers["remove"]({"path": first}))
    after = [toggle.key for toggle in page.run().toggle]
    assert after == before[3:], "those of the others are the same"
