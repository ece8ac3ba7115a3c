"""An export is there as a whole or not at all: nothing under its name before the end, nothing left when it fails or is
cancelled.
"""

from __future__ import annotations

import errno
import itertools
import os
import signal
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from src.config import PROJECT_DIR
from src.errors import AppError, BadInput, UnreadablePath
from src.export import target as target_module
from src.export.coco import export_coco
from src.export.crops import export_crops
from src.export.items import ExportedImage
from src.export.tables import export_csv, export_parquet
from src.export.target import free_stem, new_target, plain
from src.export.yolo import export_yolo
from src.schema import EXPORT_MARK, Progress
from tests.unit.test_export_items import Open, exported, library, marked

EXPORTS: dict[str, Callable[..., Iterator[Any]]] = {
    "coco": lambda images, place: export_coco(images, place, opener=Open(images)),
    "yolo": lambda images, place: export_yolo(images, place, opener=Open(images)),
    "crops": lambda images, place: export_crops(images, place, Open(images)),
    "csv": export_csv,
    "parquet": export_parquet,
}


@pytest.fixture(params=sorted(EXPORTS))
def export(request: pytest.FixtureRequest) -> Callable[..., Iterator[Any]]:
    return EXPORTS[request.param]


@pytest.fixture
def images(tmp_path: Path) -> list[ExportedImage]:
    return library(tmp_path / "photos")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def files_of(place: Path) -> dict[str, bytes]:
    """Name -> bytes of what was exported; the mark that every export carries is left out."""
    if place.is_dir():
        found = {file.relative_to(place).as_posix(): file.read_bytes() for file in place.rglob("*") if file.is_file()}
    else:
        with zipfile.ZipFile(place) as archive:
            assert archive.testzip() is None
            assert len(set(archive.namelist())) == len(archive.namelist())
            found = {name: archive.read(name) for name in archive.namelist()}
    assert b"does not index this folder" in found.pop(EXPORT_MARK), "a scan of the folder around it must pass it over"
    return found


def test_a_folder_and_a_zip_hold_the_same(
    export: Callable[..., Iterator[Any]], images: list[ExportedImage], out: Path
) -> None:
    list(export(images, out / "all"))
    list(export(images, out / "all.ZIP"))
    assert sorted(os.listdir(out)) == ["all", "all.ZIP"]
    found = files_of(out / "all")
    assert found and found == files_of(out / "all.ZIP")


@pytest.mark.parametrize("name", ["all", "all.zip"])
def test_half_way_there_is_nothing_under_the_name_and_closing_leaves_nothing(
    export: Callable[..., Iterator[Any]], images: list[ExportedImage], out: Path, name: str
) -> None:
    events = export(images, out / name)
    assert isinstance(next(events), Progress) and isinstance(next(events), Progress)
    assert not (out / name).exists() and os.listdir(out), "it is being written under another name"
    events.close()
    assert os.listdir(out) == []


@pytest.mark.parametrize("name", ["all", "all.zip"])
def test_what_goes_wrong_half_way_leaves_nothing(
    export: Callable[..., Iterator[Any]], images: list[ExportedImage], out: Path, name: str
) -> None:
    class Broken(list[ExportedImage]):
        def __iter__(self) -> Iterator[ExportedImage]:
            yield images[1]
            raise RuntimeError("the catalogue went away")

    with pytest.raises(RuntimeError, match="went away"):
        list(export(Broken(images), out / name))
    assert os.listdir(out) == []


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_exists_is_refused_before_anything_is_written(
    export: Callable[..., Iterator[Any]], images: list[ExportedImage], out: Path, kind: str
) -> None:
    place = out / "all"
    {"file": place.touch, "folder": place.mkdir, "link": lambda: place.symlink_to(out / "nowhere")}[kind]()
    with pytest.raises(BadInput, match="already"):
        next(export(images, place))
    assert os.listdir(out) == ["all"]


def test_what_comes_to_be_there_meanwhile_is_kept(
    export: Callable[..., Iterator[Any]], images: list[ExportedImage], out: Path
) -> None:
    events = export(images, out / "all")
    next(events)
    (out / "all").mkdir()
    with pytest.raises(BadInput, match="already"):
        list(events)
    assert os.listdir(out) == ["all"] and os.listdir(out / "all") == []


def test_nothing_to_export_says_so(export: Callable[..., Iterator[Any]], out: Path) -> None:
    with pytest.raises(BadInput, match=r"no picture|None of these"):
        list(export([], out / "all"))
    assert os.listdir(out) == []


