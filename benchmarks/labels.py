"""How many of the labels that photos get by themselves are right, how many of the right ones they get, and how long it
takes beside encoding.

python -m benchmarks.labels --data FOLDER --json

Sets whose photos people have labelled otherwise: photos1000 (one ImageNet class each) and coco128 and everyday (boxes
with COCO's 80 names); ``benchmarks/labels_truth.py`` says by hand which labels are right for these. Every second photo
of photos1000 and coco128 was used to choose (``chosen on``): the way, its temperature, its weights (``--fit`` prints
them) and the chance from which on a label is shown. The others and all of everyday judge. photos1000 was very likely in
the training of the model's backbone.

precision: of the labels that are shown and can be judged. On photos1000 these are the labels that are right for any
class; a label is wrong where it is not right for this photo's class, though it may be in the photo as well. On COCO's
names: those that one of its names implies, right where a box implies it; and labels that imply one of its names, wrong
where there is no such box, left out where there is one (a dog's breed is not told). All other labels, such as "beach",
are not judged (``judged`` is the share that is). recall: of all labels that are right for the photos, with those that
others imply, how many are said or implied. any: the share of photos with a label. ms: of a photo whose vector is known,
among 256 at once, and alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks import command
from benchmarks.labelled import coco128, everyday
from benchmarks.labels_truth import COCO, labels_of_classes, labels_of_coco
from src.models.label_bank import ROWS, LabelBank, LabelBanks
from src.models.label_words import Vocabulary
from src.models.model_manager import ModelManager
from src.models.registry import BUILTIN
from src.schema import FloatArray

Truth = npt.NDArray[np.bool_]
"""(photos, labels)."""
LIKELY = 1e-3
"""Of the softmax; labels with less have no part in the fit."""


@dataclass(frozen=True)
class Judged:
    """A set's photos. right: which labels are; known: which can be judged."""

    photos: FloatArray
    right: Truth
    known: Truth

    def half(self, start: int) -> Judged:
        """Every second photo, from the first (0) or the second (1)."""
        return Judged(self.photos[start::2], self.right[start::2], self.known[start::2])


def main() -> int:
    made = command.parser("labels", __doc__)
    made.add_argument("--data", type=Path, required=True, help="the folder with photos1000 and boxes/")
    made.add_argument("--model", default=BUILTIN, help="the model that labels (builtin)")
    made.add_argument("--fit", action="store_true", help="fit slope and constant anew on the photos to choose by")
    arguments = made.parse_args()
    return command.told(lambda: measured(arguments.data, arguments.model, arguments.fit), table, arguments.json)


def measured(data: Path, model: str = BUILTIN, fit: bool = False) -> dict[str, Any]:
    """Name of a set -> its figures. Raises OSError without the data, ValueError for a model without a calibration."""
    models = ModelManager(model)
    bank = LabelBanks(models.settings.query_banks_dir).of(models.embedder())
    if bank is None:
        raise ValueError(f"{model} has no row in label_files/calibration.json.")
    sets = _sets(data, bank.vocabulary, models.encode)
    if fit:
        bank = replace(bank, calibration=replace(bank.calibration, **_fitted(bank, sets)))
    found: dict[str, Any] = {"calibration": vars(bank.calibration), "labels": len(bank.vocabulary), "sets": {}}
    for name, one in sets.items():
        found["sets"][name] = _figures(bank, one)
    return {**found, **_times(bank, sets["everyday"].photos)}


def _sets(data: Path, words: Vocabulary, encode: Callable[[Sequence[Image.Image]], FloatArray]) -> dict[str, Judged]:
    photos1000 = _photos1000(data / "photos1000", words, encode)
    boxed = {name: read(data / "boxes" / name) for name, read in (("coco128", coco128), ("everyday", everyday))}
    coco = labels_of_coco(
        words, sorted({name for photos in boxed.values() for photo in photos for name in photo.names})
    )
    objects = {
        name: _of_boxes(encode([photo.image for photo in photos]), [set(photo.names) for photo in photos], coco, words)
        for name, photos in boxed.items()
    }
    whole = {"photos1000": photos1000, "coco128": objects["coco128"]}
    halves = {f"{name}, {half}": one.half(start) for name, one in whole.items() for half, start in HALVES.items()}
    return {**halves, "everyday": objects["everyday"]}


HALVES = {"chosen on": 1, "judged": 0}


