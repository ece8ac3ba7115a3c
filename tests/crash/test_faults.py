"""Faults from outside: nothing committed is lost, the user is told in one sentence, and the next start is right by
itself.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from src.bootstrap import build_services
from src.cli.arguments import main
from src.config import PROJECT_DIR, Settings
from src.database.index import manifest, owner
from src.database.vector_db import VectorDatabase
from src.errors import LibraryBusy, LibraryNewer, LibraryUnusable, WeightsCorrupt
from src.models import registry
from src.models.model_manager import ModelManager
from src.runtime import Services
from src.schema import Finding, Indexed, JobEvent
from src.services.library.service import ACTIVE_MODEL
from src.services.search import names as search_names
from src.services.search.service import Query
from src.ui import state
from src.ui.library import clear_dialog
from tests.conftest import fake_models, make_photo
from tests.crash.damaged import IDS, VECTORS
from tests.fakes import COLOURS, FakeEmbedder

FOUR = {"red.jpg", "green.jpg", "blue.jpg", "yellow.jpg"}


@contextmanager
def opened(settings: Settings) -> Iterator[Services]:
    services = build_services(settings, models=fake_models(settings))
    try:
        yield services
    finally:
        services.close()


def run(services: Services, kind: Any, **params: Any) -> list[JobEvent]:
    return list(services.handlers[kind](params))


def index(services: Services, folder: Path) -> int:
    """Photos indexed."""
    return sum(isinstance(event, Indexed) for event in run(services, "index", paths=[str(folder)]))


def names(services: Services) -> set[str]:
    """Each photo is found first by its own colour, or it is not counted."""
    first = [services.search.search(Query(colour), 1).hits for colour in COLOURS]
    return {
        hits[0].name for colour, hits in zip(COLOURS, first, strict=True) if hits and hits[0].name == f"{colour}.jpg"
    }


def encoded(services: Services) -> int:
    embedder = services.models.embedder()
    assert isinstance(embedder, FakeEmbedder)
    return embedder.encoded


@pytest.fixture
def more(tmp_path: Path) -> Path:
    """A folder with pink.jpg and brown.jpg."""
    for name in ("pink", "brown"):
        make_photo(tmp_path / "more" / f"{name}.jpg", COLOURS[name])
    return tmp_path / "more"


# ---------------------------------------------------------------- disks


def mount(*arguments: str) -> None:
    """Skips the test, and says so, where this may not be done."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("not run: mounting is not allowed")
    if subprocess.run(["mount", *arguments], capture_output=True).returncode:
        pytest.skip("not run: mounting is not allowed")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 96 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount("-t", "tmpfs", "-o", "size=96m", "tmpfs", str(place))
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=False)


