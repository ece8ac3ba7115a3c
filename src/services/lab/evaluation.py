"""One evaluation: a labelled set and some models in, their measures out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from src.errors import BadInput
from src.processing.decoding.reader import PictureReader
from src.schema import FloatArray, Progress, Skipped
from src.schema.lab import Counts, Evaluation, Flags, LabelledSet, Measured, Numbers, OfClass, Pair
from src.services.lab import measures
from src.services.lab.altering import PICTURES, Altering
from src.services.lab.copies import Look, copies
from src.services.lab.elsewhere import published
from src.services.lab.folder import checked, split_of
from src.services.lab.measures import DEPTHS, Neighbours
from src.services.lab.probe import probed
from src.services.lab.sources import LAST_LAYER, LAYERS, Encoded, Encoder, Source

PAIRS = 12
"""Hardest pairs that are told of."""


class Evaluator:
    """Evaluates a labelled set once."""

    def __init__(
        self, found: LabelledSet, models: Sequence[Source], reader: PictureReader, queries: int | None = None
    ) -> None:
        """queries: a study, which asks with so many pictures, and with altered ones too."""
        self._found = found
        self._queries = queries
        self._models = models
        self._reader = reader
        self._result: Evaluation | None = None

    @property
    def result(self) -> Evaluation:
        """What came of ``run``. Raises RuntimeError before its end."""
        if self._result is None:
            raise RuntimeError("nothing was evaluated yet")
        return self._result

    def run(self) -> Iterator[Progress | Skipped]:
        """Read, encode and measure; told as it goes. Closing ends it.

        Raises BadInput where too few pictures can be read, and what the models raise.
        """
        started = time.monotonic()
        encoder = Encoder(self._models, self._reader, Look.of)
        yield from self._found.skipped
        refused = list[Skipped]()
        for event in encoder.run([picture.path for picture in self._found.pictures]):
            if isinstance(event, Skipped):
                refused.append(event)
            yield event
        kept, encoded = _read(self._found, encoder.result)
        yield from kept.skipped
        kept = replace(kept, skipped=(*self._found.skipped, *refused, *kept.skipped))
        labels = list(kept.labels)
        classes: Numbers = np.array([labels.index(picture.label) for picture in kept.pictures], np.int64)
        asked, split = split_of(kept.pictures, classes, self._queries)
        measured = list[Measured]()
        for name, vectors in encoded.vectors.items():
            measuring = Measuring(name, vectors, classes, asked)
            yield from measuring.run()
            measured.append(measuring.result)
        if self._queries is not None:
            yield from self._alter(kept, encoded, asked, measured)
        looks = [look for look in encoded.beside if isinstance(look, Look)]
        twice = copies(looks, next(iter(encoded.vectors.values())), classes, asked)
        seconds = time.monotonic() - started
        self._result = Evaluation(
            kept, classes, asked, split, twice, tuple(measured), encoded.workers, encoded.speed_up, seconds,
            published(kept.labels),
        )  # fmt: skip

    def _alter(self, kept: LabelledSet, encoded: Encoded, asked: Flags, measured: list[Measured]) -> Iterator[Progress]:
        """Ask with altered pictures, and put what came of it into what was measured."""
        places = np.flatnonzero(asked)
        places = places[np.linspace(0, len(places) - 1, min(PICTURES, len(places))).astype(np.int64)]
        altering = Altering(self._models, self._reader, encoded.vectors)
        yield from altering.run([kept.pictures[place].path for place in places], places)
        measured[:] = [replace(one, altered=tuple(altering.found[one.model])) for one in measured]


def _read(found: LabelledSet, encoded: Encoded) -> tuple[LabelledSet, Encoded]:
    """The set and its vectors without what could not be read, nor what is then alone in its class.

    The set's ``skipped`` are those alone. Raises BadInput where that leaves too little.
    """
    if not encoded.kept:
        raise BadInput("No picture of the set could be read.", "The reasons are told above.")
    there = replace(found, pictures=tuple(found.pictures[place] for place in encoded.kept), skipped=())
    left = checked(there)
    if len(left.pictures) == len(there.pictures):
        return left, encoded
    names = {picture.path for picture in left.pictures}
    rows = [row for row, picture in enumerate(there.pictures) if picture.path in names]
    vectors = {name: matrix[rows] for name, matrix in encoded.vectors.items()}
    return left, replace(
        encoded,
        kept=[encoded.kept[row] for row in rows],
        beside=[encoded.beside[row] for row in rows],
        vectors=vectors,
    )


class Measuring:
    """All measures of one model's vectors."""

    def __init__(self, model: str, vectors: FloatArray, classes: Numbers, asked: Flags) -> None:
        """vectors: (n, D) of norm 1. classes, asked: (n,)."""
        self._model = model
        self._vectors, self._classes, self._asked = vectors, classes, asked
        self._result: Measured | None = None

    @property
    def result(self) -> Measured:
        """What came of ``run``. Raises RuntimeError before its end."""
        if self._result is None:
            raise RuntimeError("nothing was measured yet")
        return self._result

    def run(self) -> Iterator[Progress]:
        started = time.monotonic()
        around = Neighbours.empty(len(self._vectors))
        for done in measures.fill(around, self._vectors, self._classes):
            yield Progress(done, len(self._vectors), "vectors")
        self._result = self._measured(around, started)

    def _measured(self, around: Neighbours, started: float) -> Measured:
        vectors, classes, asked = self._vectors, self._classes, self._asked
        right, number = classes[asked], int(classes.max()) + 1
        voted = measures.nearest_vote(vectors, classes, asked)
        said, _ = probed(vectors[~asked], classes[~asked], vectors[asked])
        confusion = measures.confusion(right, voted, number)
        return Measured(
            model=self._model,
            cut=LAYERS.get(self._model, LAST_LAYER),
            dimensions=vectors.shape[1],
            knn=float(np.mean(voted == right)),
            linear_probe=float(np.mean(said == right)),
            precision={depth: float(np.mean(found)) for depth, found in around.precision.items()},
            mean_average_precision=float(np.mean(around.average_precision)),
            r_precision=float(np.mean(around.r_precision)),
            silhouette=measures.silhouette(vectors, classes),
            auc=measures.area(around.same, around.different),
            by_class=_of_classes(around.precision[DEPTHS[-1]], classes, confusion),
            confusion=confusion,
            same=around.same,
            different=around.different,
            alike=_pairs(around.other, around.other_cosine, np.argsort(-around.other_cosine, kind="stable")),
            unlike=_pairs(around.own, around.own_cosine, np.argsort(around.own_cosine, kind="stable")),
            seconds=time.monotonic() - started,
        )


def _of_classes(near: FloatArray, classes: Numbers, confusion: Counts) -> tuple[OfClass, ...]:
    """near, classes: (n,)."""
    right = confusion.diagonal()
    recall, precision = (right / np.maximum(1, confusion.sum(axis=axis)) for axis in (1, 0))
    return tuple(
        OfClass(float(near[classes == one].mean()), float(recall[one]), float(precision[one]))
        for one in range(len(confusion))
    )


def _pairs(partner: Numbers, cosine: FloatArray, order: Numbers) -> tuple[Pair, ...]:
    """The first pairs in that order of which no picture was in one before."""
    found, used = list[Pair](), set[int]()
    for first in order.tolist():
        second = int(partner[first])
        if not used & {first, second}:
            used |= {first, second}
            found.append(Pair(first, second, float(cosine[first])))
            if len(found) == PAIRS:
                break
    return tuple(found)
