"""Pictures changed as people and programs change them: are they still found as what they were?"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from src.processing.decoding.reader import PictureReader
from src.schema import FloatArray, Progress
from src.schema.lab import Altered, Numbers
from src.services.lab.sources import Encoder, Source

Alter = Callable[[Image.Image], Image.Image]
QUALITY = 20
PICTURES = 200
"""Of the pictures that are asked with, so many are altered in each way."""


def _smaller(picture: Image.Image) -> Image.Image:
    return picture.resize((max(1, picture.width // 2), max(1, picture.height // 2)), Image.Resampling.BOX)


def _cut(picture: Image.Image) -> Image.Image:
    """The middle, four fifths of each side."""
    wide, high = picture.width // 10, picture.height // 10
    return picture.crop((wide, high, picture.width - wide, picture.height - high))


def _pressed(picture: Image.Image) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return Image.open(file).convert("RGB")


ALTERATIONS: Mapping[str, Alter] = {
    "half the size": _smaller,
    f"saved as JPEG of quality {QUALITY}": _pressed,
    "brighter by 40 %": lambda picture: ImageEnhance.Brightness(picture).enhance(1.4),
    "mirrored": ImageOps.mirror,
    "cut to the middle 80 %": _cut,
    "without colours": lambda picture: picture.convert("L").convert("RGB"),
    "blurred": lambda picture: picture.filter(ImageFilter.GaussianBlur(max(picture.size) / 64)),
    "turned by 90 degrees": lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
}


class Altering:
    """Asks with altered pictures of a set."""

    def __init__(self, models: Sequence[Source], reader: PictureReader, vectors: Mapping[str, FloatArray]) -> None:
        """vectors: by model's name, (n, D) of norm 1: of all pictures as they are."""
        self._models, self._reader, self._vectors = models, reader, vectors
        self.found: dict[str, list[Altered]] = {name: [] for name in vectors}
        """By model, an entry for each way."""

    def run(self, paths: Sequence[Path], places: Numbers) -> Iterator[Progress]:
        """paths: of the pictures that are altered. places: (k,), their numbers among all."""
        for at, (how, alter) in enumerate(ALTERATIONS.items()):
            encoder = Encoder(self._models, self._reader, alter=alter)
            for event in encoder.run(paths):
                if isinstance(event, Progress):
                    yield Progress(at * len(paths) + event.done, len(ALTERATIONS) * len(paths))
            for name, altered in encoder.result.vectors.items():
                there = places[encoder.result.kept]
                self.found[name].append(compared(how, altered, self._vectors[name], there))


def compared(how: str, altered: FloatArray, vectors: FloatArray, places: Numbers) -> Altered:
    """altered: (k, D), made of the pictures ``places`` (k,) of ``vectors`` (n, D); all of norm 1."""
    scores = altered @ vectors.T
    own = scores[np.arange(len(altered)), places]
    found = np.mean((scores > own[:, None]).sum(axis=1) == 0)
    return Altered(how, len(altered), float(own.mean()), float(np.quantile(own, 0.05)), float(found))
