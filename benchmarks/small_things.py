"""Small things in busy photos, by their names: python -m benchmarks.small_things --data FOLDER [--quick] [--json]

300 composites (seed 0): a thing cut from one of coco128's boxes, its edges feathered, its longer side 15 % of the
scene's, pasted at random into one of the 500 busiest of photos1000's photos; the other 700 photos are as they are.
Scenes are enlarged first to 1,280 pixels, because the things in a camera's pictures have more than 70 pixels; a thing
is never enlarged, so only boxes of 192 pixels and more are used. Left out are people (photos1000 does not say who is in
its photos), boxes that reach the edge of their photo, where only a part of the thing is seen, and boxes of which
another one covers more than 30 %. The names take turns.

The built-in segmenter's weights, the room around an object and the number of objects were chosen with an eye on such
composites, so these are no untouched test. Two others are, and they alone are held against the bars: 300 composites of
the same kind with things from boxes/everyday and another seed (``judged``), and ``everyday`` below.

A query is a thing's name. Right is its composite; composites of the same name and photos whose own class is that thing
count neither way. Searched are the whole images alone, and the best of the whole image and of the objects that the
built-in segmenter found in it.

coco128: for each photo and each name of which it has only boxes under 5 % of its area, the same among all 128 photos;
others with that name count neither way. everyday: the same with boxes/everyday's 200 photos.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from benchmarks import command, machine
from benchmarks.labelled import Labelled, coco128, everyday
from src.models.model_manager import ModelManager
from src.processing.regions import RegionSegmenter
from src.processing.segment_extractor import Bounds, SegmentExtractor

Vectors = NDArray[np.float32]
Bools = NDArray[np.bool_]

COMPOSITES, QUICK = 300, 40
SETTING_SEED, JUDGING_SEED = 0, 1
BUSIEST = 500
SCENE_SIDE = 1_280
SHARE = 0.15
FEATHER = 0.06
"""Of the thing's shorter side."""
COVERED = 0.3
EDGE = 2
"""Pixels between a box and its photo's edge: nearer, the edge may have cut the thing off."""
AT = 10
SMALL_BOX = 0.05
BARS = {"recall": 0.4, "ratio": 2.0}
PREFERENCE = 0.02
"""As the search service has it: a whole image this far below its best object is the hit."""
LOST = 0.025
"""Share of right answers among the first ten that the minimum score may cost."""

OWN_CLASSES = {
    "airplane": "404 895 908", "apple": "948", "backpack": "414", "banana": "954", "bear": "294-297", "bed": "564",
    "bench": "703", "bicycle": "444 671 870 880", "bird": "7-24 80-100 127-146",
    "boat": "403 449 472 484 510 554 576 625 628 780 814 871 914", "book": "917 921",
    "bottle": "440 720 737 898 901 907", "bowl": "659 809", "broccoli": "937", "bus": "654 779 874",
    "car": "407 436 468 475 479 511 581 609 627 656 661 717 734 751 817", "cat": "281-285", "cell phone": "487",
    "chair": "423 559 765 857", "clock": "409 530 892", "couch": "831", "cow": "345 346", "cup": "504 647 967 968",
    "dining table": "532", "dog": "151-268", "donut": "931", "elephant": "101 385 386", "handbag": "748",
    "horse": "339 603", "hot dog": "934", "keyboard": "508 878", "knife": "499 623", "laptop": "620 681",
    "microwave": "651", "motorcycle": "665 670", "mouse": "673", "orange": "950", "oven": "766 827",
    "parking meter": "704", "pizza": "963", "potted plant": "738", "refrigerator": "760", "remote": "761",
    "sandwich": "933", "sheep": "348 349", "sink": "896", "skis": "795", "spoon": "618 910",
    "sports ball": "429 430 522 574 722 768 805 852 890", "stop sign": "919", "teddy bear": "850",
    "tennis racket": "752", "tie": "451 457 906", "toaster": "859", "toilet": "861", "traffic light": "920",
    "train": "466 547 565 705 820 829", "truck": "555 569 675 717 803 864 867", "tv": "598 664 851", "umbrella": "879",
    "vase": "883", "wine glass": "441 572 966", "zebra": "340",
}  # fmt: skip
"""Which of photos1000's classes, counted from 0 in their order, show a thing that coco128 names."""


