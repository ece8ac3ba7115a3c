"""What could be done to a query, or to its scores, before photos are ranked.

python -m benchmarks.rankings --data FOLDER [--json]

The queries are those of ``benchmarks.relevance``, asked of the whole sets. For each set, and for queries of one word,
of two or three, and of more: the mean average precision and the share of queries whose first photo is right.

``plain``     the query's own vector
``prompts``   the mean of the vectors of the query in each of ``PROMPTS``, ensembled as the authors of CLIP do (Radford
              et al. 2021)
``with``      the mean of the query's own vector and of that
``searched``  as a search does it (``services.search.prompts``)
``bias a``    from each photo's score, ``a`` times the mean of its 16 largest scores with the query bank's visible
              things is taken off (nearest neighbour normalisation, Chowdhury et al. 2024)
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import command, machine
from benchmarks.relevance_sets import Encode, Gallery, galleries
from benchmarks.segments import average_precision
from src.models import query_bank
from src.models.model_manager import ModelManager
from src.services.search import prompts

PROMPTS = ("a photo of {}", "a picture of {}", "{} in a photo", "a close-up of {}", "there is {} in the scene")
BIASES = (0.25, 0.5, 0.75)
NEAREST = 16
"""Scores of a photo that its bias is the mean of."""
BATCH = 256
Rows = NDArray[np.float64]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    parser = command.parser("rankings", __doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the sets of benchmarks.relevance")
    options = parser.parse_args(arguments)
    return command.told(lambda: measure(options), table, options.json)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures. Raises OSError for a folder without the pictures."""
    models = ModelManager("builtin")
    visible = models.encode_text(query_bank.texts("visible"))
    sets = {gallery.name: _of(gallery, models.encode_text, visible) for gallery in galleries(models, options.data)}
    return {"model": models.model_id, "space": models.space, "sets": sets, "machine": machine.reference()}


def _of(gallery: Gallery, encode: Encode, visible: NDArray[np.float32]) -> dict[str, Any]:
    """Length of the queries -> how many there are, and reading -> its two figures."""
    names = list(gallery.right)
    right = np.zeros((len(names), len(gallery.images)), bool)
    for number, name in enumerate(names):
        right[number, list(gallery.right[name])] = True
    words = np.array([len(name.split()) for name in names])
    groups = {"1": words == 1, "2-3": (words > 1) & (words < 4), "more": words > 3}
    found: dict[str, Any] = {name: {"queries": int(some.sum())} for name, some in groups.items() if some.any()}
    for reading, scores in _readings(gallery, names, encode, visible):
        precision, first = _figures(scores, right)
        for name, group in found.items():
            group[reading] = [round(float(column[groups[name]].mean()), 4) for column in (precision, first)]
    return found


def _readings(
    gallery: Gallery, names: Sequence[str], encode: Encode, visible: NDArray[np.float32]
) -> Iterator[tuple[str, Rows]]:
    own = _encoded(names, encode)
    prompted = _unit(np.mean([_encoded([prompt.format(name) for name in names], encode) for prompt in PROMPTS], axis=0))
    plain = (own @ gallery.images.T).astype(np.float64)
    yield "plain", plain
    found = prompts.vectors(names, partial(_encoded, encode=encode))
    yield "searched", (np.stack([found[name] for name in names]) @ gallery.images.T).astype(np.float64)
    yield "prompts", (prompted @ gallery.images.T).astype(np.float64)
    yield "with", (_unit(own + prompted) @ gallery.images.T).astype(np.float64)
    bias = np.sort(gallery.images @ visible.T, axis=1)[:, -NEAREST:].mean(axis=1)
    for share in BIASES:
        yield f"bias {share}", plain - share * bias


def _encoded(texts: Sequence[str], encode: Encode) -> NDArray[np.float32]:
    return np.concatenate([encode(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)])


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    scaled: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def _figures(scores: Rows, right: NDArray[np.bool_]) -> tuple[Rows, Rows]:
    """Average precision of each query, and whether its first photo is right."""
    precision = np.array([average_precision(row, fits) for row, fits in zip(scores, right, strict=True)])
    first = np.take_along_axis(right, scores.argmax(axis=1)[:, None], axis=1)[:, 0]
    return precision, first.astype(np.float64)


def table(result: dict[str, Any]) -> str:
    """The figures as lines of text."""
    lines = []
    for name, groups in result["sets"].items():
        for words, group in groups.items():
            lines.append(f"{name}, queries of {words} words ({group['queries']})")
            lines += [
                f"  {reading:10} {pair[0]:.3f} {pair[1]:.3f}" for reading, pair in group.items() if reading != "queries"
            ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
