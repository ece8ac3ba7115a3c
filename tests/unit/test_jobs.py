"""Background jobs: progress, cancel, one after the other, and going on after a restart."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from src.bootstrap import build_services
from src.config import Settings
from src.database.catalog.catalog import Catalog
from src.errors import LibraryBusy, LibraryUnusable
from src.files import draft_of
from src.models.model_manager import ModelManager
from src.runtime import Services
from src.schema import SKIPPED_KEPT, Already, FoundFile, Indexed, JobEvent, JobSnapshot, Progress, Skipped, Timings
from src.services.jobs.handlers import being_added
from src.services.jobs.kinds import Sync
from src.services.jobs.runner import MAX_ATTEMPTS, JobRunner, applied, cancel_job, stored_snapshot, submit_job
from src.services.search.service import Query
from tests.conftest import fake_models, make_photo
from tests.fakes import FakeEmbedder


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "catalog.sqlite3")


@pytest.fixture
def runner(catalog: Catalog) -> Iterator[Callable[..., JobRunner]]:
    """Starts a runner whose index jobs do what the test says."""
    started: list[JobRunner] = []

    def start(index: Callable[[dict[str, Any]], Iterator[JobEvent]]) -> JobRunner:
        def download(_: dict[str, Any]) -> Iterator[JobEvent]:
            yield Progress(5, 5, "bytes")

        jobs = JobRunner(catalog, {"index": index, "download": download})
        started.append(jobs)
        jobs.start()
        return jobs

    yield start
    for jobs in started:
        jobs.stop()


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def slow(_: dict[str, Any]) -> Iterator[JobEvent]:
    for done in range(1, 2001):
        time.sleep(0.01)
        yield Progress(done, 2000, current=f"{done}.jpg")


def test_a_job_runs_to_its_end_and_is_remembered(runner: Callable[..., JobRunner], catalog: Catalog) -> None:
    def index(params: dict[str, Any]) -> Iterator[JobEvent]:
        yield Skipped("bad.jpg", f"because {params['why']}")
        yield Progress(1, 1)

    jobs = runner(index)
    job = jobs.submit("index", "Adding photos", why="it is bad")
    done = jobs.wait(job, 10)
    assert done is not None and (done.state, done.done, done.total) == ("done", 1, 1)
    assert done.skipped == (Skipped("bad.jpg", "because it is bad"),)
    assert stored_snapshot(catalog, job) == done and jobs.active() == [] and jobs.latest()[0] == done


def test_cancel_stops_a_running_and_a_queued_job(runner: Callable[..., JobRunner]) -> None:
    jobs = runner(slow)
    first, second = jobs.submit("index", "one"), jobs.submit("index", "two")
    until(lambda: jobs.snapshot(first).done > 3)
    assert [s.state for s in jobs.active()] == ["running", "queued"], "one at a time, in order"
    running = jobs.active()[0]
    assert running.per_second > 0 and running.seconds_left is not None and running.seconds_left > 0
    jobs.cancel_all()
    assert jobs.wait(first, 10).state == "cancelled" and jobs.wait(second, 10).state == "cancelled"
    assert jobs.snapshot(second).done == 0


def test_of_many_jobs_none_is_forgotten(catalog: Catalog) -> None:
    """A program that uploads one photo after the other has hundreds waiting."""
    jobs = JobRunner(catalog, {})  # not started: all of them wait
    first = jobs.queue("Looking", Sync(paths=("/photos",)))
    others = [jobs.submit("index", f"photo {number}", paths=[f"/{number}"]) for number in range(120)]
    assert [job.id for job in jobs.active()] == [first, *others]
    assert jobs.queue_once("Looking", Sync(paths=("/photos",))) == first
    assert jobs.queue_once("Looking", Sync(paths=("/others",))) not in (first, *others)
    assert len(being_added(jobs)) == 120
    jobs.cancel_all()
    assert {job.state for job in map(jobs.snapshot, others) if job} == {"cancelled"}


def test_a_job_has_ended_for_everyone_before_its_row_says_so(
    runner: Callable[..., JobRunner], catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a page that is drawn in between sees neither a running job nor how it ended, and waits for ever."""
    seen: list[tuple[str, bool, int]] = []
    store = JobRunner._store

    def spy(jobs: JobRunner, snapshot: JobSnapshot) -> None:
        store(jobs, snapshot)
        now = jobs.snapshot(snapshot.id)
        seen.append((snapshot.state, now is not None and now.finished, len(jobs.active())))

    monkeypatch.setattr(JobRunner, "_store", spy)
    jobs = runner(lambda _: iter([Progress(1, 1)]))
    assert jobs.wait(jobs.submit("index", "short"), 10).state == "done"
    until(lambda: bool(seen))
    assert seen[-1] == ("done", True, 0)


