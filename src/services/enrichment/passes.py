"""Going through photos for what is not known of them yet: a few ahead, stored in batches, told as a job's events.

A photo that was gone through by one pass with one recipe is marked so in the catalogue (``looked_at``), in the
transaction that stores what was found. Closing the iterator cancels; what was stored stays, and the next run goes on
there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from src.schema import Indexed, JobEvent, Progress, Skipped
from src.services.indexing.lookahead import Begun, Slow, batches


@dataclass(frozen=True)
class Looked:
    """A photo that was gone through. ``lost``: its file could not be read now; it is tried again by the next run."""

    image_id: str
    name: str
    lost: bool = False


L = TypeVar("L", bound=Looked)


class Pass(Protocol[L]):
    """What is done with each photo. ``workers``: threads that ``look`` is called in at once."""

    name: str
    workers: int

    def look(self, image_id: str) -> L:
        """Find it out about one photo, in a worker thread."""

    def is_full(self, batch: Sequence[L]) -> bool:
        """Whether so much was found that it is to be stored."""

    def store(self, batch: Sequence[L]) -> None:
        """Store what was found, and that it was looked for, in one transaction."""


def run(work: Pass[L], todo: Sequence[str]) -> Iterator[JobEvent]:
    """Go through photos (ids) in order. Each is told of once it was stored."""
    done, name = 0, ""
    yield Progress(0, len(todo))
    pool = ThreadPoolExecutor(work.workers, work.name)
    begun: Iterator[L | Begun[str, L]] = (Begun(id_, pool.submit(work.look, id_)) for id_ in todo)
    try:
        for batch in batches(begun, 2 * work.workers, work.is_full):
            if isinstance(batch, Slow):
                yield Progress(done, len(todo), current=name)
                continue
            work.store([looked for looked in batch if not looked.lost])
            for looked in batch:
                done, name = done + 1, looked.name
                yield Skipped(name, "Its file can't be read now.") if looked.lost else Indexed(looked.image_id, name)
            yield Progress(done, len(todo), current=name)  # here a job may be stopped: all that is stored was told
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
