"""One search over what photos show, what a model said of them, and what is written of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from src.database.catalog.descriptions import DescriptionRow
from src.runtime import Services
from src.schema import Reason, SearchHit
from src.schema.descriptions import Description
from src.schema.search import LIKELY, NOTHING
from src.services.search.calibration import together
from src.services.search.described import Sentences
from src.services.search.service import Query
from tests.fakes import colour_picture

SAID = {
    "one.jpg": "a terrier chases gulls",
    "two.jpg": "an old wooden boat at sunset",
    "three.jpg": "children building sandcastles",
}


@pytest.fixture
def library(services: Services, tmp_path: Path) -> Services:
    for name, colour in (("one.jpg", "red"), ("two.jpg", "blue"), ("three.jpg", "green"), ("four.jpg", "yellow")):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        colour_picture(colour, (40, 40)).save(path)
    list(services.handlers["index"]({"paths": [str(tmp_path / "photos")]}))
    say(services, SAID)
    return services


def say(services: Services, said: dict[str, str]) -> None:
    rows = [DescriptionRow(id_of(services, name), Description(text), "model") for name, text in said.items()]
    vectors = services.descriptions.vectors.encode(list(said.values()))
    services.store.put_descriptions(rows, {row.image_id: vector for row, vector in zip(rows, vectors, strict=True)})


def id_of(services: Services, name: str) -> str:
    return next(one.id for one in services.library.newest(9) if one.name == name)


def hits(services: Services, text: str, **more: object) -> dict[str, SearchHit]:
    return {hit.name: hit for hit in services.search.search(Query(text), 9, **more).hits}  # type: ignore[arg-type]


def test_a_description_that_fits_finds_a_photo_and_says_so(library: Services) -> None:
    found = hits(library, "a terrier gulls chases slowly")
    assert next(iter(found)) == "one.jpg" and found["one.jpg"].chance > LIKELY > found["two.jpg"].chance
    told, text = found["one.jpg"].why[0], SAID["one.jpg"]
    assert (told.part, told.where, told.text) == ("description", "description", text)
    by_words = hits(library, "terrier gulls")["one.jpg"].why
    assert [reason.text for reason in by_words if reason.where == "description"] == [text], "told once"
    assert [text[start:end] for start, end in told.spans] == ["terrier", "chases", "gulls"]
    assert found["four.jpg"].why == (Reason("image"),) and found["four.jpg"].seen is None


def test_a_description_of_something_else_takes_little_away(library: Services) -> None:
    found = hits(library, "something red")
    assert next(iter(found)) == "one.jpg" and found["one.jpg"].fits
    assert found["one.jpg"].seen is not None and 0.9 * found["one.jpg"].seen < found["one.jpg"].chance
    assert found["one.jpg"].why == (Reason("image"),)


def test_two_parts_are_less_sure_than_if_they_knew_nothing_of_each_other() -> None:
    half, none = np.array([0.5]), np.array([0.01])
    assert 0.4 < together(half, half)[0] < 0.75 and 0.1 < together(half, none)[0] < together(half, half)[0]
    assert together(none, none)[0] < NOTHING and 0.99 < together(np.array([1.0]), none)[0] <= 1


def test_nonsense_stays_nothing_whatever_is_said_of_photos(library: Services) -> None:
    page = library.search.search(Query("quantum chromodynamics"), 9)
    assert page.verdict == "nothing" and page.hits[0].chance < NOTHING


@pytest.mark.parametrize("text", ["something red -terrier", "something red -gulls", '-"wooden boat"'])
def test_what_is_not_wanted_is_not_to_be_said_of_it_either(library: Services, text: str) -> None:
    dropped = "two.jpg" if "boat" in text else "one.jpg"
    assert dropped in hits(library, "something red") and dropped not in hits(library, text)
    assert len(hits(library, text)) == 3


def test_what_is_not_wanted_is_not_to_be_written_of_it_either(library: Services) -> None:
    library.curation.tag([id_of(library, "four.jpg")], ["Holidays"])
    assert "four.jpg" not in hits(library, "yellow -holidays") and "four.jpg" in hits(library, "yellow")


def test_a_photo_is_found_by_its_description_though_its_looks_put_it_last(library: Services) -> None:
    page = library.search.search(Query("wooden boat sunset"), 1)
    assert [hit.name for hit in page.hits] == ["two.jpg"]


def test_filters_hold_for_descriptions_too_and_objects_and_pictures_have_none(library: Services) -> None:
    assert "two.jpg" not in hits(library, "wooden boat sunset -name:two*")
    assert hits(library, "wooden boat sunset", mode="objects") == {}
    alike = library.search.search(Query("wooden boat sunset", colour_picture("red")), 9).hits
    assert all(reason.part == "image" for hit in alike for reason in hit.why)


def test_what_asks_descriptions_nothing_is_searched_as_ever(library: Services) -> None:
    one = id_of(library, "one.jpg")
    assert "one.jpg" not in hits(library, f"-similar:{one}") and len(hits(library, f"-similar:{one}")) == 3
    assert len(hits(library, "in:photos sort:name")) == 4
    queries = [Query("wooden boat sunset"), Query(image=colour_picture("red")), Query("-terrier")]
    pages = library.search.search_many(queries, 9)
    assert [page.hits[0].name for page in pages[:2]] == ["two.jpg", "one.jpg"]
    assert "one.jpg" not in {hit.name for hit in pages[2].hits}


def test_what_is_only_not_wanted_has_the_surest_first(library: Services) -> None:
    for text in ("-terrier", "-boat", "-snow", "-sunset", "-wooden"):
        chances = [hit.chance for hit in library.search.search(Query(text), 9).hits]
        assert len(chances) > 1 and chances == sorted(chances, reverse=True)


def test_what_the_user_changed_is_searched_and_what_is_deleted_is_not(library: Services) -> None:
    library.catalog.descriptions.change(id_of(library, "one.jpg"), Description("a walrus yawning"))
    library.descriptions.vectors.catch_up()
    assert hits(library, "walrus yawning")["one.jpg"].chance > LIKELY
    assert hits(library, "terrier gulls chases")["one.jpg"].chance < LIKELY


def test_the_bank_of_text_queries_has_a_name_of_its_own(library: Services) -> None:
    library.search.search(Query("terrier"), 1)
    assert Sentences(library.descriptions.vectors.encode).space not in library.models.embedder().space
