"""The text that was read in a photo, as the large view gets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from src.database.catalog.texts import TextRow
from src.runtime import Services
from src.schema.texts import TextLine

BOX = ((0.1, 0.2), (0.5, 0.2), (0.5, 0.3), (0.1, 0.3))


def photo_of(app: AppTest) -> dict[str, Any]:
    """What the component that draws one photo large is given."""
    found = next(element.proto for element in app.get("bidi_component") if element.proto.id.endswith("-photo-large"))
    photo: dict[str, Any] = json.loads(found.json)["photo"]
    return photo


def test_the_lines_go_to_the_browser_with_harmless_text_and_their_places() -> None:
    def script() -> None:
        from src.schema.texts import TextLine
        from src.ui.photos import gallery

        box = ((0.1, 0.2), (0.5, 0.2), (0.5, 0.3), (0.1, 0.3))
        gallery.show_photo("1", "a.jpg", [], (640, 480), lines=[TextLine("to\u202eday", box, 0.9)])

    app = AppTest.from_function(script, default_timeout=30).run()
    assert not app.exception
    line = {"text": "to\N{REPLACEMENT CHARACTER}day", "box": [list(corner) for corner in BOX], "found": False}
    assert photo_of(app)["lines"] == [line] and photo_of(app)["size"] == [640, 480]


def test_the_open_photo_has_the_lines_that_were_read_in_it(app: AppTest, photos: Path, services: Services) -> None:
    ids = [hit.id for hit in services.library.newest(2)]
    services.catalog.texts.put("recipe", [TextRow(ids[0], bytes(32), (TextLine("Market Street", BOX, 0.9),))])
    for image_id, texts in zip(ids, (["Market Street"], []), strict=True):
        app.session_state["dialog"], app.session_state["photo"] = "photo", image_id
        app.session_state["neighbours"] = ids
        app.run()
        assert not app.exception and [line["text"] for line in photo_of(app)["lines"]] == texts
