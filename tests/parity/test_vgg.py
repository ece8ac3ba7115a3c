"""VGG-16: the network of its paper with weights laid out as torchvision publishes them, against plain convolutions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.signal import correlate
from torch.nn import functional as F

from src.config import Settings
from src.errors import ModelError, WeightsCorrupt, WeightsMissing
from src.models import registry
from src.models.embedders import vgg
from src.models.model_manager import ModelManager

PUBLISHED = {
    0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256), 14: (256, 256),
    17: (256, 512), 19: (512, 512), 21: (512, 512), 24: (512, 512), 26: (512, 512), 28: (512, 512),
}  # fmt: skip
"""Numbers that torchvision's file has its convolutions under, and their channels."""
HALVED_AFTER = (2, 7, 14, 21, 28)


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """Random ones under the published names, and a little of what the file has for telling classes."""
    dice = torch.Generator().manual_seed(3)
    made = {"classifier.0.bias": torch.zeros(4)}
    for number, (before, after) in PUBLISHED.items():
        made[f"features.{number}.weight"] = torch.randn(after, before, 3, 3, generator=dice) * (2 / (9 * before)) ** 0.5
        made[f"features.{number}.bias"] = torch.randn(after, generator=dice) * 0.1
    return made


@pytest.fixture(scope="module")
def checkpoint(weights: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In the old format, which the published file has."""
    path = tmp_path_factory.mktemp("vgg") / "vgg16-397923af.pth"
    torch.save(weights, path, _use_new_zipfile_serialization=False)
    return path


def maps(weights: dict[str, torch.Tensor], pixels: torch.Tensor) -> torch.Tensor:
    """(n, 3, H, W) -> (n, 512, H / 32, W / 32), in double precision."""
    x = pixels.double()
    for number in PUBLISHED:
        x = F.conv2d(
            x, weights[f"features.{number}.weight"].double(), weights[f"features.{number}.bias"].double(), 1, 1
        )
        x = F.max_pool2d(x.clamp(min=0), 2, 2) if number in HALVED_AFTER else x.clamp(min=0)
    return x


def test_its_vectors_are_those_of_the_published_network(weights: dict[str, torch.Tensor], checkpoint: Path) -> None:
    model = vgg.load(registry.spec(registry.VGG, "look"), checkpoint, Settings())
    pixels = np.random.default_rng(1).standard_normal((3, 3, 64, 96)).astype(np.float32)
    found = model.encode_pixels(pixels)
    assert found.shape == (3, 512) and found.dtype == np.float32
    np.testing.assert_allclose(
        found, F.normalize(maps(weights, torch.from_numpy(pixels)).mean((2, 3)), dim=1).numpy(), atol=1e-6
    )
    assert model.encode_pixels(pixels[:0]).shape == (0, 512)


def spread(rows: int, columns: int, seed: int) -> torch.Tensor:
    """(rows, columns) in which [i, j] is the number i + j of a random row: large, and small in a file."""
    row = torch.randn(rows + columns - 1, generator=torch.Generator().manual_seed(seed)) * (2 / columns) ** 0.5
    return row.as_strided((rows, columns), (1, 1))


def through(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """x: (n, columns), through a layer with ``spread`` weights and what is below 0 left out, in double precision."""
    row = torch.cat([weight[0], weight[1:, -1]]).double().numpy()
    products = np.stack([correlate(row, one, "valid", "fft") for one in x.numpy()])
    return (torch.from_numpy(products) + bias.double()).clamp(min=0)


def test_its_second_cut_is_the_published_classifiers_last_layer_but_one(
    weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    """Of 512 maps of 7 x 7 numbers: the first layer of the classifier sees all of a map one after the other."""
    dice = torch.Generator().manual_seed(5)
    named = weights | {
        "classifier.0.weight": spread(4096, 25088, 1), "classifier.0.bias": torch.randn(4096, generator=dice) * 0.1,
        "classifier.3.weight": spread(4096, 4096, 2), "classifier.3.bias": torch.randn(4096, generator=dice) * 0.1,
        "classifier.6.weight": torch.zeros(1000, 1).expand(1000, 4096), "classifier.6.bias": torch.zeros(1000),
    }  # fmt: skip
    path = tmp_path / "whole.pth"
    torch.save(named, path, _use_new_zipfile_serialization=False)
    model = vgg.load(registry.spec(registry.VGG, "look"), path, Settings())
    pixels = np.random.default_rng(1).standard_normal((2, 3, 64, 96)).astype(np.float32)
    pooled, fc7 = model.encode_both(pixels)
    np.testing.assert_array_equal(pooled, model.encode_pixels(pixels))
    seen = F.adaptive_avg_pool2d(maps(weights, torch.from_numpy(pixels)), 7).flatten(1)
    for number in (0, 3):
        seen = through(seen, named[f"classifier.{number}.weight"], named[f"classifier.{number}.bias"])
    assert fc7.shape == (2, 4096) and fc7.dtype == np.float32
    np.testing.assert_allclose(fc7, F.normalize(seen, dim=1).numpy(), atol=1e-6)


def test_a_file_without_the_classifier_has_no_second_cut_and_random_weights_have_none(checkpoint: Path) -> None:
    with pytest.raises(WeightsCorrupt, match="is not the checkpoint of vgg16"):
        vgg.load(registry.spec(registry.VGG, "look"), checkpoint, Settings()).encode_both(np.zeros((1, 3, 32, 32), "f"))
    with pytest.raises(ModelError, match="vgg16-random has no second cut"):
        vgg.untrained().encode_both(np.zeros((1, 3, 32, 32), "f"))


def test_a_picture_is_prepared_by_the_published_rule() -> None:
    """The shorter side to 256, the middle 224 x 224, then the channels' means and spreads."""
    model = vgg.load(registry.spec(registry.VGG, "look"), Path("nowhere"), Settings())
    picture = Image.new("RGB", (512, 256), (124, 116, 104))
    picture.paste((255, 255, 255), (0, 0, 100, 256))  # left of the middle
    pixels = model.preprocess(picture)
    assert pixels.shape == (3, 224, 224) and pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, 0, atol=0.02)


