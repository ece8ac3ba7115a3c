"""Arrays that a model made of the project's own texts, kept in a file until those texts are others."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialise

from src.files import write_atomically
from src.schema import FloatArray

log = logging.getLogger(__name__)


def save(tensors: Mapping[str, npt.NDArray[Any]], made_of: str, file: Path) -> None:
    """Write them whole or not at all, with a name for what they were made of. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(file) as opened:
        opened.write(serialise(dict(tensors), {"made_of": made_of}))


def read(file: Path, made_of: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, FloatArray] | None:
    """Name -> array, float32, of those in ``shapes``; None where there is no such file, it was made of anything else,
    or an array has another shape or holds what is no number.
    """
    try:
        with safe_open(file, "numpy") as opened:
            if (opened.metadata() or {}).get("made_of") != made_of:
                return None
            found = {name: opened.get_tensor(name).astype(np.float32) for name in shapes}
    except (OSError, SafetensorError) as error:
        if file.exists():
            log.warning("%s can't be read and is made again: %s", file, error)
        return None
    right = all(found[name].shape == shape and np.isfinite(found[name]).all() for name, shape in shapes.items())
    return found if right else None
