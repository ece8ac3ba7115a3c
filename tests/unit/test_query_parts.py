"""The parts of a query are changed one by one, and what comes out is what its text says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.errors import BadInput
from src.schema.conditions import STAR
from src.schema.query_keys import SORTS
from src.services.search.language import MAX_CHARACTERS, Like, Restriction, Term, parse, written
from src.services.search.query_parts import (
    SIGNS,
    Order,
    Part,
    changed,
    compared,
    comparison,
    days,
    days_written,
    parts,
    restriction,
    term,
)
from tests.unit.queries import QUERIES
from tests.unit.test_language import ODD

VALUES = {
    "camera": ("nikon", "Canon EOS 5D", "a|b", 'the "best"', "x*", "-minus", "a:b"),
    "in": ("2019/italy", "My Photos", "C:\\photos"),
    "rating": ("5", ">=4", "3..5", "<2"),
    "date": ("2019", "2019-05..2019-08", ">2020", "..2020-01-31"),
    "exposure": ("<1/250", "1/500..1/125"),
    "is": ("portrait", "favourite"),
}
WORDS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["people", "red car", "camera:nikon", "-minus", "a^2", '"', "\\", "sort:date", "x|y", "C++"]),
)


def some_values(key: str) -> st.SearchStrategy[Part | None]:
    values = st.lists(st.sampled_from(VALUES[key]), max_size=3)
    return st.builds(restriction, st.just(key), values, st.booleans())


OTHERS = {
    Term: st.builds(term, WORDS, st.floats(0, 20), st.booleans(), st.booleans()),
    Restriction: st.sampled_from(sorted(VALUES)).flatmap(some_values),
    Like: st.builds(Like, st.text("0123456789abcdef-#", min_size=1, max_size=40), st.booleans()),
    Order: st.sampled_from([Order(f"{sign}{order}") for order in SORTS[1:] for sign in ("", "-")]),
}


@settings(max_examples=200, deadline=None)
@given(st.data(), st.one_of(st.sampled_from([query[0] for query in QUERIES]), ODD))
def test_what_was_changed_is_what_its_text_says(data: st.DataObject, text: str) -> None:
    reading = parse(f'-people "red car" beach^2 camera:nikon similar:ab sort:date {text}')
    before = parts(reading)
    number = data.draw(st.integers(0, len(before) - 1))
    new = data.draw(st.one_of(st.none(), OTHERS[type(before[number])]))
    after = changed(reading, number, new)
    assert parse(written(after)) == after
    plain = new is None or _is_plain(new)
    assert _once(parts(after)) == _once([*before[:number], *([] if plain else [new]), *before[number + 1 :]])
    if isinstance(new, Term) and plain:
        assert new.text in after.words
    else:
        assert after.words == reading.words or isinstance(before[number], Term)


def _is_plain(part: Part) -> bool:
    return isinstance(part, Term) and not part.negative and part.weight == 1 and not part.phrase


def _once(some: Sequence[Part | None]) -> list[Part | None]:
    """Words as often as they are there; a filter that is there twice counts once."""
    terms = [part for part in some if isinstance(part, Term)]
    return [*terms, *dict.fromkeys(part for part in some if not isinstance(part, Term))]


@pytest.mark.parametrize(
    ("text", "number", "new", "expected"),
    [
        ("dog -people cat", 0, None, "dog cat"),
        ("dog -people cat", 0, Term("people"), "dog people cat"),
        ("dog -people cat", 0, Term("the people", negative=True, phrase=True), 'dog -"the people" cat'),
        ("beach^2 people", 0, Term("beach", 3.0), "beach^3 people"),
        ("beach^2 people", 0, Term("beach", negative=True), "-beach people"),
        ("dog camera:nikon rating:5", 0, Restriction("camera", ("canon", "nikon")), "dog camera:canon|nikon rating:5"),
        ("dog camera:nikon", 0, Restriction("camera", ("nikon",), True), "dog -camera:nikon"),
        ("dog camera:nikon rating:5", 1, Restriction("rating", (">=3",)), "dog camera:nikon rating:>=3"),
        ("rating:5 rating:4", 1, Restriction("rating", ("5",)), "rating:5"),
        ("similar:ab sort:date", 0, Like("ab", True), "-similar:ab sort:date"),
        ("similar:ab sort:date", 1, Order("-name"), "similar:ab sort:-name"),
        ("similar:ab sort:date", 1, None, "similar:ab"),
    ],
)
def test_one_part_is_changed_and_the_rest_stays(text: str, number: int, new: Part | None, expected: str) -> None:
    assert written(changed(parse(text), number, new)) == expected


def test_a_value_that_makes_no_sense_changes_nothing_and_is_told() -> None:
    with pytest.raises(BadInput, match="no number"):
        changed(parse("rating:5"), 0, Restriction("rating", ("many",)))
    with pytest.raises(BadInput, match="longer than"):
        changed(parse("-dog"), 0, Term("x" * MAX_CHARACTERS, negative=True))


@pytest.mark.parametrize("value", ["5", ">=4", "<=f/2.8", ">1", "<1/250", "3..5", "3..", "..5mb"])
def test_a_comparison_is_taken_apart_and_put_together(value: str) -> None:
    sign, first, last = compared(value)
    assert sign in SIGNS and comparison(sign, first, last) == value


def test_of_a_comparison_what_stays_empty_is_left_out() -> None:
    assert comparison("..", "", "") == comparison(">=", " ", "") == "" and comparison("", "", "5") == "5"
    assert compared("=5") == ("", "5", "")


def test_words_and_values_are_kept_as_they_are_understood() -> None:
    assert term("  red   car ", 2) == Term("red car", 2.0, phrase=True) and term(" ") is None
    assert term("\u201cnew york\u201d", 50, True) == Term('"new york"', 10.0, True, True)
    assert term("dog", 0) == Term("dog", 0.001)
    assert restriction("camera", ["nikon", "", "nikon", "canon"]) == Restriction("camera", ("nikon", "canon"))
    assert restriction("camera", [""]) is None
    assert restriction("name", [f"5{STAR} “best”"]) == Restriction("name", (f'5{STAR} "best"',))


@pytest.mark.parametrize(
    ("value", "first", "last", "again"),
    [
        ("date:2019", "2019-01-01", "2019-12-31", "2019-01-01..2019-12-31"),
        ("date:2020-02", "2020-02-01", "2020-02-29", "2020-02-01..2020-02-29"),
        ("date:2019-05-31", "2019-05-31", "2019-05-31", "2019-05-31"),
        ("date:2018..2019-05", "2018-01-01", "2019-05-31", "2018-01-01..2019-05-31"),
        ("date:>2019", "2020-01-01", "None", "2020-01-01.."),
        ("date:>=2019-05", "2019-05-01", "None", "2019-05-01.."),
        ("date:<2019", "None", "2018-12-31", "..2018-12-31"),
        ("added:<=2019-05", "None", "2019-05-31", "..2019-05-31"),
        ("before:2019", "None", "2018-12-31", "2019-01-01"),
        ("after:2019-05", "2019-06-01", "None", "2019-05-31"),
        ("date:0000", "None", "None", ""),
        ("date:>9999", "None", "None", ""),
    ],
)
def test_days_say_what_the_value_lets_through(value: str, first: str, last: str, again: str) -> None:
    key, _, value = value.partition(":")
    found = days(key, value)
    assert tuple(map(str, found)) == (first, last) and days_written(key, *found) == again
    assert not again or days(key, again) == found


def test_of_two_days_the_earlier_is_the_first() -> None:
    assert days_written("date", date(2020, 1, 2), date(2019, 1, 1)) == "2019-01-01..2020-01-02"
