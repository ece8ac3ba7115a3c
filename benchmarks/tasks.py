"""What a new user does, done in a real browser: python -m benchmarks.tasks --data FOLDER [--list curation]
[--json] [--table] [--photos N [--libraries FOLDER]]

Twenty tasks (``benchmarks.task_list``, or what is done with photos that were found: ``benchmarks.curation_list``),
one after the other in one browser, on the photos of FOLDER/photos1000 and a copy of FOLDER/library, whose keywords
(``facts.jsonl``) lie beside the photos as another program would have written them. Clicks, keys, seconds from the first
of them until the outcome was seen (typing 15 ms a key, and a quarter of a second after each click or key press to be
sure that the page is settled), and whether it was seen.

Server milliseconds are those of the server's own runs of the page (``benchmarks.timed_app``): for each thing that was
done all runs that it set off, from when the server begins with one until it is done, without the browser's drawing.

``--photos N``: instead of the tasks, single interactions on a made-up library of N photos with made-up facts
(``benchmarks.synthetic``), five times each, with server milliseconds of each kind. The table goes to standard error,
with ``--table`` as Markdown; with ``--json`` the last line of standard output is one object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import browsing, command, curation_list
from benchmarks.synthetic import BLOCK, photo_id
from benchmarks.task_list import TASKS, Task
from benchmarks.task_user import CELLS, User, at_the_app
from src.bootstrap import build_services
from src.config import Settings
from src.database.catalog.facts import FactsRow
from src.runtime import Services
from src.schema.facts import PhotoFacts, PictureMeasures
from src.services.enrichment.facts_pass import RECIPE

XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag>{}</rdf:Bag></dc:subject>'
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
)
ROUNDS = 5
CAMERAS = ("NIKON D300S", "Canon EOS R5", "iPhone 12", "ILCE-7M3", None)
TAGS = 1_000
LISTS = {"search": TASKS, "curation": curation_list.TASKS}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    parser = command.parser("tasks", __doc__, libraries=True)
    parser.add_argument("--data", type=Path, help="folder with library/ and photos1000/")
    parser.add_argument("--list", choices=sorted(LISTS), default="search", help="which tasks (default: %(default)s)")
    parser.add_argument("--photos", type=int, help="interactions on a made-up library of so many photos instead")
    parser.add_argument("--table", action="store_true", help="the table as Markdown")
    options = parser.parse_args(arguments)
    if not options.photos and not options.data:
        parser.error("name the folder of the photos (--data), or the size of a made-up library (--photos)")
    return command.told(lambda: measure(options), lambda found: table(found, options.table), options.json)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Raises NotHere where there is no browser or no photos, AppError where the library can't be opened."""
    if options.photos:
        home = with_facts(options.photos, options.libraries / "with-facts", options.data)
        return {"photos": options.photos, "interactions": interactions(home)}
    with tempfile.TemporaryDirectory(prefix="tasks-") as folder:
        home = real_library(Path(folder), options.data)
        with at_the_app(home) as user:
            user.go()  # the first page of all waits for the app's start
            return {"tasks": [done(user, task) for task in LISTS[options.list]]}


def done(user: User, task: Task) -> dict[str, Any]:
    user.go(task.address)
    user.page.locator(task.ready).first.wait_for()
    user.clicks, user.keys, user.server_ms = 0, 0, []
    started = time.perf_counter()
    seen = user.manages(task.do)
    seconds = time.perf_counter() - started
    longest = round(max(user.server_ms, default=0.0))
    figures = {"clicks": user.clicks, "keys": user.keys, "seconds": round(seconds, 1), "server_ms": longest}
    return {"task": task.name, **figures, "seen": seen}


# ------------------------------------------------------------ libraries


COPIES = 6
"""Photos of which the library has a smaller copy, too."""


