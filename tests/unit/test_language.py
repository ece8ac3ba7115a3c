"""The query language: what is understood of a text, and that what is understood can be written down again."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from src.schema.colour_words import COLOUR_WORDS, colour_word
from src.schema.conditions import STAR
from src.schema.query_keys import KEYS, SORTS, condition, nearest_key
from src.services.search.language import MOST_VALUES, Like, Reading, Restriction, Term, parse, written
from tests.unit.queries import QUERIES

ODD = st.lists(
    st.sampled_from(
        [*KEYS, "sort", "similar", *SORTS, *COLOUR_WORDS, ":", "-", "|", "\\", '"', "^", "*", " ", "  ", "..", ">",
         ">=", "<", "=", "/", "2019", "-05", "3", "1.5", "a", "é", "e\u0301", "\u0338", "\u0301", "“", "：", "İ", "ß",
         "\n", "\0", "\ud800", "K", "😀", "C:\\x", "http://x", "rateing:5", "#aabbcc", "gps", "portrait", "yes", "mb"]
    ),
    max_size=60,
).map("".join)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=300), ODD))
@example('a"\u0301"')
@example("a\\\u0301")
@example('camera:">"\u0338')
@example("-\\")
@example('""^2')
@example("\\ ^2")
@example("camera:|")
@example("-\\-x")
def test_any_text_is_read_and_reads_the_same_once_written(text: str) -> None:
    reading = parse(text)
    assert parse(written(reading)) == reading
    assert len(reading.conditions) <= len(reading.restrictions) and reading.words == reading.words.strip()


def words_of(reading: Reading, negative: bool = False) -> list[str]:
    return [term.text for term in reading.terms if term.negative == negative]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query[0])
def test_what_people_write_is_read_as_they_mean_it(query: tuple[str, str, str, str, str]) -> None:
    text, words, restrictions, negatives, sort = query
    reading = parse(text)
    assert reading.words == words
    assert written(Reading(restrictions=reading.restrictions)) == restrictions
    assert ", ".join(words_of(reading, negative=True)) == negatives
    assert reading.sort == sort and not reading.notes and parse(written(reading)) == reading


def test_the_table_of_queries_is_large_enough() -> None:
    assert len({query[0] for query in QUERIES}) == len(QUERIES) >= 120


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("words", Reading((Term("words"),))),
        ('"two words"', Reading((Term("two words", phrase=True),))),
        ("-word", Reading((Term("word", negative=True),))),
        ('-"two words"', Reading((Term("two words", negative=True, phrase=True),))),
        ("word^2", Reading((Term("word", 2.0),))),
        ("camera:nikon", Reading(restrictions=(Restriction("camera", ("nikon",)),))),
        ("-camera:nikon", Reading(restrictions=(Restriction("camera", ("nikon",), True),))),
        ("camera:a|b", Reading(restrictions=(Restriction("camera", ("a", "b")),))),
        ('camera:"a b"', Reading(restrictions=(Restriction("camera", ("a b",)),))),
        ("camera:a*", Reading(restrictions=(Restriction("camera", ("a*",)),))),
        ("in:a\\*b*", Reading(restrictions=(Restriction("in", (f"a{STAR}b*",)),))),
        ('in:"5\\* best"|b', Reading(restrictions=(Restriction("in", (f"5{STAR} best", "b")),))),
        ('\\* "a \\* b"', Reading((Term("*"), Term("a * b", phrase=True)))),
        ("similar:ID", Reading(similar=(Like("ID"),))),
        ("-similar:ID", Reading(similar=(Like("ID", True),))),
        ("sort:date", Reading(sort="date")),
        ("sort:-Date", Reading(sort="-date")),
        ("sort:date sort:relevance", Reading()),
        ("\\-people", Reading((Term("-people"),))),
        ("rating\\:5", Reading((Term("rating:5"),))),
        ('in:"My Photos"|b', Reading(restrictions=(Restriction("in", ("My Photos", "b")),))),
        ("“two words” camera：nikon", Reading((Term("two words", phrase=True),), (Restriction("camera", ("nikon",)),))),
        ("^2", Reading((Term("^2"),))),
        ("a^99", Reading((Term("a^99"),))),
        ("a^0", Reading((Term("a^0"),))),
        ("red car^0.5 sky", Reading((Term("red"), Term("car", 0.5), Term("sky")))),
        ('"red car"^2', Reading((Term("red car", 2.0, phrase=True),))),
        ("12:30", Reading((Term("12:30"),))),
        ("C:\\x", Reading((Term("C:\\x"),))),
        ("in:C:\\Photos\\2019", Reading(restrictions=(Restriction("in", ("C:\\Photos\\2019",)),))),
        ("http://x", Reading((Term("http://x"),))),
        ("re: cats", Reading((Term("re: cats"),))),
        ("t-shirt", Reading((Term("t-shirt"),))),
        ("a - b", Reading((Term("a - b"),))),
        ("-", Reading((Term("-"),))),
        ('a "b c', Reading((Term("a"), Term("b c", phrase=True)))),
        ("red camera:nikon car", Reading((Term("red car"),), (Restriction("camera", ("nikon",)),))),
        ("COLOR:Red", Reading(restrictions=(Restriction("colour", ("Red",)),))),
        ("", Reading()),
        (' "" -"" ', Reading()),
    ],
)
def test_each_form_of_the_language(text: str, expected: Reading) -> None:
    reading = parse(text)
    assert (reading, reading.notes) == (expected, ()) and parse(written(reading)) == expected


@pytest.mark.parametrize("text", ["foo\\:bar", "-Foo\\:bar^2", "a red\\:car b"])
def test_a_word_with_a_backslash_before_its_colon_is_written_so_again(text: str) -> None:
    assert written(parse(text)) == text and parse(written(parse(text))).notes == ()
    assert written(parse("c:\\photos http://host a: 12:30")) == "c:\\\\photos http://host a: 12:30"


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("rateing:5", "“rateing:” is no filter and was read as a word; did you mean “rating:”?"),
        ("foo:bar", "“foo:” is no filter and was read as a word."),
        ("date:2019-13", "“2019-13” is no year, month or day"),
        ("date:2019-02-31", "“2019-02-31” is no year, month or day"),
        ("rating:5..3", "ends before it begins"),
        ("rating:>1..2", "is no span"),
        ("rating:..", "is no span"),
        ("iso:fast", "“fast” is no number that is understood here; write it as in “iso:100..400”."),
        ("size:5tb", "“5tb” is no number"),
        ("exposure:1/0", "“1/0” is no number"),
        ("iso:1/2", "“1/2” is no number"),
        ("colour:mauve", "there are red, orange, yellow, green, cyan, blue, purple, pink, brown, black, white, grey"),
        ("is:round", "there are portrait, landscape, square"),
        ("has:luck", "“luck” is no such fact here"),
        ("flash:maybe", "flash is yes or no"),
        ("before:2018..2019", "is no year, month or day"),
        ("camera:|", "“camera:” needs a value"),
        ("sort:beauty", "“sort:beauty” is no order; the orders are relevance, date, name, size, album."),
        ("-sort:date", "“-sort:date” is no order"),
    ],
)
def test_what_makes_no_sense_is_words_with_a_note(text: str, note: str) -> None:
    reading = parse(text)
    assert written(reading).replace("\\", "") == text and not reading.restrictions and not reading.sort
    assert len(reading.notes) == 1 and note in reading.notes[0] and "\n" not in reading.notes[0]
    assert parse(written(reading)) == reading


def test_long_texts_are_cut_and_too_many_filters_are_words() -> None:
    reading = parse("x" * 3000)
    assert reading.words == "x" * 2000 and "3,000 characters; only the first 2,000" in reading.notes[0]
    many = parse(" ".join(f"mp:{number}" for number in range(600)))
    assert len(many.restrictions) == MOST_VALUES and any("Only the first 100" in note for note in many.notes)
    assert not parse(f"mp:{'|'.join('1' * (n + 1) for n in range(14))}").notes


def test_of_some_keys_one_restriction_must_hold_and_of_others_all() -> None:
    one = parse("camera:nikon camera:canon|sony lens:50mm").conditions
    assert [condition.text for condition in one] == ["camera:nikon|canon|sony", "lens:50mm"]
    assert [each.value for each in one[0].any_of] == ["nikon", "canon", "sony"]
    assert len(parse("tag:a tag:b").conditions) == 2
    assert [each.text for each in parse("-camera:a -camera:b camera:c").conditions] == [
        "-camera:a",
        "-camera:b",
        "camera:c",
    ]


def test_every_key_tells_what_it_is_and_its_example_is_read() -> None:
    for spelling, key in KEYS.items():
        reading = parse(key.example)
        assert len(reading.restrictions) == 1 and not reading.notes and not reading.terms, key.example
        assert reading.restrictions[0].key == key.name and key.example.startswith(f"{key.name}:")
        assert key.label and key.help.endswith(".") and "\n" not in key.help
        renamed = parse(key.example.replace(key.name, spelling, 1))
        assert renamed == reading, "every spelling is the same key"


def test_a_mistyped_key_is_recognised() -> None:
    assert (nearest_key("rateing"), nearest_key("similiar"), nearest_key("kamera")) == ("rating", "similar", "camera")
    assert nearest_key("http") is None and nearest_key("") is None


def test_a_number_alone_is_meant_about_so() -> None:
    low, high = (getattr(condition("exposure", ["1/250"]), end) for end in ("low", "high"))
    assert 0.00397 < low < 0.00399 and 0.00401 < high < 0.00403
    exact = condition("size", ["5.1mb"])
    assert (exact.low, exact.high) == (5_100_000, 5_100_000)


@pytest.mark.parametrize(
    ("word", "codes"),
    {
        "red": "ff0000 8b0000 dc143c b22222",
        "orange": "ffa500 ff8c00",
        "yellow": "ffff00 ffd700",
        "green": "00ff00 006400 228b22 90ee90 808000",
        "cyan": "00ffff 008080 40e0d0",
        "blue": "0000ff 000080 4169e1 87ceeb 4682b4",
        "purple": "800080 4b0082 8a2be2",
        "pink": "ffc0cb ff69b4 ff1493 ff00ff",
        "brown": "8b4513 a0522d d2b48c 5c4033 6b4423",
        "black": "000000 101010",
        "white": "ffffff f5f5f5",
        "grey": "808080 c0c0c0 333333 708090",
        "": "zzzzzz ff",
    }.items(),
)
def test_colours_go_by_their_everyday_names(word: str, codes: str) -> None:
    assert {code: colour_word(f"#{code}") for code in codes.split()} == dict.fromkeys(codes.split(), word)
    assert not word or word in COLOUR_WORDS