def test_a_file_that_is_not_its_checkpoint_is_refused_in_one_sentence(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "part.pth")
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    (tmp_path / "text.pth").write_text("no weights")
    (tmp_path / "empty.pth").write_bytes(b"")
    for name in ("part", "list", "text", "empty"):
        with pytest.raises(WeightsCorrupt, match=r"is not the checkpoint of vgg16: [^\n]+\.$|get it again"):
            vgg.published(tmp_path / f"{name}.pth")
    with pytest.raises(WeightsMissing, match="can't be read"):
        vgg.published(tmp_path / "absent.pth")


def test_without_its_file_there_is_no_such_model(tmp_path: Path, checkpoint: Path) -> None:
    models = ModelManager(settings=replace(Settings(home=tmp_path), weights_path=()))
    with pytest.raises(WeightsMissing, match=registry.spec(registry.VGG, "look").sha256):
        models.loaded("look", registry.VGG)
    weights = tmp_path / "data" / "weights"
    weights.mkdir(parents=True)
    (weights / checkpoint.name).write_bytes(checkpoint.read_bytes())  # of the right name, and another SHA-256
    with pytest.raises(WeightsCorrupt):
        models.loaded("look", registry.VGG)


def test_one_with_random_weights_is_called_so_and_is_the_same_each_time() -> None:
    pixels = np.random.default_rng(2).standard_normal((2, 3, 32, 32)).astype(np.float32)
    first, second, other = (vgg.untrained(seed) for seed in (0, 0, 1))
    assert first.model_id == "vgg16-random" and first.model_id not in [spec.id for spec in registry._SPECS]
    np.testing.assert_array_equal(first.encode_pixels(pixels), second.encode_pixels(pixels))
    assert not np.allclose(first.encode_pixels(pixels), other.encode_pixels(pixels))
    np.testing.assert_allclose(np.linalg.norm(first.encode_pixels(pixels), axis=1), 1, atol=1e-6)
