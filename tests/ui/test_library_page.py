"""The tab Library as far as it shows without a browser; ``tests/e2e/test_library_page.py`` has the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from src.runtime import Services
from tests.ui.conftest import button, goto, texts, told


def timeline(app: AppTest) -> dict[str, Any]:
    """What the page's script is told."""
    return told(app, "timeline")


def narrowed(app: AppTest, text: str) -> AppTest:
    app.text_input(key="library-query").set_value(text)
    return button(app, "Search").click().run()


def test_an_empty_library_says_what_to_do(app: AppTest) -> None:
    goto(app.run(), "library")
    assert not app.exception and "No photos yet" in texts(app) and button(app, "Add photos")


def test_the_page_is_told_where_the_photos_are_and_not_which(app: AppTest, photos: Path, services: Services) -> None:
    page = timeline(goto(app.run(), "library"))
    assert page["listing"] == "/api/listing?q=" and page["version"] == services.browsing.version()
    assert page["grouped"] and len(json.dumps(page)) < 3_000
    assert services.library.newest(1)[0].id not in json.dumps(page)


def test_filters_of_the_box_narrow_the_library_and_are_in_the_address(app: AppTest, photos: Path) -> None:
    goto(app.run(), "library")
    page = timeline(narrowed(app, "date:2024 camera:nikon sort:name"))
    assert page["listing"] == "/api/listing?q=date%3A2024+camera%3Anikon+sort%3Aname" and not page["grouped"]
    assert page["chosen"] == {"date": "2024", "in": None, "camera": "nikon", "album": None, "tag": None, "place": None}
    assert app.query_params["q"] in ("date:2024 camera:nikon sort:name", ["date:2024 camera:nikon sort:name"])
    button(app, "Take away camera:nikon").click().run()
    assert timeline(app)["chosen"]["camera"] is None


def test_words_are_handed_on_to_the_text_search(app: AppTest, photos: Path) -> None:
    goto(app.run(), "library")
    narrowed(app, "red date:2024")
    assert "words are looked for in a search" in texts(app)
    button(app, "Search for them").click().run()
    assert not app.exception and app.text_input(key="query").value == "red date:2024"


def test_an_open_photo_has_its_neighbours_in_the_listing(app: AppTest, photos: Path, services: Services) -> None:
    goto(app.run(), "library")
    ids = services.browsing.listing("").ids
    app.session_state["dialog"], app.session_state["photo"] = "photo", ids[0]
    app.run()
    assert button(app, "Previous").disabled and not button(app, "Next").disabled
    button(app, "Next").click().run()
    assert app.session_state["photo"] == ids[1]
