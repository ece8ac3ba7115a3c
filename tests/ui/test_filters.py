"""Filters: choices with the mouse and what is typed are one and the same text."""

from __future__ import annotations

import datetime
import threading
import time
from pathlib import Path

import pytest
from PIL import ExifTags, Image
from streamlit.testing.v1 import AppTest

from src.runtime import Services
from src.schema.conditions import STAR
from src.services.search import vocabulary
from src.services.search.language import parse, written
from src.ui.search import filter_panel, understood
from tests.fakes import colour_picture
from tests.ui.conftest import MAIN, button, choice, day, gallery, goto, index, names, search, texts


def album(folder: Path, taken: dict[str, str]) -> Path:
    """A folder with one JPEG of each colour, taken on its day."""
    folder.mkdir()
    for colour, taken_on in taken.items():
        exif = Image.Exif()
        exif[0x0132] = f"{taken_on.replace('-', ':')} 12:00:00"
        colour_picture(colour, (60, 41)).save(folder / f"{folder.name}-{colour}.jpg", exif=exif)
    return folder


def text(app: AppTest) -> str:
    return str(app.text_input(key="query").value)


def take_away(app: AppTest, part: str) -> None:
    button(app, f"Take away {part}").click().run()


def test_choices_are_written_into_the_query_and_narrow_the_search(
    app: AppTest, photos: Path, services: Services, tmp_path: Path
) -> None:
    index(services, album(tmp_path / "holidays", {"red": "2024-05-01", "blue": "2024-05-20", "green": "2025-01-01"}))
    app.run()
    search(app, "something red")
    assert "of 15 photos" in texts(app)
    choice(app, "Folder").select(str(tmp_path / "holidays")).run()
    assert text(app) == f"something red in:{tmp_path / 'holidays'}" and "3 of 3 photos" in texts(app)
    assert sorted(names(app, "text-results")) == ["holidays-blue.jpg", "holidays-green.jpg", "holidays-red.jpg"]
    day(app, "Taken from").set_value(datetime.date(2024, 5, 2)).run()
    day(app, "Taken until").set_value(datetime.date(2024, 12, 31)).run()
    assert names(app, "text-results") == ["holidays-blue.jpg"] and "date:2024-05-02..2024-12-31" in text(app)
    take_away(app, "date:2024-05-02..2024-12-31")
    assert len(names(app, "text-results")) == 3 and day(app, "Taken from").value is None
    take_away(app, f"in:{tmp_path / 'holidays'}")
    assert text(app) == "something red" and choice(app, "Folder").value is None


def test_beside_a_picture_words_and_filters_may_stand_too(
    app: AppTest, photos: Path, services: Services, tmp_path: Path
) -> None:
    index(services, album(tmp_path / "holidays", {"red": "2024-05-01", "blue": "2024-05-20"}))
    app.run()
    search(app, "red")
    app.session_state["similar_to"] = gallery(app, "text-results")[0]["id"]
    goto(app, "image_search")
    assert len(names(app, "image-results")) == 13, "what the other page asks is not asked here"
    app.text_input(key="image-query").set_value("in:holidays -blue")
    app.button(key="search").click().run()
    assert names(app, "image-results") == ["holidays-red.jpg"]
    take_away(app, "-blue")
    assert len(names(app, "image-results")) == 2 and app.text_input(key="image-query").value == "in:holidays"


def test_a_filter_that_nothing_passes_says_so(app: AppTest, photos: Path) -> None:
    app.run()
    search(app, "red")
    day(app, "Taken until").set_value(datetime.date(1999, 1, 1)).run()
    assert "No photo passes the filters" in texts(app) and not app.exception
    take_away(app, "date:..1999-01-01")
    assert len(names(app, "text-results")) == 12


def test_of_two_days_the_earlier_is_the_first(app: AppTest, photos: Path) -> None:
    app.run()
    search(app, "red")
    day(app, "Taken from").set_value(datetime.date(2016, 1, 1)).run()
    day(app, "Taken until").set_value(datetime.date(2015, 1, 1)).run()
    assert text(app) == "red date:2015-01-01..2016-01-01" and not app.exception


