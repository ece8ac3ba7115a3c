"""Pictures classified: which of some labels each shows, and how likely that is."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from src.errors import BadInput, ModelError
from src.models import label_bank, label_lists, zero_shot
from src.models.label_bank import Label, LabelBank, LabelBanks, Numbers
from src.models.label_lists import IMAGENET, VOCABULARY, LabelList
from src.models.model_manager import LoadedModel, ModelManager
from src.models.registry import BUILTIN
from src.models.zero_shot import BY_ITSELF, ONE_OF, Classifies
from src.processing.decoding.reader import PictureReader
from src.schema import FloatArray
from src.text import shown

ONE_LEAST = 0.5
"""The chance from which on a label is suggested where a picture has one of them."""
MOST_TEMPLATES, LONGEST_TEMPLATE = 20, 200
BLOCK = 1_000
"""Pictures that are compared with all labels at once."""
KEPT = 4
"""Lists of labels whose vectors are remembered."""


@dataclass(frozen=True)
class Sorting:
    """What pictures are classified by.

    several: each label is judged by itself, so that a picture may have several or none; else it has one of them, and
    their chances sum to 1. templates: how a label is put to a model, in place of ``{}``; none: as was measured best.
    """

    labels: LabelList
    several: bool = False
    templates: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises BadInput for templates that are none."""
        if len(self.templates) > MOST_TEMPLATES:
            raise BadInput(f"{len(self.templates)} templates can't be used.", f"Give {MOST_TEMPLATES} at most.")
        for template in self.templates:
            if "{}" not in template or len(template) > LONGEST_TEMPLATE or shown(template) != template:
                raise BadInput(f"“{shown(template[:80])}” is no template.", "One is “a photo of {}”.")

    @property
    def by_itself(self) -> bool:
        """Whether each label is judged by itself: of a single one nothing else makes sense."""
        return self.several or len(self.labels) == 1

    @property
    def by_classes(self) -> bool:
        """Whether these are the classes that the built-in tower has learned, so that none of its words are asked."""
        return self.labels.preset == IMAGENET and not self.several and not self.templates

    @property
    def asked_by(self) -> tuple[str, ...]:
        """The templates that are used."""
        return self.templates or (BY_ITSELF if self.by_itself else ONE_OF)

    def recipe(self, by: str) -> str:
        """A name for this and for what it is classified by."""
        parts = [*(label.line for label in self.labels.labels), *self.asked_by, str(self.by_itself), by]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def sorting(
    labels: Sequence[str] = (), preset: str = "", several: bool = False, templates: Sequence[str] = ()
) -> Sorting:
    """As a door was asked for it: labels as lines of ``label_lists.read``, or a preset; neither: ImageNet's classes.

    Raises BadInput.
    """
    if labels and preset:
        raise BadInput("Labels are given, and a list by its name too.", "Give one of them.")
    found = label_lists.of(labels) if labels else label_lists.preset(preset or IMAGENET)
    return Sorting(found, several, tuple(templates))


