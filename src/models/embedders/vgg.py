"""VGG-16 as a maker of vectors for pictures: 512 numbers, the mean of its last layer of convolutions.

The network is Simonyan and Zisserman's (arXiv:1409.1556, configuration D); its weights are read as torchvision
publishes them (``features.0.weight`` to ``features.28.bias``), and what that file has for telling classes is left out.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from src.config import Settings
from src.errors import WeightsCorrupt, WeightsMissing
from src.models.lazy import Lazy
from src.models.registry import VGG, ModelSpec
from src.pixels import to_rgb
from src.schema import FloatArray

if TYPE_CHECKING:  # torch takes a second and a half to import
    import torch

SIDE = 224
RANDOM_SIDE = 32
"""Pixels of a side of what a network with random weights sees: it can't tell more by more, and takes 1/49 of the time.
"""
DIMENSIONS = 512
RANDOM = f"{VGG}-random"
"""Name of the network with random weights, which is no model to use: a floor to measure others against."""
_WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
"""Channels of each convolution; 0 is a step to half the size."""
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CROP = 256 / 224
PICTURES = 16
"""Most in one run: memory grows with them."""


class VggEmbedder:
    """Pictures as vectors of 512 numbers of L2 norm 1. The network is loaded at its first use."""

    def __init__(self, model_id: str, make: Callable[[], torch.nn.Sequential], side: int = SIDE) -> None:
        """make: the network, whose errors the first use raises. side: pixels of a side of what it sees."""
        self.model_id = model_id
        self.dimensions = DIMENSIONS
        self.min_side = round(side * _CROP)
        self._side = side
        self._net = Lazy(make)

    def preprocess(self, image: Image.Image) -> FloatArray:
        """Picture of any mode and size -> (3, side, side) float32, by the rule that torchvision publishes.

        The shorter side is brought to 256 pixels for 224 that are seen, and the middle is cut out.
        """
        rgb = to_rgb(image)
        scale = self.min_side / min(rgb.size)
        wide, high = (max(self.min_side, int(length * scale)) for length in rgb.size)
        rgb = rgb.resize((wide, high), Image.Resampling.BILINEAR)
        left, top = round((wide - self._side) / 2), round((high - self._side) / 2)
        square = np.asarray(rgb.crop((left, top, left + self._side, top + self._side)), np.float32) / 255
        normal = (square - np.array(_MEAN, np.float32)) / np.array(_STD, np.float32)
        return np.ascontiguousarray(normal.transpose(2, 0, 1), np.float32)

    def encode_pixels(self, pixels: FloatArray) -> FloatArray:
        """(n, 3, side, side) from ``preprocess`` -> (n, 512) float32, each row of L2 norm 1.

        Raises WeightsMissing where its file can't be read, WeightsCorrupt where it holds no VGG-16.
        """
        import torch

        found = [np.empty((0, DIMENSIONS), np.float32)]
        for at in range(0, len(pixels), PICTURES):
            with torch.inference_mode():
                maps = self._net.get()(torch.from_numpy(pixels[at : at + PICTURES]))
                found.append(torch.nn.functional.normalize(maps.mean((2, 3)), dim=1).numpy())
        return np.concatenate(found)

    def unload(self, idle: float = 0.0) -> None:
        """Give back the memory that was not used for ``idle`` seconds; the next call loads it again."""
        self._net.drop(idle)


def load(spec: ModelSpec, checkpoint: Path, settings: Settings) -> VggEmbedder:
    """The network with its published weights, from the verified checkpoint. It runs on the CPU."""
    return VggEmbedder(spec.id, lambda: published(checkpoint))


def untrained(seed: int = 0) -> VggEmbedder:
    """The same shape with random weights, drawn as before a training (He et al., arXiv:1502.01852). Knows nothing."""

    def make() -> torch.nn.Sequential:
        import torch

        net, dice = network(), torch.Generator().manual_seed(seed)
        for layer in net:
            if isinstance(layer, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu", generator=dice)
                torch.nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        return net

    return VggEmbedder(RANDOM, make, RANDOM_SIDE)


def network() -> torch.nn.Sequential:
    """The convolutions: (n, 3, H, W) -> (n, 512, H / 32, W / 32). Its layers are numbered as torchvision's."""
    from torch import nn

    layers: list[nn.Module] = []
    channels = 3
    for width in _WIDTHS:
        if width:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        else:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers).eval()


def published(checkpoint: Path) -> torch.nn.Sequential:
    """The network with the weights of a file that is laid out as torchvision's.

    Raises WeightsMissing where it can't be read, WeightsCorrupt where it holds none.
    """
    net = network()
    try:
        net.load_state_dict(_convolutions(checkpoint))
    except OSError as error:
        raise WeightsMissing(f"The weights of {VGG} can't be read from {checkpoint}.", str(error)) from error
    except (ValueError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
        about = str(error).strip().split("\n")[0].rstrip(":. ") or "its end is missing"
        raise WeightsCorrupt(
            f"{checkpoint} is not the checkpoint of {VGG}: {about}.", "Delete the file and get it again."
        ) from error
    return net


def _convolutions(checkpoint: Path) -> dict[str, torch.Tensor]:
    """Their weights by number and name. The published file is of the old format of ``torch.save``, which is no ZIP."""
    import torch

    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    if not isinstance(content, dict):
        raise ValueError("it holds something else than weights by name")
    begin = "features."
    return {str(name).removeprefix(begin): value for name, value in content.items() if str(name).startswith(begin)}
