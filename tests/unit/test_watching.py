"""Changes in followed folders are picked up while the app runs; drives that come and go are noticed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from watchdog.events import FileCreatedEvent

from src.bootstrap import build_services
from src.config import Settings
from src.errors import LibraryBusy
from src.export.target import new_target
from src.models.model_manager import ModelManager
from src.runtime import Services
from src.schema import JobSnapshot
from src.services.jobs.handlers import queue_sync
from src.services.library import watcher
from src.services.library.watcher import _Changes, _merged
from tests.conftest import make_photo
from tests.fakes import COLOURS, FakeEmbedder


@pytest.fixture
def running(
    settings: Settings, models: ModelManager, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Services]:
    """An app with the folder of four photos, that looks around often."""
    for name, seconds in (("TICK", 0.05), ("QUIET", 0.2), ("LOOK", 0.2)):
        monkeypatch.setattr(watcher, name, seconds)
    services = build_services(settings, models=models)
    list(services.handlers["index"]({"paths": [str(photos)]}))
    services.start()
    until(lambda: [job for job in services.jobs.latest() if job.kind == "sync" and job.finished])
    yield services
    services.close()


def until(condition: object, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def images(services: Services) -> int:
    return services.catalog.counts()[0]


def test_new_changed_renamed_and_deleted_photos(running: Services, photos: Path) -> None:
    until(lambda: running.watcher._watches)
    make_photo(photos / "deep" / "pink.jpg", COLOURS["pink"])
    until(lambda: images(running) == 5)
    (photos / "red.jpg").unlink()
    until(lambda: images(running) == 4)
    make_photo(photos / "blue.jpg", COLOURS["cyan"])
    until(lambda: running.catalog.counts()[0] == 4 and len(running.catalog.hidden()) == 2)
    (photos / "green.jpg").rename(photos / "deep" / "moved.jpg")
    until(lambda: any(hit.name == "moved.jpg" for hit in running.library.newest(10)))
    assert images(running) == 4


def test_what_changed_while_the_app_was_off(settings: Settings, models: ModelManager, photos: Path) -> None:
    services = build_services(settings, models=models)
    list(services.handlers["index"]({"paths": [str(photos)]}))
    services.close()
    make_photo(photos / "pink.jpg", COLOURS["pink"])
    services = build_services(settings, models=models).start()
    until(lambda: images(services) == 5)
    services.close()


def test_a_drive_that_is_unplugged_and_plugged_in_again(running: Services, photos: Path) -> None:
    photos.rename(photos.with_name("away"))
    until(lambda: running.folders.all()[0].offline)
    assert images(running) == 0
    photos.with_name("away").rename(photos)
    until(lambda: images(running) == 4 and not running.folders.all()[0].offline)
    time.sleep(0.7)
    make_photo(photos / "pink.jpg", COLOURS["pink"])
    until(lambda: images(running) == 5)


def test_a_folder_that_is_not_watched_is_left_alone_until_asked(running: Services, photos: Path) -> None:
    until(lambda: running.watcher._watches)
    running.folders.watch(str(photos), False)
    until(lambda: not running.watcher._watches)
    make_photo(photos / "pink.jpg", COLOURS["pink"])
    time.sleep(0.8)
    assert images(running) == 4
    queue_sync(running.jobs, [photos])
    until(lambda: images(running) == 5)


def test_the_librarys_own_files_are_not_photos(settings: Settings, models: ModelManager, photos: Path) -> None:
    """The library lies inside the folder that is added: its thumbnails and uploads must not be indexed."""
    services = build_services(settings, models=models)
    list(services.handlers["index"]({"paths": [str(settings.home.parent)]}))
    assert images(services) == 4 and list(settings.thumbs_dir.rglob("*.jpg"))
    list(services.handlers["sync"]({}))
    assert images(services) == 4
    services.close()


def test_the_same_look_is_not_queued_twice(services: Services, tmp_path: Path) -> None:
    queue_sync(services.jobs, [tmp_path])
    queue_sync(services.jobs, [tmp_path])
    queue_sync(services.jobs, [tmp_path / "other"])
    assert len([job for job in services.jobs.latest() if isinstance(job, JobSnapshot)]) == 2


def test_changes_wait_until_it_is_quiet_but_not_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(watcher.time, "monotonic", lambda: clock[0])
    changes = _Changes()
    taken: list[float] = []
    for _ in range(40):
        changes.add("/p", {"/p/a"})
        taken += [clock[0]] if changes.take() else []
        clock[0] += 1
    assert taken == [130.0], "changes that never pause are looked after all the same, once in half a minute"
    changes.add("/p", {"/p/a/b", "/p/a", "/p/c"})
    clock[0] += 5
    taken = changes.take()
    assert taken == {"/p": {"/p/a/b", "/p/a", "/p/c"}} and _merged("/p", taken["/p"]) == [Path("/p/a"), Path("/p/c")]
    assert changes.take() == {}


def test_changes_that_could_not_be_looked_after_come_again_and_those_of_a_folder_being_added_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [100.0]
    monkeypatch.setattr(watcher.time, "monotonic", lambda: clock[0])
    changes = _Changes()
    changes.add("/p", {"/p/a"})
    changes.add("/q", {"/q"})
    clock[0] += 60
    taken = changes.take(lambda: ["/q"])
    assert taken == {"/p": {"/p/a"}}
    changes.give_back(taken)
    clock[0] += 60
    assert changes.take() == {"/p": {"/p/a"}, "/q": {"/q"}}


def test_many_changed_folders_are_one_look_at_the_whole() -> None:
    assert _merged("/p", {f"/p/{n}" for n in range(60)}) == [Path("/p")]
    assert _merged("/p", {"/p/a/b", "/p/a"}) == [Path("/p/a")] and _merged("/p", {"/p"}) == [Path("/p")]


def test_one_passing_error_does_not_end_the_watching(
    running: Services, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "RETRY", 0.05)
    until(lambda: running.watcher._watches)
    submit, said = running.watcher._submit, []

    def busy(paths: list[Path]) -> None:
        said.append(paths)
        raise LibraryBusy("Another program keeps the library's catalogue locked.")

    running.watcher._submit = busy
    make_photo(photos / "pink.jpg", COLOURS["pink"])
    until(lambda: len(said) > 2)
    assert "Another program keeps" in str(running.watcher.problem)
    running.watcher._submit = submit
    until(lambda: images(running) == 5)
    until(lambda: running.watcher.problem is None)


@pytest.mark.parametrize("asked", ["followed", "presence"])
def test_an_error_while_looking_at_the_folders_passes_too(
    running: Services, photos: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setattr(watcher, "RETRY", 0.05)

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as trouble:
        trouble.setattr(running.folders, asked, broken)
        until(lambda: running.watcher.problem is not None)
    until(lambda: running.watcher.problem is None)
    make_photo(photos / "pink.jpg", COLOURS["pink"])
    until(lambda: images(running) == 5)


def test_a_folder_whose_thread_of_the_systems_died_is_watched_anew(running: Services, photos: Path) -> None:
    until(lambda: running.watcher._watches)
    (emitter,) = running.watcher._observer.emitters  # type: ignore[union-attr]
    emitter.stop()
    emitter.join(10)
    until(lambda: any(each.is_alive() for each in running.watcher._observer.emitters))  # type: ignore[union-attr]
    make_photo(photos / "pink.jpg", COLOURS["pink"])
    until(lambda: images(running) == 5)


def test_a_system_without_threads_to_spare_is_polled(
    services: Services, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    list(services.handlers["index"]({"paths": [str(photos)]}))
    monkeypatch.setattr(watcher.FolderWatcher, "_started", none_left)
    services.watcher._round()
    assert [watch.watch for watch in services.watcher._watches.values()] == [None]


# ------------------------------------------------------------ a folder that is being added


@pytest.fixture
def adding(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Services, Path]]:
    """An app in which adding a folder of 100 photos takes some seconds."""
    for name, seconds in (("TICK", 0.05), ("QUIET", 0.2), ("LOOK", 0.1)):
        monkeypatch.setattr(watcher, name, seconds)
    for number in range(100):
        make_photo(tmp_path / "many" / f"{number:03}.png", (220, 30, 30), (24, 24), seed=number)
    slow = ModelManager("builtin", settings, loader=lambda *_: FakeEmbedder(delay=0.03))
    services = build_services(settings, models=slow).start()
    yield services, tmp_path / "many"
    services.close()


def syncs(services: Services) -> list[JobSnapshot]:
    return [job for job in services.jobs.latest(50) if job.kind == "sync"]


def test_a_folder_that_is_added_is_looked_at_once(adding: tuple[Services, Path]) -> None:
    services, folder = adding
    job = services.jobs.submit("index", "Adding many", paths=[str(folder)])
    until(lambda: services.watcher._watches)
    assert services.jobs.wait(job, 60).state == "done"  # type: ignore[union-attr]
    time.sleep(0.5)
    assert syncs(services) == []
    make_photo(folder / "later.png", (30, 60, 220), (24, 24))
    until(lambda: images(services) == 101)


def test_nothing_is_added_while_adding_is_paused_nor_after_it_was_cancelled(adding: tuple[Services, Path]) -> None:
    services, folder = adding
    job = services.jobs.submit("index", "Adding many", paths=[str(folder)])
    until(
        lambda: services.watcher._watches and (found := services.jobs.snapshot(job)) is not None and found.indexed > 0
    )
    services.jobs.pause(job)
    until(lambda: services.jobs.snapshot(job).state == "paused")  # type: ignore[union-attr]
    make_photo(folder / "meanwhile.png", (30, 60, 220), (24, 24))
    before = images(services)
    time.sleep(1.0)
    assert images(services) == before < 100 and syncs(services) == []
    services.jobs.cancel(job)
    (folder / "000.png").touch()
    time.sleep(1.0)
    assert images(services) == before and syncs(services) == [], "cancelled means that the rest is not added"
    assert [status.watched for status in services.folders.all()] == [False]
    services.folders.watch(str(folder), True)
    until(lambda: images(services) == 101)


def test_a_running_job_that_is_cancelled_leaves_the_rest_alone_also_after_a_restart(
    adding: tuple[Services, Path], settings: Settings, models: ModelManager
) -> None:
    services, folder = adding
    job = services.jobs.submit("index", "Adding many", paths=[str(folder)])
    until(lambda: (found := services.jobs.snapshot(job)) is not None and found.indexed > 0)
    services.jobs.cancel(job)
    assert services.jobs.wait(job, 20).state == "cancelled"  # type: ignore[union-attr]
    before = images(services)
    services.close()
    again = build_services(settings, models=models).start()
    until(again.tending.is_set)
    time.sleep(0.7)
    assert images(again) == before < 100 and syncs(again) == []
    queue_sync(again.jobs, [folder])
    until(lambda: images(again) == 100)
    again.close()


def test_a_folder_that_was_gone_through_before_stays_watched_when_adding_it_again_is_cancelled(
    running: Services, photos: Path
) -> None:
    job = running.jobs.submit("index", "Adding it again", paths=[str(photos)])
    running.jobs.cancel(job)
    running.jobs.wait(job, 10)
    assert [status.watched for status in running.folders.all()] == [True]


def test_a_renamed_folder_keeps_its_photos(running: Services, photos: Path) -> None:
    (photos / "old").mkdir()
    for photo in photos.glob("*.jpg"):
        shutil.move(photo, photos / "old" / photo.name)
    until(lambda: any("old" in hit.path for hit in running.library.newest(10)))
    (photos / "old").rename(photos / "new")
    until(
        lambda: all(Path(hit.path).parent.name == "new" for hit in running.library.newest(10)) and images(running) == 4
    )
    assert running.models.embedder().encoded == 4  # type: ignore[attr-defined]


def test_changes_behind_a_linked_sub_folder(running: Services, photos: Path, tmp_path: Path) -> None:
    make_photo(tmp_path / "nas" / "deep" / "pink.jpg", COLOURS["pink"])
    until(lambda: running.watcher._watches)
    (photos / "nas").symlink_to(tmp_path / "nas")
    until(lambda: images(running) == 5 and str(photos / "nas") in running.watcher._watches)
    until(lambda: not running.jobs.active())
    make_photo(tmp_path / "nas" / "deep" / "brown.jpg", COLOURS["brown"])
    until(lambda: images(running) == 6)
    assert {Path(hit.path).parent for hit in running.library.newest(2)} == {photos / "nas" / "deep"}
    (photos / "nas").unlink()
    until(lambda: str(photos / "nas") not in running.watcher._watches)


def test_changes_in_a_hidden_folder_that_was_added_inside_a_followed_one(running: Services, photos: Path) -> None:
    make_photo(photos / ".private" / "pink.jpg", COLOURS["pink"])
    list(running.handlers["index"]({"paths": [str(photos / ".private")]}))
    until(lambda: str(photos / ".private") in running.watcher._watches and not running.jobs.active())
    make_photo(photos / ".private" / "brown.jpg", COLOURS["brown"])
    until(lambda: images(running) == 6)


def test_what_a_scan_passes_over_is_not_looked_at_when_it_changes(
    settings: Settings, photos: Path, models: ModelManager
) -> None:
    """The library lies inside the followed folder, as do an export and a bin."""
    inside = settings.at(photos)
    services = build_services(inside, models=models)
    list(services.handlers["index"]({"paths": [str(photos)]}))
    with new_target(photos / "export") as target:
        target.add("images/a.jpg", b"")
    submitted: list[list[Path]] = []
    services.watcher._submit = submitted.append
    changes, services.watcher._looked = services.watcher._changes, time.monotonic()
    handler = watcher._Handler(changes, str(photos), str(photos))
    places = ("export/images", "#recycle", ".hidden", "data/thumbs/ab", "data/uploads", "chroma_db", "2024/#snapshot/x")
    for place in places:
        handler.on_any_event(FileCreatedEvent(str(photos / place / "a.jpg")))
    changes._last = changes._first = -1000.0
    services.watcher._round()
    assert submitted == []
    handler.on_any_event(FileCreatedEvent(str(photos / "2024" / "a.jpg")))
    changes._last = changes._first = -1000.0
    services.watcher._round()
    assert submitted == [[photos / "2024"]]
    services.close()


@pytest.mark.parametrize("asked", ["followed", "looks_into"])
def test_changes_are_kept_while_the_catalogue_can_not_be_asked(
    services: Services, photos: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    def busy(*_: object) -> None:
        raise LibraryBusy("Just now.")

    list(services.handlers["index"]({"paths": [str(photos)]}))
    submitted: list[list[Path]] = []
    (photos / "a").mkdir()
    services.watcher._submit = submitted.append
    changes, services.watcher._looked = services.watcher._changes, time.monotonic()
    changes.add(str(photos), {str(photos / "a")})
    changes._last = changes._first = -1000.0
    with monkeypatch.context() as trouble:
        trouble.setattr(services.folders, asked, busy)
        with pytest.raises(LibraryBusy):
            services.watcher._round()
    changes.add(str(photos / "a"), {str(photos / "a")})
    changes._last = changes._first = -1000.0
    services.watcher._round()
    assert submitted == [[photos / "a"]], "and each place once, though two followed folders hold it"
