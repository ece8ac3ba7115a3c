"""How well copies of photos are found: python -m benchmarks.duplicates --data FOLDER [--photos N] [--json]

photos1000 with eight edits of each photo, and the groups of dups/ (one photo at several sizes and turns; series;
look-alikes that are different), all in one library, with 200 pairs of photos of one class from labelled/. Photos at odd
places of photos1000 choose the thresholds, which are printed beside those in use; those at even places and everything
else judge. A copy is found where it is in the group of its photo. Beside the product, on the same pictures: the 64-bit
perceptual hash (distance at most 10), PDQ (at most 31) and the model's cosine alone, all pairs of each.

--photos N (such as 100000): how long the comparing of so many made-up photos takes from nothing, and of 1,000 new ones,
from their rows in a catalogue to stored results, and how many looks are taken from thumbnails in a second.
Edited pictures are kept in a temporary folder for the next run.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import itertools
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks import command, duplicates_speed, machine
from benchmarks.duplicates_sets import (
    EDITS,
    Pictures,
    as_they_are,
    edited,
    groups,
    joined,
    same_class,
    thumbnail,
)
from src.models.embedders.builtin import BuiltinEmbedder
from src.processing.duplicates import keeper, verify
from src.processing.duplicates.candidates import FAR, Pairs, cosines, distances
from src.processing.duplicates.finder import CLOSE, Finder
from src.processing.duplicates.groups import linked, stars
from src.processing.duplicates.pdq import POOR
from src.processing.duplicates.prints import print_of
from src.schema.duplicates import Copy
from src.services.duplicates.comparing import EXACT

PHASH_FAR = 10
SAME_CLASS = 200
MATCHES, WORSTS = (0.88, 0.9, 0.92, 0.94, 0.96), (0.3, 0.4, 0.5, 0.6, 0.7)
LEAST_RECALL = 0.95
"""Of each edit on the half that chooses: the strictest thresholds that keep it are taken."""
BARS = {"precision": 0.99, "recall": 0.9, "same_class_grouped": 0, "look_alikes_grouped": 0}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    parser = command.parser("duplicates", __doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with photos1000/, dups/, labelled/, flickr8k/")
    parser.add_argument("--photos", type=int, default=0, help="made-up photos to measure the speed with (none)")
    parser.add_argument("--limit", type=int, default=1000, help="photos of photos1000 that are used (1000)")
    options = parser.parse_args(arguments)
    return command.told(lambda: measure(options), table, options.json)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures. Raises OSError where a set is not there."""
    embedder = BuiltinEmbedder()
    files = sorted((options.data / "photos1000").glob("*.jpg"))[: options.limit]
    if not files:
        raise FileNotFoundError(f"There are no photos in {options.data / 'photos1000'}.")
    choosing = edited(files[1::2], embedder, "odd")
    known, pairs = groups(options.data), same_class(options.data, SAME_CLASS)
    others = [(f"group {number}", options.data / name) for number, one in enumerate(known) for name in one["files"]]
    classes = [(f"class {number}", file) for number, pair in enumerate(pairs) for file in pair]
    rest = [as_they_are(others, embedder, "groups"), as_they_are(classes, embedder, "classes")]
    judging = joined([edited(files[::2], embedder, "even"), *rest])
    levels = {number: one["level"] for number, one in enumerate(known)}
    return {
        "fitted": fitted(choosing),
        "in_use": {**vars(verify.BAR), "cosine": CLOSE, "pdq": FAR},
        "photos": {"chose": len(files[1::2]), "judged": len(files[::2])},
        "ours": judged(judging, found(judging), levels, grouped=True),
        "alone": {name: judged(judging, near, levels) for name, near in rivals(judging, choosing).items()},
        "changed_grouped": changed(files[::2]),
        "levels": {"bytes": bytes_found(files[::2]), "pixels": pixels_found(files[::2])},
        "bars": BARS,
        "speed": duplicates_speed.measure(options.photos, files[:200]) if options.photos else None,
        "machine": machine.reference(),
    }


# ---------------------------------------------------------------- who finds what


def found(pictures: Pictures, bar: verify.Bar = verify.BAR) -> Pairs:
    """What the product calls the same picture."""
    number = len(pictures.names)
    finder = Finder(
        pictures.hashes,
        pictures.quality > POOR,
        pictures.vectors,
        (pictures.sizes[:, 0] / pictures.sizes[:, 1]).astype(np.float32),
        lambda asked: {int(one): pictures.greys[one] for one in asked},
        bar,
    )
    return np.array([(link.first, link.second) for link in finder.links(0, number)], np.int64).reshape(-1, 2)