def test_a_download_does_not_wait_for_indexing(runner: Callable[..., JobRunner]) -> None:
    jobs = runner(slow)
    index = jobs.submit("index", "long")
    download = jobs.submit("download", "weights")
    assert jobs.wait(download, 10).state == "done" and jobs.snapshot(index).state == "running"
    jobs.cancel(index)


def test_failures_are_told_in_one_sentence_and_the_next_job_runs(runner: Callable[..., JobRunner]) -> None:
    def index(params: dict[str, Any]) -> Iterator[JobEvent]:
        yield Progress(1, 2)
        if params["how"] == "known":
            raise LibraryUnusable("The disk is full.", "Free some space.")
        if params["how"] == "surprise":
            raise ZeroDivisionError("secret detail")

    jobs = runner(index)
    known, surprise, fine = (jobs.submit("index", how, how=how) for how in ("known", "surprise", "fine"))
    assert jobs.wait(known, 10).error == "The disk is full. Free some space."
    assert jobs.snapshot(known).error_code == "library-unusable"
    failed = jobs.wait(surprise, 10)
    assert (
        failed.state == "failed"
        and failed.done == 1
        and "ZeroDivisionError" in failed.error
        and "secret" not in failed.error
    )
    assert failed.error_code == "unexpected"
    assert jobs.wait(fine, 10).state == "done" and jobs.snapshot(fine).error_code is None


def test_jobs_of_a_dead_process_go_on_but_not_for_ever(runner: Callable[..., JobRunner], catalog: Catalog) -> None:
    ran = threading.Event()

    def index(_: dict[str, Any]) -> Iterator[JobEvent]:
        ran.set()
        yield Progress(1, 1)

    job = submit_job(catalog, "index", "left over")
    catalog.jobs.update(job, state="running", attempts=1)
    deadly = submit_job(catalog, "index", "kills the process")
    catalog.jobs.update(deadly, state="running", attempts=MAX_ATTEMPTS)
    jobs = runner(index)
    assert jobs.wait(job, 10).state == "done" and ran.is_set()
    given_up = jobs.snapshot(deadly)
    assert given_up.state == "failed" and given_up.error.startswith("Given up: the program ended 3 times")
    assert given_up.error_code == "given-up"


def test_stopping_leaves_the_job_queued(runner: Callable[..., JobRunner], catalog: Catalog) -> None:
    jobs = runner(slow)
    job = jobs.submit("index", "long")
    until(lambda: jobs.snapshot(job).done > 3)
    jobs.stop()
    assert catalog.jobs.get(job)["state"] == "queued"


def test_another_process_may_queue_and_cancel(runner: Callable[..., JobRunner], catalog: Catalog) -> None:
    jobs = runner(slow)
    other = Catalog(catalog._file.file)
    job = submit_job(other, "index", "from the command line")
    until(lambda: (s := stored_snapshot(other, job)) is not None and s.done > 0)
    other.jobs.update(job, cancel=True)
    assert jobs.wait(job, 10).state == "cancelled"


def test_reports_stay_bounded() -> None:
    snapshot = JobSnapshot("x", "index", "running", "")
    for number in range(SKIPPED_KEPT + 10):
        snapshot = applied(snapshot, Skipped(str(number), "bad"))
    assert len(snapshot.skipped) == SKIPPED_KEPT and snapshot.skipped_count == SKIPPED_KEPT + 10


def test_timings_are_summed_by_stage_and_stored(runner: Callable[..., JobRunner], catalog: Catalog) -> None:
    def timed(_: dict[str, Any]) -> Iterator[JobEvent]:
        yield Timings({"read": 1.0, "encode": 2.5})
        yield Timings({"read": 0.25, "store": 0.5})

    jobs = runner(timed)
    job = jobs.submit("index", "timed")
    assert jobs.wait(job, 10).timings == {"read": 1.25, "encode": 2.5, "store": 0.5}
    jobs.stop()
    assert stored_snapshot(catalog, job).timings == {"read": 1.25, "encode": 2.5, "store": 0.5}


