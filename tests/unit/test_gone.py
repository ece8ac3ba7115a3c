"""A library whose folder is deleted, moved or replaced while it is open: it is noticed, said, and nothing is written
there any more.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from src import runtime
from src.api.routes import routes
from src.bootstrap import build_services
from src.config import PROJECT_DIR, Settings
from src.errors import LibraryUnusable
from src.runtime import Services
from src.services.search.service import Query
from tests.conftest import fake_models, make_photo
from tests.fakes import COLOURS


@pytest.fixture
def app(settings: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """A library with four photos, and everything that the app runs in the background."""
    monkeypatch.setattr(runtime, "LOOK_EVERY", 0.05)
    services = build_services(settings, models=fake_models(settings), port=8599)
    list(services.handlers["index"]({"paths": [str(photos)]}))
    services.start()
    assert services.tending.wait(30)
    yield services
    services.close()


def deleted(settings: Settings) -> None:
    shutil.rmtree(settings.data_dir)


def moved(settings: Settings) -> None:
    settings.data_dir.rename(settings.home / "data.old")


def home_renamed(settings: Settings) -> None:
    settings.home.rename(settings.home.with_name("renamed"))


def home_deleted(settings: Settings) -> None:
    shutil.rmtree(settings.home)


def catalogue_deleted(settings: Settings) -> None:
    settings.catalog_file.unlink()


def catalogue_replaced(settings: Settings) -> None:
    copy = settings.catalog_file.with_name("copy")
    shutil.copy(settings.catalog_file, copy)
    os.replace(copy, settings.catalog_file)


def lock_deleted(settings: Settings) -> None:
    settings.lock_file.unlink()


WAYS = (deleted, moved, home_renamed, home_deleted, catalogue_deleted, catalogue_replaced, lock_deleted)


def state(settings: Settings) -> list[str]:
    excepted = ("library.owner.json", "app.log", "catalog.sqlite3-shm", "catalog.sqlite3-wal")
    return sorted(str(place) for place in settings.home.rglob("*") if place.name not in excepted)


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_library_that_was_taken_away_is_closed(
    app: Services, way: Callable[[Settings], None], tmp_path: Path
) -> None:
    settings = app.settings
    way(settings)
    left = state(settings)
    with pytest.raises(LibraryUnusable, match="moved, deleted or replaced"):
        app.search.search(Query("red"), 1)
    with pytest.raises(LibraryUnusable):
        app.jobs.submit("index", "x", paths=[str(tmp_path)])
    with pytest.raises(LibraryUnusable):
        app.catalog.set_meta("x", "y")
    wait_for(lambda: app.closed.is_set() and not any(thread.is_alive() for thread in app.jobs._threads))
    problem = app.problem()
    assert problem is not None and str(settings.data_dir) in problem.user_message and problem.hint
    client = TestClient(routes_app(app))
    assert client.get("/api/thumb/00000000-0000-5000-8000-000000000000").status_code == 503
    app.close()
    assert state(settings) == left, "nothing was written, not even that it was closed"


def routes_app(services: Services) -> object:
    from starlette.applications import Starlette

    return Starlette(routes=routes(lambda: services))


def test_a_job_in_the_middle_ends_and_writes_nothing_into_a_new_folder(app: Services, tmp_path: Path) -> None:
    for number in range(400):
        make_photo(tmp_path / "many" / f"{number}.jpg", seed=number, size=(60, 40))
    app.jobs.submit("index", "Adding", paths=[str(tmp_path / "many")])
    wait_for(lambda: app.catalog.counts()[0] > 4)
    settings = app.settings
    settings.home.rename(settings.home.with_name("renamed"))
    wait_for(lambda: app.closed.is_set() and not any(thread.is_alive() for thread in app.jobs._threads))
    app.close()
    assert not settings.home.exists()


def test_a_second_app_takes_the_place_and_the_first_leaves_it_alone(app: Services) -> None:
    settings = app.settings
    shutil.rmtree(settings.data_dir)
    code = f"""if True:
        from pathlib import Path
        from src.config import Settings
        from src.database.vector_db import VectorDatabase
        db = VectorDatabase(Settings(home=Path({str(settings.home)!r})), port=8600)
        db.add_segments([[1.0, 0.0]], ids=["theirs"])
        print("open", flush=True)
        input()
        print(db.index.follows("segments"), db.search_by_embedding([1.0, 0.0], 1)[0].id, flush=True)
        db.close()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=PROJECT_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin and process.stdout
    assert process.stdout.readline() == "open\n"
    wait_for(lambda: app.closed.is_set() and not any(thread.is_alive() for thread in app.jobs._threads))
    app.close()
    assert settings.lock_file.with_suffix(".owner.json").exists(), "the second one's word of who it is"
    out, _ = process.communicate("\n", timeout=60)
    assert out == "True theirs\n" and process.returncode == 0
    with build_services(settings, models=fake_models(settings)).store as db:
        assert db.index.open("segments")


def test_it_can_be_opened_again_where_it_was_put_back(app: Services) -> None:
    settings = app.settings
    moved(settings)
    wait_for(app.closed.is_set)
    app.close()
    (settings.home / "data.old").rename(settings.data_dir)
    services = build_services(settings, models=fake_models(settings))
    assert services.search.search(Query("red"), 1).hits[0].name == "red.jpg"
    services.close()


def test_an_index_that_is_deleted_alone_is_made_again(app: Services, photos: Path) -> None:
    name = app.library.collection()
    assert app.store.index.open(name)
    shutil.rmtree(app.settings.chroma_dir)
    wait_for(lambda: (app.settings.chroma_dir / "clean.json").exists())
    wait_for(lambda: app.store.index.follows(name))
    make_photo(photos / "purple.jpg", COLOURS["purple"])
    list(app.handlers["sync"]({}))
    found = app.store.index.ask(name, app.models.embedder().encode_texts(["purple"]), 1)
    assert found is not None and app.catalog.shown([found[0][0][0]]).popitem()[1].name == "purple.jpg"


def test_thumbnails_and_uploads_folders_that_are_deleted_alone_are_made_again(app: Services, tmp_path: Path) -> None:
    (hit,) = app.search.search(Query("red"), 1).hits
    shutil.rmtree(app.settings.thumbs_dir)
    again = app.library.thumbnail(hit.id)
    assert again is not None and again.is_file()
    found = app.uploads.save("x.png", make_photo(tmp_path / "x.png").read_bytes())
    shutil.rmtree(app.settings.uploads_dir)
    assert app.uploads.save("x.png", (tmp_path / "x.png").read_bytes()).path == found.path and found.path.is_file()
