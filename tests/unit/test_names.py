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


def test_names_of_very_large_libraries_are_not_looked_through(
    library: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "LARGEST", 3)
    assert found(library, "eastbourne") == []


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
