"""Photos with what can be asked of them, for ``benchmarks.relevance``: for each query the photos that are right."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.labelled import coco128, everyday
from benchmarks.retrieval_sets import Vectors, encode_files
from src.models.model_manager import ModelManager

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
"""n words -> (n, D) of norm 1."""
UNSEEN_TAGS = frozenset(
    """Buachaille Etive Mor, beachy head, beacon, blue hour, bokeh, bonnington, calton hill, cloudporn, depth of field,
    dof, eastbourne, edinburgh, england, highlands, inner hebrids, isle, kingshouse, lismore, lomond, minimalism, mull,
    national museum, old, scotland, serene, seven sisters, tobermory, wind dodger""".replace("\n", "")
    .replace("    ", " ")
    .split(", ")
)
"""Of the photographer's tags: names of places, words of the craft, and what nobody can see."""


@dataclass(frozen=True)
class Gallery:
    """(n, D) vectors of photos, and queries: words -> the numbers of the photos that are right."""

    name: str
    images: Vectors
    right: Mapping[str, frozenset[int]]
    exclusive: bool = True
    """A photo that is not among a query's right ones does not show it: what was labelled is what was looked for."""


def galleries(models: ModelManager, data: Path) -> list[Gallery]:
    """All sets under ``data``. Raises OSError where one is not as expected."""
    return [
        _photos1000(models, data / "photos1000"),
        _boxes("coco128", models, data),
        _cifar10(models, data / "cifar10"),
        _flickr8k(models, data / "flickr8k"),
        _library(models, data / "library"),
        _boxes("everyday", models, data),
    ]


def _photos1000(models: ModelManager, folder: Path) -> Gallery:
    files = sorted(folder.glob("n*_*.jpg"))
    return Gallery(
        "photos1000",
        encode_files(models, files),
        _by([re.sub("^n[0-9]+_", "", file.stem).replace("_", " ")] for file in files),
    )


def _boxes(name: str, models: ModelManager, data: Path) -> Gallery:
    photos = (coco128 if name == "coco128" else everyday)(data / "boxes" / name)
    vectors = [models.encode([photo.image for photo in photos[at : at + 64]]) for at in range(0, len(photos), 64)]
    return Gallery(name, np.concatenate(vectors), _by(sorted(set(photo.names)) for photo in photos))


def _cifar10(models: ModelManager, folder: Path) -> Gallery:
    files = [file for place in sorted(folder.iterdir()) if place.is_dir() for file in sorted(place.iterdir())]
    return Gallery("cifar10", encode_files(models, files), _by([file.parent.name] for file in files))


def _flickr8k(models: ModelManager, folder: Path) -> Gallery:
    rows = [json.loads(line) for line in (folder / "captions.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["split"] == "test"]
    vectors = encode_files(models, [folder / row["file"] for row in rows])
    return Gallery("flickr8k", vectors, _by([row["captions"][0]] for row in rows), exclusive=False)


def _library(models: ModelManager, folder: Path) -> Gallery:
    rows = {
        row["file"]: row for row in map(json.loads, (folder / "facts.jsonl").read_text(encoding="utf-8").splitlines())
    }
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in (".jpg", ".jpeg", ".png"))
    tags = _by(rows.get(str(file.relative_to(folder)), {}).get("tags", ()) for file in files)
    tags = {tag: right for tag, right in tags.items() if len(right) >= 2 and tag not in UNSEEN_TAGS}
    return Gallery("library", encode_files(models, files), tags, exclusive=False)


def _by(labels: Iterable[Sequence[str]]) -> dict[str, frozenset[int]]:
    found: defaultdict[str, set[int]] = defaultdict(set)
    for number, some in enumerate(labels):
        for label in some:
            found[label].add(number)
    return {label: frozenset(numbers) for label, numbers in sorted(found.items())}
