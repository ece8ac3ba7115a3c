"""Background jobs: rows in the catalogue, run by one worker thread a lane, watched and cancelled from anywhere.

A job is an iterator of events. Its row survives the process: what was running when it died is queued again at the next
start.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from src.database.catalog.catalog import Catalog
from src.errors import AppError
from src.schema import (
    FINDINGS_KEPT,
    SKIPPED_KEPT,
    Already,
    Finding,
    Indexed,
    JobEvent,
    JobSnapshot,
    Progress,
    Skipped,
    Timings,
)
from src.services.jobs.kinds import LANES, JobKind, Lane, Params, kind_of, kind_of_params, later, of_lane
from src.services.jobs.rows import indexed_before, params_of, paths_of, snapshot_of

log = logging.getLogger(__name__)

Handler = Callable[[Mapping[str, Any]], Iterator[JobEvent]]
"""Makes the job's iterator from what its row says that it was asked for.

A job is stopped at a ``Progress`` alone: by then all that it stored has been told.
"""

STORE_SECONDS = 0.5
"""How often a running job's row is brought up to date, and asked whether to stop."""
RETRY = 2.0
"""Seconds between two tries to store how a job ended."""
STOP_S = 10.0
"""How long a running job may take to its next event when the program ends."""
JOBS_KEPT = 200
"""Finished jobs that are remembered."""
UNEXPECTED, GIVEN_UP = "unexpected", "given-up"
"""Codes of jobs that failed by something else than an AppError, which has a code of its own."""
MAX_ATTEMPTS = 3
"""Starts of a job without progress before it is given up: one that kills the process must not do so forever."""