def fill(disk: Path, leave: int) -> Path:
    """A file that takes all of a disk but ``leave`` bytes."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - leave)
    return filler


def make_patchwork(path: Path, seed: int) -> None:
    """16 x 16 squares, none in a colour of ``FOUR``; the model tells any two apart.

    Hundreds of pictures that are one vector would cut the few others off in an HNSW graph, whose links would all go to
    copies.
    """
    colours = [COLOURS[name] for name in sorted(COLOURS) if f"{name}.jpg" not in FOUR]
    squares = np.random.default_rng(seed).choice(np.array(colours, dtype=np.uint8), (16, 16))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(squares).resize((200, 200), Image.Resampling.NEAREST).save(path)


def test_a_disk_that_is_nearly_full_stops_the_job_before_anything_is_half_done(
    disk: Path, photos: Path, more: Path
) -> None:
    with opened(Settings(home=disk / "library")) as services:
        index(services, photos)
        filler = fill(disk, 45_000_000)
        with pytest.raises(LibraryUnusable, match=r"^The disk is nearly full: 4\d MB are free, 6\d MB are needed"):
            index(services, more)
        assert names(services) == FOUR
        filler.unlink()
        assert index(services, more) == 2 and names(services) == FOUR | {"pink.jpg", "brown.jpg"}


def test_a_disk_that_runs_full_in_the_middle_loses_nothing(
    disk: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program may take the space that was there when it was looked for."""
    for number in range(300):
        make_patchwork(tmp_path / "many" / f"{number:03}.jpg", seed=number)
    settings = Settings(home=disk / "library")
    with monkeypatch.context() as patch:
        patch.setattr("src.database.disk_space.MARGIN", -1_000_000_000)
        patch.setattr("src.database.index.follower.MARGIN", -1_000_000_000)
        with opened(settings) as services:
            index(services, photos)
            filler = fill(disk, 1_200_000)
            told: list[str] = []
            with pytest.raises(LibraryUnusable, match=r"full|could not be stored|No space"):
                for event in services.handlers["index"]({"paths": [str(tmp_path / "many")]}):
                    told += [event.image_id] if isinstance(event, Indexed) else []
            assert names(services) == FOUR
            assert services.catalog.visible(told) == set(told)
        start_while_full(settings)
    filler.unlink()
    with opened(settings) as services:
        assert names(services) == FOUR and services.catalog.visible(told) == set(told)
        assert set(told) <= services.catalog.encoded(services.library.collection(), told)
        index(services, tmp_path / "many")
        assert services.catalog.counts()[0] == 304
        run(services, "doctor", repair=True)
        assert not [event for event in run(services, "doctor", repair=False) if isinstance(event, Finding)]


def start_while_full(settings: Settings) -> None:
    """Either the library opens and answers, or it says in one sentence why it does not."""
    try:
        with opened(settings) as services:
            assert names(services) == FOUR
            services.store.index.open(services.library.collection())
            assert names(services) == FOUR
    except LibraryUnusable as error:
        assert error.user_message.endswith(".") and error.hint


def test_start_on_a_full_disk_answers_or_says_why(disk: Path, photos: Path) -> None:
    settings = Settings(home=disk / "library")
    with opened(settings) as services:
        index(services, photos)
    filler = fill(disk, 0)
    start_while_full(settings)
    filler.unlink()
    with opened(settings) as services:
        assert names(services) == FOUR and services.catalog.counts()[0] == 4


