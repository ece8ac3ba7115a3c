"""How fast this machine is right now, so that timings of different runs can be compared."""

from __future__ import annotations

import io
import os
import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image


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