def real_library(place: Path, data: Path) -> Path:
    """Home of a new library in ``place`` of the photos in both folders of ``data``, and small copies of some, as they
    are sent around. Raises NotHere without them.
    """
    mixed, others = data / "library", data / "photos1000"
    for folder in (mixed, others):
        if not folder.is_dir():
            raise browsing.NotHere(f"There are no photos in {folder}.")
    shutil.copytree(mixed, place / "library", copy_function=shutil.copyfile)
    for line in (mixed / "facts.jsonl").read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        if told.get("tags"):
            items = "".join(f"<rdf:li>{escape(tag)}</rdf:li>" for tag in told["tags"])
            (place / "library" / f"{told['file']}.xmp").write_text(XMP.format(items), encoding="utf-8")
    copies = place / "sent"
    copies.mkdir()
    for photo in sorted(others.glob("*.jpg"))[:COPIES]:
        with Image.open(photo) as picture:
            picture.convert("RGB").resize((picture.width // 2, picture.height // 2)).save(copies / photo.name)
    with _opened(place / "home") as services:
        list(services.handlers["index"]({"paths": [str(place / "library"), str(others), str(copies)]}))
        for what in ("facts", "duplicates"):
            list(services.handlers[what]({}))
    return place / "home"


def with_facts(size: int, folder: Path, data: Path | None) -> Path:
    """Home of a made-up library whose photos have a camera, keywords, stars and colours; built once and kept."""
    home = browsing.big_library(size, folder, data)
    ready = home / "facts-ready"
    if not ready.exists():
        dice = np.random.default_rng(3)
        with _opened(home) as services:
            for start in range(0, size, BLOCK):
                numbers = range(start, min(start + BLOCK, size))
                services.catalog.facts.put(RECIPE, [_facts(number, dice) for number in numbers])
        browsing.as_left(home)
        ready.touch()
    return home


def _facts(number: int, dice: np.random.Generator) -> FactsRow:
    """Of keywords few are used often, and many seldom."""
    tags = {f"tag {int(TAGS ** float(share))}" for share in dice.random(dice.integers(0, 4))}
    colours = tuple(f"#{int(colour):06x}" for colour in dice.integers(0, 1 << 24, dice.integers(1, 6)))
    camera, stars = CAMERAS[int(dice.integers(0, len(CAMERAS)))], int(dice.integers(0, 6))
    facts = PhotoFacts(camera_model=camera, iso=int(100 * 2 ** dice.integers(0, 6)), keywords=tuple(tags), rating=stars)
    return FactsRow(photo_id(number), facts, PictureMeasures(10.0, 0.5, 0.1, 0.1, colours), "")


class _opened:
    """The library's services, closed at the end."""

    def __init__(self, home: Path) -> None:
        self._services = build_services(Settings(home=home, model="builtin"))

    def __enter__(self) -> Services:
        return self._services

    def __exit__(self, *_: object) -> None:
        self._services.close()


# ------------------------------------------------------------ interactions


def interactions(home: Path) -> list[dict[str, Any]]:
    """Each kind of interaction with the server milliseconds of its rounds."""
    found: dict[str, list[float]] = {}
    with at_the_app(home) as user:
        user.go()
        user.page.locator(CELLS).first.wait_for()
        for number in range(ROUNDS):
            for name, do in _steps(number):
                user.server_ms = []
                do(user)
                if user.server_ms:
                    found.setdefault(name, []).append(sum(user.server_ms))
    return [
        {"interaction": name, "server_ms": round(statistics.median(times)), "worst_ms": round(max(times))}
        for name, times in found.items()
    ]


def _steps(number: int) -> list[tuple[str, Callable[[User], object]]]:
    """What is done one after the other in a round, each time with other words."""
    words = browsing.queries(2 * ROUNDS)
    asked, other = words[2 * number], words[2 * number + 1]
    return [
        ("open the first page", lambda user: user.go()),
        ("search", lambda user: user.search(asked)),
        ("show the closest", lambda user: _press(user, "Show the closest")),
        ("show more", lambda user: _press(user, "Show more")),
        ("open a photo", lambda user: user.click(user.page.locator(CELLS).first)),
        ("the next photo", lambda user: user.press("ArrowRight")),
        ("close it", lambda user: user.press("Escape")),
        ("open the filters", lambda user: user.click("Filters")),
        ("close the filters", lambda user: user.press("Escape")),
        ("search with a year and a rating", lambda user: user.search(f"{other} date:2021 rating:>={1 + number % 5}")),
        ("open the filters of that", lambda user: user.click("Filters")),
        ("choose a camera", lambda user: user.choose("Camera", CAMERAS[number % 4] or "")),
        ("take it away", lambda user: _press(user, "camera:")),
        ("list all by name", lambda user: user.search("sort:name")),
        ("go back", lambda user: user.back()),
    ]


def _press(user: User, name: str) -> None:
    """A button that is there for some searches only: made-up photos mostly fit no words."""
    button = user.page.get_by_role("button", name=name)
    if button.count():
        user.click(button.first)


def table(found: dict[str, Any], markdown: bool) -> str:
    rows = found.get("tasks") or found["interactions"]
    heads = [name.replace("server_ms", "server ms").replace("worst_ms", "worst ms") for name in rows[0]]
    lines = [[_cell(value) for value in row.values()] for row in rows]
    if markdown:
        return "\n".join("| " + " | ".join(line) + " |" for line in (heads, ["---"] * len(heads), *lines))
    widths = [max(len(line[at]) for line in (heads, *lines)) for at in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in (heads, *lines)
    )


def _cell(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    sys.exit(main())
