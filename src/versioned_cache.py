"""Answers that are kept as long as what they were made of has not changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """The last few answers.

    Safe for several threads: two may make the same answer at once, none gets one that is out of date.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[Hashable, tuple[object, T]] = OrderedDict()

    def get(self, question: Hashable, state: object, make: Callable[[], T]) -> T:
        """The answer to a question, made anew where ``state`` is not what it was."""
        known = self._answers.get(question)
        if known is None or known[0] != state:
            known = self._answers[question] = (state, make())
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return known[1]
