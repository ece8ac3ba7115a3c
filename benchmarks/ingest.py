"""From photos on the disk to a searchable library: python -m benchmarks.ingest --data FOLDER [--library-size 100000]
[--quick] [--json]

photos1000 goes through the product's own index job: read, hashed, decoded, thumbnail stored, encoded, committed to the
catalogue, put into the vector index. Services are open and models warm before the clock starts; it stops when the last
vector is in both.

Beside it, on the same files with the same cores and batches of 32, what else is done with CLIP, which makes vectors and
nothing more: transformers: Pillow, transformers' own image processor for Pillow, CLIPModel in fp32, one batch after the
other. onnxruntime: the same, with the image tower in onnxruntime (fp32). sentence-transformers: its own encode with the
same CLIPModel. The last two need the packages onnx and sentence-transformers, which nothing else here does: `pip
install onnx==1.23.2 sentence-transformers==6.2.0`. Where one is not installed this is said, and its figures are left
out. These run ViT-B/32. The built-in model is another network, about twenty times smaller in arithmetic, so that
``builtin_ratio`` (built-in model against the transformers loop) compares two ways to a searchable library and not two
ways to run one network. For that there are builtin-torch: a loop over the built-in model's own network in plain PyTorch
(fp32), on pictures that Pillow opens and resizes, and builtin-onnxruntime: the same loop with the model's own file in
onnxruntime (fp32), as onnxruntime runs it when it is told nothing. What our own models computed in is in
``precisions``. Networks have random weights but for the built-in model's file: speed does not depend on them. Each
contender has a process of its own, kept warm; rounds are alternated, and every figure is the median of its rounds.

--library-size: into a library that holds so many made-up photos already (kept in --libraries), against an empty one in
the same run.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks import command, machine
from benchmarks import ingest_work as work

PHOTOS, ROUNDS = 1_000, 5
QUICK_PHOTOS, QUICK_ROUNDS = 200, 3
BARS = {"vit_ratio": 1.7, "builtin_ratio": 5.0, "limit_share": 0.8, "cosine_min": 0.999}
LOOP = "transformers"
LIBRARY_BARS = {"vit_library_ratio": 0.85, "builtin_library_ratio": 0.75}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    options = _options(arguments)
    return command.told(lambda: measure(options), table, options.json)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("ingest", __doc__, quick="fewer photos and rounds", libraries=True)
    parser.add_argument("--data", type=Path, required=True, help="folder with photos1000/")
    parser.add_argument(
        "--library-size", type=int, default=0, metavar="N", help="photos that the library holds already, besides none"
    )
    parser.add_argument("--photos", type=int, help=f"of photos1000 (default: {PHOTOS}, quick {QUICK_PHOTOS})")
    parser.add_argument("--rounds", type=int, help=f"default: {ROUNDS}, quick {QUICK_ROUNDS}")
    options = parser.parse_args(arguments)
    options.photos = options.photos or (QUICK_PHOTOS if options.quick else PHOTOS)
    options.rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    return options


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures. Raises OSError where the photos are not there, RuntimeError where a contender failed."""
    with tempfile.TemporaryDirectory() as folder:
        photos = copied(options.data / "photos1000", Path(folder) / "photos", options.photos)
        weights = Path(folder) / "weights"
        if options.library_size:
            rounds, checks = _run(options, photos, weights, libraries(options.library_size, options.libraries, weights))
            figures = library_figures(rounds)
        else:
            rounds, checks = _run(options, photos, weights, peers() | dict.fromkeys(work.MODELS))
            figures = ratios(rounds)
        bars = LIBRARY_BARS if options.library_size else BARS
        result = {**figures, **checks, "bars": bars, "images_per_s": speeds(rounds), "stage_seconds": stages(rounds)}
    kind = {
        "photos": options.photos,
        "rounds": options.rounds,
        "quick": options.quick,
        "library_size": options.library_size,
    }
    return {**result, **kind, "machine": machine.reference()}


Starts = dict[str, Path | None]
"""Contender -> home of the library that it begins with; None for an empty one, and for peers."""
Rounds = dict[str, list[dict[str, Any]]]
"""Contender -> what ``ingest_work`` told of each round."""


def peers() -> Starts:
    """What else can be run here; what can't is told on standard error."""
    found: Starts = {}
    for name in (peer for same in work.SAME_NETWORK.values() for peer in same):
        if work.can_run(name):
            found[name] = None
        else:
            print(f"{name} is left out: the package {work.NEEDS[name]} is not installed", file=sys.stderr)
    return found


def libraries(size: int, folder: Path, weights: Path) -> Starts:
    """Both models with an empty library and with one of that size, which is built where it is not there yet."""
    with _process() as start:
        homes = start(work.made_up_libraries, size, folder, weights)()
    return dict.fromkeys(work.MODELS) | {f"{name} library": homes[name] for name in work.MODELS}


