"""A power cut loses nothing that was told as done: what is written lasts before it gets its name, and the name before
it is relied on.

SIGKILL can't show this, since the system still writes what a killed process left; so the order of the calls is looked
at.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from src.bootstrap import build_services
from src.config import Settings
from src.database.catalog.catalog import Catalog
from src.database.catalog.sqlite_file import SqliteFile
from src.database.index import manifest, owner
from src.export.target import new_target
from src.models.partial import Partial
from src.runtime import Services
from src.schema import Indexed
from src.services.exchange.backup import export_library
from src.services.exchange.restore import READY, import_library
from src.services.library.uploads import as_params
from tests.conftest import make_photo, of

FULL, WAL = 2, "wal"


class Calls:
    """What was asked of the disk, in order: ("sync", path) and ("name", new path)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[tuple[str, str]] = []
        real = {name: getattr(os, name) for name in ("fsync", "replace", "rename", "link")}

        def fsync(handle: int) -> None:
            self.made.append(("sync", os.readlink(f"/proc/self/fd/{handle}")))
            real["fsync"](handle)

        def naming(name: str) -> object:
            def call(source: object, target: object, **more: object) -> None:
                before = os.path.realpath(os.fspath(source))  # type: ignore[call-overload]
                real[name](source, target, **more)
                self.made.append(("name", f"{before} -> {os.path.realpath(os.fspath(target))}"))  # type: ignore[call-overload]

            return call

        monkeypatch.setattr(os, "fsync", fsync)
        for name in ("replace", "rename", "link"):
            monkeypatch.setattr(os, name, naming(name))

    def lasting(self, target: Path) -> bool:
        """Whether what got this name had been synced before, and the folder was after."""
        places = [
            at for at, (what, where) in enumerate(self.made) if what == "name" and where.endswith(f" -> {target}")
        ]
        if not places:
            return False
        at = places[-1]
        source = self.made[at][1].split(" -> ")[0]
        before = any(
            made == ("sync", source) or (made[0] == "sync" and made[1].startswith(f"{source}/"))
            for made in self.made[:at]
        )
        return before and ("sync", str(target.parent)) in self.made[at:]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("this system does not tell which file a handle is of")
    yield Calls(monkeypatch)


def pragmas(db: sa.Connection) -> tuple[int, str]:
    return int(db.exec_driver_sql("PRAGMA synchronous").scalar_one()), str(
        db.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    )


def test_every_connection_to_the_catalogue_waits_for_the_disk(tmp_path: Path) -> None:
    Catalog(tmp_path / "catalog.sqlite3").close()
    file = SqliteFile(tmp_path / "catalog.sqlite3")
    try:
        with file.reading() as db, file.reading() as other, file.writing() as third:
            assert [pragmas(each) for each in (db, other, third)] == [(FULL, WAL)] * 3
        with file._alone() as db:
            assert pragmas(db) == (FULL, WAL)
    finally:
        file.close()


def test_the_library_in_use_has_no_other_connection(services: Services) -> None:
    with services.catalog._file.writing() as db:
        assert pragmas(db) == (FULL, WAL)