def rivals(pictures: Pictures, choosing: Pictures) -> dict[str, Pairs]:
    """Pairs that one measure alone takes for the same picture."""
    every = np.array(list(itertools.combinations(range(len(pictures.names)), 2)))
    bits = np.concatenate(
        [np.bitwise_count(pictures.phash[some[:, 0]] ^ pictures.phash[some[:, 1]]) for some in _parts(every)]
    )
    apart = np.concatenate([_apart(pictures, some) for some in _parts(every)])
    cosine = cosines(pictures.vectors, every)
    return {
        f"pHash <= {PHASH_FAR}": every[bits <= PHASH_FAR],
        f"PDQ <= {FAR}": every[apart <= FAR],
        f"cosine >= {(least := fitted_cosine(choosing)):.3f}": every[cosine >= least],
    }


def _apart(pictures: Pictures, pairs: Pairs) -> npt.NDArray[np.int64]:
    return distances(pictures.hashes[pairs[:, 0], 0], pictures.hashes[pairs[:, 1], 0])


def _parts(pairs: Pairs) -> list[Pairs]:
    return [pairs[at : at + 500_000] for at in range(0, len(pairs), 500_000)]


def fitted_cosine(pictures: Pictures) -> float:
    """The lowest cosine at which 99 in 100 pairs of the half that chooses are the same photo."""
    every = np.array(list(itertools.combinations(range(len(pictures.names)), 2)))
    cosine = cosines(pictures.vectors, every)
    order = np.argsort(-cosine)
    names = np.unique(pictures.names, return_inverse=True)[1]
    right = (names[every[:, 0]] == names[every[:, 1]])[order]
    good = np.flatnonzero(np.cumsum(right) / np.arange(1, len(right) + 1) >= BARS["precision"])
    return float(cosine[order][good[-1]])


def fitted(pictures: Pictures) -> dict[str, float]:
    """The strictest thresholds that find LEAST_RECALL of each edit and nothing else; the worst tile counts first."""
    best = {"match": min(MATCHES), "worst": min(WORSTS)}
    for worst, match in itertools.product(WORSTS, MATCHES):
        told = judged(pictures, found(pictures, verify.Bar(match, worst)), {}, grouped=True)
        if min(told["recall"].values()) >= LEAST_RECALL and told["precision"] == 1:
            best = {"match": match, "worst": worst}
    return best


# ---------------------------------------------------------------- how right that is


def judged(pictures: Pictures, same: Pairs, levels: Mapping[int, str], grouped: bool = False) -> dict[str, Any]:
    """Recall of each edit, precision, and what was grouped that should not be.

    grouped: by the groups that pairs make; else by pairs with the photo itself.
    """
    pairs = {tuple(pair) for group in starred(pictures, same) for pair in itertools.product(group[:1], group[1:])}
    together = {number: group for group in starred(pictures, same) for number in group} if grouped else {}
    near = linked(map(tuple, same.tolist()))
    origin = {name: number for number, name in reversed(list(enumerate(pictures.names)))}
    hits: dict[str, list[bool]] = {}
    for number, (name, edit) in enumerate(zip(pictures.names, pictures.edits, strict=True)):
        kind = _kind(name, levels)
        if number != origin[name] and (edit or kind == "near"):
            first = origin[name]
            hit = first in (together.get(number, ()) if grouped else near.get(number, ()))
            hits.setdefault(edit or "near", []).append(hit)
    judging = pairs if grouped else {tuple(pair) for pair in same.tolist()}
    judging = {pair for pair in judging if not _one_file(pictures, pair)}
    right = [_right(pictures.names, pair, levels) for pair in judging]
    edits = {name: round(float(np.mean(each)), 4) for name, each in hits.items()}
    return {
        "recall": {name: edits[name] for name in EDITS if name in edits},
        "near_recall": edits.get("near"),
        "precision": round(float(np.mean(right)), 4) if right else 1.0,
        "wrong_pairs": len(right) - sum(right),
        "same_class_grouped": _within(pictures.names, judging, "class", levels),
        "look_alikes_grouped": _within(pictures.names, judging, "different", levels),
        "series_grouped": _within(pictures.names, judging, "burst", levels),
        "same_scene_grouped": _within(pictures.names, judging, "same-scene", levels),
    }


def starred(pictures: Pictures, same: Pairs) -> list[list[int]]:
    """Groups as the product makes them."""
    copies = [
        Copy(str(number), int(width), int(height), "JPEG", int(size), "", number, "", "", 0.0)
        for number, (width, height, size) in enumerate(pictures.sizes)
    ]
    order = [int(copy.image_id) for copy in keeper.best_first(copies)]
    return stars(order, linked(map(tuple, same.tolist())))


