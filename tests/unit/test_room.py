"""What the library takes on the disk is counted beside the pages, which show the last count meanwhile."""

from __future__ import annotations

import threading

import pytest

from src.errors import LibraryUnusable
from src.services.library import room
from src.services.library.room import RoomTaken


class Count:
    """Counts 1, 2, 3, ...; waits before each but the first until ``goes_on``."""

    def __init__(self) -> None:
        self.number = 0
        self.goes_on = threading.Event()
        self.refuses = False

    def __call__(self) -> int:
        self.number += 1
        if self.number > 1:
            self.goes_on.wait(10)
        if self.refuses:
            raise LibraryUnusable("The library is closed.")
        return self.number


def test_it_is_counted_once_as_long_as_nothing_changes() -> None:
    count = Count()
    taken = RoomTaken(count)
    assert [taken.bytes("same", 10) for _ in range(5)] == [1] * 5 and count.number == 1


def test_nobody_waits_for_a_long_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SHARE", 0)
    count = Count()
    taken = RoomTaken(count)
    assert taken.bytes("before", 10) == 1
    assert [taken.bytes("after", 0) for _ in range(5)] == [1] * 5, "the last count, while the next is made"
    count.goes_on.set()
    assert taken.bytes("after", 10) == 2 == count.number, "one count for all who asked"


def test_what_took_long_is_not_done_again_at_once() -> None:
    count = Count()
    taken = RoomTaken(count)
    assert taken.bytes("before", 10) == 1
    taken._took = 3600.0
    assert taken.bytes("after", 10) == 1 == count.number


def test_before_the_first_count_there_is_none() -> None:
    count = Count()
    count.number = 1
    taken = RoomTaken(count)
    assert taken.bytes("any", 0) is None
    count.goes_on.set()
    assert taken.bytes("any", 10) == 2


def test_one_that_fails_leaves_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SHARE", 0)
    count = Count()
    count.goes_on.set()
    taken = RoomTaken(count)
    assert taken.bytes("before", 10) == 1
    count.refuses = True
    assert taken.bytes("after", 10) == 1 and count.number == 2
    count.refuses = False
    assert taken.bytes("later", 10) == 3
