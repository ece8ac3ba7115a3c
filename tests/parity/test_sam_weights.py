"""The published Segment Anything checkpoints, wherever there are any: each loads, and finds what is plainly there."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from src import masks
from src.config import Precision, Settings
from src.masks import BoolArray
from src.models import registry, weights
from src.models.registry import ModelSpec
from src.models.segmenters.sam import SamSegmenter
from src.vendored_sam.sam import Predictor, load

pytestmark = pytest.mark.weights
BALL = (140, 120, 300, 280)
"""XYXY of a red ball in the picture."""


@pytest.fixture(scope="module", params=registry.specs("segment"), ids=lambda spec: spec.id)
def spec(request: pytest.FixtureRequest) -> ModelSpec:
    found: ModelSpec = request.param
    return found


@pytest.fixture(scope="module")
def checkpoint(spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings.from_env()
    folders = [settings.weights_dir, *settings.weights_path]
    path = weights.locate(spec, [tmp_path_factory.mktemp("memory"), *folders])
    if path is None:
        pytest.skip(f"no {spec.file_name} in {', '.join(map(str, folders))}")
    return path


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """A ball and a box on a lawn."""
    noise = np.random.default_rng(0).integers(0, 30, (480, 640, 3))
    image = Image.fromarray((noise + np.array([60, 120, 50])).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.ellipse(BALL, fill=(200, 30, 30))
    draw.rectangle((400, 200, 560, 380), fill=(240, 220, 60))
    return image


def ball(height: int, width: int) -> BoolArray:
    canvas = Image.new("1", (width, height))
    ImageDraw.Draw(canvas).ellipse([edge * width / 640 for edge in BALL], fill=1)
    return np.asarray(canvas)


def overlap(one: BoolArray, other: BoolArray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_a_point_on_a_ball_gives_the_ball(spec: ModelSpec, checkpoint: Path, picture: Image.Image) -> None:
    predictor = Predictor(load(checkpoint), picture)
    looked = predictor.look(torch.tensor([[220.0, 200.0]]) * predictor.size[1] / 640)
    low = predictor.draw(looked, torch.zeros(3, dtype=torch.int64), torch.arange(3))
    found = [overlap(logits.numpy() > 0, ball(*predictor.size)) for logits in predictor.upscale(low)]
    print(f"\n{spec.id}: overlap {[f'{value:.3f}' for value in found]}, predicted {looked.ious[0].tolist()}")
    assert max(found) >= 0.9
    assert looked.ious.max() >= 0.8


@pytest.mark.parametrize("precision", get_args(Precision))
def test_the_segmenter_finds_the_ball(
    spec: ModelSpec, precision: Precision, checkpoint: Path, picture: Image.Image
) -> None:
    segmenter = SamSegmenter(spec.id, checkpoint, spec.segmenting.preset, precision=precision)
    found = segmenter.segment(picture, most=20)
    best = max(overlap(masks.decode(segment.mask), ball(segment.mask.height, segment.mask.width)) for segment in found)
    print(f"\n{spec.id} in {segmenter.precision_name}: {len(found)} segments, overlap {best:.3f}")
    assert best >= 0.9
