"""Moved folders are known again without being encoded: python -m benchmarks.move --data FOLDER [--other FOLDER]
[--json]

Indexes a copy of the 10,000 pictures of cifar10/, renames its folder and looks again; then moves it to another file
system and looks again. Counts what was encoded and read, and times each look. Nothing in the data folder is changed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import reference
from src.bootstrap import build_services
from src.config import Settings
from src.processing.decoding import image_io
from src.runtime import Services
from src.schema import Already, Finding, Indexed, Skipped

OTHER = Path("/dev/shm")
"""Where Linux keeps a file system in memory."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with cifar10/")
    parser.add_argument("--other", type=Path, default=OTHER, help="a folder on another file system (%(default)s)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(arguments.data / "cifar10", Path(folder), arguments.other)
    print(json.dumps(result) if arguments.json else "\n".join(f"{name:22}{value}" for name, value in result.items()))
    failed = any(step["encoded"] for step in result.values() if isinstance(step, dict) and "encoded" in step)
    return int(failed)


def measure(pictures: Path, folder: Path, other: Path) -> dict[str, Any]:
    shutil.copytree(pictures, folder / "photos" / "before")
    services = build_services(Settings(home=folder / "library"))
    counts = _count(services)
    result: dict[str, Any] = {"machine": reference()}
    try:
        first = _look(services, counts, "index", folder / "photos")
        result["first"] = {key: first[key] for key in ("indexed", "already", "seconds")}
        result["unchanged"] = _look(services, counts, "sync", folder / "photos")
        (folder / "photos" / "before").rename(folder / "photos" / "after")
        result["renamed"] = _look(services, counts, "sync", folder / "photos")
        result["other_file_system"] = _across(services, counts, folder / "photos", other)
        result["images"] = services.catalog.counts()[0]
    finally:
        services.close()
    return result


def _across(services: Services, counts: dict[str, int], photos: Path, other: Path) -> dict[str, Any] | str:
    if not other.is_dir() or os.stat(other).st_dev == os.stat(photos).st_dev:
        return f"not run: {other} is not on another file system"
    with tempfile.TemporaryDirectory(dir=other) as place:
        shutil.move(photos / "after", Path(place) / "after")
        return _look(services, counts, "index", Path(place), photos)


def _count(services: Services) -> dict[str, int]:
    """Count from now on how many pictures are encoded, and how many files are read through."""
    counts = {"encoded": 0, "hashed": 0}
    embedder = services.models.embedder(services.library.active_model)
    encode, content_hash = embedder.encode_pixels, image_io.content_hash

    def counted_encode(pixels: Any) -> Any:
        counts["encoded"] += len(pixels)
        return encode(np.asarray(pixels))

    def counted_hash(*asked: Any) -> str:
        counts["hashed"] += 1
        return content_hash(*asked)

    embedder.encode_pixels = counted_encode  # type: ignore[method-assign]
    image_io.content_hash = counted_hash
    return counts


def _look(services: Services, counts: dict[str, int], kind: Any, *paths: Path) -> dict[str, Any]:
    """One job over the paths: its outcome, what it encoded and read, and milliseconds a file."""
    counts.update(encoded=0, hashed=0)
    started = time.perf_counter()
    events = list(services.handlers[kind]({"paths": [str(path) for path in paths]}))
    seconds = time.perf_counter() - started
    outcome = {
        name: sum(isinstance(event, type_) for event in events)
        for name, type_ in (("indexed", Indexed), ("already", Already), ("skipped", Skipped), ("findings", Finding))
    }
    files = outcome["indexed"] + outcome["already"]
    return {**outcome, **counts, "seconds": round(seconds, 2), "ms_a_file": round(1000 * seconds / max(1, files), 3)}


if __name__ == "__main__":
    sys.exit(main())
