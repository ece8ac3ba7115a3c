"""Landmarks laid out by a process of its own (``worker``), which ends where nobody waits for it any more."""

from __future__ import annotations

import importlib.util
import io
import logging
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from src.config import PROJECT_DIR
from src.errors import AppError
from src.schema import FloatArray
from src.services.map.worker import DONE

COMMAND = (sys.executable, "-m", "src.services.map.worker")
PACKAGES = ("umap", "sklearn")
BEAT_S = 0.5
"""How often it is asked whether anybody still waits."""
MOST_SAID = 500
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Arrangement:
    """positions: (m, 2) float32. groups: (m,) int16, the number of each one's group, -1 for none."""

    positions: FloatArray
    groups: npt.NDArray[np.int16]


def missing() -> AppError | None:
    """Why no map can be laid out here: the packages for it, which are an extra, are not installed."""
    if all(importlib.util.find_spec(name) for name in PACKAGES):
        return None
    return AppError(
        "A map needs the packages umap-learn and scikit-learn, which are not installed.",
        f"Install them: {sys.executable} -m pip install -r {PROJECT_DIR / 'requirements-map.txt'}",
    )


def arranged(points: FloatArray) -> Iterator[float | Arrangement]:
    """Lay (m, k) points out: says at least twice a second how far it is, 0 to 1, and at last what came of it.

    The process ends with the iterator. Raises AppError.
    """
    if absent := missing():
        raise absent
    with tempfile.TemporaryFile() as said, _started(said) as process:
        try:
            answers: queue.Queue[float | Arrangement | None] = queue.Queue()
            threading.Thread(target=_talk, args=(process, points, answers), name="map", daemon=True).start()
            yield from _heard(answers)
        finally:
            process.kill()
            process.wait()
            _note(said)


def _started(said: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            cwd=PROJECT_DIR,
            start_new_session=True,  # Ctrl-C in the terminal is for the app, which then ends this one
        )
    except OSError as error:
        raise AppError("The process that lays the map out could not be started.") from error


def _heard(answers: queue.Queue[float | Arrangement | None]) -> Iterator[float | Arrangement]:
    share = 0.0
    while True:
        try:
            answer = answers.get(timeout=BEAT_S)
        except queue.Empty:
            yield share
            continue
        if answer is None:
            raise AppError("The map could not be laid out.", "The log says why; with fewer programs open, try again.")
        yield answer
        if isinstance(answer, Arrangement):
            return
        share = answer


def _talk(
    process: subprocess.Popen[bytes], points: FloatArray, answers: queue.Queue[float | Arrangement | None]
) -> None:
    """Hand the points over and pass on what is answered; None for an end without a result."""
    assert process.stdin and process.stdout
    with suppress(OSError, ValueError, EOFError):
        whole = io.BytesIO()
        np.save(whole, points, allow_pickle=False)
        process.stdin.write(whole.getvalue())
        process.stdin.close()
        for line in process.stdout:
            if line == DONE:
                answers.put(Arrangement(*_arrays(process.stdout.read(), len(points))))
                return
            answers.put(float(line))
    answers.put(None)


def _arrays(data: bytes, number: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    whole = io.BytesIO(data)
    positions, groups = np.load(whole, allow_pickle=False), np.load(whole, allow_pickle=False)
    if positions.shape != (number, 2) or groups.shape != (number,) or not np.isfinite(positions).all():
        raise ValueError
    return positions.astype(np.float32), groups.astype(np.int16)


def _note(said: IO[bytes]) -> None:
    """What the process complained about goes to the log."""
    said.seek(0)
    text = said.read().decode("utf-8", "replace").strip()
    if "Error" in text:
        log.warning("laying the map out: %s", text[-MOST_SAID:])