class JobRunner:
    """Runs queued job rows. Rows may be written by this process or, beside a running app, by another."""

    def __init__(self, catalog: Catalog, handlers: Mapping[JobKind, Handler]) -> None:
        self._catalog = catalog
        self.handlers = handlers
        self._running: dict[str, JobSnapshot] = {}
        self._wake = {lane: threading.Event() for lane in LANES}
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, wait: Callable[[], object] = lambda: None) -> None:
        """Queue again what a former process left running, then work until ``stop``.

        wait: returns when the first job may begin; each worker thread calls it once.
        """
        for row in self._catalog.jobs.rows(("running",)):
            if row["attempts"] < MAX_ATTEMPTS:
                self._catalog.jobs.update(row["id"], state="queued")
            else:
                ended = f"the program ended {MAX_ATTEMPTS} times in the middle of it"
                text = f"Given up: {ended}. What was done so far is kept."
                given_up = JobSnapshot(row["id"], row["kind"], "failed", row["title"])
                self._store(dataclasses.replace(given_up, error=text, error_code=GIVEN_UP))
        self._threads = [
            threading.Thread(target=self._work, args=(lane, wait), name=f"jobs-{lane}", daemon=True) for lane in LANES
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the worker threads; a running job is left queued and goes on at the next start."""
        self._stop.set()
        for event in self._wake.values():
            event.set()
        for thread in self._threads:
            thread.join(STOP_S)

    def queue(self, title: str, asked: Params) -> str:
        """Queue a job and return its id."""
        return self.submit(kind_of_params(asked), title, **asked.as_json())

    def queue_once(self, title: str, asked: Params) -> str:
        """The id of a job that waits to do just that, or of a new one."""
        kind, said = kind_of_params(asked), asked.as_json()
        waiting = self._catalog.jobs.rows(("queued",), kinds=(kind,))
        return next((row["id"] for row in waiting if params_of(row) == said), "") or self.queue(title, asked)

    def are_in_line(self, kinds: Sequence[JobKind]) -> bool:
        """Whether a job of these kinds waits for its turn."""
        return bool(self._catalog.jobs.rows(("queued",), 1, kinds))

    def submit(self, kind: JobKind, title: str, /, **params: Any) -> str:
        """Queue a job and return its id. ``params`` are JSON values, which may be called ``kind`` or ``title`` too."""
        return submit_job(self._catalog, kind, title, self._wake, **params)

    def snapshot(self, job_id: str) -> JobSnapshot | None:
        """The job as of now, None for an unknown id."""
        live = self._running.get(job_id)
        return live or stored_snapshot(self._catalog, job_id)

    def params(self, job_id: str) -> dict[str, Any]:
        """What a job was asked for, {} for an unknown id."""
        row = self._catalog.jobs.get(job_id)
        return params_of(row) if row else {}

    def paths(self, job_id: str) -> list[str]:
        """The files and folders that a job was asked to add or look at, [] for an unknown id."""
        row = self._catalog.jobs.get(job_id)
        return paths_of(row) if row else []

    def active(self) -> list[JobSnapshot]:
        """Queued, running and paused jobs, the oldest first."""
        rows = self._catalog.jobs.rows(("queued", "running", "paused"))
        found = [self._running.get(row["id"]) or snapshot_of(row) for row in reversed(rows)]
        return [snapshot for snapshot in found if snapshot is not None and not snapshot.finished]

    def latest(self, limit: int = 5) -> list[JobSnapshot]:
        """The last jobs in any state, the newest first."""
        return [s for row in self._catalog.jobs.rows(limit=limit) if (s := self.snapshot(row["id"]))]

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop; see ``cancel_job``."""
        cancel_job(self._catalog, job_id)

    def pause(self, job_id: str) -> None:
        """Ask a job to stop until ``resume``, also across restarts; others may run meanwhile."""
        if not self._catalog.jobs.update_if(job_id, "queued", state="paused"):
            self._catalog.jobs.update(job_id, pause=True)

    def resume(self, job_id: str) -> None:
        """Go on with a paused job. What it did before is not done again."""
        self._catalog.jobs.update(job_id, pause=False)
        if self._catalog.jobs.update_if(job_id, "paused", state="queued"):
            for event in self._wake.values():
                event.set()

    def cancel_all(self) -> None:
        """Ask every unfinished job that adds to the library to stop."""
        for snapshot in self.active():
            if kind_of(snapshot.kind).fills:
                self.cancel(snapshot.id)

    def wait(self, job_id: str, seconds: float) -> JobSnapshot | None:
        """The job once it has finished and its row says so, to other processes too; or as it is after ``seconds``."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = stored_snapshot(self._catalog, job_id)
            if found is None or found.finished:
                return found
            time.sleep(0.02)
        return self.snapshot(job_id)

    # ------------------------------------------------------------ the worker

    def _work(self, lane: Lane, wait: Callable[[], object]) -> None:
        wait()
        while not self._stop.is_set():
            row = self._next(lane)
            if row is None:
                self._wake[lane].wait(1.0)
                self._wake[lane].clear()
            else:
                self._run(row)

    def _next(self, lane: Lane) -> dict[str, Any] | None:
        try:
            return self._catalog.jobs.take(of_lane(lane), later())
        except (AppError, OSError):
            log.exception("the job table could not be read")
            return None

    def _run(self, row: Mapping[str, Any]) -> None:
        snapshot = JobSnapshot(row["id"], row["kind"], "running", row["title"], indexed_before=indexed_before(row))
        try:
            snapshot = self._consume(row, snapshot)
        except AppError as error:
            snapshot = self._failed(row, snapshot, str(error), error.code)
        except Exception as error:  # the one place where a job's surprise ends; it is in the log
            log.exception("job %s failed", row["id"])
            text = f"Something unexpected went wrong ({type(error).__name__}). The log has the details."
            snapshot = self._failed(row, snapshot, text, UNEXPECTED)
        if snapshot.state == "cancelled":
            self._let_go(row)
        # before the row says so: who sees that no job runs must see how this one ended
        self._running[row["id"]] = snapshot
        while not self._store(snapshot) and not self._stop.wait(RETRY):
            pass  # a row that went on saying "running" would be run again
        self._running.pop(row["id"], None)

    def _failed(self, row: Mapping[str, Any], begun: JobSnapshot, error: str, code: str) -> JobSnapshot:
        """The job as far as it came, ended by an error."""
        so_far = self._running.get(row["id"], begun)
        return dataclasses.replace(so_far, state="failed", error=error, error_code=code)

    def _let_go(self, row: Mapping[str, Any]) -> None:
        try:
            stop_watching_unfinished(self._catalog, row)
        except AppError:
            log.exception("the folders of job %s are still watched", row["id"])

    def _consume(self, row: Mapping[str, Any], snapshot: JobSnapshot) -> JobSnapshot:
        """Follow the job's events to their end, a cancel or the process's stop."""
        if row["cancel"]:
            return dataclasses.replace(snapshot, state="cancelled")
        started = stored = time.monotonic()
        known = snapshot.indexed_before
        self._running[row["id"]] = snapshot
        params = params_of(row)
        if row["attempts"] > 1 and kind_of(row["kind"]).careful:
            params["careful"] = True
        events = self.handlers[row["kind"]](params)
        for event in events:
            snapshot = dataclasses.replace(applied(snapshot, event), seconds=time.monotonic() - started)
            self._running[row["id"]] = snapshot
            if isinstance(event, Progress) and (self._stop.is_set() or time.monotonic() - stored > STORE_SECONDS):
                stored = time.monotonic()
                state = self._interrupted(snapshot)
                if state is not None:
                    close(events)
                    return dataclasses.replace(snapshot, state=state)  # type: ignore[arg-type]
                self._store(snapshot, progressed=snapshot.indexed + snapshot.indexed_before > known)
        return dataclasses.replace(snapshot, state="done", seconds=time.monotonic() - started, current="")

    def _interrupted(self, snapshot: JobSnapshot) -> str | None:
        if self._stop.is_set():
            return "queued"
        try:
            row = self._catalog.jobs.get(snapshot.id)
        except AppError:  # it is asked again in a moment
            log.exception("whether job %s is to stop could not be read", snapshot.id)
            return None
        if row and row["cancel"]:
            return "cancelled"
        return "paused" if row and row["pause"] else None

    def _store(self, snapshot: JobSnapshot, progressed: bool = False) -> bool:
        """Bring the row up to date, and say whether that worked.

        Only starts that die without any progress count towards giving up.
        """
        values: dict[str, Any] = {"state": snapshot.state, "progress": json.dumps(dataclasses.asdict(snapshot))}
        if snapshot.state in ("queued", "paused"):
            values["attempts"] = 0
        elif progressed:
            values["attempts"] = 1
        try:
            self._catalog.jobs.update(snapshot.id, **values)
            if snapshot.finished:
                self._catalog.jobs.prune(JOBS_KEPT)
        except AppError:
            log.exception("the progress of job %s could not be stored", snapshot.id)
            return False
        return True


def submit_job(
    catalog: Catalog, kind: JobKind, title: str, wake: Mapping[Lane, threading.Event] | None = None, /, **params: Any
) -> str:
    """Write a queued job row; whichever process owns the library takes it within a second."""
    job_id = uuid.uuid4().hex
    values = {"state": "queued", "progress": None, "cancel": False, "pause": False, "attempts": 0}
    catalog.jobs.put({"id": job_id, "kind": kind, "title": title, "params": json.dumps(params), **values})
    if wake:
        wake[kind_of(kind).lane].set()
    return job_id


def cancel_job(catalog: Catalog, job_id: str) -> None:
    """Ask a job to stop; what it committed stays.

    One that is queued or paused ends at once, whichever process owns the library.
    """
    row = catalog.jobs.get(job_id)
    if row and row["state"] in ("queued", "paused"):
        stop_watching_unfinished(catalog, row)
        if catalog.jobs.update_if(job_id, row["state"], state="cancelled"):
            return
    catalog.jobs.update(job_id, cancel=True)  # the worker that runs it looks at this


def stop_watching_unfinished(catalog: Catalog, row: Mapping[str, Any]) -> None:
    """After adding a folder was cancelled: the folder is looked at again only when somebody asks.

    While it is watched, the next look at it would add the rest after all; so this comes before the job is seen to have
    ended. A folder that was gone through to its end before is watched as it was. row: of the cancelled job; any other
    kind of job changes nothing.
    """
    if row.get("kind") != "index":
        return
    paths = {os.fsencode(path) for path in paths_of(row)}
    for folder in catalog.folders.all():
        if folder.path in paths and folder.synced_at is None:
            catalog.folders.set_watched(folder.path, False)


def stored_snapshot(catalog: Catalog, job_id: str) -> JobSnapshot | None:
    """A job as its row tells it; None where there is none of that id, or the row tells of no job."""
    row = catalog.jobs.get(job_id)
    return snapshot_of(row) if row else None


def applied(snapshot: JobSnapshot, event: JobEvent) -> JobSnapshot:
    """The snapshot after one more event."""
    match event:
        case Progress(done, total, unit, current):
            return dataclasses.replace(snapshot, done=done, total=total, unit=unit, current=current)
        case Indexed():
            return dataclasses.replace(snapshot, indexed=snapshot.indexed + 1)
        case Already() if snapshot.indexed_before > 0:
            return dataclasses.replace(
                snapshot, indexed=snapshot.indexed + 1, indexed_before=snapshot.indexed_before - 1
            )
        case Already():
            return dataclasses.replace(snapshot, already=snapshot.already + 1)
        case Finding():
            return dataclasses.replace(snapshot, findings=(*snapshot.findings, event)[:FINDINGS_KEPT])
        case Timings(seconds):
            sums = {stage: round(snapshot.timings.get(stage, 0.0) + more, 3) for stage, more in seconds.items()}
            return dataclasses.replace(snapshot, timings={**snapshot.timings, **sums})
        case Skipped():
            kept = (*snapshot.skipped, event) if len(snapshot.skipped) < SKIPPED_KEPT else snapshot.skipped
            return dataclasses.replace(snapshot, skipped=kept, skipped_count=snapshot.skipped_count + 1)


def close(events: Iterator[JobEvent]) -> None:
    """Cancel a job: its generator's own clean-up runs."""
    if hasattr(events, "close"):
        events.close()
