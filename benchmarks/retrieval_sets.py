"""The sets beside flickr8k and names that a model is measured on: cifar10, names of things in photos, edited photos."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from benchmarks.labelled import Labelled
from benchmarks.segments import average_precision
from src.models.model_manager import ModelManager

Vectors = NDArray[np.float32]

BATCH = 64
LEAST_SIDE = 16
"""Pixels of a box's shorter side, below which it is not cut out."""


def cifar10(models: ModelManager, folder: Path) -> dict[str, float]:
    """Accuracy over the 10,000 test pictures: ``zero_shot`` by the nearest class sentence, ``knn`` by the 10 nearest
    other pictures.
    """
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    files = [(path, number) for number, name in enumerate(classes) for path in sorted((folder / name).iterdir())]
    images, labels = encode_files(models, [path for path, _ in files]), np.array([number for _, number in files])
    sentences = models.encode_text([f"a photo of {'an' if name[0] in 'aeiou' else 'a'} {name}" for name in classes])
    zero_shot = (images @ sentences.T).argmax(1)
    return {"zero_shot": accuracy(zero_shot, labels), "knn": accuracy(nearest(images, labels, len(classes)), labels)}


def nearest(images: Vectors, labels: NDArray[np.int64], classes: int, k: int = 10) -> NDArray[np.int64]:
    """Class by the summed cosine of each picture's ``k`` nearest others."""
    found = np.empty(len(images), np.int64)
    for start in range(0, len(images), 500):
        scores = images[start : start + 500] @ images.T
        scores[np.arange(len(scores)), np.arange(start, start + len(scores))] = -2.0
        near = np.argpartition(-scores, k, axis=1)[:, :k]
        votes = np.eye(classes)[labels[near]] * np.take_along_axis(scores, near, 1)[:, :, None]
        found[start : start + 500] = votes.sum(1).argmax(1)
    return found


def accuracy(found: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Share of equal entries."""
    return round(float((found == labels).mean()), 4)


def names_precision(models: ModelManager, labelled: Sequence[Labelled]) -> dict[str, float]:
    """Mean over the class names of the average precision: ``photos`` that have a box of that name, and ``boxes`` of it,
    cut out.
    """
    photos = models.encode([photo.image for photo in labelled])
    has = [set(photo.names) for photo in labelled]
    cut = [
        (photo.image.crop(_whole(row)), name)
        for photo in labelled
        for row, name in zip(photo.boxes, photo.names, strict=True)
    ]
    cut = [(picture, name) for picture, name in cut if min(picture.size) >= LEAST_SIDE]
    boxes = models.encode([picture for picture, _ in cut])
    names = np.array([name for _, name in cut])
    return {
        "photos": _precision(
            models, sorted(set().union(*has)), photos, lambda name: np.array([name in some for some in has])
        ),
        "boxes": _precision(models, sorted(set(names.tolist())), boxes, lambda name: names == name),
    }


def _whole(row: NDArray[np.float64]) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(side) for side in row.tolist())
    return left, top, right, bottom


def _precision(
    models: ModelManager, names: Sequence[str], images: Vectors, right: Callable[[str], NDArray[np.bool_]]
) -> float:
    scores = models.encode_text(names) @ images.T
    return round(
        float(np.mean([average_precision(row, right(name)) for row, name in zip(scores, names, strict=True)])), 4
    )


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "crop": lambda photo: photo.crop(
        (photo.width // 8, photo.height // 8, photo.width - photo.width // 8, photo.height - photo.height // 8)
    ),
    "mirror": lambda photo: photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "dark": lambda photo: ImageEnhance.Brightness(photo).enhance(0.5),
    "grey": lambda photo: photo.convert("L").convert("RGB"),
    "small": lambda photo: photo.resize((64, 64)),
    "jpeg": lambda photo: _recompressed(photo, 15),
}
"""Changes that a photo goes through and should still be found after."""


def edited(models: ModelManager, folder: Path) -> dict[str, float]:
    """For each edit the share of photos whose own original is the nearest of all."""
    files = sorted(folder.glob("n*_*.jpg"))
    originals = encode_files(models, files)
    found = {}
    for name, edit in EDITS.items():
        vectors = np.concatenate(
            [models.encode([edit(picture) for picture in pictures]) for pictures in _batches(files)]
        )
        found[name] = accuracy((vectors @ originals.T).argmax(1), np.arange(len(files)))
    return found


def _recompressed(photo: Image.Image, quality: int) -> Image.Image:
    target = io.BytesIO()
    photo.save(target, "JPEG", quality=quality)
    return Image.open(target).convert("RGB")


def encode_files(models: ModelManager, files: Sequence[Path]) -> Vectors:
    """n picture files -> (n, D) vectors. Raises FileNotFoundError for none."""
    if not files:
        raise FileNotFoundError("The data folder holds none of this benchmark's pictures.")
    return np.concatenate([models.encode(pictures) for pictures in _batches(files)])


def _batches(files: Sequence[Path]) -> Iterator[list[Image.Image]]:
    for start in range(0, len(files), BATCH):
        pictures = []
        for path in files[start : start + BATCH]:
            with Image.open(path) as opened:
                pictures.append(opened.convert("RGB"))
        yield pictures
