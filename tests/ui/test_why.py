"""Why a photo is a result, as the page's scripts get it: on its tile, and open."""

from __future__ import annotations

import json
from pathlib import Path

from streamlit.testing.v1 import AppTest

from src.database.catalog.texts import TextRow
from src.runtime import Services
from src.schema import Reason
from src.schema.texts import TextLine
from src.services.search import why
from tests.ui.conftest import gallery, goto, search
from tests.ui.test_photo_text import photo_of

BOX = ((0.1, 0.2), (0.5, 0.3), (0.4, 0.5), (0.0, 0.4))


def test_words_are_told_in_pieces_and_what_is_harmful_in_them_is_shown() -> None:
    reasons = [
        Reason("words", "tags", "a \u202ebeach<b>", ((3, 8),)),
        Reason("words", "text", "SALE 50 %", ((0, 4),), BOX),
        Reason("image"),
        Reason("description", "description", "a dog"),
    ]
    assert why.told(reasons) == [
        {"label": "Its tag", "pieces": [["a \N{REPLACEMENT CHARACTER}", False], ["beach", True], ["<b>", False]]},
        {"label": "Text in it", "pieces": [["SALE", True], [" 50 %", False]]},
        {"label": "What it shows", "pieces": []},
        {"label": "Its description", "pieces": [["a dog", False]]},
    ]
    assert why.boxes(reasons) == [[0.0, 0.2, 0.5, 0.5]]


def test_a_result_says_why_on_its_tile_and_when_it_is_open(app: AppTest, photos: Path, services: Services) -> None:
    one = next(hit.id for hit in services.library.newest(20) if hit.name == "green.png")
    services.curation.tag([one], ["Beach holidays"])
    lines = (TextLine("Closed", BOX, 0.9), TextLine("To the beach", BOX[::-1], 0.9))  # type: ignore[arg-type]
    services.catalog.texts.put("recipe", [TextRow(one, bytes(32), lines)])
    app.run()
    search(app, "beach")
    first = gallery(app, "text-results")[0]
    tag = {"label": "Its tag", "pieces": [["Beach", True], [" holidays", False]]}
    assert first["id"] == one and first["why"] == [tag] and "lines" not in first, "its tag weighs more than text in it"
    search(app, "text:beach")
    first = gallery(app, "text-results")[0]
    assert first["lines"] == [[0.0, 0.2, 0.5, 0.5]] and json.dumps(first["why"]).count("true") == 1
    app.session_state["dialog"], app.session_state["photo"] = "photo", one
    app.run()
    photo = photo_of(app)
    assert [line["found"] for line in photo["lines"]] == [False, True]
    assert photo["why"] == [{"label": "Text in it", "pieces": [["To the ", False], ["beach", True]]}]
    goto(app, "library")
    app.session_state["dialog"], app.session_state["photo"], app.session_state["neighbours"] = "photo", one, []
    app.run()
    assert photo_of(app)["why"] == [], "elsewhere it is no result"
