"""Which files are the program's own: what somebody else has put under its names is never removed, indexed or written
over, and is said.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import chromadb
import pytest
from PIL import Image

from src.bootstrap import build_services
from src.config import PROJECT_DIR, Settings
from src.errors import LibraryUnusable
from src.processing.decoding.image_io import image_id
from src.processing.thumbnails import thumbnail_path, write_thumbnail
from src.runtime import Services
from src.schema import Finding, Skipped
from src.services.exchange.backup import export_library
from src.services.exchange.restore import import_library
from src.services.library.uploads import CLEARED, as_params
from src.services.search.service import Query
from tests.conftest import cleared, fake_models, make_photo, of
from tests.fakes import COLOURS

UNKNOWN = "00000000-0000-5000-8000-000000000000"
SENTENCE = ("data/catalog.sqlite3", "data/catalog.sqlite3-journal", "data/library.lock")
"""Without these a library can't be opened: one sentence says which is no plain file."""
PASSED_OVER = (
    "data/library.owner.json", "data/library.owner.new", "data/logs/app.log", "data/logs/app.log.1",
    "chroma_db/chroma.sqlite3", "chroma_db/chroma.sqlite3-journal", "chroma_db/clean.json",
    "chroma_db/made-by-media-feature-extractor.json",
)  # fmt: skip
DOORS = """
import os, shutil, sys
from pathlib import Path
from src.bootstrap import build_services
from src.config import Settings
from src.errors import LibraryUnusable
from tests.conftest import fake_models
home, kind, *places = sys.argv[1:]
for number, place in enumerate(places):
    settings = Settings(home=Path(home).with_name(f"copy {number}"))
    shutil.copytree(home, settings.home)
    odd = settings.home / place
    odd.unlink(missing_ok=True)
    os.mkfifo(odd) if kind == "pipe" else odd.mkdir()
    said = []
    for job, how in (("stats", {"read_only": True}), ("check", {"untouched": True}), ("doctor", {}), ("sync", {})):
        try:
            services = build_services(settings, models=fake_models(settings), **how)
            if job in services.handlers or job == "check":
                if job == "sync":
                    list(services.handlers["sync"]({}))
                else:
                    list(services.handlers["doctor"]({"repair": job == "doctor"}))
            services.library.stats()
            said.append(str(services.catalog.counts()[0]))
            services.close()
        except LibraryUnusable as error:
            said.append(error.user_message.removeprefix(str(odd)))
    print(place, *dict.fromkeys(said), sep="|", flush=True)
"""


