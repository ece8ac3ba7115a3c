"""Words for a map: what each photo shows, and what a group's photos have that others have not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from src.models.label_bank import LabelBank
from src.schema import FloatArray
from src.services.map.kept import NONE, Numbers16

WORDS, CANDIDATES = 2, 20
"""Of a group's name, and the nearest ones that they are chosen from."""
_ROWS = 256


class Namer:
    """bank: the vocabulary as the model sees it; None where that was never measured, and nothing gets a word."""

    def __init__(self, bank: LabelBank | None) -> None:
        self._bank = bank

    def words(self, vectors: FloatArray) -> Numbers16:
        """(n, D) -> (n,): the number of the word that names best what each photo shows, -1 where none is likely."""
        found = np.full(len(vectors), NONE, np.int16)
        for at in range(0, len(vectors) if self._bank else 0, _ROWS):
            found[at : at + _ROWS] = self._likeliest(vectors[at : at + _ROWS])
        return found

    def _likeliest(self, vectors: FloatArray) -> Numbers16:
        assert self._bank
        labels = self._bank.labels(vectors)
        number = self._bank.vocabulary.number
        return np.array([number(some[0].word) if some else NONE for some in labels], np.int16)

    def names(self, middles: FloatArray, usual: FloatArray) -> list[str]:
        """(k, D) middles of groups, norm 1 -> a name for each, no two alike.

        The words that are nearest to it, as far as they are not as near to ``usual``, (D,), the middle of all photos.
        """
        if self._bank is None:
            return [f"Group {number + 1}" for number in range(len(middles))]
        words = self._bank.vectors
        nearness = middles @ words.T - usual @ words.T
        own = nearness - nearness.mean(axis=0) / 2  # what many groups are near to tells little of one
        best = np.argsort(-own, axis=1, kind="stable")[:, :CANDIDATES]
        return told_apart([", ".join(self._bank.vocabulary.unrelated(row, WORDS)) for row in best.tolist()])


def told_apart(names: Sequence[str]) -> list[str]:
    """The same names with a number behind those that others have had."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found
