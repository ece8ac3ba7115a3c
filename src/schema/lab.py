"""Labelled sets of pictures, and what models' vectors of them were measured to be worth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from src.schema.jobs import Skipped

Side = Literal["train", "test"]
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Labelled:
    """A picture and its class. ``side``: what it is for where the set itself says so."""

    path: Path
    name: str
    """Its path below the set's folder, as it may be shown."""
    label: str
    side: Side | None = None


@dataclass(frozen=True)
class LabelledSet:
    """What was found, in the order of names, and what was not taken, each with the reason in one sentence."""

    folder: Path
    pictures: tuple[Labelled, ...]
    skipped: tuple[Skipped, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes there are, in the order of names."""
        return tuple(sorted({picture.label for picture in self.pictures}))


@dataclass(frozen=True)
class Copies:
    """Pairs of numbers of pictures that show the same, however resized, cut or turned, the lower number first.

    across: of which one is learned from and the other asked. conflicting: that have two classes.
    """

    pairs: tuple[tuple[int, int], ...]
    across: tuple[tuple[int, int], ...]
    conflicting: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Pair:
    """Two pictures by their numbers, and how similar they are."""

    first: int
    second: int
    cosine: float


@dataclass(frozen=True)
class Altered:
    """Pictures that were altered in one way, and asked with: how similar they are to what they were made of.

    pictures: how many. cosine: the mean. low: 95 of 100 have a higher one. found: the share that found their original
    before all other pictures of the set.
    """

    how: str
    pictures: int
    cosine: float
    low: float
    found: float


@dataclass(frozen=True)
class OfClass:
    """One class, each figure 0 to 1.

    near: of the 10 pictures nearest to each of its pictures, the share that is of it. recall: of its pictures that were
    asked with, the share that the vote of the nearest says to be of it. precision: of the pictures that the vote says
    to be of it, the share that is; 0 where it says so of none.
    """

    near: float
    recall: float
    precision: float


@dataclass(frozen=True)
class Measured:
    """One model's measures, each over all pictures or all that were asked with; see docs/lab.md.

    confusion: (classes, classes), of the vote of the nearest, rows being what is right. same, different: how many pairs
    of one class, and of two, have a cosine in each step from -1 to 1. alike: pairs of two classes that are most
    similar. unlike: pictures with the nearest of their class, the least similar.
    """

    model: str
    cut: str
    """The layer of its network that the vectors are taken from."""
    dimensions: int
    knn: float
    linear_probe: float
    precision: dict[int, float]
    mean_average_precision: float
    r_precision: float
    silhouette: float
    auc: float
    by_class: tuple[OfClass, ...]
    confusion: Counts
    same: Counts
    different: Counts
    alike: tuple[Pair, ...]
    unlike: tuple[Pair, ...]
    seconds: float
    altered: tuple[Altered, ...] = ()
    """Only of a study."""


@dataclass(frozen=True)
class Published:
    """A figure that somebody else published. share: of right answers, 0 to 1. source: where it stands."""

    what: str
    share: float
    differs: str
    source: str


@dataclass(frozen=True)
class Evaluation:
    """What came of it. ``found`` has the pictures that were read; ``asked`` (n,) those that are asked with.

    split: what decided that. workers: threads that read ahead. speed_up: how many times longer it would have taken to
    make the vectors with each step after the other.
    """

    found: LabelledSet
    classes: Numbers
    asked: Flags
    split: str
    copies: Copies
    models: tuple[Measured, ...]
    workers: int
    speed_up: float
    seconds: float
    published: tuple[Published, ...] = ()
    """What others measured on a set with these classes."""
