"""Objects inside photos: python -m benchmarks.segments --data FOLDER [--quick] [--json]

coco128: the share of its boxes that one of a segmenter's first 12, first 50 proposals meets (intersection over union of
at least 0.5), for the built-in segmenter and three baselines: a regular grid of boxes at several scales, felzenszwalb
at scikit-image's defaults followed by selective search's merging (largest regions first), and the spectral residual's
salient spots. Told for all files, and apart for the even and the odd ones. The built-in segmenter's few weights were
set by hand with an eye on the even ones and on benchmarks.small_things' composites; the odd ones' figures were seen
meanwhile, so they are no untouched test. ``everyday`` is: 200 other photos, on which nothing was set, judge the same
(``judged``).

bsds500: for each segment of at least 2 % of the picture that a person drew, the best intersection over union with a
proposal's mask, averaged over segments. Seconds a photo: the median of five rounds.

Cuts: which way of cutting an object out suits the built-in model. Each of coco128's boxes becomes a vector, the name of
each class a query; mean average precision over classes. Once with the box itself as the mask, once with the built-in
segmenter's mask where one meets the box. The way that the product takes was chosen on coco128; ``everyday`` judges this
too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import command, machine, proposals
from benchmarks.labelled import Boxes, Labelled, coco128, everyday
from src import masks
from src.models.model_manager import ModelManager
from src.processing.regions import RegionSegmenter
from src.processing.segment_extractor import Cut, cut_out
from src.schema import Segment

Proposer = Callable[[Image.Image, int], Boxes]

NUMBERS = (12, 50)
MEETS = 0.5
HUMAN_SHARE = 0.02
ROUNDS = 5
TIMED = 24
LEAST_SIDE = 16
"""Pixels of a box's shorter side, below which it is not cut out."""
CUTS = {
    "blurred outside, whole picture": Cut("blur", None),
    "blurred outside, box": Cut("blur", 0.0),
    "blurred outside, box padded 25 %": Cut("blur", 0.25),
    "plain box": Cut("keep", 0.0),
    "box padded 10 %": Cut("keep", 0.1),
    "box padded 25 %": Cut("keep", 0.25),
    "mean outside, box": Cut("mean", 0.0),
    "mean outside, box padded 25 %": Cut("mean", 0.25),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    options = _options(arguments)
    return command.told(lambda: measure(options.data, options.quick), table, options.json)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("segments", __doc__, quick="an eighth of the pictures")
    parser.add_argument("--data", type=Path, required=True, help="folder with boxes/")
    return parser.parse_args(arguments)


def measure(data: Path, quick: bool = False) -> dict[str, Any]:
    """All figures. Raises OSError where the pictures are not there."""
    step = 8 if quick else 1
    photos = coco128(data / "boxes" / "coco128")[::step]
    segmenter = RegionSegmenter()
    proposers: dict[str, Proposer] = {"built-in": partial(built_in, segmenter), **proposals.BASELINES}
    models = ModelManager("builtin")
    told = inside(photos, proposers, models, segmenter)
    judged = inside(everyday(data / "boxes" / "everyday")[::step], proposers, models, segmenter)
    return {
        **told,
        "judged": judged,
        "passed": told["passed"] and judged["passed"],
        "bsds500": humans(segmenter, data / "boxes" / "bsds500", step),
        "seconds_a_photo": seconds(segmenter, [photo.image for photo in photos[:TIMED]]),
        "quick": quick,
        "machine": machine.reference(),
    }


def inside(
    photos: Sequence[Labelled], proposers: Mapping[str, Proposer], models: ModelManager, segmenter: RegionSegmenter
) -> dict[str, Any]:
    """Of one set of photos: boxes met by each proposer, and how each way of cutting out does.

    ``passed``: no baseline met more.
    """
    recalls = {name: recall(propose, photos) for name, propose in proposers.items()}
    best = {
        f"all@{most}": max(told[f"all@{most}"] for name, told in recalls.items() if name != "built-in")
        for most in NUMBERS
    }
    return {
        "recall": recalls,
        "boxes": sum(len(photo.boxes) for photo in photos),
        "photos": len(photos),
        "best_baseline": best,
        "passed": all(recalls["built-in"][key] >= value for key, value in best.items()),
        "cuts": cuts(models, segmenter, photos),
    }


# ---------------------------------------------------------------- boxes


def built_in(segmenter: RegionSegmenter, image: Image.Image, most: int) -> Boxes:
    return np.array([segment.box for segment in segmenter.segment(image, most)], np.float64).reshape(-1, 4)


def recall(propose: Proposer, photos: Sequence[Labelled]) -> dict[str, float]:
    """Share of the boxes that a proposal meets: ``all@12``, ``even@12``, ``odd@12`` and the same at 50."""
    found = [_met(photo.boxes, propose(photo.image, max(NUMBERS))) for photo in photos]
    parts = {"all": found, "even": found[::2], "odd": found[1::2]}
    result = {}
    for name, some in parts.items():
        total = max(1, sum(len(first) for first in some))
        for most in NUMBERS:
            result[f"{name}@{most}"] = round(sum(int((first < most).sum()) for first in some) / total, 4)
    return result


def _met(boxes: Boxes, proposed: Boxes) -> NDArray[np.int64]:
    """(n,) place of the first proposal that meets each box; a large number where none does."""
    meets = overlaps(boxes, proposed) >= MEETS
    first: NDArray[np.int64] = (
        np.where(meets.any(axis=1), meets.argmax(axis=1), 1 << 30) if len(proposed) else np.full(len(boxes), 1 << 30)
    )
    return first


def overlaps(boxes: Boxes, others: Boxes) -> NDArray[np.float64]:
    """(n, 4), (m, 4) -> (n, m) intersection over union."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    sizes = [(each[:, 2:] - each[:, :2]).prod(axis=1) for each in (boxes, others)]
    result: NDArray[np.float64] = shared / np.maximum(sizes[0][:, None] + sizes[1][None] - shared, 1e-9)
    return result


# ---------------------------------------------------------------- masks


def humans(segmenter: RegionSegmenter, folder: Path, step: int = 1) -> dict[str, float]:
    """Mean best intersection over union at 12 and 50 proposals, and of the segments that a person drew how many there
    were.
    """
    files = sorted((folder / "images").glob("*.jpg"))[::step]
    if not files:
        raise FileNotFoundError(f"There are no photos in {folder / 'images'}.")
    best: dict[int, list[float]] = {most: [] for most in NUMBERS}
    for path in files:
        with Image.open(path) as opened:
            found = segmenter.segment(opened, max(NUMBERS))
        for drawn in sorted((folder / "segmentations").glob(f"{path.stem}_*.png")):
            with Image.open(drawn) as opened:
                labels = np.asarray(opened)
            table = mask_overlaps(labels, found)
            for most in NUMBERS:
                best[most] += table[:, :most].max(axis=1, initial=0).tolist()
    means: dict[str, float] = {f"mean_best@{most}": round(float(np.mean(values)), 4) for most, values in best.items()}
    return {**means, "segments": len(best[NUMBERS[0]]), "photos": len(files)}


def mask_overlaps(labels: NDArray[Any], found: Sequence[Segment]) -> NDArray[np.float64]:
    """(k, m) of the k labelled parts that are large enough with the masks of m segments."""
    height, width = labels.shape
    numbers, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    shown = [masks.decode(masks.resized(segment.mask, height, width)).ravel() for segment in found]
    shared = (
        np.array([np.bincount(places.ravel()[mask], minlength=len(numbers)) for mask in shown])
        .reshape(-1, len(numbers))
        .T
    )
    sizes = np.array([mask.sum() for mask in shown])
    table: NDArray[np.float64] = shared / (counts[:, None] + sizes[None] - shared)
    return table[counts >= HUMAN_SHARE * labels.size]


def seconds(segmenter: RegionSegmenter, images: Sequence[Image.Image]) -> dict[str, float]:
    """A photo, in one thread: the median round's mean, and the slowest photo's median."""
    works = {str(at): partial(segmenter.segment, image, NUMBERS[0]) for at, image in enumerate(images)}
    times = np.array(list(machine.alternated(works, ROUNDS).values()))
    return {
        "mean": round(float(np.median(times.mean(axis=0))), 4),
        "slowest": round(float(np.median(times, axis=1).max()), 4),
        "spread": machine.spread(times.mean(axis=0).tolist()),
    }


# ---------------------------------------------------------------- cuts


def cuts(models: ModelManager, segmenter: RegionSegmenter, photos: Sequence[Labelled]) -> dict[str, dict[str, float]]:
    """Mean average precision of each way of cutting out, with boxes as masks and with the segmenter's own."""
    known = [box_segments(photo) for photo in photos]
    own = [own_segments(segmenter, photo) for photo in photos]
    result: dict[str, dict[str, float]] = {}
    for name, cut in CUTS.items():
        precision = {what: _precision(models, photos, some, cut) for what, some in (("boxes", known), ("regions", own))}
        result[name] = precision
    objects = {what: sum(map(len, some)) for what, some in (("boxes", known), ("regions", own))}
    return {**result, "objects": objects}


Named = tuple[Segment, str]


def box_segments(photo: Labelled) -> list[Named]:
    """Each box that is large enough as a segment whose mask is the box."""
    width, height = photo.image.size
    segments = []
    for row, name in zip(photo.boxes, photo.names, strict=True):
        x0, y0, x1, y1 = (int(side) for side in np.clip(np.round(row), 0, (width, height, width, height)))
        if min(x1 - x0, y1 - y0) >= LEAST_SIDE:
            pixels = np.zeros((height, width), bool)
            pixels[y0:y1, x0:x1] = True
            segments.append((Segment((x0, y0, x1, y1), masks.encode(pixels), 1.0), name))
    return segments


def own_segments(segmenter: RegionSegmenter, photo: Labelled) -> list[Named]:
    """For each box that is large enough the segment among the first 50 that meets it best, where one does."""
    found = segmenter.segment(photo.image, max(NUMBERS))
    table = overlaps(photo.boxes, np.array([segment.box for segment in found], np.float64).reshape(-1, 4))
    large = (photo.boxes[:, 2:] - photo.boxes[:, :2]).min(axis=1, initial=1e9) >= LEAST_SIDE
    places = [
        (int(row.argmax()), name)
        for row, name, fits in zip(table, photo.names, large, strict=True)
        if fits and row.max(initial=0) >= MEETS
    ]
    return [(found[at], name) for at, name in places]


def _precision(models: ModelManager, photos: Sequence[Labelled], found: Sequence[Sequence[Named]], cut: Cut) -> float:
    """Mean over the class names of the average precision among all objects."""
    names = np.array([name for some in found for _, name in some])
    vectors = [
        models.encode([cut_out(photo.image, segment, cut) for segment, _ in some])
        for photo, some in zip(photos, found, strict=True)
        if some
    ]
    if not vectors:
        return 0.0
    classes = sorted(set(names.tolist()))
    scores = models.encode_text(classes) @ np.concatenate(vectors).T
    return round(
        float(np.mean([average_precision(row, names == name) for row, name in zip(scores, classes, strict=True)])), 4
    )


def average_precision(scores: NDArray[Any], right: NDArray[np.bool_]) -> float:
    """Mean of the precision at each right one, the highest score first."""
    ordered = right[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    return float(precision[ordered].mean()) if ordered.any() else 0.0


# ---------------------------------------------------------------- telling


def table(result: Mapping[str, Any]) -> str:
    """The figures for a reader."""
    lines = [f"commit {result['machine']['commit']}"]
    for title, some in (("coco128", result), ("everyday, on which nothing was set", result["judged"])):
        lines.append(f"{title}: {some['photos']} photos, {some['boxes']} boxes; recall at IoU 0.5")
        for name, told in some["recall"].items():
            lines.append(f"  {name:18}" + "  ".join(f"{key} {value:.3f}" for key, value in told.items()))
    humans_told, time = result["bsds500"], result["seconds_a_photo"]
    lines.append("bsds500, mean best IoU   " + "  ".join(f"{key} {value}" for key, value in humans_told.items()))
    lines.append(
        f"seconds a photo          mean {time['mean']:.3f}, slowest {time['slowest']:.3f} (spread {time['spread']:.0%})"
    )
    lines.append("mean average precision of class names over cut-out objects (boxes as masks, the segmenter's masks)")
    for title, some in (("coco128", result), ("everyday", result["judged"])):
        for name, told in some["cuts"].items():
            lines.append(f"  {title:9} {name:34}" + "  ".join(f"{key} {value:.4g}" for key, value in told.items()))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
