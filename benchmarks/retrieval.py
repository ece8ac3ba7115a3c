"""What a model finds: ``python -m benchmarks.retrieval --model builtin --data FOLDER [--against FOLDER] [--quick]
[--json]``.

flickr8k: the 1,000 pictures of the test split, each of their 5,000 captions a query; the right answer is the caption's
picture. names: photos1000's 1,000 photos, each class's bare name a query; where two classes share a name (crane,
maillot) either photo is right. names_of_photos: the other way round, each photo a query among the names. cifar10:
zero-shot classification by "a photo of a <class>", and 10-nearest-neighbour classification, leave one out. coco128:
mean average precision of its class names as queries, among the photos and among the boxes, cut out. everyday: the same
of boxes/everyday, which nothing was chosen on; coco128 was looked at while the built-in model was made. edits: each of
photos1000's photos, changed, asks for itself among all: how often it comes first. ``--quick`` leaves all but flickr8k
and names out.

Goes through ModelManager only, so that any model id works. ``--against`` measures another version of the built-in
model, a folder with its files, in the same run. The table goes to standard error; with ``--json`` the last line of
standard output is one object.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import command, machine
from benchmarks.labelled import coco128, everyday
from benchmarks.retrieval_sets import Vectors, cifar10, edited, encode_files, names_precision
from src.config import PROJECT_DIR
from src.models.embedders.builtin import BuiltinEmbedder
from src.models.model_manager import ModelManager

Ranks = NDArray[np.int64]

AT = (1, 5, 10)
RESAMPLES = 2_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    options = _options(arguments)
    return command.told(lambda: compared(options), table, options.json)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("retrieval", __doc__, quick="flickr8k and names alone")
    parser.add_argument("--model", default="builtin", help="any model id of the registry (default: builtin)")
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with flickr8k/, photos1000/, cifar10/ and boxes/"
    )
    parser.add_argument("--against", type=Path, help="folder with the files of another version of the built-in model")
    return parser.parse_args(arguments)


def compared(options: argparse.Namespace) -> dict[str, Any]:
    """One model's figures, and under ``against`` those of the other version. Raises as ``measure``."""
    result = measure(ModelManager(options.model), options.data, options.quick)
    result["speed"]["cold_text_s"] = cold_text(options.model)
    if options.against:
        other = ModelManager("builtin", loader=lambda *_: BuiltinEmbedder(options.against))
        result["against"] = measure(other, options.data, options.quick)
    return {**result, "quick": options.quick, "machine": machine.reference()}


def measure(models: ModelManager, data: Path, quick: bool = False) -> dict[str, Any]:
    """All figures of one model. Recalls are fractions; intervals are 95 % bootstrap over pictures (flickr8k) or queries
    (names).

    Raises AppError for a model that can't be used, OSError for a folder without the pictures.
    """
    started = time.monotonic()
    result: dict[str, Any] = {"model": models.model_id, "space": models.space, "dimensions": models.dimensions}
    captions = flickr8k_ranks(models, data / "flickr8k")
    names, photos = names_ranks(models, data / "photos1000")
    result |= {"flickr8k": recalls(captions), "names": recalls(names), "names_of_photos": recalls(photos)}
    result["interval_95"] = {"flickr8k": intervals(captions.reshape(-1, 5)), "names": intervals(names[:, None])}
    result["speed"] = speed(models)
    if not quick:
        result["cifar10"] = cifar10(models, data / "cifar10")
        result["coco128"] = names_precision(models, coco128(data / "boxes" / "coco128"))
        result["everyday"] = names_precision(models, everyday(data / "boxes" / "everyday"))
        result["edits"] = edited(models, data / "photos1000")
    return {**result, "seconds": round(time.monotonic() - started, 1)}


def flickr8k_ranks(models: ModelManager, folder: Path) -> Ranks:
    """Rank (0 = first) of each test caption's own picture among the test pictures, five captions a picture in order."""
    files, captions = flickr8k_test(folder)
    return ranks_of(models.encode_text(captions) @ encode_files(models, files).T, own_picture(len(files)))


def flickr8k_test(folder: Path) -> tuple[list[Path], list[str]]:
    """The test split's n pictures, and their 5 n captions in the pictures' order."""
    lines = (folder / "captions.jsonl").read_text(encoding="utf-8").splitlines()
    test = [record for record in map(json.loads, lines) if record["split"] == "test"]
    return [folder / record["file"] for record in test], [caption for record in test for caption in record["captions"]]


