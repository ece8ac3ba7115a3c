"""Image search: an example picture, or a photo of the library."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.conftest import button, gallery, goto, heic, names, png, texts


@pytest.fixture
def page(app: AppTest, photos: Path) -> AppTest:
    return goto(app.run(), "image_search")


def drop(page: AppTest, name: str, data: bytes, mime: str = "image/png") -> AppTest:
    page.file_uploader[0].set_value((name, data, mime))
    return page.run()


def test_without_photos_it_says_how_to_add_some(app: AppTest) -> None:
    goto(app.run(), "image_search")
    assert "No photos yet" in texts(app)
    assert not app.file_uploader


def test_the_same_picture_comes_first(page: AppTest) -> None:
    drop(page, "mine.png", png("orange"))
    assert not page.exception
    assert names(page, "image-results")[0] == "orange.png"
    assert gallery(page, "image-results")[0]["band"] == "strong"
    assert "Photos that look like mine.png" in texts(page)


def test_heic_is_read(page: AppTest) -> None:
    drop(page, "phone.HEIC", heic("cyan"), "image/heic")
    assert names(page, "image-results")[0] == "cyan.png"


def test_the_slider_is_shared_with_text_search(page: AppTest) -> None:
    drop(page, "mine.png", png("red"))
    page.slider(key="results").set_value(2).run()
    assert len(gallery(page, "image-results")) == 2
    goto(page, "text_search")
    goto(page, "image_search")
    assert len(gallery(page, "image-results")) == 2


def test_another_picture_can_be_chosen(page: AppTest) -> None:
    drop(page, "mine.png", png("red"))
    assert not page.file_uploader
    button(page, "Choose another").click().run()
    drop(page, "other.png", png("blue"))
    assert names(page, "image-results")[0] == "blue.png"


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty.png", b"", "The file is empty."),
        ("notes.jpg", b"these are only words " * 50, "It is not a picture in a format that can be read."),
        ("cut.png", png("red")[:60], "damaged"),
    ],
)
def test_a_file_that_is_no_picture_gives_the_reason(page: AppTest, name: str, data: bytes, reason: str) -> None:
    drop(page, name, data)
    assert not page.exception
    assert len(page.error) == 1
    assert reason in texts(page)
    assert not [one for one in page.get("bidi_component") if one.proto.id.rpartition("-")[2] not in ("bar", "drop")]
    assert page.file_uploader, "another file can be dropped at once"


def test_find_similar_opens_this_tab_without_the_photo_itself(app: AppTest, photos: Path) -> None:
    app.run()
    first = gallery(app, "newest")[0]
    app.session_state["dialog"], app.session_state["photo"] = "photo", first["id"]
    app.run()
    button(app, "Find similar").click().run()
    assert not app.exception
    assert f"Photos that look like {first['name']}" in texts(app)
    assert first["name"] not in names(app, "image-results")
    assert len(gallery(app, "image-results")) == 11


def test_a_similar_photo_that_has_gone_is_told(app: AppTest, photos: Path) -> None:
    app.run()
    app.session_state["similar_to"] = "00000000-0000-5000-8000-000000000000"
    goto(app, "image_search")
    assert not app.exception
    assert "not in the library any more" in texts(app)
