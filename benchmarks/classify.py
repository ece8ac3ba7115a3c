"""How often the likeliest labels are right, whether they are as likely as is said, and what 20 answers teach.

python -m benchmarks.classify --data FOLDER --json

Labels: photos1000 by the built-in tower's own classes, and by their names alone; cifar10 by the names of its classes.
Every second picture chose what scores are worth (``--fit`` prints temperatures anew); the others judge. photos1000 was
very likely in the training of the tower's backbone.

top1, top5: the share of pictures whose right label is the likeliest, or among five. ece: the expected calibration error
of the likeliest label, in 15 steps of the same width; ece low, ece high: what 95 of 100 draws of as many of the same
pictures have (a draw has some twice, which makes it worse). ece perfect: what it would be on average if the chances
were exactly right: so few pictures can't show less. ece raw: with a temperature of 1 for classes, and of 0.01, which
CLIP has, for names.

Answers: coco128 and sports100, each a library that was classified by its names, each label by itself. For each label
that ``LEAST`` photos or more show, 20 suggestions are answered as the photos' own labels say, the first of the page's
order after each answer. before, after: average precision of the label's order of all photos; those that were answered
stand first or last in it afterwards. rest: the same of only those that were not answered, in both orders, of labels of
which some are left. rise: of rest, with what 95 of 100 draws of as many labels have. How an answer counts was chosen on
coco128; sports100 judges.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks import command
from benchmarks.labelled import coco128_by_tag
from src.bootstrap import build_services
from src.config import Settings
from src.models import label_lists, zero_shot
from src.models.label_bank import Numbers, asked_for
from src.models.label_lists import Labelled, LabelList
from src.models.model_manager import ModelManager
from src.models.registry import BUILTIN
from src.models.zero_shot import Classifies, Temperatures
from src.runtime import Services
from src.services.lab.classifying import Sorting

STEPS = 15
DECISIONS, LEAST = 20, 5
"""Answers for one label, and right photos that it has at least."""
LISTED = 1e-6
"""Chance from which on a photo is suggested: an owner who looks for a label goes through all that may show it."""
BATCH = 64
DRAWS = 1_000
"""Of pictures or labels, to tell how far a figure may be chance."""
CHOSEN_ON, JUDGED = 1, 0
"""Every second picture, from the second and from the first one on."""
ERRORS = ("ece", "ece low", "ece high", "ece perfect", "ece raw")
AVERAGES = ("before", "after", "rest before", "rest after", "rise", "rise low", "rise high")
Flags = npt.NDArray[np.bool_]


def main() -> int:
    made = command.parser("classify", __doc__)
    made.add_argument("--data", type=Path, required=True, help="the folder of all sets")
    made.add_argument("--fit", action="store_true", help="fit the temperatures anew on the pictures to choose by")
    arguments = made.parse_args()
    return command.told(lambda: measured(arguments.data, arguments.fit), table, arguments.json)


def measured(data: Path, fit: bool = False) -> dict[str, Any]:
    """Figures of both parts. Raises OSError without the data."""
    return {"labels": labels(data, fit), "answers": answers(data)}


# ---------------------------------------------------------------- labels


def labels(data: Path, fit: bool) -> dict[str, Any]:
    model = ModelManager(BUILTIN).embedder()
    assert isinstance(model, Classifies)
    scale = zero_shot.scale(model.space) or zero_shot.Scale((1.0,), zero_shot.USUAL, zero_shot.USUAL)
    files = sorted((data / "photos1000").glob("n*_*.jpg"))
    vectors, logits = _encoded(model, files)
    right = np.arange(len(files))
    names = asked_for(label_lists.class_names(), model.encode_texts, zero_shot.ONE_OF)
    cifar = sorted((data / "cifar10").rglob("*.jp*g"))
    words = sorted({file.parent.name for file in cifar})
    small, _ = _encoded(model, cifar)
    own = asked_for(words, model.encode_texts, zero_shot.ONE_OF)
    classes = np.array([words.index(file.parent.name) for file in cifar])
    rows = {
        "photos1000, its own classes": (logits, right, scale.classes, (1.0,)),
        "photos1000, by their names": (vectors @ names.T, right, scale.labels(len(names)), zero_shot.USUAL),
        "cifar10, by their names": (small @ own.T, classes, scale.labels(len(words)), zero_shot.USUAL),
    }
    return {name: _judged(*row, fit) for name, row in rows.items()}


def _encoded(model: Any, files: Sequence[Path]) -> tuple[Numbers, Numbers]:
    if not files:
        raise FileNotFoundError("There are no pictures of photos1000 or cifar10.")
    parts = []
    for at in range(0, len(files), BATCH):
        pixels = np.stack([model.preprocess(_opened(file)) for file in files[at : at + BATCH]])
        parts.append(model.encode_classes(pixels))
    vectors, logits = (np.concatenate(each) for each in zip(*parts, strict=True))
    return vectors, logits


def _opened(file: Path) -> Image.Image:
    with Image.open(file) as opened:
        return opened.convert("RGB")


def _judged(scores: Numbers, right: Any, used: Temperatures, raw: Temperatures, fit: bool) -> dict[str, Any]:
    """Of one set: scores (n, labels), and the number of the right label of each."""
    if fit:
        used = fitted(scores[CHOSEN_ON::2], right[CHOSEN_ON::2])
    halves = {}
    for name, start in (("chosen on", CHOSEN_ON), ("judged", JUDGED)):
        part, own = scores[start::2], right[start::2]
        best = np.argsort(-part, axis=1)[:, :5]
        halves[name] = {
            "pictures": len(own),
            "top1": float((best[:, 0] == own).mean()),
            "top5": float((best == own[:, None]).any(axis=1).mean()),
            **_errors(zero_shot.shares(part, used), own),
            "ece raw": calibration_error(*likeliest(zero_shot.shares(part, raw), own)),
        }
    return {"temperatures": used, **halves}


def likeliest(chances: Numbers, right: npt.NDArray[np.integer]) -> tuple[Numbers, Flags]:
    """(n, labels) -> how likely the likeliest label of each is said to be, and whether it is right."""
    return chances.max(axis=1), chances.argmax(axis=1) == right


def calibration_error(sure: Numbers, hit: Flags) -> float:
    """Expected calibration error (Guo et al., 2017), 0 to 1. sure: (n,), what was said. hit: (n,), what was so."""
    step = np.minimum((sure * STEPS).astype(int), STEPS - 1)
    return float(np.abs(np.bincount(step, sure - hit, STEPS)).sum() / len(sure))


def _errors(chances: Numbers, right: npt.NDArray[np.integer]) -> dict[str, float]:
    """The calibration error, how far it may be chance, and what it would be if the chances were exactly right."""
    sure, hit = likeliest(chances, right)
    dice = np.random.default_rng(0)
    drawn = [dice.integers(0, len(sure), len(sure)) for _ in range(DRAWS)]
    low, high = np.quantile([calibration_error(sure[some], hit[some]) for some in drawn], (0.025, 0.975))
    perfect = np.mean([calibration_error(sure, dice.random(len(sure)) < sure) for _ in range(DRAWS)])
    return {
        "ece": calibration_error(sure, hit),
        "ece low": float(low),
        "ece high": float(high),
        "ece perfect": float(perfect),
    }


def fitted(scores: Numbers, right: npt.NDArray[np.integer]) -> Temperatures:
    """The two temperatures with the least mean negative logarithm of the right label's chance, to 4 % of each."""
    tried = np.geomspace(0.01, 3.0, 140)
    rows = np.arange(len(right))
    of_right = np.stack([zero_shot.shares(scores, (float(one),))[rows, right] for one in tried])
    losses = [-np.log(np.maximum((one + of_right) / 2, 1e-12)).mean(axis=1) for one in of_right]
    sharp, soft = np.unravel_index(np.argmin(losses), (len(tried), len(tried)))
    return float(tried[sharp]), float(tried[soft])


