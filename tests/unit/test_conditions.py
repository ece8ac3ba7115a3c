"""Conditions on facts, as people type them."""

from __future__ import annotations

import pytest

from src.errors import BadInput
from src.schema.conditions import Condition, names, parse_condition
from src.schema.fields import FIELDS, OF_THE_USER


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("camera=nikon", Condition(("camera_make", "camera_model"), "camera=nikon", "contains", "nikon")),
        (" lens = 50mm f/1.8 ", Condition(("lens",), "lens=50mm f/1.8", "contains", "50mm f/1.8")),
        ("iso=100..400", Condition(("iso",), "iso=100..400", "range", low=100.0, high=400.0)),
        ("iso=..400", Condition(("iso",), "iso=..400", "range", low=None, high=400.0)),
        ("iso=100", Condition(("iso",), "iso=100", "range", low=100.0, high=100.0)),
        ("rating>=4", Condition(("rating",), "rating>=4", "range", low=4.0)),
        ("aperture<=2.8", Condition(("aperture",), "aperture<=2.8", "range", high=2.8)),
        ("flash=yes", Condition(("flash",), "flash=yes", "equals", 1)),
        ("orientation=6", Condition(("orientation",), "orientation=6", "equals", 6)),
        (
            "taken_at=2024-05",
            Condition(("taken_at",), "taken_at=2024-05", "range", low="2024-05", high="2024-05\U0010ffff"),
        ),
        ("keywords=a=b, c", Condition(("keywords",), "keywords=a=b, c", "contains", "a=b, c")),
    ],
)
def test_what_is_written_is_read(written: str, expected: Condition) -> None:
    assert parse_condition(written) == expected


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("", "is no condition"),
        ("camera", "is no condition"),
        ("camera=", "is no condition"),
        ("shutter=1", "There is no fact named 'shutter'. The facts are: camera,"),
        ("megapixels=12", "There is no fact named 'megapixels'"),
        ("camera>=nikon", "camera has no order"),
        ("iso=fast", "iso is a number, and 'fast' is none"),
        ("iso=nan", "iso is a number"),
        ("iso=400..100", "ends before it begins"),
        ("iso=..", "is no span"),
        ("iso>=1..2", "is no span"),
        ("flash=maybe", "flash is yes or no"),
    ],
)
def test_what_makes_no_sense_gets_one_sentence(written: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        parse_condition(written)


def test_every_fact_may_be_named() -> None:
    assert set(names()) == {"camera", *(field.name for field in (*FIELDS, *OF_THE_USER))}