@dataclass(frozen=True)
class Gallery:
    """Pictures, and what to ask of them."""

    pictures: list[Image.Image]
    queries: list[tuple[str, int]]
    """A name, and the place of the picture that is right."""
    silent: Bools
    """(queries, pictures): those that count neither way."""


@dataclass(frozen=True)
class Encoded:
    """(n, D) of whole pictures; (m, D) of objects, (m,) which picture each is of and its place among that one's, the
    surest 0.
    """

    wholes: Vectors
    objects: Vectors
    owners: NDArray[np.int64]
    places: NDArray[np.int64]

    def first(self, most: int) -> Encoded:
        """As it would be with at most so many objects a picture."""
        kept = self.places < most
        return Encoded(self.wholes, self.objects[kept], self.owners[kept], self.places[kept])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    options = _options(arguments)
    return command.told(lambda: measure(options.data, options.model, options.most, options.quick), table, options.json)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("small_things", __doc__, quick="40 composites in a gallery of 133")
    parser.add_argument("--data", type=Path, required=True, help="folder with photos1000/ and boxes/")
    parser.add_argument("--model", default="builtin", help="any model id of the registry (default: builtin)")
    parser.add_argument(
        "--most",
        type=int,
        nargs="+",
        default=[Bounds().most],
        help="objects a picture, one or several (default: %(default)s)",
    )
    return parser.parse_args(arguments)


def measure(
    data: Path, model: str = "builtin", most: Sequence[int] = (Bounds().most,), quick: bool = False
) -> dict[str, Any]:
    """All figures, for each number of objects a picture.

    Raises AppError for a model that can't be used, OSError without the pictures.
    """
    models = ModelManager(model)
    extractor = SegmentExtractor(RegionSegmenter(), bounds=Bounds(most=max(most)))
    rest, number = scenes(data / "photos1000", quick), QUICK if quick else COMPOSITES
    chosen_on, judges = coco128(data / "boxes" / "coco128"), everyday(data / "boxes" / "everyday")

    def told(gallery: Gallery) -> dict[str, Any]:
        encoded = encode(models, extractor, gallery.pictures)
        return {str(each): compared(models, gallery, encoded.first(each)) for each in most} if gallery.queries else {}

    judged = told(composed(judges, rest, number, JUDGING_SEED))
    return {
        "composites": told(composed(chosen_on, rest, number, SETTING_SEED)),
        "judged": judged,
        "passed": {each: passes(figures) for each, figures in judged.items()},
        "bars": BARS,
        "coco128": told(crowded(chosen_on)),
        "everyday": told(crowded(judges)),
        "model": models.model_id,
        "recipe": extractor.recipe,
        "quick": quick,
        "machine": machine.reference(),
    }


def passes(told: Mapping[str, Any]) -> bool:
    return bool(told["objects"] >= BARS["recall"] and told["objects"] >= BARS["ratio"] * told["whole"])


# ---------------------------------------------------------------- pictures


def scenes(folder: Path, quick: bool = False) -> list[tuple[int, Image.Image]]:
    """photos1000 with the number of each one's class, by name; quick: every eighth.

    Raises OSError where there are none.
    """
    files = list(enumerate(sorted(folder.glob("n*_*.jpg"))))[:: 8 if quick else 1]
    if not files:
        raise FileNotFoundError(f"There are no photos in {folder}.")
    opened = []
    for number, path in files:
        with Image.open(path) as photo:
            opened.append((number, photo.convert("RGB")))
    return opened


def things(photos: Sequence[Labelled], least: int) -> dict[str, list[Image.Image]]:
    """By name: what is in boxes whose longer side has at least that many pixels, that no edge cuts and no other box
    covers much of.
    """
    found: dict[str, list[Image.Image]] = defaultdict(list)
    for photo in photos:
        for at, (box, name) in enumerate(zip(photo.boxes, photo.names, strict=True)):
            others = np.delete(photo.boxes, at, axis=0)
            shared = np.clip(np.minimum(others[:, 2:], box[2:]) - np.maximum(others[:, :2], box[:2]), 0, None).prod(
                axis=1
            )
            sides = box[2:] - box[:2]
            whole = (box[:2] > EDGE).all() and (box[2:] < np.array(photo.image.size) - EDGE).all()
            if name != "person" and whole and sides.max() >= least and shared.max(initial=0) <= COVERED * sides.prod():
                x0, y0, x1, y1 = (round(float(side)) for side in box)
                found[name].append(photo.image.crop((x0, y0, x1, y1)))
    return dict(sorted(found.items()))


