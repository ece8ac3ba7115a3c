"""Pictures of a set that are copies of each other: what was learned by heart can't be asked, and what is labelled
twice can't be right twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from src.processing.duplicates.finder import Finder
from src.processing.duplicates.pdq import POOR
from src.processing.duplicates.prints import Print, print_of
from src.schema import FloatArray
from src.schema.lab import Copies, Flags, Numbers


@dataclass(frozen=True)
class Look:
    """What is kept of a picture to find its copies. ``shape``: width by height."""

    print: Print
    shape: float

    @classmethod
    def of(cls, picture: Image.Image) -> Look:
        return cls(print_of(picture), picture.width / picture.height)


def copies(looks: Sequence[Look], vectors: FloatArray, classes: Numbers, asked: Flags) -> Copies:
    """The copies among n pictures, by the same rule as copies in a library are found.

    vectors: (n, D) of norm 1. classes, asked: (n,).
    """
    hashes = np.stack([look.print.hashes for look in looks])
    usable = np.array([look.print.quality > POOR for look in looks], np.bool_)
    shapes = np.array([look.shape for look in looks], np.float32)

    def greys(numbers: Numbers) -> dict[int, np.ndarray[tuple[int, int], np.dtype[np.uint8]]]:
        return {number: looks[number].print.grey for number in numbers.tolist()}

    links = Finder(hashes, usable, vectors.astype(np.float16), shapes, greys).links(0, len(looks))
    pairs = sorted({(link.first, link.second) for link in links})
    return Copies(
        tuple(pairs),
        tuple(pair for pair in pairs if asked[pair[0]] != asked[pair[1]]),
        tuple(pair for pair in pairs if classes[pair[0]] != classes[pair[1]]),
    )
