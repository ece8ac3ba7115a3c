"""How the words of a query are put to a model.

A bare name says little of itself: "crane" may be a bird or a machine, and is hardly how anybody writes under a photo.
The authors of CLIP ask for "a photo of" a thing (Radford et al., "Learning Transferable Visual Models From Natural
Language Supervision", 2021, section 3.1.4). Here a few words are asked both as they are and like that, and the mean of
the two is searched for; a sentence is asked as it is. What that gives, and what else was tried:
``benchmarks.rankings`` and docs/models.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from src.schema import FloatArray

PROMPT = "a photo of {}"
FEW = 3
"""Words of a text that may be a name; with more it is a description."""


def vectors(texts: Sequence[str], encode: Callable[[Sequence[str]], FloatArray]) -> dict[str, FloatArray]:
    """Each of the texts and its vector (D,), float32 of norm 1.

    encode: m texts -> (m, D) float32 of norm 1. All are encoded together.
    """
    names = [text for text in texts if 0 < len(text.split()) <= FEW]
    asked = list(dict.fromkeys([*texts, *(PROMPT.format(name) for name in names)]))
    found = dict(zip(asked, encode(asked), strict=True))
    return {text: found[text] for text in texts} | {
        name: _between(found[name], found[PROMPT.format(name)]) for name in names
    }


def _between(one: FloatArray, other: FloatArray) -> FloatArray:
    both = one + other
    middle: FloatArray = both / max(float(np.linalg.norm(both)), 1e-6)
    return middle
