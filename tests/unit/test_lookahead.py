"""Results come in order and in batches, and a slow one holds up what follows it alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from src.services.indexing import lookahead
from src.services.indexing.lookahead import Begun, Slow, batches

Batch = list[int] | Slow[int]


def full(batch: Sequence[int]) -> bool:
    return len(batch) >= 4


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3) as threads:
        yield threads


def test_results_come_in_order_however_long_each_takes(pool: ThreadPoolExecutor) -> None:
    def square(number: int) -> int:
        time.sleep(0.01 * (number % 3))
        return number * number

    begun: Iterator[int | Begun[int, int]] = (Begun(number, pool.submit(square, number)) for number in range(10))
    found = [batch for batch in batches(begun, 6, full) if not isinstance(batch, Slow)]
    assert found == [[0, 1, 4, 9], [16, 25, 36, 49], [64, 81]]


def test_what_is_known_at_once_needs_no_thread() -> None:
    assert list(batches(iter(range(5)), 2, full)) == [[0, 1, 2, 3], [4]]
    assert list(batches(iter(()), 2, full)) == []


def test_a_slow_one_is_told_of_and_holds_up_no_batch_that_is_done(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookahead, "COMMIT_SECONDS", 0.05)
    monkeypatch.setattr(lookahead, "WAIT_SECONDS", 0.02)
    go = threading.Event()

    def work(number: int) -> int:
        if number == 2:
            assert go.wait(20)
        return number

    begun: Iterator[int | Begun[int, int]] = (Begun(number, pool.submit(work, number)) for number in range(4))
    told: list[Batch] = []
    for batch in batches(begun, 4, full):
        told.append(batch)
        if isinstance(batch, Slow) and [0, 1] in told:
            go.set()
    assert [batch for batch in told if not isinstance(batch, Slow)] == [[0, 1], [2, 3]]
    assert Slow(2) in told


def test_no_more_is_taken_than_it_is_ahead(pool: ThreadPoolExecutor) -> None:
    taken = []

    def todo() -> Iterator[int | Begun[int, int]]:
        for number in range(50):
            taken.append(number)
            yield Begun(number, pool.submit(int, number))

    steps = batches(todo(), 6, full)
    assert next(steps) == [0, 1, 2, 3] and len(taken) <= 4 + 6


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), TimeoutError("x")])
def test_what_goes_wrong_in_a_thread_is_raised(pool: ThreadPoolExecutor, error: Exception) -> None:
    def work(_: int) -> int:
        raise error

    begun: Iterator[int | Begun[int, int]] = (Begun(number, pool.submit(work, number)) for number in range(3))
    with pytest.raises(type(error)):
        list(batches(begun, 3, full))
