"""Whether a hit's percentage means something: ``python -m benchmarks.relevance --data FOLDER [--fit] [--quick]
[--json]``.

Asked are the names of things in photos1000, coco128, cifar10, boxes/everyday and the tags of library/, and the first
caption of each picture of flickr8k's test split, in the whole sets and in libraries of 20 to 1,000 photos drawn from
them (seed 0), as the search does it:

answerable   queries of which the library has a right photo; ``flagged`` is the share that is told that nothing fits
absent       names of things of which it has none, though the whole set may (not flickr8k, where other photos fit a
             caption as well, and not library/, whose photographer did not tag all there is)
nonsense     relevance_nonsense.txt, which was written for this judgement alone

Of the first 20 hits of all of these: the precision and the recall (of the right photos of the library, at most 20) of
the band *strong*, and the expected calibration error of the percentages, in ten bins. Each hit that the labels do not
call right counts as wrong.

The weights were fitted to every second query of each set (``--fit`` does that again and prints them), so the figures
are those of the other queries. Beside them, in the same libraries: the floor that was used before, and the best fixed
cosine, which is the lowest that flags 95 % of the nonsense of all sets together, chosen on the very queries that it is
judged by. ``projected`` is the same model seen through a random projection to 256 numbers: another model, to which
nothing was fitted.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import command, machine, relevance_terms
from benchmarks.relevance_sets import Encode, Gallery, galleries
from src.models import query_bank
from src.models.model_manager import ModelManager
from src.models.query_bank import QueryBank
from src.schema.search import NOTHING, STRONG
from src.services.search import calibration, prompts

NONSENSE = Path(__file__).with_name("relevance_nonsense.txt")
HITS = 20
LIBRARIES, QUICK = 40, 8
"""Drawn from each set, beside the whole of it."""
LABELLED = ("coco128", "everyday", "library")
"""Sets whose photos have several names each."""
ANSWERABLE, ABSENT, STRANGE = 24, 12, 12
"""Queries of each kind asked of one library."""
FORMER_FLOORS = ((50, 0.185), (200, 0.218), (1000, 0.252))
"""(photos, cosine): below it a best hit was called weak by the version before this one."""
BARS = {"nonsense": 0.95, "absent": 0.6, "answerable": 0.05, "strong_precision": 0.8, "strong_recall": 0.5, "ece": 0.08}


@dataclass
class Asked:
    """One query of one library: its best hits, best first."""

    gallery: str
    kind: str
    """answerable, absent or nonsense"""
    fitted: bool
    """It is one of those that the weights are fitted to."""
    scores: NDArray[np.float64]
    heights: NDArray[np.float64]
    visible: float
    right: NDArray[np.bool_]
    there: int
    """Right photos in the library."""
    photos: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    parser = command.parser("relevance", __doc__, quick=f"{QUICK} libraries of each set")
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with photos1000/, cifar10/, flickr8k/, library/ and boxes/"
    )
    parser.add_argument("--fit", action="store_true", help="fit the weights anew, print them, and judge these")
    options = parser.parse_args(arguments)
    return command.told(lambda: measure(options), table, options.json)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures. Raises OSError for a folder without the pictures."""
    models = ModelManager("builtin")
    sets = galleries(models, options.data)
    strange = [line for line in NONSENSE.read_text(encoding="utf-8").splitlines() if line]
    rounds = QUICK if options.quick else LIBRARIES
    own = list(asked(sets, models.encode_text, strange, rounds))
    turn = np.random.default_rng(1).normal(size=(models.dimensions, 256)).astype(np.float32)
    turned = [Gallery(some.name, _turned(some.images, turn), some.right, some.exclusive) for some in sets]
    other = list(asked(turned, lambda texts: _turned(models.encode_text(texts), turn), strange, rounds))
    weights = fitted(own) if options.fit else calibration.WORDS
    result: dict[str, Any] = {"model": models.model_id, "space": models.space, "weights": vars(weights), "bars": BARS}
    result |= {"builtin": figures(own, weights), "projected": figures(other, weights)}
    labelled = [some for some in sets if some.name in LABELLED]
    result["terms"] = relevance_terms.measured(
        labelled, partial(_words, models.encode_text), query_bank.build(models.encode_text)
    )
    return result | {"quick": options.quick, "machine": machine.reference()}


