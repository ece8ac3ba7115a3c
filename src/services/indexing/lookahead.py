"""Results in the order of what they are made of, worked on some ahead by threads, and handed over in batches.

A slow one holds up what comes after it, never what is done: that is handed over after ``COMMIT_SECONDS`` in any case.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Generic, TypeVar

COMMIT_SECONDS = 2.0
"""What is done is handed over after this long, also while a slow one holds up the rest."""
WAIT_SECONDS = 0.5
"""Of one that takes longer it is told that it is being worked on, so that whoever asked can cancel."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Begun(Generic[Item, Result]):
    """Something that a worker thread is at, or will be."""

    item: Item
    result: Future[Result]


@dataclass(frozen=True)
class Slow(Generic[Item]):
    """Something that all others wait for now."""

    item: Item


def batches(
    todo: Iterator[Result | Begun[Item, Result]],
    ahead: int,
    is_full: Callable[[Sequence[Result]], bool],
    waiting_for: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[list[Result] | Slow[Item]]:
    """Lists of results in the order of ``todo``, each when full or ``COMMIT_SECONDS`` old, and what is waited for.

    todo: what is told at once, or begun; it is taken up to ``ahead`` further than what was handed over. waiting_for:
    times the waiting.
    """
    waiting: deque[Result | Begun[Item, Result]] = deque()
    batch: list[Result] = []
    until = time.monotonic() + COMMIT_SECONDS
    while True:
        waiting.extend(itertools.islice(todo, ahead - len(waiting)))
        if not waiting:
            break
        left = max(0.0, until - time.monotonic()) if batch else WAIT_SECONDS
        first = waiting[0]
        with waiting_for():
            is_done = not isinstance(first, Begun) or bool(wait((first.result,), min(left, WAIT_SECONDS)).done)
        if is_done:
            waiting.popleft()
            batch.append(first.result.result() if isinstance(first, Begun) else first)
        elif isinstance(first, Begun):
            yield Slow(first.item)
        if batch and (is_full(batch) or time.monotonic() > until):
            yield batch
            batch, until = [], time.monotonic() + COMMIT_SECONDS
    if batch:
        yield batch
