"""Segment Anything without a published checkpoint: python -m benchmarks.sam --data FOLDER [--grid 16] [--quick]
[--json]

Three things, none of which says how good the masks of real weights are.

1. Against transformers' mask-generation pipeline (fp32, 64 points a batch, suppression of doubles written here, since
   it wants torchvision): the same ViT-B of random weights, the same photo of 1024 pixels, the same grid. Random weights
   give masks that are all or noise, so some are scaled and tied until masks are blobs (benchmarks/sam_work.py says
   how), and the thresholds are lowered; at least 50 masks must survive in the pipeline. Each must have one of its own
   among ours with an overlap of 0.99. ``--grid`` is 16 a side for both by default, because 32 takes the pipeline
   minutes more; masks and filters are the same work for each point. bf16 (the image encoder's) is timed beside, with
   the share of masks that stay the same. All three run once to warm up, then in turn, ``--rounds`` times (default 3).
2. The policy alone, on bsds500: a network stands in that answers each point with the segments of three humans that it
   lies in. Prompts saved against the whole 32 x 32 grid, and the share of the masks of the whole grid that are still
   found (overlap 0.9). Then a harder one: 60 % of the segments are ever good enough, and each only in 60 % of the
   answers. Then at most 64 points.
3. A photo with points skipped. Random masks would skip at random, so the network does all its work for each point that
   the policy asks about, and the humans' segments are what it is then taken to have said: the prompts are those of 2,
   the seconds are the real network's (encoder in bf16, decoder in fp32), the photos are ``--photos`` of bsds500 scaled
   to 1024 pixels. ViT-B against the pipeline of 1 with the whole 32 x 32 grid, and again with the answers of 2's harder
   network; MobileSAM (fp32) with at most 64 points, and with all 1,024 beside. All of them, the pipeline too, take each
   photo in turn, after a first small look that is not counted.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from benchmarks import command, machine
from benchmarks.sam_work import (
    SIDE,
    BoolArray,
    Disguised,
    LabelDecoder,
    Labels,
    ReferencePipeline,
    human_labels,
    matched,
    pixels_of,
    random_mobile,
    random_sam,
)
from src.vendored_sam.amg import MOBILE, QUICK, REFERENCE, FoundMask, MaskSettings, Tally, generate

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from src.vendored_sam.sam import Sam

GRID, QUICK_GRID, PHOTOS, QUICK_PHOTOS = 16, 12, 3, 1
ROUNDS, QUICK_ROUNDS = 3, 1
FULL = 32
LABELLED, QUICK_LABELLED = 30, 5
MIN_IOU, MIN_STABILITY = 0.5, 0.7
"""Lowered for random weights."""
HARDER = (0.6, 0.6)
BARS: dict[str, tuple[str, float]] = {
    "survivors": (">=", 50),
    "same": (">=", 1.0),
    "ratio": (">=", 2.0),
    "prompts_saved": (">=", 0.6),
    "found": (">=", 0.95),
    "quick_ratio": (">=", 4.0),
    "mobile_s": ("<=", 3.0),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    options = _options(arguments)
    return command.told(lambda: measure(options), table, options.json)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("sam", __doc__, quick=f"a grid of {QUICK_GRID} throughout, fewer photos")
    parser.add_argument("--data", type=Path, required=True, help="folder with boxes/bsds500/")
    parser.add_argument(
        "--grid", type=int, help=f"points a side against transformers, default: {GRID}, quick {QUICK_GRID}"
    )
    parser.add_argument(
        "--photos", type=int, help=f"timed with points skipped, default: {PHOTOS}, quick {QUICK_PHOTOS}"
    )
    parser.add_argument("--rounds", type=int, help=f"against transformers, default: {ROUNDS}, quick {QUICK_ROUNDS}")
    parser.add_argument(
        "--labelled", type=int, help=f"photos for the policy alone, default: {LABELLED}, quick {QUICK_LABELLED}"
    )
    parser.add_argument("--only", choices=("skipping",), help="only the policy, without any network")
    options = parser.parse_args(arguments)
    options.grid = options.grid or (QUICK_GRID if options.quick else GRID)
    options.photos = options.photos or (QUICK_PHOTOS if options.quick else PHOTOS)
    options.rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    options.labelled = options.labelled or (QUICK_LABELLED if options.quick else LABELLED)
    options.full = QUICK_GRID if options.quick else FULL
    return options


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures.

    Raises OSError where the photos are not there, RuntimeError where too few masks survive to compare.
    """
    result = skipping(options.data, options.labelled)
    if not options.only:
        from tests.parity.sam_reference import VIT_B

        result |= networks(options.data, options.grid, options.full, options.photos, VIT_B, options.rounds)
    return {**result, "bars": BARS, "quick": options.quick, "machine": machine.reference()}


