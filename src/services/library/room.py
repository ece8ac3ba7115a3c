"""How much room the library takes on the disk, counted beside whoever asks.

Every file of it is looked at, which takes a second for 100,000 photos and far longer on a busy machine or a slow drive:
no page waits for that.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable

from src.errors import AppError

LASTS = 30.0
"""Seconds after which it is counted again although the library has not changed."""
SHARE = 20
"""Times as long as it took to count passes before it is counted again although the library has changed."""
log = logging.getLogger(__name__)


class RoomTaken:
    """Safe to use from several threads."""

    def __init__(self, count: Callable[[], int]) -> None:
        """count: gives the bytes as of now."""
        self._count = count
        self._lock = threading.Lock()
        self._state: Hashable = None
        self._last: int | None = None
        self._ended, self._took = float("-inf"), 0.0
        self._counted = threading.Event()
        self._counted.set()

    def bytes(self, state: Hashable, patience: float) -> int | None:
        """What was counted last; None where nothing was yet. A new count is waited for ``patience`` seconds at most.

        state: as long as this is the same, so is what is counted, mostly.
        """
        with self._lock:
            passed = time.monotonic() - self._ended
            due = passed > (SHARE * self._took if state != self._state else LASTS)
            if due and self._counted.is_set():
                self._state = state
                self._counted.clear()
                threading.Thread(target=self._run, name="room", daemon=True).start()
        self._counted.wait(patience)
        return self._last

    def _run(self) -> None:
        started = time.monotonic()
        try:
            self._last = self._count()
        except AppError as error:  # such as of a library that was closed meanwhile
            log.info("the room that the library takes can't be counted: %s", error)
        finally:
            self._ended = time.monotonic()
            self._took = self._ended - started
            self._counted.set()
