"""Answers that are kept as long as what they were made of has not changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from cachetools import LRUCache

T = TypeVar("T")


class Kept(Generic[T]):
    """The answers that were asked for last.

    Safe for several threads: two may make the same answer at once, none gets one that is out of date.
    """

    def __init__(self, most: int) -> None:
        self._answers: LRUCache[Hashable, tuple[object, T]] = LRUCache(most)
        self._lock = threading.Lock()

    def get(self, question: Hashable, state: object, make: Callable[[], T]) -> T:
        """The answer to a question, made anew where ``state`` is not what it was."""
        with self._lock:
            known = self._answers.get(question)
        if known is None or known[0] != state:
            known = state, make()
            with self._lock:
                self._answers[question] = known
        return known[1]

    def last(self, question: Hashable) -> T | None:
        """The last answer to a question, whatever changed since; None where there is none, or none any more."""
        with self._lock:
            known = self._answers.get(question)
        return known[1] if known else None
