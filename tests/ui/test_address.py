"""What is in the address, as far as it shows without a browser: `tests/e2e/test_page.py` has the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from src.runtime import Services
from src.ui import address
from tests.ui.conftest import MAIN, button, choice, day, gallery, goto, names, search, texts


def opened(**parts: str) -> AppTest:
    """A new session at an address of these parts."""
    fresh = AppTest.from_file(str(MAIN), default_timeout=30)
    for part, value in parts.items():
        fresh.query_params[part] = value
    return fresh.run()


def parts(app: AppTest) -> dict[str, str]:
    return {part: value[0] if isinstance(value, list) else value for part, value in app.query_params.items()}


def test_a_new_tab_has_query_number_mode_and_filters_of_its_address(photos: Path) -> None:
    app = opened(q=f"red in:{photos}", n="3", **{"in": "both"})
    assert not app.exception
    assert len(gallery(app, "text-results")) == 3 and names(app, "text-results")[0] == "red.png"
    assert app.session_state["mode"] == "both" and button(app, f"Take away in:{photos}")
    assert parts(app) == {"q": f"red in:{photos}", "n": "3", "in": "both"}


def test_what_is_chosen_comes_into_the_address_and_what_is_usual_does_not(app: AppTest, photos: Path) -> None:
    search(app.run(), "red")
    assert parts(app) == {"q": "red"}
    app.slider(key="results").set_value(5).run()
    choice(app, "Folder").select(str(photos)).run()
    assert parts(app) == {"q": f"red in:{photos}", "n": "5"}
    button(app, f"Take away in:{photos}").click().run()
    app.slider(key="results").set_value(20).run()
    assert parts(app) == {"q": "red"}


def test_an_address_may_have_a_photo_open(photos: Path, services: Services) -> None:
    id_ = services.library.newest(3)[1].id
    app = opened(photo=id_)
    assert not app.exception and button(app, "Find similar")
    assert not button(app, "Next").disabled and not button(app, "Previous").disabled, (
        "it is one of the photos of the page"
    )
    app = opened(photo="../../etc/passwd")
    assert not app.exception and "not in the library any more" in texts(app)


@pytest.mark.parametrize("where", ["images", "both"])
def test_an_address_has_how_many_more_are_shown_of_its_search(photos: Path, where: str) -> None:
    app = opened(q="red", n="3", more="4", **{"in": where})
    assert len(names(app, "text-results")) == 7 and app.slider(key="results").value == 3
    search(app, "blue")
    assert len(names(app, "text-results")) == 3 and "more" not in parts(app)
    assert len(names(opened(q="red", n="3", more="-4"), "text-results")) == 3
    for more, number in (("9999", 12), ("10001", 3)):
        assert len(names(opened(q="red", n="3", more=more), "text-results")) == number


@pytest.mark.parametrize("value", ["0", "1001", "-1", "1e2", "٣", "9" * 5_000, "", "x"])
def test_a_number_that_makes_no_sense_is_the_usual_one(photos: Path, value: str) -> None:
    app = opened(q="red", n=value)
    assert not app.exception and app.slider(key="results").value == 20


@pytest.mark.parametrize(
    "nonsense", ["2024-02-31", "2024-13-01", "0001-01-01", "9999-12-31", "yesterday", "20240101x", "\0"]
)
def test_a_day_that_makes_no_sense_is_no_day(photos: Path, nonsense: str) -> None:
    app = opened(q=f"red date:{nonsense}")
    assert not app.exception and day(app, "Taken from").value is None


def at_image(**parts: str) -> AppTest:
    """Image search, come to by an address of these parts."""
    fresh = goto(opened(), "image_search")
    fresh.session_state["told"] = None  # as at a session's first run, which is always that of the first page here
    for part, value in parts.items():
        fresh.query_params[part] = value
    return fresh.run()


def test_a_box_in_a_photo_has_an_address(photos: Path, services: Services) -> None:
    first = services.library.newest(1)[0]
    app = at_image(like=first.id, box="5,6,40,30")
    assert not app.exception and f"Photos that look like this part of {first.name}" in texts(app)
    assert first.name not in names(app, "image-results") and parts(app) == {"like": first.id, "box": "5,6,40,30"}
    button(app, "Choose another").click().run()
    assert parts(app) == {} and app.file_uploader


NO_BOXES = [
    "5,6,40",
    "40,6,5,30",
    "0,0,61,40",
    "0,0,0,0",
    "-1,0,5,5",
    "1e1,0,5,5",
    "٣,0,5,5",
    "0,0,5," + "9" * 5_000,
    "x",
]


@pytest.mark.parametrize("box", NO_BOXES)
def test_a_box_that_makes_no_sense_is_none(photos: Path, services: Services, box: str) -> None:
    first = services.library.newest(1)[0]
    app = at_image(like=first.id, box=box)
    assert not app.exception and f"Photos that look like {first.name}" in texts(app)
    assert app.session_state["told"] == ("image", {"like": first.id}), "the browser is told of an address without it"
    assert at_image(box="5,6,40,30").session_state["told"] == ("image", {})


def test_a_query_too_long_for_a_link_is_left_out(app: AppTest, photos: Path) -> None:
    search(app.run(), "red")
    search(app, "red " * 300)
    assert parts(app) == {}
    goto(app, "about")
    goto(app, "text_search")
    assert app.text_input(key="query").value == "red " * 300


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://h:1/", "/api/x"),
        ("http://h:1/image", "/api/x"),
        ("http://h:1/photos/", "/photos/api/x"),
        ("http://h:1/photos/image", "/photos/api/x"),
        ("http://h:1/a/b/about", "/a/b/api/x"),
        ("http://h:1//evil.example/upload", "/evil.example/api/x"),
        (None, "/api/x"),
    ],
)
def test_pictures_are_asked_for_behind_the_path_of_the_pages(
    monkeypatch: pytest.MonkeyPatch, url: str | None, asked: str
) -> None:
    monkeypatch.setattr(type(st.context), "url", property(lambda _: url))
    assert address.on_server("/api/x") == asked
