"""What is said of the open photo: shown with who says it, changed by hand, deleted, and asked for again."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from src.database.catalog.descriptions import DescriptionRow
from src.runtime import Services
from src.schema.descriptions import DescribedObject, Description

CAT = Description("A *cat* asleep.", (DescribedObject("cat", "grey", "left, on a chair"), DescribedObject("window")))


@pytest.fixture
def opened(app: AppTest, photos: Path, services: Services) -> str:
    """Id of the photo that the app has open."""
    image_id = services.library.newest(1)[0].id
    services.store.put_descriptions([DescriptionRow(image_id, CAT, "llava:7b")], {})
    app.session_state["dialog"], app.session_state["photo"] = "photo", image_id
    app.session_state["neighbours"] = [image_id]
    return image_id


def words(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in (*app.markdown, *app.caption)).replace("\\", "")


def test_a_description_is_shown_changed_deleted_and_asked_for_again(
    app: AppTest, opened: str, services: Services
) -> None:
    app.run()
    assert not app.exception
    assert "A *cat* asleep." in words(app) and "In it: grey cat (left, on a chair), window" in words(app)
    assert "Written by a model, llava:7b" in words(app) and "It may be wrong." in words(app)

    app.button(key="describe").click().run()
    summary, things = app.text_area
    assert (summary.value, things.value) == ("A *cat* asleep.", "cat, grey, left, on a chair\nwindow")
    summary.set_value(" ")
    things.set_value("")
    button(app, "Keep the description").click().run()
    assert services.catalog.descriptions.of_image(opened).by_hand is False, "it says nothing"  # type: ignore[union-attr]
    summary, things = app.text_area
    summary.set_value("My cat Zorro.")
    things.set_value("cat, black\n\nchair")
    button(app, "Keep the description").click().run()
    said = services.catalog.descriptions.of_image(opened)
    assert said and said.by_hand
    assert said.description == Description("My cat Zorro.", (DescribedObject("cat", "black"), DescribedObject("chair")))
    assert "In your own words" in words(app) and "llava:7b" in words(app) and not app.text_area

    app.button(key="delete-description").click().run()
    assert "was deleted" in words(app) and "Zorro" not in words(app)
    app.button(key="describe-again").click().run()
    assert services.catalog.descriptions.of_image(opened) is None and services.descriptions.waiting() >= 1
    assert [one.kind for one in services.curation.history(3)] == ["describe-again", "delete-description", "describe"]


def button(app: AppTest, label: str) -> object:
    return next(one for one in app.button if one.label == label)
