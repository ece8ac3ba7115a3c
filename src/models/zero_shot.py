"""Pictures sorted by labels: by a classifier's own classes, and by any words, without an example of them.

Words are compared with a picture in a softmax, as CLIP classifies without examples (Radford et al., 2021, section
3.1.2). What scores are worth is told by two temperatures for each model: chances are the middle of a sharp and of a
soft softmax (as Zhang et al. mix them, Mix-n-Match, 2020). With one alone (Guo et al., On calibration of modern neural
networks, 2017) what is nearly sure is said to be surer than it is, and what is not to be less sure. Both are fitted on
labelled pictures by ``benchmarks.classify --fit`` and kept as data.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from src.models import label_words
from src.models.label_bank import CLEAR, PROMPT, LabelBank, Numbers
from src.schema import FloatArray
from src.text import folded

SCALES = label_words.FILE.with_name("classifying.json")
ONE_OF, BY_ITSELF = ("{}",), ("{}", PROMPT)
"""How a label is put to a model: where a picture shows one of them, and where each is judged by itself, as the words
are that it competes with. The middle of what the model makes of all templates counts.
"""
Temperatures = tuple[float, ...]
"""What scores are divided by before a softmax, of which the middle counts where there are two."""
USUAL: Temperatures = (0.01,)
"""Of cosines where a model was not measured: CLIP learns about this one."""


@runtime_checkable
class Classifies(Protocol):
    """A model whose picture tower tells ImageNet's classes too."""

    def encode_classes(self, pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n, 3, H, W) -> (n, D) vectors, and (n, 1000) logits in the order of ``label_lists.class_names``."""
        ...


@dataclass(frozen=True)
class Scale:
    """Temperatures of one model.

    classes: of the logits of ImageNet's classes. few, many: of cosines with 10 and with 1,000 labels, as many; with
    another number of labels what lies between, on a line over the logarithms of both.
    """

    classes: Temperatures
    few: Temperatures
    many: Temperatures

    def labels(self, number: int) -> Temperatures:
        """The temperatures for so many labels."""
        share = min(1.0, max(0.0, (math.log10(max(number, 1)) - 1) / 2))
        return tuple(few ** (1 - share) * many**share for few, many in zip(self.few, self.many, strict=True))


def scale(space: str) -> Scale | None:
    """What was fitted for a model's space; None where nothing was."""
    known = json.loads(SCALES.read_text(encoding="utf-8")).get(space)
    return Scale(**{name: tuple(both) for name, both in known.items()}) if known else None


def shares(scores: npt.NDArray[np.floating], temperatures: Temperatures) -> Numbers:
    """(n, labels) scores -> the same as chances, of which each row sums to 1; in the order of the scores."""
    below = np.asarray(scores, np.float64)
    below = below - below.max(axis=1, keepdims=True)
    found: Numbers = np.zeros_like(below)
    for temperature in temperatures:
        raised = np.exp(below / temperature)
        found += raised / raised.sum(axis=1, keepdims=True) / len(temperatures)
    return found


def each_by_itself(bank: LabelBank, texts: Sequence[str], vectors: FloatArray, photos: FloatArray) -> Numbers:
    """(n, labels): how likely each label is right, whatever the others are; several may be, or none.

    texts, vectors (labels, D): how the labels are asked for, and what the model makes of that. photos: (n, D), norm 1.
    A label competes with all words that photos are labelled with by themselves. One that is among these is what the
    bank says of it; of another, words that mean nearly the same are left out of those that it competes with.
    """
    found = np.empty((len(photos), len(texts)))
    places = {folded(word.asked): place for place, word in enumerate(bank.vocabulary.words)}
    known = {number: places[folded(text)] for number, text in enumerate(texts) if folded(text) in places}
    if known:
        found[:, list(known)] = bank.chances(photos)[:, list(known.values())]
    new = [number for number in range(len(texts)) if number not in known]
    if new:
        found[:, new] = _against(bank, vectors[new], photos)
    return found


SAME = 0.9
"""Cosine of two words from which on they mean nearly the same."""


def _against(bank: LabelBank, vectors: FloatArray, photos: FloatArray) -> Numbers:
    """(n, labels): chances of labels that are not in the bank's vocabulary."""
    temperature = bank.calibration.temperature
    own = np.asarray(photos @ vectors.T, np.float64) / temperature
    others = np.asarray(photos @ bank.vectors.T, np.float64) / temperature
    top = np.maximum(own.max(axis=1), others.max(axis=1))[:, None]
    own, others = np.exp(own - top), np.exp(others - top)
    alike = np.asarray(vectors @ bank.vectors.T > SAME, np.float64)
    rest = np.maximum(others.sum(axis=1, keepdims=True) - others @ alike.T, 0.0)
    share = np.clip(own / np.maximum(own + rest, CLEAR), CLEAR, 1 - CLEAR)
    return bank.calibration.chances(share)