def _run(options: argparse.Namespace, photos: Path, weights: Path, starts: Starts) -> tuple[Rounds, dict[str, Any]]:
    rounds: Rounds = {name: [] for name in starts}
    with ExitStack() as stack:
        start = stack.enter_context(_process())
        contenders = {name: start(work.contender(name), photos, weights) for name in starts}
        for number in range(options.rounds):
            for name, run in contenders.items():
                with _home(starts[name], photos.parent) as home:
                    rounds[name].append(run(home))
                print(
                    f"round {number + 1}: {name} {rounds[name][-1]['images_per_s']:.1f} images/s",
                    file=sys.stderr,
                    flush=True,
                )
        checks = {} if options.library_size else start(work.checks, photos, weights, options.rounds)()
    return rounds, checks


@contextmanager
def _home(library: Path | None, folder: Path) -> Iterator[Path]:
    """A library's home for one round: a copy of the one given (it stays as it is), else an empty one."""
    home = folder / "home"
    if library:
        subprocess.run(["cp", "-a", "--reflink=auto", str(library), str(home)], check=True)
        if hasattr(os, "sync"):
            os.sync()  # what was copied is not to be written to the disk while the clock runs
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def copied(source: Path, target: Path, number: int) -> Path:
    """The first photos of a folder in one of their own. Raises FileNotFoundError where it has none."""
    files = sorted(source.glob("*.jp*g"))[:number] if source.is_dir() else []
    if not files:
        raise FileNotFoundError(f"There are no photos in {source}.")
    target.mkdir()
    for file in files:
        shutil.copy(file, target)
    return target


# ---------------------------------------------------------------- figures


def speeds(rounds: Rounds) -> dict[str, dict[str, float]]:
    """Contender -> images a second, end to end, and how far its rounds were apart."""
    return {
        name: {"median": round(speed(rounds, name), 2), "spread": machine.spread(_speeds(rounds, name))}
        for name in rounds
    }


def speed(rounds: Rounds, name: str) -> float:
    return machine.median(_speeds(rounds, name))


def _speeds(rounds: Rounds, name: str) -> list[float]:
    return [told["images_per_s"] for told in rounds[name]]


def ratios(rounds: Rounds) -> dict[str, float]:
    """Our images a second over the transformers loop's, and over those of each peer that runs the same network."""
    found = {f"{name}_ratio": round(speed(rounds, name) / speed(rounds, LOOP), 3) for name in work.MODELS}
    pairs = [
        (name, peer) for name, same in work.SAME_NETWORK.items() for peer in same if peer in rounds and peer != LOOP
    ]
    return found | {f"{name}_over_{peer}": round(speed(rounds, name) / speed(rounds, peer), 3) for name, peer in pairs}


def library_figures(rounds: Rounds) -> dict[str, float]:
    """Our images a second into a filled library over those into an empty one."""
    return {
        f"{name}_library_ratio": round(speed(rounds, f"{name} library") / speed(rounds, name), 3)
        for name in work.MODELS
    }


def stages(rounds: Rounds) -> dict[str, dict[str, float]]:
    """Ours -> the median of the seconds of each stage, see ``schema.Timings``; ``tidy`` is the note of the index after
    the job.
    """
    ours = {name: told for name, told in rounds.items() if "stages" in told[0]}
    return {
        name: {stage: round(machine.median([each["stages"][stage] for each in told]), 3) for stage in told[0]["stages"]}
        for name, told in ours.items()
    }


def table(result: dict[str, Any]) -> str:
    """The figures for a reader."""
    lines = [f"{result['photos']} photos, median of {result['rounds']} rounds, commit {result['machine']['commit']}"]
    lines += [
        f"{name:20}{told['median']:8.1f} images/s (spread {told['spread']:.0%})"
        for name, told in result["images_per_s"].items()
    ]
    for name, seconds in result["stage_seconds"].items():
        lines.append(f"{name:20}" + "  ".join(f"{stage} {value:.2f}" for stage, value in seconds.items()) + " s")
    for name, bar in result["bars"].items():
        lines.append(f"{name:24}{result[name]:8.3f}   bar {bar}")
    return "\n".join(lines)


# ---------------------------------------------------------------- processes


@contextmanager
def _process() -> Iterator[Callable[..., Callable[..., Any]]]:
    """Starts processes: start(make, *arguments) runs ``make`` in a new one and gives a function that calls there what
    it made.
    """
    # nothing of this process is inherited, loaded libraries and their threads above all
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:

        def start(make: Callable[..., Callable[..., Any]], *arguments: Any) -> Callable[..., Any]:
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, make, arguments), daemon=True)
            process.start()
            theirs.close()
            stack.callback(process.join, 30)
            stack.callback(ours.close)  # tells it to end
            _answer(ours)
            return lambda *call: _asked(ours, call)

        yield start


def _serve(calls: Connection, make: Callable[..., Callable[..., Any]], arguments: Sequence[Any]) -> None:
    try:
        called = make(*arguments)
        calls.send(None)
        while True:
            calls.send(called(*calls.recv()))
    except EOFError:
        pass


def _asked(process: Connection, call: Sequence[Any]) -> Any:
    process.send(call)
    return _answer(process)


def _answer(process: Connection) -> Any:
    try:
        return process.recv()
    except EOFError:
        raise RuntimeError("A contender's process has ended; what it said is above.") from None


if __name__ == "__main__":
    sys.exit(main())
