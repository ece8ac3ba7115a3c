"""Values that are made when they are first needed and given back when nothing has needed them for a while."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """A value made on first use, by one thread, the others waiting.

    Who is using it when it is dropped keeps it until done.
    """

    def __init__(self, make: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds that only grow."""
        self._make = make
        self._clock = clock
        self._lock = threading.Lock()
        self._value: T | None = None
        self._used = 0.0

    def get(self) -> T:
        """The value; what ``make`` raises is raised again at the next use."""
        with self._lock:
            if self._value is None:
                self._value = self._make()
            self._used = self._clock()
            return self._value

    def drop(self, idle: float = 0.0) -> None:
        """Forget the value where it was not asked for in the last ``idle`` seconds.

        Does not wait while it is being made.
        """
        if not self._lock.acquire(blocking=not idle):
            return
        try:
            if self._value is None or self._clock() - self._used < idle:
                return
            self._value = None
        finally:
            self._lock.release()
        _give_back()


def _give_back() -> None:
    """Have the C library give freed memory back to the system: glibc would keep two thirds of a model's for later."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # not glibc: others need no asking, or can't be asked
        return
    trim(0)