def _photos1000(folder: Path, words: Vocabulary, encode: Callable[[Sequence[Image.Image]], FloatArray]) -> Judged:
    files = sorted(folder.glob("n*_*.jpg"))
    if not files:
        raise FileNotFoundError(f"There are no photos in {folder}.")
    classes = labels_of_classes(words)
    right = _truth([classes[file.name.partition("_")[0]] for file in files], words)
    photos = np.concatenate(
        [encode([_opened(file) for file in files[at : at + 64]]) for at in range(0, len(files), 64)]
    )
    return Judged(photos, right, np.logical_and.outer(right.any(axis=1), right.any(axis=0)))


def _opened(file: Path) -> Image.Image:
    with Image.open(file) as opened:
        return opened.convert("RGB")


def _of_boxes(photos: FloatArray, named: Sequence[set[str]], coco: Mapping[str, set[int]], words: Vocabulary) -> Judged:
    right = _truth([set().union(*(coco.get(name, set()) for name in names)) for names in named], words)
    own = {words.number(COCO.get(name, name)) for name in coco}
    known = np.zeros_like(right)
    for number in range(len(words)):
        if number in set().union(*coco.values()):
            known[:, number] = True
        elif implied := own & words.above[number]:
            known[:, number] = ~right[:, sorted(implied)].any(axis=1)
    return Judged(photos, right, known)


def _truth(right: Sequence[set[int]], words: Vocabulary) -> Truth:
    found = np.zeros((len(right), len(words)), bool)
    for row, numbers in zip(found, right, strict=True):
        row[sorted(numbers)] = True
    return found


def _figures(bank: LabelBank, one: Judged) -> dict[str, float]:
    words = bank.vocabulary
    shown = [[words.number(label.word) for label in labels] for labels in bank.labels(one.photos)]
    said = _truth([set(numbers) for numbers in shown], words)
    implied = _truth([words.implied(numbers) for numbers in shown], words)
    judged = said & one.known
    return {
        "photos": len(one.photos),
        "precision": float((judged & one.right).sum() / max(1, judged.sum())),
        "recall": float((implied & one.right).sum() / one.right.sum()),
        "labels": float(said.sum() / len(said)),
        "any": float(said.any(axis=1).mean()),
        "judged": float(judged.sum() / max(1, said.sum())),
    }


def _fitted(bank: LabelBank, sets: Mapping[str, Judged]) -> dict[str, float]:
    """Slope and constant by Newton's method, from the photos to choose by, each set with the same weight."""
    parts = [(bank.shares(one.photos), one) for name, one in sets.items() if "chosen on" in name]
    used = [(share, one, one.known & (share > LIKELY)) for share, one in parts]
    odds = np.concatenate([np.log(share[some] / (1 - share[some])) for share, _, some in used])
    right = np.concatenate([one.right[some] for _, one, some in used]).astype(float)
    weights = np.concatenate([np.full(some.sum(), 1 / some.sum()) for _, _, some in used])
    rows, found = np.stack([odds, np.ones(len(odds))], axis=1), np.zeros(2)
    for _ in range(30):
        chances = 1 / (1 + np.exp(-rows @ found))
        curve = (rows * (weights * chances * (1 - chances))[:, None]).T @ rows
        found += np.linalg.solve(curve + 1e-9 * np.eye(2), rows.T @ (weights * (right - chances)))
    return {"slope": float(found[0]), "constant": float(found[1])}


def _times(bank: LabelBank, photos: FloatArray) -> dict[str, float]:
    """Milliseconds a photo: of ROWS at once, and of one alone; the median of 9."""
    many = np.resize(photos, (ROWS, photos.shape[1]))
    return {"ms": _median_ms(bank, many) / ROWS, "ms alone": _median_ms(bank, many[:1])}


def _median_ms(bank: LabelBank, photos: FloatArray) -> float:
    taken = []
    for _ in range(9):
        started = time.perf_counter()
        bank.labels(photos)
        taken.append(1000 * (time.perf_counter() - started))
    return float(np.median(taken))


def table(found: Mapping[str, Any]) -> str:
    head = "| set | photos | precision | recall | labels a photo | photos with any | labels judged |"
    rows = [head, "|---|---|---|---|---|---|---|"]
    for name, one in found["sets"].items():
        figures = (f"{one[key]:.2f}" for key in ("precision", "recall", "labels", "any", "judged"))
        rows.append(f"| {name} | {one['photos']} | {' | '.join(figures)} |")
    return "\n".join([*rows, f"{found['ms']:.3f} ms a photo, {found['ms alone']:.2f} ms for one alone"])


if __name__ == "__main__":
    sys.exit(main())
