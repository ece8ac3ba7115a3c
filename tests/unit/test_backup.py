"""Backup: what comes back is what was there; what is no good archive changes nothing; an interruption leaves one state
or the other.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from src.bootstrap import build_services
from src.config import PROJECT_DIR, Settings
from src.database.catalog import imported, network_drive, row_rules, stranger
from src.database.catalog.migrations import (
    COUNTERS,
    COVER_TRIGGERS,
    DESCRIPTION_TRIGGERS,
    LATER_TRIGGERS,
    LEXICAL_TRIGGERS,
    MARKS_TRIGGERS,
    SEGMENTED,
    SUMMARY_TRIGGERS,
    TRIGGERS,
)
from src.database.catalog.tables import former, metadata
from src.errors import AppError, BadInput, LibraryBusy, LibraryError, LibraryNewer, LibraryUnusable, UnreadablePath
from src.processing.decoding.image_io import same_file, stamp_of
from src.processing.thumbnails import thumbnail_path
from src.runtime import Services
from src.schema import Already, FileStamp, Finding, FoundFile, Progress, Skipped, Timings
from src.services.exchange import restore
from src.services.exchange.backup import export_library
from src.services.exchange.restore import finish_import, import_library
from src.services.library.uploads import as_params
from src.services.search.service import Query
from tests.by_hand import add_by_hand, metadata_by_hand
from tests.conftest import fake_models, make_photo
from tests.fakes import COLOURS

UUID = "0a1b2c3d-0000-5000-8000-000000000000"
Members = dict[str, bytes]


@pytest.fixture
def target(tmp_path: Path) -> Settings:
    """A library that is not there yet."""
    return Settings(home=tmp_path / "target")


@pytest.fixture
def filled(services: Services, photos: Path, tmp_path: Path) -> Services:
    """Four photos in a folder, an upload, and a collection made by hand."""
    fill(services, photos)
    return services


@pytest.fixture
def exported(filled: Services, tmp_path: Path) -> Path:
    """That library's archive."""
    file = tmp_path / "out" / "library.zip"
    file.parent.mkdir()
    export(filled, file)
    return file


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of such a library, made once for all that only read it."""
    folder = tmp_path_factory.mktemp("archive")
    settings = Settings(home=folder / "library")
    services = build_services(settings, models=fake_models(settings))
    for name in ("red", "green", "blue", "yellow"):
        make_photo(folder / "photos" / f"{name}.jpg", COLOURS[name])
    fill(services, folder / "photos")
    export(services, folder / "library.zip")
    services.close()
    return folder / "library.zip"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A smaller one, of two photos in a followed folder and an upload, made once as well."""
    folder = tmp_path_factory.mktemp("sample")
    settings = Settings(home=folder / "library")
    services = build_services(settings, models=fake_models(settings))
    list(
        services.handlers["index"](
            {"paths": [str(make_photo(folder / f"{name}.jpg", COLOURS[name])) for name in ("red", "green")]}
        )
    )
    services.folders.add(folder)
    upload(services, "pink.jpg", (250, 150, 190))
    export(services, folder / "library.zip")
    services.close()
    return folder / "library.zip"


def fill(services: Services, photos: Path) -> None:
    list(services.handlers["index"]({"paths": [str(photos)]}))
    upload(services, "Drôle de nom.jpg", (250, 150, 190))
    add_by_hand(services.store, [[3.0, 4.0]], ["x"], [{"source": "x"}])


def upload(services: Services, name: str, colour: tuple[int, int, int]) -> Path:
    buffer = io.BytesIO()
    Image.new("RGB", (120, 90), colour).save(buffer, "JPEG")
    found = services.uploads.save(name, buffer.getvalue())
    list(services.handlers["index"]({"files": as_params([found])}))
    return found.path


def export(services: Services, file: Path) -> list[Any]:
    return list(export_library(services.settings, services.catalog, file))


def rows(settings: Settings, query: str) -> list[Any]:
    with sqlite3.connect(settings.catalog_file) as db:
        return db.execute(query).fetchall()


def stored(settings: Settings) -> list[str]:
    """Everything in the library's folder but its lock and its log."""
    files = (path.relative_to(settings.home).as_posix() for path in settings.home.rglob("*"))
    return sorted(name for name in files if name != "data" and not name.startswith(("data/library.", "data/logs")))


def members_of(archive: Path) -> Members:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def write(file: Path, members: Members, **manifest: Any) -> Path:
    """An archive of these members; the manifest says what is true of them but for what is given."""
    said = json.loads(members["manifest.json"])
    kinds = [name.split("/")[0] for name in members]
    catalogue = members["catalog.sqlite3"]
    said |= {"thumbs": kinds.count("thumbs"), "uploads": kinds.count("uploads"), "catalogue_bytes": len(catalogue)}
    said |= {"catalogue_sha256": hashlib.sha256(catalogue).hexdigest(), **manifest}
    with zipfile.ZipFile(file, "w") as opened:
        for name, data in {**members, "manifest.json": json.dumps(said).encode()}.items():
            opened.writestr(name, data)
    return file


def changed_catalogue(archive: Path, file: Path, *statements: str) -> Members:
    """The archive's members after these statements were run on its catalogue."""
    members = members_of(archive)
    file.write_bytes(members["catalog.sqlite3"])
    db = sqlite3.connect(file)
    with db:
        for statement in statements:
            db.execute(statement)
    db.close()
    return {**members, "catalog.sqlite3": file.read_bytes()}


# ---------------------------------------------------------------- round trip


def test_everything_comes_back(filled: Services, exported: Path, target: Settings, photos: Path) -> None:
    events = list(import_library(target, exported))
    assert isinstance(events[-1], Progress) and events[-1].done == events[-1].total and events[-1].unit == "bytes"
    for table in ("images", "vectors", "collections", "meta", "folders"):
        query = f"SELECT * FROM {table} ORDER BY 1, 2"
        assert rows(target, query) == rows(filled.settings, query) != [], table
    own = "SELECT * FROM files WHERE NOT uploaded ORDER BY id"
    assert rows(target, own) == rows(filled.settings, own) and len(rows(target, own)) == 4
    here, there = filled.settings.data_dir, target.data_dir
    stored_files = [file.relative_to(here) for name in ("thumbs", "uploads") for file in (here / name).rglob("*.jpg")]
    assert len(stored_files) == 6
    assert all((there / file).read_bytes() == (here / file).read_bytes() for file in stored_files)
    restored = build_services(target, models=fake_models(target))
    for words in ("red", "pink", "blue on the left"):
        before, after = (
            {hit.id: hit.score for hit in each.search.search(Query(words), 9).hits} for each in (filled, restored)
        )
        assert len(before) == 5 and after == pytest.approx(before, abs=1e-3)
    assert metadata_by_hand(restored.store, [3.0, 4.0]) == [{"source": "x"}]
    again = [
        event
        for event in restored.handlers["index"]({"paths": [str(photos)]})
        if not isinstance(event, Progress | Timings)
    ]
    assert [type(event) for event in again] == [Already] * 4
    restored.close()


def test_decisions_about_copies_come_back_and_can_be_undone_there(
    filled: Services, tmp_path: Path, target: Settings
) -> None:
    first, second, third, *_ = filled.catalog.listing.ids(None, "name")
    filled.curation.decide([[first, third]], "alternates")
    filled.curation.settle([[first, second]], "bin")
    export(filled, tmp_path / "decided.zip")
    list(import_library(target, tmp_path / "decided.zip"))
    restored = build_services(target, models=fake_models(target))
    assert restored.catalog.decisions.of() == filled.catalog.decisions.of() != {}
    assert restored.catalog.bin.ids() == [second]
    restored.curation.undo()
    assert list(restored.catalog.decisions.of().values()) == ["alternates"] and not restored.catalog.bin.ids()
    restored.curation.redo()
    assert restored.catalog.decisions.of() == filled.catalog.decisions.of()
    restored.close()


