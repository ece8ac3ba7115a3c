"""Lazy: made once, dropped when idle, kept by who is using it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from src.models.lazy import Lazy


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_it_is_made_once_by_many_threads():
    made: list[object] = []
    barrier = threading.Barrier(4)

    def make() -> object:
        made.append(object())
        return made[-1]

    value = Lazy(make)

    def ask(_: int) -> object:
        barrier.wait()
        return value.get()

    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(ask, range(4)))
    assert len(made) == 1
    assert all(each is made[0] for each in got)


def test_only_what_was_idle_long_enough_is_dropped_and_made_again_later():
    clock, made = Clock(), []
    value = Lazy(lambda: made.append(1) or len(made), clock)
    assert value.get() == 1
    clock.now += 500
    value.get()
    clock.now += 599
    value.drop(600)
    assert value.get() == 1
    clock.now += 600
    value.drop(600)
    assert value.get() == 2
    value.drop()
    assert value.get() == 3


def test_dropping_what_is_idle_does_not_wait_for_what_is_being_made():
    begun, finish = threading.Event(), threading.Event()

    def make() -> str:
        begun.set()
        assert finish.wait(10)
        return "made"

    value = Lazy(make)
    with ThreadPoolExecutor(1) as pool:
        getting = pool.submit(value.get)
        assert begun.wait(10)
        value.drop(600)  # would hang here
        finish.set()
        assert getting.result(10) == "made"


def test_a_failure_is_told_and_not_kept():
    answers = iter([OSError("gone"), None])

    def make() -> str:
        error = next(answers)
        if error:
            raise error
        return "made"

    value = Lazy(make)
    with pytest.raises(OSError, match="gone"):
        value.get()
    assert value.get() == "made"
