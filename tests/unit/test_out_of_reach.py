"""What may be back is never missing: drives below a folder, parts that can't be read, links that lead nowhere, our own
shortage.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from src.errors import UnreadablePath
from src.processing.presence import Look, Presence
from src.processing.thumbnails import thumbnail_path
from src.runtime import Services
from src.schema import Already, Finding, Indexed, JobEvent
from tests.conftest import MountTable, encoded, make_photo, of
from tests.fakes import COLOURS

FOUR = {"red.jpg", "green.jpg", "blue.jpg", "yellow.jpg"}


def run(services: Services, kind: Any, **params: Any) -> list[JobEvent]:
    return list(services.handlers[kind](params))  # type: ignore[index]


def names(services: Services) -> set[str]:
    return {hit.name for hit in services.library.newest(100)}


def findings(events: list[JobEvent]) -> list[str]:
    return [finding.check for finding in of(events, Finding)]


@pytest.fixture
def disks(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, int], None]:
    """``disks(folder, 7)``: everything at and below the folder is on device 7 from now on, in every answer of the
    system.
    """
    numbers: dict[str, int] = {}
    real, real_scandir = os.stat, os.scandir

    def changed(answer: os.stat_result, path: str) -> os.stat_result:
        on = max(
            (folder for folder in numbers if path == folder or path.startswith(folder + "/")), key=len, default=None
        )
        values = list(answer)
        values[2] = numbers[on] if on else answer.st_dev
        extra = {
            "st_mtime_ns": answer.st_mtime_ns,
            "st_ctime_ns": answer.st_ctime_ns,
            "st_atime_ns": answer.st_atime_ns,
        }
        return os.stat_result(values, extra)

    def stat(path: Any, *args: Any, **how: Any) -> os.stat_result:
        answer = real(path, *args, **how)
        where = os.readlink(f"/proc/self/fd/{path}") if isinstance(path, int) else os.path.abspath(os.fsdecode(path))
        return changed(answer, os.fsdecode(where))

    class Entry:
        def __init__(self, entry: Any) -> None:
            self._entry = entry

        def __getattr__(self, name: str) -> Any:
            return getattr(self._entry, name)

        def stat(self, **how: Any) -> os.stat_result:
            return stat(self._entry.path, **how)

    class Listing:
        def __init__(self, path: Any) -> None:
            self._listing = real_scandir(path)

        def __enter__(self) -> Any:
            return map(Entry, self._listing)

        def __exit__(self, *_: object) -> None:
            self._listing.close()

    monkeypatch.setattr(
        "src.processing.presence.os.scandir",
        lambda path: Listing(path) if isinstance(path, bytes) else real_scandir(path),
    )
    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(os, "fstat", stat)
    return lambda folder, number: numbers.__setitem__(str(folder), number)


@pytest.fixture
def drive(photos: Path, disks: Callable[[Path, int], None]) -> Path:
    """A drive mounted at ``photos/drive``, with two photos in ``2024``."""
    for name in ("pink", "brown"):
        make_photo(photos / "drive" / "2024" / f"{name}.jpg", COLOURS[name])
    disks(photos / "drive", 4711)
    return photos / "drive"


def unplugged(drive: Path, disks: Callable[[Path, int], None], tmp_path: Path, place_stays: bool) -> None:
    drive.rename(tmp_path / "away")
    disks(drive, os.stat(drive.parent).st_dev)
    if place_stays:
        drive.mkdir()


@pytest.mark.parametrize("place_stays", [True, False], ids=["its place stays, empty", "its place goes too"])
def test_a_drive_below_a_folder_that_is_unplugged_loses_nothing(
    services: Services, photos: Path, drive: Path, disks: Any, tmp_path: Path, place_stays: bool
) -> None:
    run(services, "index", paths=[str(photos)])
    before = encoded(services)
    unplugged(drive, disks, tmp_path, place_stays)
    assert findings(run(services, "sync")) == ["offline"]
    assert names(services) == FOUR and services.folders.missing() == services.folders.missing(look=True) == 0
    (folder,) = services.folders.all()
    assert (folder.offline, folder.files, folder.missing, folder.away) == (False, 6, 0, 2)
    (photos / "red.jpg").unlink()
    assert findings(run(services, "sync")) == ["missing"], "what is out of reach is told once"
    run(services, "forget")
    assert services.folders.missing() == 0 and services.catalog.files.numbers_under(os.fsencode(photos)) == (5, 2)
    if place_stays:
        drive.rmdir()
    (tmp_path / "away").rename(drive)
    disks(drive, 4712)
    assert of(run(services, "sync"), Finding) == [Finding("back", "2 photos are back.")]
    assert names(services) == FOUR - {"red.jpg"} | {"pink.jpg", "brown.jpg"} and encoded(services) == before
    assert services.folders.all()[0].away == 0 and services.folders.out_of_reach() == []


def test_a_disk_that_has_the_number_of_another_that_is_away_tells_nothing_of_it(
    services: Services, photos: Path, drive: Path, disks: Any, tmp_path: Path
) -> None:
    disks(photos, 11)
    disks(drive, 12)
    run(services, "index", paths=[str(photos)])
    drive.rename(tmp_path / "away")
    drive.mkdir()
    disks(photos, 12)
    disks(drive, 12)
    assert findings(run(services, "sync")) == ["offline"] and names(services) == FOUR
    assert services.folders.missing() == services.folders.missing(look=True) == 0
    run(services, "forget")
    assert len(services.catalog.hidden()) == 2
    (photos / "red.jpg").unlink()
    assert findings(run(services, "sync")) == ["missing"] and services.folders.missing(look=True) == 1


def test_what_was_deleted_from_a_drive_with_a_new_number_is_missing(
    services: Services, photos: Path, drive: Path, disks: Any
) -> None:
    run(services, "index", paths=[str(photos)])
    disks(drive, 4712)
    (drive / "2024" / "pink.jpg").unlink()
    assert findings(run(services, "sync")) == ["missing"] and services.folders.missing() == 1
    assert services.folders.missing(look=True) == 1, "known without the walk, too"
    disks(drive, 4713)
    assert findings(run(services, "sync")) == [] and services.folders.missing(look=True) == 1
    run(services, "forget")
    assert names(services) == FOUR | {"brown.jpg"} and services.folders.missing() == 0


def test_rows_with_numbers_of_devices_learn_those_of_disks(services: Services, photos: Path) -> None:
    """Versions before this one noted the system's number of the device."""
    run(services, "index", paths=[str(photos)])
    with services.catalog._file.writing() as db:
        db.exec_driver_sql("UPDATE files SET device = ?", (os.stat(photos).st_dev,))
    (photos / "red.jpg").unlink()
    assert findings(run(services, "sync")) == ["missing"] and services.folders.missing(look=True) == 1
    assert len(services.catalog.files.devices_under(os.fsencode(photos))) == 1