def test_uploads_open_in_their_new_place(filled: Services, exported: Path, target: Settings) -> None:
    shutil.rmtree(filled.settings.uploads_dir)
    list(import_library(target, exported))
    restored = build_services(target, models=fake_models(target))
    hit = restored.search.search(Query("pink"), 1).hits[0]
    assert hit.name == "Drôle de nom.jpg" and Path(hit.path).parent == target.uploads_dir
    assert restored.library.preview(hit.id) is not None
    stamp = rows(target, "SELECT device, inode, mtime_ns, size, ctime_ns FROM files WHERE uploaded")[0]
    found = Path(hit.path).stat()
    assert same_file(FileStamp(*stamp), stamp_of(found)) and stamp[0] == found.st_dev
    restored.close()


def test_an_upload_stored_under_another_name(services: Services, tmp_path: Path, target: Settings) -> None:
    """Someone put a file into data/uploads by hand: an archive that could not be imported would be worth nothing."""
    photo = make_photo(services.settings.uploads_dir / "IMG 1.JPG", COLOURS["red"])
    assert services.uploads.left_over([]) == [], "earlier versions indexed it at the next start"
    list(services.handlers["index"]({"files": as_params([FoundFile(photo, photo.name, uploaded=True)])}))
    export(services, tmp_path / "odd.zip")
    list(import_library(target, tmp_path / "odd.zip"))
    path, name = rows(target, "SELECT path_text, name FROM files")[0]
    assert (
        Path(path).read_bytes() == photo.read_bytes()
        and Path(path).parent == target.uploads_dir
        and name == "IMG 1.JPG"
    )


def test_jobs_still_to_be_done_stay_behind(filled: Services, tmp_path: Path, target: Settings) -> None:
    filled.jobs.submit("clear", "Clearing the library")
    export(filled, tmp_path / "with-job.zip")
    assert "clear" in [job.kind for job in filled.jobs.active()]
    (tmp_path / "copy.sqlite3").write_bytes(members_of(tmp_path / "with-job.zip")["catalog.sqlite3"])
    with sqlite3.connect(tmp_path / "copy.sqlite3") as db:
        assert db.execute("SELECT * FROM jobs").fetchall() == []
    list(import_library(target, tmp_path / "with-job.zip"))
    assert rows(target, "SELECT * FROM jobs") == []


def test_what_vanished_meanwhile(filled: Services, tmp_path: Path, target: Settings) -> None:
    thumbnail = next(filled.settings.thumbs_dir.rglob("*.jpg"))
    thumbnail.unlink()
    lost = next(filled.settings.uploads_dir.iterdir())
    lost.unlink()
    events = export(filled, tmp_path / "less.zip")
    assert [event.path for event in events if isinstance(event, Skipped)] == [str(lost)]
    list(import_library(target, tmp_path / "less.zip"))
    assert len(rows(target, "SELECT * FROM images")) == 5 and len(list(target.thumbs_dir.rglob("*.jpg"))) == 4


SINCE_11 = ["DROP TABLE texts", "ALTER TABLE folders DROP COLUMN texts"]
SINCE_8 = [f"DROP TABLE {name}" for name in ("alike", "prints", "verdicts")]
SINCE_6 = [
    *(f"DROP TRIGGER {name}" for name in LATER_TRIGGERS),
    "DROP INDEX ix_vectors_image",
    "DROP TABLE index_changes",
    SEGMENTED,
    "INSERT INTO segmented SELECT one.image_id, one.recipe, substr(two.recipe, length(one.recipe) + 5) "
    "FROM looked_at one JOIN looked_at two ON two.image_id = one.image_id "
    "WHERE one.pass = 'segments' AND two.pass = 'objects'",
    "DROP TABLE looked_at",
    "DROP TABLE facts",
    "ALTER TABLE vectors DROP COLUMN image_id",
    "ALTER TABLE collections DROP COLUMN kind",
]
SINCE_9 = [
    *(f"DROP TRIGGER {name}" for name in COVER_TRIGGERS),
    *(f"DROP TABLE {name}" for name in ("album_covers", "forgotten")),
]
SINCE_10 = [
    *(f"DROP TRIGGER {name}" for name in SUMMARY_TRIGGERS),
    "DROP INDEX ix_images_taken",
    "CREATE INDEX ix_images_taken ON images (taken_at, removed_at, id)",
    *(f"ALTER TABLE images DROP COLUMN {name}" for name in ("rating", "tags")),
]
SINCE_7 = [
    *(f"DROP TRIGGER {name}" for name in MARKS_TRIGGERS),
    *(f"DROP TABLE {name}" for name in reversed(stranger.MARKS)),
]
SINCE_13 = [*(f"DROP TRIGGER {name}" for name in DESCRIPTION_TRIGGERS), "DROP TABLE descriptions"]
SINCE_12 = [f"DROP TRIGGER {name}" for name in LEXICAL_TRIGGERS]
SINCE_5 = ["ALTER TABLE files DROP COLUMN ctime_ns", "ALTER TABLE unreadable DROP COLUMN ctime_ns"]
SINCE_4 = ["DROP TABLE segments", "DROP TABLE segmented", "ALTER TABLE folders DROP COLUMN objects"]
SINCE_3 = [
    *(f"DROP TRIGGER {name}" for name in COUNTERS),
    *(
        f"DROP INDEX {name}"
        for name in ("ix_files_missing", "ix_files_uploaded", "ix_images_taken", "ix_images_hidden")
    ),
    *(f"DROP TABLE {name}" for name in ("changes", "days")),
    *(f"ALTER TABLE collections DROP COLUMN {name}" for name in ("rows", "rewritten")),
]
SINCE_2 = [
    "DROP INDEX ix_files_stamp",
    "DROP TABLE folders",
    "DROP TABLE unreadable",
    "ALTER TABLE files DROP COLUMN missing_since",
]
SINCE_2 += ["ALTER TABLE jobs DROP COLUMN pause"]


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
def test_an_older_catalogue_is_brought_up_to_date(
    archive: Path, tmp_path: Path, target: Settings, version: int
) -> None:
    since = {2: SINCE_2, 3: SINCE_3, 4: SINCE_4, 5: SINCE_5, 6: SINCE_6, 7: SINCE_7, 8: SINCE_8, 9: SINCE_9}
    since = dict(sorted((since | {10: SINCE_10, 11: SINCE_11, 12: SINCE_12, 13: SINCE_13}).items(), reverse=True))
    steps = [step for later, some in since.items() if version < later for step in some]
    members = changed_catalogue(archive, tmp_path / "old.sqlite3", *steps, f"PRAGMA user_version = {version}")
    list(import_library(target, write(tmp_path / "old.zip", members, schema=version)))
    restored = build_services(target, models=fake_models(target))
    assert (
        restored.search.search(Query("green"), 1).hits[0].name == "green.jpg" and restored.library.stats().images == 5
    )
    assert len(restored.folders.all()) == (0 if version == 1 else 1)
    restored.close()


def test_every_table_is_copied_or_counted_anew() -> None:
    """A table that a later version brings must be thought of here, and by the rules for its rows."""
    made_anew = {"days", "changes", "index_changes", "lexical", "lexical_due", "lexical_terms"}
    assert {*imported.ORDER, *made_anew} == {*metadata.tables, *former.tables}
    for name, table in (metadata.tables | former.tables).items():
        assert set(row_rules.of_table(name)) == set(table.columns.keys())


@pytest.mark.parametrize("there", ["good", "other"])
def test_an_upload_that_waits_is_not_replaced_by_one_of_its_name(
    archive: Path, tmp_path: Path, target: Settings, there: str
) -> None:
    """An archive may hold anything under an upload's name; what lies there may be the only copy."""
    members = members_of(archive)
    (name,) = (name for name in members if name.startswith("uploads/"))
    waiting = target.data_dir / name
    waiting.parent.mkdir(parents=True)
    waiting.write_bytes(members[name] if there == "good" else b"half of one")
    forged = write(tmp_path / "forged.zip", {**members, name: b"forged"} if there == "good" else members)
    list(import_library(target, forged))
    assert waiting.read_bytes() == members[name]