def _words(encode: Encode, texts: Sequence[str]) -> NDArray[np.float32]:
    """Words as a search asks for them."""
    found = prompts.vectors(texts, encode)
    return np.stack([found[text] for text in texts])


def _turned(vectors: NDArray[np.float32], turn: NDArray[np.float32]) -> NDArray[np.float32]:
    found = vectors @ turn
    projected: NDArray[np.float32] = found / np.linalg.norm(found, axis=1, keepdims=True)
    return projected


# ---------------------------------------------------------------- asking


def asked(sets: Sequence[Gallery], encode: Encode, strange: Sequence[str], rounds: int) -> Iterator[Asked]:
    """Every query of every library."""
    bank, dice = query_bank.build(encode), np.random.default_rng(0)
    nonsense = _words(encode, strange)
    for gallery in sets:
        names = list(gallery.right)
        vectors = np.concatenate([_words(encode, names[at : at + 256]) for at in range(0, len(names), 256)])
        for turn in range(rounds + 1):
            total = len(gallery.images)
            size = total if not turn else min(total, round(math.exp(dice.uniform(math.log(20), math.log(1000)))))
            library = dice.permutation(total)[:size]
            yield from _of_library(gallery, library, names, vectors, nonsense, bank, dice)


def _of_library(
    gallery: Gallery,
    library: NDArray[np.int64],
    names: Sequence[str],
    vectors: NDArray[np.float32],
    nonsense: NDArray[np.float32],
    bank: QueryBank,
    dice: np.random.Generator,
) -> Iterator[Asked]:
    images, held = gallery.images[library], frozenset(library.tolist())
    background = calibration.best_scores(bank.nothing, images[: calibration.SAMPLE], len(images))
    order = dice.permutation(len(names))
    there = [number for number in order if gallery.right[names[number]] & held][:ANSWERABLE]
    gone = [number for number in order if not gallery.right[names[number]] & held][:ABSENT] if gallery.exclusive else []
    odd = dice.choice(len(nonsense), min(STRANGE, len(nonsense)), replace=False)
    for kind, numbers, matrix in (
        ("answerable", there, vectors),
        ("absent", gone, vectors),
        ("nonsense", odd, nonsense),
    ):
        for number in numbers:
            right = gallery.right[names[number]] if kind != "nonsense" else frozenset()
            scores = images @ matrix[number]
            best = np.argsort(-scores)[:HITS]
            found = scores[best].astype(np.float64)
            yield Asked(
                gallery.name,
                kind,
                number % 2 == 0,
                found,
                background.height(found, len(images)),
                float(bank.visible(matrix[number][None])[0]),
                np.array([library[place] in right for place in best]),
                len(right & held),
                len(images),
            )


# ---------------------------------------------------------------- judging


def figures(queries: Sequence[Asked], weights: calibration.Weights) -> dict[str, Any]:
    """Of each set, and of all together, the queries that nothing was fitted to."""
    judged = [query for query in queries if not query.fitted]
    found = {
        name: _figures([query for query in judged if query.gallery == name], weights)
        for name in {q.gallery for q in judged}
    }
    cosine = float(np.quantile([query.scores[0] for query in judged if query.kind == "nonsense"], 0.95))
    return {
        "sets": found,
        "all": _figures(judged, weights),
        "fixed_cosine": {"cosine": round(cosine, 3), **_flagged(judged, lambda query: query.scores[0] < cosine)},
        "former_floor": _flagged(judged, lambda query: query.scores[0] < _former_floor(query.photos)),
    }


def _figures(queries: Sequence[Asked], weights: calibration.Weights) -> dict[str, Any]:
    chances = [calibration.chance(query.heights, query.visible, weights) for query in queries]
    nothing = {id(query): chance[0] < NOTHING for query, chance in zip(queries, chances, strict=True)}
    all_chances = np.concatenate(chances)
    right = np.concatenate([query.right for query in queries])
    strong = all_chances >= STRONG
    there = sum(min(query.there, HITS) for query in queries)
    return {
        "flagged": _flagged(queries, lambda query: nothing[id(query)]),
        "strong": {
            "precision": round(float(right[strong].mean()), 3) if strong.any() else None,
            "recall": round(float((right & strong).sum() / max(there, 1)), 3),
        },
        "ece": round(calibration_error(all_chances, right), 3),
        "hits": len(right),
    }