# ------------------------------------------------------------ the policy alone


def skipping(data: Path, photos: int) -> dict[str, Any]:
    """Prompts saved and masks still found, over so many photos."""
    kinds = {"": (1.0, 1.0), "harder_": HARDER}
    counts = {kind: np.zeros((2, 4), np.int64) for kind in kinds}
    for _, labels in human_labels(data, photos):
        for kind, chances in kinds.items():
            counts[kind] += skipped(labels, chances, (QUICK, MOBILE))
    result: dict[str, Any] = {"labelled_photos": photos, "masks": int(counts[""][0, 3])}
    for kind, both in counts.items():
        for name, (prompts, points, found, masks) in zip(("", "mobile_"), both.tolist(), strict=True):
            result[f"{kind}{name}prompts_saved"] = round(1 - prompts / points, 4)
            result[f"{kind}{name}found"] = round(found / max(masks, 1), 4)
    return result


def skipped(
    labels: Sequence[Labels], chances: tuple[float, float], presets: Sequence[MaskSettings]
) -> list[tuple[int, int, int, int]]:
    """Of one photo, for each preset: prompts, points of the grid, masks found of those that the whole 32 x 32 grid
    finds, and these.
    """
    size = (labels[0].shape[0], labels[0].shape[1])
    wanted = pixels_of(generate(lambda _: LabelDecoder(labels, *chances), size, REFERENCE))
    counts = []
    for settings in presets:
        tally = Tally()
        found = generate(lambda _: LabelDecoder(labels, *chances), size, settings, tally)
        counts.append((tally.prompts, tally.points, matched(wanted, pixels_of(found), 0.9)[0], len(wanted)))
    return counts


# ------------------------------------------------------------ with networks


def networks(data: Path, grid: int, full: int, photos: int, sizes: dict[str, Any], rounds: int = 1) -> dict[str, Any]:
    """Against the pipeline, and with points skipped. full: points a side of the grid that is skipped in."""
    import torch

    from tests.parity.sam_reference import official_layout

    side = sizes.get("vision", {}).get("image_size", SIDE)
    pictures = [(scaled(Image.open(photo), side), labels) for photo, labels in human_labels(data, photos)]
    photo = pictures[0][0]
    model = random_sam(photo, sizes)
    weights = official_layout(model)
    exact, half = built(weights, torch.float32), built(weights, torch.bfloat16)
    pipeline = ReferencePipeline(model)
    result = compared(pipeline, exact, half, photo, grid, rounds)
    if side == SIDE:
        result |= with_skipping(pipeline, half, pictures, full)
        for name in ("quick", "quick_harder"):
            result[f"{name}_ratio"] = round(result["transformers_full_s"] / result[f"{name}_s"], 2)
    return {**result, "grid": grid, "full_grid": full, "photos": len(pictures), "rounds": rounds}


def built(weights: Mapping[str, Tensor], dtype: torch.dtype) -> Sam:
    """The networks as the product lays them out on a CPU. dtype: of the image encoder."""
    from src.vendored_sam import packed
    from src.vendored_sam.image_encoder import VitEncoder
    from src.vendored_sam.sam import build

    sam = build(weights, encoder_dtype=dtype)
    if packed.can_pack() and isinstance(sam.image_encoder, VitEncoder):
        packed.pack(sam.image_encoder)
    return sam


def scaled(photo: Image.Image, side: int) -> Image.Image:
    """With ``side`` pixels along the long side, so that masks need no further resizing in either way."""
    scale = side / max(photo.size)
    return photo.convert("RGB").resize(
        (int(photo.width * scale + 0.5), int(photo.height * scale + 0.5)), Image.Resampling.BICUBIC
    )


