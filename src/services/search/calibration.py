"""What a score is worth: how likely it is that a hit is what was asked for, and whether anything is.

A cosine by itself says little. Of one model and one library it can be compared with what queries reach that nothing
answers: their best scores there have a middle and a spread, which grow with the number of photos that were compared.
How far above that middle a score lies, in spreads, means nearly the same for every model and library; with how visible
the words are (``QueryBank``) it gives the probability, by two weights that were fitted once on labelled photos
(``benchmarks.relevance``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from src.schema import FloatArray

Numbers = npt.NDArray[np.float64]

SAMPLE = 2_048
"""Vectors of a collection that are compared with the queries that nothing answers."""
TOP = 4
"""Best scores of a query from which it is told how they grow with the number of photos."""
LEAST_SPREAD = 0.02
"""Of best scores; for models that give all of these queries the same score."""


@dataclass(frozen=True)
class Weights:
    """A logistic model of whether a hit is what was asked for."""

    height: float
    """For each spread by which its score lies above the middle."""
    visible: float
    constant: float


WORDS = Weights(height=0.405, visible=0.358, constant=-3.903)
"""For words: ``benchmarks.relevance --fit`` finds them."""
PICTURES = Weights(height=0.56, visible=0.0, constant=-1.96)
"""For anything with a picture in it: whether another photo shows the same kind of thing, on photos with class names."""
DESCRIPTIONS = Weights(height=0.374, visible=0.282, constant=-3.95)
"""For words and what a model said of a photo, by text vectors: ``benchmarks.fusion --fit`` finds them."""
SHARE, DOUBT = 0.85, -0.939
"""What the evidence that at least one of several parts is right is worth; from there, too."""
MOST_EVIDENCE = 30.0


@dataclass(frozen=True)
class Background:
    """Scores, in one collection, of what does not belong together."""

    numbers: Numbers
    """(k,) increasing: logarithms of how many vectors were compared."""
    middles: Numbers
    spreads: Numbers
    """(k,) each: the median and the standard deviation of the scores among so many."""

    def height(self, scores: Numbers, number: int) -> Numbers:
        """How far scores lie above the middle among ``number`` vectors, in spreads."""
        place = math.log(max(number, 1))
        middle = np.interp(place, self.numbers, self.middles)
        spread = np.interp(place, self.numbers, self.spreads)
        found: Numbers = (np.asarray(scores, np.float64) - middle) / max(float(spread), LEAST_SPREAD)
        return found


def chance(height: Numbers, visible: float, weights: Weights, shift: float = 0.0) -> Numbers:
    """Of being what was asked for, (n,) in 0..1, from how high scores lie and how visible the words are.

    shift: added to the evidence, a logarithm of odds, for what the library's owner said of earlier hits.
    """
    evidence = weights.height * np.asarray(height) + weights.visible * visible + weights.constant + shift
    found: Numbers = 1 / (1 + np.exp(-np.clip(evidence, -MOST_EVIDENCE, MOST_EVIDENCE)))
    return found


def together(*chances: Numbers) -> Numbers:
    """Chances (n,) of the same photos by several parts, each in 0..1 -> how likely they are by all of them, (n,).

    That is the chance that at least one part is right, if none knew of another (noisy-or; Pearl, "Probabilistic
    Reasoning in Intelligent Systems", 1988), made less sure, because they err together (scaled as by Platt,
    "Probabilistic Outputs for Support Vector Machines", 1999). ``benchmarks.fusion`` compares it with other ways.
    """
    neither = np.clip(np.prod([1 - np.asarray(some, np.float64) for some in chances], axis=0), 1e-13, 1 - 1e-13)
    found: Numbers = 1 / (1 + np.exp(-(SHARE * np.log((1 - neither) / neither) + DOUBT)))
    return found


def best_scores(queries: FloatArray, sample: FloatArray, total: int) -> Background:
    """The best scores that ``queries`` (m, D), which nothing answers, reach among ``total`` vectors, from a sample (s,
    D) of them.

    The sample is in random order, all of norm 1. Up to its size the best scores among fewer are those among parts of
    it; beyond, they grow with the logarithm of the number, by as much as the best few of the sample lie apart.
    """
    scores = queries @ sample.T
    found = [(math.log(size), *_best_of(scores, size)) for size in _sizes(len(sample))]
    if total > len(sample):
        best = -np.sort(-scores, axis=1)[:, :TOP]
        growth = float(np.median(best.mean(1) - best[:, -1]))
        _, middle, spread = found[-1]
        found.append((math.log(total), middle + growth * math.log(total / len(sample)), spread))
    return Background(*(np.array(column, np.float64) for column in zip(*found, strict=True)))


def pairs(sample: FloatArray) -> Background:
    """The scores of a sample's (s, D) vectors with one another, whatever number they are compared with; s is at least
    2.
    """
    scores = (sample @ sample.T)[np.triu_indices(len(sample), 1)]
    middle = float(np.median(scores))
    spread = 1.4826 * float(np.median(np.abs(scores - middle)))  # the standard deviation, where they are normal
    return Background(np.zeros(1), np.array([middle]), np.array([spread]))


def shift_of(told: Sequence[tuple[float, bool]]) -> float:
    """How much to add to the evidence so that it agrees best with what somebody said of hits.

    told: evidence without any shift, and whether the hit was what was asked for. The likeliest shift of a logistic
    model, where a shift is as likely beforehand as a normal deviate; 0 for nothing said.
    """
    found = 0.0
    for _ in range(20):  # Newton's method: the logarithm of the likelihood is concave
        chances = [1 / (1 + math.exp(-_clipped(evidence + found))) for evidence, _ in told]
        slope = sum(fits - chance for chance, (_, fits) in zip(chances, told, strict=True)) - found
        found += slope / (1 + sum(chance * (1 - chance) for chance in chances))
    return found


def evidence_of(chance: float) -> float:
    """The logarithm of the odds."""
    return _clipped(math.log(max(chance, 1e-13) / max(1 - chance, 1e-13)))


def _clipped(evidence: float) -> float:
    return max(-MOST_EVIDENCE, min(MOST_EVIDENCE, evidence))


def _sizes(number: int) -> list[int]:
    """Powers of two up to ``number``, and that itself."""
    powers = [1 << power for power in range(4, number.bit_length()) if 1 << power < number]
    return [*powers, number]


def _best_of(scores: FloatArray, size: int) -> tuple[float, float]:
    """Median and standard deviation of the best scores among ``size`` vectors: the mean of those of up to 8 parts of
    the sample.
    """
    starts = range(0, min(scores.shape[1] - size, 7 * size) + 1, size)
    best = np.stack([scores[:, start : start + size].max(axis=1) for start in starts])
    return float(np.median(best, axis=1).mean()), float(best.std(axis=1).mean())