def test_an_upload_lasts_before_its_job_is_written(
    services: Services, photos: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = services.catalog.jobs.put
    monkeypatch.setattr(services.catalog.jobs, "put", lambda values: (calls.made.append(("job", "")), put(values)))
    found = services.uploads.save("a.jpg", (photos / "red.jpg").read_bytes())
    services.jobs.submit("index", "Adding", files=as_params([found]))
    assert calls.lasting(found.path)
    assert calls.made.index(("job", "")) > calls.made.index(("sync", str(found.path.parent)))


def test_the_folder_of_the_first_upload_lasts_before_its_job_is_written(
    services: Services, photos: Path, calls: Calls
) -> None:
    assert not services.settings.uploads_dir.exists()
    services.uploads.save("a.jpg", (photos / "red.jpg").read_bytes())
    assert ("sync", str(services.settings.data_dir)) in calls.made


def test_what_says_whose_an_index_is_lasts_and_how_it_was_closed_is_whole(tmp_path: Path, calls: Calls) -> None:
    owner.claim(tmp_path, ["mine"])
    assert calls.lasting(tmp_path / owner.MARK)
    with closing(sqlite3.connect(tmp_path / manifest.DATABASE)) as db:
        db.execute("CREATE TABLE segments (id TEXT)")
    manifest.write(tmp_path, {})
    written = [
        at for at, (what, where) in enumerate(calls.made) if where.endswith(f" -> {tmp_path / manifest.MANIFEST}")
    ]
    assert len(written) == 1
    assert ("sync", calls.made[written[0]][1].split(" -> ")[0]) in calls.made[: written[0]], (
        "half a note is no note, but costs a rebuild"
    )


def test_a_download_lasts_before_it_has_its_name(tmp_path: Path, calls: Calls) -> None:
    (tmp_path / "weights").mkdir()
    arrived = Partial(tmp_path / "weights" / "model.pt.part", 100)
    arrived.become(tmp_path / "weights" / "model.pt")
    assert calls.lasting(tmp_path / "weights" / "model.pt")


@pytest.mark.parametrize("name", ["set", "set.zip"])
def test_an_export_lasts_before_it_has_its_name(tmp_path: Path, calls: Calls, name: str) -> None:
    with new_target(tmp_path / name) as target:
        target.add("images/a.jpg", b"picture")
        target.add("b.txt", b"text")
    assert calls.lasting(tmp_path / name)
    if name == "set":
        synced = {os.path.basename(where) for what, where in calls.made if what == "sync"}
        assert {"a.jpg", "b.txt", "images"} <= synced


def test_a_library_lasts_as_an_archive_and_as_what_is_made_of_it(
    services: Services, photos: Path, tmp_path: Path, calls: Calls
) -> None:
    services.uploads.save("a.jpg", make_photo(tmp_path / "up.jpg", (9, 99, 9)).read_bytes())
    found = services.uploads.left_over(set())
    list(services.handlers["index"]({"files": as_params(found)}))
    archive = tmp_path / "backup.zip"
    list(export_library(services.settings, services.catalog, archive))
    assert calls.lasting(archive)
    del calls.made[:]
    target = Settings(home=tmp_path / "elsewhere")
    list(import_library(target, archive))
    assert any(what == "name" and where.endswith(f" -> {target.catalog_file}") for what, where in calls.made)
    at = max(at for at, (what, where) in enumerate(calls.made) if what == "name")
    upload = next(target.uploads_dir.iterdir()).name
    assert [where for what, where in calls.made[:at] if what == "sync" and where.endswith(upload)], (
        "an upload may be the only copy"
    )
    assert ("sync", str(target.data_dir)) in calls.made[at:]
    again = build_services(target, models=services.models)
    assert again.catalog.counts()[0] == 1
    again.close()


def test_a_batch_is_told_after_it_was_committed(services: Services, photos: Path) -> None:
    for event in services.handlers["index"]({"paths": [str(photos)]}):
        for told in of([event], Indexed):
            with SqliteFile(services.settings.catalog_file)._engine.connect() as other:
                assert (
                    other.exec_driver_sql("SELECT count(*) FROM images WHERE id = ?", (told.image_id,)).scalar_one()
                    == 1
                )


def test_the_uploads_of_an_import_last_before_it_counts_as_ready_and_before_the_catalogue_names_them(
    services: Services, tmp_path: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = services.uploads.save("a.jpg", make_photo(tmp_path / "up.jpg", (9, 99, 9)).read_bytes())
    list(services.handlers["index"]({"files": as_params([found])}))
    list(export_library(services.settings, services.catalog, tmp_path / "backup.zip"))
    touch = Path.touch
    monkeypatch.setattr(
        Path,
        "touch",
        lambda self, *more, **others: (calls.made.append(("touch", self.name)), touch(self, *more, **others)),
    )
    del calls.made[:]
    target = Settings(home=tmp_path / "elsewhere")
    list(import_library(target, tmp_path / "backup.zip"))
    ready = calls.made.index(("touch", READY))
    staging = next(
        where for what, where in calls.made if what == "sync" and where.endswith(f"/uploads/{found.path.name}")
    )
    assert ("sync", os.path.dirname(staging)) in calls.made[:ready], "the file's name, not its bytes alone"
    assert ("sync", os.path.dirname(os.path.dirname(staging))) in calls.made[:ready], "and the folder's"
    named = {where.split(" -> ")[1]: at for at, (what, where) in enumerate(calls.made) if what == "name"}
    upload, catalogue = named[str(target.uploads_dir / found.path.name)], named[str(target.catalog_file)]
    assert ready < upload < catalogue
    for folder in (target.uploads_dir, target.data_dir):
        assert ("sync", str(folder)) in calls.made[upload:catalogue]
