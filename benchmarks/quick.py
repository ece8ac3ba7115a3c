"""All benchmarks, smaller: python -m benchmarks.quick --data FOLDER [--libraries FOLDER] [--results FOLDER] [--full]
[--json]

Runs each benchmark in a process of its own, one after the other, and prints one table: figure, value, bar, peer, within
the bar or not. The quick set takes under 10 minutes; its figures are of fewer photos and rounds, so that a figure close
to its bar needs the full run (``--full``, about an hour and more where the made-up libraries are not built yet).
``--results`` keeps each benchmark's JSON as FOLDER/<name>.json, from which ``benchmarks.curves`` draws.

Exit 1 where a benchmark failed; a figure that misses its bar is said, but is no failure: bars are for a machine of its
own kind.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import bars, synthetic
from src.config import PROJECT_DIR

QUICK_SECONDS, FULL_SECONDS = 300.0, 7_200.0
"""A benchmark that takes longer has failed."""


@dataclass(frozen=True)
class Benchmark:
    """A module of this package, or one of its ways to run.

    wants: which folders it takes. quick: what makes it smaller; None leaves it out of the quick set. full: options of
    the full run.
    """

    name: str
    wants: tuple[str, ...] = ()
    quick: tuple[str, ...] | None = ("--quick",)
    full: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        return f"benchmarks.{self.name.partition('-')[0]}"


BENCHMARKS = (
    Benchmark("startup", ("data", "libraries")),
    Benchmark("search", ("libraries",), full=("--sizes", "1000", "10000", "100000", "1000000")),
    Benchmark("decode", ("data",)),
    Benchmark("ingest", ("data", "libraries")),
    Benchmark("ingest-library", ("data", "libraries"), quick=None, full=("--library-size", "100000")),
    Benchmark("memory", ("data",)),
    Benchmark("gallery", ("data", "libraries")),
    Benchmark("retrieval", ("data",)),
    Benchmark("segments", ("data",), quick=None),
    Benchmark("sam", ("data",), quick=None),
    Benchmark("small_things", ("data",), quick=None),
)


@dataclass(frozen=True)
class Outcome:
    """What a benchmark said, or why it failed."""

    benchmark: Benchmark
    seconds: float
    result: dict[str, Any] | None = None
    error: str = ""


def run(benchmark: Benchmark, folders: dict[str, Path | None], full: bool) -> Outcome:
    """One benchmark in a process of its own. What it tells people goes on to standard error."""
    options = [part for name in benchmark.wants if folders.get(name) for part in (f"--{name}", str(folders[name]))]
    command = [
        sys.executable,
        "-m",
        benchmark.module,
        *options,
        *(benchmark.full if full else benchmark.quick or ()),
        "--json",
    ]
    print(f"--- {benchmark.name}", file=sys.stderr, flush=True)
    started = time.monotonic()
    try:
        done = subprocess.run(
            command, cwd=PROJECT_DIR, stdout=subprocess.PIPE, timeout=FULL_SECONDS if full else QUICK_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        return Outcome(benchmark, time.monotonic() - started, error=f"took longer than {error.timeout:.0f} s")
    seconds, result = time.monotonic() - started, last_object(done.stdout)
    if done.returncode:
        return Outcome(benchmark, seconds, result, f"exit code {done.returncode}")
    return Outcome(benchmark, seconds, result, "" if result else "it printed no result")


def last_object(output: bytes) -> dict[str, Any] | None:
    """The JSON object on the last line; None where there is none."""
    lines = output.decode(errors="replace").strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def table(outcomes: Sequence[Outcome]) -> str:
    """One table of all figures, with a line for each benchmark that failed."""
    rows: list[tuple[str, ...]] = [("figure", "value", "bar", "peer", "within")]
    for outcome in outcomes:
        if outcome.result:
            rows += [verdict.cells for verdict in bars.verdicts({outcome.benchmark.name: outcome.result})]
        if outcome.error:
            rows.append((outcome.benchmark.name, "FAILED", "", outcome.error, "NO"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * sum(widths), *lines[1:], summary(outcomes)])


def summary(outcomes: Sequence[Outcome]) -> str:
    missed = sum(v.within is False for o in outcomes if o.result for v in bars.verdicts({o.benchmark.name: o.result}))
    failed = sum(bool(outcome.error) for outcome in outcomes)
    machines = [outcome.result["machine"] for outcome in outcomes if outcome.result and "machine" in outcome.result]
    machine: dict[str, Any] = machines[0] if machines else {}
    where = f"commit {machine.get('commit')}, {machine.get('cores')} cores, {machine.get('system')}"
    seconds = sum(outcome.seconds for outcome in outcomes)
    return f"{where}; {seconds:.0f} s; {missed} figures outside their bar, {failed} benchmarks failed"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the set; 0 all ran, 1 one failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quick", description="All benchmarks, smaller, in one table."
    )
    parser.add_argument("--data", type=Path, help="folder with photos1000/ and flickr8k/")
    parser.add_argument(
        "--libraries", type=Path, default=synthetic.DEFAULT_FOLDER, help="made-up libraries (default: %(default)s)"
    )
    parser.add_argument("--results", type=Path, help="folder that keeps each benchmark's JSON")
    parser.add_argument("--only", nargs="+", choices=[benchmark.name for benchmark in BENCHMARKS], help="these alone")
    parser.add_argument("--full", action="store_true", help="not the quick set: everything")
    parser.add_argument("--json", action="store_true", help="last line of standard output: one JSON object")
    options = parser.parse_args(arguments)
    offered = [benchmark for benchmark in BENCHMARKS if options.full or benchmark.quick is not None]
    chosen = [benchmark for benchmark in offered if not options.only or benchmark.name in options.only]
    if options.data is None and any("data" in benchmark.wants for benchmark in chosen):
        parser.error("--data is needed")
    folders = {"data": options.data and options.data.absolute(), "libraries": options.libraries.absolute()}
    outcomes = []
    for benchmark in chosen:
        outcome = run(benchmark, folders, options.full)
        outcomes.append(outcome)
        if outcome.result and options.results:
            options.results.mkdir(parents=True, exist_ok=True)
            (options.results / f"{benchmark.name}.json").write_text(json.dumps(outcome.result), encoding="utf-8")
    print(table(outcomes))
    if options.json:
        print(json.dumps({outcome.benchmark.name: outcome.result or {"failed": outcome.error} for outcome in outcomes}))
    return int(any(outcome.error for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
