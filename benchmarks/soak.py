"""Hours of use in minutes: does memory stay flat, and are files let go of? python -m benchmarks.soak [--rounds 100]
[--json]

Each round adds 20 pictures one job at a time, searches 50 times (words, an example, a picture of the library), and
takes 10 pictures away and puts them back (half of them forgotten in between). 100 rounds are 2,000, 5,000 and 1,000
operations. Memory and open files of the process and its children are read after every round; the first fifth of the
rounds is warm-up.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.machine import reference
from src.bootstrap import build_services
from src.config import Settings
from src.runtime import Services
from src.services.search.service import Query

ADDED, SEARCHES, TAKEN = 20, 50, 10
WORDS = ("a red square", "a dog on grass", "the sea", "people at a table", "something round", "snow")
ALLOWED = 1.10
POOL = 10
"""Connections that Chroma keeps to its database at most.

It opens one where all others are busy, so some come late, and all stay.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not Path("/proc/self/statm").exists():
        print("not run: memory is read from /proc, which this system does not have", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        result = soak(Path(folder), arguments.rounds)
    print(json.dumps(result) if arguments.json else "\n".join(f"{name:22}{value}" for name, value in result.items()))
    return int(not result["flat"])


def soak(folder: Path, rounds: int) -> dict[str, Any]:
    """Run the rounds and tell memory (MB) and open files after warm-up and at the end."""
    services = build_services(Settings(home=folder / "library"))
    (folder / "photos").mkdir()
    list(services.handlers["index"]({"paths": [str(folder / "photos")]}))
    started = time.perf_counter()
    memory: list[float] = []
    files: list[int] = []
    try:
        for number in range(rounds):
            _round(services, folder, number)
            gc.collect()
            memory.append(_memory_mb())
            files.append(_open_files())
        images = services.catalog.counts()[0]
    finally:
        services.close()
    warm = max(1, rounds // 5)
    base, end = float(np.median(memory[warm - 1 : warm + 4])), float(np.median(memory[-5:]))
    return {
        "machine": reference(),
        "operations": {"index": rounds * ADDED, "search": rounds * SEARCHES, "delete_and_add": rounds * TAKEN},
        "images": images,
        "seconds": round(time.perf_counter() - started, 1),
        "memory_mb": {"after_warm_up": round(base, 1), "end": round(end, 1), "highest": round(max(memory), 1)},
        "memory_ratio": round(end / base, 3),
        "open_files": {"after_warm_up": max(files[:warm]), "end": files[-1], "highest": max(files)},
        "flat": end <= base * ALLOWED and files[-1] <= max(files[:warm]),
    }


def _round(services: Services, folder: Path, number: int) -> None:
    photos = folder / "photos"
    dice = np.random.default_rng(number)
    for at in range(ADDED):
        picture = dice.integers(0, 256, (6, 8, 3), np.uint8)
        path = photos / f"{number:04}-{at:02}.jpg"
        Image.fromarray(picture).resize((320, 240), Image.Resampling.BICUBIC).save(path, quality=85)
        list(services.handlers["index"]({"paths": [str(path)]}))
    newest = services.library.newest(SEARCHES)
    for at in range(SEARCHES):
        like = newest[at % len(newest)].id
        example = Image.fromarray(dice.integers(0, 256, (64, 64, 3), np.uint8))
        query = (Query(WORDS[at % len(WORDS)]), Query(like=like), Query(image=example))[at % 3]
        services.search.search(query, 20)
    taken = sorted(photos.glob(f"{number:04}-*.jpg"))[:TAKEN]
    aside = folder / "aside"
    aside.mkdir(exist_ok=True)
    for at, path in enumerate(taken):
        shutil.move(path, aside / path.name)
        list(services.handlers["sync"]({"paths": [str(path)]}))
        if at % 2:
            list(services.handlers["forget"]({}))
        shutil.move(aside / path.name, path)
        list(services.handlers["sync"]({"paths": [str(path)]}))


def _memory_mb() -> float:
    """Resident memory of this process and its children."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in [os.getpid(), *_children()])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _children() -> list[int]:
    tasks = Path(f"/proc/{os.getpid()}/task")
    return [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]


def _open_files() -> int:
    """Files, pipes and sockets of this process; Chroma's connections to its database as if it had all of them from the
    start.
    """
    handles = [os.path.realpath(entry.path) for entry in os.scandir("/proc/self/fd")]
    pool = sum(handle.endswith("/chroma.sqlite3") for handle in handles)
    return len(handles) - pool + max(pool, POOL)


if __name__ == "__main__":
    sys.exit(main())
