"""Make the built-in model from nothing: ``python -m training.build --data FOLDER``.

Takes the published backbone and sentence encoder, trains the heads on flickr8k train and labelled/, tunes the
backbone's upper part with them, chooses the text floor on flickr8k dev, exports both towers, checks them against
PyTorch, and writes ``src/models/builtin_files``. What the backbone makes of the pictures is cached under
``training/cache`` (5 GB), and so is a run that was interrupted; delete it to start over. The test sets are never read.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training import export
from training.backbone import EfficientNetLite0, load_backbone
from training.data import Photo, flickr8k, held_back, labelled, view
from training.features import Seen, seen
from training.heads import Recipe, train_heads, wordings
from training.judge import Judge
from training.minilm import load_minilm, load_tokenizer, tokenize
from training.pictures import Pictures
from training.query_bank import write_query_bank
from training.sentences import SentenceCache
from training.towers import ImageTower, TextTower
from training.tune import Tower, Tuning, tune

HERE = Path(__file__).parent
CACHE = HERE / "cache"
TARGET = HERE.parent / "src" / "models" / "builtin_files"
SHARP_VIEWS = ("squash", "flip", "crop0", "crop1", "crop2", "crop3", "crop4", "crop5")
SHRUNKEN_VIEWS = ("tiny0", "tiny1", "tiny2")
"""For tuning alone; each needs the crop of its number."""
LOWEST_COSINE = 0.9999
NEEDS = (
    "This takes about an hour on two CPU cores, 5 GB of disk under training/cache and 5 GB of memory; "
    "a GPU shortens the tuning. What is interrupted goes on where it was."
)


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(
        prog="python -m training.build", description="Train and export the built-in model."
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with flickr8k/ and labelled/")
    parser.add_argument("--out", type=Path, default=TARGET, help="where the model's files go")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads for PyTorch")
    arguments = parser.parse_args()
    missing = [name for name in ("flickr8k", "labelled") if not (arguments.data / name / "captions.jsonl").is_file()]
    if missing:
        parser.error(f"there is no {' and no '.join(missing)} with its captions.jsonl in {arguments.data}")
    print(NEEDS, flush=True)
    warnings.filterwarnings("ignore", category=FutureWarning)
    torch.set_num_threads(arguments.threads)
    build(arguments.data, arguments.out, Recipe(), Tuning())


def build(data: Path, out: Path, recipe: Recipe, tuning: Tuning) -> None:
    """Train, export, check, and write the card and the query bank."""
    started = time.monotonic()
    CACHE.mkdir(exist_ok=True)
    backbone, minilm = load_backbone(), load_minilm()
    encode = SentenceCache(CACHE, minilm)
    captioned, named = training_pictures(data, backbone, encode)
    heads = train_heads(captioned.only(SHARP_VIEWS), named.only(SHARP_VIEWS), backbone.classifier, encode, recipe)
    untuned = Judge(
        data, partial(_features, backbone, Tower(backbone, heads)), backbone.classifier, heads, encode
    ).scores()
    print(json.dumps({"before tuning": untuned}, indent=2), flush=True)
    tower = tune(backbone, heads, captioned, named, recipe, tuning, CACHE)
    judge = Judge(data, partial(_features, backbone, tower), tower.backbone.classifier, tower.heads, encode)
    scores = judge.scores()
    print(json.dumps({"validation": scores}, indent=2))
    cosines = write_towers(
        out, ImageTower(tower.backbone, tower.heads), TextTower(minilm, tower.heads), labelled(data)[::400]
    )
    facts = {
        "dimensions": 768,
        "recipe": dataclasses.asdict(recipe),
        "tuning": dataclasses.asdict(tuning),
        "validation": scores,
        "validation_before_tuning": untuned,
        "minutes": round((time.monotonic() - started) / 60, 1),
        "lowest_cosine_to_pytorch": cosines,
    }
    export.write_card(out, facts)
    write_query_bank(out)


def training_pictures(data: Path, backbone: EfficientNetLite0, encode: SentenceCache) -> tuple[Pictures, Pictures]:
    """flickr8k train, and labelled/ without its held-back sentences."""
    captioned, named = flickr8k(data, "train"), labelled(data)
    kept = torch.tensor([not held_back(photo) for photo in named])
    descriptions = sorted({photo.sentences[0] for photo in named})
    worded = torch.stack([encode(texts) for texts in zip(*map(wordings, descriptions), strict=True)], dim=1)
    numbers = torch.tensor([descriptions.index(photo.sentences[0]) for photo in named])
    captions = encode([caption for photo in captioned for caption in photo.sentences]).unflatten(
        0, (len(captioned), -1)
    )
    every = torch.arange(len(captioned))
    return (
        Pictures(_views(backbone, captioned), every, captions, every),
        Pictures(_views(backbone, named), torch.arange(len(named))[kept], worded, numbers[kept]),
    )


def write_towers(out: Path, image: ImageTower, text: TextTower, photos: Sequence[Photo]) -> dict[str, float]:
    """Export both towers and the tokenizer. Stops where a file's outputs are not PyTorch's."""
    out.mkdir(parents=True, exist_ok=True)
    export.export_image(image, out / "image.onnx")
    export.export_text(text, out / "text.onnx")
    export.export_tokenizer(out / "tokenizer.json")
    pixels = torch.stack([torch.from_numpy(view(photo.path, "squash")) for photo in photos])
    ids, mask = tokenize(load_tokenizer(), [photo.sentences[0] for photo in photos] + ["cat"])
    with torch.inference_mode():
        cosines = {
            "image": export.lowest_cosine(out / "image.onnx", {"pixels": pixels}, [image(pixels)]),
            "text": export.lowest_cosine(out / "text.onnx", {"ids": ids, "mask": mask}, text(ids, mask)),
        }
    if min(cosines.values()) < LOWEST_COSINE:
        raise SystemExit(f"the exported towers differ from PyTorch: {cosines}")
    return {name: round(cosine, 7) for name, cosine in cosines.items()}


def _views(backbone: EfficientNetLite0, photos: Sequence[Photo]) -> dict[str, Seen]:
    return {name: seen(CACHE, backbone, photos, name) for name in (*SHARP_VIEWS, *SHRUNKEN_VIEWS)}


@torch.inference_mode()
def _features(backbone: EfficientNetLite0, tower: Tower, photos: Sequence[Photo], name: str) -> Tensor:
    """(n, 1280) of the photos' view, as the tower's upper part makes them of the maps."""
    maps = torch.from_numpy(np.array(seen(CACHE, backbone, photos, name).maps))
    return torch.cat(
        [tower.backbone.top(part.float().contiguous(memory_format=torch.channels_last))[0] for part in maps.split(128)]
    )


if __name__ == "__main__":
    main()
