"""Kill test: ``python -m benchmarks.kill [--kills 200] [--images 20000] [--seed 1] [--json]``.

A child indexes distinct pictures into a library with the real services (a made-up model, everything else as shipped);
this process sends it SIGKILL at random moments and starts it again. A picture is acknowledged once the child told its
commit. After each start the child answers a search, asks for every acknowledged picture by its own vector (of the exact
scan while the index is made again, of the index once it is in step), and tells every encode. Three kinds of lives,
mixed by the seed: killed at any moment, start-up included; killed within 50 ms after a file of the index was seen to
change (looked at every millisecond); killed at any moment once everything is in step.

The table goes to standard error; with ``--json`` the last line of standard output is one object. Exit 1 where anything
was lost.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import queue
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.kill_child import picture
from src.config import PROJECT_DIR, Settings
from src.database.index import manifest
from src.processing.decoding.image_io import image_id

FLUSH_SECONDS = 0.05
BURST_EVERY = 10
"""Every tenth life indexes as many pictures as make Chroma flush; the others a few."""
BURST_SHARE = 0.8
REBUILT_PER_SECOND = 3_000
"""Vectors, about; only to choose a moment."""
KINDS = ("any", "flush", "settled")
WEIGHTS = {True: (0.5, 0.3, 0.2), False: (0.1, 0.85, 0.05)}
"""How often each kind of life is drawn, by whether the kill before left the index as a checkpoint described it. Where
it did not, it is made again, and Chroma flushes: only then are there enough kills in a flush."""
LIFE_SECONDS = 120.0
"""A child that says nothing of what is waited for in this time hangs, which is a failure."""


@dataclass
class Tally:
    """What happened so far. ``trusted``: starts that found an index as a clean close or a checkpoint left it."""

    kills: int = 0
    during_flush: int = 0
    flush_while_indexing: int = 0
    """Those of them in which new pictures were indexed; in the others the index was being made again."""
    left: dict[str, int] = field(default_factory=lambda: {"usable": 0, "unusable": 0, "crashes": 0})
    """What those left of the index, for a program that would trust it."""
    starts: int = 0
    answered: int = 0
    wrong_answers: int = 0
    trusted: int = 0
    encodes: int = 0
    encoded_again: list[int] = field(default_factory=list)
    verified: dict[str, int] = field(default_factory=lambda: {"exact": 0, "index": 0})
    """Times that all acknowledged pictures were asked for, by what answered."""
    missed: list[int] = field(default_factory=list)
    first_answer_seconds: list[float] = field(default_factory=list)
    in_step: int = 0
    """Lives that came so far that the index was in step again."""


class Library:
    """A library, pictures for it, and what was acknowledged."""

    def __init__(self, folder: Path, images: int, lives: int) -> None:
        self.home, self.photos, self.acknowledged_file = (
            folder / "library",
            folder / "photos",
            folder / "acknowledged.txt",
        )
        self.acknowledged: dict[int, None] = {}
        self.tally = Tally()
        self.images = images
        self._make_pictures(lives)

    def _make_pictures(self, lives: int) -> None:
        """A folder of new pictures for each life, all different."""
        bursts = max(1, lives // BURST_EVERY)
        burst, few = (
            int(self.images * BURST_SHARE / bursts),
            int(self.images * (1 - BURST_SHARE) / max(1, lives - bursts)),
        )
        lines, number = [], 0
        for life in range(lives):
            folder = self.folder(life)
            folder.mkdir(parents=True)
            last = number + (burst if life % BURST_EVERY == 0 else few)
            while number < (min(last, self.images) if life < lives - 1 else self.images):
                data = picture(number)
                (folder / f"{number:06}.jpg").write_bytes(data)
                lines.append(f"{number}\t{image_id(hashlib.sha256(data).hexdigest())}")
                number += 1
        (self.photos / "ids.tsv").write_text("\n".join(lines))

    def folder(self, life: int) -> Path:
        return self.photos / f"life-{life:04}"

    def start(self, life: int, finish: bool = False) -> Child:
        self.acknowledged_file.write_text("\n".join(map(str, self.acknowledged)))
        self.tally.starts += 1
        places = [
            str(self.home),
            str(self.photos),
            str(self.acknowledged_file),
            str(time.time()),
            str(self.folder(life)),
        ]
        return Child([*places, *(["--finish"] if finish else [])], self)

    def note(self, line: str) -> str:
        """Count one line of the child's; returns what it tells of, if anything."""
        tally = self.tally
        if line.startswith("E "):
            numbers = [int(word) for word in line.split()[1:]]
            tally.encodes += len(numbers)
            tally.encoded_again += [number for number in numbers if number in self.acknowledged]
        elif line.startswith("A "):
            self.acknowledged[int(line[2:])] = None
        else:
            self._note_verdict(said := json.loads(line))
            return str(said["what"])
        return ""

    def _note_verdict(self, said: dict[str, Any]) -> None:
        tally = self.tally
        if said["what"] == "answered":
            tally.answered += 1
            tally.wrong_answers += not said["right"]
            tally.trusted += said["trusted"]
            tally.first_answer_seconds.append(said["seconds"])
        elif said["what"] in ("verified", "in step"):
            tally.verified[said["by"]] += bool(said["asked"])
            tally.missed += said["missed"]
            tally.in_step += said["what"] == "in step"
        elif said["what"] == "finished":
            self.end = said


