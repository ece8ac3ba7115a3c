"""How fast this machine is right now, so that timings of different runs can be compared; and what several benchmarks
measure alike.
"""

from __future__ import annotations

import io
import os
import platform
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

PROC = Path("/proc")


def reference() -> dict[str, object]:
    """Two fixed pieces of work timed now, with what the machine and the code are. Seconds, the median of five runs."""
    dice = np.random.default_rng(0)
    left, right = dice.random((1024, 1024), np.float32), dice.random((1024, 1024), np.float32)
    photo = _jpeg(dice)
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "commit": commit(),
        "matrix_product_1024_s": round(median_seconds(lambda: left @ right), 5),
        "jpeg_decode_1600x1200_s": round(median_seconds(lambda: Image.open(io.BytesIO(photo)).convert("RGB")), 5),
    }


def commit() -> str:
    """The checked-out commit, with ``+`` where files were changed since; ``unknown`` outside a clone."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return f"{head}+" if _git("status", "--porcelain", "--untracked-files=no") else head
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    folder = Path(__file__).resolve().parent
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def _jpeg(dice: np.random.Generator) -> bytes:
    """A smooth random picture, about as costly to decode as a photo."""
    coarse = dice.integers(0, 256, (120, 160, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((1600, 1200), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def median_seconds(work: Callable[[], object]) -> float:
    """Of five runs, after one that is not counted."""
    work()
    times = []
    for _ in range(5):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return sorted(times)[2]


def alternated(works: Mapping[str, Callable[[], object]], rounds: int = 5) -> dict[str, list[float]]:
    """Seconds of each work in each round: A, B, C, A, B, C, ... after one run of each that is not counted."""
    for work in works.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - started)
    return times


def median(values: Sequence[float]) -> float:
    return float(np.median(values))


def spread(values: Sequence[float]) -> float:
    """How far apart the rounds of one figure were: (highest - lowest) / median."""
    return round((max(values) - min(values)) / max(median(values), 1e-12), 3)


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """p50 and p95 in milliseconds."""
    return {f"p{share}_ms": round(1000 * float(np.percentile(seconds, share)), 2) for share in (50, 95)}


# ------------------------------------------------------------ memory, from /proc


def has_proc() -> bool:
    """Whether this system tells of memory in /proc (Linux); without it the figures below are None."""
    return (PROC / "self" / "status").exists()


def resident_mb(pid: int | None = None) -> float | None:
    """Memory of a process (None: this one) that is in RAM now, in 10^6 bytes.

    None where it is not told or the process is gone.
    """
    return _status_mb(pid, "VmRSS")


def peak_mb(pid: int | None = None) -> float | None:
    """The most it ever was."""
    return _status_mb(pid, "VmHWM")


def available_mb() -> float | None:
    """What may still be used without swapping."""
    return _field_mb(PROC / "meminfo", "MemAvailable")


def family_mb(pid: int) -> float | None:
    """Resident memory of a process and all below it; pages that they share count once for each, so it is rather too
    much.
    """
    known = [resident_mb(each) for each in [pid, *descendants(pid)]]
    told = [memory for memory in known if memory is not None]
    return sum(told) if told else None


def descendants(pid: int) -> list[int]:
    """Children of a process and theirs, as far as they still run."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        try:
            tasks = list((PROC / str(waiting.pop()) / "task").iterdir())
            children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
        except OSError:
            continue
        found += children
        waiting += children
    return found


def _status_mb(pid: int | None, field: str) -> float | None:
    return _field_mb(PROC / ("self" if pid is None else str(pid)) / "status", field)


def _field_mb(file: Path, field: str) -> float | None:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    values = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(values[0]) * 1024 / 1e6 if values else None