def test_a_folder_that_is_removed_stays_in_the_query_until_it_is_taken_away(
    app: AppTest, photos: Path, services: Services, tmp_path: Path
) -> None:
    index(services, album(tmp_path / "holidays", {"red": "2024-05-01"}))
    app.run()
    search(app, "something red")
    choice(app, "Folder").select(str(tmp_path / "holidays")).run()
    assert names(app, "text-results") == ["holidays-red.jpg"]
    services.jobs.wait(services.jobs.submit("remove", "Removing", path=str(tmp_path / "holidays")), 30)
    app.run()
    assert not app.exception and "No photo passes the filters" in texts(app)
    take_away(app, f"in:{tmp_path / 'holidays'}")
    assert len(names(app, "text-results")) == 12


def shot(path: Path, colour: str, model: str, iso: int) -> None:
    """A picture that names its camera."""
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = model
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ISOSpeedRatings] = iso
    path.parent.mkdir(exist_ok=True)
    colour_picture(colour, (60, 41)).save(path, exif=exif)


def test_a_camera_a_shape_and_typed_facts_narrow_the_search(
    app: AppTest, photos: Path, services: Services, tmp_path: Path
) -> None:
    for colour, model, iso in (("red", "D300", 100), ("blue", "D300", 800), ("green", "iPhone 12", 800)):
        shot(tmp_path / "shots" / f"shot-{colour}.jpg", colour, model, iso)
    index(services, tmp_path / "shots")
    list(services.handlers["facts"]({}))
    search(app.run(), "something red")
    choice(app, "Camera").select("D300").run()
    assert sorted(names(app, "text-results")) == ["shot-blue.jpg", "shot-red.jpg"]
    search(app, f"{text(app)} iso:500..1000 width:60")
    assert names(app, "text-results") == ["shot-blue.jpg"]
    choice(app, "It is").select("portrait").run()
    assert "No photo passes the filters" in texts(app)
    search(app, 'green camera:"iPhone 12"')
    assert names(app, "text-results") == ["shot-green.jpg"]
    assert choice(app, "Camera").value == "iPhone 12", "the choices follow what is typed"


def test_what_is_no_filter_gets_one_sentence_and_counts_as_words(app: AppTest, photos: Path) -> None:
    search(app.run(), "red rateing:5")
    assert "did you mean “rating:”?" in texts(app) and not app.exception
    assert names(app, "text-results")[0] == "red.png"


def test_an_order_without_words_lists_all_photos(app: AppTest, photos: Path) -> None:
    app.run()
    choice(app, "Order").select("name").run()
    assert text(app) == "sort:name" and names(app, "text-results") == sorted(names(app, "text-results"))
    assert len(names(app, "text-results")) == 12 and "band" not in gallery(app, "text-results")[0]


def test_choices_tell_how_many_photos_each_would_leave(
    app: AppTest, photos: Path, services: Services, tmp_path: Path
) -> None:
    for colour, model, iso in (("red", "D300", 100), ("blue", "D300", 800), ("green", "iPhone 12", 800)):
        shot(tmp_path / "shots" / f"shot-{colour}.jpg", colour, model, iso)
    index(services, tmp_path / "shots")
    list(services.handlers["facts"]({}))
    search(app.run(), "something red iso:800")
    assert counted(app, services, "Camera") == ["D300 (1)", "iPhone 12 (1)"]
    choice(app, "Camera").select("D300").run()
    assert counted(app, services, "Camera") == ["D300 (1)", "iPhone 12 (1)"], "its own choice does not narrow it"
    assert counted(app, services, "It is") == ["portrait (0)", "landscape (1)", "square (0)", "favourite (0)"]
    assert choice(app, "Camera").value == "D300"
    search(app, "something red")
    assert counted(app, services, "Camera") == ["D300 (2)", "iPhone 12 (1)"]
    assert counted(app, services, "Format") == ["PNG (12)", "JPEG (3)"]
    assert counted(app, services, "Folder") == [f"{photos} (12)", f"{tmp_path / 'shots'} (3)"]
    assert "Tag" not in [each.label for each in app.selectbox], "no photo has any"
    choice(app, "Format").select("PNG").run()
    assert text(app) == "something red format:PNG" and len(names(app, "text-results")) == 12
    assert counted(app, services, "Format") == ["PNG (12)", "JPEG (3)"]
    assert "Camera" not in [each.label for each in app.selectbox], "no PNG has any"


