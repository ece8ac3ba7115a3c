"""Photos found by what they are called, beside what they show."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from src.runtime import Services
from src.services.search import names
from src.services.search.service import Query
from tests.fakes import colour_picture


@pytest.fixture
def library(services: Services, tmp_path: Path) -> Services:
    for place, colour in (
        ("Eastbourne 2019/IMG_2041.jpg", "red"),
        ("Eastbourne 2019/pier.jpg", "blue"),
        ("Üsküdar/Ärger_7.jpg", "green"),
        ("other/IMG_20411.jpg", "yellow"),
    ):
        path = tmp_path / "photos" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        colour_picture(colour, (40, 40)).save(path)
    list(services.handlers["index"]({"paths": [str(tmp_path / "photos")]}))
    return services


def found(library: Services, text: str, **more: object) -> list[str]:
    page = library.search.search(Query(text), 9, **more)  # type: ignore[arg-type]
    return [hit.name for hit in page.hits if hit.chance >= names.CERTAIN]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IMG_2041", {"IMG_2041.jpg"}),
        ("img 2041", {"IMG_2041.jpg"}),
        ("IMG_2041.jpg", {"IMG_2041.jpg"}),
        ("eastbourne", {"IMG_2041.jpg", "pier.jpg"}),
        ("Eastbourne pier", {"pier.jpg"}),
        ('"pier"', {"pier.jpg"}),
        ("ÜSKÜDAR", {"Ärger_7.jpg"}),
        ("ärger", {"Ärger_7.jpg"}),
        ("eastbourne -in:nowhere", {"IMG_2041.jpg", "pier.jpg"}),
        ("eastbourne 2019 camera:nikon", set()),
        ("ier", set()),
        ("7", set()),
        ("xyz", set()),
    ],
)
def test_whole_words_of_paths_are_found_whatever_their_case(library: Services, text: str, expected: set[str]) -> None:
    assert set(found(library, text)) == expected


def test_what_is_called_so_comes_first_and_is_a_match(library: Services) -> None:
    page = library.search.search(Query("eastbourne"), 9)
    assert page.verdict == "match" and {hit.name for hit in page.hits[:2]} == {"IMG_2041.jpg", "pier.jpg"}
    assert len({hit.id for hit in page.hits}) == len(page.hits) == 4
    assert found(library, "eastbourne", mode="objects") == []


def test_names_of_very_large_libraries_are_looked_through_too(
    library: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "MOST", 3)
    assert set(found(library, "eastbourne")) == {"IMG_2041.jpg", "pier.jpg"}


def test_words_that_most_photos_have_tell_nothing(library: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "FEW", 1)
    assert found(library, "eastbourne") == [] and found(library, "pier") == ["pier.jpg"]
    assert found(library, "eastbourne pier") == ["pier.jpg"], "with another word they do"


def test_keywords_and_titles_count_too(library: Services) -> None:
    list(library.handlers["facts"]({}))
    with sqlite3.connect(library.settings.catalog_file) as db:
        told = """UPDATE facts SET title = 'The vows'
            WHERE image_id = (SELECT image_id FROM files WHERE name = 'pier.jpg')"""
        db.execute(told)
    db.close()
    (pier,) = (hit.id for hit in library.library.newest(99) if hit.name == "pier.jpg")
    library.curation.tag([pier], ["Hochzeit", "Anna"])
    library.curation.note([pier], "ask Jonathan")
    assert found(library, "anna hochzeit") == ["pier.jpg"] == found(library, "vows") == found(library, "pier anna")
    assert found(library, "jonathan") == ["pier.jpg"]


def test_what_is_said_between_two_searches_counts_in_the_second(library: Services) -> None:
    (pier,) = (hit.id for hit in library.library.newest(99) if hit.name == "pier.jpg")
    assert found(library, "zorro") == []
    library.curation.tag([pier], ["Zorro"])
    assert found(library, "zorro") == ["pier.jpg"]
    library.curation.undo()
    assert found(library, "zorro") == []


def test_names_of_places_and_years_count_too(library: Services) -> None:
    list(library.handlers["facts"]({}))
    with sqlite3.connect(library.settings.catalog_file) as db:
        pier, kites = ("(SELECT image_id FROM files WHERE name = ?)" for _ in range(2))
        db.execute(f'UPDATE facts SET place = \'["Montmartre", "Paris"]\' WHERE image_id = {pier}', ("pier.jpg",))
        db.execute(f"UPDATE images SET taken_at = '2017-05-31T12:00:00' WHERE id = {kites}", ("pier.jpg",))
        db.execute(f"UPDATE images SET taken_at = '2017-06-01T00:00:00' WHERE id = {kites}", ("Ärger_7.jpg",))
    db.close()
    assert found(library, "paris") == ["pier.jpg"] == found(library, "Paris 2017") == found(library, "2017 montmartre")
    assert found(library, "paris 2018") == [] == found(library, "paris 2019 montmartre 2017 xyz")
    assert set(found(library, "2017")) == {"pier.jpg", "Ärger_7.jpg"}
    assert found(library, "üsküdar 2017") == ["Ärger_7.jpg"] and found(library, "2017 -in:eastbourne*") == [
        "Ärger_7.jpg"
    ]


def test_a_year_of_which_most_photos_are_is_told_of_those_that_have_the_other_words(
    library: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(library.settings.catalog_file) as db:
        db.execute("UPDATE images SET taken_at = '2017-05-31T12:00:00'")
    db.close()
    monkeypatch.setattr(names, "FEW", 1)
    assert (
        found(library, "2017") == []
        and found(library, "pier 2017") == ["pier.jpg"]
        and found(library, "pier 2018") == []
    )
