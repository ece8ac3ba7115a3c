"""Changes in followed folders are picked up while the app runs; drives that come and go are noticed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from watchdog.events import FileCreatedEvent

from src.bootstrap import Services, build_services
from src.config import Settings
from src.errors import LibraryBusy
from src.export.target import new_target
from src.models.model_manager import ModelManager
from src.schema import JobSnapshot
from src.services import watching
from src.services.handlers import queue_sync
from src.services.watching import _Changes, _merged
from tests.conftest import make_photo
from tests.fakes import COLOURS


@pytest.fixture
def running(settings: Settings, models: ModelManager, photos: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """An app with the folder of four photos, that looks around often."""
    for name, seconds in (("TICK", 0.05), ("QUIET", 0.2), ("LOOK", 0.2)):
        monkeypatch.setattr(watching, name, seconds)
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
    monkeypatch.setattr(watching.time, "monotonic", lambda: clock[0])
    changes = _Changes()
    for _ in range(40):
        changes.add("/p", {"/p/a"})
        assert changes.take() == [] or clock[0] >= 130
        clock[0] += 1
    changes.add("/p", {"/p/a/b", "/p/a", "/p/c"})
    clock[0] += 5
    assert changes.take() == [Path("/p/a"), Path("/p/c")] and changes.take() == []


def test_many_changed_folders_are_one_look_at_the_whole() -> None:
    assert _merged("/p", {f"/p/{n}" for n in range(60)}) == [Path("/p")]
    assert _merged("/p", {"/p/a/b", "/p/a"}) == [Path("/p/a")] and _merged("/p", {"/p"}) == [Path("/p")]


def test_a_renamed_folder_keeps_its_photos(running: Services, photos: Path) -> None:
    (photos / "old").mkdir()
    for photo in photos.glob("*.jpg"):
        shutil.move(photo, photos / "old" / photo.name)
    until(lambda: any("old" in hit.path for hit in running.library.newest(10)))
    (photos / "old").rename(photos / "new")
    until(lambda: all(Path(hit.path).parent.name == "new" for hit in running.library.newest(10)) and images(running) == 4)
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


def test_what_a_scan_passes_over_is_not_looked_at_when_it_changes(settings: Settings, photos: Path, models: ModelManager) -> None:
    """The library lies inside the followed folder, as do an export and a bin."""
    inside = settings.at(photos)
    services = build_services(inside, models=models)
    list(services.handlers["index"]({"paths": [str(photos)]}))
    with new_target(photos / "export") as target:
        target.add("images/a.jpg", b"")
    changes = _Changes(services.folders.looks_into)
    handler = watching._Handler(changes, str(photos), str(photos))
    places = ("export/images", "#recycle", ".hidden", "data/thumbs/ab", "data/uploads", "chroma_db", "2024/#snapshot/x")
    for place in places:
        handler.on_any_event(FileCreatedEvent(str(photos / place / "a.jpg")))
    changes._last = changes._first = -1000.0
    assert changes.take() == []
    handler.on_any_event(FileCreatedEvent(str(photos / "2024" / "a.jpg")))
    changes._last = changes._first = -1000.0
    assert changes.take() == [photos / "2024"]
    services.close()


def test_changes_are_kept_while_the_catalogue_can_not_be_asked() -> None:
    def busy(_: Path) -> bool:
        raise LibraryBusy("Just now.")

    changes = _Changes(busy)
    changes.add("/p", {"/p/a"})
    changes._last = changes._first = -1000.0
    with pytest.raises(LibraryBusy):
        changes.take()
    changes._looks_into = lambda _: True
    changes.add("/p/a", {"/p/a"})
    changes._last = changes._first = -1000.0
    assert changes.take() == [Path("/p/a")], "and each place once, though two followed folders hold it"
