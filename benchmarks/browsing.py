"""The app as its user has it: started by its own command, looked at in a real browser.

For the benchmarks startup and gallery.
"""

from __future__ import annotations

import http.client
import importlib.util
import io
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from benchmarks.synthetic import Shape, know_words, library, photo_id
from src.bootstrap import build_services
from src.config import PROJECT_DIR, Settings
from src.database.catalog.duplicates import COMPARED, PRINTS
from src.database.catalog.facts import PASS as FACTS
from src.database.catalog.looked_at import mark
from src.database.catalog.sqlite_file import SqliteFile
from src.models.model_manager import ModelManager
from src.processing.thumbnails import thumbnail_path, write_thumbnail
from src.services.duplicates.prints_pass import RECIPE as PRINTS_RECIPE
from src.services.enrichment.facts_pass import RECIPE as FACTS_RECIPE
from src.services.search.service import Query

if TYPE_CHECKING:
    from playwright.sync_api import Page

HttpAnswer = tuple[int, bytes]
DIMENSIONS = 768
"""Of the built-in model."""
POOL = 200
"""Different pictures behind the thumbnails of a made-up library."""
WIDTH, HEIGHT = 1440, 900
SECONDS = 60.0
BOX = "Describe what you are looking for"
NOUNS = ("dog", "child", "bicycle", "mountain", "boat", "street", "flower", "horse", "train", "bird", "house", "river")
SCENES = ("in the snow", "at night", "by the sea", "in a garden", "in the rain", "from above")

SETTLED = """() => {
  const deep = (node) => [...node.querySelectorAll("*")].flatMap(
    (one) => one.shadowRoot ? [one, ...deep(one.shadowRoot)] : [one]
  );
  const cells = deep(document).filter((node) => node.matches(".tile"));
  const visible = cells.filter((cell) => {
    const box = cell.getBoundingClientRect();
    return box.bottom > 0 && box.top < innerHeight;
  });
  const images = visible.map((cell) => cell.querySelector("img"));
  return {
    ids: cells.map((cell) => cell.dataset.id).join(), cells: cells.length, visible: visible.length,
    scored: cells.length > 0 && cells.every((cell) => cell.querySelector(".score")),
    complete: images.length > 0 && images.every((image) => image.complete && image.naturalWidth > 0),
  };
}"""
"""What the gallery shows now. A picture is visible where any part of it is in the window."""


class NotHere(RuntimeError):
    """The benchmark can't run on this machine; its text is the one sentence to show."""


def queries(number: int) -> list[str]:
    """Different things to look for."""
    pairs = [f"a {noun} {scene}" for scene, noun in itertools.product(SCENES, NOUNS)]
    return [pairs[at * 5 % len(pairs)] for at in range(number)]


def fitting(home: Path, number: int) -> list[str]:
    """So many different things to look for that something in the library fits. Raises NotHere for fewer than half."""
    services = build_services(Settings(home=home, model="builtin"))
    try:
        every = queries(len(NOUNS) * len(SCENES))
        found = [one for one in every if services.search.search(Query(one)).verdict == "match"][:number]
    finally:
        services.close()
    if 2 * len(found) < number:
        raise NotHere(f"Only {len(found)} of {len(every)} queries fit anything in this library.")
    return [found[at % len(found)] for at in range(number)]


def space() -> str:
    """The space of the built-in model's vectors."""
    return ModelManager("builtin").space


# ------------------------------------------------------------ libraries


def big_library(size: int, folder: Path, data: Path | None) -> Path:
    """Home of a made-up library in the built-in model's space whose photos have thumbnails; built once and kept."""
    home = library(Shape(size, DIMENSIONS, "clustered", space()), folder)
    ready = home / f"thumbnails-{'photos' if data else 'made-up'}"
    if not ready.exists():
        pool = _pool(home / "pool", data)
        for number in range(size):
            _link(pool[number * 7 % len(pool)], thumbnail_path(home / "data" / "thumbs", photo_id(number)))
        for other in home.glob("thumbnails-*"):
            other.unlink()
        ready.touch()
    as_left(home)
    return home