class Child:
    """A running child and what it said so far."""

    def __init__(self, arguments: Sequence[str], library: Library) -> None:
        command = [sys.executable, "-m", "benchmarks.kill_child", *arguments]
        self.process = subprocess.Popen(command, cwd=PROJECT_DIR, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._library = library
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._said: set[str] = set()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def take(self) -> set[str]:
        """Count the lines that came meanwhile; what was told of since the start."""
        while not self._lines.empty():
            line = self._lines.get()
            if line.endswith(b"\n"):  # a kill may cut the last one: then it was not said
                self._said.add(self._library.note(line.decode().strip()))
        return self._said

    def wait_for(self, what: str) -> None:
        """Raises RuntimeError where the child ends or hangs before it told of that."""
        until = time.monotonic() + LIFE_SECONDS
        while what not in self.take():
            if self.process.poll() is not None and not self._reader.is_alive() and self._lines.empty():
                raise RuntimeError(f"the child ended by itself: {self._errors()}")
            if time.monotonic() > until:
                raise RuntimeError(f"the child did not come to {what!r} within {LIFE_SECONDS:.0f} s")
            time.sleep(0.005)

    def kill(self) -> float:
        """The moment of the kill."""
        moment = time.time()
        self.process.kill()
        self.process.wait(30)
        self._reader.join(30)
        self.take()
        return moment

    def _errors(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read().decode(errors="replace")[-3_000:]


class Flushes:
    """Watches the files in which Chroma keeps vectors. Making a new, empty collection is no flush."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._first_seen: dict[str, float] = {}

    def last(self) -> float:
        """When a file last changed, 0.0 for never."""
        now, latest = time.time(), 0.0
        for segment in manifest.segments(self._folder):
            born = self._first_seen.setdefault(segment.name, now)
            latest = max((moment for moment in _changes(segment) if moment > born + 0.1), default=latest)
        return latest

    def wait(self, child: Child, seconds: float) -> None:
        """Until a file changes, or for so long."""
        before, until = self.last(), time.monotonic() + seconds
        while self.last() <= before and time.monotonic() < until and child.process.poll() is None:
            time.sleep(0.001)


def _changes(segment: Path) -> list[float]:
    try:
        return [file.stat().st_mtime for file in segment.iterdir()]
    except OSError:
        return []


def measure(
    kills: int, images: int, seed: int, folder: Path, tell: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Run the test in an empty folder; every figure of it. Raises RuntimeError where a child does not do its part."""
    started = time.monotonic()
    dice = random.Random(seed)
    library = Library(folder, images, kills)
    tally = library.tally
    for life in range(kills):
        index = Settings(home=library.home).chroma_dir
        clean = (index / manifest.MANIFEST).exists()
        child = library.start(life)
        flushes = Flushes(index)
        _live(child, life, dice, flushes, len(library.acknowledged), clean)
        moment = child.kill()
        tally.kills += 1
        flushing = flushes.last() >= moment - FLUSH_SECONDS
        if flushing:
            tally.left[_state_of(index)] += 1
        tally.during_flush += flushing
        tally.flush_while_indexing += flushing and "in step" in child.take()
        tell(
            f"{tally.kills} kills, {tally.during_flush} in a flush, "
            f"{len(library.acknowledged)} acknowledged, {len(tally.missed)} missed"
        )
    child = library.start(kills - 1, finish=True)
    child.wait_for("finished")
    child.kill()
    return {**_summary(library), "seconds": round(time.monotonic() - started, 1), "machine": machine.reference()}


def _live(child: Child, life: int, dice: random.Random, flushes: Flushes, known: int, clean: bool) -> None:
    """Let the child live until the moment of its kill. known: pictures acknowledged before it started. clean: the index
    it found.
    """
    burst = life % BURST_EVERY == 0
    kind = dice.choices(KINDS, WEIGHTS[clean])[0]
    if kind == "any" and not burst and dice.random() < 0.25:
        time.sleep(dice.uniform(0, 2.0))  # also before it has started
        return
    child.wait_for("in step" if burst or kind == "settled" else "answered" if kind == "flush" else "verified")
    if kind == "flush" or (burst and life):
        if not burst:  # while a small or a large index is made again: the larger it is, the longer a flush takes
            time.sleep(dice.uniform(0, known / REBUILT_PER_SECOND))
        flushes.wait(child, 12.0 if burst else 6.0)
        # every other one while Chroma is still writing
        time.sleep(dice.choice((0.0, dice.uniform(0, FLUSH_SECONDS * 0.8))))
    else:
        time.sleep(dice.uniform(0, 3.0))


def _state_of(index: Path) -> str:
    """Whether a copy of the index, opened in a process of its own, still works."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(index, Path(folder) / "index")
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.kill_child", "--probe", copy], cwd=PROJECT_DIR, capture_output=True
        )
    return "usable" if done.returncode == 0 else "unusable" if done.returncode > 0 else "crashes"


def _summary(library: Library) -> dict[str, Any]:
    tally, seconds = library.tally, library.tally.first_answer_seconds
    return {
        "kills": tally.kills,
        "kills_during_flush": tally.during_flush,
        "of_these_while_indexing": tally.flush_while_indexing,
        "index_left_in_a_flush": tally.left,
        "pictures": library.images,
        "in_the_library_at_the_end": library.end["images"],
        "acknowledged": len(library.acknowledged),
        "lost": len(set(tally.missed)),
        "encoded": tally.encodes,
        "encoded_again": len(tally.encoded_again),
        "starts": tally.starts,
        "starts_that_answered": tally.answered,
        "starts_killed_before_that": tally.starts - tally.answered,
        "wrong_first_answers": tally.wrong_answers,
        "all_asked_of_exact_scan": tally.verified["exact"],
        "all_asked_of_index": tally.verified["index"],
        "starts_with_trusted_index": tally.trusted,
        "index_discarded": tally.answered - tally.trusted,
        "index_in_step_again": tally.in_step,
        "first_answer_median_s": round(statistics.median(seconds), 2),
        "first_answer_max_s": round(max(seconds), 2),
        "doctor_at_the_end": library.end["findings"],
        "closed_cleanly_at_the_end": library.end["trusted"],
    }


def passed(result: dict[str, Any]) -> bool:
    """Nothing lost, nothing encoded twice, every answer right, and in the end all is there."""
    bad = ("lost", "encoded_again", "wrong_first_answers", "doctor_at_the_end")
    all_there = result["in_the_library_at_the_end"] == result["pictures"] and result["closed_cleanly_at_the_end"]
    return all_there and not any(result[what] for what in bad)


def table(result: dict[str, Any]) -> str:
    return "\n".join(f"{key.replace('_', ' '):<28} {value}" for key, value in result.items() if key != "machine")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the test; 0 nothing lost, 1 something was."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kill", description="SIGKILL at random moments; nothing is lost."
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="last line of standard output: one JSON object")
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="kill-"))
    try:
        result = measure(options.kills, options.images, options.seed, folder, lambda text: print(text, file=sys.stderr))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(table(result), file=sys.stderr)
    if options.json:
        print(json.dumps(result))
    return 0 if passed(result) else 1


if __name__ == "__main__":
    sys.exit(main())
