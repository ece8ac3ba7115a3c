"""What surrounds the pages: sidebar, models, clearing, quitting, the large view and errors."""

from __future__ import annotations

import dataclasses
import logging
import signal
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from src import bootstrap
from src.errors import LibraryBusy, WeightsMissing
from src.runtime import Services
from src.schema import JobSnapshot
from src.services.library.uploads import as_params
from src.ui import resources
from src.ui.frame import farewell
from src.ui.jobs import job_progress
from tests.fakes import colour_picture
from tests.ui.conftest import MAIN, button, gallery, goto, index, search, texts

PAGES = ("upload", "text_search", "image_search", "about", "collections", "history", "bin", "labels")


def facts(app: AppTest) -> str:
    """The sidebar's list, as the HTML it is."""
    return "".join(element.proto.body for element in app.sidebar.get("html"))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_runs_on_an_empty_library_and_on_a_full_one(
    app: AppTest, services: Services, page: str, request: Any
) -> None:
    goto(app.run(), page)
    assert not app.exception and not app.error
    request.getfixturevalue("photos")
    app.run()
    assert not app.exception and not app.error


def test_the_sidebar_tells_the_library_at_a_glance(app: AppTest, photos: Path) -> None:
    said = facts(app.run())
    for fact in (
        "<dt>Photos</dt><dd>12</dd>",
        "<dd>Built-in</dd>",
        "<dd>768</dd>",
        "<dt>Device</dt>",
        "<dt>Disk used</dt>",
    ):
        assert fact in said
    (mode,) = [control for control in app.get("button_group") if control.label == "Search in"]
    assert mode.value == "images"


def test_statistics_count_what_is_there(app: AppTest, photos: Path) -> None:
    goto(app.run(), "about")
    assert {metric.label: metric.value for metric in app.metric} | {"On disk": ""} == {
        "Photos": "12",
        "Files": "12",
        "Indexed": "12",
        "On disk": "",
    }
    jobs = next(table.value for table in app.dataframe if "Job" in table.value)
    assert jobs["Job"].tolist() == ["Adding photos"] and jobs["State"].tolist() == ["done"]


# ---------------------------------------------------------------- errors


