"""The models that are measured, and the vectors that they make of pictures read ahead by several threads."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image

from src.errors import BadInput, UnreadableImage
from src.models import registry
from src.models.embedders import vgg
from src.models.looking import BUILTIN_VISUAL, Sees, both
from src.models.model_manager import ModelManager
from src.models.registry import BUILTIN, VGG
from src.processing.decoding.image_io import display_text
from src.processing.decoding.reader import PictureReader
from src.schema import FloatArray, Progress, Skipped

BATCH = 32
"""Pictures that are encoded together."""

CUTS: Mapping[str, tuple[str, str]] = {BUILTIN: (BUILTIN, BUILTIN_VISUAL), VGG: (VGG, vgg.FC7)}
"""Names of the cuts of a network that has two: layers that vectors are taken from, in one run."""
LAYERS: Mapping[str, str] = {
    BUILTIN: "after the head that makes a picture comparable with words",
    BUILTIN_VISUAL: "before that head, the mean over the picture",
    VGG: "after the convolutions, the mean over the picture",
    vgg.FC7: "fc7, the last layer but one of the classifier",
    vgg.RANDOM: "after the convolutions, the mean over the picture",
}
"""The layer of each cut."""
LAST_LAYER = "after the last layer"
_NETWORKS = {cut: network for network, cuts in CUTS.items() for cut in cuts}
_TASKS: Sequence[registry.Task] = ("embed", "look")

Encode = Callable[[FloatArray], Sequence[FloatArray]]


@dataclass(frozen=True)
class Source:
    """One network, and the names of its cuts that are taken, in the order in which ``encode`` gives their vectors."""

    names: tuple[str, ...]
    model: Sees
    encode: Encode


@dataclass(frozen=True)
class Offered:
    """What can be measured here, and why a model can't be, by its name."""

    names: tuple[str, ...]
    absent: dict[str, str]


def offered(models: ModelManager) -> Offered:
    """All that can be measured here: the built-in model's two cuts, a floor, and every cut of every model that is here.

    A model without its verified weights is never measured; the sentence says how to get them.
    """
    names, absent = [*CUTS[BUILTIN], vgg.RANDOM], dict[str, str]()
    for task in _TASKS:
        for status in models.statuses("", task):
            if status.id != BUILTIN and status.available:
                names += CUTS.get(status.id, (status.id,))
            elif status.id != BUILTIN:
                absent[status.id] = f"Its weights are not here; get them with `models --get {status.id}`."
    return Offered(tuple(names), absent)


def sources(models: ModelManager, names: Sequence[str]) -> list[Source]:
    """The networks that make the named vectors. Raises BadInput for an unknown name, WeightsMissing, WeightsCorrupt."""
    known = _known()
    if not names:
        raise BadInput("No model is named.", f"There are: {', '.join(known)}.")
    for name in names:
        if name not in known:
            raise BadInput(f"There is no model {name!r} to measure.", f"There are: {', '.join(known)}.")
    networks = dict.fromkeys(_NETWORKS.get(name, name) for name in names)
    return [_source(models, network, names) for network in networks]


def _known() -> tuple[str, ...]:
    """All names there are, the cuts of one network beside each other."""
    networks = (spec.id for task in _TASKS for spec in registry.specs(task))
    return (*(cut for network in networks for cut in CUTS.get(network, (network,))), vgg.RANDOM)


def _source(models: ModelManager, network: str, names: Sequence[str]) -> Source:
    """One network with those of its cuts that are named."""
    seer = _seer(models, network)
    cuts = tuple(cut for cut in CUTS.get(network, (network,)) if cut in names)
    if cuts == (network,):
        return Source(cuts, seer, lambda pixels: (seer.encode_pixels(pixels),))
    together, second = both(seer)
    return Source(cuts, seer, together if len(cuts) == 2 else lambda pixels: (second(pixels),))


def _seer(models: ModelManager, network: str) -> Sees:
    if network == vgg.RANDOM:
        return vgg.untrained()
    if network == VGG:
        return cast(Sees, models.loaded("look", network))
    return models.embedder(network)


# ---------------------------------------------------------------- pictures to vectors


