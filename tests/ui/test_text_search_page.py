"""Text search: results, honest words, empty states, and a query that stays."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from src.runtime import Services
from src.schema import JobSnapshot
from tests.ui.conftest import MAIN, button, galleries, gallery, goto, names, search, texts, told


def test_an_empty_library_says_how_to_fill_it(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert "No photos yet" in texts(app)
    button(app, "Add photos").click().run()
    assert "Upload photos" in texts(app)


def test_before_a_query_the_newest_photos_and_examples_are_shown(app: AppTest, photos: Path) -> None:
    app.run()
    assert sorted(names(app, "newest")) == sorted(file.name for file in photos.iterdir())
    assert all("score" not in item for item in gallery(app, "newest"))
    button(app, "a red car").click().run()
    assert app.text_input(key="query").value == "a red car"
    assert names(app, "text-results")[0] == "red.png"


def test_results_come_best_first_with_how_likely_they_are(app: AppTest, photos: Path) -> None:
    app.run()
    search(app, "something green")
    items = gallery(app, "text-results")
    assert items[0]["name"] == "green.png"
    percents = [item["percent"] for item in items]
    assert percents == sorted(percents, reverse=True) and items[0]["band"] == "strong"
    assert told(app, "text-results")["sources"]["thumb"] == "/api/thumb/" and len(items[0]["id"]) == 36
    assert "Nothing fits" not in texts(app)


def test_the_slider_limits_the_results_and_starts_at_20(app: AppTest, photos: Path) -> None:
    app.run()
    search(app, "blue")
    slider = app.slider(key="results")
    assert (slider.min, slider.max, slider.value) == (1, 1000, 20)
    slider.set_value(3).run()
    assert len(gallery(app, "text-results")) == 3
    assert "3 of 12 photos" in texts(app)
    assert told(app, "text-results")["more"]
    app.session_state["more_wanted"] = (("blue", "", None, None, (None, 0), "images", None), 60)  # as its button does
    app.run()
    assert app.slider(key="results").value == 3 and len(gallery(app, "text-results")) == 12
    assert not told(app, "text-results")["more"]
    assert app.query_params["n"] == "3" and app.query_params["more"] == "60"
    search(app, "red")
    assert len(gallery(app, "text-results")) == 3 and "more" not in app.query_params, "another search begins anew"


def test_when_nothing_fits_the_page_says_so_and_shows_the_closest_on_request(app: AppTest, photos: Path) -> None:
    app.run()
    search(app, "quantum chromodynamics")
    assert "Nothing fits" in texts(app) and not galleries(app)
    assert "No photo in your library looks like “quantum chromodynamics”." in texts(app)
    app.button(key="nothing-fits-action").click().run()
    assert "Nothing fits well. The closest:" in texts(app)
    assert len(gallery(app, "text-results")) == 12
    search(app, "thermodynamic equilibrium")
    assert "Nothing fits" in texts(app) and not galleries(app), "asked for anew"


def test_a_blank_query_is_no_query(app: AppTest, photos: Path) -> None:
    app.run()
    search(app, "   ")
    assert not app.error and not app.exception
    assert len(gallery(app, "newest")) == 12


def test_a_query_of_10_000_characters_is_cut_and_told(app: AppTest, photos: Path) -> None:
    app.run()
    search(app, "red " * 2_500)
    assert not app.exception
    assert "only the first 2,000 were read" in texts(app)
    assert names(app, "text-results")[0] == "red.png"


def test_a_hostile_query_is_only_words(app: AppTest, photos: Path) -> None:
    app.run()
    search(app, "<script>alert(1)</script> :red[x] **b** \0 '; drop table images; --")
    assert not app.exception
    assert "<script>alert(1)</script> :red[x] **b**" in texts(app), "as it was written"
    app.button(key="nothing-fits-action").click().run()
    assert len(gallery(app, "text-results")) == 12


def test_the_query_is_in_the_address_and_outlives_a_change_of_tab(app: AppTest, photos: Path) -> None:
    app.run()
    search(app, "yellow")
    assert app.query_params["q"] == ["yellow"] or app.query_params["q"] == "yellow"
    goto(app, "about")
    goto(app, "text_search")
    assert app.text_input(key="query").value == "yellow"
    assert names(app, "text-results")[0] == "yellow.png"


def test_a_reload_asks_the_query_of_the_address(app: AppTest, photos: Path) -> None:
    fresh = AppTest.from_file(str(MAIN), default_timeout=30)
    fresh.query_params["q"] = "purple"
    fresh.run()
    assert names(fresh, "text-results")[0] == "purple.png"


def test_while_indexing_it_tells_how_many_it_could_search(
    app: AppTest, photos: Path, services: Services, monkeypatch
) -> None:
    running = JobSnapshot("1", "index", "running", "Adding more", done=300, total=988)
    monkeypatch.setattr(services.jobs, "active", lambda: [running])
    app.run()
    search(app, "red")
    assert "Searching 12 of 700" in texts(app)


def test_photos_the_model_has_not_seen_are_offered_for_indexing(app: AppTest, photos: Path, services: Services) -> None:
    for name in [collection.name for collection in services.catalog.vectors.all()]:
        services.store.drop(name)
    app.run()
    search(app, "red")
    assert "Photos need indexing" in texts(app)
    button(app, "Index them now").click().run()
    job = services.jobs.latest(1)[0]
    assert job.kind == "reindex"
    done = services.jobs.wait(job.id, 30)
    assert done is not None and done.state == "done"
    search(app, "red")
    assert names(app, "text-results")[0] == "red.png"


def test_of_a_photo_that_words_found_it_can_be_said_that_it_does_not_fit(
    app: AppTest, photos: Path, services: Services
) -> None:
    judge, space = services.search.judge, services.models.embedder().space
    app.run()
    search(app, "red")
    open_large(app, gallery(app, "text-results")[0]["id"])
    assert "Is it “red”?" in texts(app)
    app.button(key="fits-no").click().run()
    assert "Noted." in texts(app) and len(judge._told(space)) == 1
    app.button(key="fits-undo").click().run()
    assert "Is it “red”?" in texts(app) and len(judge._told(space)) == 0


def test_of_a_photo_that_was_opened_from_elsewhere_nothing_is_asked(app: AppTest, photos: Path) -> None:
    app.run()
    search(app, "red")
    found = gallery(app, "text-results")[0]["id"]
    search(app, "")
    open_large(app, found)
    assert "Close" in [each.label for each in app.button] and "Is it" not in texts(app)


def open_large(app: AppTest, image_id: str) -> None:
    app.session_state["dialog"], app.session_state["photo"] = "photo", image_id
    app.run()
