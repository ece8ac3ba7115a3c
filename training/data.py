"""The training data: which pictures, which sentences, and the views of a picture that features are taken from."""

from __future__ import annotations

import json
import random
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from training.backbone import INPUT_SIDE

SMALL = 32


@dataclass(frozen=True)
class Photo:
    """A picture, the sentences that are right for it, and the group (source) it comes from."""

    path: Path
    sentences: tuple[str, ...]
    group: str


def flickr8k(data: Path, split: str) -> list[Photo]:
    """Flickr8k (Hodosh et al. 2013), five human captions a picture. ``split``: train or dev, never test."""
    if split not in ("train", "dev"):
        raise ValueError(f"training never reads the {split!r} split")
    records = _records(data / "flickr8k")
    return [
        Photo(data / "flickr8k" / r["file"], tuple(r["captions"]), "flickr8k") for r in records if r["split"] == split
    ]


def labelled(data: Path) -> list[Photo]:
    """Pictures with one sentence each made from a class name; every picture of a sentence is equally right."""
    folder = data / "labelled"
    return [Photo(folder / r["file"], tuple(r["captions"]), r["file"].split("/")[0]) for r in _records(folder)]


def held_back(photo: Photo) -> bool:
    """True for the fifth of labelled/'s *sentences* that training never sees: they judge what was not memorised."""
    return zlib.crc32(photo.sentences[0].encode()) % 5 == 0


def _records(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "captions.jsonl").read_text(encoding="utf-8").splitlines()]


def view(path: Path, name: str) -> np.ndarray:
    """One view of a picture -> (3, 224, 224) float32 in about -1..1.

    ``squash``: the whole picture, aspect ignored. ``centre``: the short side to 224, centre square. ``pad``: the whole
    picture on a grey square. ``flip``: squash, mirrored. ``crop0``..: random crop of 50-100 % of the area and random
    mirror, a fixed one for each (file, name). ``tiny0``..: what ``crop0``.. shows, shrunk to 24-112 pixels in between:
    a small or blurred picture. ``small``: squash, by way of 32 pixels.
    """
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    if name.startswith(("crop", "tiny")):
        dice = random.Random(f"{path.name}/crop{name[4:]}")
        image = _random_crop(image, dice)
        if name.startswith("tiny"):
            image = image.resize((round(24 * (112 / 24) ** dice.random()),) * 2, Image.Resampling.BICUBIC)
    elif name == "centre":
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    elif name == "pad":
        square = Image.new("RGB", (max(image.size),) * 2, (127, 127, 127))
        square.paste(image, ((square.width - image.width) // 2, (square.height - image.height) // 2))
        image = square
    elif name == "small":
        image = image.resize((SMALL, SMALL), Image.Resampling.BICUBIC)
    elif name == "flip":
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    image = image.resize((INPUT_SIDE, INPUT_SIDE), Image.Resampling.BICUBIC)
    return (np.asarray(image, np.float32).transpose(2, 0, 1) - 127.0) / 128.0


def _random_crop(image: Image.Image, dice: random.Random) -> Image.Image:
    share = dice.uniform(0.5, 1.0) ** 0.5
    stretch = dice.uniform(0.85, 1.18)
    width = min(image.width, round(image.width * share * stretch))
    height = min(image.height, round(image.height * share / stretch))
    left, top = dice.randint(0, image.width - width), dice.randint(0, image.height - height)
    image = image.crop((left, top, left + width, top + height))
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if dice.random() < 0.5 else image