def test_export_while_another_thread_indexes(services: Services, tmp_path: Path) -> None:
    for number in range(120):
        make_photo(tmp_path / "many" / f"{number}.jpg", list(COLOURS.values())[number % 12], (80, 60), seed=number)
    done = threading.Event()

    def index() -> None:
        list(services.handlers["index"]({"paths": [str(tmp_path / "many")]}))
        done.set()

    worker = threading.Thread(target=index)
    worker.start()
    archives = []
    while not done.is_set() or not archives:
        archives.append(tmp_path / f"{len(archives)}.zip")
        export(services, archives[-1])
    worker.join()
    export(services, tmp_path / "last.zip")
    sizes = []
    for file in [*archives[-6:], tmp_path / "last.zip"]:
        settings = Settings(home=tmp_path / f"from-{file.stem}")
        list(import_library(settings, file))
        ids = {row[0] for row in rows(settings, "SELECT id FROM images")}
        assert ids == {row[0] for row in rows(settings, "SELECT id FROM vectors")}
        assert all(thumbnail_path(settings.thumbs_dir, image_id).is_file() for image_id in ids)
        sizes.append(len(ids))
    assert sizes == sorted(sizes) and sizes[-1] == 120
    print(f"{len(archives)} archives while indexing; images in the last ones: {sizes}")


# ---------------------------------------------------------------- where to


def test_an_existing_file_is_not_overwritten(filled: Services, tmp_path: Path) -> None:
    (tmp_path / "mine.zip").write_text("precious")
    with pytest.raises(BadInput, match=r"There is a file .*mine\.zip already"):
        export(filled, tmp_path / "mine.zip")
    assert (tmp_path / "mine.zip").read_text() == "precious"


def test_a_folder_that_is_not_there(filled: Services, tmp_path: Path) -> None:
    with pytest.raises(UnreadablePath, match="can't be written"):
        export(filled, tmp_path / "nowhere" / "library.zip")


@pytest.mark.parametrize("events", [1, 2, 4])
def test_cancelling_leaves_no_file(filled: Services, tmp_path: Path, events: int) -> None:
    folder = tmp_path / "cancelled"
    folder.mkdir()
    running = export_library(filled.settings, filled.catalog, folder / "library.zip")
    assert len([next(running) for _ in range(events)]) == events
    running.close()  # type: ignore[attr-defined]
    assert list(folder.iterdir()) == []


def test_too_little_space(filled: Services, exported: Path, target: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 10**12 - 10**7, 10**7))
    with pytest.raises(LibraryUnusable, match=r"10 MB are free, \d+ MB are needed"):
        export(filled, exported.with_name("second.zip"))
    with pytest.raises(LibraryUnusable, match=r"10 MB are free, \d+ MB are needed"):
        list(import_library(target, exported))
    assert list(exported.parent.iterdir()) == [exported] and stored(target) == []


def test_a_disk_that_fills_up_in_the_middle(
    filled: Services, exported: Path, target: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnreadablePath, match="No space left on device"):
        export(filled, exported.with_name("second.zip"))
    with pytest.raises(LibraryUnusable, match="No space left on device"):
        list(import_library(target, exported))
    assert list(exported.parent.iterdir()) == [exported] and stored(target) == []


def test_what_lies_beside_the_archive_is_the_users(filled: Services, tmp_path: Path) -> None:
    beside = [
        tmp_path / name
        for name in ("again.zip.part", "again.zip.catalog.part", ".export-mine.part", ".export-mine.part.lock")
    ]
    for file in beside:
        file.write_bytes(b"precious")
    export(filled, tmp_path / "again.zip")
    assert [file.read_bytes() for file in beside] == [b"precious"] * 4
    assert zipfile.ZipFile(tmp_path / "again.zip").testzip() is None


def test_what_a_killed_export_left_goes_with_the_next(filled: Services, tmp_path: Path) -> None:
    left = tmp_path / ".export-0123456789ab.part"
    left.mkdir()
    (left / "catalog.sqlite3").write_bytes(b"half")
    left.with_name(f"{left.name}.lock").touch()
    export(filled, tmp_path / "again.zip")
    assert not list(tmp_path.glob(".export-*"))