def test_a_row_from_before_there_were_timings_is_read(catalog: Catalog) -> None:
    job = submit_job(catalog, "index", "old")
    fields = dataclasses.asdict(JobSnapshot(job, "index", "done", "old", indexed=3))
    del fields["timings"]
    catalog.jobs.update(job, state="done", progress=json.dumps(fields))
    stored = stored_snapshot(catalog, job)
    assert stored is not None and (stored.indexed, stored.timings) == (3, {})


def test_uploads_of_a_process_that_died_before_queueing_them_are_indexed(settings: Settings, photos: Path) -> None:
    first = build_services(settings, models=fake_models(settings))
    kept = first.uploads.save("Holiday.jpg", (photos / "red.jpg").read_bytes())
    half = draft_of(kept.path)
    half.write_bytes(b"half")
    first.close()
    second = build_services(settings, models=fake_models(settings)).start()
    try:
        until(lambda: second.catalog.counts()[0] == 1 and not second.jobs.active())
        assert not half.exists() and second.search.search(Query("red"), 1).hits[0].path == str(kept.path)
    finally:
        second.close()
    third = build_services(settings, models=fake_models(settings)).start()
    assert third.jobs.active() == [], "what is indexed is not indexed again"
    third.close()


def test_search_and_clear_while_indexing(settings: Settings, tmp_path: Path) -> None:
    for number in range(60):
        make_photo(tmp_path / "many" / f"{number:02}.png", (220, 30, 30), (24, 24), seed=number)
    models = ModelManager("builtin", settings, loader=lambda *_: FakeEmbedder(delay=0.02))
    services = build_services(settings, models=models).start()
    try:
        job = services.jobs.submit("index", "many", paths=[str(tmp_path / "many")])
        until(lambda: services.jobs.snapshot(job).indexed > 0, 30)
        page = services.search.search(Query("red"), 100)
        assert 0 < page.searched < 60 and len(page.hits) == page.searched
        services.jobs.cancel_all()
        clear = services.jobs.submit("clear", "Clearing")
        assert services.jobs.wait(clear, 30).state == "done" and services.jobs.snapshot(job).state == "cancelled"
        assert services.library.stats().images == 0 and services.search.search(Query("red")).verdict == "empty"
    finally:
        services.close()


# ---------------------------------------------------------------- pause, and going on after the process died