def listing(folder: Path) -> dict[str, str]:
    """Every file below a folder, and what is in it."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() or file.is_symlink()]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture
def strangers(settings: Settings) -> dict[str, str]:
    """A home that somebody else has used under our names. Their files, relative to it, and what is in them."""
    uploads, thumbs = settings.uploads_dir, settings.thumbs_dir
    make_photo(uploads / "holiday.jpg", COLOURS["pink"])
    make_photo(uploads / f"{UNKNOWN}.jpg", COLOURS["brown"])
    (uploads / "sub" / "deep").mkdir(parents=True)
    make_photo(uploads / "sub" / "deep" / "photo.png", COLOURS["cyan"])
    for name in ("notes.txt", "notes.part", f"{UNKNOWN}.jpg.part", "paper.pdf", f"{UNKNOWN}", "sub/letter.pdf"):
        (uploads / name).write_text(f"mine: {name}")
    (uploads / "link.jpg").symlink_to(make_photo(settings.home.parent / "elsewhere.jpg"))
    make_photo(thumbs / "mine.jpg")
    make_photo(thumbs / "00" / f"{UNKNOWN}.jpg")
    make_photo(thumbs / "00" / "also mine.jpg")
    make_photo(thumbs / "00" / "deeper" / "too.jpg")
    for name in ("00/download.tmp", "mine.tmp", "00/notes.txt"):
        (thumbs / name).write_text(f"mine: {name}")
    for file in settings.home.rglob("*"):
        if not file.is_symlink():
            os.utime(file, (1_000_000_000, 1_000_000_000))
    return listing(settings.home)


@contextmanager
def opened(settings: Settings, start: bool = False) -> Iterator[Services]:
    services = build_services(settings, models=fake_models(settings))
    try:
        if start:
            services.start()
            assert services.tending.wait(30)
            for job in services.jobs.active():
                services.jobs.wait(job.id, 30)
        yield services
    finally:
        services.close()


def index(services: Services, *folders: Path) -> None:
    list(services.handlers["index"]({"paths": [str(folder) for folder in folders]}))


def upload(services: Services, colour: str, source: Path) -> Path:
    """A photo dropped on the page and indexed: where it is stored."""
    found = services.uploads.save(f"{colour}.png", make_photo(source, COLOURS[colour]).read_bytes())
    list(services.handlers["index"]({"files": as_params([found])}))
    return found.path


def kept(settings: Settings, strangers: dict[str, str]) -> bool:
    there = listing(settings.home)
    return {name: there.get(name) for name in strangers} == strangers


def test_neither_start_nor_clear_nor_doctor_takes_what_is_somebody_elses(
    settings: Settings, strangers: dict[str, str], photos: Path, tmp_path: Path
) -> None:
    with opened(settings, start=True) as services:
        assert kept(settings, strangers) and services.catalog.counts()[0] == 0, "nor is it indexed"
    with opened(settings) as services:
        index(services, photos)
        stored = upload(services, "purple", tmp_path / "purple.png")
        thumbs = [thumbnail_path(settings.thumbs_dir, image_id) for image_id in services.catalog.health.image_ids()]
        assert stored.exists() and len(thumbs) == 5 and all(map(Path.exists, thumbs))
        list(services.handlers["doctor"]({"repair": True}))
        assert kept(settings, strangers)
        findings = of(cleared(services), Finding)
        assert kept(settings, strangers)
        assert not stored.exists() and not any(map(Path.exists, thumbs)), "what is ours goes"
        assert len(findings) == 1 and "17 files" in findings[0].text and str(settings.uploads_dir) in findings[0].text
        assert [place.name for place in settings.thumbs_dir.iterdir() if place.is_dir()] == ["00"], (
            "and the folders it leaves empty"
        )
        index(services, photos)
        assert services.search.search(Query("red"), 1).hits[0].name == "red.jpg"


def test_a_clear_without_strangers_leaves_no_folder(services: Services, photos: Path, tmp_path: Path) -> None:
    index(services, photos)
    upload(services, "purple", tmp_path / "purple.png")
    assert of(cleared(services), Finding) == []
    assert not services.settings.thumbs_dir.exists() and not services.settings.uploads_dir.exists()


def test_strangers_files_are_said_at_the_start_and_by_the_doctor(settings: Settings, strangers: dict[str, str]) -> None:
    with opened(settings, start=True) as services:
        assert len(services.notices) == 1 and "17 files" in services.notices[0]
        told = [f for f in of(services.handlers["doctor"]({"repair": True}), Finding) if f.check == "strangers"]
        assert len(told) == 1 and not told[0].repaired and "17 files" in told[0].text
    assert "17 files" in (settings.logs_dir / "app.log").read_text()


def test_nothing_is_said_of_a_library_of_its_own(settings: Settings, photos: Path, tmp_path: Path) -> None:
    with opened(settings) as services:
        index(services, photos)
        upload(services, "purple", tmp_path / "purple.png")
    with opened(settings, start=True) as services:
        assert services.notices == [] and of(services.handlers["doctor"]({"repair": False}), Finding) == []


def test_a_jobs_row_of_an_earlier_version_takes_no_strangers_file(services: Services) -> None:
    """Earlier versions queued whatever lay in the folder; a file that is refused, or that the library has, was deleted
    then.
    """
    folder = services.settings.uploads_dir
    for name in ("notes.txt", f"{UNKNOWN}.jpg"):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text("mine")
    (params,) = [
        [{"path": str(folder / name), "name": name, "uploaded": True} for name in ("notes.txt", f"{UNKNOWN}.jpg")]
    ]
    assert len(of(services.handlers["index"]({"files": params}), Skipped)) == 2
    assert sorted(file.name for file in folder.iterdir()) == sorted(["notes.txt", f"{UNKNOWN}.jpg"])


def test_a_strangers_file_that_an_earlier_version_indexed_stays_at_a_clear(services: Services) -> None:
    photo = make_photo(services.settings.uploads_dir / "holiday.jpg", COLOURS["pink"])
    list(services.handlers["index"]({"files": [{"path": str(photo), "name": "holiday.jpg", "uploaded": True}]}))
    assert services.catalog.counts() == (1, 1, 1)
    cleared(services)
    assert photo.exists() and services.catalog.counts()[0] == 0


def test_left_over_uploads_are_known_by_their_bytes_and_half_written_ones_by_their_name(
    services: Services, tmp_path: Path
) -> None:
    saved = services.uploads.save("x.JPG", make_photo(tmp_path / "x.jpg").read_bytes())
    folder = services.settings.uploads_dir
    (folder / f"{saved.path.name}.0123abcd.mfe-part").write_bytes(b"half")
    (folder / f"{image_id('0' * 64)}.jpg").write_bytes(b"not the bytes that have this name")
    assert [found.path for found in services.uploads.left_over(set())] == [saved.path]
    assert sorted(file.name for file in folder.iterdir()) == sorted([saved.path.name, f"{image_id('0' * 64)}.jpg"])


def test_a_file_larger_than_any_upload_is_none_and_is_not_read(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    hole = services.settings.uploads_dir / f"{UNKNOWN}.jpg"
    hole.parent.mkdir()
    hole.touch()
    os.truncate(hole, 50 * 2**30)
    os.utime(hole, (1_000_000_000, 1_000_000_000))
    monkeypatch.setattr("src.services.library.own_files.hashlib.file_digest", lambda *_: pytest.fail("it was read"))
    for job in ("doctor", "empty"):
        assert [found.check for found in of(services.handlers[job]({}), Finding)] == ["strangers"]  # type: ignore[index]
    assert services.uploads.left_over(set()) == [] and hole.exists()


@pytest.mark.parametrize("job", ["doctor", "forget", "remove", "clear", "empty", "index", "reindex"])
@pytest.mark.parametrize("oddity", ["a folder", "a pipe", "a file for a folder"])
def test_whatever_is_in_a_thumbnails_place_ends_no_job(services: Services, photos: Path, job: str, oddity: str) -> None:
    index(services, photos)
    (hit,) = (hit for hit in services.library.newest(9) if hit.name == "red.jpg")
    place = thumbnail_path(services.settings.thumbs_dir, hit.id)
    place.unlink()
    if oddity == "a pipe":
        os.mkfifo(place)
    elif oddity == "a folder":
        (place / "mine").mkdir(parents=True)
    else:
        place.parent.rmdir()
        place.parent.write_text("mine")
    assert job != "empty" or services.library.thumbnail(hit.id) == (place if oddity == "a pipe" else None)
    if job == "empty":
        list(services.handlers["clear"]({}))
    if job == "forget":
        (photos / "red.jpg").unlink()
        list(services.handlers["sync"]({}))
    params = {"remove": {"path": str(photos)}, "index": {"paths": [str(photos)]}, "reindex": {"model": "builtin"}}
    list(services.handlers[job](params.get(job, {})))  # type: ignore[index]
    assert services.catalog.counts()[0] == {"forget": 3, "remove": 0, "clear": 0, "empty": 0}.get(job, 4)
    assert job != "remove" or services.folders.all() == [], "the folder itself goes as well"
    assert oddity == "a pipe" or place.parent.exists()


def test_a_zeroed_upload_is_ours_all_the_same(services: Services, tmp_path: Path) -> None:
    stored = upload(services, "purple", tmp_path / "purple.png")
    stored.write_bytes(bytes(stored.stat().st_size))
    assert of(cleared(services), Finding) == [] and not stored.exists()


def test_a_thumbnail_that_could_not_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "thumbs").mkdir()
    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="No space"):
        write_thumbnail(Image.new("RGB", (9, 9)), tmp_path / "thumbs", UNKNOWN)
    assert [file for file in (tmp_path / "thumbs").rglob("*") if file.is_file()] == []


# ---------------------------------------------------------------- uploads that must survive


def test_an_upload_stored_while_a_clear_waits_is_kept(services: Services, photos: Path, tmp_path: Path) -> None:
    index(services, photos)
    before = upload(services, "purple", tmp_path / "purple.png")
    services.jobs.submit("clear", "Clearing the library")
    new = services.uploads.save("new.png", make_photo(tmp_path / "new.png", COLOURS["cyan"]).read_bytes())
    again = services.uploads.save("again.png", (tmp_path / "purple.png").read_bytes())
    assert again.path == before
    job = services.jobs.submit("index", "Adding", files=as_params([new, again]))
    services.jobs.start()
    assert services.jobs.wait(job, 30).state == "done"  # type: ignore[union-attr]
    assert services.catalog.counts() == (2, 2, 2) and new.path.exists() and again.path.exists()


def test_an_upload_without_a_job_yet_is_kept_and_one_of_a_cancelled_job_goes(
    services: Services, tmp_path: Path
) -> None:
    new = services.uploads.save("new.png", make_photo(tmp_path / "new.png", COLOURS["cyan"]).read_bytes())
    gone = services.uploads.save("gone.png", make_photo(tmp_path / "gone.png", COLOURS["brown"]).read_bytes())
    services.jobs.pause(job := services.jobs.submit("index", "Adding", files=as_params([gone])))
    cleared(services)
    assert new.path.exists() and gone.path.exists()
    services.jobs.cancel(job)
    cleared(services)
    assert new.path.exists() and not gone.path.exists()


def test_a_clear_that_died_half_way_brings_no_upload_back(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(settings) as services:
        stored = upload(services, "purple", tmp_path / "purple.png")
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                cleared(services)
        assert services.catalog.counts()[0] == 0 or stored.exists()
        cleared(services)
        assert not stored.exists()
    with opened(settings, start=True) as services:
        assert services.catalog.counts()[0] == 0


def test_uploads_of_a_library_that_was_moved_are_found_again(settings: Settings, tmp_path: Path) -> None:
    with opened(settings) as services:
        upload(services, "purple", tmp_path / "purple.png")
    moved = settings.at(tmp_path / "elsewhere")
    settings.home.rename(moved.home)
    with opened(moved, start=True) as services:
        assert [file.suffix for file in moved.uploads_dir.iterdir()] == [".png"], "it may be the only copy"
        (hit,) = services.search.search(Query("purple"), 1).hits
        assert services.library.preview(hit.id) and Path(hit.path).parent == moved.uploads_dir
        assert (
            services.catalog.counts() == (1, 1, 1) and of(services.handlers["doctor"]({"repair": False}), Finding) == []
        )


def test_an_upload_is_no_second_copy_of_a_file_that_has_gone(services: Services, photos: Path) -> None:
    index(services, photos)
    data = (photos / "red.jpg").read_bytes()
    (photos / "red.jpg").unlink()  # nobody has looked since
    found = services.uploads.save("red.jpg", data)
    list(services.handlers["index"]({"files": as_params([found])}))
    assert found.path.exists()
    list(services.handlers["sync"]({}))
    assert services.search.search(Query("red"), 1).hits[0].name == "red.jpg"


# ---------------------------------------------------------------- the index


def foreign_index(folder: Path, name: str = "their_papers") -> None:
    """What another program keeps in a folder that happens to be called chroma_db."""
    client = chromadb.PersistentClient(path=str(folder))
    client.create_collection(name).add(ids=["a", "b"], embeddings=[[1.0, 0.0], [0.0, 1.0]], documents=["one", "two"])
    client.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["their_papers", "segments"])
def test_another_programs_chroma_is_never_touched(settings: Settings, photos: Path, name: str) -> None:
    foreign_index(settings.chroma_dir, name)
    before = listing(settings.chroma_dir)
    with opened(settings, start=True) as services:
        index(services, photos)
        assert services.search.search(Query("red"), 1).hits[0].name == "red.jpg"
        assert len(services.notices) == 1 and str(settings.chroma_dir) in services.notices[0]
        told = of(services.handlers["doctor"]({"repair": True}), Finding)
        assert (
            [f.check for f in told] == ["index"] and not told[0].repaired and str(settings.chroma_dir) in told[0].text
        )
        assert services.library.stats().details["index"] == 0
        cleared(services)
    assert listing(settings.chroma_dir) == before
    shutil.rmtree(settings.chroma_dir)
    with opened(settings) as services:
        index(services, photos)
        assert services.store.index.follows(services.library.collection()), "once it is moved away, an index is made"


def test_nor_is_one_that_takes_the_place_of_ours(settings: Settings, photos: Path) -> None:
    with opened(settings) as services:
        index(services, photos)
    for file in settings.chroma_dir.glob("chroma.sqlite3*"):
        file.unlink()
    foreign_index(settings.home / "theirs")
    shutil.copytree(settings.home / "theirs", settings.chroma_dir, dirs_exist_ok=True)
    theirs = listing(settings.home / "theirs")
    with opened(settings) as services:
        assert not services.store.index.open(services.library.collection())
        list(services.handlers["doctor"]({"repair": True}))
        cleared(services)
    there = listing(settings.chroma_dir)
    assert {name: there.get(name) for name in theirs} == theirs


def test_strangers_files_beside_the_index_stay(settings: Settings, photos: Path) -> None:
    names = ["chroma.sqlite3.bak", "chroma.sqlite3-notes.txt", "clean.json.txt", "x/y.txt"]
    names.append("01234567-89ab-4def-8123-456789abcdef/letter.pdf")
    for name in names:
        (settings.chroma_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (settings.chroma_dir / name).write_text("mine")
    with opened(settings) as services:
        index(services, photos)
        assert services.store.index.follows(services.library.collection())
        list(services.handlers["doctor"]({"repair": True}))
        cleared(services)
    assert sorted(listing(settings.chroma_dir)) == sorted(names)


def forget_the_mark(settings: Settings) -> None:
    """The index as earlier versions of this program left it."""
    for file in settings.chroma_dir.iterdir():
        if file.is_file() and not file.name.startswith("chroma.sqlite3") and file.name != "clean.json":
            file.unlink()


@pytest.mark.parametrize("state", ["whole", "killed", "garbled"])
def test_an_index_of_an_earlier_version_is_known_again(settings: Settings, photos: Path, state: str) -> None:
    with opened(settings) as services:
        index(services, photos)
    forget_the_mark(settings)
    if state == "killed":
        (settings.chroma_dir / "clean.json").unlink()
    if state == "garbled":
        (settings.chroma_dir / "chroma.sqlite3").write_bytes(b"garbled" * 1000)
    with opened(settings) as services:
        name = services.library.collection()
        assert services.store.index.open(name) is (state == "whole")
        list(services.store.rebuild(name))
        assert services.store.index.follows(name)


def test_a_database_of_somebody_else_is_not_made_a_catalogue(settings: Settings) -> None:
    settings.data_dir.mkdir(parents=True)
    with sqlite3.connect(settings.catalog_file) as db:
        db.execute("CREATE TABLE stars (name TEXT)")
    db.close()
    before = listing(settings.data_dir)
    with pytest.raises(LibraryUnusable, match="another program"):
        build_services(settings, models=fake_models(settings))
    after = listing(settings.data_dir)
    assert after["catalog.sqlite3"] == before["catalog.sqlite3"]


def test_another_programs_log_is_neither_written_to_nor_rotated_away(settings: Settings) -> None:
    settings.logs_dir.mkdir(parents=True)
    (settings.logs_dir / "app.log").write_text("12:00 their own log\n")
    (settings.logs_dir / "app.log.3").write_text("12:00 their oldest log\n")
    before = listing(settings.logs_dir)
    with opened(settings):
        logging.getLogger("src.test").warning("a word of ours")
    assert "a word of ours" in (settings.logs_dir / "media-feature-extractor.log").read_text()
    (settings.logs_dir / "media-feature-extractor.log").unlink()
    assert listing(settings.logs_dir) == before
    shutil.rmtree(settings.logs_dir)
    for _ in range(2):
        with opened(settings):
            logging.getLogger("src.test").warning("a word of ours")
    assert (settings.logs_dir / "app.log").read_text().count("a word of ours") == 2


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_no_plain_file_in_the_librarys_own_folders_is_not_waited_for(
    settings: Settings, photos: Path, kind: str
) -> None:
    with opened(settings) as services:
        index(services, photos)
    command = [sys.executable, "-c", DOORS, str(settings.home), kind, *SENTENCE, *PASSED_OVER]
    run = subprocess.run(command, cwd=PROJECT_DIR, capture_output=True, text=True, timeout=100)
    told = dict(line.split("|", 1) for line in run.stdout.splitlines())
    assert (run.returncode, run.stderr) == (0, "")
    assert told == dict.fromkeys(SENTENCE, " is no plain file.") | dict.fromkeys(PASSED_OVER, "4") | {
        "data/library.lock": "4| is no plain file."
    }, "who only reads takes no lock"


def test_where_both_logs_are_somebody_elses_nothing_is_written(settings: Settings) -> None:
    settings.logs_dir.mkdir(parents=True)
    for name in ("app.log", "media-feature-extractor.log"):
        (settings.logs_dir / name).write_text("12:00 their own log\n")
    before = listing(settings.logs_dir)
    with opened(settings):
        logging.getLogger("src.test").warning("a word of ours")
    assert listing(settings.logs_dir) == before


def test_an_import_leaves_another_programs_chroma_alone(settings: Settings, photos: Path, tmp_path: Path) -> None:
    with opened(settings) as services:
        index(services, photos)
        list(export_library(settings, services.catalog, tmp_path / "library.zip"))
    target = settings.at(tmp_path / "target")
    target.home.mkdir()
    foreign_index(target.chroma_dir)
    before = listing(target.chroma_dir)
    list(import_library(target, tmp_path / "library.zip"))
    with opened(target, start=True) as services:
        assert services.search.search(Query("red"), 1).hits[0].name == "red.jpg"
    assert listing(target.chroma_dir) == before


def test_what_was_added_again_after_a_clear_that_was_killed_is_kept(services: Services, tmp_path: Path) -> None:
    path = upload(services, "purple", tmp_path / "purple.png")
    gone = services.uploads.save("gone.png", make_photo(tmp_path / "gone.png", COLOURS["brown"]).read_bytes()).path
    services.catalog.set_meta(CLEARED, json.dumps([path.name, gone.name]))
    services.uploads.remove_cleared()
    assert path.exists() and not gone.exists()


def test_a_link_under_the_name_of_an_upload_is_somebody_elses(services: Services, tmp_path: Path) -> None:
    path = upload(services, "purple", tmp_path / "purple.png")
    path.rename(tmp_path / "mine.png")
    path.symlink_to(tmp_path / "mine.png")
    cleared(services)
    assert path.is_symlink() and (tmp_path / "mine.png").exists()


def test_the_librarys_own_pictures_are_no_photos_wherever_a_scan_begins(
    services: Services, photos: Path, tmp_path: Path
) -> None:
    upload(services, "purple", tmp_path / "purple.png")
    index(services, photos)
    before, own = services.catalog.counts(), services.settings
    index(services, own.home, own.data_dir, own.uploads_dir, own.thumbs_dir)
    assert services.catalog.counts() == before


def test_an_upload_that_is_no_picture_is_not_remembered_as_a_file_of_the_users(services: Services) -> None:
    found = services.uploads.save("broken.png", b"\x89PNG\r\n\x1a\n and no more")
    assert len(of(services.handlers["index"]({"files": as_params([found])}), Skipped)) == 1
    assert services.catalog.files.refusals_at([os.fsencode(found.path)]) == {}
