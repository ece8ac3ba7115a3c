"""Whether a query looks like another language than English, and that every way to search says so."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path

import pytest

from src import wire
from src.cli import terminal
from src.runtime import Services
from src.schema import Notice
from src.services.search.foreign import SENTENCE, looks_foreign
from src.services.search.language import MAX_CHARACTERS
from src.services.search.service import Query
from tests.unit.test_search import library  # noqa: F401  (a fixture)

FOREIGN = (
    "ein Hund am Strand",
    "un perro en la playa",
    "两只狗",
    "женщина на пляже",
    "un chien dans la neige",
    "¿dónde?",
    "perro",
)
ENGLISH = (
    "a dog on a beach",
    "café",
    "jalapeño",
    "Köln",
    "piñata",
    "in Köln",
    "los angeles",
    "red van",
    "dog",
    "IMG_1234",
    "🐶",
    "",
)


@pytest.mark.parametrize("text", FOREIGN)
def test_other_languages_are_seen(text: str) -> None:
    assert looks_foreign(text)


@pytest.mark.parametrize("text", ENGLISH)
def test_english_and_names_are_let_alone(text: str) -> None:
    assert not looks_foreign(text)


def test_a_search_says_it_beside_other_notices(library: Services, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    page = library.search.search(Query("ein roter Hund"), 2)
    assert page.notices == (Notice("not-english", SENTENCE),)
    assert tuple(notice.sentence for notice in page.notices) == (SENTENCE,) == tuple(wire.search_page(page)["notes"])
    terminal.notes(page)
    terminal.show_page(page)
    told = capsys.readouterr()
    assert SENTENCE in told.out and SENTENCE in told.err
    assert len(library.search.search(Query("ein Hund " * MAX_CHARACTERS), 2).notices) == 2
    assert library.search.search(Query("a red dog"), 2).notices == ()
    list(library.handlers["clear"]({}))
    assert library.search.search(Query("ein Hund")).notices == ()


@pytest.mark.skipif("MFE_TEST_DATA" not in os.environ, reason="MFE_TEST_DATA names no folder of test photos")
def test_captions_of_many_languages() -> None:
    data = Path(os.environ["MFE_TEST_DATA"])
    captions = defaultdict(list)
    for line in (data / "languages" / "flickr8k_dev.jsonl").read_text(encoding="utf-8").splitlines():
        captions[json.loads(line)["lang"]] += json.loads(line)["captions"]
    every = [looks_foreign(text) for texts in captions.values() for text in texts[1::2]]
    assert sum(every) >= 0.95 * len(every)