def test_a_sub_folder_that_was_deleted_is_gone(services: Services, photos: Path, drive: Path) -> None:
    run(services, "index", paths=[str(photos)])
    for file in list((drive / "2024").iterdir()):
        file.unlink()
    (drive / "2024").rmdir()
    assert findings(run(services, "sync")) == ["missing"] and services.folders.missing(look=True) == 2
    run(services, "forget")
    assert services.catalog.counts() == (4, 4, 0)


def test_a_sub_folder_that_is_looked_at_while_its_drive_is_away(
    services: Services, photos: Path, tmp_path: Path
) -> None:
    make_photo(photos / "2024" / "pink.jpg", COLOURS["pink"])
    run(services, "index", paths=[str(photos)])
    photos.rename(tmp_path / "away")
    events = run(services, "sync", paths=[str(photos / "2024")])
    assert findings(events) == ["offline"] and services.folders.all()[0].offline and services.folders.missing() == 0
    run(services, "forget")
    (tmp_path / "away").rename(photos)
    assert of(run(services, "sync"), Finding) == [Finding("back", "5 photos are back.")]


def test_each_photo_is_looked_for_once_more_before_it_is_forgotten(
    services: Services, photos: Path, tmp_path: Path
) -> None:
    run(services, "index", paths=[str(photos)])
    ids = {hit.name: hit.id for hit in services.library.newest(9)}
    for name in ("red.jpg", "blue.jpg", "green.jpg"):
        (photos / name).rename(tmp_path / name)
    run(services, "sync")
    (tmp_path / "red.jpg").rename(photos / "red.jpg")
    assert (services.folders.missing(), services.folders.missing(look=True)) == (3, 2)
    events = run(services, "forget")
    assert [finding.text for finding in of(events, Finding)] == ["1 photo is not surely gone, and kept."]
    assert thumbnail_path(services.settings.thumbs_dir, ids["red.jpg"]).exists()
    run(services, "sync")
    assert names(services) == {"red.jpg", "yellow.jpg"}


