"""Text-to-image retrieval: ``python -m benchmarks.retrieval --model builtin --data FOLDER [--json] [--full]``.

flickr8k: the 1,000 pictures of the test split, each of their 5,000 captions a query; the right answer is the caption's picture.
names: photos1000's 1,000 photos, each class's bare name a query; where two classes share a name (crane, maillot) either photo is right.
``--full`` adds cifar10: zero-shot classification by "a photo of a <class>", and 10-nearest-neighbour classification, leave one out.

Goes through ModelManager only, so that any model id works. The table goes to standard error; with ``--json`` the last line of
standard output is one object.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import command, machine
from src.models.model_manager import ModelManager

Vectors = NDArray[np.float32]
Ranks = NDArray[np.int64]

AT = (1, 5, 10)
BATCH = 64
RESAMPLES = 2_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    options = _options(arguments)
    return command.told(lambda: measure(ModelManager(options.model), options.data, options.full), table, options.json)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("retrieval", __doc__)
    parser.add_argument("--model", default="builtin", help="any model id of the registry (default: builtin)")
    parser.add_argument("--data", type=Path, required=True, help="folder with flickr8k/ and photos1000/")
    parser.add_argument("--full", action="store_true", help="cifar10 too (10,000 pictures)")
    return parser.parse_args(arguments)


def measure(models: ModelManager, data: Path, full: bool = False) -> dict[str, object]:
    """All figures of one model. Recalls are fractions; intervals are 95 % bootstrap over pictures (flickr8k) or queries (names).

    Raises AppError for a model that can't be used, OSError for a folder without the pictures.
    """
    started = time.monotonic()
    result: dict[str, object] = {"model": models.model_id, "space": models.space, "dimensions": models.dimensions}
    ranks = flickr8k_ranks(models, data / "flickr8k")
    result["flickr8k"] = recalls(ranks)
    names = names_ranks(models, data / "photos1000")
    result["names"] = recalls(names)
    result["interval_95"] = {"flickr8k": intervals(ranks.reshape(-1, 5)), "names": intervals(names[:, None])}
    result["speed"] = speed(models)
    if full:
        result["cifar10"] = cifar10(models, data / "cifar10")
    return {**result, "seconds": round(time.monotonic() - started, 1), "machine": machine.reference()}


def flickr8k_ranks(models: ModelManager, folder: Path) -> Ranks:
    """Rank (0 = first) of each test caption's own picture among the test pictures, five captions a picture in order."""
    lines = (folder / "captions.jsonl").read_text(encoding="utf-8").splitlines()
    test = [record for record in map(json.loads, lines) if record["split"] == "test"]
    images = encode_files(models, [folder / record["file"] for record in test])
    captions = [caption for record in test for caption in record["captions"]]
    right = np.repeat(np.eye(len(test), dtype=bool), 5, axis=0)
    return ranks_of(models.encode_text(captions) @ images.T, right)


def names_ranks(models: ModelManager, folder: Path) -> Ranks:
    """Rank of the best right photo for each class name, read from the file names ``n02012849_crane.jpg``."""
    files = sorted(folder.glob("n*_*.jpg"))
    names = [path.stem.split("_", 1)[1].replace("_", " ") for path in files]
    right = np.array([[name == other for other in names] for name in names])
    return ranks_of(models.encode_text(names) @ encode_files(models, files).T, right)


def cifar10(models: ModelManager, folder: Path) -> dict[str, float]:
    """Accuracy over the 10,000 test pictures: ``zero_shot`` by the nearest class sentence, ``knn`` by the 10 nearest other pictures."""
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    files = [(path, number) for number, name in enumerate(classes) for path in sorted((folder / name).iterdir())]
    images, labels = encode_files(models, [path for path, _ in files]), np.array([number for _, number in files])
    sentences = models.encode_text([f"a photo of {'an' if name[0] in 'aeiou' else 'a'} {name}" for name in classes])
    zero_shot = (images @ sentences.T).argmax(1)
    return {"zero_shot": accuracy(zero_shot, labels), "knn": accuracy(_nearest(images, labels, len(classes)), labels)}


