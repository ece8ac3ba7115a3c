"""Why a photo is among the results: which part found it, and where its words stand."""

from __future__ import annotations

import itertools
import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src import wire
from src.database.catalog.texts import TextRow
from src.lexical import parts, places, quoted, terms, wishes
from src.runtime import Services
from src.schema import Reason, SearchHit
from src.schema.texts import TextLine
from src.services.search.reasons import ALIKE, LONGEST
from src.services.search.service import Query
from tests.fakes import colour_picture

BOX = ((0.1, 0.2), (0.5, 0.2), (0.5, 0.3), (0.1, 0.3))


def marked(text: str, asked: str, quotes: bool = False) -> list[str]:
    text = unicodedata.normalize("NFC", text)
    some = quoted(asked) if quotes else wishes(asked)
    phrases = [phrase for wish in some for alternative in wish.alternatives for phrase in alternative]
    return [text[start:end] for start, end in places(text, phrases)]


@pytest.mark.parametrize(
    ("text", "asked", "expected"),
    [
        ("A dog on the Beach, no beaches", "beach", ["Beach"]),
        ("Straße nach Köln", "STRASSE koln", ["Straße", "Köln"]),
        ("IMG_2041.jpg", "img_2041", ["IMG_2041"]),
        ("Berlin, Berg, Bar", "ber*", ["Berlin", "Berg"]),
        ("東京タワー 2019", "東京", ["東京"]),
        ("東京タワー", "京", ["京"]),
        ("ﬁsh Ｓale", "fish sale", ["ﬁsh", "Ｓale"]),
        ("Cafe\u0301s and cafés", "cafes", ["Cafés", "cafés"]),
        ("Ky\u0301 a x\u0304y", "xy", ["x\u0304y"]),
        ("nothing of it", "else", []),
        ("<b>SALE</b>", "sale b", ["b", "SALE", "b"]),
    ],
)
def test_words_are_marked_as_they_are_written(text: str, asked: str, expected: list[str]) -> None:
    assert marked(text, asked) == expected


def test_a_phrase_is_marked_as_one_and_parts_of_words_are_found() -> None:
    assert marked("on the dog, dog on", "dog on", quotes=True) == ["dog on"]
    assert parts("WHOLESALE Sale", "sale") == [(5, 9), (10, 14)] and parts("any", " ") == []


@given(st.text(max_size=40), st.integers(0, 9), st.integers(1, 4))
def test_what_is_written_is_found_where_it_is(text: str, first: int, number: int) -> None:
    text = unicodedata.normalize("NFC", text)
    every = [term for term in terms(text)[first : first + number] if quoted(term)]  # a sign alone asks for nothing
    spans = places(text, [phrase for word in every for phrase in quoted(word)[0].alternatives[0]])
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(one[1] < other[0] for one, other in itertools.pairwise(spans))
    if every and text.isascii():
        assert spans and set(every) <= {term for start, end in spans for term in terms(text[start:end])}


# ---------------------------------------------------------------- in a library


@pytest.fixture
def library(services: Services, tmp_path: Path) -> Services:
    for place, colour in (("Eastbourne/IMG_1.jpg", "red"), ("Eastbourne/pier.jpg", "blue"), ("other/dog.jpg", "green")):
        path = tmp_path / "photos" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        colour_picture(colour, (40, 40)).save(path)
    list(services.handlers["index"]({"paths": [str(tmp_path / "photos")]}))
    return services


def hit(library: Services, text: str, name: str) -> SearchHit:
    return next(hit for hit in library.search.search(Query(text), 9).hits if hit.name == name)


def id_of(library: Services, name: str) -> str:
    return next(one.id for one in library.library.newest(9) if one.name == name)


def test_of_words_it_is_told_where_they_are_written_and_where_they_weigh_most(library: Services) -> None:
    photo = id_of(library, "IMG_1.jpg")
    library.curation.tag([photo], ["At the Sea"])
    library.curation.note([photo], "by the sea with Anna")
    told = hit(library, "sea eastbourne", "IMG_1.jpg").why
    assert told[:2] == (
        Reason("words", "tags", "At the Sea", ((7, 10),)),
        Reason("words", "folders", "photos/Eastbourne", ((7, 17),)),
    )
    assert [reason.where for reason in hit(library, "anna", "IMG_1.jpg").why] == ["note"]
    assert hit(library, "eastborne", "pier.jpg").why[0].spans == ((7, 17),), "the word that it is nearly"


def test_what_a_photo_shows_is_told_where_it_says_so(library: Services) -> None:
    assert hit(library, "something red", "IMG_1.jpg").why == (Reason("image"),)
    assert hit(library, "something red", "pier.jpg").why == (Reason("image"),), "some part always found it"
    parts_ = [reason.part for reason in hit(library, "blue pier", "pier.jpg").why]
    assert parts_ == ["image"], "not all of the words are written of it"
    library.curation.tag([id_of(library, "pier.jpg")], ["blue"])
    assert {reason.part for reason in hit(library, "blue", "pier.jpg").why} == {"image", "words"}
    only_listed = library.search.search(Query("in:other"), 9).hits[0]
    assert only_listed.why == ()


def test_a_line_of_text_has_its_place_and_a_part_of_it_will_do(library: Services) -> None:
    lines = [TextLine("SALE 50 %", BOX, 0.9), *(TextLine(f"sale {number}", BOX, 0.9) for number in range(9))]
    row = TextRow(id_of(library, "dog.jpg"), bytes(32), (TextLine("Welcome", BOX, 0.9), *lines))
    library.catalog.texts.put("recipe", [row])
    by_words = hit(library, "sale", "dog.jpg").why
    assert by_words[0] == Reason("words", "text", "SALE 50 %", ((0, 4),), BOX) and len(by_words) == ALIKE
    by_filter = hit(library, "text:al", "dog.jpg").why
    assert by_filter[0] == Reason("words", "text", "SALE 50 %", ((1, 3),), BOX)
    assert not hit(library, "-text:zorro", "dog.jpg").why


def test_of_a_long_text_what_is_around_the_words_is_told(library: Services) -> None:
    library.curation.note([id_of(library, "dog.jpg")], f"{'x ' * 200}Anna{' y' * 200}")
    (told,) = [reason for reason in hit(library, "anna", "dog.jpg").why if reason.where == "note"]
    ((start, end),) = told.spans
    assert told.text[start:end] == "Anna" and len(told.text) == LONGEST + 2 and told.text[0] == told.text[-1] == "…"


def test_other_programs_are_told_with_the_keys_that_there_were(library: Services) -> None:
    page = library.search.search(Query("eastbourne"), 1)
    (told,) = json.loads(json.dumps(wire.search_page(page)))["results"]
    assert told["why"][0] == {
        "part": "words", "where": "folders", "text": "photos/Eastbourne", "spans": [[7, 17]], "box": None,
    }  # fmt: skip
    keys = {"id", "path", "name", "score", "kind", "box", "size", "segment", "named", "band", "percent", "why"}
    assert set(told) == keys


def test_pictures_as_queries_have_the_same_reasons(library: Services) -> None:
    page = library.search.search(Query(image=colour_picture("red")), 2)
    assert [hit.why for hit in page.hits] == [(Reason("image"),)] * 2