class Classifier:
    """Classifies by one sorting and one model. Safe to use from several threads."""

    def __init__(
        self,
        model: LoadedModel,
        asked: Sorting,
        vectors: Callable[[], FloatArray],
        bank: Callable[[], LabelBank | None],
    ) -> None:
        """vectors: (labels, D), what the model makes of the labels. bank: where each label is judged by itself.

        Both may take seconds, and are asked for when they are needed.
        """
        self.asked, self.model = asked, model
        self._vectors, self._bank = vectors, bank
        self._fitted = label_bank.calibration(model.space) if asked.by_itself else None
        self._scale = zero_shot.scale(model.space)
        self.measured = bool(self._fitted if asked.by_itself else self._scale)
        """Whether chances are worth what they say: they were compared with labelled pictures."""

    @property
    def recipe(self) -> str:
        """A name for all that what comes of it depends on."""
        return self.asked.recipe(f"{self.model.space} {self._fitted or self._scale}")

    def of_pictures(self, pictures: Sequence[Image.Image]) -> Numbers:
        """n RGB pictures -> (n, labels), 0 to 1."""
        return self.of_pixels(np.stack([self.model.preprocess(picture) for picture in pictures]))

    def of_pixels(self, pixels: FloatArray) -> Numbers:
        """(n, 3, H, W) from the model's ``preprocess`` -> (n, labels), 0 to 1."""
        if not self.asked.by_classes:
            return self.of_vectors(self.model.encode_pixels(pixels))
        if not isinstance(self.model, Classifies):
            raise ModelError("This model tells no classes of its own.", "Give labels.")
        return zero_shot.shares(self.model.encode_classes(pixels)[1], self._scale.classes if self._scale else (1.0,))

    def of_vectors(self, photos: FloatArray) -> Numbers:
        """(n, D) vectors of pictures, norm 1 -> (n, labels), 0 to 1. Raises ModelError where pictures are needed."""
        if self.asked.by_classes:
            raise ModelError("The classes of the built-in model are told from pictures, not from vectors.")
        vectors, bank = self._vectors(), self._bank()
        blocks = [photos[at : at + BLOCK] for at in range(0, len(photos), BLOCK)]
        return np.concatenate([self._block(block, vectors, bank) for block in blocks])

    def _block(self, photos: FloatArray, vectors: FloatArray, bank: LabelBank | None) -> Numbers:
        if bank is not None:
            return zero_shot.each_by_itself(bank, self.asked.labels.texts, vectors, photos)
        temperatures = self._scale.labels(len(vectors)) if self._scale else zero_shot.USUAL
        return zero_shot.shares(photos @ vectors.T, temperatures)

    def top(self, chances: Numbers, number: int) -> tuple[Label, ...]:
        """(labels,) chances of one picture -> the likeliest, the first best."""
        order = np.argsort(-chances, kind="stable")[:number].tolist()
        return tuple(Label(self.asked.labels.labels[place].word, float(chances[place])) for place in order)

    def suggested(self, chances: Numbers) -> dict[str, float]:
        """(labels,) chances of one picture -> word -> chance of those that are likely enough to be suggested."""
        usual = self._fitted.shown if self._fitted else ONE_LEAST
        each = zip(self.asked.labels.labels, chances.tolist(), strict=True)
        return {label.word: chance for label, chance in each if chance >= (label.least or usual)}


class Classifiers:
    """Makes classifiers, and remembers the vectors of the labels that were asked for last."""

    def __init__(self, models: ModelManager, banks: LabelBanks | None = None) -> None:
        self._models = models
        self._banks = banks or LabelBanks(models.settings.query_banks_dir)
        self._known: dict[tuple[str, ...], FloatArray] = {}
        self._lock = threading.Lock()

    def of(self, asked: Sorting, model: str) -> Classifier:
        """By the model of that id; its own classes are always told by the built-in one.

        Raises BadInput where the model was never measured for labels that are judged each by itself, ModelError.
        """
        loaded = self._models.embedder(BUILTIN if asked.by_classes else model)
        if asked.by_itself and label_bank.calibration(loaded.space) is None:
            raise BadInput(
                f"What the labels of {model} are worth by themselves was never measured.",
                "Give several labels of which a picture has one, or use the built-in model.",
            )
        bank = partial(self._banks.of, loaded) if asked.by_itself else lambda: None
        return Classifier(loaded, asked, partial(self._encoded, loaded, asked), bank)

    def _encoded(self, model: LoadedModel, asked: Sorting) -> FloatArray:
        if asked.labels.preset == VOCABULARY and asked.asked_by == BY_ITSELF:
            bank = self._banks.of(model)  # which has them, and keeps them in a file
            if bank is not None:
                return bank.vectors
        key = (model.space, *asked.asked_by, "", *asked.labels.texts)
        with self._lock:
            found = self._known.get(key)
            if found is None:
                found = label_bank.asked_for(asked.labels.texts, model.encode_texts, asked.asked_by)
                while len(self._known) >= KEPT:
                    self._known.pop(next(iter(self._known)))
                self._known[key] = found
            return found


def one_picture(
    classifier: Classifier, reader: PictureReader, source: Path | IO[bytes], top_k: int
) -> tuple[Label, ...]:
    """The likeliest labels of one picture. Raises UnreadableImage, OSError, ModelError."""
    picture, _ = reader.read(source, max(SIDE, classifier.model.min_side))
    return classifier.top(classifier.of_pictures([picture])[0], top_k)


SIDE = 448
"""Pixels of a side from which on a picture may be decoded smaller: the models see about 224."""
