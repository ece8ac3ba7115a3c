"""The parts of a search under its box: each can be changed, and the text says what was changed."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from src.runtime import Services
from src.services.search.language import parse, written
from tests.ui.conftest import button, gallery, goto, index, names, search, texts
from tests.ui.test_filters import album, shot, text


def opened(app: AppTest, number: int, query: str = "query") -> AppTest:
    """As a click on that part does."""
    app.session_state[f"{query}-chip-{number}"] = True
    return app.run()


def field(app: AppTest, number: int, name: str, query: str = "query") -> Any:
    key = f"{query}-chip-{number}-{name}"
    kinds = (app.text_input, app.checkbox, app.selectbox, app.multiselect, app.number_input, app.date_input)
    return next(element for kind in kinds for element in kind if element.key == key)


def fields(app: AppTest) -> int:
    """How many fields are drawn for parts of the search."""
    kinds = (app.text_input, app.checkbox, app.selectbox, app.multiselect, app.number_input, app.date_input)
    return sum("-chip-" in str(element.key) for kind in kinds for element in kind)


def is_understood(app: AppTest) -> bool:
    return not app.exception and written(parse(text(app))) == text(app)


def test_only_what_is_open_is_drawn(app: AppTest, photos: Path) -> None:
    search(app.run(), "red -blue rating:5 sort:date")
    assert fields(app) == 0
    assert fields(opened(app, 0)) == 4


def test_words_become_wanted_a_phrase_and_of_more_weight(app: AppTest, photos: Path) -> None:
    search(app.run(), "red -blue")
    field(opened(app, 0), 0, "words").set_value("dark  green").run()
    assert text(app) == 'red -"dark green"' and is_understood(app)
    assert field(app, 0, "phrase").value, "it stays open"
    field(app, 0, "not").uncheck().run()
    assert text(app) == 'red "dark green"' and is_understood(app)
    field(app, 0, "weight").set_value(2.5).run()
    assert text(app) == 'red "dark green"^2.5' and is_understood(app)
    field(app, 0, "weight").set_value(1.0).run()
    field(app, 0, "phrase").uncheck().run()
    assert text(app) == "red dark green" and is_understood(app)
    assert fields(app) == 0, "plain words are no part of their own"


def test_another_camera_one_more_and_none_of_both(
    app: AppTest, photos: Path, services: Services, tmp_path: Path
) -> None:
    for colour, model in (("red", "D300"), ("blue", "EOS 5D"), ("green", "iPhone 12")):
        shot(tmp_path / "shots" / f"shot-{colour}.jpg", colour, model, 100)
    index(services, tmp_path / "shots")
    list(services.handlers["facts"]({}))
    search(app.run(), "something red camera:D300 in:shots")
    camera = field(opened(app, 0), 0, "value")
    assert camera.options == ["D300 (1)", "EOS 5D (1)", "iPhone 12 (1)"] and camera.value == "D300"
    camera.select("EOS 5D").run()
    assert text(app) == 'something red camera:"EOS 5D" in:shots' and names(app, "text-results") == ["shot-blue.jpg"]
    assert field(app, 0, "value").value == "EOS 5D" and field(app, 0, "or").value is None
    field(app, 0, "or").select("iPhone 12").run()
    assert text(app) == 'something red camera:"EOS 5D"|"iPhone 12" in:shots' and is_understood(app)
    assert sorted(names(app, "text-results")) == ["shot-blue.jpg", "shot-green.jpg"]
    field(app, 0, "not").check().run()
    assert text(app).startswith("something red -camera:") and names(app, "text-results") == ["shot-red.jpg"]
    field(app, 0, "values").set_value(["iPhone 12"]).run()
    assert sorted(names(app, "text-results")) == ["shot-blue.jpg", "shot-red.jpg"] and is_understood(app)


def test_days_and_a_year(app: AppTest, photos: Path, services: Services, tmp_path: Path) -> None:
    index(services, album(tmp_path / "holidays", {"red": "2024-05-01", "blue": "2024-05-20", "green": "2025-01-01"}))
    search(app.run(), "sort:name date:2024")
    opened(app, 0)
    days = [field(app, 0, end).value for end in ("first", "last")]
    assert days == [datetime.date(2024, 1, 1), datetime.date(2024, 12, 31)]
    field(app, 0, "first").set_value(datetime.date(2024, 5, 2)).run()
    assert text(app) == "date:2024-05-02..2024-12-31 sort:name" and names(app, "text-results") == ["holidays-blue.jpg"]
    assert field(app, 0, "year").options == ["2025 (1)", "2024 (2)"]
    field(app, 0, "year").select("2025").run()
    assert text(app) == "date:2025 sort:name" and names(app, "text-results") == ["holidays-green.jpg"]
    search(app, "before:2025")
    field(opened(app, 0), 0, "last").set_value(datetime.date(2024, 5, 10)).run()
    assert text(app) == "before:2024-05-11" and names(app, "text-results") == ["holidays-red.jpg"]


def test_a_number_is_compared_otherwise_and_nonsense_is_told(app: AppTest, photos: Path) -> None:
    search(app.run(), "red width:>=10")
    opened(app, 0)
    field(app, 0, "first").set_value("many").run()
    assert text(app) == "red width:>=10" and "is no number" in texts(app) and field(app, 0, "first").value == "many"
    field(app, 0, "first").set_value("60").run()
    assert text(app) == "red width:>=60" and "is no number" not in texts(app) and len(names(app, "text-results")) == 12
    field(app, 0, "sign").select(">").run()
    assert text(app) == "red width:>60" and "No photo passes the filters" in texts(app)
    field(app, 0, "sign").select("..").run()
    field(app, 0, "last").set_value("70").run()
    assert text(app) == "red width:60..70" and len(names(app, "text-results")) == 12 and is_understood(app)
    field(app, 0, "first").set_value("").run()
    assert text(app) == "red width:..70"
    field(app, 0, "last").set_value("").run()
    assert text(app) == "red" and fields(app) == 0


def test_another_order(app: AppTest, photos: Path) -> None:
    search(app.run(), "sort:name")
    field(opened(app, 0), 0, "order").select("-name").run()
    assert text(app) == "sort:-name" and names(app, "text-results") == sorted(names(app, "text-results"), reverse=True)


def test_a_photo_that_others_are_like_is_shown_and_can_be_what_they_are_not_like(app: AppTest, photos: Path) -> None:
    search(app.run(), "red")
    photo, name = gallery(app, "text-results")[0]["id"], names(app, "text-results")[0]
    search(app, f"blue similar:{photo}")
    assert button(app, f"Take away similar:{name}")
    field(opened(app, 0), 0, "not").check().run()
    assert text(app) == f"blue -similar:{photo}" and is_understood(app)
    assert button(app, f"Take away -similar:{name}")


def test_a_typed_text_is_kept_letter_by_letter(app: AppTest, photos: Path) -> None:
    for value in ('"5\\* best"', "a*", '"two words"'):
        search(app.run(), f"name:{value}")
        shown = field(opened(app, 0), 0, "value").value
        field(app, 0, "value").set_value("other").run()
        assert text(app) == "name:other"
        field(app, 0, "value").set_value(shown).run()
        assert text(app) == f"name:{value}" and is_understood(app)


def test_a_part_that_is_gone_takes_no_other_with_it(app: AppTest, photos: Path) -> None:
    search(app.run(), "red -blue -green rating:5")
    opened(app, 2)
    button(app, "Take away -blue").click().run()
    assert text(app) == "red -green rating:5" and not app.exception
    button(app, "Take away rating:5").click().run()
    assert text(app) == "red -green" and fields(app) == 0


def test_beside_a_picture_they_are_changed_too(app: AppTest, photos: Path) -> None:
    search(app.run(), "red")
    app.session_state["similar_to"] = gallery(app, "text-results")[0]["id"]
    goto(app, "image_search")
    app.text_input(key="image-query").set_value("-blue")
    button(app, "Search").click().run()
    field(opened(app, 0, "image-query"), 0, "words", "image-query").set_value("green").run()
    assert app.text_input(key="image-query").value == "-green" and text_of_page(app) == ""


def text_of_page(app: AppTest) -> str:
    """What went wrong, as the page says it."""
    return "\n".join(str(error.value) for error in app.error)