@pytest.mark.parametrize("way", ["the command", "the page", "a job that waited"])
def test_a_clear_on_a_full_disk_makes_room(disk: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """What can be made again goes first, so that the rest can be written down."""
    settings = Settings(home=disk / "library")
    with opened(settings) as services:
        index(services, photos)
        if way == "a job that waited":
            fill_up(disk)
            run(services, "clear")
            run(services, "empty")
        elif way == "the page":
            services.jobs.start()
            fill_up(disk)
            clear_dialog._clear(services)
            assert services.jobs.wait(str(state.clearing()), 60).state == "done"  # type: ignore[union-attr]
            emptying = services.jobs.submit("empty", "Emptying")
            assert services.jobs.wait(emptying, 60).state == "done"  # type: ignore[union-attr]
    if way == "the command":
        fill_up(disk)
        monkeypatch.setattr("src.bootstrap.ModelManager", lambda settings: fake_models(settings))
        assert main(["--library", str(settings.home), "clear", "--yes"]) == 0
        assert main(["--library", str(settings.home), "bin", "--empty", "--yes"]) == 0
    until = time.monotonic() + 10  # on a busy machine the system lets go of deleted files a moment later
    while shutil.disk_usage(disk).free <= 200_000 and time.monotonic() < until:
        time.sleep(0.1)
    assert shutil.disk_usage(disk).free > 200_000
    (disk / "filler").unlink()
    with opened(settings) as services:
        assert services.catalog.counts()[0] == 0 and not settings.thumbs_dir.exists()
        assert index(services, photos) == 4 and names(services) == FOUR


def test_a_clear_waits_for_the_room_of_files_that_are_still_open(disk: Path, photos: Path) -> None:
    """Chroma closes its files in the background: they are deleted, and their room comes a moment later."""
    settings = Settings(home=disk / "library")
    with opened(settings) as services, contextlib.ExitStack() as still_open:
        index(services, photos)
        for file in [*settings.chroma_dir.rglob("*"), *settings.thumbs_dir.rglob("*")]:
            if file.is_file():
                still_open.enter_context(file.open("rb"))
        fill_up(disk)
        closing_later = threading.Timer(0.7, still_open.close)
        closing_later.start()
        run(services, "clear")
        closing_later.join()
        assert services.catalog.counts()[0] == 0


def fill_up(disk: Path) -> None:
    """Not a byte is left."""
    with (disk / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_read_only_library_is_told_and_can_be_searched(disk: Path, photos: Path) -> None:
    settings = Settings(home=disk / "library")
    with opened(settings) as services:
        index(services, photos)
    for handler in logging.getLogger("src").handlers:
        handler.close()  # an open log keeps the disk writable
    mount("-o", "remount,ro", str(disk))
    with pytest.raises(LibraryUnusable, match=r"can't be written"):
        build_services(settings, models=fake_models(settings))
    reader = build_services(settings, models=fake_models(settings), read_only=True)
    assert names(reader) == FOUR
    reader.close()
    mount("-o", "remount,rw", str(disk))
    with opened(settings) as services:
        assert services.store.index.open(services.library.collection()) and names(services) == FOUR


# ---------------------------------------------------------------- the catalogue


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another process in the middle of a write to the catalogue."""
    code = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('BEGIN EXCLUSIVE'); "
        "print('locked', flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin and process.stdout
    try:
        assert process.stdout.readline() == "locked\n"
        yield
    finally:
        process.communicate("\n", timeout=10)


def test_a_catalogue_that_is_locked_stops_the_job_and_not_the_searches(
    settings: Settings, photos: Path, more: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.database.catalog.sqlite_file.PATIENCE", 0.3)
    monkeypatch.setattr("src.database.catalog.sqlite_file.SHORT_PATIENCE", 0.02)  # each search waits so long
    with opened(settings) as services:
        index(services, photos)
        with locked(settings.catalog_file):
            with pytest.raises(LibraryBusy, match=r"^Another program keeps the library's catalogue locked\."):
                index(services, more)
            assert names(services) == FOUR
        assert index(services, more) == 2
    with locked(settings.catalog_file), opened(settings) as services:
        assert names(services) == FOUR | {"pink.jpg", "brown.jpg"}, "at the start, too"
        with pytest.raises(LibraryBusy):
            index(services, photos)
    with opened(settings) as services:
        assert index(services, photos) == 0 and encoded(services) == 0 and len(names(services)) == 6


def test_a_catalogue_of_a_newer_version_is_refused_and_stays_as_it_is(settings: Settings, photos: Path) -> None:
    with opened(settings) as services:
        index(services, photos)
    with closing(sqlite3.connect(settings.catalog_file)) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        db.execute("PRAGMA user_version = 99")
    before = settings.catalog_file.read_bytes()
    for _ in range(2):
        with pytest.raises(LibraryNewer, match="newer version of this program"):
            build_services(settings, models=fake_models(settings))
    assert settings.catalog_file.read_bytes() == before
    with closing(sqlite3.connect(settings.catalog_file)) as db:
        db.execute(f"PRAGMA user_version = {version}")
    with opened(settings) as services:
        assert names(services) == FOUR


def test_a_clock_that_goes_backwards_changes_nothing(
    settings: Settings, photos: Path, more: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_names, "MOST_WORDS", 0)  # else the changed picture is found by its name
    days = itertools.count(20_000, -1)
    for module in ("batch", "files", "folders", "jobs", "health", "operations", "bin", "albums"):
        monkeypatch.setattr(
            f"src.database.catalog.{module}.now", lambda: f"{next(days):08}-01-01T00:00:00.000000+00:00"
        )
    for photo in photos.iterdir():
        os.utime(photo, (-86_400, -86_400))  # before 1970
    with opened(settings) as services:
        assert index(services, photos) == 4 and index(services, more) == 2
        make_photo(photos / "red.jpg", COLOURS["cyan"], size=(150, 110))
        os.utime(photos / "red.jpg", (-200_000, -200_000))  # changed, and older than before
        (photos / "blue.jpg").rename(photos.parent / "kept.jpg")
        assert sum(isinstance(event, Indexed) for event in run(services, "sync")) == 1
        assert names(services) == {"green.jpg", "yellow.jpg", "pink.jpg", "brown.jpg"}
        assert services.search.search(Query("cyan"), 1).hits[0].name == "red.jpg"
        (photos.parent / "kept.jpg").rename(photos / "blue.jpg")
        run(services, "sync")
        assert "blue.jpg" in names(services) and encoded(services) == 7
        assert not [event for event in run(services, "doctor", repair=True) if isinstance(event, Finding)]


# ---------------------------------------------------------------- the index


def damaged_copies(whole: Path, folder: Path) -> dict[str, Path]:
    """What was done -> a library it was done to: the index deleted, each file deleted or cut, and 20 garblings of one
    file each in turn.
    """
    parts = [file.relative_to(whole) for file in sorted((whole / "chroma_db").rglob("*")) if file.is_file()]
    parts = [part for part in parts if part.name not in (manifest.MANIFEST, owner.MARK)]
    dice = random.Random(4)
    copies: dict[str, Path] = {}

    def copy(what: str) -> Path:
        copies[what] = folder / f"{len(copies):02}"
        return Path(shutil.copytree(whole, copies[what]))

    shutil.rmtree(copy("no index") / "chroma_db")
    for part in parts:
        (copy(f"no {part.name}") / part).unlink()
        os.truncate(cut := copy(f"cut {part.name}") / part, cut.stat().st_size // 2)
    for number, part in zip(range(20), itertools.cycle(parts), strict=False):
        file = copy(f"garbled {number} {part.name}") / part
        data = bytearray(file.read_bytes())
        for _ in range(max(1, len(data) // 200)):
            data[dice.randrange(len(data))] ^= dice.randrange(1, 256)
        file.write_bytes(data)
    return copies


def test_an_index_that_is_deleted_cut_or_garbled_is_made_again_and_never_crashes(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    with VectorDatabase(Settings(home=whole)) as db:
        db.add_segments(VECTORS, ids=IDS)
    copies = damaged_copies(whole, tmp_path / "copies")
    assert len(copies) == 1 + 2 * 6 + 20
    command = [sys.executable, "-m", "tests.crash.damaged", *map(str, [whole, *copies.values()])]
    done = subprocess.run(command, cwd=PROJECT_DIR, capture_output=True, text=True, timeout=200)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"{lines[-1:]} took it down: {done.returncode} {done.stderr[-2000:]}"
    said = {folder: json.loads(answer) for folder, answer in zip(lines[::2], lines[1::2], strict=True)}
    assert said.pop(str(whole)) == {"trusted": True, "exactly": True, "by_index": True}
    for what, copy in copies.items():
        assert said[str(copy)] == {"trusted": False, "exactly": True, "by_index": True}, what


# ---------------------------------------------------------------- folders, processes, models


def test_a_folder_that_is_unplugged_comes_back_by_itself(settings: Settings, photos: Path, more: Path) -> None:
    with opened(settings) as services:
        index(services, photos)
        index(services, more)
        photos.rename(away := photos.with_name("away"))
        (told,) = [event for event in run(services, "sync") if isinstance(event, Finding)]
        assert told.text.endswith("can't be reached; its 4 photos are hidden until it is back.")
        assert names(services) == {"pink.jpg", "brown.jpg"} and services.folders.missing() == 0
        run(services, "forget")
        run(services, "doctor", repair=True)
        away.rename(photos)
    with opened(settings) as services:
        assert {event.check for event in run(services, "sync") if isinstance(event, Finding)} <= {"back"}
        assert names(services) == FOUR | {"pink.jpg", "brown.jpg"} and encoded(services) == 0


def test_a_drive_whose_mount_point_stays_comes_back_by_itself(disk: Path, settings: Settings, tmp_path: Path) -> None:
    for name in ("red", "green"):
        make_photo(disk / f"{name}.jpg", COLOURS[name])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with opened(settings) as services:
        index(services, disk)
        mount("--move", str(disk), str(elsewhere))
        assert not list(disk.iterdir())
        assert [event.check for event in run(services, "sync") if isinstance(event, Finding)] == ["offline"]
        assert names(services) == set() and services.folders.missing() == 0
        run(services, "forget")
        mount("--move", str(elsewhere), str(disk))
        run(services, "sync")
        assert names(services) == {"red.jpg", "green.jpg"} and encoded(services) == 2


@pytest.mark.parametrize("place_stays", [True, False], ids=["its place stays, empty", "its place goes too"])
def test_a_drive_mounted_below_a_folder_comes_back_by_itself(
    disk: Path, settings: Settings, photos: Path, tmp_path: Path, place_stays: bool
) -> None:
    make_photo(disk / "2024" / "pink.jpg", COLOURS["pink"])
    (photos / "drive").mkdir()
    mount("--move", str(disk), str(photos / "drive"))
    with opened(settings) as services:
        assert index(services, photos) == 5
        mount("--move", str(photos / "drive"), str(disk))
        if not place_stays:
            (photos / "drive").rmdir()
        assert [event.check for event in run(services, "sync") if isinstance(event, Finding)] == ["offline"]
        assert names(services) == FOUR and services.folders.missing() == services.folders.missing(look=True) == 0
        run(services, "forget")
        run(services, "doctor", repair=True)
        (photos / "drive").mkdir(exist_ok=True)
        mount("--move", str(disk), str(photos / "drive"))
        run(services, "sync")
        assert names(services) == FOUR | {"pink.jpg"} and encoded(services) == 5
        mount("--move", str(photos / "drive"), str(disk))


@pytest.mark.parametrize("place", ["", "m"], ids=["as the followed folder", "below it"])
@pytest.mark.parametrize("place_stays", [True, False], ids=["its place stays, empty", "its place goes too"])
def test_a_folder_of_the_same_disk_that_was_mounted_is_out_of_reach_once_it_is_not(
    settings: Settings, more: Path, tmp_path: Path, place: str, place_stays: bool
) -> None:
    top = tmp_path / "top"
    (bound := top / place).mkdir(parents=True)
    with opened(settings) as services:
        mount("--bind", str(more), str(bound))
        try:
            if place:
                make_photo(top / "red.jpg", COLOURS["red"])
            index(services, top)
        finally:
            subprocess.run(["umount", str(bound)], check=True)
        if not place_stays:
            bound.rmdir()
        assert [event.check for event in run(services, "sync") if isinstance(event, Finding)] == ["offline"]
        assert services.folders.missing() == services.folders.missing(look=True) == 0
        run(services, "forget")
        bound.mkdir(exist_ok=True)
        mount("--bind", str(more), str(bound))
        try:
            run(services, "sync")
            assert names(services) >= {"pink.jpg", "brown.jpg"} and services.folders.out_of_reach() == []
        finally:
            subprocess.run(["umount", str(bound)], check=True)


def test_another_card_at_the_same_place_with_the_same_names_loses_nothing_of_the_first(
    disk: Path, settings: Settings, photos: Path, tmp_path: Path
) -> None:
    def mounted(source: Path, target: Path) -> None:
        mount("--move", str(source), str(target))

    first, second, card = disk, tmp_path / "second", tmp_path / "card"
    card.mkdir()
    second.mkdir()
    mount("-t", "tmpfs", "tmpfs", str(second))
    for colour, name in zip(("red", "green", "blue"), "123", strict=True):
        make_photo(first / "DCIM" / f"{name}.jpg", COLOURS[colour])
    make_photo(second / "DCIM" / "1.jpg", COLOURS["yellow"])
    (second / "DCIM" / "2.jpg").write_bytes(b"cut off, and no picture any more")
    with opened(settings) as services:
        try:
            mounted(first, card)
            index(services, card)
            mounted(card, first)
            with pytest.MonkeyPatch.context() as same_number:
                number, real = os.stat(first).st_dev, os.stat

                def stat(path: Any, *args: Any, **how: Any) -> os.stat_result:
                    answer = real(path, *args, **how)
                    return (
                        answer
                        if answer.st_dev != other
                        else os.stat_result((*answer[:2], number, *answer[3:]), _times(answer))
                    )

                other = os.stat(second).st_dev
                same_number.setattr(os, "stat", stat)
                mounted(second, card)
                for _ in range(2):
                    run(services, "sync")
                    assert {hit.name for hit in services.library.newest(9)} == {"1.jpg"}
                    assert (
                        services.folders.missing()
                        == services.folders.missing(look=True)
                        == services.folders.earlier()
                        == 0
                    )
                    run(services, "forget")
                assert services.folders.all()[0].away == 3
                (card / "DCIM" / "1.jpg").unlink()
                mounted(card, second)
            mounted(first, card)
            (card / "DCIM" / "3.jpg").unlink()
            run(services, "sync")
            assert {hit.name for hit in services.library.newest(9)} == {"1.jpg", "2.jpg"} and services.folders.missing(
                look=True
            ) == 1
            assert encoded(services) == 4 and len(services.catalog.hidden()) == 2
            (folder,) = services.folders.all()
            assert (folder.files, folder.missing, folder.away) == (4, 1, 1), "what is back has one row again"
        finally:
            subprocess.run(["umount", "--lazy", str(card), str(second)], check=False, capture_output=True)


def _times(answer: os.stat_result) -> dict[str, int]:
    return {name: getattr(answer, name) for name in ("st_atime_ns", "st_mtime_ns", "st_ctime_ns")}


def test_two_apps_at_once_the_second_is_told_and_the_first_goes_on(settings: Settings, photos: Path) -> None:
    code = f"""if True:
        from pathlib import Path
        from src.bootstrap import build_services
        from src.config import Settings
        from src.errors import LibraryBusy
        try:
            build_services(Settings(home=Path({str(settings.home)!r})), port=8502)
        except LibraryBusy as error:
            print(error)
    """
    services = build_services(settings, models=fake_models(settings), port=8501)
    try:
        index(services, photos)
        second = subprocess.run(
            [sys.executable, "-c", code], cwd=PROJECT_DIR, capture_output=True, text=True, timeout=60
        )
        assert f"http://127.0.0.1:8501 (process {os.getpid()})" in second.stdout, second.stderr
        assert names(services) == FOUR
    finally:
        services.close()
    with opened(settings) as services:
        assert names(services) == FOUR


def test_corrupt_weights_are_named_and_the_library_stays(settings: Settings, photos: Path) -> None:
    with opened(settings) as services:
        index(services, photos)
    spec = registry.spec("ViT-B/32")
    settings.weights_dir.mkdir(parents=True, exist_ok=True)
    (settings.weights_dir / spec.file_name).write_bytes(b"these are no weights" * 1_000)
    models = ModelManager(settings=settings, loader=lambda *_: FakeEmbedder())
    assert models.model_id == registry.BUILTIN, "the app starts all the same"
    services = build_services(settings, models=models)
    try:
        assert names(services) == FOUR
        services.catalog.set_meta(ACTIVE_MODEL, spec.id)  # a library that was made with them
        with pytest.raises(WeightsCorrupt, match="is not the published checkpoint"):
            services.search.search(Query("red"), 1)
        assert not [event for event in run(services, "doctor", repair=True) if isinstance(event, Finding)]
        services.library.activate(registry.BUILTIN)
        assert names(services) == FOUR and encoded(services) == 0
    finally:
        services.close()
