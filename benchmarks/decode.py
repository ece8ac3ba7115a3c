"""From a camera's JPEG to what a model looks at: python -m benchmarks.decode --data FOLDER [--quick] [--json]

Photos of photos1000 are scaled up to 4000 x 3000 and given a sensor's noise (quality 92, 4:2:0), since no camera's own
are at hand. The product's way (a decode reduced by the JPEG's own scaling, as its pipeline asks for it, then the
model's preprocessing) against Pillow's full decode and one bicubic resize, as CLIP's own preprocessing and its peers do
it; and, beside it, against a full decode and the product's preprocessing, which resizes in two steps. In one thread,
alternated, the median of the rounds. Then what the reduced decode costs in accuracy: the cosine of each picture's
vector to that of the full decode, for the built-in model and for ViT-B/32 with random weights, beside the mean cosine
of two different pictures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import command, machine, random_clip
from src.config import Settings
from src.models.model_manager import ModelManager
from src.processing.decoding.reader import PictureReader
from src.schema import Embedder, FloatArray
from src.services.indexing.pipeline import decode_side

PICTURES, ROUNDS = 24, 5
QUICK_PICTURES, QUICK_ROUNDS = 8, 3
SIZE = (4000, 3000)
NOISE = 4.0
"""Standard deviation in grey levels: about a phone's in daylight."""
BARS = {"ratio": 2.5, "cosine_mean": 0.99, "vit_cosine_mean": 0.99}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory() as folder:
        return command.told(lambda: measure(options, Path(folder)), table, options.json)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("decode", __doc__, quick="fewer pictures and rounds")
    parser.add_argument("--data", type=Path, required=True, help="folder with photos1000/")
    parser.add_argument("--pictures", type=int, help=f"default: {PICTURES}, quick {QUICK_PICTURES}")
    parser.add_argument("--rounds", type=int, help=f"default: {ROUNDS}, quick {QUICK_ROUNDS}")
    options = parser.parse_args(arguments)
    options.pictures = options.pictures or (QUICK_PICTURES if options.quick else PICTURES)
    options.rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    return options


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All figures. Raises OSError where the photos are not there."""
    files = camera_files(options.data / "photos1000", folder / "pictures", options.pictures)
    builtin = ModelManager("builtin", Settings(home=folder)).embedder()
    vit = random_clip.models(Settings(home=folder), folder).embedder()
    reader = PictureReader()
    try:
        kinds = {"ours": ours(reader, builtin), "full": plain(builtin), "full_two_steps": full(builtin)}
        timed = {name: partial(_each, way, files) for name, way in kinds.items()}
        times = machine.alternated(timed, options.rounds)
        cosines = {"": compared(reader, builtin, files), "vit_": compared(reader, vit, files)}
    finally:
        reader.close()
    seconds = {name: machine.median(each) / len(files) for name, each in times.items()}
    return {
        "ratio": round(seconds["full"] / seconds["ours"], 3),
        "ratio_two_steps": round(seconds["full_two_steps"] / seconds["ours"], 3),
        **{prefix + name: value for prefix, told in cosines.items() for name, value in told.items()},
        "bars": BARS,
        "milliseconds": {
            name: {"median": round(1000 * each, 2), "spread": machine.spread(times[name])}
            for name, each in seconds.items()
        },
        "pictures": len(files),
        "megabytes": round(sum(file.stat().st_size for file in files) / len(files) / 1e6, 2),
        "rounds": options.rounds,
        "quick": options.quick,
        "machine": machine.reference(),
    }


def ours(reader: PictureReader, embedder: Embedder) -> Any:
    """File -> model input, as the indexing pipeline makes it."""
    return lambda file: embedder.preprocess(reader.read(file, decode_side(embedder))[0])


def plain(embedder: Embedder) -> Any:
    """File -> model input by way of every pixel and one resize."""
    side = embedder.min_side

    def way(file: Path) -> FloatArray:
        return embedder.preprocess(Image.open(file).convert("RGB").resize((side, side), Image.Resampling.BICUBIC))

    return way


def _each(way: Any, files: Sequence[Path]) -> None:
    for file in files:
        way(file)


def full(embedder: Embedder) -> Any:
    """File -> model input by way of every pixel."""
    return lambda file: embedder.preprocess(Image.open(file).convert("RGB"))


def compared(reader: PictureReader, embedder: Embedder, files: Sequence[Path]) -> dict[str, float]:
    """Cosines of the two ways' vectors: their mean and the least, and the mean of two different pictures'."""
    reduced, exact = (
        np.concatenate([embedder.encode_pixels(way(file)[None]) for file in files]) for way in ways(reader, embedder)
    )
    same = (reduced * exact).sum(1)
    return {
        "cosine_mean": _round(same.mean()),
        "cosine_min": _round(same.min()),
        "cosine_of_two_pictures": _round(_apart(exact)),
    }


def ways(reader: PictureReader, embedder: Embedder) -> tuple[Any, Any]:
    return ours(reader, embedder), full(embedder)


def _apart(vectors: FloatArray) -> float:
    different = ~np.eye(len(vectors), dtype=bool)
    return float((vectors @ vectors.T)[different].mean()) if len(vectors) > 1 else 1.0


def _round(value: Any) -> float:
    return round(float(value), 6)


def camera_files(source: Path, target: Path, number: int, size: tuple[int, int] = SIZE) -> list[Path]:
    """So many photos, spread over a folder, as a camera of that many pixels would have written them.

    Each is cut to the proportions and scaled up, so its finest detail is the noise. Raises FileNotFoundError where
    there are none.
    """
    found = sorted(source.glob("*.jp*g")) if source.is_dir() else []
    if not found:
        raise FileNotFoundError(f"There are no photos in {source}.")
    target.mkdir()
    files = []
    for at in range(number):
        path = target / f"{at:04}.jpg"
        with Image.open(found[at * len(found) // number % len(found)]) as photo:
            noisy(photo.convert("RGB"), size, at).save(path, "JPEG", quality=92, subsampling="4:2:0")
        files.append(path)
    return files


def noisy(photo: Image.Image, size: tuple[int, int], seed: int) -> Image.Image:
    """A photo's middle scaled to ``size``, with noise."""
    width, height = photo.size
    scale = min(width / size[0], height / size[1])
    left, top = (width - size[0] * scale) / 2, (height - size[1] * scale) / 2
    box = (left, top, left + size[0] * scale, top + size[1] * scale)
    pixels = np.asarray(photo.resize(size, Image.Resampling.BICUBIC, box=box), np.float32)
    grain = np.random.default_rng(seed).standard_normal((size[1], size[0], 3), np.float32) * NOISE
    return Image.fromarray(np.clip(pixels + grain + 0.5, 0, 255).astype(np.uint8))


def table(result: dict[str, Any]) -> str:
    """The figures for a reader."""
    what = f"{result['pictures']} JPEGs of 12 megapixels ({result['megabytes']} MB each)"
    lines = [f"{what}, median of {result['rounds']} rounds, commit {result['machine']['commit']}"]
    lines += [
        f"{name:24}{told['median']:8.2f} ms (spread {told['spread']:.0%})"
        for name, told in result["milliseconds"].items()
    ]
    lines += [f"{name:24}{result[name]:8.3f}   bar {bar}" for name, bar in result["bars"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