def composed(
    photos: Sequence[Labelled], rest: Sequence[tuple[int, Image.Image]], number: int, seed: int = SETTING_SEED
) -> Gallery:
    """The scenes, so many of them with a thing in it."""
    dice = np.random.default_rng(seed)
    pictures = [picture for _, picture in rest]
    classes = [number for number, _ in rest]
    busiest = np.argsort([-business(picture) for picture in pictures], kind="stable")[:BUSIEST]
    free = [int(at) for at in dice.permutation(busiest)]
    cut = things(photos, round(SHARE * SCENE_SIDE))
    queries = []
    for turn in range(number):
        name = list(cut)[turn % len(cut)]
        thing = cut[name][dice.integers(len(cut[name]))]
        at = next(place for place in free if classes[place] not in own_classes(name))
        free.remove(at)
        pictures[at] = pasted(pictures[at], thing, dice)
        queries.append((name, at))
    return Gallery(
        pictures, queries, _silent(queries, len(pictures), {name: _same_class(name, classes) for name in cut})
    )


def pasted(scene: Image.Image, thing: Image.Image, dice: np.random.Generator) -> Image.Image:
    """The scene enlarged, with the thing at a random place."""
    scale = SCENE_SIDE / max(scene.size)
    large = scene.resize((round(scene.width * scale), round(scene.height * scale)), Image.Resampling.BICUBIC)
    shrink = SHARE * SCENE_SIDE / max(thing.size)
    width, height = (max(8, round(side * shrink)) for side in thing.size)
    soft = max(1, round(FEATHER * min(width, height)))
    stencil = Image.new("L", (width, height))
    stencil.paste(255, (soft, soft, width - soft, height - soft))
    place = (int(dice.integers(large.width - width + 1)), int(dice.integers(large.height - height + 1)))
    large.paste(
        thing.resize((width, height), Image.Resampling.LANCZOS),
        place,
        stencil.filter(ImageFilter.GaussianBlur(soft / 2)),
    )
    return large


def business(picture: Image.Image) -> float:
    """Mean difference of neighbouring pixels, in grey levels, at 128 x 128."""
    grey = np.asarray(picture.convert("L").resize((128, 128)), np.float32)
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean())


def own_classes(name: str) -> set[int]:
    """Numbers of photos1000's classes that show such a thing."""
    spans = [span.split("-") for span in OWN_CLASSES.get(name, "").split()]
    return {number for span in spans for number in range(int(span[0]), int(span[-1]) + 1)}


def _same_class(name: str, classes: Sequence[int]) -> set[int]:
    return {at for at, number in enumerate(classes) if number in own_classes(name)}


def crowded(photos: Sequence[Labelled]) -> Gallery:
    """The photos, asked for what is small in them."""
    holds: dict[str, set[int]] = defaultdict(set)
    queries = []
    for at, photo in enumerate(photos):
        shares = (photo.boxes[:, 2:] - photo.boxes[:, :2]).prod(axis=1) / (photo.image.width * photo.image.height)
        for name in sorted(set(photo.names)):
            holds[name].add(at)
            if all(share < SMALL_BOX for share, other in zip(shares, photo.names, strict=True) if other == name):
                queries.append((name, at))
    return Gallery([photo.image for photo in photos], queries, _silent(queries, len(photos), holds))


def _silent(queries: Sequence[tuple[str, int]], pictures: int, holds: Mapping[str, set[int]]) -> Bools:
    silent = np.zeros((len(queries), pictures), bool)
    for row, (name, right) in enumerate(queries):
        silent[row, [*holds[name], *(at for other, at in queries if other == name)]] = True
        silent[row, right] = False
    return silent


# ---------------------------------------------------------------- searching