def test_the_index_is_noted_after_the_last_job_of_those_in_line(
    services: Services, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noting it reads all of Chroma's database: of a program's hundred uploads it is done once."""
    noted: list[int] = []
    checkpoint = services.store.index.checkpoint

    def spy() -> None:
        noted.append(services.catalog.counts()[0])
        checkpoint()

    monkeypatch.setattr(services.store.index, "checkpoint", spy)
    for number, photo in enumerate(sorted(photos.iterdir())[:3]):
        services.jobs.submit("index", f"photo {number}", paths=[str(photo)])
    services.jobs.start()
    until(lambda: services.catalog.counts()[0] == 3 and not services.jobs.active())
    assert noted[0] == 3 and not services.store.index._index.written


def test_pause_lets_others_run_and_resume_goes_on(runner: Callable[..., JobRunner]) -> None:
    done: list[str] = []

    def index(params: dict[str, Any]) -> Iterator[JobEvent]:
        start = len(done) if params["many"] else 0
        for number in range(start, 400 if params["many"] else 1):
            time.sleep(0.005)
            done.append(str(number))
            yield Indexed(str(number), "x")
            yield Progress(number + 1, 400)

    jobs = runner(index)
    first = jobs.submit("index", "many", many=True)
    until(lambda: jobs.snapshot(first).done > 3)
    jobs.pause(first)
    until(lambda: jobs.snapshot(first).state == "paused")
    assert [s.id for s in jobs.active()] == [first] and not jobs.snapshot(first).finished
    assert jobs.wait(jobs.submit("index", "one", many=False), 10).state == "done", "a paused job holds up no other"
    at = jobs.snapshot(first).done
    time.sleep(0.1)
    assert jobs.snapshot(first).done == at
    jobs.resume(first)
    assert jobs.wait(first, 20).state == "done"


def test_a_paused_or_queued_job_can_be_cancelled_and_a_queued_one_paused(runner: Callable[..., JobRunner]) -> None:
    jobs = runner(slow)
    first, second = jobs.submit("index", "one"), jobs.submit("index", "two")
    until(lambda: jobs.snapshot(first).done > 3)
    jobs.pause(second)
    assert jobs.snapshot(second).state == "paused"
    jobs.cancel(second)
    assert jobs.snapshot(second).state == "cancelled"
    jobs.cancel(first)
    assert jobs.wait(first, 10).state == "cancelled" and jobs.active() == []


def test_a_queued_job_that_is_cancelled_ends_at_once_from_any_process(
    runner: Callable[..., JobRunner], catalog: Catalog
) -> None:
    jobs = runner(slow)
    first, second, third = (jobs.submit("index", name) for name in ("one", "two", "three"))
    until(lambda: jobs.snapshot(first).done > 3)
    jobs.cancel(second)
    assert jobs.snapshot(second).state == "cancelled" and second not in [job.id for job in jobs.active()]
    other = Catalog(catalog._file.file)
    cancel_job(other, third)
    assert stored_snapshot(other, third).state == "cancelled" and jobs.snapshot(first).state == "running"
    cancel_job(other, first)
    assert jobs.wait(first, 10).state == "cancelled" and jobs.wait(third, 10).done == 0


def test_what_an_earlier_start_indexed_counts_as_indexed(catalog: Catalog, runner: Callable[..., JobRunner]) -> None:
    """A job that was interrupted after 30 of 40 images meets these as known ones; its report still says 40."""
    job = submit_job(catalog, "index", "many")
    stored = json.dumps(dataclasses.asdict(JobSnapshot(job, "index", "running", "many", done=30, total=40, indexed=30)))
    catalog.jobs.update(job, state="running", attempts=1, progress=stored)

    def index(params: dict[str, Any]) -> Iterator[JobEvent]:
        assert params == {"careful": True}
        for number in range(42):
            yield Already("known") if number < 32 else Indexed(str(number), "x")

    done = runner(index).wait(job, 10)
    assert done is not None and done.state == "done" and (done.indexed, done.already) == (40, 2)


def test_only_starts_without_progress_count_towards_giving_up(
    catalog: Catalog, runner: Callable[..., JobRunner]
) -> None:
    job = submit_job(catalog, "index", "many")
    catalog.jobs.update(job, state="running", attempts=MAX_ATTEMPTS - 1)

    def index(_: dict[str, Any]) -> Iterator[JobEvent]:
        for number in range(10_000):
            time.sleep(0.01)
            yield Indexed(str(number), "x")
            yield Progress(number, 10_000)

    jobs = runner(index)
    until(lambda: catalog.jobs.get(job)["attempts"] == 1)
    jobs.stop()
    assert catalog.jobs.get(job)["state"] == "queued" and catalog.jobs.get(job)["attempts"] == 0, (
        "an orderly end is no failure"
    )


def test_a_model_switch_goes_on_after_the_process_died(settings: Settings, photos: Path) -> None:
    """The row says running, as a killed process leaves it: the next start finishes the switch and encodes nothing
    twice.
    """
    loaded = {"builtin": FakeEmbedder("one"), "ViT-B/32": FakeEmbedder("two")}

    def opened() -> Any:
        models = ModelManager("builtin", settings, loader=lambda spec, *_: loaded[spec.id])
        models._checkpoint = lambda spec: None if spec.ships else photos  # type: ignore[method-assign,assignment]
        return build_services(settings, models=models)

    services = opened()
    list(services.handlers["index"]({"paths": [str(photos)]}))
    job = submit_job(services.catalog, "reindex", "Changing", model="ViT-B/32")
    services.catalog.jobs.update(job, state="running", attempts=1)
    events = services.indexing.index_files([FoundFile(photos / "red.jpg", "red.jpg")], "ViT-B/32")
    list(events)  # as far as the killed process came
    services.close()
    services = opened().start()
    try:
        assert services.jobs.wait(job, 20).state == "done"
        assert services.library.active_model == "ViT-B/32" and loaded["ViT-B/32"].encoded == 4
        assert services.search.search(Query("red"), 9).searched == 4
    finally:
        services.close()


# ---------------------------------------------------------------- what passes by itself


def failing(times: int, error: Exception, real: Callable[..., Any]) -> Callable[..., Any]:
    left = [times]

    def call(*arguments: Any, **more: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise error
        return real(*arguments, **more)

    return call


@pytest.mark.parametrize("error", [LibraryBusy("Another program keeps it locked."), OSError(24, "Too many open files")])
def test_a_lane_outlives_an_error_of_taking_the_next_job(
    runner: Callable[..., JobRunner], catalog: Catalog, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(catalog.jobs, "take", failing(4, error, catalog.jobs.take))
    jobs = runner(lambda _: iter([Progress(1, 1)]))
    assert jobs.wait(jobs.submit("index", "one"), 20).state == "done"


def test_how_a_job_ended_is_stored_when_that_works_again(
    runner: Callable[..., JobRunner], catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.services.jobs.runner.RETRY", 0.05)
    update, refused = catalog.jobs.update, [0]

    def busy(job_id: str, **values: Any) -> None:
        if values.get("state") == "done" and refused[0] < 3:
            refused[0] += 1
            raise LibraryBusy("Another program keeps it locked.")
        update(job_id, **values)

    monkeypatch.setattr(catalog.jobs, "update", busy)
    jobs = runner(lambda _: iter([Progress(1, 1)]))
    job = jobs.submit("index", "one")
    until(lambda: catalog.jobs.get(job)["state"] == "done")
    assert refused == [3] and jobs.active() == []


def test_a_busy_moment_while_a_job_asks_whether_to_stop_does_not_fail_it(
    runner: Callable[..., JobRunner], catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.services.jobs.runner.STORE_SECONDS", 0.0)
    busy = LibraryBusy("Another program keeps it locked.")
    entered = threading.Event()

    def index(_: dict[str, Any]) -> Iterator[JobEvent]:
        entered.set()
        for done in range(1, 9):
            time.sleep(0.02)
            yield Progress(done, 8)

    monkeypatch.setattr(JobRunner, "_interrupted", asking(JobRunner._interrupted, catalog, busy))
    jobs = runner(index)
    job = jobs.submit("index", "one")
    until(lambda: catalog.jobs.get(job)["state"] in ("done", "failed"))
    assert entered.is_set() and catalog.jobs.get(job)["state"] == "done"


def asking(real: Callable[..., Any], catalog: Catalog, error: Exception) -> Callable[..., Any]:
    """The same, with a catalogue that is busy just while it is asked."""

    def call(jobs: JobRunner, snapshot: JobSnapshot) -> Any:
        get = catalog.jobs.get
        catalog.jobs.get = failing(1, error, get)  # type: ignore[method-assign]
        try:
            return real(jobs, snapshot)
        finally:
            catalog.jobs.get = get  # type: ignore[method-assign]

    return call


@pytest.mark.parametrize("params", ["no json", "[]", '{"paths": 3}', '{"paths": [null, "/photos"]}'])
def test_jobs_with_odd_parameters_can_be_cancelled(catalog: Catalog, params: str) -> None:
    job = submit_job(catalog, "index", "odd")
    catalog.jobs.update(job, params=params)
    being_added(JobRunner(catalog, {}))
    cancel_job(catalog, job)
    assert catalog.jobs.get(job)["state"] == "cancelled"


@pytest.mark.parametrize("stop", ["cancel", "pause"])
def test_what_a_stopped_job_tells_is_what_was_added(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: str
) -> None:
    """A batch is stored as a whole, so it is told as a whole before the job stops."""
    monkeypatch.setattr("src.services.jobs.runner.STORE_SECONDS", 0.0)
    for number in range(70):
        make_photo(tmp_path / "many" / f"{number:03}.png", (220, 30, 30), (24, 24), seed=number)
    commit, job_ids = services.catalog.commit_batch, []

    def stopping(*arguments: Any) -> None:
        commit(*arguments)
        getattr(services.jobs, stop)(job_ids[0])

    monkeypatch.setattr(services.catalog, "commit_batch", stopping)
    job_ids.append(services.jobs.submit("index", "Adding", paths=[str(tmp_path / "many")]))
    services.jobs.start()
    until(lambda: services.jobs.snapshot(job_ids[0]).state in ("cancelled", "paused"))
    ended = services.jobs.snapshot(job_ids[0])
    assert 0 < services.catalog.counts()[0] == ended.indexed == ended.done < 70
