"""A linear probe: how well a plane between classes tells them by their vectors (logistic regression)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from src.schema import FloatArray
from src.schema.lab import Numbers

Matrix = npt.NDArray[np.float32]

STRENGTHS = (1e-1, 1e-2, 1e-3, 1e-4)
"""Weights of the planes' own length against their errors, of which the best on held-back pictures is taken."""
HELD_BACK = 5
"""Every fifth picture of each class that is learned from chooses the strength, and is learned from after that."""
ROUNDS = 300
"""Steps at most; most fits need fewer."""
_ENOUGH = 1e-4
"""A fit ends where a step changes no more than this share of the planes."""


class Probe:
    """Multinomial logistic regression on vectors that are brought to mean 0 and spread 1 in each direction."""

    def __init__(self, vectors: FloatArray, classes: Numbers, strength: float) -> None:
        """vectors: (n, D). classes: (n,), numbers from 0 on. strength: see ``STRENGTHS``."""
        self._mean, self._spread = vectors.mean(axis=0), np.maximum(vectors.std(axis=0), 1e-6)
        rows = self._rows(vectors)
        wanted = np.zeros((len(rows), int(classes.max()) + 1), np.float32)
        wanted[np.arange(len(rows)), classes] = 1
        self.planes = fitted(rows, wanted, strength)
        """(D + 1, classes), on the vectors as brought to; the last row is what each class has at their mean."""

    def classes(self, vectors: FloatArray) -> Numbers:
        """The likeliest class of each: (n, D) -> (n,)."""
        found: Numbers = (self._rows(vectors) @ self.planes).argmax(axis=1)
        return found

    def _rows(self, vectors: FloatArray) -> Matrix:
        """(n, D + 1): brought to mean 0 and spread 1, over the root of D so that they have a length of about 1."""
        scaled = (vectors - self._mean) / (self._spread * np.float32(vectors.shape[1] ** 0.5))
        return np.concatenate([scaled, np.ones((len(scaled), 1))], axis=1, dtype=np.float32)


def fitted(rows: Matrix, wanted: Matrix, strength: float) -> Matrix:
    """The planes (D, C) with the least mean loss plus ``strength`` / 2 times their squared length.

    rows: (n, D). wanted: (n, C), 1 for the class of each row. The loss curves nowhere more than half of the rows' own
    products say (Boehning, Multinomial logistic regression algorithm, 1992): steps by that bound never overshoot, and
    keep some of their direction from one to the next (Nesterov), unless that leads uphill.
    """
    if len(rows) < rows.shape[1]:  # planes lie in the rows' own span: fewer numbers say the same
        basis = np.linalg.qr(rows.T)[0]
        return np.asarray(basis @ fitted(rows @ basis, wanted, strength), np.float32)
    bound = rows.T.astype(np.float64) @ rows / (2 * len(rows)) + strength * np.eye(rows.shape[1])
    inverse = np.linalg.inv(bound).astype(np.float32)
    planes = ahead = np.zeros((rows.shape[1], wanted.shape[1]), np.float32)
    pace = 1.0
    for _ in range(ROUNDS):
        slope = rows.T @ (_shares(rows @ ahead) - wanted) / len(rows) + strength * ahead
        stepped = ahead - inverse @ slope
        change = stepped - planes
        if np.linalg.norm(change) <= _ENOUGH * np.linalg.norm(stepped):
            return stepped
        if float((slope * change).sum()) > 0:  # uphill: forget the direction
            pace = 1.0
        faster = (1 + (1 + 4 * pace * pace) ** 0.5) / 2
        planes, ahead, pace = stepped, stepped + np.float32((pace - 1) / faster) * change, faster
    return planes


def _shares(scores: Matrix) -> Matrix:
    """Softmax of each row."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Matrix = raised / raised.sum(axis=1, keepdims=True)
    return shares


def probed(vectors: FloatArray, classes: Numbers, queries: FloatArray) -> tuple[Numbers, float]:
    """The classes that a probe of (n, D) vectors says of (q, D) queries, and the strength it has.

    The strength is chosen on held-back ones of what is learned from; the queries have no part in it.
    """
    held = _held_back(classes)
    best = STRENGTHS[0]
    if held.any():
        best = _best(vectors[~held], classes[~held], vectors[held], classes[held], STRENGTHS)
    return Probe(vectors, classes, best).classes(queries), best


def _held_back(classes: Numbers) -> npt.NDArray[np.bool_]:
    """(n,): every fifth of each class; none of a class with fewer."""
    held = np.zeros(len(classes), np.bool_)
    for number in np.unique(classes):
        held[np.flatnonzero(classes == number)[HELD_BACK - 1 :: HELD_BACK]] = True
    return held


def _best(
    vectors: FloatArray, classes: Numbers, asked: FloatArray, right: Numbers, strengths: Sequence[float]
) -> float:
    """Of strengths with as many right answers the greatest, which is the simplest."""
    scored = [(np.mean(Probe(vectors, classes, one).classes(asked) == right), one) for one in strengths]
    return max(scored)[1]