def no_links(*_: Any, **__: Any) -> None:
    """As on a stick with FAT."""
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("links", [True, False])
def test_of_two_exports_to_one_name_one_wins(
    filled: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    folder = tmp_path / "one"
    folder.mkdir()
    first, second = (export_library(filled.settings, filled.catalog, folder / "library.zip") for _ in range(2))
    for _ in range(3):
        next(first), next(second)
    list(first)
    won = (folder / "library.zip").read_bytes()
    with pytest.raises(BadInput, match="There is a file"):
        list(second)
    assert list(folder.iterdir()) == [folder / "library.zip"] and (folder / "library.zip").read_bytes() == won
    assert zipfile.ZipFile(folder / "library.zip").testzip() is None


@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_is_taken_after_the_last_look(
    filled: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    file = tmp_path / "late.zip"
    file.write_text("precious")
    monkeypatch.setattr(os.path, "lexists", lambda _: False)
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(AppError):
        export(filled, file)
    assert file.read_text() == "precious" and not list(tmp_path.glob(".export-*"))


# ---------------------------------------------------------------- a library that was damaged or imported before it was
# looked at


def plant(services: Services, image_id: str) -> None:
    """Give the first photo an id that is none, as an import of former versions let it in; it is missing now."""
    (old,) = rows(
        services.settings,
        "SELECT id FROM images WHERE id IN (SELECT image_id FROM files WHERE NOT uploaded) ORDER BY id",
    )[0]
    db = sqlite3.connect(services.settings.catalog_file)
    with db:
        for table, column in (("images", "id"), ("files", "image_id"), ("vectors", "id")):
            db.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (image_id, old))
    db.close()


@pytest.mark.parametrize("where", ["{outside}/holiday", "../../../../outside/holiday"])
def test_a_photo_under_a_path_touches_nothing_outside(
    filled: Services, tmp_path: Path, target: Settings, where: str
) -> None:
    outside = tmp_path / "outside"
    thumbs = filled.settings.thumbs_dir
    image_id = where.format(outside=outside)
    victims = [outside / "holiday.jpg", thumbs / image_id[:2] / f"{image_id}.jpg"]
    for victim in victims:
        victim.parent.mkdir(parents=True, exist_ok=True)
        victim.write_bytes(b"the only copy")
    plant(filled, image_id)
    with pytest.raises(AppError):
        thumbnail_path(thumbs, image_id)
    assert filled.library.details(image_id) is None and filled.library.thumbnail(image_id) is None
    assert image_id not in [
        hit.id for hit in (*filled.library.newest(99), *filled.search.search(Query("red"), 99).hits)
    ]
    export(filled, tmp_path / "odd.zip")
    list(import_library(target, tmp_path / "odd.zip"))
    assert len(rows(target, "SELECT id FROM images")) == 4, "what the archive has can be brought back"
    found = [finding.check for finding in filled.handlers["doctor"]({"repair": False}) if isinstance(finding, Finding)]
    assert "ids" in found
    assert [victim.read_bytes() for victim in victims] == [b"the only copy"] * 2
    with sqlite3.connect(filled.settings.catalog_file) as db:
        db.execute("UPDATE files SET missing_since = '2024-01-01T00:00:00+00:00' WHERE image_id = ?", (image_id,))
        db.execute("UPDATE images SET removed_at = '2024-01-01T00:00:00+00:00' WHERE id = ?", (image_id,))
    for path, *_ in filled.catalog.paths_of(image_id):
        os.unlink(path)  # it is looked at again before it is forgotten
    list(filled.handlers["forget"]({}))
    list(filled.handlers["empty"]({}))
    assert [victim.read_bytes() for victim in victims] == [b"the only copy"] * 2
    assert image_id not in filled.catalog.health.image_ids()


def test_the_doctor_forgets_a_photo_under_a_path(filled: Services, tmp_path: Path) -> None:
    plant(filled, str(tmp_path / "holiday"))
    (tmp_path / "holiday.jpg").write_bytes(b"the only copy")
    list(filled.handlers["doctor"]({}))
    assert (tmp_path / "holiday.jpg").read_bytes() == b"the only copy" and filled.catalog.health.strange_images() == []
    assert [f for f in filled.handlers["doctor"]({}) if isinstance(f, Finding)] == []


def test_an_upload_elsewhere_is_not_taken_for_ours(filled: Services, tmp_path: Path) -> None:
    """Neither shown without a look at its stamp nor given away in an archive."""
    secret = make_photo(tmp_path / "secret" / "private.jpg", COLOURS["blue"])
    with sqlite3.connect(filled.settings.catalog_file) as db:
        (image_id,) = db.execute("SELECT image_id FROM files WHERE uploaded").fetchone()
        db.execute("UPDATE files SET path = ? WHERE uploaded", (os.fsencode(secret),))
    assert filled.library.preview(image_id) is None and not filled.library.has_original(image_id)
    events = export(filled, tmp_path / "odd.zip")
    assert len([event for event in events if isinstance(event, Skipped)]) == 1
    assert secret.read_bytes() not in members_of(tmp_path / "odd.zip").values()


def test_an_archive_that_could_not_be_imported_says_so_at_once(filled: Services, tmp_path: Path) -> None:
    with sqlite3.connect(filled.settings.catalog_file) as db:
        db.execute("UPDATE vectors SET vector = x'00' WHERE number = (SELECT min(number) FROM vectors)")
    warnings = [event.reason for event in export(filled, tmp_path / "odd.zip") if isinstance(event, Skipped)]
    assert (
        len(warnings) == 1
        and "could not be imported again" in warnings[0]
        and "vector of another length" in warnings[0]
    )
    list(filled.handlers["doctor"]({}))
    assert not [event for event in export(filled, tmp_path / "good.zip") if isinstance(event, Skipped)]


def test_an_archive_on_a_network_drive_is_tried_as_well(
    filled: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No library may lie there, but that is where backups go."""
    monkeypatch.setattr(network_drive, "network_file_system", lambda *_: "nfs4")
    assert not [event for event in export(filled, tmp_path / "good.zip") if isinstance(event, Skipped)]


def test_a_pipe_in_place_of_a_thumbnail_is_not_waited_for(filled: Services, tmp_path: Path) -> None:
    thumbnail = next(filled.settings.thumbs_dir.rglob("*.jpg"))
    thumbnail.unlink()
    os.mkfifo(thumbnail)
    export(filled, tmp_path / "less.zip")
    assert sum(name.startswith("thumbs/") for name in members_of(tmp_path / "less.zip")) == 4


# ---------------------------------------------------------------- where it may not go


def test_a_library_that_is_not_empty_is_left_as_it_is(archive: Path, target: Settings, photos: Path) -> None:
    other = build_services(target, models=fake_models(target))
    add_by_hand(other.store, [[1.0, 0.0]], ["y"])
    other.close()
    for _ in range(2):
        before = rows(target, "SELECT id, vector FROM vectors ORDER BY id")
        with pytest.raises(LibraryError, match="not empty"):
            list(import_library(target, archive))
        assert rows(target, "SELECT id, vector FROM vectors ORDER BY id") == before and not list(
            target.data_dir.glob(".import-*")
        )
        other = build_services(target, models=fake_models(target))
        list(other.handlers["index"]({"paths": [str(photos / "red.jpg")]}))
        other.close()


def test_a_library_that_is_open(archive: Path, target: Settings) -> None:
    owner = build_services(target, models=fake_models(target))
    with pytest.raises(LibraryBusy):
        list(import_library(target, archive))
    owner.close()
    list(import_library(target, archive))
    reopened = build_services(target, models=fake_models(target))
    assert reopened.library.stats().images == 5, "one that was made and closed is empty all the same"
    reopened.close()


def test_a_library_that_was_used_and_cleared_takes_an_archive(
    filled: Services, exported: Path, settings: Settings
) -> None:
    """Stale files of the old catalogue and of the old index must not come back to life under the new one."""
    filled.store.drop("mine")
    list(filled.handlers["clear"]({}))
    filled.close()
    with pytest.raises(LibraryError, match="not empty"):
        list(import_library(settings, exported))
    filled = build_services(settings, models=fake_models(settings))
    list(filled.handlers["empty"]({}))
    filled.close()
    list(import_library(settings, exported))
    reopened = build_services(settings, models=fake_models(settings))
    assert not reopened.store.index.open(reopened.library.collection()), "the old index was discarded"
    assert reopened.search.search(Query("yellow"), 1).hits[0].name == "yellow.jpg"
    reopened.close()


def test_a_cleared_library_with_parts_out_of_reach_can_be_imported(
    filled: Services, target: Settings, tmp_path: Path
) -> None:
    parts = [os.fsencode(tmp_path / f"drive {number}") for number in range(50)]
    filled.catalog.set_meta("out_of_reach", json.dumps([os.fsdecode(part) for part in parts]))
    filled.catalog.set_meta("uploads_to_remove", "")  # as it is after a clear
    export(filled, file := tmp_path / "library.zip")
    list(import_library(target, file))
    reopened = build_services(target, models=fake_models(target))
    assert reopened.folders.out_of_reach() == parts
    reopened.close()


def crash_leaving_a_log(target: Settings, elsewhere: Settings) -> None:
    """Make ``target`` an empty library whose last writer died: what it wrote is in a write-ahead log beside the
    catalogue.
    """
    build_services(elsewhere, models=fake_models(elsewhere)).close()
    db = sqlite3.connect(elsewhere.catalog_file)
    with db:
        db.execute("INSERT INTO meta VALUES ('note', ?)", ("x" * 100_000,))
    shutil.copytree(elsewhere.data_dir, target.data_dir, dirs_exist_ok=True)
    db.close()
    assert target.catalog_file.with_name("catalog.sqlite3-wal").stat().st_size > 100_000


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_catalogue_left_by_a_crash_is_replaced_with_all_its_files(
    archive: Path, target: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    """Its log, played into the new catalogue, would tear that."""
    if interrupted:
        monkeypatch.setattr(restore, "_finish", lambda _: None)
        list(import_library(target, archive))
        monkeypatch.undo()
    crash_leaving_a_log(target, Settings(home=tmp_path / "crashed"))
    if interrupted:
        finish_import(target)
    else:
        list(import_library(target, archive))
    assert rows(target, "PRAGMA integrity_check") == [("ok",)] and len(rows(target, "SELECT id FROM images")) == 5
    assert rows(target, "SELECT value FROM meta WHERE key = 'note'") == []


def test_the_index_of_a_catalogue_that_has_gone_is_discarded(
    filled: Services, exported: Path, settings: Settings
) -> None:
    filled.close()
    for file in settings.data_dir.glob("catalog.sqlite3*"):
        file.unlink()
    assert (settings.chroma_dir / "chroma.sqlite3").exists()
    list(import_library(settings, exported))
    assert not (settings.chroma_dir / "chroma.sqlite3").exists()


def test_a_library_that_someone_reads(archive: Path, target: Settings) -> None:
    build_services(target, models=fake_models(target)).close()
    reader = sqlite3.connect(target.catalog_file)
    reader.execute("BEGIN").execute("SELECT * FROM images").fetchall()
    with pytest.raises(LibraryBusy, match="Another program is using the library's catalogue"):
        list(import_library(target, archive))
    reader.close()
    assert not list(target.data_dir.glob(".import-*"))
    list(import_library(target, archive))


def test_a_damaged_catalogue_is_not_replaced_either(archive: Path, target: Settings) -> None:
    """Someone may still rescue what is in it."""
    target.data_dir.mkdir(parents=True)
    target.catalog_file.write_bytes(b"SQLite format 3\x00" + bytes(5000))
    with pytest.raises(LibraryUnusable, match=r"can't be used .*Move that file away") as caught:
        list(import_library(target, archive))
    assert str(target.catalog_file) in caught.value.user_message and target.catalog_file.stat().st_size == 5016
    target.catalog_file.rename(target.data_dir / "old.sqlite3")
    list(import_library(target, archive))
    assert len(rows(target, "SELECT id FROM images")) == 5


def in_the_way(place: Path, kind: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if kind == "file":
        place.write_text("mine")
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "circular link":
        place.symlink_to(place)
    else:
        place.mkdir()
        (place / "mine").write_text("mine")


@pytest.mark.parametrize("interrupted", [False, True])
@pytest.mark.parametrize(
    ("up", "kind"), [(1, "file"), (1, "pipe"), (1, "circular link"), (0, "folder"), (2, "file"), (2, "circular link")]
)
def test_what_stands_in_the_way_of_a_thumbnail_is_passed_over(
    archive: Path, target: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    up: int, kind: str, interrupted: bool,
) -> None:  # fmt: skip
    """Thumbnails can be made again, and what is there is somebody else's."""
    name = next(name for name in members_of(archive) if name.startswith("thumbs/"))
    thumbnail = target.data_dir / name
    place = (thumbnail, *thumbnail.parents)[up]
    in_the_way(place, kind)
    if interrupted:
        monkeypatch.setattr(restore, "_finish", lambda _: None)
        list(import_library(target, archive))
        monkeypatch.undo()
        finish_import(target)
    else:
        list(import_library(target, archive))
    assert len(rows(target, "SELECT id FROM images")) == 5 and not list(target.data_dir.glob(".import-*"))
    assert os.path.lexists(place) and not thumbnail.is_file()
    told = [record for record in caplog.records if record.name == restore.__name__ and record.levelname == "WARNING"]
    assert not told, "a warning is written to the terminal where no log was begun, one for each of thousands"
    others = [
        other
        for other in members_of(archive)
        if other.startswith("thumbs/") and other.split("/")[1] != name.split("/")[1]
    ]
    assert up == 2 or all((target.data_dir / other).is_file() for other in others)
    build_services(target, models=fake_models(target)).close()


def test_what_stands_in_the_way_of_uploads_is_named(
    archive: Path, target: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that can't be completed says so in one sentence at each start, and is completed once there is room for
    it.
    """
    monkeypatch.setattr(restore, "_finish", lambda _: None)
    list(import_library(target, archive))
    monkeypatch.undo()
    in_the_way(target.uploads_dir, "file")
    for attempt in (
        lambda: build_services(target, models=fake_models(target)),
        lambda: list(import_library(target, archive)),
    ):
        with pytest.raises(LibraryUnusable, match=f"could not be imported .*{target.uploads_dir}"):
            attempt()
    assert target.uploads_dir.read_text() == "mine"
    target.uploads_dir.unlink()
    reopened = build_services(target, models=fake_models(target))
    assert reopened.library.stats().images == 5
    reopened.close()


@pytest.mark.parametrize("begun", [False, True], ids=["no byte", "no table"])
@pytest.mark.parametrize("waits", [False, True])
def test_a_catalogue_without_a_table_is_empty(
    archive: Path, target: Settings, monkeypatch: pytest.MonkeyPatch, begun: bool, waits: bool
) -> None:
    """A full disk leaves one where a library was begun."""
    if waits:
        monkeypatch.setattr(restore, "_finish", lambda _: None)
        list(import_library(target, archive))
        monkeypatch.undo()
        name = next(name for name in members_of(archive) if name.startswith("thumbs/"))
        in_the_way((target.data_dir / name).parent, "folder")  # it had begun to move them
    target.data_dir.mkdir(parents=True, exist_ok=True)
    target.catalog_file.touch()
    if begun:
        db = sqlite3.connect(target.catalog_file)
        db.execute("PRAGMA journal_mode = WAL")
        db.close()
        assert target.catalog_file.stat().st_size > 0
    else:
        build_services(target, models=fake_models(target), untouched=True).close()
        assert target.catalog_file.stat().st_size == 0
    finish_import(target) if waits else list(import_library(target, archive))
    reopened = build_services(target, models=fake_models(target))
    assert reopened.library.stats().images == 5 and not list(target.data_dir.glob(".import-*"))
    reopened.close()


def test_a_look_at_what_holds_no_library_does_not_call_it_an_old_one(target: Settings) -> None:
    target.data_dir.mkdir(parents=True)
    db = sqlite3.connect(target.catalog_file)
    db.execute("PRAGMA journal_mode = WAL")
    db.close()
    with pytest.raises(LibraryUnusable, match="holds no library"):
        build_services(target, models=fake_models(target), untouched=True)


def test_a_full_disk_is_what_is_said_of_a_catalogue_that_it_stopped(
    archive: Path, target: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise restore.snapshot._translated(target.catalog_file, error)

    monkeypatch.setattr(restore.snapshot, "retire", full)
    with pytest.raises(LibraryUnusable, match=r"The disk is full; nothing more was stored\."):
        list(import_library(target, archive))


# ---------------------------------------------------------------- what is no good archive


def refused(target: Settings, file: Path, error: type[AppError] = LibraryUnusable) -> str:
    """The import refuses the file in one sentence and leaves nothing behind. Returns the sentence."""
    outside = sorted(path for path in target.home.parent.rglob("*") if target.home not in (path, *path.parents))
    with pytest.raises(error) as caught:
        list(import_library(target, file))
    assert stored(target) == []
    assert sorted(path for path in target.home.parent.rglob("*") if target.home not in (path, *path.parents)) == outside
    return caught.value.user_message


@pytest.mark.parametrize(
    "name",
    [
        "../evil.jpg",
        "../../evil.jpg",
        "/tmp/evil.jpg",
        "thumbs/../../evil.jpg",
        f"uploads/../{UUID}.jpg",
        f"uploads//{UUID}.jpg",
        f"./uploads/{UUID}.jpg",
        f"uploads\\{UUID}.jpg",
        f"uploads/..\\{UUID}.jpg",
        f"C:\\uploads\\{UUID}.jpg",
        f"C:/uploads/{UUID}.jpg",
        f"uploads/deeper/{UUID}.jpg",
        f"uploads/{UUID}.jpg/",
        f"uploads/{UUID}.jpg\n",
        f"uploads/{UUID}.jpg:stream",
        f"uploads/{UUID}.tar.gz",
        f"uploads/{UUID.upper()}.jpg",
        "uploads/evil.jpg",
        f"thumbs/ff/{UUID}.jpg",
        f"thumbs/0a/{UUID}.png",
        "thumbs/",
        "weights/evil.pt",
        "library.lock",
        "CATALOG.sqlite3",
        "catalog.sqlite3-wal",
        restore.READY,
    ],
)
def test_a_member_that_an_export_would_not_write(archive: Path, tmp_path: Path, target: Settings, name: str) -> None:
    file = tmp_path / "evil.zip"
    write(file, {**members_of(archive), name: b""})
    assert "does not belong there" in refused(target, file)


def test_a_name_cut_at_a_zero_byte(archive: Path, tmp_path: Path, target: Settings) -> None:
    file = write(tmp_path / "zero.zip", {**members_of(archive), f"uploads/{UUID}.jpgX../../x": b""})
    file.write_bytes(file.read_bytes().replace(b".jpgX../", b".jpg\x00../"))
    assert "does not belong there" in refused(target, file)


def entry(name: str = f"uploads/{UUID}.jpg", **attributes: Any) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


@pytest.mark.parametrize(
    "info",
    [
        entry(external_attr=(stat.S_IFLNK | 0o777) << 16),
        entry(external_attr=(stat.S_IFIFO | 0o666) << 16),
        entry(external_attr=stat.S_IFDIR << 16),
        entry(compress_type=zipfile.ZIP_DEFLATED),
        entry(compress_type=zipfile.ZIP_LZMA),
    ],
    ids=["symlink", "fifo", "folder", "bomb", "lzma"],
)
def test_a_member_of_another_kind(archive: Path, tmp_path: Path, target: Settings, info: zipfile.ZipInfo) -> None:
    file = write(tmp_path / "kind.zip", members_of(archive))
    with zipfile.ZipFile(file, "a") as opened:
        opened.writestr(info, bytes(10_000_000) if info.compress_type else b"/etc/passwd")
    assert "does not belong there" in refused(target, file)


def test_an_encrypted_member(archive: Path, tmp_path: Path, target: Settings) -> None:
    file = write(tmp_path / "secret.zip", members_of(archive))
    data = bytearray(file.read_bytes())
    central = data.index(b"PK\x01\x02")
    data[central + 8] |= 1
    file.write_bytes(data)
    assert "does not belong there" in refused(target, file)


def test_the_same_member_twice(archive: Path, tmp_path: Path, target: Settings) -> None:
    file = write(tmp_path / "twice.zip", members_of(archive))
    with zipfile.ZipFile(file, "a") as opened, pytest.warns(UserWarning, match="Duplicate"):
        opened.writestr("catalog.sqlite3", b"another one")
    assert "the same member twice" in refused(target, file)


@pytest.mark.parametrize("missing", ["catalog.sqlite3", "manifest.json"])
def test_a_member_that_is_missing(archive: Path, tmp_path: Path, target: Settings, missing: str) -> None:
    with zipfile.ZipFile(tmp_path / "less.zip", "w") as opened:
        for name, data in members_of(archive).items():
            if name != missing:
                opened.writestr(name, data)
    refused(target, tmp_path / "less.zip")


def test_members_that_lie_about_their_size(archive: Path, tmp_path: Path, target: Settings) -> None:
    """All of them share the same bytes of the file, so that a small archive would fill the disk."""
    file = write(tmp_path / "lies.zip", {**members_of(archive), f"uploads/{UUID}.jpg": bytes(1000)}, uploads=2)
    data = bytearray(file.read_bytes())
    central = data.index(f"uploads/{UUID}.jpg".encode(), data.index(b"PK\x01\x02")) - 46
    data[central + 20 : central + 28] = (3_000_000_000).to_bytes(4, "little") * 2
    file.write_bytes(data)
    assert "larger than the archive" in refused(target, file)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_archive(archive: Path, tmp_path: Path, target: Settings, share: float) -> None:
    data = archive.read_bytes()
    (tmp_path / "cut.zip").write_bytes(data[: int(len(data) * share)])
    assert "damaged" in refused(target, tmp_path / "cut.zip")


def test_a_garbled_archive_changes_nothing_or_comes_in_whole(filled: Services, exported: Path, tmp_path: Path) -> None:
    """Bytes that no checksum covers (times, comments) may differ; everything else is refused."""
    chance, good, file = random.Random(7), exported.read_bytes(), tmp_path / "garbled.zip"
    vectors = rows(filled.settings, "SELECT * FROM vectors ORDER BY number")
    directory = good.index(b"PK\x01\x02")
    came_in = 0
    for number in range(120):
        data = bytearray(good)
        for _ in range(chance.choice((1, 1, 3, 20))):
            data[chance.randrange(directory if number % 2 else 0, len(data))] = chance.randrange(256)
        file.write_bytes(data)
        settings = Settings(home=tmp_path / f"garbled-{number}")
        try:
            list(import_library(settings, file))
        except AppError:
            assert stored(settings) == []
        else:
            came_in += 1
            assert rows(settings, "SELECT * FROM vectors ORDER BY number") == vectors
    print(f"{came_in} of 120 garbled archives came in whole, the others were refused")


def test_no_archive_at_all(tmp_path: Path, target: Settings) -> None:
    (tmp_path / "text.zip").write_text("PK? no.")
    assert "no library archive" in refused(target, tmp_path / "text.zip")
    assert "There is no file" in refused(target, tmp_path / "nowhere.zip", UnreadablePath)
    (tmp_path / "folder").mkdir()
    refused(target, tmp_path / "folder", UnreadablePath)
    os.mkfifo(tmp_path / "pipe")
    refused(target, tmp_path / "pipe", UnreadablePath)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"version": 2}, LibraryNewer),
        ({"version": 0}, LibraryUnusable),
        ({"version": "one"}, LibraryUnusable),
        ({"schema": 99}, LibraryNewer),
        ({"schema": 1}, LibraryUnusable),
        ({"format": "holiday pictures"}, LibraryUnusable),
        ({"catalogue_sha256": "0" * 64}, LibraryUnusable),
        ({"catalogue_bytes": 1}, LibraryUnusable),
        ({"thumbs": 3}, LibraryUnusable),
        ({"uploads": -1}, LibraryUnusable),
        ({"uploads": None}, LibraryUnusable),
        ({"facts": "x" * 100_000}, LibraryUnusable),
    ],
)
def test_a_manifest_that_does_not_fit(
    archive: Path, tmp_path: Path, target: Settings, said: dict[str, Any], error: type[AppError]
) -> None:
    refused(target, write(tmp_path / "said.zip", members_of(archive), **said), error)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"[" * 60_000, b"\xff\xfe", b'{"format": 1}', b"Infinity"])
def test_a_manifest_that_is_none(archive: Path, tmp_path: Path, target: Settings, text: bytes) -> None:
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as opened:
        for name, data in {**members_of(archive), "manifest.json": text}.items():
            opened.writestr(name, data)
    refused(target, tmp_path / "none.zip")


def first(table: str, **values: str) -> str:
    """SQL that gives columns of one row of a table these values (SQL too)."""
    said = ", ".join(f"{name} = {value}" for name, value in values.items())
    return f"UPDATE {table} SET {said} WHERE rowid = (SELECT min(rowid) FROM {table})"


OTHER_ID = "'/tmp/evil/holiday'"


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE TRIGGER evil AFTER UPDATE ON files BEGIN DELETE FROM images; END", "a trigger that does not belong"),
        ("CREATE VIEW evil AS SELECT * FROM images", "a view that does not belong"),
        ("CREATE TABLE evil (x)", "a table that does not belong"),
        ("CREATE VIRTUAL TABLE evil USING fts5(x)", "does not belong"),
        ("CREATE INDEX evil ON images (hex(sha256))", "an? index that does not belong"),
        ("CREATE INDEX evil ON images (id) WHERE length(sha256) > 1", "an? index that does not belong"),
        ("ALTER TABLE images ADD COLUMN evil TEXT", "a column images.evil"),
        ("ALTER TABLE files ADD COLUMN evil AS (hex(path))", "a column files.evil"),
        ("ALTER TABLE jobs ADD COLUMN evil TEXT CHECK (length(evil) > 1)", "jobs"),
        ("ALTER TABLE images DROP COLUMN bytes", "no column images.bytes"),
        ("DROP TABLE jobs", "no table jobs"),
        ("DROP TABLE folders", "no table folders"),
        (f"PRAGMA user_version = {stranger.SCHEMA + 1}", "another version"),
        ("UPDATE files SET path = CAST('../../evil.jpg' AS BLOB) WHERE uploaded", "an upload at b'../../evil.jpg'"),
        ("UPDATE files SET path = CAST('/etc/hostname' AS BLOB) WHERE uploaded", "an upload at b'/etc/hostname'"),
        (f"UPDATE files SET path = CAST('{UUID}.jpg' AS BLOB) WHERE uploaded", "an upload at"),
        (first("images", id=OTHER_ID), "images.id is '/tmp/evil/holiday'"),
        (first("images", id="'../../../x'"), "images.id is '../../../x'"),
        (first("images", id="upper(id)"), "images.id is"),
        (first("images", id=f"'{UUID}'"), "not the id of its bytes"),
        (first("images", id="CAST(id AS BLOB)"), "images.id is"),
        (first("images", sha256="upper(sha256) || 'x'"), "images.sha256 is"),
        (first("images", width="'wide'"), "images.width is 'wide'"),
        (first("images", width="0"), "images.width is 0"),
        (first("images", width="900000", height="900000"), "an image of 900000 x 900000"),
        (first("images", height="-3"), "images.height is -3"),
        (first("images", height="1e300"), "images.height is"),
        (first("images", bytes="9223372036854775807"), "images.bytes is"),
        (first("images", format="'<b>'"), "images.format is"),
        (first("images", added_at="'yesterday'"), "images.added_at is"),
        (first("images", added_at="'2024-02-31T10:00:00+00:00'"), "images.added_at is"),
        (first("images", taken_at="'2024-02-31'"), "images.taken_at is"),
        (first("files", path="CAST(path AS TEXT)"), "files.path is"),
        (first("files", path="CAST('photos/x.jpg' AS BLOB)"), "a file at b'photos/x.jpg'"),
        (first("files", path="CAST('/a' || char(0) || 'b' AS BLOB)"), "a file at"),
        (first("files", image_id=f"'{UUID}'"), "a row of files that contradicts another"),
        (first("files", id="9223372036854775807"), "files.id is"),
        (first("files", name="x'00'"), "files.name is"),
        (first("files", inode="'many'"), "files.inode is"),
        (first("files", ctime_ns="'now'"), "files.ctime_ns is"),
        (first("files", uploaded="2"), "files.uploaded is 2"),
        (first("folders", path="CAST('/a' || char(0) AS BLOB)"), "folders.path is"),
        (first("folders", watched="'often'"), "folders.watched is"),
        (first("folders", objects="-1"), "folders.objects is"),
        ("INSERT INTO unreadable VALUES (x'00', 1, 1, 1, 1, 'no', 'x', 1)", "unreadable.path is"),
        ("UPDATE meta SET value = 'evil' WHERE key = 'active_model'", "the setting active_model = 'evil'"),
        ("INSERT INTO meta VALUES ('segmenter', 'evil')", "the setting segmenter = 'evil'"),
        ("INSERT INTO meta VALUES ('evil', 'x')", "a setting that does not belong there"),
        (first("collections", name="'../evil'"), "collections.name is"),
        (first("collections", dimensions="NULL"), "a vector of another length"),
        (first("collections", dimensions="'many'"), "collections.dimensions is"),
        (first("collections", owner="'evil'"), "collections.owner is"),
        (first("vectors", vector="x'003c'"), "a vector of another length"),
        (first("vectors", vector="CAST(vector AS TEXT)"), "vectors.vector is|can't be read"),
        (first("vectors", vector="zeroblob(length(vector))"), "not of norm 1"),
        (first("vectors", vector="CAST(substr(vector, 3) || x'007e' AS BLOB)"), "not finite"),
        (first("vectors", id=OTHER_ID), "which is no image and no object"),
        (first("vectors", collection="'evil'"), "a vector of another length"),
        (first("vectors", number="9223372036854775807"), "vectors.number is"),
        (first("vectors", metadata="'{'"), "vectors.metadata is"),
        (first("vectors", metadata="'[1]'"), "vectors.metadata is"),
        (first("segments", id=OTHER_ID), "that is not its image's"),
        (
            first("segments", image_id="(SELECT id FROM images WHERE id <> segments.image_id)"),
            "that is not its image's",
        ),
        (first("segments", x1="100000"), "outside its image"),
        (first("segments", y0="y1"), "outside its image"),
        (first("segments", x0="-1"), "segments.x0 is -1"),
        (first("segments", score="7.5"), "segments.score is 7.5"),
        (first("segments", score="'nan'"), "segments.score is"),
        (first("segments", mask="'0'"), "runs don't add up"),
        (first("segments", mask="'oooooooooooooooooooooooooooooooooooooooo1'"), "runs don't add up"),
        (first("segments", mask_height="60000", mask_width="60000"), "a mask that is far too large"),
        (first("vectors", image_id="id"), "that names another image"),
        (first("collections", kind="'evil'"), "collections.kind is"),
        ("UPDATE collections SET kind = 'object' WHERE owner = 'library'", "that names another image"),
        (f"INSERT INTO looked_at VALUES ('{UUID}', 'objects', 'r')", "a row of looked_at that contradicts another"),
        ("INSERT INTO looked_at SELECT id, 'no pass', 'r' FROM images", "looked_at.pass is"),
        (SEGMENTED, "a table that does not belong there"),
    ],
)
def test_a_catalogue_that_no_export_has_written(
    sample: Path, tmp_path: Path, target: Settings, statement: str, words: str
) -> None:
    members = changed_catalogue(sample, tmp_path / "evil.sqlite3", WITH_OBJECT, statement)
    assert re.search(words, refused(target, write(tmp_path / "evil.zip", members)))


WITH_OBJECT = (
    # 0 off, 4 on
    "INSERT INTO segments SELECT id || '#00000000-0', id, 0, 0, 10, 10, 0.5, 2, 2, '04' FROM images ORDER BY id LIMIT 1"
)


def test_what_is_no_catalogue_at_all(archive: Path, tmp_path: Path, target: Settings) -> None:
    members = {**members_of(archive), "catalog.sqlite3": b"SQLite format 3\x00" + bytes(4096)}
    refused(target, write(tmp_path / "evil.zip", members))


def test_an_object_comes_along(archive: Path, tmp_path: Path, target: Settings) -> None:
    list(
        import_library(
            target, write(tmp_path / "good.zip", changed_catalogue(archive, tmp_path / "good.sqlite3", WITH_OBJECT))
        )
    )
    assert len(rows(target, "SELECT * FROM segments")) == 1


def test_an_index_that_holds_other_rows_than_its_table(archive: Path, tmp_path: Path, target: Settings) -> None:
    """An index over a part of the rows, declared to be one over all: each page is sound, which is all that a quick
    check looks at.
    """
    whole = (
        "UPDATE sqlite_master SET sql = 'CREATE INDEX ix_files_uploaded ON files (image_id)' "
        "WHERE name = 'ix_files_uploaded'"
    )
    members = changed_catalogue(archive, tmp_path / "evil.sqlite3", "PRAGMA writable_schema = ON", whole)
    assert "damage" in refused(target, write(tmp_path / "evil.zip", members))


def test_only_rows_get_across(filled: Services, exported: Path, tmp_path: Path, target: Settings) -> None:
    """Counters are made anew, another body of a trigger of ours is left behind, and so is every text that only repeats
    a path.
    """
    statements = [
        "UPDATE collections SET rows = 77, rewritten = 9",
        "UPDATE days SET images = -5",
        "UPDATE changes SET number = 'x'",
        "UPDATE files SET path_text = 'elsewhere'",
        "INSERT OR REPLACE INTO marks (image_id, rating, favourite) SELECT min(id), 4, 0 FROM images",
        "INSERT OR REPLACE INTO photo_tags (image_id, tag, said) SELECT min(id), 'sea', 'Sea' FROM images",
        "UPDATE images SET rating = 9, tags = 77",
        "DROP TRIGGER files_delete",
        "CREATE TRIGGER files_delete AFTER DELETE ON files BEGIN DELETE FROM vectors; END",
        "DROP INDEX ix_images_taken",
    ]
    list(
        import_library(
            target, write(tmp_path / "odd.zip", changed_catalogue(exported, tmp_path / "odd.sqlite3", *statements))
        )
    )
    assert rows(target, "SELECT name, rows FROM collections ORDER BY name") == rows(
        filled.settings, "SELECT name, rows FROM collections ORDER BY name"
    )
    assert rows(target, "SELECT sum(images) FROM days") == [(5,)] and rows(
        target, "SELECT typeof(number) FROM changes"
    ) == [("integer",)]
    assert rows(target, "SELECT count(*) FROM files WHERE path_text = CAST(path AS TEXT)") == [(5,)]
    triggers = dict(rows(target, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    assert {" ".join(sql.split()) for sql in triggers.values()} == {
        sql.replace("TRIGGER", "TRIGGER IF NOT EXISTS", 1) if "IF NOT EXISTS" in triggers[name] else sql
        for name, sql in TRIGGERS.items()
    }
    assert rows(target, "SELECT name FROM sqlite_master WHERE name = 'ix_images_taken'")
    assert rows(target, "SELECT rating, tags FROM images ORDER BY id") == [(4, 1), *[(None, 0)] * 4]


def test_only_good_jobs_of_the_past_get_across(archive: Path, tmp_path: Path, target: Settings) -> None:
    """An odd one is no reason to refuse a library: it only tells what was done once."""
    job = (
        "INSERT INTO jobs VALUES ('{id:032x}', {kind}, 'Adding', {state}, {params}, {progress}, 0, 0, 1, "
        "'2026-01-02T03:04:05+00:00')"
    )
    good = {"kind": "'index'", "state": "'done'", "params": "'{}'", "progress": "NULL"}
    odd = [{}, {"kind": "'evil'"}, {"state": "'evil'"}, {"state": "'queued'"}, {"params": "'['"}, {"progress": "'{'"}]
    statements = [
        "DELETE FROM jobs",
        *(job.format(id=number, **{**good, **values}) for number, values in enumerate(odd)),
    ]
    list(
        import_library(
            target, write(tmp_path / "jobs.zip", changed_catalogue(archive, tmp_path / "jobs.sqlite3", *statements))
        )
    )
    assert rows(target, "SELECT id FROM jobs") == [(f"{0:032x}",)]


def test_a_capture_time_that_no_calendar_has_is_left_out(archive: Path, tmp_path: Path, target: Settings) -> None:
    """Earlier versions stored what a camera wrote, whatever it was."""
    members = changed_catalogue(archive, tmp_path / "odd.sqlite3", first("images", taken_at="'2024-02-31T10:00:00'"))
    list(import_library(target, write(tmp_path / "odd.zip", members)))
    assert rows(target, "SELECT DISTINCT taken_at FROM images") == [(None,)]


def test_a_capture_time_from_before_photography_is_left_out_too(
    archive: Path, tmp_path: Path, target: Settings
) -> None:
    """As when a library of an earlier version is opened."""
    members = changed_catalogue(archive, tmp_path / "odd.sqlite3", "UPDATE images SET taken_at = '0001-01-01T00:00:00'")
    list(import_library(target, write(tmp_path / "odd.zip", members)))
    assert rows(target, "SELECT DISTINCT taken_at FROM images") == [(None,)]


@pytest.mark.parametrize("name", [f"thumbs/{UUID[:2]}/{UUID}.jpg", f"uploads/{UUID}.jpg"])
def test_a_file_that_the_catalogue_does_not_know(archive: Path, tmp_path: Path, target: Settings, name: str) -> None:
    members = {**members_of(archive), name: b"x"}
    assert "its catalogue does not know" in refused(target, write(tmp_path / "more.zip", members))


def test_a_catalogue_that_would_take_for_ever(
    archive: Path, tmp_path: Path, target: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stranger, "_STEPS", 100)
    monkeypatch.setattr(stranger, "_STEPS_A_BYTE", 0)
    monkeypatch.setattr(stranger, "_TICK", 10)
    assert "interrupted" in refused(target, archive)


def test_the_catalogue_of_an_import_is_made_in_one_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Table by table, each would be written to the disk and waited for: most of the time that a small import took."""

    def broken(_: Any) -> None:
        raise OSError("the power fails")

    monkeypatch.setattr(imported, "MIGRATIONS", (*imported.MIGRATIONS, broken))
    with pytest.raises(OSError, match="the power fails"):
        imported._make(tmp_path / "new.sqlite3")
    with sqlite3.connect(tmp_path / "new.sqlite3") as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == []


# ---------------------------------------------------------------- killed


CHILD = """
import os, signal, sys, traceback
from pathlib import Path
from src.config import Settings
from src.services.exchange import restore

left = 0

def step():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def killing(module, name):
    real = getattr(module, name)
    def wrapped(*arguments, **options):
        result = real(*arguments, **options)
        step()
        return result
    setattr(module, name, wrapped)

killing(os, "replace")
killing(restore.snapshot, "settle")
killing(restore.snapshot, "retire")
killing(restore.shutil, "rmtree")
for line in sys.stdin:
    left = int(line)
    child = os.fork()
    if child:
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    try:
        for event in restore.import_library(Settings(home=Path(sys.argv[1])), Path(sys.argv[2])):
            step()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
"""
"""For each number on a line: a process of its own that imports, and kills itself at that step; then how it ended."""


def killed_at_each_step(archive: Path, target: Settings) -> Iterator[int]:
    """Import in a child process that kills itself at its first step, its second, and so on until it ends by itself."""
    command = [sys.executable, "-c", CHILD, str(target.home), str(archive)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=PROJECT_DIR, stdin=pipe, stdout=pipe, text=True) as parent:
        assert parent.stdin is not None and parent.stdout is not None
        for number in range(1, 100):
            shutil.rmtree(target.home, ignore_errors=True)
            print(number, file=parent.stdin, flush=True)
            ended = parent.stdout.readline().strip()
            if ended == "0":
                return
            assert ended == str(-signal.SIGKILL), f"the child ended with {ended!r}"
            yield number
    raise AssertionError("the import never came to its end")


def test_a_kill_leaves_the_library_empty_or_complete(
    services: Services, photos: Path, tmp_path: Path, target: Settings
) -> None:
    list(services.handlers["index"]({"paths": [str(photos / "red.jpg")]}))
    upload(services, "pink.jpg", (250, 150, 190))
    export(services, tmp_path / "small.zip")
    table: dict[str, int] = {"empty": 0, "complete": 0}
    for _ in killed_at_each_step(tmp_path / "small.zip", target):
        finish_import(target)
        assert not list(target.data_dir.glob(".import-*"))
        complete = target.catalog_file.exists()
        table["complete" if complete else "empty"] += 1
        if not complete:
            assert stored(target) == []
            list(import_library(target, tmp_path / "small.zip"))
        restored = build_services(target, models=fake_models(target))
        found = [restored.search.search(Query(colour), 1).hits[0] for colour in ("red", "pink")]
        assert [hit.name for hit in found] == ["red.jpg", "pink.jpg"]
        assert all(
            restored.library.preview(hit.id) and thumbnail_path(target.thumbs_dir, hit.id).is_file() for hit in found
        )
        restored.close()
    print(f"killed at {sum(table.values())} steps: {table}")
    assert table["empty"] > 3 and table["complete"] > 3


def test_a_staged_library_never_replaces_one_in_use(
    archive: Path, target: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted just before the move; then a script, which completes no imports, put something into the library."""
    monkeypatch.setattr(restore, "_finish", lambda _: None)
    list(import_library(target, archive))
    monkeypatch.undo()
    assert len(list(target.data_dir.glob(".import-*"))) == 1
    from src.database.vector_db import VectorDatabase

    with VectorDatabase(target) as database:
        database.create_or_get_collection("mine")
        database.add_segments([[1.0, 0.0]], ids=["y"])
    finish_import(target)
    assert [row[0] for row in rows(target, "SELECT id FROM vectors")] == ["y"] and not list(
        target.data_dir.glob(".import-*")
    )


def test_left_overs_of_a_killed_import_go_with_the_next(archive: Path, target: Settings) -> None:
    left = target.data_dir / ".import-0123abcd" / "uploads"
    left.mkdir(parents=True)
    (left / f"{UUID}.jpg").write_bytes(b"half")
    (target.data_dir / ".import-notes").mkdir()
    list(import_library(target, archive))
    assert [path.name for path in target.data_dir.glob(".import-*")] == [".import-notes"]
