"""Stand-ins for tests: no weights, no network, the same answer every time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

import numpy as np
from PIL import Image

from src.schema import FloatArray

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (220, 30, 30),
    "green": (30, 160, 40),
    "blue": (30, 60, 220),
    "yellow": (240, 220, 30),
    "orange": (245, 140, 20),
    "purple": (130, 40, 170),
    "pink": (250, 150, 190),
    "brown": (120, 70, 30),
    "black": (10, 10, 10),
    "white": (245, 245, 245),
    "grey": (128, 128, 128),
    "cyan": (30, 200, 220),
}
_QUARTERS = {"top": (0, 1), "bottom": (2, 3), "left": (0, 2), "right": (1, 3)}
_BINS = 16
_PALETTE = np.asarray(list(COLOURS.values()), dtype=np.float32) / 255


class FakeEmbedder:
    """64-d: four quarters of the picture x (12 named colours + 4 bins that no picture uses).

    "a red car" lies near red pictures, "blue on the left" near those whose left half is blue; a text without a colour
    word lies at a right angle to every picture, so it finds nothing. ``delay`` is seconds for each picture, for tests
    of progress and cancel.
    """

    dimensions = 4 * _BINS
    min_side = 16

    def __init__(self, model_id: str = "fake", delay: float = 0.0) -> None:
        self.model_id = model_id
        self.space = f"{model_id}-{hashlib.sha256(model_id.encode()).hexdigest()[:12]}"
        self.delay = delay
        self.encoded = 0
        """Pictures encoded so far."""
        self.unloaded = False

    def preprocess(self, image: Image.Image) -> FloatArray:
        pixels = np.asarray(image.convert("RGB").resize((16, 16), Image.Resampling.BOX), dtype=np.float32) / 255
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def encode_pixels(self, pixels: FloatArray) -> FloatArray:
        if not len(pixels):
            return np.empty((0, self.dimensions), dtype=np.float32)
        time.sleep(self.delay * len(pixels))
        self.encoded += len(pixels)
        return np.stack([_describe(picture) for picture in pixels])

    def encode_both(self, pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
        """And how they look: (n, 3), their mean colours."""
        looks = pixels.mean(axis=(2, 3)) + np.float32(0.01)
        return self.encode_pixels(pixels), (looks / np.linalg.norm(looks, axis=1, keepdims=True)).astype(np.float32)

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        if not len(texts):
            return np.empty((0, self.dimensions), dtype=np.float32)
        return np.stack([self._text(text) for text in texts])

    def sentence_vectors(self, texts: Sequence[str]) -> FloatArray:
        """(n, 384): a text lies near those that have its words in them."""
        rows = np.zeros((len(texts), 384), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().replace(",", " ").replace(".", " ").split() or [""]:
                row += np.random.default_rng(list(word.encode())).standard_normal(384).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def unload(self, idle: float = 0.0) -> None:
        self.unloaded = True

    def _text(self, text: str) -> FloatArray:
        words = text.lower().replace(",", " ").replace(".", " ").split()
        quarters = sorted({q for word in words for q in _QUARTERS.get(word, ())}) or [0, 1, 2, 3]
        vector = np.zeros((4, _BINS), dtype=np.float32)
        for word in words:
            if word in COLOURS:
                vector[quarters] += _membership(np.asarray([COLOURS[word]], dtype=np.float32) / 255)
        if not vector.any():
            vector[:, len(COLOURS) :] = (
                np.frombuffer(hashlib.sha256(text.encode()).digest()[:16], np.uint8).reshape(4, 4) + 1.0
            )
        return _unit(vector)


def colour_picture(colour: str, size: tuple[int, int] = (48, 32), second: str | None = None) -> Image.Image:
    """A picture of one named colour; with ``second``, its right half is that one."""
    picture = Image.new("RGB", size, COLOURS[colour])
    if second is not None:
        picture.paste(COLOURS[second], (size[0] // 2, 0, size[0], size[1]))
    return picture


def _describe(picture: FloatArray) -> FloatArray:
    """(3, 16, 16) in 0..1 -> (64,): how much of each named colour each quarter has."""
    quarters = picture.reshape(3, 2, 8, 2, 8).transpose(1, 3, 2, 4, 0).reshape(4, 64, 3)
    return _unit(np.stack([_membership(quarter) for quarter in quarters]))


def _membership(colours: FloatArray) -> FloatArray:
    """(n, 3) in 0..1 -> (16,): mean share of each named colour, the nearest ones most."""
    distance = ((colours[:, None, :] - _PALETTE[None]) ** 2).sum(axis=2)
    share = np.exp(-distance / 0.02 + distance.min(axis=1, keepdims=True) / 0.02)
    mean = (share / share.sum(axis=1, keepdims=True)).mean(axis=0)
    return np.concatenate([mean, np.zeros(_BINS - len(COLOURS))]).astype(np.float32)


def _unit(vector: FloatArray) -> FloatArray:
    flat = vector.astype(np.float32).ravel()
    return flat / np.linalg.norm(flat)
