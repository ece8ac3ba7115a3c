"""How fast photos are found by words: python -m benchmarks.lexical [--photos N] [--rounds N] [--json]

A catalogue of photos that do not exist, with about 30 words each (a folder, a file name, five tags, a title, a caption,
a place, a camera, a date). Told are: the bytes that the catalogue has for each photo with and without the lexical index
(``growth_share``), the time to fill the index for one photo, and to store a batch of 200 photos with the notes of its
triggers and without; and the median and the 95th hundredth of the time of one lookup of each kind, every time for words
of their own, over rounds that each go through all kinds.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import command, machine
from benchmarks.filters import SYLLABLES
from benchmarks.synthetic import BLOCK, photo_id
from src.database.catalog.catalog import Catalog, ImageRow
from src.database.catalog.facts import FactsRow
from src.database.catalog.files import FileRow
from src.database.catalog.migrations import LEXICAL_TRIGGERS
from src.lexical import Wish, quoted, wishes
from src.schema import FileStamp, ImageFacts
from src.schema.facts import PhotoFacts

PHOTOS, ROUNDS, WORDS, BATCH = 100_000, 25, 20_000, 200
BAR_MS = 20.0
"""Most that half of the lookups may take with 100,000 photos."""
MOST = 10_000
"""Photos of which more have what is looked for: nothing is told then, as in a search."""


def word(rank: float) -> str:
    """One of 20,000 words; low ranks (0 to 1) are drawn often."""
    number = int(WORDS * rank**3)
    return "".join(SYLLABLES[number // 16**place % 16] for place in range(4))


def made(number: int) -> tuple[ImageRow, FileRow, FactsRow]:
    """A photo; the same number gives the same one."""
    dice, id_ = random.Random(number), photo_id(number)
    words = [word(dice.random()) for _ in range(18)]
    name, day = f"IMG_{number:07}.jpg", f"{2005 + number % 20}-{1 + number % 12:02}-{1 + number % 28:02}"
    path = f"/home/anna/Pictures/{day[:4]}/{words[0]} {number % 300}/{name}"
    stamp = FileStamp(1, number, 1, 1, 1)
    told = PhotoFacts(
        title=" ".join(words[1:4]),
        caption=" ".join(words[4:12]),
        keywords=tuple(words[12:17]),
        place=(f"{words[17]}stadt", "Bavaria", "Germany"),
        camera_model=f"Camera X{number % 40}",
    )
    image = ImageRow(id_, f"{number:064x}", ImageFacts(40, 30, "JPEG", f"{day}T10:00:00"), 1000)
    return image, FileRow(os.fsencode(path), path, name, id_, stamp), FactsRow(id_, told, None, "")


def store(catalog: Catalog, numbers: range) -> None:
    """Add photos with their facts, as a pass over files does."""
    some = [made(number) for number in numbers]
    catalog.commit_batch("none", [image for image, _, _ in some], [file for _, file, _ in some])
    catalog.facts.put("made up", [facts for _, _, facts in some])


def used(catalog: Catalog) -> int:
    """Bytes of the pages that hold something."""
    free, size = catalog.health.free_bytes()
    return size - free


def filled(catalog: Catalog, photos: int) -> dict[str, float]:
    """What the index takes of the disk, and of the time, for each photo."""
    for start in range(0, photos, BLOCK):
        store(catalog, range(start, min(start + BLOCK, photos)))
    before, started = used(catalog), time.perf_counter()
    while catalog.lexical.catch_up():
        pass
    took, growth = time.perf_counter() - started, used(catalog) - before
    each = {"bytes_a_photo": growth / photos, "bytes_before": before / photos, "growth_share": growth / before}
    return {**each, "fill_us_a_photo": took / photos * 1e6}


def noted(catalog: Catalog, photos: int, rounds: int) -> dict[str, float]:
    """Seconds to store a batch of photos as it is, and without the triggers of the index (alternating)."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * rounds):
        with_notes, first = bool(number % 2), photos + number * BATCH
        with catalog._file.writing() as db:
            for name, statement in LEXICAL_TRIGGERS.items():
                db.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
                if with_notes:
                    db.exec_driver_sql(statement)
        started = time.perf_counter()
        store(catalog, range(first, first + BATCH))
        times[with_notes].append(time.perf_counter() - started)
    return {name: machine.percentiles(times[key])["p50_ms"] for name, key in (("noted_ms", True), ("plain_ms", False))}


def asked(number: int, photos: int) -> dict[str, list[Wish]]:
    """Kind of a lookup -> what is asked, other words each time."""
    dice = random.Random(10**6 + number)
    rare, often, photo = word(dice.uniform(0.3, 1)), word(dice.uniform(0, 0.05)), dice.randrange(photos)
    return {
        "a word": wishes(rare),
        "a common word": wishes(often),
        "a word that all have": wishes("germany"),
        "two words": wishes(f"{often} {rare}"),
        "a word and a year": wishes(f"{often} {2005 + number % 20}"),
        "a file name": wishes(f"IMG_{photo:07}.jpg"),
        "a prefix": wishes(f"{rare[:5]}*"),
        "a phrase": quoted(f"{often} {rare}"),
        "no such word": wishes(f"{rare}q"),
    }


def looked_up(catalog: Catalog, photos: int, rounds: int) -> dict[str, dict[str, float]]:
    """Kind of a lookup -> p50 and p95 in milliseconds; and of the words nearly like one that nothing is called."""
    times: dict[str, list[float]] = {}
    for number in range(rounds + 1):
        for kind, wanted in asked(number, photos).items():
            started = time.perf_counter()
            catalog.lexical.find(wanted, (), None, MOST)
            times.setdefault(kind, []).append(time.perf_counter() - started)
        started = time.perf_counter()
        catalog.lexical.near(asked(number, photos)["no such word"][0], None)
        times.setdefault("words nearly like it", []).append(time.perf_counter() - started)
    return {kind: machine.percentiles(some[1:]) for kind, some in times.items()}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(Path(folder) / "catalog.sqlite3")
        size = filled(catalog, options.photos)
        lookups = looked_up(catalog, options.photos, options.rounds)
        storing = noted(catalog, options.photos, options.rounds)
        catalog.close()
    slowest = max(lookups, key=lambda kind: lookups[kind]["p50_ms"])
    found = {"photos": options.photos, "rounds": options.rounds, "lookups": lookups, "slowest": slowest}
    return {**found, **size, **storing, "bar_ms": BAR_MS, "machine": machine.reference()}


def table(result: dict[str, Any]) -> str:
    """The figures for a reader."""
    lines = [f"lexical index, {result['photos']:,} photos, p50 and p95 of {result['rounds']} lookups (ms)"]
    lines += [f"{kind:24}{one['p50_ms']:10.2f}{one['p95_ms']:10.2f}" for kind, one in result["lookups"].items()]
    growth = f"{result['bytes_a_photo']:.0f} bytes a photo, {result['growth_share']:.0%} of what there was"
    storing = f"storing {BATCH} photos {result['plain_ms']:.1f} ms, with notes {result['noted_ms']:.1f} ms"
    return "\n".join([*lines, f"{growth}; {result['fill_us_a_photo']:.0f} us a photo to fill it; {storing}"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    parser = command.parser("lexical", __doc__)
    parser.add_argument("--photos", type=int, default=PHOTOS, help=f"default: {PHOTOS:,}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"default: {ROUNDS}")
    options = parser.parse_args(arguments)
    return command.told(lambda: measure(options), table, options.json)


if __name__ == "__main__":
    sys.exit(main())