def _nearest(images: Vectors, labels: NDArray[np.int64], classes: int, k: int = 10) -> NDArray[np.int64]:
    """Class by the summed cosine of each picture's ``k`` nearest others."""
    found = np.empty(len(images), np.int64)
    for start in range(0, len(images), 500):
        scores = images[start : start + 500] @ images.T
        scores[np.arange(len(scores)), np.arange(start, start + len(scores))] = -2.0
        near = np.argpartition(-scores, k, axis=1)[:, :k]
        votes = np.eye(classes)[labels[near]] * np.take_along_axis(scores, near, 1)[:, :, None]
        found[start : start + 500] = votes.sum(1).argmax(1)
    return found


def accuracy(found: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Share of equal entries."""
    return round(float((found == labels).mean()), 4)


def speed(models: ModelManager) -> dict[str, float]:
    """Pictures encoded a second (a batch of 32 that is decoded and prepared already) and milliseconds for one short text."""
    embedder = models.embedder()
    noise = np.random.default_rng(0).integers(0, 256, (32, 240, 320, 3), np.uint8)
    pixels = np.stack([embedder.preprocess(Image.fromarray(picture)) for picture in noise])
    images = machine.median_seconds(lambda: embedder.encode_pixels(pixels))
    text = machine.median_seconds(lambda: embedder.encode_texts(["a dog running on grass"]))
    return {"images_per_s": round(32 / images, 1), "text_ms": round(text * 1000, 2)}


def encode_files(models: ModelManager, files: Sequence[Path]) -> Vectors:
    """n picture files -> (n, D) vectors."""
    if not files:
        raise FileNotFoundError("The data folder holds none of this benchmark's pictures.")
    return np.concatenate([models.encode(pictures) for pictures in _batches(files)])


def _batches(files: Sequence[Path]) -> Iterator[list[Image.Image]]:
    for start in range(0, len(files), BATCH):
        pictures = []
        for path in files[start : start + BATCH]:
            with Image.open(path) as opened:
                pictures.append(opened.convert("RGB"))
        yield pictures


def ranks_of(scores: Vectors, right: NDArray[np.bool_]) -> Ranks:
    """(q, n) cosines and which are right -> (q,) wrong pictures at or above the best right one: ties count against the model."""
    best = np.where(right, scores, -2.0).max(1, keepdims=True)
    ranks: Ranks = ((scores >= best) & ~right).sum(1)
    return ranks


def recalls(ranks: Ranks) -> dict[str, float]:
    """Share of queries answered within the first k."""
    return {f"r@{k}": round(float((ranks < k).mean()), 4) for k in AT}


def intervals(groups: Ranks) -> dict[str, tuple[float, float]]:
    """95 % percentile bootstrap of the recalls. (g, m): the m queries of a group belong together and are drawn together."""
    dice = np.random.default_rng(0)
    drawn = dice.integers(0, len(groups), (RESAMPLES, len(groups)))
    result = {}
    for k in AT:
        low, high = np.quantile((groups < k).mean(1)[drawn].mean(1), (0.025, 0.975))
        result[f"r@{k}"] = (round(float(low), 4), round(float(high), 4))
    return result


def table(result: dict[str, object]) -> str:
    """The figures for a reader, in per cent with their intervals."""
    lines = [f"{result['model']} ({result['space']}), {result['seconds']} s, commit {result['machine']['commit']}"]  # type: ignore[index]
    for name in ("flickr8k", "names"):
        cells = []
        for at, value in result[name].items():  # type: ignore[attr-defined]
            low, high = result["interval_95"][name][at]  # type: ignore[index]
            cells.append(f"{at} {100 * value:5.1f} ({100 * low:.1f}-{100 * high:.1f})")
        lines.append(f"{name:10}" + "   ".join(cells))
    lines.append("speed     " + "   ".join(f"{k} {v}" for k, v in result["speed"].items()))  # type: ignore[attr-defined]
    if "cifar10" in result:
        lines.append("cifar10   " + "   ".join(f"{k} {100 * v:.1f}" for k, v in result["cifar10"].items()))  # type: ignore[attr-defined]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
