"""The app under many programs at once: python -m benchmarks.load --data FOLDER [--photos 100000] [--clients 16]
[--seconds 60] [--json] [--libraries FOLDER]

A copy of a made-up library (``benchmarks.tasks``), opened by the app as its user starts it, and programs that ask its
HTTP API without a pause, each over a connection of its own: searches, for each two thumbnails of what was found, and
after nine of those an upload of a new small photo. First one program alone, then all of them together for so many
seconds, while a person searches in a real browser every few seconds; then, as long again, all of them resting a second
after each search, as a program does that uses what it found.

Each kind of request has its median and its 95th percentile in milliseconds; ``ratio`` is the 95th percentile of
searches with all programs to that of one, ``resting_ratio`` with all of them resting. Closed loops: each program asks
again as soon as it was answered, so that the machine is never idle, and with n programs on c cores work that cannot be
shared would take n / c times as long for each. ``errors`` counts answers without 2xx and connections that
broke; ``uploaded`` and ``found`` how many photos were sent and how many of those the library holds in the end;
``memory_mb`` is the app's with what it started (proportional set size) at the beginning and at the end of the time.
"""

from __future__ import annotations

import argparse
import http.client
import io
import itertools
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import numpy as np
import psutil
from PIL import Image

from benchmarks import browsing, command
from benchmarks.machine import reference
from benchmarks.synthetic import DEFAULT_FOLDER
from benchmarks.tasks import with_facts

if TYPE_CHECKING:
    from playwright.sync_api import Page

PHOTOS, CLIENTS, SECONDS_OF_LOAD = 100_000, 16, 60.0
ALONE = 20.0
"""Seconds of one program alone."""
ROUND = ("search", "thumb", "thumb") * 9 + ("upload",)
"""What a program asks for one after the other."""
REST = 1.0
"""Seconds that a program rests after each search, where it does."""
BETWEEN_SEARCHES = 4.0
"""Seconds between two searches of the person in the browser."""
LONGEST = 30.0
"""Seconds after which an answer counts as lost."""
SETTLES = 300.0
"""Seconds within which the app has stored what was sent to it."""


@dataclass
class Seen:
    """What a program saw: milliseconds of each kind of request, and what went wrong."""

    ms: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    uploaded: int = 0