def own_picture(pictures: int) -> NDArray[np.bool_]:
    """(5 n, n): which picture each caption is of."""
    return np.repeat(np.eye(pictures, dtype=bool), 5, axis=0)


def names_ranks(models: ModelManager, folder: Path) -> tuple[Ranks, Ranks]:
    """Rank of the best right photo for each class name, and of the right name for each photo."""
    files, names, right = photo_names(folder)
    scores = models.encode_text(names) @ encode_files(models, files).T
    return ranks_of(scores, right), ranks_of(scores.T, right.T)


def photo_names(folder: Path) -> tuple[list[Path], list[str], NDArray[np.bool_]]:
    """photos1000's n photos, each one's class name, from its file's (``n02012849_crane.jpg``), and (n, n) which name is
    whose.
    """
    files = sorted(folder.glob("n*_*.jpg"))
    names = [path.stem.split("_", 1)[1].replace("_", " ") for path in files]
    return files, names, np.array([[name == other for other in names] for name in names])


def speed(models: ModelManager) -> dict[str, float]:
    """Pictures encoded a second (a batch of 32, decoded and prepared already) and milliseconds for one short text, a
    new one each time.
    """
    embedder = models.embedder()
    noise = np.random.default_rng(0).integers(0, 256, (32, 240, 320, 3), np.uint8)
    pixels = np.stack([embedder.preprocess(Image.fromarray(picture)) for picture in noise])
    images = machine.median_seconds(lambda: embedder.encode_pixels(pixels))
    numbers = itertools.count()  # a text that was asked before is remembered
    text = machine.median_seconds(lambda: embedder.encode_texts([f"a dog running on grass {next(numbers)}"]))
    return {"images_per_s": round(32 / images, 1), "text_ms": round(text * 1000, 2)}


def cold_text(model: str) -> float:
    """Seconds from starting a Python process to its first text vector, its end included.

    Raises CalledProcessError where it fails.
    """
    encode = f"ModelManager({model!r}).encode_text('a dog running on grass')"
    work = f"from src.models.model_manager import ModelManager; {encode}"
    command_line = [sys.executable, "-c", work]
    return round(machine.median_seconds(lambda: subprocess.run(command_line, cwd=PROJECT_DIR, check=True)), 3)


def ranks_of(scores: Vectors, right: NDArray[np.bool_]) -> Ranks:
    """(q, n) cosines and which are right -> (q,) wrong pictures at or above the best right one: ties count against the
    model.
    """
    best = np.where(right, scores, -2.0).max(1, keepdims=True)
    ranks: Ranks = ((scores >= best) & ~right).sum(1)
    return ranks


def recalls(ranks: Ranks) -> dict[str, float]:
    """Share of queries answered within the first k."""
    return {f"r@{k}": round(float((ranks < k).mean()), 4) for k in AT}


def intervals(groups: Ranks) -> dict[str, tuple[float, float]]:
    """95 % percentile bootstrap of the recalls. (g, m): the m queries of a group belong together and are drawn
    together.
    """
    dice = np.random.default_rng(0)
    drawn = dice.integers(0, len(groups), (RESAMPLES, len(groups)))
    result = {}
    for k in AT:
        low, high = np.quantile((groups < k).mean(1)[drawn].mean(1), (0.025, 0.975))
        result[f"r@{k}"] = (round(float(low), 4), round(float(high), 4))
    return result


def table(result: dict[str, Any]) -> str:
    """The figures for a reader, in per cent with their intervals."""
    lines = [f"commit {result['machine']['commit']}"]
    for told in (result, result.get("against")):
        lines += _lines(told) if told else []
    return "\n".join(lines)


def _lines(result: dict[str, Any]) -> list[str]:
    lines = [f"{result['model']} ({result['space']}), {result['seconds']} s"]
    for name in ("flickr8k", "names"):
        cells = []
        for at, value in result[name].items():
            low, high = result["interval_95"][name][at]
            cells.append(f"{at} {100 * value:5.1f} ({100 * low:.1f}-{100 * high:.1f})")
        lines.append(f"{name:17}" + "   ".join(cells))
    lines.append(f"{'speed':17}" + "   ".join(f"{k} {v}" for k, v in result["speed"].items()))
    for name in ("names_of_photos", "cifar10", "coco128", "everyday", "edits"):
        if name in result:
            lines.append(f"{name:17}" + "   ".join(f"{k} {100 * v:.1f}" for k, v in result[name].items()))
    return lines


if __name__ == "__main__":
    sys.exit(main())
