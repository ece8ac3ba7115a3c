"""Saved and recent searches."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.errors import BadInput
from src.runtime import Services
from src.services.search.saved import MOST_RECENT, RECENT, SAVED, SavedSearch


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


@pytest.mark.parametrize("said", ["", "{", "7", '["x", 5]', '[["a"], ["b", "c"], [1, 2]]'])
def test_what_another_version_wrote_harms_nothing(library: Services, said: str) -> None:
    library.catalog.set_meta(SAVED, said)
    library.catalog.set_meta(RECENT, said)
    library.saved.save("mine", "red")
    library.saved.note("red")
    assert SavedSearch("mine", "red") in library.saved.all() and library.saved.recent()[0] == "red"
