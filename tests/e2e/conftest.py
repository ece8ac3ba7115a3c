"""A browser, an app with a library of its own, and drawn pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from src.models import model_manager
from tests.chromium import opened_browser
from tests.e2e.pictures import write_pictures
from tests.e2e.running_app import RunningApp, running_app

NUMBER = 24
SECONDS = 30_000
"""Milliseconds to wait for anything, on a busy machine with two cores."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as chromium:
        yield chromium


expect.set_options(timeout=SECONDS)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_pictures(tmp_path_factory.mktemp("pictures"), NUMBER)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    files = Path(model_manager.__file__).with_name("builtin_files")
    assert files.is_dir(), "the built-in model's files are part of the project"
    with running_app(tmp_path / "library") as running:
        yield running


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """What the tabs of a file's tests share: the browser reads and compiles the app's scripts for the first alone."""
    opened = browser.new_context(viewport={"width": 1280, "height": 860})
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, app: RunningApp) -> Iterator[Page]:
    """A tab that fails the test on a script error and on any request to another machine.

    What the app kept in the browser goes with it, and so do tabs that the test opened beside it.
    """
    tab = context.new_page()
    tab.set_default_timeout(SECONDS)
    errors: list[str] = []
    foreign: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("request", lambda request: None if _is_local(request.url, app.url) else foreign.append(request.url))
    yield tab
    kept = {"origin": app.url, "storageTypes": "cookies,local_storage,indexeddb"}
    context.new_cdp_session(tab).send("Storage.clearDataForOrigin", kept)
    for opened in context.pages:
        opened.close()
    assert not errors
    assert not foreign, f"the browser was sent to {foreign}"


def _is_local(url: str, base: str) -> bool:
    return url.startswith((base, base.replace("http", "ws"), "data:", "blob:"))


def name_of(tile: Locator) -> str:
    """File name of a result in the gallery."""
    return tile.locator(".name").text_content() or ""
