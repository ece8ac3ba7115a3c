"""The page Insights as it is drawn, and the Library narrowed to what one of its bars stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from src.runtime import Services
from src.services.insights.service import NAMES
from src.ui.page_ends import ENDS
from tests.ui.conftest import button, goto, texts, told


def blocks(app: AppTest) -> dict[str, dict[str, Any]]:
    return {block["name"]: block for block in told(app, "insights")["blocks"] if block}


def test_an_empty_library_says_what_to_do(app: AppTest) -> None:
    goto(app.run(), "insights")
    assert not app.exception and "No photos yet" in texts(app) and button(app, "Add photos")
    assert {"insights"} <= set(ENDS)


def test_all_blocks_are_there_once_they_are_counted(app: AppTest, photos: Path, services: Services) -> None:
    services.insights.all()
    found = blocks(goto(app.run(), "insights"))
    assert list(found) == list(NAMES) and told(app, "insights")["library"] == "/library"
    bars = {bar["label"]: bar for bar in found["missing"]["bars"]}
    assert (bars["no tag"]["photos"], bars["no tag"]["query"]) == (12, "-has:tag")
    assert "24 photos" in found["alike"]["note"], "too few for groups, which is said"


def test_what_is_still_counted_is_drawn_when_it_is_there(app: AppTest, photos: Path, services: Services) -> None:
    goto(app.run(), "insights")
    assert not app.exception
    services.insights.all()
    assert list(blocks(app.run())) == list(NAMES)


def test_the_library_is_narrowed_to_a_set_and_opened_again(app: AppTest, photos: Path, services: Services) -> None:
    services.insights.block("unlike", 30)
    some = frozenset(services.browsing.listing("").ids[:3])
    services.insights._sets["unlike"] = {"unlike-all": ("Outliers", some)}
    goto(app.run(), "library")
    app.session_state["library_of"] = "unlike-all"
    app.run()
    assert told(app, "timeline")["listing"] == "/api/listing?q=&of=unlike-all"
    assert "Only 3 photos of **Outliers**" in texts(app)
    assert app.query_params["of"] in ("unlike-all", ["unlike-all"])
    button(app, "Show all photos").click().run()
    assert told(app, "timeline")["listing"] == "/api/listing?q=" and "of" not in app.query_params
    app.session_state["library_of"] = "alike-gone"
    app.run()
    assert "before the library changed" in texts(app) and not app.exception
