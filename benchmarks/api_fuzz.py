"""The HTTP API against what it says of itself: python -m benchmarks.api_fuzz --data FOLDER [--seconds 600] [--json]

Schemathesis (https://schemathesis.readthedocs.io; ``pip install schemathesis==4.32.5``, for this benchmark alone)
reads ``/api/openapi.json`` of the app, as its user starts it on a small library, and sends requests made from it for so
many seconds: right ones, wrong ones, and series of them. A failure is an answer of status 5xx, one of a status,
content type or shape that is not described, wrong data that was taken, and each other check of its; ``failures`` lists
them. Right by its shape, a request may still ask for what makes no sense (a filter on an unknown fact), which the API
refuses with 400, 404, 409 or 422: those are taken for answers here. Streams of events, which last, are left out.

Afterwards each described address is asked once more by each of its methods as a page of another website would ask it,
with a right token and without: ``foreign`` is how many of those were let in.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import browsing, command
from src.bootstrap import build_services
from src.config import Settings
from src.services.library.tokens import Tokens

SECONDS = 600.0
PHOTOS = 40
FAILED = re.compile(r"^- (.+)$", re.MULTILINE)
SPARE = 60.0
"""Seconds that Schemathesis may take longer than it is given."""
OF_PHOTOS = (
    "GET /image/{photo}",
    "GET /images/{photo}",
    "PATCH /images/{photo}",
    "GET /images/{photo}/objects",
    "GET /similar/{photo}",
    "GET /thumb/{photo}",
    "PUT /images/{photo}/tags/{tag}",
    "DELETE /images/{photo}/tags/{tag}",
)
"""What is asked of one photo: made-up names mostly name none."""
REAL = 0.25
"""Share of the time in which they are asked of one that is there."""
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 400, 404, 409, 413, 415, 422]
"""
LEFT_OUT = "/jobs/{job}/events"
EVIL = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    parser = command.parser("api_fuzz", __doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with photos1000/")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of requests (default: %(default)s)")
    options = parser.parse_args(arguments)
    return command.told(lambda: measure(options), table, options.json)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Raises NotHere without Schemathesis, photos, or an app that starts."""
    if importlib.util.find_spec("schemathesis") is None:
        raise browsing.NotHere("This needs Schemathesis: pip install schemathesis==4.32.5")
    photos = sorted((options.data / "photos1000").glob("*.jpg"))[:PHOTOS]
    if not photos:
        raise browsing.NotHere(f"There are no photos in {options.data / 'photos1000'}.")
    with tempfile.TemporaryDirectory(prefix="api-fuzz-") as folder:
        home = Path(folder) / "home"
        token, photo = _library(home, photos)
        with browsing.started(home) as (url, _):
            browsing.await_answer(url)
            started = time.perf_counter()
            said, code = _schemathesis(url, Path(folder), (1 - REAL) * options.seconds)
            more, of_photo = _schemathesis(url, Path(folder), REAL * options.seconds, photo)
            seconds = time.perf_counter() - started
            foreign = _let_in(url, token)
    return {
        "cases": _number(said, r"([\d,]+) generated") + _number(more, r"([\d,]+) generated"),
        "of_a_photo": _number(more, r"([\d,]+) generated"),
        "failures": [each for text, bad in ((said, code), (more, of_photo)) if bad for each in FAILED.findall(text)],
        "exit_code": code or of_photo,
        "seconds": round(seconds),
        "foreign": foreign,
        "said": said[-3000:] + more[-2000:],
    }


def _library(home: Path, photos: Sequence[Path]) -> tuple[str, str]:
    """A new library of these photos; a token of it, and the id of a photo."""
    services = build_services(Settings(home=home, model="builtin"))
    try:
        list(services.handlers["index"]({"paths": [str(photo) for photo in photos]}))
        token = Tokens(services.settings.tokens_file).create("fuzz").reveal()
        return token, services.catalog.listing.ids(None, "added", 1)[0]
    finally:
        services.close()


def _schemathesis(url: str, folder: Path, seconds: float, photo: str = "") -> tuple[str, int]:
    """What it says, and its exit code: 0 where nothing failed. photo: asks only what is asked of one, of this one."""
    of_one = f'[[operations]]\ninclude-name = {json.dumps(OF_PHOTOS)}\nparameters = {{ photo = "{photo}" }}\n'
    (folder / "schemathesis.toml").write_text(CONFIG + (of_one if photo else ""), encoding="utf-8")
    words = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/api/openapi.json", "--max-time", f"{seconds:.0f}"]
    words += ["--request-timeout", "30", "--continue-on-failure", "--exclude-path", LEFT_OUT, "--no-color"]
    words += [word for name in OF_PHOTOS if photo for word in ("--include-name", name)]
    ran = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=seconds + SPARE, check=False)
    return ran.stdout + ran.stderr, ran.returncode


def _let_in(url: str, token: str) -> list[str]:
    """The described addresses that answer another website with anything but a refusal."""
    described = json.loads(browsing.answer(url, "GET", "/api/openapi.json")[1])["paths"]
    let_in = []
    for path, methods in described.items():
        place = "/api" + re.sub(r"\{[^}]+\}", "x", path)
        for method in methods:
            for more in ({}, {"Authorization": f"Bearer {token}"}):
                status, _ = browsing.answer(url, method.upper(), place, {**EVIL, **more}, b"{}")
                if status != 403:
                    let_in.append(f"{method.upper()} {path}: {status}")
    return let_in


def _number(said: str, pattern: str) -> int:
    found = re.search(pattern, said)
    return int(found[1].replace(",", "")) if found else 0


def table(found: dict[str, Any]) -> str:
    lines = [found["said"], f"{found['cases']:,} cases in {found['seconds']} s, exit code {found['exit_code']}"]
    return "\n".join([*lines, f"let in for another website: {len(found['foreign'])}", *found["foreign"][:10]])


if __name__ == "__main__":
    sys.exit(main())
