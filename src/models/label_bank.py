"""Labels for photos by themselves: the vocabulary's words as a model sees them, and what they are worth.

All words are compared with a photo at once, in a softmax as CLIP classifies without examples (Radford et al., 2021,
section 3.1.2): words compete, so that a cosine is worth what it stands out by. What a word has is added to all that it
implies: where breeds share what there is, "dog" has all of it. A logistic model, fitted for each model on labelled
photos (``benchmarks.labels``), makes a chance of that. A model that none was fitted for labels nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from src.errors import ModelError
from src.models import kept_tensors, label_words
from src.models.label_words import Vocabulary
from src.schema import Embedder, FloatArray

CALIBRATIONS = label_words.FILE.with_name("calibration.json")
PROMPT = "a photo of {}"
BATCH, ROWS = 64, 256
"""Words that are encoded at once, and photos that are compared with all words at once."""
CLEAR = 1e-9
log = logging.getLogger(__name__)
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """What a model's softmax is worth.

    temperature: cosines are divided by it. slope, constant: of the logistic model, whose evidence is the logarithm of
    the odds. shown: the chance from which on a label is shown.
    """

    temperature: float
    slope: float
    constant: float
    shown: float

    def chances(self, share: Numbers) -> Numbers:
        """What shares of the softmax, between 0 and 1, are worth: the same shape, 0 to 1."""
        found: Numbers = 1 / (1 + np.exp(-self.slope * np.log(share / (1 - share)) - self.constant))
        return found


@dataclass(frozen=True)
class Label:
    """A word for a photo, and how likely it is right, 0 to 1."""

    word: str
    chance: float


@dataclass(frozen=True)
class LabelBank:
    """The labels of one model. vectors: (n, D) float32 of norm 1, one a label."""

    vocabulary: Vocabulary
    vectors: FloatArray
    calibration: Calibration

    def labels(self, photos: FloatArray) -> list[tuple[Label, ...]]:
        """(m, D) vectors of photos, norm 1 -> the labels of each that are likely enough, the likeliest first.

        What another label of the photo implies is left out.
        """
        parts = (photos[at : at + ROWS] for at in range(0, len(photos), ROWS))
        return [self._shown(row) for part in parts for row in self.chances(part)]

    def chances(self, photos: FloatArray) -> Numbers:
        """(m, D) -> (m, n), 0 to 1; no label is less likely than one that implies it."""
        return self.calibration.chances(self.shares(photos))

    def shares(self, photos: FloatArray) -> Numbers:
        """(m, D) -> (m, n): of the softmax over all labels, what each has with those that imply it; in 0..1, open."""
        scores = (np.asarray(photos, np.float32) @ self.vectors.T).astype(np.float64) / self.calibration.temperature
        parts = np.exp(scores - scores.max(axis=1, keepdims=True))
        parts /= parts.sum(axis=1, keepdims=True)
        below, starts = self._below
        found: Numbers = np.clip(np.add.reduceat(parts[:, below], starts, axis=1), CLEAR, 1 - CLEAR)
        return found

    @cached_property
    def _below(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """The numbers of each label and of all that imply it, one label's after the other's, and where each begin."""
        groups: list[list[int]] = [[number] for number in range(len(self.vocabulary))]
        for number, above in enumerate(self.vocabulary.above):
            for one in above:
                groups[one].append(number)
        starts = np.cumsum([0, *map(len, groups[:-1])])
        return np.concatenate([np.array(group, np.intp) for group in groups]), starts.astype(np.intp)

    def _shown(self, chances: Numbers) -> tuple[Label, ...]:
        likely = np.flatnonzero(chances >= self.calibration.shown).tolist()
        implied = frozenset[int]().union(*(self.vocabulary.above[number] for number in likely))
        found = [number for number in likely if number not in implied]
        found.sort(key=lambda number: -chances[number])
        return tuple(Label(self.vocabulary.words[number].word, float(chances[number])) for number in found)


@cache
def vocabulary() -> Vocabulary:
    """The project's own, read once."""
    return label_words.shipped()


