"""What must not be in the way of the first page."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from src import runtime
from src.bootstrap import build_services
from src.config import PROJECT_DIR, Settings
from src.database.embeddings import library_collection
from src.runtime import Services
from tests.conftest import fake_models
from tests.ui.conftest import MAIN

HEAVY = ("torch", "onnxruntime", "chromadb", "pandas", "pyarrow")
LISTENING = (*HEAVY, "sqlalchemy", "numpy", "PIL")


def loaded(code: str, names: tuple[str, ...], home: Path) -> list[str]:
    """Those of the modules that a new process has imported after ``code``."""
    told = f"{code}\nimport sys\nprint('loaded', *[name for name in {names} if name in sys.modules])"
    environ = {**os.environ, "MFE_HOME": str(home), "PYTHONPATH": str(PROJECT_DIR)}
    command = [sys.executable, "-c", told]
    run = subprocess.run(command, cwd=PROJECT_DIR, env=environ, capture_output=True, text=True, timeout=120, check=True)
    return run.stdout.strip().splitlines()[-1].split()[1:]


def test_the_app_answers_before_anything_large_is_imported(tmp_path: Path) -> None:
    assert loaded("import app", LISTENING, tmp_path) == []


def test_the_garbage_collector_passes_over_what_lives_long(settings: Settings) -> None:
    opened = build_services(settings, models=fake_models(settings)).start()
    try:
        assert opened.tending.wait(30)
        frozen = gc.get_freeze_count()
        assert frozen > 10_000 and len(gc.get_objects()) < frozen / 2, "each run of a page ends with a collection"
    finally:
        opened.close()
        gc.unfreeze()


def test_no_run_of_a_page_changes_the_import_path(tmp_path: Path) -> None:
    """A job that imports while a page's run ends would miss a module: the import system goes through that very list."""
    code = (
        "import sys, app\n"
        "from streamlit.runtime.scriptrunner.exec_code import modified_sys_path\n"
        "before = list(sys.path)\n"
        f"with modified_sys_path({str(MAIN)!r}):\n"
        "    assert sys.path == before, set(sys.path) - set(before)\n"
    )
    assert loaded(code, ("app",), tmp_path) == ["app"]


def test_the_first_page_is_drawn_before_models_and_index_are_imported(tmp_path: Path) -> None:
    code = (
        "from src.runtime import Services\n"
        "Services._tend = lambda *_: None  # what waits for the page\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"page = AppTest.from_file({str(MAIN)!r}, default_timeout=60).run()\n"
        "assert not page.exception and any(button.label == 'Add photos' for button in page.button)\n"
    )
    assert loaded(code, HEAVY, tmp_path) == []


def test_the_warm_up_waits_for_the_first_page_and_then_idle_models_are_given_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = fake_models(settings)
    asked = threading.Event()
    monkeypatch.setattr(models, "unload_idle", asked.set)
    monkeypatch.setattr(runtime, "UNLOAD_EVERY", 0.01)
    services = build_services(settings, models=models).start(page_within=60)
    try:
        assert not asked.wait(0.2) and not models._loaded, "nothing is loaded while the first page is being drawn"
        services.drawn.set()
        assert asked.wait(30) and models._loaded
        compared = library_collection(models.embedder(services.library.active_model).space)
        known = services.search.judge._backgrounds.last((compared, True))
        assert known is not None, "the first search need not compare the library with the bank"
    finally:
        services.close()


def test_jobs_that_are_left_over_wait_for_the_first_page(settings: Settings) -> None:
    services = build_services(settings, models=fake_models(settings))
    job = services.jobs.submit("facts", "left over")
    services.start(page_within=60)
    try:
        assert services.jobs.wait(job, 1.5).state == "queued", "it would slow the page"
        services.drawn.set()
        assert services.jobs.wait(job, 30).state == "done"
    finally:
        services.close()


def test_a_library_that_was_taken_away_is_said_and_opened_again_where_it_is_back(
    app: AppTest, services: Services, photos: Path
) -> None:
    app.run()
    data = services.settings.data_dir
    data.rename(away := data.with_name("away"))
    app.run()
    assert not app.exception and any("can't be opened" in text.value for text in app.markdown)
    assert taken_away(app)
    app.button(key="try-again").click().run()
    assert taken_away(app) and not data.exists(), "no new library is begun by that"
    away.rename(data)
    app.button(key="try-again").click().run()
    assert not app.exception and not app.error and not any("can't be opened" in text.value for text in app.markdown)


def taken_away(app: AppTest) -> bool:
    return any("was moved, deleted or replaced" in error.value.replace("\\", "") for error in app.error)


def test_strangers_files_are_said_on_the_page(app: AppTest, services: Services) -> None:
    services.notices.append("2 files that this program does not know as its own were left where they are.")
    app.run()
    assert [toast.value for toast in app.toast] == [services.notices[0].replace(".", "\\.")]
    app.switch_page("views/about_page.py").run()
    assert not app.toast, "once is enough"
    assert not app.exception and any("2 files" in info.value for info in app.info)
