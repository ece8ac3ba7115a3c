"""Hostile files through every door that takes one: a folder's scan, the upload page, an example picture, the app's
upload route.
"""

from __future__ import annotations

import io
import os
import re
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from src.errors import UnreadableImage
from src.processing.decoding.image_io import EXTENSIONS
from src.runtime import Services
from src.schema import Already, Indexed, JobEvent, Skipped
from src.services.jobs.kinds import kind_of
from src.services.library.uploads import MAX_FILES
from src.services.search.service import Query
from src.ui.library import upload_form
from tests.chromium import opened_browser
from tests.conftest import make_photo
from tests.e2e.running_app import running_app
from tests.fakes import COLOURS
from tests.hostile.walk import resident

SECONDS = 10.0
BYTES = 10**9


@pytest.fixture(scope="module")
def hostile(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole archive of hostile files, unpacked."""
    folder = tmp_path_factory.mktemp("hostile")
    with tarfile.open(test_data / "hostile" / "hostile.tar.xz") as archive:
        archive.extractall(folder, filter="tar")
    return folder


def files_in(folder: Path) -> list[Path]:
    """Regular files, links not followed."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def timed(events: Iterator[JobEvent]) -> Iterator[tuple[JobEvent, float]]:
    """Each event with the seconds it was waited for."""
    last = time.monotonic()
    for event in events:
        yield event, time.monotonic() - last
        last = time.monotonic()


def check(events: list[tuple[JobEvent, float]], number: int) -> list[JobEvent]:
    told = [event for event, _ in events if isinstance(event, Indexed | Already | Skipped)]
    assert len(told) == number, "every file ends indexed or skipped"
    assert all(event.reason.endswith(".") and len(event.reason) < 200 for event in told if isinstance(event, Skipped))
    slowest = max(seconds for _, seconds in events)
    kinds = {kind.__name__: sum(isinstance(event, kind) for event in told) for kind in (Indexed, Already, Skipped)}
    print(f"{number} files: {kinds}, longest wait {slowest:.1f} s")
    assert slowest < SECONDS
    return told


def test_a_scan_of_everything(services: Services, hostile: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = resident([os.getpid()])
    found = list(timed(services.handlers["index"]({"paths": [str(hostile)]})))
    offered = sum(isinstance(event, Indexed | Already | Skipped) for event, _ in found)
    told = check(found, offered)
    assert (
        offered > 500
        and services.catalog.counts()[0] == len({e.image_id for e in told if isinstance(e, Indexed)}) > 300
    )
    again = [event for event in services.handlers["sync"]({}) if not isinstance(event, Already)]
    assert not [event for event in again if isinstance(event, Indexed)], "nothing is new the second time"
    assert services.search.search(Query("red"), 50).hits
    assert resident([os.getpid(), *services.reader._pool.processes()]) - before < BYTES
    assert capfd.readouterr().err == "", "nothing of the decoders reaches the user"


class Dropped(io.BytesIO):
    """A file as the page's drop area hands it over."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.read_bytes())
        self.name = path.name
        self.size = len(self.getvalue())


def test_everything_dropped_on_the_page(services: Services, hostile: Path) -> None:
    files = files_in(hostile)
    told: list[JobEvent] = []
    for start in range(0, len(files), MAX_FILES):
        part = files[start : start + MAX_FILES]
        upload_form.queue(services, [Dropped(path) for path in part])  # type: ignore[arg-type]
        job = next(job for job in services.jobs.latest(5) if not kind_of(job.kind).quiet)
        told += check(list(timed(services.handlers["index"](services.jobs.params(job.id)))), len(part))
    kept = list(services.settings.uploads_dir.iterdir())
    assert len(kept) == services.catalog.counts()[0] == sum(isinstance(event, Indexed) for event in told)


def test_everything_as_an_example_picture(services: Services, hostile: Path) -> None:
    refused = 0
    for path in files_in(hostile):
        started = time.monotonic()
        try:
            services.search.search(Query(image=services.search.open_picture(Dropped(path))))
        except UnreadableImage as error:
            refused += 1
            assert error.user_message.endswith(".")
        assert time.monotonic() - started < SECONDS, path
    print(f"{refused} of {len(files_in(hostile))} refused")
    assert 100 < refused < 1000


@pytest.mark.browser
@pytest.mark.timeout(600)
def test_everything_that_the_browser_lets_through(hostile: Path, tmp_path: Path) -> None:
    """Dropped into the real page of the real app, 150 at a time; then one that is good, which is found."""
    # else Chromium can't
    offered = [path for path in files_in(hostile) if path.suffix.lower() in EXTENSIONS and str(path).isprintable()]
    parts = [offered[start : start + 150] for start in range(0, len(offered), 150)]
    good = make_photo(tmp_path / "good.jpg", COLOURS["red"], (320, 240))
    with opened_browser() as browser, running_app(tmp_path / "library") as app:
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(f"{app.url}/upload")
        for part in [*parts, [good]]:
            page.locator("input[type=file]").first.set_input_files(part)
            page.get_by_role("button", name=re.compile(f"^Add {len(part)} photo")).click()
            page.get_by_text(f"Adding {len(part)} uploaded photo").first.wait_for()
            page.get_by_text(re.compile("added [0-9]+ photo")).wait_for()
            page.get_by_role("button", name="Dismiss").click()
            page.get_by_role("button", name="Dismiss").wait_for(state="detached")
            assert app.process.poll() is None
        page.goto(app.url)
        page.locator(".tile").nth(20).wait_for()
        log = (app.home / "data" / "logs" / "app.log").read_text()
    assert "Traceback" not in log, log[-2000:]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff" * 5_000,
        b"--x\r\n\r\n" * 1_000,
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="../../a"\r\n\r\nhi\r\n--x--',
    ],
)
def test_the_upload_route_refuses_what_no_page_has_sent(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, app_url: str
) -> None:
    for method in ("PUT", "POST"):
        headers = {"Content-Type": "multipart/form-data; boundary=x", "Origin": app_url}
        answer = httpx.request(
            method, f"{app_url}/_stcore/upload_file/no-session/no-file", content=body, headers=headers, timeout=SECONDS
        )
        assert 400 <= answer.status_code < 500
    assert httpx.get(f"{app_url}/api/health", timeout=SECONDS).status_code == 200


@pytest.fixture(scope="module")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with running_app(tmp_path_factory.mktemp("routes") / "library") as app:
        yield app.url