@dataclass
class Encoded:
    """What came of the pictures: vectors by name, each (n, D) float32 of norm 1, of those whose place is in ``kept``.

    busy: seconds that threads worked on decoding, and the networks on vectors. seconds: that all of it took.
    """

    kept: list[int] = field(default_factory=list)
    vectors: dict[str, FloatArray] = field(default_factory=dict)
    beside: list[object] = field(default_factory=list)
    """What ``look`` made of each picture that was kept."""
    workers: int = 1
    decoding: float = 0.0
    encoding: float = 0.0
    seconds: float = 0.0

    @property
    def speed_up(self) -> float:
        """How many times longer it would have taken with each step after the other: work done by time passed."""
        return (self.decoding + self.encoding) / self.seconds if self.seconds else 1.0


@dataclass(frozen=True)
class _Read:
    """A picture as each network wants it, or why it could not be read. ``took``: seconds."""

    pixels: tuple[FloatArray, ...]
    beside: object
    took: float
    refusal: str = ""


class Encoder:
    """Reads pictures ahead with several threads, while the networks make vectors of those that were read."""

    def __init__(
        self,
        found: Sequence[Source],
        reader: PictureReader,
        look: Callable[[Image.Image], object] = lambda _: None,
        alter: Callable[[Image.Image], Image.Image] = lambda picture: picture,
    ) -> None:
        """look: called with each picture as decoded, in a thread; what it gives is kept beside the vectors.

        alter: what is done to each picture before the networks see it.
        """
        self._sources = found
        self._reader = reader
        self._look, self._alter = look, alter
        self._side = max(source.model.min_side for source in found)
        self.result = Encoded(workers=max(2, min(8, os.cpu_count() or 2)))

    def run(self, paths: Sequence[Path]) -> Iterator[Progress | Skipped]:
        """Fill ``result``; told after each batch, and for each picture that can't be read. Closing ends it."""
        started = time.monotonic()
        parts: dict[str, list[FloatArray]] = {name: [] for source in self._sources for name in source.names}
        pool = ThreadPoolExecutor(self.result.workers, "lab")
        try:
            for at, batch in self._batches(paths, pool):
                good = [(at + place, one) for place, one in enumerate(batch) if not one.refusal]
                for place, one in enumerate(batch):
                    self.result.decoding += one.took
                    if one.refusal:
                        yield Skipped(display_text(paths[at + place]), one.refusal)
                self._encode([one for _, one in good], parts)
                self.result.kept += [place for place, _ in good]
                self.result.beside += [one.beside for _, one in good]
                yield Progress(at + len(batch), len(paths))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        self.result.vectors = {name: np.concatenate(vectors) for name, vectors in parts.items() if vectors}
        self.result.seconds = time.monotonic() - started

    def _batches(self, paths: Sequence[Path], pool: ThreadPoolExecutor) -> Iterator[tuple[int, list[_Read]]]:
        """The place of the first, and what was read of the batch; the next two are being read meanwhile."""
        todo = iter(paths)
        waiting = list[Future[_Read]]()
        at = 0
        while True:
            waiting += [pool.submit(self._read, path) for path in islice(todo, 3 * BATCH - len(waiting))]
            if not waiting:
                return
            batch = [future.result() for future in waiting[:BATCH]]
            del waiting[:BATCH]
            yield at, batch
            at += len(batch)

    def _read(self, path: Path) -> _Read:
        started = time.monotonic()
        try:
            picture, _ = self._reader.read(path, self._side)
        except UnreadableImage as error:
            return _Read((), None, time.monotonic() - started, error.user_message)
        except OSError as error:
            reason = f"It can't be read ({error.strerror or error})."
            return _Read((), None, time.monotonic() - started, reason)
        altered = self._alter(picture)
        pixels = tuple(source.model.preprocess(altered) for source in self._sources)
        return _Read(pixels, self._look(picture), time.monotonic() - started)

    def _encode(self, read: Sequence[_Read], parts: dict[str, list[FloatArray]]) -> None:
        if not read:
            return
        started = time.monotonic()
        for number, source in enumerate(self._sources):
            found = source.encode(np.stack([one.pixels[number] for one in read]))
            for name, vectors in zip(source.names, found, strict=True):
                parts[name].append(vectors)
        self.result.encoding += time.monotonic() - started