def _flagged(queries: Sequence[Asked], weak: Callable[[Asked], Any]) -> dict[str, float | None]:
    """Share of the queries of each kind that are told that nothing fits; ``first_right``: of the answerable ones whose
    best hit is right.
    """
    kinds = {
        kind: [bool(weak(query)) for query in queries if query.kind == kind]
        for kind in ("answerable", "absent", "nonsense")
    }
    kinds["first_right"] = [bool(weak(query)) for query in queries if query.kind == "answerable" and query.right[0]]
    return {kind: round(float(np.mean(flags)), 3) if flags else None for kind, flags in kinds.items()}


def calibration_error(chances: NDArray[np.float64], right: NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error: how far the mean chance of each bin lies from the share that is right, weighted by
    the bin's size.

    chances: (n,) in 0..1. right: (n,). Guo et al., "On Calibration of Modern Neural Networks", 2017.
    """
    place = np.minimum((chances * bins).astype(int), bins - 1)
    gaps = [
        (place == number).mean() * abs(chances[place == number].mean() - right[place == number].mean())
        for number in set(place)
    ]
    return float(sum(gaps))


def _former_floor(photos: int) -> float:
    sizes, cosines = zip(*FORMER_FLOORS, strict=True)
    return float(np.interp(math.log(photos), np.log(sizes), cosines))


# ---------------------------------------------------------------- fitting


def fitted(queries: Sequence[Asked], steps: int = 50) -> calibration.Weights:
    """Logistic regression of whether a hit is right, by Newton's method, on the queries that are for it; each set
    weighs the same.

    flickr8k is left out: its other photos that fit a caption count as wrong.
    """
    chosen = [query for query in queries if query.fitted and query.gallery != "flickr8k"]
    hits = {
        name: sum(len(query.right) for query in chosen if query.gallery == name) for name in {q.gallery for q in chosen}
    }
    weight = np.concatenate([np.full(len(query.right), 1 / hits[query.gallery]) for query in chosen])
    columns = [(query.heights, np.full(len(query.right), query.visible), np.ones(len(query.right))) for query in chosen]
    matrix = np.concatenate([np.stack(column, axis=1) for column in columns])
    right = np.concatenate([query.right for query in chosen]).astype(np.float64)
    found = np.zeros(3)
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-matrix @ found))
        slope = matrix.T @ (weight * (right - chance))
        bend = (matrix * (weight * chance * (1 - chance))[:, None]).T @ matrix
        found += np.linalg.solve(bend + 1e-9 * np.eye(3), slope)
    height, visible, constant = (round(float(value), 3) for value in found)
    return calibration.Weights(height, visible, constant)


def table(result: dict[str, Any]) -> str:
    lines = [f"weights {result['weights']}, commit {result['machine']['commit']}"]
    for model in ("builtin", "projected"):
        lines.append(f"{model:<22}nonsense  absent  answerable  (first right)  strong: precision  recall    ECE")
        told = result[model]
        for name, found in [*sorted(told["sets"].items()), ("all", told["all"])]:
            lines.append(
                f"  {name:<20}{_row(found['flagged'])}{_cell(found['strong']['precision'], 19)}"
                f"{_cell(found['strong']['recall'], 8)}{_cell(found['ece'], 7)}"
            )
        lines += [
            f"  {name:<20}{_row(told[key])}"
            for name, key in (("best fixed cosine", "fixed_cosine"), ("former floor", "former_floor"))
        ]
    for name, readings in result["terms"].items():
        lines.append(f"{name}: {readings['pairs']['without']} pairs; average precision, both among the first")
        for reading, found in readings.items():
            if reading != "pairs":
                both = found.get("both_among_first")
                lines.append(
                    f"  {reading:<20}{_cell(found['average_precision'], 8)}{_cell(both, 8) if both is not None else ''}"
                )
    return "\n".join(lines)


def _row(flagged: dict[str, float | None]) -> str:
    widths = (("nonsense", 8), ("absent", 8), ("answerable", 12), ("first_right", 15))
    return "".join(_cell(flagged[kind], width) for kind, width in widths)


def _cell(value: float | None, width: int) -> str:
    return f"{'–' if value is None else f'{value:.3f}':>{width}}"


if __name__ == "__main__":
    sys.exit(main())
