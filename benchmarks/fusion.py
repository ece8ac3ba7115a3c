"""One list from what a photo shows, what a model says of it and what is written of it: which way to put them together?

python -m benchmarks.fusion --data FOLDER [--fit] [--json]

Sets, each a library of its own:

described    flickr8k's test split: of each picture's five captions the first is its description, the others are queries
half described  the same, every second picture without a description
named        photos1000, each photo tagged with its class's name; the names are queries
half named   the same, every second photo without its tag
text         the pictures of ocr/ with the words that people noted, and those without text: words that are in at most
             ``RARE`` pictures are queries
files        library/, by the names of its files

Parts: ``images`` and ``descriptions`` by their vectors, ``words`` as the search finds photos by words
(``services.search.names``; a description's words too). Ways to put them together:

rrf          the sum of 1 / (60 + rank) over the parts (Cormack et al., "Reciprocal Rank Fusion", 2009)
convex       a weighted mean of the chances (Bruch et al., "An Analysis of Fusion Functions for Hybrid Retrieval", 2023)
noisy-or     1 - product of (1 - chance): that at least one part is right
searched     as a search does it (``services.search.parts``): of a photo with a description its noisy-or with what it
             shows, made less sure by two weights; photos found by words stand before all others
lifted       the same without descriptions

Told is the share of queries whose photo is among the first 1, 5 and 10. All weights, also those that make a chance of a
description's cosine, were fitted on flickr8k's dev split (``--fit`` does it again and prints them, and judges these;
``searched`` stays as it is), so the test split and the other sets judge them.

``calibration``: pictures and descriptions of the test split, in libraries of 20 to 1,000 of them. Asked are words that
captions have, one or two that stand together (a photo is right where one of its other four captions has them), names of
photos1000's classes that no caption has, and nonsense: how often nothing fits is told, and the expected calibration
error of the first 20 hits, as ``benchmarks.relevance`` does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import command, machine
from benchmarks.fusion_sets import Numbers, Set, Tried, chances_of, described, sets, tried
from benchmarks.relevance import Asked, calibration_error, fitted
from benchmarks.retrieval import ranks_of, recalls
from src.models.embedders.builtin import BuiltinEmbedder
from src.models.model_manager import ModelManager
from src.schema.search import NOTHING, STRONG
from src.services.search import calibration

RRF = 60
KINDS = ("nonsense", "absent", "answerable")
PARTS = ("images", "descriptions", "words")
GAIN, LOSS = 0.03, 0.01
"""What descriptions must add to the better part's recall at 10 on flickr8k, and what fusing may cost anywhere."""
HITS = 20
"""Of each query, that are judged."""


@dataclass(frozen=True)
class Weights:
    """How much a part's chance counts, in the order of PARTS."""

    convex: tuple[float, float, float] = (0.75, 1.0, 1.0)
    together: tuple[float, float] = (calibration.SHARE, calibration.DOUBT)
    """What ``calibration.together`` scales by; of these alone no search knows."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    parser = command.parser("fusion", __doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with flickr8k/, photos1000/, ocr/ and library/"
    )
    parser.add_argument("--fit", action="store_true", help="fit the weights anew, print them, and judge these")
    options = parser.parse_args(arguments)
    return command.told(lambda: measure(options), table, options.json)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures. Raises OSError for a folder without the pictures."""
    models = ModelManager("builtin")
    embedder = models.embedder()
    assert isinstance(embedder, BuiltinEmbedder)
    curve, dev = calibration.DESCRIPTIONS, []
    if options.fit:
        dev = list(tried("dev", options.data, models, embedder))
        curve = fitted([_to_fit(one) for one in dev])
    chances = {some.name: chances_of(some, models, embedder, curve) for some in sets(options.data, models)}
    weights = Weights()
    if options.fit:
        weights = _best(described(options.data / "flickr8k", "dev", models), models, embedder, curve)
        weights = replace(weights, together=_scale(dev, curve))
    found = {name: _figures(parts, right, weights) for name, (parts, right) in chances.items()}
    test = list(tried("test", options.data, models, embedder))
    return {
        "curve": vars(curve),
        "weights": vars(weights),
        "sets": found,
        "calibration": judged(test, curve),
        "passed": passed(found),
        "machine": machine.reference(),
    }


# ---------------------------------------------------------------- put together

SHARES = (0.25, 0.5, 0.75, 1.0)


def _best(some: Set, models: ModelManager, embedder: BuiltinEmbedder, curve: calibration.Weights) -> Weights:
    """The convex mean with the best mean reciprocal rank; the share of words is the largest."""
    parts, right = chances_of(some, models, embedder, curve)
    tried = [(one, other, 1.0) for one in SHARES for other in SHARES if 1.0 in (one, other)]
    ranks = {share: ranks_of(fused(parts, "convex", Weights(share)), right) for share in tried}  # type: ignore[arg-type]
    return Weights(max(tried, key=lambda share: float((1 / (1 + ranks[share])).mean())))


def _scale(dev: Sequence[Tried], curve: calibration.Weights) -> tuple[float, float]:
    """The two weights of ``calibration.together``: a logistic model of whether a hit is right, by both's evidence."""
    rows = []
    for one in dev:
        read_ = calibration.chance(one.heights, one.visible, curve)
        neither = np.clip((1 - one.by_image) * (1 - read_), 1e-13, 1 - 1e-13)
        best = np.argsort(neither)[:HITS]
        evidence = np.log((1 - neither) / neither)[best]
        rows.append(Asked("dev", one.kind, True, evidence, evidence, 0.0, one.fits[best], 0, 0))
    found = fitted(rows)
    return found.height, found.constant


