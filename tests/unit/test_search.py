"""Search: by words, by example, by both, many at once, and an honest word when nothing fits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.errors import BadInput, BadQuery
from src.runtime import Services
from src.services.search.language import MAX_CHARACTERS
from src.services.search.service import Query
from tests.conftest import make_photo
from tests.fakes import colour_picture


@pytest.fixture
def library(services: Services, photos: Path) -> Services:
    make_photo(photos / "red too.jpg", (225, 35, 35), seed=5)
    list(services.handlers["index"]({"paths": [str(photos)]}))
    return services


def names(library: Services, query: Query, limit: int = 20) -> list[str]:
    return [hit.name for hit in library.search.search(query, limit).hits]


def test_by_words(library: Services) -> None:
    page = library.search.search(Query("something  red\n"), 3)
    assert {hit.name for hit in page.hits[:2]} == {"red.jpg", "red too.jpg"} and len(page.hits) == 3
    assert (page.query, page.verdict, page.searched, page.notice) == ("something red", "match", 5, None)
    assert all(-1 <= hit.score <= 1 and hit.kind == "image" and hit.box is None for hit in page.hits)


def test_by_example_by_both_and_similar(library: Services) -> None:
    assert names(library, Query(image=colour_picture("blue")))[0] == "blue.jpg"
    both = library.search.search(Query("green", colour_picture("blue")), 2)
    assert {hit.name for hit in both.hits} == {"green.jpg", "blue.jpg"}
    red = library.search.search(Query("red"), 1).hits[0]
    similar = library.search.search(Query(like=red.id), 4)
    assert (
        red.name not in {hit.name for hit in similar.hits}
        and similar.hits[0].name.startswith("red")
        and len(similar.hits) == 4
    )


def test_a_part_of_a_picture_of_the_library_leaves_that_picture_out(library: Services) -> None:
    red = library.search.search(Query("red"), 1).hits[0]
    part = colour_picture("red")
    assert names(library, Query(image=part), 1) == names(
        library, Query(image=part, part_of="no picture of the library"), 1
    )
    found = library.search.search(Query(image=part, part_of=red.id), 4)
    assert len(found.hits) == 4 and red.id not in {hit.id for hit in found.hits}
    other = found.hits[0]
    both = library.search.search(Query("red " * MAX_CHARACTERS, part, like=other.id, part_of=red.id), 3)
    assert len(both.hits) == 3 and not {red.id, other.id} & {hit.id for hit in both.hits}


def test_among_whole_images_no_segment_is_looked_up(library: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(type(library.catalog.objects), "by_id")
    assert names(library, Query("red"), 1)


def test_nothing_fits_is_said_and_an_empty_library_is_another_thing(library: Services) -> None:
    page = library.search.search(Query("quarterly earnings report"), 3)
    assert page.verdict == "nothing" and len(page.hits) == 3 and not any(hit.fits for hit in page.hits)
    list(library.handlers["clear"]({}))
    assert library.search.search(Query("red")).verdict == "empty"


def test_images_that_the_model_has_not_seen_are_told_from_an_empty_library(library: Services) -> None:
    library.catalog.vectors.drop([library.library.collection()])
    page = library.search.search(Query("red"))
    assert (page.verdict, page.notice) == (
        "empty",
        "The 5 photos of the library are not indexed with the model builtin yet.",
    )
    assert [notice.code for notice in page.notices] == ["other-model"]


def test_many_at_once_are_what_they_are_alone(library: Services) -> None:
    queries = [Query("red"), Query("blue"), Query("red")]
    together = library.search.search_many(queries, 3)
    for query, page in zip(queries, together, strict=True):
        alone = library.search.search(query, 3)
        assert [(hit.id, pytest.approx(hit.score, abs=1e-5)) for hit in alone.hits] == [
            (hit.id, hit.score) for hit in page.hits
        ]


def test_empty_and_over_long_queries(library: Services) -> None:
    for nothing in ("", "  \n ", "\0"):
        with pytest.raises(BadQuery, match="The query is empty"):
            library.search.search(Query(nothing))
    page = library.search.search(Query("red " * 2500), 2)
    assert page.hits[0].name.startswith("red") and len(page.words) <= MAX_CHARACTERS
    assert "only the first 2,000 were read" in (page.notice or "")
    assert [notice.code for notice in page.notices] == ["language"]


def test_more_than_a_page_usually_shows_may_be_asked_for(library: Services) -> None:
    few = library.search.search(Query("red"), 3).hits
    many = library.search.search(Query("red"), 10_000).hits
    assert many[:3] == few and len(many) == library.catalog.counts()[0]


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_a_number_of_results_that_makes_no_sense(library: Services, limit: int) -> None:
    with pytest.raises(BadInput):
        library.search.search(Query("red"), limit)


def test_similar_to_a_picture_without_a_vector(library: Services) -> None:
    with pytest.raises(BadQuery, match="no such picture"):
        library.search.search(Query(like="no-such-id"))
    red = library.search.search(Query("red"), 1).hits[0].id
    library.catalog.vectors.delete(library.library.collection(), [red])
    with pytest.raises(BadQuery, match="not indexed with the model in use"):
        library.search.search(Query(like=red))


def test_words_and_a_picture_together_are_one_direction_of_length_one(
    library: Services, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[np.ndarray] = []
    search = library.store.search
    monkeypatch.setattr(
        library.store, "search", lambda name, matrix, *more: (asked.append(matrix), search(name, matrix, *more))[1]
    )
    with Image.open(photos / "red.jpg") as picture:
        page = library.search.search(Query("blue", picture.convert("RGB")), 4)
    assert np.linalg.norm(asked[0], axis=1) == pytest.approx([1.0], abs=1e-5)
    scores = {hit.name: hit.score for hit in page.hits}
    assert scores["red.jpg"] == pytest.approx(2**-0.5, abs=0.1), "at 45 degrees between a red and a blue picture"