def compared(
    pipeline: ReferencePipeline, exact: Sam, half: Sam, photo: Image.Image, grid: int, rounds: int
) -> dict[str, Any]:
    """The same masks, and how much sooner. Raises RuntimeError where fewer than 50 survive in the pipeline."""
    settings = MaskSettings(side=grid, min_iou=MIN_IOU, min_stability=MIN_STABILITY)
    works: dict[str, Callable[[], list[BoolArray]]] = {
        "transformers": lambda: pipeline.masks(photo, grid, MIN_IOU, MIN_STABILITY),
        "ours": lambda: pixels_of(everything(exact, photo, settings)),
        "bf16": lambda: pixels_of(everything(half, photo, settings)),
    }
    theirs, ours, halves = (work() for work in works.values())  # which warms all three up
    if len(theirs) < BARS["survivors"][1]:
        raise RuntimeError(f"Only {len(theirs)} masks survive in transformers: too few to compare.")
    seconds = in_turn(works, rounds)
    same, least = matched(theirs, ours, 0.99)
    return {
        "survivors": len(theirs),
        "ours": len(ours),
        "same": round(same / max(len(theirs), len(ours)), 4),
        "least_overlap": round(least, 4),
        "bf16_same": round(matched(theirs, halves, 0.99)[0] / len(theirs), 4),
        **{f"{name}_s": took for name, took in seconds.items()},
        "ratio": round(seconds["transformers"] / seconds["ours"], 2),
        "bf16_ratio": round(seconds["transformers"] / seconds["bf16"], 2),
    }


def everything(sam: Sam, photo: Image.Image, settings: MaskSettings) -> list[FoundMask]:
    """All masks of a photo, encoding it included."""
    from src.vendored_sam.sam import Predictor

    return generate(lambda box: Predictor(sam, photo.crop(box)), photo.size[::-1], settings)


def with_skipping(
    pipeline: ReferencePipeline, sam: Sam, pictures: Sequence[tuple[Image.Image, list[Labels]]], full: int
) -> dict[str, Any]:
    """Seconds a photo, median over the photos, of the pipeline's whole grid and of each preset; and prompts.

    They take each photo in turn.
    """
    mobile = random_mobile(sam)
    sure, sparing = (1.0, 1.0), MaskSettings(side=full, skip=True)
    kinds = {
        "quick": (sam, sparing, sure),
        "quick_harder": (sam, sparing, HARDER),
        "mobile": (mobile, MOBILE, sure),
        "mobile_full": (mobile, MaskSettings(side=full), sure),
    }
    tallies = {name: Tally() for name in kinds}
    times: dict[str, list[float]] = {name: [] for name in ("transformers_full", *kinds)}
    for network, _, chances in kinds.values():
        disguised(network, *pictures[0], MaskSettings(side=2), chances)
    for photo, labels in pictures:
        times["transformers_full"].append(seconds_of(partial(pipeline.masks, photo, full, MIN_IOU, MIN_STABILITY)))
        for name, (network, settings, chances) in kinds.items():
            look = partial(disguised, network, photo, labels, settings, chances, tallies[name])
            times[name].append(seconds_of(look))
    prompts = {f"{name}_prompts": round(tally.prompts / len(pictures)) for name, tally in tallies.items()}
    return {f"{name}_s": round(machine.median(took), 2) for name, took in times.items()} | prompts


def disguised(
    sam: Sam,
    photo: Image.Image,
    labels: Sequence[Labels],
    settings: MaskSettings,
    chances: tuple[float, float],
    tally: Tally | None = None,
) -> list[FoundMask]:
    """As ``everything``, with the humans' segments as what the network said; its own work is done all the same."""
    from src.vendored_sam.sam import Predictor

    size = photo.size[::-1]
    return generate(
        lambda _: Disguised(Predictor(sam, photo), LabelDecoder(labels, *chances, side=sam.side)), size, settings, tally
    )


def in_turn(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of each work, the median of so many rounds: A, B, C, A, B, C, ... All must be warm."""
    times = [{name: seconds_of(work) for name, work in works.items()} for _ in range(rounds)]
    return {name: round(machine.median([took[name] for took in times]), 2) for name in works}


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def table(result: dict[str, Any]) -> str:
    """The figures for a reader."""
    machine, quick = result["machine"], ", quick set" if result["quick"] else ""
    lines = [f"commit {machine['commit']}, {machine['cores']} cores{quick}"]
    for name, value in result.items():
        if isinstance(value, int | float) and name != "quick":
            lines.append(f"{name:24}{value:10,.6g}   {_bar(name, value)}".rstrip())
    return "\n".join(lines)


def _bar(name: str, value: float) -> str:
    if name not in BARS:
        return ""
    sign, bar = BARS[name]
    within = value >= bar if sign == ">=" else value <= bar
    return f"bar {sign} {bar:g}, {'yes' if within else 'NO'}"


if __name__ == "__main__":
    sys.exit(main())
