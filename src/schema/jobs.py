"""Jobs and the events that they are told by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    ``total`` is None while it is not known. ``unit`` is ``images``, ``objects``, ``bytes`` or ``vectors``.
    """

    done: int
    total: int | None
    unit: str = "images"
    current: str = ""


@dataclass(frozen=True)
class Indexed:
    """A new image, or a new vector of one, is committed to the catalogue."""

    image_id: str
    path: str


@dataclass(frozen=True)
class Already:
    """A file whose image was there before: unchanged, moved, back after it was missing, or another copy of it."""

    path: str


@dataclass(frozen=True)
class Skipped:
    """A file that was not indexed, and why, in one sentence."""

    path: str
    reason: str


@dataclass(frozen=True)
class Finding:
    """Something that a check of the library found.

    ``text`` is one sentence; ``repaired`` is False where it stands as it was.
    """

    check: str
    text: str
    repaired: bool = False


@dataclass(frozen=True)
class Timings:
    """Where the time of a pass over files went, told once at its end: seconds by stage.

    ``read`` (of the file, and its SHA-256), ``decode``, ``thumbnail`` and ``prepare`` (the model's input) are summed
    over the worker threads, so together they may exceed the job's. ``encode``, ``store`` (the catalogue) and ``wait``
    (for the workers, while there was nothing to encode) are of the one thread that goes through the files, ``index`` of
    another one beside it.
    """

    seconds: dict[str, float]


JobEvent = Progress | Indexed | Already | Skipped | Finding | Timings

"""index: add paths. sync: look at known folders again. reindex: another model. objects: find what is inside photos.
export: write a data set. rebuild: the vector index. forget: photos whose files are gone. remove: a folder. doctor:
check and repair. clear: everything. download: a model's weights."""
JobState = Literal["queued", "running", "paused", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class JobSnapshot:
    """A job as of now, plain enough to store and to draw."""

    id: str
    kind: str
    """One of ``services.jobs.kinds``."""
    state: JobState
    title: str
    done: int = 0
    total: int | None = None
    unit: str = "images"
    current: str = ""
    indexed: int = 0
    already: int = 0
    skipped: tuple[Skipped, ...] = ()
    """At most ``SKIPPED_KEPT`` of them; ``skipped_count`` has the number."""
    skipped_count: int = 0
    findings: tuple[Finding, ...] = ()
    """At most ``FINDINGS_KEPT`` of them."""
    indexed_before: int = 0
    """Images that earlier starts of the job brought in and that this start has not met again yet."""
    seconds: float = 0.0
    error: str | None = None
    """Why it failed, for people."""
    error_code: str | None = None
    """Why it failed, for programs: the ``code`` of an AppError, ``unexpected`` or ``given-up``."""
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds by stage, see ``Timings``; empty until a pass over files has ended."""

    @property
    def per_second(self) -> float:
        """Units a second since the job began, 0.0 before anything was done."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None while it can't be told."""
        if self.total is None or not self.done or self.state != "running":
            return None
        return (self.total - self.done) / self.per_second if self.per_second else None

    @property
    def finished(self) -> bool:
        return self.state in ("done", "failed", "cancelled")


SKIPPED_KEPT = 1_000
FINDINGS_KEPT = 100
