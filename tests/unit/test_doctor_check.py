"""``doctor --check`` looks at a library in every state, and changes not a byte of it."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from src.bootstrap import build_services
from src.cli.arguments import main
from src.config import PROJECT_DIR, Settings
from src.models.model_manager import ModelManager
from tests.conftest import fake_models, make_photo
from tests.fakes import COLOURS, FakeEmbedder

EXCEPTED = ("catalog.sqlite3-shm",)
"""SQLite's memory that all who read a log share; it is made where a crash left a log, and holds nothing of its own."""


def state(home: Path) -> dict[str, tuple[object, ...]]:
    """Every file and folder: what is in it, and when it was changed."""
    found: dict[str, tuple[object, ...]] = {}
    for place in sorted(home.rglob("*")):
        stat = place.lstat()
        if place.name not in EXCEPTED:
            data = place.read_bytes() if place.is_file() else b""
            moment = stat.st_mtime_ns if place.is_file() else 0
            found[str(place.relative_to(home))] = (stat.st_mode, stat.st_ino, moment, data)
    return found


def fill(settings: Settings) -> None:
    photos = settings.home.parent / "photos"
    for name in ("red", "green", "blue"):
        make_photo(photos / f"{name}.jpg", COLOURS[name])
    services = build_services(settings, models=fake_models(settings))
    upload = services.uploads.save("pink.png", make_photo(photos.parent / "pink.png", COLOURS["pink"]).read_bytes())
    list(services.handlers["index"]({"paths": [str(photos)]}))
    list(services.handlers["index"]({"files": [{"path": str(upload.path), "name": "pink.png", "uploaded": True}]}))
    services.close()


@pytest.fixture
def library(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    fake = lambda settings: ModelManager("builtin", settings, loader=lambda *_: FakeEmbedder())  # noqa: E731
    monkeypatch.setattr("src.bootstrap.ModelManager", fake)
    fill(settings)
    return settings


def check(settings: Settings, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and what was printed, as JSON."""
    before = state(settings.home)
    code = main(["--library", str(settings.home), "--json", "doctor", "--check"])
    after = state(settings.home)
    assert set(after) == set(before)
    assert [name for name in before if after[name] != before[name]] == []
    return code, capsys.readouterr().out


def nothing(_: Settings) -> None:
    pass


def no_note(settings: Settings) -> None:
    (settings.chroma_dir / "clean.json").unlink()


def garbled_index(settings: Settings) -> None:
    (settings.chroma_dir / "chroma.sqlite3").write_bytes(b"garbled" * 1000)


def no_index(settings: Settings) -> None:
    shutil.rmtree(settings.chroma_dir)


def behind(settings: Settings) -> None:
    with sqlite3.connect(settings.catalog_file) as db:
        db.execute("DELETE FROM vectors WHERE number = (SELECT max(number) FROM vectors)")
    db.close()


def no_files(settings: Settings) -> None:
    shutil.rmtree(settings.thumbs_dir)
    shutil.rmtree(settings.uploads_dir)


def zeroed(settings: Settings) -> None:
    for file in [*settings.uploads_dir.iterdir(), *settings.thumbs_dir.rglob("*.jpg")]:
        file.write_bytes(bytes(file.stat().st_size))


def no_lock(settings: Settings) -> None:
    settings.lock_file.unlink()
    shutil.rmtree(settings.logs_dir)


def half_import(settings: Settings) -> None:
    (settings.data_dir / ".import-0123abcd").mkdir()
    (settings.data_dir / ".import-0123abcd" / "catalog.sqlite3").write_bytes(b"half")


def not_wal(settings: Settings) -> None:
    with sqlite3.connect(settings.catalog_file) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    db.close()


def crashed(settings: Settings) -> None:
    """A log that no process has written into the catalogue yet."""
    code = f"""if True:
        import os, sqlite3
        db = sqlite3.connect({str(settings.catalog_file)!r})
        db.execute("INSERT INTO meta VALUES ('note', 'x')")
        db.commit()
        os._exit(0)
    """
    subprocess.run([sys.executable, "-c", code], check=True)
    assert settings.catalog_file.with_name("catalog.sqlite3-wal").stat().st_size


def stray_rows(settings: Settings) -> None:
    with sqlite3.connect(settings.catalog_file) as db:
        db.execute("UPDATE images SET removed_at = '2020' WHERE rowid = 1")
        db.execute("UPDATE files SET image_id = 'nobody' WHERE id = 2")
    db.close()


def moved(settings: Settings) -> None:
    """Its uploads are no longer where the catalogue says."""
    with sqlite3.connect(settings.catalog_file) as db:
        db.execute("UPDATE files SET path = CAST('/elsewhere/' || name AS BLOB) WHERE uploaded")
    db.close()


def wanting_jobs(settings: Settings) -> None:
    services = build_services(settings, models=fake_models(settings))
    services.jobs.submit("clear", "Clearing the library")
    services.close()


STATES: tuple[Callable[[Settings], None], ...] = (
    nothing, no_note, garbled_index, no_index, behind, no_files, zeroed, no_lock, half_import, not_wal, crashed,
    stray_rows, moved, wanting_jobs,
)  # fmt: skip


@pytest.mark.parametrize("broken", STATES, ids=lambda broken: broken.__name__)
def test_a_check_changes_nothing(
    library: Settings, broken: Callable[[Settings], None], capsys: pytest.CaptureFixture[str]
) -> None:
    broken(library)
    code, out = check(library, capsys)
    found = {
        finding
        for finding in ("index", "thumbnails", "damaged uploads", "lost uploads", "hidden", "files")
        if f'"{finding}"' in out
    }
    wanted = {
        no_note: {"index"}, garbled_index: {"index"}, no_index: {"index"}, behind: {"index"},
        no_files: {"thumbnails", "lost uploads"}, zeroed: {"thumbnails", "damaged uploads"},
        stray_rows: {"hidden", "files"}, moved: {"lost uploads"},
    }  # fmt: skip
    assert wanted.get(broken, set()) <= found
    assert code == (1 if broken in wanted else 0), out


def test_a_check_makes_no_library_and_brings_none_up_to_date(
    library: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In its usual place, a library that there is not yet is an empty one; where it was named, that is a mistake."""
    nowhere = Settings(home=tmp_path / "nowhere")
    monkeypatch.setenv("MFE_HOME", str(nowhere.home))
    assert main(["--json", "doctor", "--check"]) == 0
    assert capsys.readouterr().out == '{"findings": []}\n' and not nowhere.home.exists()
    code, out = check(nowhere, capsys)
    assert code == 1 and "There is no library in" in out and not nowhere.home.exists()
    with sqlite3.connect(library.catalog_file) as db:
        db.execute("PRAGMA user_version = 3")
    db.close()
    code, out = check(library, capsys)
    assert code == 1 and "is of an older version, and a check changes nothing" in out


def test_a_check_waits_for_nobody_and_keeps_others_out_while_it_looks(
    library: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    looking = build_services(library, untouched=True, models=fake_models(library))
    code = f"""if True:
        from pathlib import Path
        from src.config import Settings
        from src.database.vector_db import VectorDatabase
        VectorDatabase(Settings(home=Path({str(library.home)!r})))
    """
    command = [sys.executable, "-c", code]
    assert "LibraryBusy" in subprocess.run(command, cwd=PROJECT_DIR, capture_output=True, text=True).stderr
    looking.close()
    assert subprocess.run(command, cwd=PROJECT_DIR, capture_output=True, text=True).returncode == 0
