"""Seconds by stage, added up over any number of threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

STAGES = ("read", "decode", "thumbnail", "prepare", "encode", "store", "index", "wait")
"""What ``schema.Timings`` tells of."""


class Stopwatch:
    """Adds up how long stages took. Safe to use from several threads, whose seconds are summed."""

    def __init__(self) -> None:
        self._seconds = dict.fromkeys(STAGES, 0.0)
        self._lock = threading.Lock()

    @contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        """Add the block's duration to a stage, also where it raises."""
        started = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self._seconds[stage] += time.perf_counter() - started

    def seconds(self) -> dict[str, float]:
        """Stage -> seconds so far."""
        with self._lock:
            return dict(self._seconds)
