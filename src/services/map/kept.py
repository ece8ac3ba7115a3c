"""The map of a model's vectors in a file: what was laid out, and where every photo lies that has joined since.

It can be made again at any time, so a file that is damaged, or of another recipe, counts as none.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialise

from src.files import write_atomically
from src.schema import FloatArray
from src.services.map.geometry import Projection

RECIPE = "map-1"
NONE = -1
"""Number of the group, or the word, of a photo that has none."""
log = logging.getLogger(__name__)
Numbers16 = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Spots:
    """Where n photos lie. ids: (n, 16) bytes. positions: (n, 2) float32 in -1..1. groups, words: (n,) int16, the number
    of each one's group, and of the word of the vocabulary that names best what it shows.
    """

    ids: npt.NDArray[np.uint8]
    positions: FloatArray
    groups: Numbers16
    words: Numbers16

    def __len__(self) -> int:
        return len(self.ids)

    def and_those(self, others: Spots) -> Spots:
        return Spots(*(np.concatenate([own, vars(others)[name]]) for name, own in vars(self).items()))


@dataclass(frozen=True)
class Layout:
    """A map. landmarks: (m, k) float32, projected, by which photos that are no landmarks are placed."""

    projection: Projection
    landmarks: FloatArray
    marks: Spots
    """The landmarks themselves."""
    names: tuple[str, ...]
    """Of the groups, by their numbers."""
    vocabulary: str
    """A name for the vocabulary of which ``words`` are numbers."""
    spots: Spots
    """All photos that have a place, the landmarks too."""

    def joined_by(self, others: Spots) -> Layout:
        return replace(self, spots=self.spots.and_those(others))


def as_bytes(ids: Sequence[str]) -> npt.NDArray[np.uint8]:
    """(n, 16)"""
    return np.frombuffer(bytes.fromhex("".join(ids).replace("-", "")), np.uint8).reshape(-1, 16)


def as_ids(found: npt.NDArray[np.uint8]) -> list[str]:
    """As the catalogue writes them."""
    whole = found.tobytes()
    return [str(uuid.UUID(bytes=whole[at : at + 16])) for at in range(0, len(whole), 16)]


def save(layout: Layout, made_of: str, file: Path) -> None:
    """Write it whole or not at all. Raises OSError."""
    tensors: dict[str, npt.NDArray[Any]] = {
        "middle": layout.projection.middle,
        "directions": layout.projection.directions,
        "landmarks": layout.landmarks,
        **_told("mark", layout.marks),
        **_told("spot", layout.spots),
    }
    about = {"made_of": made_of, "vocabulary": layout.vocabulary, "names": json.dumps(layout.names)}
    file.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(file) as opened:
        opened.write(serialise({name: np.ascontiguousarray(one) for name, one in tensors.items()}, about))


def read(file: Path, made_of: str) -> Layout | None:
    """None where there is no such file, it was made of anything else, or it makes no sense."""
    try:
        with safe_open(file, "numpy") as opened:
            about = opened.metadata() or {}
            if about.get("made_of") != made_of:
                return None
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (it is no mapping)
        return _checked(arrays, about)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        if file.exists():
            log.warning("%s can't be read, and the map is to be made again: %s", file, error)
        return None


def _told(name: str, spots: Spots) -> dict[str, npt.NDArray[Any]]:
    return {f"{name}-{part}": array for part, array in vars(spots).items()}


def _checked(arrays: dict[str, npt.NDArray[Any]], about: dict[str, str]) -> Layout:
    """Raises KeyError or ValueError where anything does not belong together."""
    names = json.loads(about["names"])
    marks, spots = _spots("mark", arrays, len(names)), _spots("spot", arrays, len(names))
    projection = Projection(arrays["middle"], arrays["directions"])
    landmarks = arrays["landmarks"]
    shapes = (len(projection.middle), landmarks.shape[1]), (len(marks), projection.directions.shape[1])
    if (projection.directions.shape, landmarks.shape) != shapes or not all(isinstance(name, str) for name in names):
        raise ValueError("its parts do not belong together")
    for array in (projection.middle, projection.directions, landmarks, marks.positions, spots.positions):
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise ValueError("it holds what is no number")
    return Layout(projection, landmarks, marks, tuple(names), about["vocabulary"], spots)


def _spots(name: str, arrays: dict[str, npt.NDArray[Any]], groups: int) -> Spots:
    found = Spots(*(arrays[f"{name}-{part}"] for part in Spots.__dataclass_fields__))
    number = len(found.ids)
    shapes = [array.shape for array in vars(found).values()]
    if shapes != [(number, 16), (number, 2), (number,), (number,)] or found.ids.dtype != np.uint8:
        raise ValueError("its columns have not one length")
    if number and not (found.groups.min() >= NONE and found.groups.max() < groups):
        raise ValueError("it names groups that there are none of")
    return found