def test_the_drive_goes_between_the_look_and_the_forgetting(services: Services, photos: Path, tmp_path: Path) -> None:
    run(services, "index", paths=[str(photos)])
    (photos / "red.jpg").unlink()
    run(services, "sync")
    photos.rename(tmp_path / "away")
    assert (services.folders.missing(), services.folders.missing(look=True)) == (1, 0)
    run(services, "forget")
    assert services.catalog.hidden() != []


SHORT = [errno.EMFILE, errno.ENFILE, errno.ENOMEM]
PASSING = [errno.EACCES, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ELOOP]


def failing(folder: Path, error: int) -> Any:
    """The folder can't be listed, and nothing below it be asked for. Returns what undoes it."""
    real_stat, real_scandir = os.stat, os.scandir
    inside = os.fsencode(folder)

    def at(path: Any, shut: bool) -> None:
        if not isinstance(path, int) and (
            os.fsencode(path).startswith(inside + b"/") or (shut and os.fsencode(path) == inside)
        ):
            raise OSError(error, os.strerror(error))

    def stat(path: Any, *args: Any, **how: Any) -> Any:
        at(path, shut=False)
        return real_stat(path, *args, **how)

    def scandir(path: Any) -> Any:
        at(path, shut=True)
        return real_scandir(path)

    patch = pytest.MonkeyPatch()
    patch.setattr(os, "stat", stat)
    patch.setattr(os, "scandir", scandir)
    return patch


@pytest.mark.parametrize("error", SHORT, ids=errno.errorcode.get)
@pytest.mark.parametrize("part", ["", "deep"])
def test_our_own_shortage_hides_nothing(services: Services, photos: Path, error: int, part: str) -> None:
    make_photo(photos / "deep" / "pink.jpg", COLOURS["pink"])
    run(services, "index", paths=[str(photos)])
    short = failing(photos / part, error)
    try:
        events = run(services, "sync")
        services.watcher._look()
        run(services, "forget")
    finally:
        short.undo()
    assert names(services) == FOUR | {"pink.jpg"} and not services.folders.all()[0].offline
    assert not {"offline", "missing"} & set(findings(events)) and services.folders.missing() == 0


@pytest.mark.parametrize("error", PASSING, ids=errno.errorcode.get)
def test_a_part_that_can_not_be_read_is_out_of_reach(services: Services, photos: Path, error: int) -> None:
    make_photo(photos / "deep" / "pink.jpg", COLOURS["pink"])
    run(services, "index", paths=[str(photos)])
    shut = failing(photos / "deep", error)
    try:
        assert findings(run(services, "sync")) == ["offline"] and names(services) == FOUR
        assert (
            services.folders.missing() == services.folders.missing(look=True) == 0
            and services.folders.all()[0].away == 1
        )
        run(services, "forget")
    finally:
        shut.undo()
    assert findings(run(services, "sync")) == ["back"] and names(services) == FOUR | {"pink.jpg"}


def test_a_link_whose_target_is_away_loses_nothing(services: Services, photos: Path, tmp_path: Path) -> None:
    make_photo(tmp_path / "nas" / "pink.jpg", COLOURS["pink"])
    alone = make_photo(tmp_path / "other" / "brown.jpg", COLOURS["brown"])
    (photos / "nas").symlink_to(tmp_path / "nas")
    (photos / "alone.jpg").symlink_to(alone)
    run(services, "index", paths=[str(photos)])
    assert services.catalog.counts()[0] == 6
    for name in ("nas", "other"):
        (tmp_path / name).rename(tmp_path / f"{name}-away")
    assert findings(run(services, "sync")) == ["offline", "offline"]
    assert services.folders.missing() == services.folders.missing(look=True) == 0 and names(services) == FOUR
    run(services, "forget")
    for name in ("nas", "other"):
        (tmp_path / f"{name}-away").rename(tmp_path / name)
    assert of(run(services, "sync"), Finding) == [Finding("back", "2 photos are back.")]


