"""Pages over a catalogue with rows of a wrong kind: each is drawn to its end, and what is good is on it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from src.runtime import Services
from tests.ui.conftest import goto, names, search, texts

RED, BLUE = (f"(SELECT image_id FROM files WHERE name = '{colour}.png')" for colour in ("red", "blue"))
ODD = {
    "an id that is a path": f"UPDATE images SET id = '/tmp/evil/holiday' WHERE id = {RED}",
    "its file": "UPDATE files SET image_id = '/tmp/evil/holiday' WHERE name = 'red.png'",
    "its vector": "UPDATE vectors SET id = '/tmp/evil/holiday' WHERE id NOT IN (SELECT id FROM images)",
    "facts": f"UPDATE images SET width = 'wide', bytes = x'00', added_at = 7 WHERE id = {BLUE}",
    "a year that no clock has": (
        "UPDATE images SET added_at = '0001-01-01T00:00:00+00:00', taken_at = 'never' WHERE width <> 'wide'"
    ),
    "a short vector": (
        "UPDATE vectors SET vector = x'003c' WHERE id = (SELECT image_id FROM files WHERE name = 'grey.png')"
    ),
    "a folder": "INSERT INTO folders (path, path_text, watched, objects) VALUES (x'2f7800', 5, 'often', 'x')",
    "progress": 'UPDATE jobs SET progress = \'{"done": "x"}\'',
    "a kind of job": "INSERT INTO jobs VALUES ('evil', 'evil', 5, 'running', '{', '{', 0, 0, 'many', 'never')",
    "a state of a job": "INSERT INTO jobs VALUES ('evil2', 'index', x'ff', 'evil', 7, 7, 0, 0, 0, '9999')",
    "a model": "UPDATE meta SET value = 'evil' WHERE key = 'active_model'",
    "a segmenter": "INSERT INTO meta VALUES ('segmenter', 'evil')",
}


def test_every_page_over_rows_of_a_wrong_kind(app: AppTest, services: Services, photos: Path) -> None:
    db = sqlite3.connect(services.settings.catalog_file)
    with db:
        for statement in ODD.values():
            db.execute(statement)
    db.close()
    app.run()
    search(app, "green")
    assert names(app, "results")[0] == "green.png" and {"red.png", "grey.png"}.isdisjoint(names(app, "results"))
    for mode in ("objects", "both", "images"):
        app.session_state["mode"] = mode
        assert not app.run().exception and not app.error, texts(app)
    for page in ("upload", "image_search", "about", "text_search"):
        goto(app, page)
        assert not app.exception and not app.error, texts(app)
        assert "Photos" in "".join(str(html.proto.body) for html in app.get("html")), "the sidebar is there"


@pytest.mark.parametrize("name", sorted(ODD))
def test_the_start_page_over_one_of_them(app: AppTest, services: Services, photos: Path, name: str) -> None:
    db = sqlite3.connect(services.settings.catalog_file)
    with db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute(ODD[name])
    db.close()
    app.run()
    assert not app.exception and not app.error, texts(app)