def calibration(space: str) -> Calibration | None:
    """What is known of a model's space; None where nothing was measured."""
    known = json.loads(CALIBRATIONS.read_text(encoding="utf-8")).get(space)
    return Calibration(**known) if known else None


def encoded(words: Vocabulary, encode: Callable[[Sequence[str]], FloatArray]) -> FloatArray:
    """(n, D) float32 of norm 1: each label as a word and as "a photo of" it, the middle of both.

    encode: m texts -> (m, D) of norm 1. Takes some seconds.
    """
    return asked_for([one.asked for one in words.words], encode)


def asked_for(
    words: Sequence[str], encode: Callable[[Sequence[str]], FloatArray], templates: Sequence[str] = ("{}", PROMPT)
) -> FloatArray:
    """(n, D) float32 of norm 1: each word put into each template in place of ``{}``, and the middle of these."""
    texts = [template.replace("{}", word) for word in words for template in templates]
    order = sorted(range(len(texts)), key=lambda number: len(texts[number]))  # texts of one length need no filling up
    parts = [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
    found = np.concatenate([encode([texts[number] for number in part]) for part in parts])
    all_ = found[np.argsort(order)].reshape(len(words), len(templates), -1).sum(axis=1)
    middle: FloatArray = (all_ / np.maximum(np.linalg.norm(all_, axis=1, keepdims=True), 1e-6)).astype(np.float32)
    return middle


def save(vectors: FloatArray, file: Path) -> None:
    """Write them whole or not at all. Raises OSError."""
    kept_tensors.save({"vectors": vectors.astype(np.float16)}, made_of(), file)


def read(file: Path, dimensions: int) -> FloatArray | None:
    """Vectors that were saved; None where there are none, they were made of other words, or they make no sense."""
    found = kept_tensors.read(file, made_of(), {"vectors": (len(vocabulary()), dimensions)})
    return found["vectors"] if found else None


def made_of() -> str:
    """A name for the words and the way in which they are asked; another one makes what was saved out of date."""
    return hashlib.sha256("\n".join([PROMPT, *(one.asked for one in vocabulary().words)]).encode()).hexdigest()[:16]


class LabelBanks:
    """The bank of each model of one process: its vectors are read from where they were saved, else made and saved.

    Safe to use from several threads.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, LabelBank] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def close(self) -> None:
        """End the making of vectors; none is made any more."""
        self._closed.set()

    def at_hand(self, model: Embedder) -> LabelBank | None:
        """The bank of a model where its vectors were made before: takes no longer than to read a file."""
        fitted = calibration(model.space)
        if model.space not in self._known and fitted is not None:
            saved = read(self._file(model), model.dimensions)
            if saved is not None:
                self._known[model.space] = LabelBank(vocabulary(), saved, fitted)
        return self._known.get(model.space)

    def of(self, model: Embedder) -> LabelBank | None:
        """The bank of a model, made where there is none yet; None where the model has no calibration.

        Raises ModelError where the model can't be used, and once these were closed.
        """
        fitted = calibration(model.space)
        if fitted is None:
            return None
        with self._lock:
            if self.at_hand(model) is None:
                self._known[model.space] = LabelBank(vocabulary(), self._made(model), fitted)
            return self._known[model.space]

    def _made(self, model: Embedder) -> FloatArray:
        made = encoded(vocabulary(), lambda texts: self._encoded(model, texts))
        try:
            if self._folder.parent.is_dir():  # where there is no library, nothing is left behind
                save(made, self._file(model))
        except OSError as error:  # they are made again next time
            log.warning("the labels of %s can't be kept: %s", model.space, error)
        return made

    def _encoded(self, model: Embedder, texts: Sequence[str]) -> FloatArray:
        """A few at a time: a process that ends while a model is at work is aborted."""
        if self._closed.is_set():
            raise ModelError("The library was closed while its labels were being made.")
        return model.encode_texts(texts)

    def _file(self, model: Embedder) -> Path:
        return self._folder / f"{model.space}.labels.safetensors"
