"""What turns pictures and words into vectors, and what a vector stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

FloatArray = npt.NDArray[np.float32]

Kind = Literal["image", "object", "frame", "text"]
"""What a vector stands for: a whole image, an object inside one, a video frame, what is written of an image."""


class Embedder(Protocol):
    """Turns pictures and words into vectors of one space. Safe to call from several threads."""

    model_id: str
    """Registry id, such as ``builtin`` or ``ViT-B/32``."""
    space: str
    """Model id (as a slug) + ``-`` + first 12 hex digits of its weights' SHA-256.

    Vectors of two spaces are never compared.
    """
    dimensions: int
    min_side: int
    """Short side in pixels below which a reduced decode would cost accuracy."""

    def preprocess(self, image: Image.Image) -> FloatArray:
        """RGB picture of any size -> (3, H, W) float32, normalised as the model wants it."""
        ...

    def encode_pixels(self, pixels: FloatArray) -> FloatArray:
        """(n, 3, H, W) from ``preprocess`` -> (n, D) float32, each row of L2 norm 1."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """n strings -> (n, D) float32 in the same space, each row of L2 norm 1.

        Over-long text is cut as the model's field does.
        """
        ...
