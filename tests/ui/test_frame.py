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
from src.bootstrap import Services
from src.errors import LibraryBusy, WeightsMissing
from src.schema import JobSnapshot
from src.ui import resources
from src.ui.components import farewell
from tests.ui.conftest import MAIN, button, gallery, goto, search, texts

PAGES = ("upload", "text_search", "image_search", "about")


def facts(app: AppTest) -> str:
    """The sidebar's list, as the HTML it is."""
    return "".join(element.proto.body for element in app.sidebar.get("html"))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_runs_on_an_empty_library_and_on_a_full_one(app: AppTest, services: Services, page: str, request: Any) -> None:
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
        raise LibraryBusy("The library is open in the app at http://127.0.0.1:8600 (process 77).", "Use that one, or quit it first.")

    resources.close_services()
    monkeypatch.setattr(bootstrap, "build_services", busy)
    app.run()
    assert not app.exception
    assert "The library is open in the app at http://127.0.0.1:8600 (process 77)." in texts(app)
    assert app.get("link_button")[0].proto.url == "http://127.0.0.1:8600"
    assert [b.label for b in app.button] == ["Try again"]


def test_an_error_of_a_page_is_one_sentence_and_the_frame_stays(app: AppTest, photos: Path, services: Services, monkeypatch: Any) -> None:
    def missing(*_: object, **__: object) -> None:
        raise WeightsMissing("The weights of CLIP ViT-B/32 are not here.", "Put ViT-B-32.pt into data/weights.")

    monkeypatch.setattr(services.search, "search", missing)
    app.run()
    search(app, "red")
    assert not app.exception
    assert "The weights of CLIP ViT-B/32 are not here." in texts(app) and "Put ViT-B-32.pt into data/weights." in texts(app)
    assert button(app, "Clear database") and facts(app)


def test_a_surprise_is_left_to_the_page_boundary(app: AppTest, photos: Path, services: Services, monkeypatch: Any) -> None:
    """The script catches AppError alone; what else happens reaches ``on_script_error``."""

    def surprise(*_: object, **__: object) -> None:
        raise ZeroDivisionError("/home/someone/secret")

    monkeypatch.setattr(services.search, "search", surprise)
    app.run()
    search(app, "red")
    assert len(app.exception) == 1 and not app.error
    assert "secret" not in str(app.exception[0].proto), "the settings keep details from the browser"


def test_the_page_boundary_logs_a_surprise_and_shows_only_its_kind(monkeypatch: Any, caplog: pytest.LogCaptureFixture) -> None:
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
    assert "The library forgets 12 photos" in said and "12 thumbnails" in said and "uploaded copies: there are none" in said
    assert "Your own photos in their folders stay" in said
    button(app, "Clear 12 photos").click().run()
    assert not app.exception
    assert services.catalog.counts() == (0, 0, 0)
    assert "No photos yet" in texts(app) and "<dt>Photos</dt><dd>0</dd>" in facts(app)
    assert len(list(photos.iterdir())) == 12


def test_keeping_everything_closes_the_question(app: AppTest, photos: Path, services: Services) -> None:
    app.run()
    button(app, "Clear database").click().run()
    button(app, "Keep everything").click().run()
    assert "The library forgets" not in texts(app)
    assert services.catalog.counts()[0] == 12


def test_clearing_cancels_what_runs_first(app: AppTest, photos: Path, services: Services, monkeypatch: Any) -> None:
    order: list[str] = []
    submit = services.jobs.submit
    monkeypatch.setattr(services.jobs, "cancel_all", lambda: order.append("cancel"))
    monkeypatch.setattr(services.jobs, "submit", lambda kind, title, **params: (order.append(kind), submit(kind, title, **params))[1])
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
        "https://openaipublic.azureedge.net/clip/models/" in said and "ViT-B-32.pt" in said and str(services.settings.weights_dir) in said
    )
    button(app, "Download (354 MB)").click().run()
    assert asked == [("download", {"model": "ViT-B/32"})]


def test_a_failed_download_shows_its_sentence(app: AppTest, services: Services, monkeypatch: Any) -> None:
    failed = JobSnapshot(
        "9", "download", "failed", "Downloading CLIP ViT-B/32", error="It could not be fetched. Put ViT-B-32.pt into data/weights."
    )
    monkeypatch.setattr(services.jobs, "latest", lambda limit=5: [failed])
    app.run()
    assert "The download did not work." in texts(app) and "It could not be fetched. Put ViT-B-32.pt into data/weights." in texts(app)


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
    app.session_state["watched"] = [services.jobs.latest(1)[0].id]
    app.run()
    assert any("added 12 photos" in toast.value for toast in app.toast)
    app.run()
    assert not app.toast


def test_two_sessions_don_t_share_their_query(app: AppTest, photos: Path) -> None:
    other = AppTest.from_file(str(MAIN), default_timeout=30).run()
    app.run()
    search(app, "red")
    other.run()
    assert other.text_input(key="query").value == ""
