"""What the vectors of labelled pictures are worth: every measure is exact, over all pairs, and has no chance in it.

Similar means a high cosine. Where pictures are equally similar, each order of them counts alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from src.schema import FloatArray
from src.schema.lab import Counts, Flags, Numbers

DEPTHS = (1, 5, 10)
"""Of so many nearest pictures it is told how many are of the same class."""
K = 10
"""Nearest pictures that vote for a class."""
STEPS = 1_000
"""Parts that the cosines from -1 to 1 are counted in."""
_ROWS = 256


@dataclass
class Neighbours:
    """What each of n pictures has around it, itself left out.

    precision: by depth, (n,): the share of its nearest pictures that are of its class. average_precision, r_precision:
    (n,). own, other: (n,), the number of the nearest picture of its class, and of any other. own_cosine, other_cosine:
    (n,), how similar they are. same, different: (STEPS,), how many pairs of one class, and of two, have a cosine in
    each step from -1 to 1; both ways round.
    """

    precision: dict[int, FloatArray]
    average_precision: FloatArray
    r_precision: FloatArray
    own: Numbers
    other: Numbers
    own_cosine: FloatArray
    other_cosine: FloatArray
    same: Counts = field(default_factory=lambda: np.zeros(STEPS, np.int64))
    different: Counts = field(default_factory=lambda: np.zeros(STEPS, np.int64))

    @classmethod
    def empty(cls, n: int) -> Neighbours:
        zeros = [np.zeros(n, np.float32) for _ in range(len(DEPTHS) + 4)]
        places = [np.zeros(n, np.int64) for _ in range(2)]
        depths = dict(zip(DEPTHS, zeros, strict=False))
        return cls(depths, zeros[-1], zeros[-2], places[0], places[1], zeros[-3], zeros[-4])


def fill(found: Neighbours, vectors: FloatArray, classes: Numbers) -> Iterator[int]:
    """Look around every picture; how many are done is told after every few hundred.

    found: of n, empty. vectors: (n, D) of norm 1. classes: (n,), by number; of each there are two pictures or more.
    """
    members = {number: np.flatnonzero(classes == number) for number in np.unique(classes).tolist()}
    for at in range(0, len(vectors), _ROWS):
        scores = vectors[at : at + _ROWS] @ vectors.T
        rows = np.arange(len(scores))
        scores[rows, rows + at] = -2.0  # itself: below all others
        for row, number in enumerate(classes[at : at + len(scores)].tolist()):
            own = members[number]
            _one(scores[row], own[own != at + row], at + row, found)
        yield at + len(scores)


def _one(scores: FloatArray, own: Numbers, place: int, found: Neighbours) -> None:
    """scores: (n,), of which the picture's own is below all others. own: the others of its class."""
    every, same = np.sort(scores)[1:], np.sort(scores[own])
    for depth in DEPTHS:
        found.precision[depth][place] = _precision(every, same, min(depth, len(every)))
    found.r_precision[place] = _precision(every, same, len(same))
    reached = len(every) - np.searchsorted(every, same, "left")
    of_them = len(same) - np.searchsorted(same, same, "left")
    found.average_precision[place] = np.mean(of_them / reached)
    found.own[place] = own[np.argmax(scores[own])]
    found.own_cosine[place] = same[-1]
    counted = _counted(same)
    found.same += counted
    found.different += _counted(every) - counted
    scores[own] = -2.0  # what is left is of other classes
    found.other[place] = np.argmax(scores)
    found.other_cosine[place] = scores[found.other[place]]


def _precision(every: FloatArray, same: FloatArray, depth: int) -> float:
    """The share of the ``depth`` highest scores that are of the class; both sorted, the lowest first."""
    least = every[-depth]
    above = len(every) - np.searchsorted(every, least, "right")
    same_above = len(same) - np.searchsorted(same, least, "right")
    level = len(every) - np.searchsorted(every, least, "left") - above
    same_level = len(same) - np.searchsorted(same, least, "left") - same_above
    return float((same_above + (depth - above) * same_level / level) / depth)


def _counted(cosines: FloatArray) -> Counts:
    """(STEPS,), how many are in each step; sorted, the lowest first."""
    edges = np.linspace(-1, 1, STEPS + 1, dtype=np.float32)[1:-1]
    reached = np.concatenate([[0], np.searchsorted(cosines, edges, "left"), [len(cosines)]])
    counts: Counts = np.diff(reached)
    return counts


def area(same: Counts, different: Counts) -> float:
    """The chance that a pair of one class is more similar than one of two classes (the area under the ROC curve).

    Pairs in the same step count half.
    """
    below = np.cumsum(different) - different
    return float((same * (below + different / 2)).sum() / max(1, same.sum() * different.sum()))


def cosine_at(counts: Counts, share: float) -> float:
    """The cosine that this share of the pairs does not exceed, to a step."""
    place = int(np.searchsorted(np.cumsum(counts), share * counts.sum()))
    return (place + 0.5) * 2 / STEPS - 1


def nearest_vote(vectors: FloatArray, classes: Numbers, asked: Flags) -> Numbers:
    """The class that most of the K nearest of the others have, for each picture that is asked with: (q,).

    Of classes with as many votes, the one whose voters are more similar together. asked: (n,).
    """
    known, of_known = vectors[~asked], classes[~asked]
    k = min(K, len(known))
    voted = [np.empty(0, np.int64)]
    queries = vectors[asked]
    for at in range(0, len(queries), _ROWS):
        scores = queries[at : at + _ROWS] @ known.T
        near = np.argpartition(scores, -k, axis=1)[:, -k:]
        votes = np.zeros((len(scores), int(classes.max()) + 1))
        rows = np.repeat(np.arange(len(scores)), k)
        weights = 1 + np.take_along_axis(scores, near, axis=1).ravel() / (4 * k)
        np.add.at(votes, (rows, of_known[near].ravel()), weights)
        voted.append(votes.argmax(axis=1))
    return np.concatenate(voted)


def silhouette(vectors: FloatArray, classes: Numbers) -> float:
    """The mean silhouette (Rousseeuw 1987) with 1 - cosine as the distance: -1 to 1; over 0, classes stand apart.

    Exact without comparing pairs: the mean of cosines with the pictures of a class is the cosine with their mean.
    """
    sizes = np.bincount(classes).astype(np.float64)
    sums = np.zeros((len(sizes), vectors.shape[1]))
    np.add.at(sums, classes, vectors)
    cosines = vectors @ sums.T  # sums of cosines with all of each class
    rows = np.arange(len(vectors))
    itself = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
    own = 1 - (cosines[rows, classes] - itself) / (sizes[classes] - 1)
    means = 1 - cosines / np.maximum(sizes, 1)
    means[:, sizes == 0] = np.inf
    means[rows, classes] = np.inf
    other = means.min(axis=1)
    return float(np.mean((other - own) / np.maximum(np.maximum(other, own), 1e-12)))


def confusion(classes: Numbers, said: Numbers, number: int) -> Counts:
    """(number, number): how many pictures of the row's class were said to be of the column's."""
    table: Counts = np.bincount(classes * number + said, minlength=number * number).reshape(number, number)
    return table