class Program:
    """One that asks the app for this and that, until ``ends``."""

    def __init__(self, url: str, number: int, seen: Seen, rest: float = 0.0) -> None:
        """rest: seconds after each search."""
        self._rest = rest
        self._where = urlsplit(url).netloc
        self._words = itertools.cycle(browsing.queries(72)[number % 72 :] + browsing.queries(number % 72))
        self._number = number
        self._found: list[str] = []
        self._seen = seen
        self._connection = http.client.HTTPConnection(self._where, timeout=LONGEST)

    def run(self, ends: float) -> None:
        for at, kind in enumerate(itertools.cycle(ROUND)):
            if time.perf_counter() >= ends:
                return
            started = time.perf_counter()
            try:
                getattr(self, f"_{kind}")(at)
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._seen.errors.append(f"{kind}: {type(error).__name__} {error}")
                self._connection.close()
                continue
            self._seen.ms.setdefault(kind, []).append(1000 * (time.perf_counter() - started))
            if kind == "search":
                time.sleep(self._rest * (0.5 + random.random()))

    def _ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
        """The answer's body. Raises ValueError for another status than 2xx."""
        self._connection.request(method, path, body, headers or {})
        answer = self._connection.getresponse()
        told = answer.read()
        if not 200 <= answer.status < 300:
            raise ValueError(f"{answer.status} {told[:200]!r}")
        return told

    def _search(self, _: int) -> None:
        told = json.loads(self._ask("GET", f"/api/search?q={quote(next(self._words))}&top_k=20"))
        self._found = [hit["id"] for hit in told["results"]] or self._found

    def _thumb(self, at: int) -> None:
        if self._found:
            self._ask("GET", f"/api/thumb/{self._found[at % len(self._found)]}")

    def _upload(self, at: int) -> None:
        boundary = "a-boundary-of-the-load"
        name = f"load-{self._number}-{at}.jpg"
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        body = f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + new_photo() + f"\r\n--{boundary}--\r\n".encode()
        self._ask("POST", "/api/images", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
        self._seen.uploaded += 1


def new_photo() -> bytes:
    """A small JPEG that no other is like."""
    dice = np.random.default_rng(int.from_bytes(os.urandom(8), "big"))
    buffer = io.BytesIO()
    Image.fromarray(dice.integers(0, 256, (60, 80, 3), np.uint8)).resize((320, 240)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    parser = command.parser("load", __doc__, libraries=True)
    parser.add_argument("--data", type=Path, help="folder with photos1000/, for real thumbnails")
    parser.add_argument("--photos", type=int, default=PHOTOS, help="in the made-up library (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=CLIENTS, help="programs at once (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=SECONDS_OF_LOAD, help="of load (default: %(default)s)")
    options = parser.parse_args(arguments)
    return command.told(lambda: measure(options), table, options.json)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Raises NotHere where there is no browser or the app does not start."""
    kept = with_facts(options.photos, (options.libraries or DEFAULT_FOLDER) / "with-facts", options.data)
    with tempfile.TemporaryDirectory(prefix="load-", dir=kept.parent) as folder:
        home = copied(kept, Path(folder) / "home")
        with browsing.started(home) as (url, _):
            browsing.await_answer(url)
            until_open(url)
            before = images(url)
            alone, _ = under_load(url, 1, ALONE)
            with browsing.browser_page() as page:
                beside, then = Person(page, url), Person(page, url)
                together, taken = under_load(url, options.clients, options.seconds, beside)
                resting, _ = under_load(url, options.clients, options.seconds, then, REST)
            everything = (alone, together, resting)
            uploaded = sum(each.uploaded for each in everything)
            found = until_stored(url, before + uploaded) - before
    return {
        "photos": options.photos,
        "clients": options.clients,
        "seconds": options.seconds,
        "one": figures(alone),
        "all": figures(together),
        "resting": figures(resting),
        "ratio": ratio(together, alone),
        "resting_ratio": ratio(resting, alone),
        "browser_ms": beside.ms,
        "resting_browser_ms": then.ms,
        "errors": sum(len(each.errors) for each in everything),
        "first_errors": [error for each in everything for error in each.errors][:5],
        "uploaded": uploaded,
        "found": found,
        "memory_mb": taken,
        "machine": reference(),
    }


def ratio(many: Seen, one: Seen) -> float:
    """Of the 95th percentiles of their searches."""
    return round(figures(many)["search"]["p95_ms"] / figures(one)["search"]["p95_ms"], 2)


def copied(home: Path, place: Path) -> Path:
    """A copy of a library that may be written to; thumbnails, which never change, are shared."""

    def copy(source: str, target: str) -> None:
        if "thumbs" in Path(source).parts or "pool" in Path(source).parts:
            os.link(source, target)
        else:
            shutil.copyfile(source, target)

    return Path(shutil.copytree(home, place, copy_function=copy))


def until_open(url: str) -> None:
    """Wait until the library is open and the model is there. Raises NotHere where that takes too long."""
    until = time.perf_counter() + SETTLES
    while time.perf_counter() < until:
        seen = Seen()
        Program(url, 0, seen).run(time.perf_counter() + 0.01)
        if not seen.errors:
            return
        time.sleep(0.5)
    raise browsing.NotHere(f"The app did not answer a search: {seen.errors[0]}")


def under_load(
    url: str, number: int, seconds: float, beside: Person | None = None, rest: float = 0.0
) -> tuple[Seen, list[float]]:
    """What so many programs saw together, and the app's memory in MB at the beginning and at the end."""
    seen = [Seen() for _ in range(number)]
    ends = time.perf_counter() + seconds
    threads = [
        threading.Thread(target=Program(url, at, each, rest).run, args=(ends,), daemon=True)
        for at, each in enumerate(seen)
    ]
    for thread in threads:
        thread.start()
    taken = list(_memory(url, ends, beside))
    for thread in threads:
        thread.join(LONGEST)
    whole = Seen(uploaded=sum(each.uploaded for each in seen))
    for each in seen:
        whole.errors += each.errors
        for kind, ms in each.ms.items():
            whole.ms.setdefault(kind, []).extend(ms)
    return whole, [round(statistics.median(part), 1) for part in (taken[:3], taken[-3:])]


def _memory(url: str, ends: float, beside: Person | None) -> Iterator[float]:
    """MB that the app takes, again and again until ``ends``, while the person searches."""
    app = psutil.Process(int(json.loads(browsing.answer(url, "GET", "/api/health")[1])["pid"]))
    while time.perf_counter() < ends:
        yield sum(each.memory_full_info().pss for each in (app, *app.children(recursive=True))) / 1e6
        if beside:
            beside.search()
        time.sleep(max(0.0, min(BETWEEN_SEARCHES, ends - time.perf_counter())))


class Person:
    """Searches on the page, and sees all pictures of the answer before anything else."""

    def __init__(self, page: Page, url: str) -> None:
        self.ms: list[int] = []
        self._page = page
        self._words = iter(browsing.queries(72)[::-1])
        page.goto(url)
        page.set_default_timeout(1000 * LONGEST)
        page.get_by_placeholder(browsing.BOX).wait_for()

    def search(self) -> None:
        from playwright.sync_api import TimeoutError as TooLate

        started = time.perf_counter()
        try:
            before = browsing.gallery(self._page)["ids"]
            self._page.evaluate("window.asked = false")  # the closest are asked for again
            box = self._page.get_by_placeholder(browsing.BOX)
            box.fill(next(self._words))
            started = time.perf_counter()
            box.press("Enter")
            browsing.until_found(self._page, before)
        except TooLate:  # as long as that counts
            pass
        self.ms.append(round(1000 * (time.perf_counter() - started)))


def images(url: str) -> int:
    return int(json.loads(browsing.answer(url, "GET", "/api/stats")[1])["images"])


def until_stored(url: str, expected: int) -> int:
    """The number of photos once it is that or does not get there in time."""
    until = time.perf_counter() + SETTLES
    while images(url) < expected and time.perf_counter() < until:
        time.sleep(0.5)
    return images(url)


def figures(seen: Seen) -> dict[str, dict[str, float]]:
    """Of each kind of request: how many, and milliseconds."""
    return {
        kind: {
            "count": len(ms),
            "p50_ms": round(statistics.median(ms), 1),
            "p95_ms": round(float(np.percentile(ms, 95)), 1),
        }
        for kind, ms in sorted(seen.ms.items())
    }


def table(found: dict[str, Any]) -> str:
    lines = [f"{'':28}{'requests':>9}{'p50 ms':>9}{'p95 ms':>9}"]
    many = f"{found['clients']} programs"
    for who, title in (("one", "one program"), ("all", many), ("resting", f"{many}, resting,")):
        for kind, told in found[who].items():
            lines.append(f"{title + ' ' + kind:28}{told['count']:9,}{told['p50_ms']:9.1f}{told['p95_ms']:9.1f}")
    first, last = found["memory_mb"]
    ratios = f"{found['ratio']}, resting {found['resting_ratio']}"
    lines.append(f"searches, p95 of all to one: {ratios}; errors {found['errors']}")
    lines.append(f"uploaded {found['uploaded']}, in the library {found['found']}; memory {first:.0f} -> {last:.0f} MB")
    for title, key in (("without a pause", "browser_ms"), ("resting", "resting_browser_ms")):
        ms = sorted(found[key])
        lines.append(
            f"in the browser beside programs {title}: median {statistics.median(ms):.0f} ms, longest {ms[-1]} ms"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