def as_left(home: Path) -> None:
    """Makes a made-up library one that was in use before: no job and no pass has anything left to
    do, and words are known.

    Otherwise the app would begin with them after each start, and nothing of what they could look at is there.
    """
    settings = Settings(home=home, model="builtin")
    services = build_services(settings)
    try:
        passes = ((FACTS, FACTS_RECIPE), (PRINTS, PRINTS_RECIPE), (COMPARED, services.duplicates.recipe()))
        for job in services.jobs.active():  # left over where the app was ended within it
            services.jobs.cancel(job.id)
        pending = {each: services.catalog.looked_at.pending(*each) for each in passes}
        with SqliteFile(settings.catalog_file).writing() as db:
            for (name, recipe), ids in pending.items():
                mark(db, name, recipe, ids)
    finally:
        services.close()
    know_words(home)


def _link(picture: Path, target: Path) -> None:
    """A thumbnail that takes no space of its own; the app opens it as it would any."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    os.link(picture, target)


def _pool(folder: Path, data: Path | None) -> list[Path]:
    """Thumbnails as indexing makes them, of real photos where there are some, else of made-up ones."""
    folder.mkdir(exist_ok=True)
    photos = sorted((data / "photos1000").glob("*.jpg"))[:POOL] if data else []
    if data and not photos:
        raise NotHere(f"There are no photos in {data / 'photos1000'}.")
    if not photos:
        return [write_thumbnail(made_up(seed), folder, photo_id(seed)) for seed in range(POOL)]
    return [
        write_thumbnail(Image.open(photo).convert("RGB"), folder, photo_id(number))
        for number, photo in enumerate(photos)
    ]


def made_up(seed: int, size: tuple[int, int] = (960, 720)) -> Image.Image:
    """A smooth random picture with some grain, whose thumbnail has about the size of a photo's."""
    dice = np.random.default_rng(seed)
    coarse = Image.fromarray(dice.integers(0, 256, (15, 20, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    grain = dice.normal(0, 9, (size[1], size[0], 1))
    return Image.fromarray(np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8))


def as_jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


# ------------------------------------------------------------ the app and the browser


@contextmanager
def started(home: Path) -> Iterator[tuple[str, float]]:
    """The app as ``make run`` starts it, for the library in ``home``. Yields its address and when the command was given
    (``perf_counter``).

    Yields before the app answers.
    """
    port = free_port()
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("MFE_", "STREAMLIT_"))}
    environ.update(MFE_HOME=str(home), MFE_MODEL="builtin", PORT=str(port), OPEN="0")
    begun = time.perf_counter()
    with (home / "benchmark.log").open("wb") as log:
        app = subprocess.Popen([sys.executable, "scripts/run.py"], cwd=PROJECT_DIR, env=environ, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}", begun
    finally:
        app.send_signal(signal.SIGTERM)
        app.wait(SECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_answer(url: str) -> None:
    """Wait until the app answers at all. Raises NotHere where it does not."""
    until = time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        try:
            urllib.request.urlopen(f"{url}/api/health", timeout=2).close()
            return
        except OSError:
            time.sleep(0.02)
    raise NotHere("The app did not start; benchmark.log in the library's folder has what it said.")


def answer(url: str, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> HttpAnswer:
    """What the app answers to one request over a connection of its own: its status and its body."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=SECONDS)
    try:
        connection.request(method, path, body, dict(headers or {}))
        told = connection.getresponse()
        return told.status, told.read()
    finally:
        connection.close()


@contextmanager
def browser_page() -> Iterator[Page]:
    """A page of a real browser. Raises NotHere where Playwright or a Chromium is missing."""
    if importlib.util.find_spec("playwright") is None:
        raise NotHere("This needs Playwright: python scripts/setup.py --dev installs it.")
    from playwright.sync_api import sync_playwright

    from tests.chromium import LAUNCH_ARGUMENTS, MISSING, find_chromium

    binary = find_chromium()
    if binary is None:
        raise NotHere(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=list(LAUNCH_ARGUMENTS))
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(1000 * SECONDS)
        yield page
        browser.close()


def gallery(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(SETTLED)
    return found


def until_found(page: Page, before: str) -> None:
    """Wait until all visible pictures of a search are there whose hits are not ``before``.

    Looked at with every frame of the browser.
    """
    page.wait_for_function(  # made-up photos fit no words: the closest are asked for, as a person would
        "(before) => { const more = document.querySelector('.st-key-nothing-fits-action button');"
        " if (more && !window.asked) { window.asked = true; more.click(); }"
        f" const now = ({SETTLED})(); return now.scored && now.complete && now.ids !== before; }}",
        arg=before,
        polling="raf",
    )
