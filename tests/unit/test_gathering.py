"""Requests that wait together are answered together, and each gets its own answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from itertools import chain
from typing import Any, cast

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from src.api.line import GONE, Gathering
from src.errors import AppError, BadQuery


class Asks:
    """A request, of which only one thing is asked."""

    def __init__(self, gone: bool = False) -> None:
        self.gone = gone

    async def is_disconnected(self) -> bool:
        return self.gone


class Work:
    """Answers a text with itself in capitals; waits with the first until ``goes_on``."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.asked: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> list[str | AppError]:
        self.asked.append(list(texts))
        self.goes_on.wait(10)
        if "broken" in texts:
            raise RuntimeError("nobody expected this")
        return [BadQuery("Ask for something.") if text == "" else text.upper() for text in texts]


def answers(asked: Sequence[str], gone: Sequence[str] = (), most: int = 16) -> tuple[list[Any], list[list[str]]]:
    """What each gets when all but the first come while the first is answered, and what was asked together."""

    async def all_together() -> list[Any]:
        gathering: Gathering[str, str] = Gathering(most)
        requests = [cast(Request, Asks(text in gone)) for text in asked]
        tasks = [asyncio.create_task(gathering.run(one, text, work)) for one, text in zip(requests, asked, strict=True)]
        while not work.asked:
            await asyncio.sleep(0.001)
        work.goes_on.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    work = Work()
    return asyncio.run(all_together()), work.asked


def test_those_that_wait_are_answered_together_in_their_order() -> None:
    found, asked = answers(["a", "b", "c", "d"])
    assert found == ["A", "B", "C", "D"] and [*chain(*asked)] == ["a", "b", "c", "d"] and len(asked) < 4


def test_no_more_are_answered_together_than_may_be() -> None:
    found, asked = answers(list("abcdefg"), most=3)
    assert found == list("ABCDEFG") and max(map(len, asked)) == 3


def test_what_is_wrong_with_one_is_told_to_that_one_alone() -> None:
    found, _ = answers(["a", "", "c"])
    assert found[::2] == ["A", "C"] and isinstance(found[1], BadQuery)


def test_what_nobody_expected_is_told_to_all_of_them_and_the_next_are_answered() -> None:
    found, asked = answers(["a", "broken", "c", "d", "e"], most=3)
    together = next(some for some in asked if "broken" in some)
    for text, answer in zip(["a", "broken", "c", "d", "e"], found, strict=True):
        assert isinstance(answer, RuntimeError) == (text in together)


def test_who_has_gone_is_not_asked_for() -> None:
    found, asked = answers(["a", "b", "c"], gone=["b"])
    assert "b" not in chain(*asked) and (found[0], found[2]) == ("A", "C")
    assert isinstance(found[1], HTTPException) and found[1].status_code == GONE


def test_one_that_is_given_up_holds_up_no_other() -> None:
    async def given_up() -> str:
        gathering: Gathering[str, str] = Gathering(4)
        first, second = (asyncio.create_task(gathering.run(cast(Request, Asks()), text, work)) for text in "ab")
        while not work.asked:
            await asyncio.sleep(0.001)
        first.cancel()
        work.goes_on.set()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await second

    work = Work()
    assert asyncio.run(given_up()) == "B"
