"""The page that classifies photos, on the stand-in model: what is chosen, what waits, and what is suggested."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from src.api.routes import routes
from src.runtime import Services
from src.services.curation.suggestions import Suggestion
from src.ui.curation import suggested
from src.ui.page_ends import ENDS
from tests.fakes import COLOURS
from tests.ui.conftest import MAIN, goto, texts


@pytest.fixture
def page(app: AppTest, photos: Path) -> AppTest:
    assert photos
    return goto(app.run(), "labels")


def test_photos_are_classified_by_labels_of_ones_own_and_answered(page: AppTest, services: Services) -> None:
    page.selectbox(key="labels-list").set_value("own").run()
    assert "Type some labels" in texts(page) and not page.error
    page.text_area(key="labels-own").set_value("red, green >= 2").run()
    assert "is no label" in page.error[0].value or "no chance" in page.error[0].value
    page.text_area(key="labels-own").set_value("red, green, blue").run()
    assert f"Classify {len(COLOURS)} photos" in page.button(key="labels-start").label and not page.error
    page.button(key="labels-start").click().run()
    (job,) = [job for job in services.jobs.latest(3) if job.kind == "classify"]
    done = services.jobs.wait(job.id, 30)
    assert done is not None and done.state == "done" and not page.exception
    page.run()
    assert "Every photo was classified by these 3 labels." in texts(page)
    assert page.button(key="labels-start").disabled
    options = page.selectbox(key="labels-label").options
    assert {option.split(" – ")[0] for option in options} == {"red", "green", "blue"}
    assert "open" in options[0] and "Y accepts, N refuses." in texts(page)
    red, purple = (
        next(hit.id for hit in services.library.newest(99) if hit.name == f"{name}.png") for name in ("red", "purple")
    )
    services.curation.tag([red], ["red"])
    services.curation.refuse_tag([purple], "red")
    page.selectbox(key="labels-label").set_value("red").run()
    assert "learned from your answers: 1 yes and 1 no." in texts(page) and not page.exception
    goto(page, "about")
    assert goto(page, "labels").text_area(key="labels-own").value == "red, green, blue"
    fresh = goto(AppTest.from_file(str(MAIN), default_timeout=30).run(), "labels")
    assert fresh.selectbox(key="labels-list").value == "own", "a page that is loaded anew has what was asked for last"
    assert fresh.text_area(key="labels-own").value == "red\ngreen\nblue" and "Every photo was classified" in texts(
        fresh
    )
    page.button(key="labels-clear").click().run()
    assert not services.catalog.labels.counts() and not page.exception


def test_a_file_of_labels_fills_the_box_and_one_that_is_none_is_told(page: AppTest, services: Services) -> None:
    page.selectbox(key="labels-list").set_value("own").run()
    page.file_uploader(key="labels-file").set_value(("mine.txt", "\ufeffred\nBär 🐻\n".encode(), "text/plain")).run()
    assert page.text_area(key="labels-own").value == "red\nBär 🐻\n" and "By 2 labels" in texts(page)
    page.file_uploader(key="labels-file").set_value(("old.txt", "Bär".encode("latin-1"), "text/plain")).run()
    assert "old.txt can't be read as a list of labels." in texts(page) and not page.exception
    page.file_uploader(key="labels-file").set_value(("5001.txt", b"x\n" * 2_000_001, "text/plain")).run()
    assert "5001.txt is too large" in texts(page) and page.text_area(key="labels-own").value == "red\nBär 🐻\n"


def test_all_labels_are_saved_by_a_link_that_needs_no_script(page: AppTest, services: Services) -> None:
    red = next(hit.id for hit in services.library.newest(99) if hit.name == "red.png")
    services.catalog.labels.put("r", ["=1+1"], {red: {"=1+1": 0.75}})
    goto(page, "labels")
    link = next(one.proto for one in page.get("bidi_component") if one.proto.id.endswith("-labels-csv"))
    assert json.loads(link.json)["href"].endswith("/api/labels.csv")
    with TestClient(Starlette(routes=routes(lambda: services))) as client:
        answer = client.get("/api/labels.csv")
    assert "attachment" in answer.headers["content-disposition"]
    first, second = answer.content.decode("utf-8-sig").splitlines()
    assert first == "photo,label,probability" and second.endswith("red.png,'=1+1,0.75")


def test_an_empty_library_says_so_and_one_picture_can_still_be_told(app: AppTest) -> None:
    goto(app.run(), "labels")
    assert not app.exception and "No photos yet" in texts(app)
    assert "One picture" in texts(app) and "labels" in ENDS


def test_an_answer_for_a_photo_that_the_new_order_leaves_out_still_counts(
    page: AppTest, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [hit.id for hit in services.library.newest(3)]
    orders = iter([ids, ids[1:2]])
    session: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", session)
    monkeypatch.setattr(
        services.suggestions, "photos", lambda *_: [Suggestion(id_, 1.0, "answers") for id_ in next(orders)]
    )
    suggested.still_open(services, "x")
    services.curation.tag(ids[:1], ["x"])
    services.curation.refuse_tag(ids[1:2], "x")
    assert [one.image_id for one in suggested.still_open(services, "x")] == ids[1:2]
    session[suggested.KEY] = SimpleNamespace(
        answers={"tag": "x", "answers": [{"id": ids[2], "yes": True, "number": 9}]}
    )
    suggested._answer(services)
    assert set(services.catalog.marks.tagged("x")) == {ids[0], ids[2]}
