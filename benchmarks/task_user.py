"""Somebody who uses the app in a real browser, and what it costs them: for the benchmark tasks."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmarks import browsing
from src.config import PROJECT_DIR

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

QUIET = 0.25
"""Seconds without a run of the page after which it is settled."""
LOOK = 8.0
"""Seconds that a person looks for an outcome before giving up."""
CELLS = ".tile"


@dataclass
class User:
    """Clicks and types in a page, and counts that. ``url``: where the app answers."""

    page: Page
    url: str
    noted: Path
    """Where the server notes its runs."""
    clicks: int = 0
    keys: int = 0
    server_ms: list[float] = field(default_factory=list)
    """Of each thing that was done, how long the server's own runs for it took."""

    def go(self, address: str = "/") -> None:
        """By a link or a bookmark."""
        self._did(lambda: self.page.goto(self.url + address))

    def click(self, where: Locator | str, held: Sequence[Literal["ControlOrMeta", "Shift"]] = ()) -> None:
        """A place, or the words on it. held: keys that are held down meanwhile."""
        place = self.page.get_by_text(where, exact=True).first if isinstance(where, str) else where
        self.clicks += 1
        self._did(lambda: place.click(modifiers=list(held)))

    def type(self, text: str) -> None:
        """Where the focus is. What is typed asks the server nothing by itself."""
        self.keys += len(text)
        self.page.keyboard.type(text, delay=15)

    def press(self, key: str) -> None:
        self.keys += 1
        self._did(lambda: self.page.keyboard.press(key))

    def words(self, text: str) -> None:
        """Click into the box, empty it and type."""
        self.click(self.page.get_by_placeholder(browsing.BOX))
        self.press("Control+a")
        self.type(text)

    def search(self, text: str) -> None:
        self.words(text)
        self.press("Enter")

    def choose(self, label: str, option: str | re.Pattern[str]) -> None:
        """One of the filters, which are opened where they are not."""
        field_ = self.page.get_by_label(label, exact=True)
        if not field_.is_visible():
            self.click("Filters")
        self.click(field_)
        self.click(self.page.get_by_role("option", name=option).and_(self.page.locator(f":not({CELLS})")).first)

    def complete(self, offered: str) -> None:
        """Take a completion that is offered."""
        self.page.get_by_role("option", name=offered).first.wait_for()
        while self.page.get_by_role("option", selected=True).all_inner_texts() != [offered]:
            self.press("ArrowDown")
        self.press("Enter")

    def back(self) -> None:
        self.clicks += 1
        self._did(self.page.go_back)

    def names(self) -> list[str]:
        """Of the photos in sight of the page, in order."""
        return self.page.locator(CELLS).locator(".name").all_text_contents()

    def sees(self, outcome: Callable[[], bool]) -> bool:
        """Whether that is so within the time that somebody looks for it."""
        until = time.monotonic() + LOOK
        while time.monotonic() < until:
            if outcome():
                return True
            self.page.wait_for_timeout(50)
        return False

    def manages(self, task: Callable[[User], bool]) -> bool:
        """Whether a task could be done to its end and its outcome was seen."""
        from playwright.sync_api import Error

        self.page.set_default_timeout(1000 * LOOK)
        try:
            return task(self)
        except Error as error:
            print(error.message.splitlines()[0], file=sys.stderr)
            return False

    def part(self, name: str) -> str | None:
        """Of the address."""
        found: str | None = self.page.evaluate("name => new URLSearchParams(location.search).get(name)", name)
        return found

    def _did(self, work: Callable[[], Any]) -> None:
        begun = time.time()
        work()
        self._settle()
        runs = [run["ms"] for run in self._runs() if run["begun"] >= begun]
        self.server_ms += [sum(runs)] if runs else []

    def _settle(self) -> None:
        """Wait until no run of the page is under way or about to begin."""
        quiet = time.monotonic()
        while time.monotonic() - quiet < QUIET:
            if self.page.locator('[data-testid="stApp"][data-test-script-state="running"]').count():
                quiet = time.monotonic()
            self.page.wait_for_timeout(25)

    def _runs(self) -> list[dict[str, float]]:
        lines = self.noted.read_text(encoding="utf-8").splitlines() if self.noted.exists() else []
        return [json.loads(line) for line in lines]


@contextmanager
def at_the_app(home: Path) -> Iterator[User]:
    """Somebody in front of the app, started for the library in ``home``. Raises NotHere without a browser."""
    with tempfile.TemporaryDirectory(prefix="tasks-") as folder, browsing.browser_page() as page:
        noted = Path(folder) / "runs.jsonl"
        with started(home, noted) as url:
            yield User(page, url, noted)


@contextmanager
def started(home: Path, noted: Path) -> Iterator[str]:
    """The app, noting its runs, and where it answers."""
    port = browsing.free_port()
    command = [sys.executable, "-m", "benchmarks.timed_app", str(noted), "--server.port", str(port)]
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("MFE_", "STREAMLIT_"))}
    environ |= {"MFE_HOME": str(home), "MFE_MODEL": "builtin"}
    with (home / "benchmark.log").open("wb") as log:
        app = subprocess.Popen(command, cwd=PROJECT_DIR, env=environ, stdout=log, stderr=log)
    try:
        browsing.await_answer(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        app.send_signal(signal.SIGTERM)
        app.wait(browsing.SECONDS)