def encode(models: ModelManager, extractor: SegmentExtractor, pictures: Sequence[Image.Image]) -> Encoded:
    """Each picture as a whole, and the objects found in it."""
    wholes, objects = [], [np.empty((0, models.dimensions), np.float32)]
    owners: list[int] = []
    places: list[int] = []
    for at, picture in enumerate(pictures):
        found = extractor.extract(picture)
        vectors = models.encode([picture, *(extract.picture for extract in found)])
        wholes.append(vectors[0])
        objects.append(vectors[1:])
        owners += [at] * len(found)
        places += range(len(found))
    return Encoded(np.stack(wholes), np.concatenate(objects), np.array(owners, np.int64), np.array(places, np.int64))


def compared(models: ModelManager, gallery: Gallery, encoded: Encoded) -> dict[str, Any]:
    """Recall within the first ten by whole images, and with objects; what preference and minimum score do to it."""
    texts = models.encode_text([name for name, _ in gallery.queries])
    whole, best = texts @ encoded.wholes.T, best_objects(texts, encoded)
    right = np.arange(len(texts)), np.array([at for _, at in gallery.queries])
    both = ranks(gallery, np.maximum(whole, best))
    floor = floor_of(whole[right], best[right], both < AT)
    wrong = ~gallery.silent
    wrong[right] = False
    return {
        "whole": recall(ranks(gallery, whole)),
        "objects": recall(both),
        "objects_alone": recall(ranks(gallery, best)),
        "objects_with_preference": recall(ranks(gallery, np.where(whole >= best - PREFERENCE, whole, best))),
        "floor": round(floor, 3),
        "objects_with_floor": recall(ranks(gallery, np.where(best >= floor, np.maximum(whole, best), whole))),
        "wrong_under_floor": round(float((best[wrong] < floor).mean()), 3) if wrong.any() else 0.0,
        "right_by_object": round(float((best[right] > whole[right] + PREFERENCE).mean()), 3),
        "queries": len(texts),
        "names": len({name for name, _ in gallery.queries}),
        "pictures": len(gallery.pictures),
        "objects_a_picture": round(len(encoded.owners) / len(gallery.pictures), 2),
    }


def best_objects(texts: Vectors, encoded: Encoded) -> Vectors:
    """(q, n) the best cosine among each picture's objects, -1 where it has none."""
    best = np.full((len(encoded.wholes), len(texts)), -1.0, np.float32)
    np.maximum.at(best, encoded.owners, encoded.objects @ texts.T)
    return best.T


def ranks(gallery: Gallery, scores: Vectors) -> NDArray[np.int64]:
    """(q,) wrong pictures at or above the right one, of those that count."""
    rows = np.arange(len(gallery.queries))
    right = np.array([at for _, at in gallery.queries])
    before = (scores >= scores[rows, right][:, None]) & ~gallery.silent
    before[rows, right] = False
    result: NDArray[np.int64] = before.sum(axis=1)
    return result


def recall(places: NDArray[np.int64]) -> float:
    """Share of queries answered within the first ten."""
    return round(float((places < AT).mean()), 4)


def floor_of(whole: Vectors, best: Vectors, found: Bools) -> float:
    """The minimum score of objects that costs at most ``LOST`` of the right answers that an object gave; -1 where none
    did.
    """
    scores = best[found & (best > whole)]
    return float(np.quantile(scores, LOST)) if len(scores) else -1.0


def table(result: Mapping[str, Any]) -> str:
    """The figures for a reader."""
    lines = [
        f"{result['model']}, {result['recipe']}, commit {result['machine']['commit']}; recall within the first {AT}"
    ]
    for name in ("composites", "judged", "coco128", "everyday"):
        for number, told in result[name].items():
            size = f"{told['queries']} queries, {told['names']} names, {told['pictures']} pictures"
            lines.append(f"{name}: {size}, at most {number} objects each (mean {told['objects_a_picture']})")
            lines += [
                f"  {key:26}{value:.3f}"
                for key, value in told.items()
                if isinstance(value, float) and key != "objects_a_picture"
            ]
    lines += [
        f"bars {BARS} with {number} objects: {'passed' if passed else 'NOT passed'}"
        for number, passed in result["passed"].items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
