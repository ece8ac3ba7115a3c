"""openai/CLIP's own example with the real ViT-B/32, wherever its weights are: CLIP.png against three captions, as its
README gives them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image

from src.config import Precision, Settings
from src.models.embedders.clip import ClipEmbedder
from src.vendored_clip import clip

FILE_NAME = "ViT-B-32.pt"
SHA256 = "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"
CAPTIONS = ["a diagram", "a dog", "a cat"]
PUBLISHED = [0.9927937, 0.00421068, 0.00299572]
"""From half precision on a GPU."""

pytestmark = pytest.mark.weights
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def weights() -> Path:
    settings = Settings.from_env()
    folders = [settings.weights_dir, *settings.weights_path]
    found = [folder / FILE_NAME for folder in folders if (folder / FILE_NAME).is_file()]
    if not found:
        pytest.skip(f"no {FILE_NAME} in {', '.join(map(str, folders))}")
    with found[0].open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == SHA256, f"{found[0]} is not OpenAI's file"
    return found[0]


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    path = Path(os.environ.get("MFE_TEST_DATA", "")) / "clip" / "CLIP.png"
    if not os.environ.get("MFE_TEST_DATA") or not path.is_file():
        pytest.skip("no clip/CLIP.png in the folder that MFE_TEST_DATA names")
    return Image.open(path)


def test_published_probabilities(weights: Path, picture: Image.Image, record_property: Record) -> None:
    model, preprocess = clip.load(weights)
    with torch.inference_mode():
        logits, _ = model(torch.from_numpy(preprocess(picture))[None], clip.tokenize(CAPTIONS))
    probabilities = logits.softmax(dim=-1)[0].numpy()
    print(f"\nCLIP.png: {probabilities} (published {PUBLISHED})")
    record_property("CLIP.png", probabilities.tolist())
    np.testing.assert_allclose(probabilities, PUBLISHED, atol=1e-3)


@pytest.mark.parametrize("precision", get_args(Precision))
def test_the_embedder_agrees(
    precision: Precision, weights: Path, picture: Image.Image, record_property: Record
) -> None:
    model = ClipEmbedder("ViT-B/32", weights, SHA256, dimensions=512, image_size=224, precision=precision)
    cosines = model.encode_texts(CAPTIONS) @ model.encode_pixels(model.preprocess(picture)[None])[0]
    probabilities = np.exp(100 * cosines) / np.exp(100 * cosines).sum()
    print(f"\nCLIP.png, {model.precision_name} on {model.device_name}: {probabilities} (published {PUBLISHED})")
    record_property(f"CLIP.png {precision}", probabilities.tolist())
    np.testing.assert_allclose(probabilities, PUBLISHED, atol=1e-3 if model.precision_name == "fp32" else 1e-2)
