"""Filters on the search pages: a folder, a span of days."""

from __future__ import annotations

import datetime
from pathlib import Path

from PIL import ExifTags, Image
from streamlit.testing.v1 import AppTest

from src.runtime import Services
from tests.fakes import colour_picture
from tests.ui.conftest import MAIN, button, gallery, goto, index, names, search, texts


def album(folder: Path, taken: dict[str, str]) -> Path:
    """A folder with one JPEG of each colour, taken on its day."""
    folder.mkdir()
    for colour, day in taken.items():
        exif = Image.Exif()
        exif[0x0132] = f"{day.replace('-', ':')} 12:00:00"
        colour_picture(colour, (60, 41)).save(folder / f"{folder.name}-{colour}.jpg", exif=exif)
    return folder


def test_a_folder_and_days_narrow_both_searches(app: AppTest, photos: Path, services: Services, tmp_path: Path) -> None:
    index(services, album(tmp_path / "holidays", {"red": "2024-05-01", "blue": "2024-05-20", "green": "2025-01-01"}))
    app.run()
    search(app, "something red")
    assert "of 15 photos" in texts(app) and not [b for b in app.button if b.label == "Clear filters"]
    app.selectbox(key="filter-folder-text").select(str(tmp_path / "holidays")).run()
    assert sorted(names(app, "text-results")) == ["holidays-blue.jpg", "holidays-green.jpg", "holidays-red.jpg"]
    assert "3 of 3 photos" in texts(app) and "In holidays" in texts(app)
    app.date_input(key="filter-since-text").set_value(datetime.date(2024, 5, 2)).run()
    app.date_input(key="filter-until-text").set_value(datetime.date(2024, 12, 31)).run()
    assert names(app, "text-results") == ["holidays-blue.jpg"] and "taken 2024-05-02 to 2024-12-31" in texts(app)
    app.session_state["similar_to"] = gallery(app, "text-results")[0]["id"]
    goto(app, "image_search")
    assert "No photo passes the filters" in texts(app), (
        "the filters hold there too, and a photo is left out of its own results"
    )
    button(app, "Clear filters").click().run()
    assert len(names(app, "image-results")) == 14 and "blue" in names(app, "image-results")[0]


def test_a_filter_that_nothing_passes_says_so(app: AppTest, photos: Path) -> None:
    app.run()
    search(app, "red")
    app.date_input(key="filter-until-text").set_value(datetime.date(1999, 1, 1)).run()
    assert "No photo passes the filters" in texts(app) and not app.exception
    button(app, "Clear filters").click().run()
    assert len(names(app, "text-results")) == 12


def test_a_span_that_ends_before_it_begins_says_that(app: AppTest, photos: Path) -> None:
    app.run()
    search(app, "red")
    app.date_input(key="filter-since-text").set_value(datetime.date(2016, 1, 1)).run()
    app.date_input(key="filter-until-text").set_value(datetime.date(2015, 1, 1)).run()
    assert "The first day, 2016-01-01, is after the last, 2015-01-01." in texts(app) and not app.exception
    assert "No photo passes the filters" not in texts(app)
    button(app, "Clear filters").click().run()
    assert len(names(app, "text-results")) == 12


def test_a_folder_that_is_removed_is_no_filter_any_more(
    app: AppTest, photos: Path, services: Services, tmp_path: Path
) -> None:
    index(services, album(tmp_path / "holidays", {"red": "2024-05-01"}))
    app.run()
    search(app, "something red")
    app.selectbox(key="filter-folder-text").select(str(tmp_path / "holidays")).run()
    assert names(app, "text-results") == ["holidays-red.jpg"]
    services.jobs.wait(services.jobs.submit("remove", "Removing", path=str(tmp_path / "holidays")), 30)
    app.run()
    assert not app.exception and "12 of 12 photos" in texts(app)
    services.jobs.wait(services.jobs.submit("remove", "Removing", path=str(photos)), 30)
    app.run()
    assert not app.exception


def shot(path: Path, colour: str, model: str, iso: int) -> None:
    """A picture that names its camera."""
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = model
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ISOSpeedRatings] = iso
    path.parent.mkdir(exist_ok=True)
    colour_picture(colour, (60, 41)).save(path, exif=exif)


def test_a_camera_and_typed_facts_narrow_the_search(
    app: AppTest, photos: Path, services: Services, tmp_path: Path
) -> None:
    for colour, model, iso in (("red", "D300", 100), ("blue", "D300", 800), ("green", "iPhone 12", 800)):
        shot(tmp_path / "shots" / f"shot-{colour}.jpg", colour, model, iso)
    index(services, tmp_path / "shots")
    list(services.handlers["facts"]({}))
    search(app.run(), "something red")
    app.selectbox(key="filter-camera-text").select("D300").run()
    assert sorted(names(app, "text-results")) == ["shot-blue.jpg", "shot-red.jpg"] and "camera=D300" in texts(app)
    app.text_input(key="filter-where-text").set_value("iso=500..1000, width=60").run()
    assert names(app, "text-results") == ["shot-blue.jpg"]
    assert "camera=D300, iso=500..1000, width=60" in texts(app) and not app.exception
    button(app, "Clear filters").click().run()
    assert len(names(app, "text-results")) == 15


def test_a_typed_fact_that_is_none_gets_one_sentence_and_does_not_count(app: AppTest, photos: Path) -> None:
    search(app.run(), "red")
    app.text_input(key="filter-where-text").set_value("shutter=1, width=60").run()
    assert "There is no fact named 'shutter'." in texts(app) and not app.exception
    assert "width=60" in texts(app), "the other one counts"


def test_facts_are_in_the_address_and_on_the_photo(photos: Path, services: Services, tmp_path: Path) -> None:
    shot(tmp_path / "shots" / "shot-red.jpg", "red", "D300", 100)
    index(services, tmp_path / "shots")
    list(services.handlers["facts"]({}))
    fresh = AppTest.from_file(str(MAIN), default_timeout=30)
    fresh.query_params.update({"q": "red", "camera": "D300", "where": "iso<=100"})
    fresh.run()
    assert names(fresh, "text-results") == ["shot-red.jpg"] and fresh.query_params["camera"] in ("D300", ["D300"])
    known = dict(services.facts.of(gallery(fresh, "text-results")[0]["id"]))
    assert known["Camera"] == "D300" and known["Sensitivity"] == "ISO 100"
