"""Words in pictures, and what reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from PIL import Image

SIDE = 1_152
"""Short side in pixels at which pictures are decoded to be read: small writing must have pixels of its own."""
Corner = tuple[float, float]
"""Place in a picture: how far to the right and how far down, as shares of its width and height, 0 to 1."""
Corners = tuple[Corner, Corner, Corner, Corner]


@dataclass(frozen=True)
class TextLine:
    """One line of text in a picture."""

    text: str
    box: Corners
    """Where it is: from where the line begins (the upper left of upright text) around it, along its top first."""
    confidence: float
    """How sure the reader is of its characters, 0 to 1."""


class TextReader(Protocol):
    """Reads the words in pictures. Safe to call from several threads."""

    recipe: str
    """Another one where the same picture would give other lines."""

    def read(self, image: Image.Image) -> list[TextLine]:
        """Upright RGB picture of any size -> its lines, from top to bottom, and of those beside each other from left
        to right. Raises ModelError where the model can't be loaded.
        """