@pytest.mark.parametrize("place", ["nowhere/all", "file/all.zip"])
def test_a_place_that_can_not_be_written_to_says_so(out: Path, images: list[ExportedImage], place: str) -> None:
    (out / "file").touch()
    with pytest.raises(UnreadablePath, match="no folder"):
        list(export_csv(images, out / place))
    assert os.listdir(out) == ["file"]


@pytest.mark.parametrize("place", ["/", "."])
def test_a_place_without_a_name_is_refused(images: list[ExportedImage], place: str) -> None:
    with pytest.raises(BadInput, match="already"):
        list(export_csv(images, Path(place)))


@pytest.mark.parametrize("name", ["all", "all.zip"])
def test_a_full_disk_is_one_sentence(
    out: Path, images: list[ExportedImage], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(target_module.os, "fsync", full)
    with pytest.raises(AppError, match=r"can't be written \(No space left on device\)"):
        list(export_coco(images, out / name))
    assert os.listdir(out) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from src.export.target import new_target
with new_target(Path(sys.argv[1])) as target:
    target.add("images/a.jpg", b"1")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="other systems have no SIGKILL")
@pytest.mark.parametrize("name", ["all", "all.zip"])
def test_what_a_killed_export_left_goes_with_the_next_one(out: Path, name: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(out / name)], cwd=PROJECT_DIR, check=False)
    assert done.returncode == -signal.SIGKILL and [file for file in os.listdir(out) if file.endswith(".part")]
    (out / ".export-notes.part").write_text("not locked by anyone, so not ours")
    with new_target(out / "next") as target:
        target.add("a.txt", b"1")
    assert sorted(os.listdir(out)) == [".export-notes.part", "next"]


def test_what_is_being_written_is_left_alone(out: Path) -> None:
    with new_target(out / "one") as one, new_target(out / "two.zip") as two:
        one.add("a.txt", b"1")
        with new_target(out / "three") as three:
            three.add("c.txt", b"3")
        two.add("b.txt", b"2")
    assert sorted(os.listdir(out)) == ["one", "three", "two.zip"]
    assert files_of(out / "one") == {"a.txt": b"1"} and files_of(out / "two.zip") == {"b.txt": b"2"}


def test_where_nothing_can_be_locked_it_is_written_all_the_same(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise NotImplementedError("this file system knows no locks")

    monkeypatch.setattr(target_module.FileLock, "acquire", unknown)
    for name in ("one", "two"):
        with new_target(out / name) as target:
            target.add("a.txt", b"1")
    assert sorted(os.listdir(out)) == ["one", "two"]


def test_a_member_is_written_once(out: Path) -> None:
    with pytest.raises(UnreadablePath, match="can't be written"), new_target(out / "all") as target:
        target.add("a/b.txt", b"1")
        assert target.has("a/b.txt") and not target.has("a/c.txt")
        target.add("a/b.txt", b"2")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IMG 0001.JPG", "IMG_0001"),
        ("../../etc/passwd", "passwd"),
        ("写真 Ünï", "写真_Ünï"),
        ("a\x00b\nc\u202ed", "a_b_c_d"),
        ("<>:|?*.jpg", ""),
        ("...", ""),
        ("-rf.jpg", "rf"),
        ("=1+1.png", "1_1"),
    ],
)
def test_names_are_such_as_any_system_takes(name: str, expected: str) -> None:
    assert plain(Path(name).stem) == expected


def test_names_are_short_and_apart() -> None:
    assert len(plain("x" * 300)) == 60 and len(plain("写" * 300).encode()) <= 120
    taken: set[str] = set()
    for _ in range(3):
        taken.add(free_stem("photo.jpg", "ab12-cd34-ef56", taken.__contains__))
    assert taken == {"photo-ab12cd34", "photo-ab12cd34-2", "photo-ab12cd34-3"}
    assert free_stem("???.jpg", "../", lambda _: False) == "photo-0"
    assert free_stem("CON", "7", lambda _: False) == "CON-7", "which no longer is a device of Windows"


@pytest.mark.parametrize("name", ["coco", "csv", "parquet"])
def test_memory_does_not_grow_with_the_library(name: str, out: Path) -> None:
    listing = {"coco": export_coco, "csv": export_csv, "parquet": export_parquet}[name]
    names = itertools.count()

    def peak(number: int) -> int:
        images = (exported(Path(f"/photos/{at}.jpg"), at, annotations=(marked(),) * 3) for at in range(number))
        tracemalloc.start()
        for _ in listing(images, out / f"{number}-{next(names)}"):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(100)  # what is imported on the way
    least = min(peak(6_000) for _ in range(3))  # other threads of the test run are counted too
    assert least < peak(2_000) + 400_000
