"""The kinds of background jobs: one row each, read by everything that treats kinds differently. What a kind does is in handlers.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

JobKind = Literal["index", "sync", "reindex", "objects", "export", "rebuild", "forget", "remove", "doctor", "clear", "download"]
Lane = Literal["library", "downloads", "exports"]
LANES: tuple[Lane, ...] = get_args(Lane)


@dataclass(frozen=True)
class Kind:
    """How the jobs of one kind are treated."""

    lane: Lane = "library"
    """Jobs of one lane run one after the other. All that write to the library share one; downloads and exports do not hold it up."""
    pausable: bool = False
    careful: bool = False
    """Told when the process died in the middle of it: the next picture may be what did it."""
    writes_index: bool = False
    """Writes to the vector index, or leaves it behind the catalogue."""
    brings_photos: bool = False
    """After it, photos may be waiting to be looked through for objects."""
    fills: bool = False
    """Adds to the library, so that there is nothing left for it to do once that is cleared."""
    reads_photos: bool = False
    """Goes through files of photos: it tells how many were added and why others were not."""
    concerns_model: bool = False
    """Changes or fetches a model: one such job at a time."""
    announced: bool = True
    """Its end is told in a toast. Not where the page shows it anyway."""


KINDS: Mapping[JobKind, Kind] = {
    "index": Kind(pausable=True, fills=True, careful=True, writes_index=True, brings_photos=True, reads_photos=True),
    "sync": Kind(pausable=True, fills=True, careful=True, writes_index=True, brings_photos=True, reads_photos=True),
    "reindex": Kind(pausable=True, fills=True, careful=True, writes_index=True, brings_photos=True, concerns_model=True),
    "objects": Kind(pausable=True, fills=True, careful=True, writes_index=True),
    "rebuild": Kind(pausable=True, fills=True, announced=False),
    "forget": Kind(writes_index=True),
    "remove": Kind(writes_index=True),
    "doctor": Kind(writes_index=True, announced=False),
    "clear": Kind(announced=False),
    "export": Kind("exports"),
    "download": Kind("downloads", pausable=True, concerns_model=True),
}


def kind_of(name: str) -> Kind:
    """The row of a kind. Raises KeyError for one that there is none of."""
    return KINDS[name]  # type: ignore[index]


def of_lane(lane: Lane) -> tuple[JobKind, ...]:
    return tuple(name for name, kind in KINDS.items() if kind.lane == lane)
