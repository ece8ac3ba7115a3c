"""How much memory decoding may take: what is at hand, what one picture may need, and what all may at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MOST_MEGAPIXELS = 200
"""The cap where none is set: what the largest camera sensors give."""
MOST_BYTES = 640 * 2**20
"""What decoding may take without a cap, whatever there is: the app and its decoders stay under 1 GB."""
LEAST_BYTES = 64 * 2**20
WORST_BYTES_PER_PIXEL = 20
_UNKNOWN = 2 * 2**30
"""Memory taken to be at hand where the system does not tell."""


@dataclass(frozen=True)
class Limits:
    """What one picture may have at most."""

    megapixels: int
    bytes: int
    """Memory for decoding it."""


def limits(max_megapixels: int | None) -> Limits:
    """The limits under the memory at hand.

    A cap set by the user also raises the bytes, up to three quarters of that memory.
    """
    at_hand = available()
    safe = max(LEAST_BYTES, min(MOST_BYTES, at_hand // 3))
    if max_megapixels is None:
        return Limits(MOST_MEGAPIXELS, safe)
    return Limits(max_megapixels, max(safe, min(max_megapixels * 1_000_000 * WORST_BYTES_PER_PIXEL, at_hand * 3 // 4)))


def available() -> int:
    """Bytes that this process can take without pushing others out: the system's figure, or a container's lower one."""
    system = _system()
    container = _container()
    return system if container is None else min(system, container)


def _system() -> int:
    import psutil

    try:
        return psutil.virtual_memory().available
    except (OSError, LookupError, ValueError):
        return _UNKNOWN


def _container() -> int | None:
    """What is left of the control group's memory (version 2, then 1), its page cache free; None without a limit."""
    for folder, most, used, cache in (
        ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            limit, taken = (int(Path(folder, name).read_text()) for name in (most, used))
            lines = (line.split() for line in Path(folder, "memory.stat").read_text().splitlines())
            return max(0, limit - taken + next((int(size) for name, size in lines if name == cache), 0))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return None


class Budget:
    """Bytes that may be in use at once, given out first come, first served."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._used = 0
        self._turn = threading.Lock()  # a large request is not passed by small ones for ever
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, needs: int) -> Iterator[None]:
        """Wait until ``needs`` bytes are free and hold them. More than there is at all waits until it is alone."""
        with self._turn, self._changed:
            self._changed.wait_for(lambda: not self._used or self._used + needs <= self._total)
            self._used += needs
        try:
            yield
        finally:
            with self._changed:
                self._used -= needs
                self._changed.notify_all()
