"""Finds and opens a Chromium or Chrome for the browser tests, and says what it means where there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
_PLACES = (
    "/usr/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
MISSING = "no Chromium or Chrome on this machine; install one (Debian: apt install chromium) or name it in CHROMIUM="


def find_chromium(environ: Mapping[str, str] | None = None) -> Path | None:
    """The browser named by ``CHROMIUM``, else one in the usual places, else one on the PATH, else None."""
    env = os.environ if environ is None else environ
    named = env.get("CHROMIUM", "").strip()
    if named:
        return Path(named) if Path(named).is_file() else None
    on_path = (shutil.which(name, path=env.get("PATH")) for name in _NAMES)
    return next((Path(place) for place in (*_PLACES, *on_path) if place and Path(place).is_file()), None)


def must_have_browser(environ: Mapping[str, str] | None = None) -> bool:
    """True where a browser test may not be skipped: ``CI=true``."""
    env = os.environ if environ is None else environ
    return env.get("CI", "").strip().lower() in ("1", "true", "yes")


LAUNCH_ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage")
"""What Chromium needs to run as root and in small containers."""


@contextmanager
def opened_browser(*arguments: str) -> Iterator[Browser]:
    """A headless browser for tests; where there is none they are skipped, or fail with ``CI=true``."""
    binary = find_chromium()
    if binary is None:
        if must_have_browser():
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=[*LAUNCH_ARGUMENTS, *arguments])
        yield browser
        browser.close()
