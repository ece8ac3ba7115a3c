"""From the command to the page, and to the first result: ``python -m benchmarks.startup [--libraries FOLDER] [--json]
[--quick]``.

Starts the app as ``make run`` does on an installed environment, in a new process each round, and uses it in a real
browser: seconds from the command until words can be typed into the query box, and until all visible thumbnails of the
first text query are drawn. On a library of 50 made-up pictures and on one of 100,000 made-up photos (10,000 with
``--quick``); files are warm in the system's cache.

The table goes to standard error; with ``--json`` the last line of standard output is one object.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import browsing, command, machine
from src.bootstrap import build_services
from src.config import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURES = 50
SMALL = "small"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    options = _options(arguments)
    return command.told(lambda: measure(options.libraries, options.data, options.quick), None, options.json)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("startup", __doc__, quick="three rounds, 10,000 photos", libraries=True)
    parser.add_argument("--data", type=Path, help="folder with photos1000/: thumbnails of real photos")
    return parser.parse_args(arguments)


def measure(libraries: Path, data: Path | None, quick: bool) -> dict[str, object]:
    """Medians of the rounds. Raises NotHere where there is no browser, AppError where a library can't be opened."""
    large = 10_000 if quick else 100_000
    with tempfile.TemporaryDirectory(prefix="startup-") as folder, browsing.browser_page() as page:
        homes = {
            SMALL: small_library(Path(folder) / "library"),
            f"{large:,} photos": browsing.big_library(large, libraries, data),
        }
        rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in homes}
        for number in range(3 if quick else 5):
            for name, home in homes.items():
                rounds[name].append(one_start(page, home, browsing.queries(10)[number]))
    figures = {name: _medians(times) for name, times in rounds.items()}
    for name, each in figures.items():
        print(
            f"{name:>16}: page {each['interactive_s']:.2f} s, first result {each['first_result_s']:.2f} s",
            file=sys.stderr,
        )
    by_size = {"large": {"photos": large, **figures[f"{large:,} photos"]}}
    return {**figures[SMALL], **by_size, "quick": quick, "machine": machine.reference()}


def _medians(times: list[tuple[float, float]]) -> dict[str, float]:
    pages, results = zip(*times, strict=True)
    spread = {"spread": machine.spread(results)}
    return {
        "interactive_s": round(machine.median(pages), 3),
        "first_result_s": round(machine.median(results), 3),
        **spread,
    }


def small_library(home: Path) -> Path:
    """A library of made-up pictures, indexed by the product itself."""
    photos = home.with_name("photos")
    photos.mkdir()
    for number in range(PICTURES):
        (photos / f"{number}.jpg").write_bytes(browsing.as_jpeg(browsing.made_up(number)))
    services = build_services(Settings(home=home, model="builtin"))
    try:
        for _ in services.handlers["index"]({"paths": [str(photos)]}):
            pass
    finally:
        services.close()
    return home


def one_start(page: Page, home: Path, query: str) -> tuple[float, float]:
    """Seconds from the command until the box takes words, and until the first result is drawn."""
    with browsing.started(home) as (url, begun):
        browsing.await_answer(url)
        page.goto(url)
        box = page.get_by_placeholder(browsing.BOX)
        box.fill(query)
        interactive = time.perf_counter() - begun
        before = browsing.gallery(page)["ids"]
        box.press("Enter")
        browsing.until_found(page, before)
        found = time.perf_counter() - begun
        page.goto("about:blank")
    return interactive, found


if __name__ == "__main__":
    sys.exit(main())