def test_what_is_still_being_counted_has_no_number(
    app: AppTest, photos: Path, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary, "PATIENCE", 0.0)
    halt = threading.Event()
    monkeypatch.setattr(services.vocabulary, "_count", lambda *_: halt.wait(20) and None)
    search(app.run(), "red")
    assert choice(app, "It is").options == ["portrait", "landscape", "square", "favourite"]
    assert choice(app, "Camera").disabled and choice(app, "Camera").options == []
    halt.set()
    choice(app, "It is").select("landscape").run()
    assert text(app) == "red is:landscape" and not app.exception


def counted(app: AppTest, services: Services, label: str) -> list[str]:
    """The options of a choice, once all are counted."""
    reading = parse(text(app))
    while services.vocabulary.counting(reading, filter_panel.COUNTED):
        time.sleep(0.01)
    app.run()
    return list(choice(app, label).options)


def test_a_folder_with_a_star_in_its_name_is_that_folder(app: AppTest, services: Services, tmp_path: Path) -> None:
    for number, name in enumerate(("5* best", "5 other best")):
        (tmp_path / name).mkdir()
        colour_picture("red", (60 + number, 40)).save(tmp_path / name / f"{number}.png")
        index(services, tmp_path / name)
    search(app.run(), "red")
    choice(app, "Folder").select(str(tmp_path / "5* best").replace("*", STAR)).run()
    assert text(app) == f'red in:"{tmp_path}/5\\* best"' and names(app, "text-results") == ["0.png"]
    assert button(app, f'Take away in:"{tmp_path}/5\\* best"')


def test_facts_are_in_the_address_and_on_the_photo(photos: Path, services: Services, tmp_path: Path) -> None:
    shot(tmp_path / "shots" / "shot-red.jpg", "red", "D300", 100)
    index(services, tmp_path / "shots")
    list(services.handlers["facts"]({}))
    fresh = AppTest.from_file(str(MAIN), default_timeout=30)
    fresh.query_params["q"] = "red camera:D300 iso:<=100"
    fresh.run()
    assert names(fresh, "text-results") == ["shot-red.jpg"]
    known = dict(services.facts.of(gallery(fresh, "text-results")[0]["id"]))
    assert known["Camera"] == "D300" and known["Sensitivity"] == "ISO 100"


def test_every_line_of_the_help_is_read_as_it_says() -> None:
    for example, _ in understood.ROWS:
        reading = parse(example)
        assert reading.notes == () and parse(written(reading)) == reading, example
    assert parse("dog on grass").words == "dog on grass" and parse('-people -"red car"').words == ""


@pytest.mark.parametrize("query", ["rating:3..5", "red rating:<2", "rating:>4", "rating:0", "in:a|b", "camera:*"])
def test_what_the_choices_do_not_offer_may_be_typed(app: AppTest, photos: Path, query: str) -> None:
    search(app.run(), query)
    assert not app.exception and "unexpected" not in texts(app)


def test_data_in_labels_is_no_markdown(app: AppTest, photos: Path, services: Services) -> None:
    evil = "![x](https://example.com/x.png) :material/delete: **b**"
    services.saved.save(evil, "red")
    search(app.run(), f'name:*a* -"{evil}"')
    labels = [each.label for each in app.button]
    assert not [label for label in labels if "![x](" in label or label.endswith(" name:*a*")]
    assert button(app, "Take away name:*a*")


def test_a_choice_does_not_come_back_in_later_searches(app: AppTest, photos: Path) -> None:
    search(app.run(), "red")
    choice(app, "It is").select("landscape").run()
    assert text(app) == "red is:landscape"
    for words in ("blue", "green", "pink", "red"):
        search(app, words)
        assert text(app) == words and len(names(app, "text-results")) == 12
    choice(app, "Order").select("name").run()
    take_away(app, "sort:name")
    for words in ("blue", "green"):
        search(app, words)
        assert text(app) == words