# ---------------------------------------------------------------- answers


def answers(data: Path) -> dict[str, Any]:
    return {
        name: _of_library(*found) for name, found in (("coco128", coco128_by_tag(data)), ("sports100", _sports(data)))
    }


def _sports(data: Path) -> tuple[list[Path], dict[str, set[str]]]:
    lines = (data / "labelled" / "captions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    found = [row for row in rows if row["file"].startswith("sports100/")]
    right: dict[str, set[str]] = {}
    for row in found:
        right.setdefault(row["captions"][0].removeprefix("a photo of "), set()).add(Path(row["file"]).name)
    return [data / "labelled" / row["file"] for row in found], right


@contextmanager
def _library(files: Sequence[Path]) -> Iterator[Services]:
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            shutil.copy(file, folder)
        services = build_services(Settings(home=Path(folder) / "library", find_duplicates=False))
        with closing(services):
            list(services.handlers["index"]({"paths": [folder]}))
            yield services


def _of_library(files: Sequence[Path], right: Mapping[str, set[str]]) -> dict[str, Any]:
    with _library(files) as services:
        ids = {services.catalog.shown([id_])[id_].name: id_ for id_ in services.catalog.listing.ids(None, "name")}
        words = [word for word in sorted(right) if len(right[word]) >= LEAST]
        asked = Sorting(LabelList(tuple(Labelled(word, word, LISTED) for word in words)), several=True)
        list(services.classifying.classify(asked))
        vectors = services.catalog.vectors.get_many(services.library.collection(), list(ids.values()))
        chances = services.classifying.by(asked).of_vectors(np.stack(list(vectors.values())))
        each = {}
        for word, own in zip(words, chances.T, strict=True):
            before = dict(zip(vectors, own.tolist(), strict=True))
            each[word] = _answered(services, word, {ids[name] for name in right[word]}, before, vectors)
    means = {key: float(np.nanmean([one[key] for one in each.values()])) for key in next(iter(each.values()))}
    rises = np.array([one["rest after"] - one["rest before"] for one in each.values()])
    rises = rises[~np.isnan(rises)]
    dice = np.random.default_rng(0)
    low, high = np.quantile([dice.choice(rises, len(rises)).mean() for _ in range(DRAWS)], (0.025, 0.975))
    rise = {"rise": float(rises.mean()), "rise low": float(low), "rise high": float(high), "labels left": len(rises)}
    return {"photos": len(files), "labels": len(each), **means, **rise, "each": each}


def _answered(
    services: Services, word: str, right: set[str], chances: Mapping[str, float], vectors: Mapping[str, Any]
) -> dict[str, float]:
    """Answer 20 suggestions of one label, and compare the orders before and after; then take the answers back."""
    before = sorted(chances, key=lambda id_: -chances[id_])
    said: dict[str, bool] = {}
    for _ in range(DECISIONS):
        offered = (one.image_id for one in services.suggestions.photos(word, DECISIONS))
        following = next((id_ for id_ in offered if id_ not in said), None)
        if following is None:
            break
        said[following] = following in right
        if said[following]:
            services.curation.tag([following], [word])
        else:
            services.curation.refuse_tag([following], word)
    order = services.suggestions.order(word)
    taught = (
        dict(zip(vectors, order.scores(list(vectors), np.stack(list(vectors.values()))), strict=True))
        if order
        else chances
    )
    after = [id_ for id_ in sorted(taught, key=lambda id_: -taught[id_]) if id_ not in said]
    for _ in said:
        services.curation.undo()
    yes, no = ([id_ for id_, is_right in said.items() if is_right is wanted] for wanted in (True, False))
    rest = [id_ for id_ in before if id_ not in said]
    return {
        "right": len(right),
        "answers": len(said),
        "yes": len(yes),
        "before": average_precision([id_ in right for id_ in before]),
        "after": average_precision([id_ in right for id_ in (*yes, *after, *no)]),
        "rest before": average_precision([id_ in right for id_ in rest]),
        "rest after": average_precision([id_ in right for id_ in after]),
    }


def average_precision(right: Sequence[bool]) -> float:
    """Of an order of photos; nan where none is right."""
    hits = np.flatnonzero(right)
    return float(np.mean(np.arange(1, len(hits) + 1) / (hits + 1))) if len(hits) else float("nan")


def table(found: Mapping[str, Any]) -> str:
    rows = ["| set | half | pictures | top-1 | top-5 | ECE | low | high | perfect | raw |", "|---" * 10 + "|"]
    for name, one in found["labels"].items():
        for half in ("chosen on", "judged"):
            figures = (f"{one[half][key]:.3f}" for key in ("top1", "top5", *ERRORS))
            rows.append(f"| {name} | {half} | {one[half]['pictures']} | {' | '.join(figures)} |")
    rows += ["", "| set | labels | answers | yes | before | after | rest before | rest after | rise | low | high |"]
    rows.append("|---" * 11 + "|")
    for name, one in found["answers"].items():
        figures = (f"{one[key]:.3f}" for key in AVERAGES)
        rows.append(f"| {name} | {one['labels']} | {one['answers']:.1f} | {one['yes']:.1f} | {' | '.join(figures)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