def _kind(name: str, levels: Mapping[int, str]) -> str:
    """near, burst, same-scene or different for pictures of dups/, class for those of one class, else empty."""
    what, _, number = name.partition(" ")
    if what == "group" and number.isdigit():
        return levels[int(number)]
    return "class" if what == "class" and number.isdigit() else ""


def _one_file(pictures: Pictures, pair: Sequence[int]) -> bool:
    """Whether two groups of dups/ have one file in common: that counts neither way."""
    one, other = pair
    alike = np.array_equal(pictures.greys[one], pictures.greys[other])
    return pictures.names[one] != pictures.names[other] and alike


def _right(names: Sequence[str], pair: Sequence[int], levels: Mapping[int, str]) -> bool:
    return names[pair[0]] == names[pair[1]] and _kind(names[pair[0]], levels) in ("", "near")


def _within(names: Sequence[str], pairs: Any, kind: str, levels: Mapping[int, str]) -> int:
    """Pairs within one group of that kind."""
    return sum(names[one] == names[other] and _kind(names[one], levels) == kind for one, other in pairs)


# ---------------------------------------------------------------- the other levels, and changed pictures


def changed(files: Sequence[Path], share: float = 0.3) -> float:
    """Share of photos that still count as the same picture with a piece of another photo in them, ``share`` of their
    width and height.
    """
    pictures = []
    for file in files:
        with Image.open(file) as opened:
            pictures.append(opened.convert("RGB"))
    first, second = [], []
    for at, picture in enumerate(pictures):
        dice, other = random.Random(at), pictures[at - 1]
        size = (round(picture.width * share), round(picture.height * share))
        spoiled = picture.copy()
        piece = other.resize((max(other.width, size[0]), max(other.height, size[1]))).crop((0, 0, *size))
        spoiled.paste(piece, (dice.randint(0, picture.width - size[0]), dice.randint(0, picture.height - size[1])))
        first.append(print_of(thumbnail(picture)).grey)
        second.append(print_of(thumbnail(spoiled)).grey)
    same = _likeness(first, second).same(verify.BAR)
    return round(float(same.mean()), 4)


def _likeness(first: Sequence[Any], second: Sequence[Any]) -> verify.Likenesses:
    """Of very small copies, one by one."""
    shapes, turns = np.ones((len(first), 2), np.float32), np.zeros(len(first), np.int64)
    return verify.compared(np.stack(first), np.stack(second), shapes, turns)


def bytes_found(files: Sequence[Path]) -> float:
    """Share of copies that are known by their SHA-256, as the library knows its images; and no two photos share one."""
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    again = [hashlib.sha256(bytes(bytearray(file.read_bytes()))).hexdigest() for file in files]
    right = sum(one == other for one, other in zip(digests, again, strict=True))
    return round(right / len(files) if len(set(digests)) == len(files) else 0.0, 4)


def pixels_found(files: Sequence[Path]) -> float:
    """Share of photos saved as a PNG that are taken for possibly the same pixels by their looks, and have the same."""
    first, second, equal = [], [], []
    for file in files:
        with Image.open(file) as opened:
            picture = opened.convert("RGB")
        saved = io.BytesIO()
        picture.save(saved, "PNG", compress_level=1)
        copy = Image.open(saved).convert("RGB")
        equal.append(copy.tobytes() == picture.tobytes() and copy.size == picture.size)
        first.append(print_of(thumbnail(picture)).grey)
        second.append(print_of(thumbnail(copy)).grey)
    likeness = _likeness(first, second)
    return round(float((np.array(equal) & likeness.same(verify.BAR) & (likeness.match >= EXACT)).mean()), 4)


def table(result: dict[str, Any]) -> str:
    """The figures for a reader."""
    columns = {"ours": result["ours"], **result["alone"]}
    lines = [f"copies of photos, {result['photos']['judged']} judged, commit {result['machine']['commit']}"]
    lines.append("".ljust(22) + "".join(name.rjust(18) for name in columns))
    for edit in EDITS:
        lines.append(edit.ljust(22) + "".join(f"{column['recall'][edit]:18.3f}" for column in columns.values()))
    for name in (
        *("near_recall", "precision", "wrong_pairs", "same_class_grouped", "look_alikes_grouped"),
        *("series_grouped", "same_scene_grouped"),
    ):
        lines.append(name.replace("_", " ").ljust(22) + "".join(f"{column[name]:18}" for column in columns.values()))
    lines.append(f"thresholds that the other half chooses: {result['fitted']}; in use: {result['in_use']}")
    lines.append(f"still the same with a changed piece of 0.3 x 0.3: {result['changed_grouped']}; {result['levels']}")
    if result["speed"]:
        lines.append(f"speed: {result['speed']}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