def fused(parts: Mapping[str, Numbers], method: str, weights: Weights) -> Numbers:
    """(q, n): what photos are put in order by."""
    if method == "rrf":
        return _sum(_reciprocal(chances) for chances in parts.values())
    if method in ("lifted", "searched"):
        seen = parts["images"]
        if method == "searched" and "descriptions" in parts:
            has = parts["descriptions"].max(0) > 0
            seen = np.where(has, calibration.together(seen, parts["descriptions"]), seen)
        return 1 - (1 - seen) * (1 - parts.get("words", np.zeros(1)))
    if method == "noisy-or":
        left: Numbers = np.prod([1 - chances for chances in parts.values()], axis=0)
        return 1 - left
    share = dict(zip(PARTS, weights.convex, strict=True))
    return _sum(share[name] * chances for name, chances in parts.items())


def _sum(rows: Iterable[Numbers]) -> Numbers:
    total: Numbers = np.sum(list(rows), axis=0)
    return total


METHODS = ("rrf", "convex", "noisy-or", "searched", "lifted")


def _reciprocal(chances: Numbers) -> Numbers:
    """1 / (60 + rank), the best at 1; nothing where the part says nothing."""
    order = np.argsort(-chances, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, chances.shape[1] + 1)[None], axis=1)
    return np.where(chances > 0, 1.0 / (RRF + ranks), 0.0)


def _figures(parts: Mapping[str, Numbers], right: NDArray[np.bool_], weights: Weights) -> dict[str, dict[str, float]]:
    """Each part, and each way to put them together -> recalls; of those with chances their calibration error too."""
    found = {name: recalls(ranks_of(chances, right)) for name, chances in parts.items()}  # type: ignore[arg-type]
    for method in METHODS:
        together = fused(parts, method, weights)
        found[method] = recalls(ranks_of(together, right))  # type: ignore[arg-type]
        if method != "rrf":
            found[method]["ece"] = _error(together, right)
    return found


def _error(chances: Numbers, right: NDArray[np.bool_]) -> float:
    best = np.argsort(-chances, axis=1)[:, :HITS]
    first = np.take_along_axis(chances, best, 1), np.take_along_axis(right, best, 1)
    return round(calibration_error(first[0].ravel(), first[1].ravel()), 4)


def passed(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> dict[str, bool]:
    """Each bar, and whether the way that the search uses meets it."""
    best = {name: max(one[part]["r@10"] for part in PARTS if part in one) for name, one in found.items()}
    gains = {name: one["searched"]["r@10"] - best[name] for name, one in found.items()}
    return {"gain": gains["described"] >= GAIN, "loss": min(gains.values()) >= -LOSS}


# ---------------------------------------------------------------- what a chance is worth


def _to_fit(one: Tried) -> Asked:
    """The best hits of a query by the descriptions, as the weights are fitted to."""
    best = np.argsort(-one.heights)[:HITS]
    height, fits = one.heights[best], one.fits[best]
    return Asked("dev", one.kind, True, height, height, one.visible, fits, int(one.fits.sum()), len(one.fits))


def judged(queries: Sequence[Tried], curve: calibration.Weights) -> dict[str, Any]:
    """Part, and all together -> how often nothing is told to fit, by the kind of a query, and how right it is."""
    read_ = [calibration.chance(one.heights, one.visible, curve) for one in queries]
    ways = {"images": [one.by_image for one in queries], "descriptions": read_}
    each = list(zip(queries, read_, strict=True))
    for method in ("noisy-or", "searched"):
        parts = [{"images": one.by_image[None], "descriptions": some[None]} for one, some in each]
        ways[method] = [fused(some, method, Weights())[0] for some in parts]
    return {name: _judged(queries, chances) for name, chances in ways.items()}


def _judged(queries: Sequence[Tried], chances: Sequence[Numbers]) -> dict[str, Any]:
    order = [np.argsort(-some)[:HITS] for some in chances]
    best = [some[places] for some, places in zip(chances, order, strict=True)]
    right = [one.fits[places] for one, places in zip(queries, order, strict=True)]
    nothing = [some[0] < NOTHING for some in best]
    kinds = {kind: [is_ for one, is_ in zip(queries, nothing, strict=True) if one.kind == kind] for kind in KINDS}
    every, fits = np.concatenate(best), np.concatenate(right)
    strong, there = every >= STRONG, sum(min(int(one.fits.sum()), HITS) for one in queries)
    return {
        "flagged": {kind: round(float(np.mean(some)), 3) for kind, some in kinds.items() if some},
        "strong": {
            "precision": round(float(fits[strong].mean()), 3) if strong.any() else None,
            "recall": round(float((fits & strong).sum() / max(there, 1)), 3),
        },
        "ece": round(calibration_error(every, fits), 4),
        "hits": len(fits),
    }


def table(result: dict[str, Any]) -> str:
    """The figures for a reader, in per cent."""
    lines = [f"curve {result['curve']}, weights {result['weights']}, commit {result['machine']['commit']}"]
    for name, ways in result["sets"].items():
        lines.append(f"{name:20}{'r@1':>8}{'r@5':>8}{'r@10':>8}{'ECE':>8}")
        for way, told in ways.items():
            lines.append(f"  {way:18}" + "".join(f"{100 * value:8.1f}" for value in told.values()))
    lines += [f"words of captions, {way}: {told}" for way, told in result["calibration"].items()]
    return "\n".join([*lines, *(f"{name}: {'met' if met else 'NOT MET'}" for name, met in result["passed"].items())])


if __name__ == "__main__":
    sys.exit(main())