def test_a_photo_in_the_place_of_which_there_is_a_link_to_itself(services: Services, photos: Path) -> None:
    run(services, "index", paths=[str(photos)])
    for name in ("red.jpg", "blue.jpg"):
        (photos / name).unlink()
    (photos / "red.jpg").symlink_to(photos / "red.jpg")
    assert sorted(findings(run(services, "sync"))) == ["missing", "offline"]
    assert services.folders.missing() == services.folders.missing(look=True) == 1
    assert services.folders.out_of_reach() == [os.fsencode(photos / "red.jpg")]


def test_a_photo_added_alone_on_a_drive_that_is_away(
    services: Services, photos: Path, drive: Path, disks: Any, tmp_path: Path
) -> None:
    run(services, "index", paths=[str(drive / "2024" / "pink.jpg")])
    unplugged(drive, disks, tmp_path, place_stays=False)
    assert findings(run(services, "sync")) == ["offline"]
    assert services.folders.missing() == services.folders.missing(look=True) == 0
    run(services, "forget")
    assert len(services.catalog.hidden()) == 1


def test_many_parts_out_of_reach_are_noted_as_one(
    services: Services, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.services.library.folders.MOST_PARTS", 2)
    for number in range(4):
        make_photo(photos / f"{number}" / "x.jpg", seed=number + 5)
        (photos / f"{number}").rename(photos.parent / f"real{number}")
        (photos / f"{number}").symlink_to(photos.parent / f"real{number}")
    run(services, "index", paths=[str(photos)])
    for number in range(4):
        (photos.parent / f"real{number}").rename(photos.parent / f"away{number}")
    (photos / "red.jpg").unlink()
    assert sorted(findings(run(services, "sync"))) == ["missing", "offline"]
    assert services.folders.out_of_reach() == [os.fsencode(photos)] and services.folders.missing() == 0
    for number in range(4):
        (photos.parent / f"away{number}").rename(photos.parent / f"real{number}")
    run(services, "sync")
    assert services.folders.out_of_reach() == [] and services.folders.missing() == 1


def test_a_note_of_parts_that_makes_no_sense_is_none(services: Services) -> None:
    for nonsense in ("", "{", "{}", "3", "[1, null]", '["\\ud800"]'):
        services.catalog.set_meta("out_of_reach", nonsense)
        assert services.folders.out_of_reach() == [] and services.folders.missing() == 0


def test_a_path_that_is_a_folder_or_a_pipe_now_holds_no_photo(services: Services, photos: Path) -> None:
    run(services, "index", paths=[str(photos)])
    for name in ("red.jpg", "blue.jpg"):
        (photos / name).unlink()
    (photos / "red.jpg").mkdir()
    os.mkfifo(photos / "blue.jpg")
    assert findings(run(services, "sync")) == ["missing"] and services.folders.missing(look=True) == 2


# ---------------------------------------------------------------- earlier versions


def test_what_photos_were_before_they_were_changed_is_not_missing(services: Services, photos: Path) -> None:
    run(services, "index", paths=[str(photos)])
    former = (photos / "red.jpg").read_bytes()
    (photos / "red.jpg").write_bytes(former + b"tags written by another program")
    (photos / "blue.jpg").write_bytes(b"no picture any more")
    (photos / "green.jpg").unlink()
    assert findings(run(services, "sync")) == ["missing"]
    assert (services.folders.missing(), services.folders.missing(look=True), services.folders.earlier()) == (1, 1, 2)
    (folder,) = services.folders.all()
    assert (folder.files, folder.missing) == (3, 1)
    before = encoded(services)
    (photos / "red.jpg").write_bytes(former)
    run(services, "sync")
    assert encoded(services) == before and services.folders.earlier() == 2, (
        "undone: now the tagged one is the earlier version"
    )
    assert sum(event.done for event in run(services, "forget")[-1:]) == 3  # type: ignore[union-attr]
    assert (services.folders.missing(), services.folders.earlier()) == (0, 0) and names(services) == {
        "red.jpg",
        "yellow.jpg",
    }


def test_moved_files_and_copies_leave_no_earlier_versions(services: Services, photos: Path) -> None:
    run(services, "index", paths=[str(photos)])
    (photos / "deep").mkdir()
    (photos / "red.jpg").rename(photos / "deep" / "red.jpg")
    shutil.copy(photos / "blue.jpg", photos / "copy.jpg")
    (photos / "blue.jpg").write_bytes((photos / "green.jpg").read_bytes())
    assert not of(run(services, "sync"), Indexed)
    assert (services.folders.missing(), services.folders.earlier()) == (0, 0) and len(names(services)) == 4
    assert len(of(run(services, "sync"), Already)) == 5


# ---------------------------------------------------------------- while the app runs


def look(services: Services) -> None:
    """A round of the watcher in which a look at the folders is due."""
    services.watcher._looked = -1000.0
    services.watcher._round()


def test_the_watcher_leaves_folders_alone_while_nothing_can_be_told(
    services: Services, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(services, "index", paths=[str(photos)])
    submitted: list[list[Path]] = []
    monkeypatch.setattr(services.watcher, "_submit", submitted.append)
    look(services)
    short = failing(photos, errno.EMFILE)
    try:
        look(services)
    finally:
        short.undo()
    look(services)
    assert submitted == [[photos]] and list(services.watcher._watches) == [str(photos)]
    services.watcher.stop()


def test_a_part_that_is_back_is_looked_at(services: Services, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_photo(photos.parent / "nas" / "pink.jpg", COLOURS["pink"])
    (photos / "nas").symlink_to(photos.parent / "nas")
    run(services, "index", paths=[str(photos)])
    submitted: list[list[Path]] = []
    monkeypatch.setattr(services.watcher, "_submit", submitted.append)
    (photos.parent / "nas").rename(photos.parent / "away")
    run(services, "sync")
    look(services)
    del submitted[:]
    look(services)
    (photos.parent / "away").rename(photos.parent / "nas")
    look(services)
    look(services)
    assert submitted == [[photos / "nas"]]
    services.watcher.stop()


def test_something_mounted_below_a_folder_has_it_looked_at(
    services: Services, photos: Path, mount_table: MountTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = "/dev/sda1 / ext4 rw 0 0\n"
    drive = f"/dev/sdb1 {photos / 'my drive'} ext4 rw 0 0\n".replace("my drive", "my\\040drive")
    mount_table(root)
    run(services, "index", paths=[str(photos)])
    submitted: list[list[Path]] = []
    monkeypatch.setattr(services.watcher, "_submit", submitted.append)
    look(services)
    look(services)
    mount_table(root + drive + "/dev/sdc1 /elsewhere ext4 rw 0 0\n")
    look(services)
    mount_table(root + drive * 2)  # such as another folder of the same disk, above the first
    look(services)
    mount_table(root)
    look(services)
    look(services)
    assert submitted == [[photos]] * 4
    services.watcher.stop()


def test_a_path_that_can_be_none_leads_nowhere(services: Services, photos: Path) -> None:
    """Such rows come from damaged or foreign catalogues."""
    run(services, "index", paths=[str(photos)])
    assert services.folders.presence(Path("/a\0b")) is Presence.AWAY and services.folders.known_as(
        Path("/a\0b")
    ) == Path("/a\0b")
    assert Look().at(b"/a\0b/c.jpg", 1).presence is Presence.GONE
    with pytest.raises(UnreadablePath, match="NUL"):
        run(services, "index", paths=["/a\0b"])


def test_a_photo_of_which_one_of_two_files_is_back_is_not_forgotten(
    services: Services, photos: Path, tmp_path: Path
) -> None:
    shutil.copy(photos / "red.jpg", photos / "second.jpg")
    run(services, "index", paths=[str(photos)])
    for name in ("red.jpg", "second.jpg"):
        (photos / name).rename(tmp_path / name)
    run(services, "sync")
    (tmp_path / "second.jpg").rename(photos / "second.jpg")
    assert (services.folders.missing(), services.folders.missing(look=True)) == (1, 0)
    run(services, "forget")
    assert len(services.catalog.hidden()) == 1
    run(services, "sync")
    assert names(services) == {"second.jpg", "green.jpg", "blue.jpg", "yellow.jpg"}
