"""Saved and recent searches."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.config import Settings
from src.database.catalog.catalog import Catalog
from src.errors import BadInput, WeightsMissing
from src.runtime import Services
from src.schema.library import RECENT_SEARCHES, SAID_OF_HITS, SAVED_SEARCHES
from src.services.exchange.backup import export_library
from src.services.exchange.restore import import_library
from src.services.search.saved import MOST_RECENT, SavedSearch
from tests.conftest import cleared


@pytest.fixture
def library(services: Services, photos: Path) -> Services:
    list(services.handlers["index"]({"paths": [str(photos)]}))
    return services


def test_a_search_is_kept_under_its_name_until_it_is_removed(library: Services) -> None:
    saved = library.saved
    saved.save("  My  dogs ", "dog   -cat  date:2019")
    saved.save("beach", "beach")
    saved.save("my DOGS", "dog")
    assert saved.all() == [SavedSearch("beach", "beach"), SavedSearch("my DOGS", "dog")], "by name, one of each"
    saved.remove("beach")
    assert [search.name for search in saved.all()] == ["my DOGS"]
    for name, text in (("", "dog"), ("x", ""), ("x", "  ")):
        with pytest.raises(BadInput):
            saved.save(name, text)


def test_it_counts_what_is_likely_and_shows_the_first(library: Services, photos: Path) -> None:
    saved = library.saved
    red = saved.album(SavedSearch("", "red"))
    assert red.number == 1 and library.library.details(red.cover or "").name == "red.jpg"  # type: ignore[union-attr]
    assert saved.album(SavedSearch("", "sort:name")).number == 4
    assert saved.album(SavedSearch("", "quarterly report")) == saved.album(SavedSearch("", "in:nowhere"))
    (photos / "red.jpg").unlink()
    list(library.handlers["sync"]({}))
    assert saved.album(SavedSearch("", "sort:name"), busy=True).number == 4, "as it was, while much changes"
    assert saved.album(SavedSearch("", "sort:name")).number == 3 and saved.album(SavedSearch("", "red")).number == 0


def test_out_as_text_and_in_again(library: Services) -> None:
    saved = library.saved
    saved.save("dogs", 'dog -"red car" camera:nikon|canon in:"My Photos" sort:-date')
    saved.save("näme", "beach^2 people")
    text = saved.as_text()
    for search in saved.all():
        saved.remove(search.name)
    assert saved.from_text(text) == 2 and saved.as_text() == text
    with pytest.raises(BadInput, match="Line 2"):
        saved.from_text("a\tdog\nwithout a tab")


def test_the_last_searches_are_known_the_newest_first(library: Services) -> None:
    saved = library.saved
    for text in ("red", "blue", "red ", "", "blue"):
        saved.note(text)
    assert saved.recent() == ["blue", "red"]
    for number in range(2 * MOST_RECENT):
        saved.note(f"query {number}")
    assert len(saved.recent()) == MOST_RECENT
    saved.forget_recent()
    assert saved.recent() == []


def test_a_cleared_library_keeps_saved_searches_and_forgets_the_last_ones(library: Services) -> None:
    library.saved.save("mine", "red")
    library.saved.note("blue")
    cleared(library)
    assert library.saved.recent() == [] and library.saved.all() == [SavedSearch("mine", "red")]


@pytest.mark.parametrize("said", ["", "{", "7", '["x", 5]', '[["a"], ["b", "c"], [1, 2]]'])
def test_what_another_version_wrote_harms_nothing(library: Services, said: str) -> None:
    library.catalog.set_meta(SAVED_SEARCHES, said)
    library.catalog.set_meta(RECENT_SEARCHES, said)
    library.saved.save("mine", "red")
    library.saved.note("red")
    assert SavedSearch("mine", "red") in library.saved.all() and library.saved.recent()[0] == "red"


def test_searches_and_what_was_said_go_with_a_backup(library: Services, tmp_path: Path) -> None:
    library.saved.save("mine", "red")
    library.saved.note("blue")
    library.search.tell(0.6, True)
    list(export_library(library.settings, library.catalog, tmp_path / "all.zip"))
    target = Settings(home=tmp_path / "other")
    list(import_library(target, tmp_path / "all.zip"))
    catalog = Catalog(target.catalog_file)
    for key in (SAVED_SEARCHES, RECENT_SEARCHES, SAID_OF_HITS):
        assert catalog.get_meta(key) == library.catalog.get_meta(key) is not None
    catalog.close()


def test_a_search_that_can_not_be_made_now_is_counted_later(library: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise WeightsMissing("Not here.", "Fetch them.")

    red = SavedSearch("", "red")
    monkeypatch.setattr(library.search, "search", fails)
    assert library.saved.album(red).cover is None
    monkeypatch.undo()
    assert library.saved.album(red).number == 1


def test_an_import_is_all_or_nothing_and_names_are_cut_as_they_are_kept(library: Services) -> None:
    with pytest.raises(BadInput, match="Line 2"):
        library.saved.from_text("one\tred\n\tblue\nthree\tgreen")
    assert library.saved.all() == []
    library.saved.save("a" * 79 + " b", "red")
    library.saved.from_text(library.saved.as_text())
    assert len(library.saved.all()) == 1