def test_a_library_in_use_says_where_and_links_there(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(**_: object) -> Services:
        message = "The library is open in the app at http://127.0.0.1:8600 (process 77)."
        raise LibraryBusy(message, "Use that one, or quit it first.", address="http://127.0.0.1:8600")

    resources.close_services()
    monkeypatch.setattr(bootstrap, "build_services", busy)
    app.run()
    assert not app.exception
    assert "The library is open in the app at http://127.0.0.1:8600 (process 77)." in texts(app)
    assert app.get("link_button")[0].proto.url == "http://127.0.0.1:8600"
    assert [b.label for b in app.button] == ["Try again"]


def test_an_error_of_a_page_is_one_sentence_and_the_frame_stays(
    app: AppTest, photos: Path, services: Services, monkeypatch: Any
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise WeightsMissing("The weights of CLIP ViT-B/32 are not here.", "Put ViT-B-32.pt into data/weights.")

    monkeypatch.setattr(services.search, "search", missing)
    app.run()
    search(app, "red")
    assert not app.exception
    assert "The weights of CLIP ViT-B/32 are not here." in texts(app) and "Put ViT-B-32.pt into data/weights." in texts(
        app
    )
    assert button(app, "Clear database") and facts(app)


def test_a_surprise_is_left_to_the_page_boundary(
    app: AppTest, photos: Path, services: Services, monkeypatch: Any
) -> None:
    """The script catches AppError alone; what else happens reaches ``on_script_error``."""

    def surprise(*_: object, **__: object) -> None:
        raise ZeroDivisionError("/home/someone/secret")

    monkeypatch.setattr(services.search, "search", surprise)
    app.run()
    search(app, "red")
    assert len(app.exception) == 1 and not app.error
    assert "secret" not in str(app.exception[0].proto), "the settings keep details from the browser"


def test_the_page_boundary_logs_a_surprise_and_shows_only_its_kind(
    monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(resources.st, "error", lambda text, **_: shown.append(text))
    logging.getLogger("src").propagate = True
    with caplog.at_level(logging.ERROR, logger="src"):
        assert resources.log_surprise(ZeroDivisionError("/home/someone/secret")) is True
    assert "ZeroDivisionError" in shown[0] and "secret" not in shown[0]
    assert "/home/someone/secret" in caplog.text


# ---------------------------------------------------------------- clearing


def test_clearing_says_what_goes_and_does_it(app: AppTest, photos: Path, services: Services) -> None:
    app.run()
    button(app, "Clear database").click().run()
    said = texts(app)
    assert "12 photos go into the bin" in said and "1 folder is followed no more" in said and "uploaded" not in said
    assert "It can be undone until the bin is emptied" in said and "Your own photos in their folders stay" in said
    button(app, "Clear 12 photos").click().run()
    assert not app.exception
    assert services.catalog.counts() == (0, 0, 0)
    assert "No photos yet" in texts(app) and "<dt>Photos</dt><dd>0</dd>" in facts(app)
    assert len(list(photos.iterdir())) == 12


def test_a_clear_counts_uploaded_copies_that_are_in_folders_too(app: AppTest, photos: Path, services: Services) -> None:
    colour_picture("red", (70, 40)).save(photos / "mine.png")
    copy = services.uploads.save("mine.png", (photos / "mine.png").read_bytes())
    services.jobs.wait(services.jobs.submit("index", "Adding", files=as_params([copy])), 30)
    index(services, photos)
    button(app.run(), "Clear database").click().run()
    assert "1 uploaded copy is deleted, also in your folders." in texts(app)


def test_keeping_everything_closes_the_question(app: AppTest, photos: Path, services: Services) -> None:
    app.run()
    button(app, "Clear database").click().run()
    button(app, "Keep everything").click().run()
    assert "into the bin" not in texts(app)
    assert services.catalog.counts()[0] == 12


def test_clearing_cancels_what_runs_first(app: AppTest, photos: Path, services: Services, monkeypatch: Any) -> None:
    order: list[str] = []
    submit = services.jobs.submit
    monkeypatch.setattr(services.jobs, "cancel_all", lambda: order.append("cancel"))
    monkeypatch.setattr(
        services.jobs, "submit", lambda kind, title, **params: (order.append(kind), submit(kind, title, **params))[1]
    )
    app.run()
    button(app, "Clear database").click().run()
    button(app, "Clear 12 photos").click().run()
    assert order == ["cancel", "clear"]


# ---------------------------------------------------------------- the large view


def open_first(app: AppTest) -> dict[str, str]:
    app.run()
    items = gallery(app, "newest")
    app.session_state["dialog"], app.session_state["photo"] = "photo", items[0]["id"]
    app.session_state["neighbours"] = [item["id"] for item in items]
    app.run()
    assert not app.exception
    return items[0]


def large(app: AppTest) -> dict[str, Any]:
    import json

    found = next(element.proto for element in app.get("bidi_component") if element.proto.id.endswith("-photo-large"))
    photo: dict[str, Any] = json.loads(found.json)["photo"]
    return photo


def test_a_photo_is_shown_large_with_its_facts(app: AppTest, photos: Path) -> None:
    first = open_first(app)
    photo = large(app)
    assert photo["name"] == first["name"] and photo["src"] == f"/api/image/{first['id']}"
    told = dict(photo["facts"])
    assert told["Size"].startswith("60 × 40 pixels") and "PNG" in told["Size"]
    assert told["Where"] == str(photos / first["name"]) and told["Added"]
    assert photo["note"] is None


def test_next_and_previous_walk_the_gallery(app: AppTest, photos: Path) -> None:
    open_first(app)
    ids = app.session_state["neighbours"]
    assert button(app, "Previous").disabled
    button(app, "Next").click().run()
    assert large(app)["src"].endswith(ids[1])
    button(app, "Previous").click().run()
    assert large(app)["src"].endswith(ids[0])
    button(app, "Close").click().run()
    assert not any(element.proto.id.endswith("-photo-large") for element in app.get("bidi_component"))


def test_a_photo_whose_file_is_gone_says_so(app: AppTest, photos: Path) -> None:
    for file in photos.iterdir():
        file.unlink()
    open_first(app)
    assert "original file can't be found" in large(app)["note"]


def test_a_photo_that_left_the_library_is_told(app: AppTest, photos: Path) -> None:
    app.run()
    app.session_state["dialog"], app.session_state["photo"] = "photo", "00000000-0000-5000-8000-000000000000"
    app.run()
    assert not app.exception
    assert "not in the library any more" in texts(app)


# ---------------------------------------------------------------- models


def test_clip_can_be_downloaded_or_brought_by_hand(app: AppTest, services: Services, monkeypatch: Any) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(services.jobs, "submit", lambda kind, title, **params: asked.append((kind, params)) or "id")
    app.run()
    said = texts(app)
    assert (
        "https://openaipublic.azureedge.net/clip/models/" in said
        and "ViT-B-32.pt" in said
        and str(services.settings.weights_dir) in said
    )
    button(app, "Download (354 MB)").click().run()
    assert asked == [("download", {"model": "ViT-B/32"})]


def test_a_failed_download_shows_its_sentence(app: AppTest, services: Services, monkeypatch: Any) -> None:
    failed = JobSnapshot(
        "9",
        "download",
        "failed",
        "Downloading CLIP ViT-B/32",
        error="It could not be fetched. Put ViT-B-32.pt into data/weights.",
    )
    asked_for = {"9": {"model": "ViT-B/32"}}
    monkeypatch.setattr(services.jobs, "latest", lambda limit=5: [failed])
    monkeypatch.setattr(services.jobs, "params", lambda job_id: asked_for.get(job_id, {}))
    app.run()
    assert "The download did not work." in texts(
        app
    ) and "It could not be fetched. Put ViT-B-32.pt into data/weights." in texts(app)


def test_another_model_is_taken_by_a_job_and_the_old_one_serves_until_then(
    app: AppTest, photos: Path, services: Services, monkeypatch: Any
) -> None:
    statuses = services.library.model_statuses()
    there = [dataclasses.replace(status, available=True) for status in statuses]
    monkeypatch.setattr(services.library, "model_statuses", lambda: there)
    asked: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(services.jobs, "submit", lambda kind, title, **params: asked.append((kind, params)) or "id")
    app.run()
    button(app, "Use this model").click().run()
    assert asked == [("reindex", {"model": "ViT-B/32"})]
    assert services.library.active_model == "builtin"


# ---------------------------------------------------------------- quitting and sessions


def test_quit_says_goodbye_and_sends_the_signal_of_ctrl_c(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    monkeypatch.setattr(farewell, "GRACE", 0.01)
    monkeypatch.setattr(signal, "raise_signal", sent.append)
    app.run()
    button(app, "Quit").click().run()
    assert "You can close this tab." in texts(app)
    import time

    time.sleep(0.3)
    assert sent == [signal.SIGINT]


def test_a_job_that_ended_is_announced_once(app: AppTest, photos: Path, services: Services) -> None:
    app.run()
    app.session_state["watched"] = [next(job.id for job in services.jobs.latest(5) if job.kind == "index")]
    app.run()
    assert any("added 12 photos" in toast.value for toast in app.toast)
    app.run()
    assert not app.toast


@pytest.mark.parametrize(
    "kind", ["sync", "reindex", "objects", "export", "rebuild", "forget", "remove", "doctor", "download", "clear"]
)
def test_a_job_that_failed_says_why_until_it_is_put_away(
    app: AppTest, services: Services, monkeypatch: Any, kind: Any
) -> None:
    failed = JobSnapshot("77", kind, "failed", "Doing *it*", error="There is no space left. Free 2 GB.")
    real = services.jobs.snapshot
    monkeypatch.setattr(services.jobs, "snapshot", lambda id_: failed if id_ == "77" else real(id_))
    app.run()
    app.session_state["watched"] = ["77"]
    for page in PAGES:
        goto(app, page)
        assert not app.exception and not app.toast
        assert "Doing *it*** – There is no space left. Free 2 GB." in texts(app), page
    button(app, "Dismiss").click().run()
    assert "There is no space left" not in texts(app)
    goto(app, "about")
    assert "There is no space left" not in texts(app)


def test_an_export_that_fails_at_once_says_why(app: AppTest, photos: Path, services: Services, tmp_path: Path) -> None:
    """It has ended before the page is drawn again."""
    taken = tmp_path / "taken.txt"
    taken.write_text("mine")
    wait = services.jobs.submit

    def at_once(*args: Any, **params: Any) -> str:
        job_id = wait(*args, **params)
        assert services.jobs.wait(job_id, 30) is not None
        return job_id

    services.jobs.submit = at_once  # type: ignore[method-assign]
    search(app.run(), "red")
    next(box for box in app.text_input if box.key and box.key.startswith("export-place")).set_value(str(taken)).run()
    button(app, "Write it").click().run()
    app.run()
    last = services.jobs.latest(1)[0]
    assert last.kind == "export" and last.state == "failed" and last.error
    said = "Choose another name, or move it away."
    assert said in last.error and said in texts(app) and taken.read_text() == "mine"
    button(app, "Dismiss").click().run()
    assert said not in texts(app)


def test_jobs_that_are_not_worth_a_line_leave_no_empty_table(
    app: AppTest, services: Services, monkeypatch: Any
) -> None:
    quiet = JobSnapshot("5", "sync", "done", "Looking for changes")
    monkeypatch.setattr(services.jobs, "latest", lambda limit=5: [quiet])
    goto(app.run(), "about")
    assert "No jobs yet" in texts(app)
    assert not any("Job" in table.value for table in app.dataframe)


@pytest.mark.parametrize("page", PAGES)
def test_each_job_has_one_pair_of_buttons_on_a_page(
    app: AppTest, photos: Path, services: Services, monkeypatch: Any, page: str
) -> None:
    kinds = ("index", "sync", "export", "objects", "rebuild", "reindex", "download")
    running = [JobSnapshot(kind, kind, "running", f"Job {kind}", done=1, total=9) for kind in kinds]  # type: ignore[arg-type]
    monkeypatch.setattr(services.jobs, "active", lambda: running)
    goto(app.run(), page)
    assert not app.exception
    ids = [button.key.rsplit("-", 1)[1] for button in app.button if button.label == "Cancel" and button.key]
    assert sorted(ids) == sorted(kinds)
    ids = [button.key.rsplit("-", 1)[1] for button in app.button if button.label == "Pause" and button.key]
    assert sorted(ids) == sorted(set(kinds) - {"export"})


@pytest.mark.parametrize(
    ("done", "seconds", "told"),
    [(1, 100.0, "0.1 photos/s"), (3, 10.0, "0.3 photos/s"), (15, 10.0, "1.5 photos/s"), (480, 10.0, "48 photos/s")],
)
def test_a_slow_job_is_not_said_to_stand_still(done: int, seconds: float, told: str) -> None:
    line = job_progress.progress_line(
        JobSnapshot("1", "index", "running", "Adding", done=done, total=1_000, seconds=seconds)
    )
    assert f" {told}" in line and " 0 photos/s" not in line


def test_two_sessions_don_t_share_their_query(app: AppTest, photos: Path) -> None:
    other = AppTest.from_file(str(MAIN), default_timeout=30).run()
    app.run()
    search(app, "red")
    other.run()
    assert other.text_input(key="query").value == ""
