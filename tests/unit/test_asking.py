"""Searches of other programs that are made together give what each would by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from src.errors import AppError, BadInput, BadQuery, NotFound
from src.runtime import Services
from src.services.search.asking import Wanted


@pytest.fixture
def indexed(services: Services, photos: Path) -> Services:
    list(services.handlers["index"]({"paths": [str(photos)]}))
    return services


def test_pages_made_together_are_those_made_one_by_one(indexed: Services) -> None:
    several = [
        Wanted("red", top_k=2),
        Wanted("a blue picture", top_k=2),
        Wanted("red", top_k=3),
        Wanted("green", top_k=2, filters=("width>=1",)),
        Wanted(image="red.jpg", top_k=2),
        Wanted("type:jpeg", top_k=2),
    ]
    together = indexed.asking.pages(several)
    for wanted, answer in zip(several, together, strict=True):
        assert not isinstance(answer, AppError)
        page, following = indexed.asking.page(wanted)
        assert replace(page, took_ms=0) == replace(answer[0], took_ms=0) and bool(following) == bool(answer[1])
        assert page.hits


def test_one_that_makes_no_sense_keeps_none_of_the_others_back(indexed: Services) -> None:
    several = [
        Wanted("red"),
        Wanted(""),
        Wanted(image="no such photo"),
        Wanted("blue", cursor="none"),
        Wanted("blue", filters=("taken>soon",)),
        Wanted("blue"),
    ]
    answers = indexed.asking.pages(several)
    kinds = [type(answer) for answer in answers]
    assert kinds[0] is kinds[5] is tuple and kinds[1] is BadQuery and kinds[2] is NotFound and kinds[3] is BadInput
    assert isinstance(answers[4], AppError)
    assert answers[0][0].hits and answers[5][0].hits  # type: ignore[index]


def test_pages_follow_each_other_whoever_else_asks(indexed: Services) -> None:
    told: list[str] = []
    cursor = None
    while True:
        mine, _ = indexed.asking.pages([Wanted("red", top_k=1, cursor=cursor), Wanted("blue", top_k=1)])
        assert not isinstance(mine, AppError)
        page, cursor = mine
        told += [hit.id for hit in page.hits]
        if cursor is None:
            break
    assert len(told) == len(set(told)) == indexed.catalog.counts()[0]
