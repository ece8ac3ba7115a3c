"""How many photos' facts are read in a second: python -m benchmarks.facts --data FOLDER [--rounds N] [--json]

The folder's real photos: library/ (two people's, as they are), camera/ (cameras' originals in every format,
many with XMP packets and sidecars) and photos1000/ (few facts: what opening a file costs). Each set that is
there is read in one thread with a new reader a round, headers and the files beside the photos, from the
system's memory of the disk; the median of the rounds. Nothing is decoded.

Then the pass over a library, as it follows the job that adds photos: photos1000/ is added to a new library,
and the facts and measures of its photos are read and stored. ``share_of_adding`` is the pass's time in that
of adding, of small pictures (of photos of a camera, which take longer to decode, it is less).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import command, machine
from src.bootstrap import build_services
from src.config import Settings
from src.errors import UnreadableImage
from src.processing.discovery import find_images
from src.processing.facts.reader import FactsReader
from src.schema import FoundFile

SETS = ("library", "camera", "photos1000")
ROUNDS = 7
BARS = {"library": 2000.0}
"""Photos a second, at least."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    parser = command.parser("facts", __doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with library/, camera/, photos1000/, or some of them"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"default: {ROUNDS}")
    options = parser.parse_args(arguments)
    return command.told(lambda: measure(options), table, options.json)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures. Raises OSError where none of the sets is there."""
    sets = {name: photos(options.data / name) for name in SETS if (options.data / name).is_dir()}
    if not any(sets.values()):
        raise FileNotFoundError(f"There are no photos in {options.data}.")
    times = machine.alternated(
        {name: lambda files=files: read(files) for name, files in sets.items() if files}, options.rounds
    )
    return {
        "photos_per_s": {name: round(len(sets[name]) / machine.median(each)) for name, each in times.items()},
        "spread": {name: machine.spread(each) for name, each in times.items()},
        "photos": {name: len(sets[name]) for name in times},
        "told": {name: read(sets[name]) for name in times},
        "bars": BARS,
        "pass": the_pass(options.data / "photos1000"),
        "rounds": options.rounds,
        "machine": machine.reference(),
    }


def the_pass(folder: Path) -> dict[str, float] | None:
    """Photos a second of adding a folder to a new library, and of the pass over it; None where it is not there."""
    if not folder.is_dir():
        return None
    with tempfile.TemporaryDirectory(prefix="facts-") as home:
        services = build_services(Settings(home=Path(home), model="builtin"))
        try:
            services.models.embedder("builtin").encode_texts(["warm up"])
            adding = _seconds(services.handlers["index"]({"paths": [str(folder)]}))
            number = services.facts.waiting()
            reading = _seconds(services.handlers["facts"]({}))
        finally:
            services.close()
    return {
        "adding_per_s": round(number / adding),
        "pass_per_s": round(number / reading),
        "share_of_adding": round(reading / adding, 3),
    }


def _seconds(events: Iterable[object]) -> float:
    begun = time.perf_counter()
    for _ in events:
        pass
    return time.perf_counter() - begun


def photos(folder: Path) -> list[Path]:
    """The pictures that a scan of a folder finds."""
    return [found.path for found in find_images(folder) if isinstance(found, FoundFile)]


def read(files: Sequence[Path]) -> int:
    """Read the facts of all; the number of facts that were told."""
    reader, told = FactsReader(), 0
    for file in files:
        try:
            facts = reader.read(file)
        except UnreadableImage:
            continue
        told += sum(value not in (None, ()) for value in vars(facts).values())
    return told


def table(result: dict[str, Any]) -> str:
    """The figures for a reader."""
    lines = [f"facts of photos, median of {result['rounds']} rounds, commit {result['machine']['commit']}"]
    for name, each in result["photos_per_s"].items():
        bar = f"   bar {result['bars'][name]:,.0f}" if name in result["bars"] else ""
        told = f"{result['photos'][name]:,} photos, {result['told'][name]:,} facts"
        lines.append(f"{name:12}{each:10,} photos/s   ({told}, spread {result['spread'][name]:.0%}){bar}")
    if result["pass"]:
        of = result["pass"]
        rates = f"{of['pass_per_s']:,} photos/s after adding {of['adding_per_s']:,} photos/s"
        lines.append(f"pass        {rates}: {of['share_of_adding']:.1%} of its time")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
