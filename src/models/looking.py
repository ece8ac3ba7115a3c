"""What turns pictures into vectors, whichever model it is: those that know words too, and those that know none.

``builtin-visual`` is no file of its own: it is what the built-in model's picture tower sees before its vector of
meaning is made of that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

from PIL import Image

from src.errors import ModelError, UnknownModel
from src.models import registry
from src.models.model_manager import ModelManager
from src.models.registry import BUILTIN, ModelSpec
from src.schema import FloatArray

BUILTIN_VISUAL = f"{BUILTIN}-visual"
_HASH = 12
"""Digits of a checkpoint's SHA-256 that the name of its space ends with."""


@runtime_checkable
class SeesBoth(Protocol):
    """A model of which vectors can be taken at two layers in one run."""

    def encode_both(self, pixels: FloatArray) -> tuple[FloatArray, FloatArray]: ...


class Sees(Protocol):
    """What is needed of a model that makes vectors of pictures."""

    min_side: int

    def preprocess(self, image: Image.Image) -> FloatArray: ...

    def encode_pixels(self, pixels: FloatArray) -> FloatArray: ...


@dataclass(frozen=True)
class Looker:
    """A model that makes vectors of pictures. Safe to use from several threads.

    space: of its vectors, which are compared with no others. min_side: pixels of the short side below which a reduced
    decode would cost accuracy. preprocess: a picture -> (3, H, W) float32. encode: n of these -> (n, D) float32 of norm
    1.
    """

    name: str
    space: str
    min_side: int
    preprocess: Callable[[Image.Image], FloatArray]
    encode: Callable[[FloatArray], FloatArray]


def names() -> tuple[str, ...]:
    """Ids of all models that make vectors of pictures."""
    rest = [spec.id for task in _TASKS for spec in registry.specs(task) if spec.id != BUILTIN]
    return (BUILTIN, BUILTIN_VISUAL, *rest)


_TASKS: Sequence[registry.Task] = ("embed", "look")


def looker(models: ModelManager, name: str) -> Looker:
    """The model of that id. Raises UnknownModel, WeightsMissing, WeightsCorrupt."""
    if name == BUILTIN_VISUAL:
        model = models.embedder(BUILTIN)
        return Looker(name, space_of(models, name), model.min_side, model.preprocess, both(model)[1])
    spec = _spec(name)
    if spec.task == "look":
        seer = cast(Sees, models.loaded("look", name))
        return Looker(name, space_of(models, name), seer.min_side, seer.preprocess, seer.encode_pixels)
    model = models.embedder(name)
    return Looker(name, model.space, model.min_side, model.preprocess, model.encode_pixels)


def both(model: object) -> tuple[Callable[[FloatArray], Sequence[FloatArray]], Callable[[FloatArray], FloatArray]]:
    """Of a network with two cuts: what gives the vectors of both, and what gives those of the second alone.

    Raises ModelError where it has no such thing.
    """
    if not isinstance(model, SeesBoth):
        raise ModelError("This model's vectors can be taken at one layer alone.", f"Leave {BUILTIN_VISUAL} out.")
    return model.encode_both, lambda pixels: model.encode_both(pixels)[1]


def space_of(models: ModelManager, name: str) -> str:
    """Name of a model's space, without loading it where it is a file's. Raises UnknownModel, WeightsMissing."""
    if name in (BUILTIN, BUILTIN_VISUAL):
        space = models.embedder(BUILTIN).space
        return space if name == BUILTIN else f"{BUILTIN_VISUAL}-{space.rpartition('-')[2]}"
    spec = _spec(name)
    return f"{re.sub('[^A-Za-z0-9.-]', '-', spec.id)}-{spec.sha256[:_HASH]}"


def _spec(name: str) -> ModelSpec:
    found = next((spec for task in _TASKS for spec in registry.specs(task) if spec.id == name), None)
    if found is None:
        raise UnknownModel(f"There is no model {name!r} that makes vectors of pictures.", f"{', '.join(names())}.")
    return found
