"""VGG-16 as a maker of vectors for pictures, cut at either of two layers.

The first cut is the mean of its last layer of convolutions, 512 numbers. The second, ``vgg16-fc7``, is what the last
layer but one of its classifier gives, 4,096 numbers: what most studies of similar pictures take.

The network is Simonyan and Zisserman's (arXiv:1409.1556, configuration D); its weights are read as torchvision
publishes them (``features.0.weight`` to ``features.28.bias``, ``classifier.0`` and ``classifier.3``), and the layer
that tells ImageNet's classes, ``classifier.6``, is left out.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from src.config import Settings
from src.errors import ModelError, WeightsCorrupt, WeightsMissing
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
DIMENSIONS, OF_FC7 = 512, 4096
"""Numbers of a vector of the first and of the second cut."""
FC7 = f"{VGG}-fc7"
"""Name of the second cut."""
RANDOM = f"{VGG}-random"
"""Name of the network with random weights, which is no model to use: a floor to measure others against."""
_WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
"""Channels of each convolution; 0 is a step to half the size."""
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CROP = 256 / 224
_MAP = 7
"""Side of the last convolutions' maps that the classifier sees, whatever the picture's is."""
PICTURES = 16
"""Most in one run: memory grows with them."""


class VggEmbedder:
    """Pictures as vectors of 512 numbers of L2 norm 1, or of 4,096 as well. What is needed is loaded at its first use.

    The classifier's layers have 120 million weights (480 MB): who asks for the first cut alone never has them.
    """

    def __init__(
        self,
        model_id: str,
        make: Callable[[], torch.nn.Sequential],
        head: Callable[[], torch.nn.Sequential] | None = None,
        side: int = SIDE,
    ) -> None:
        """make: the convolutions, whose errors the first use raises. head: the classifier's layers up to the second
        cut, where there are any. side: pixels of a side of what it sees.
        """
        self.model_id = model_id
        self.dimensions = DIMENSIONS
        self.min_side = round(side * _CROP)
        self._side = side
        self._net = Lazy(make)
        self._head = Lazy(head) if head else None

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
        return self._cuts(pixels, None)[0]

    def encode_both(self, pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What ``encode_pixels`` gives, and in the same run (n, 4096) float32 of the second cut, L2 norm 1.

        Raises ModelError where there are no weights for it, and what ``encode_pixels`` raises.
        """
        if self._head is None:
            raise ModelError(f"{self.model_id} has no second cut.", f"Leave {FC7} out.")
        found, fc7 = self._cuts(pixels, self._head.get())
        return found, fc7

    def _cuts(self, pixels: FloatArray, head: torch.nn.Sequential | None) -> tuple[FloatArray, FloatArray]:
        """The vectors of both cuts; the second ones are empty without a head."""
        import torch

        pooled, fc7 = [np.empty((0, DIMENSIONS), np.float32)], [np.empty((0, OF_FC7), np.float32)]
        for at in range(0, len(pixels), PICTURES):
            with torch.inference_mode():
                maps = self._net.get()(torch.from_numpy(pixels[at : at + PICTURES]))
                pooled.append(torch.nn.functional.normalize(maps.mean((2, 3)), dim=1).numpy())
                if head is not None:
                    fc7.append(torch.nn.functional.normalize(head(maps), dim=1).numpy())
        return np.concatenate(pooled), np.concatenate(fc7)

    def unload(self, idle: float = 0.0) -> None:
        """Give back the memory that was not used for ``idle`` seconds; the next call loads it again."""
        self._net.drop(idle)
        if self._head:
            self._head.drop(idle)


def load(spec: ModelSpec, checkpoint: Path, settings: Settings) -> VggEmbedder:
    """The network with its published weights, from the verified checkpoint. It runs on the CPU."""
    return VggEmbedder(spec.id, lambda: published(checkpoint), lambda: published_head(checkpoint))


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

    return VggEmbedder(RANDOM, make, side=RANDOM_SIDE)


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


def head() -> torch.nn.Sequential:
    """From the convolutions to the second cut: (n, 512, h, w) -> (n, 4096). It has no weights yet (device "meta").

    Its places 2 and 4 are the classifier's 0 and 3 of torchvision; what that has for training alone is left out.
    """
    from torch import nn

    maps = DIMENSIONS * _MAP * _MAP
    layers = [nn.Linear(maps, OF_FC7, device="meta"), nn.ReLU(), nn.Linear(OF_FC7, OF_FC7, device="meta"), nn.ReLU()]
    return nn.Sequential(nn.AdaptiveAvgPool2d(_MAP), nn.Flatten(), *layers).eval()


def published(checkpoint: Path) -> torch.nn.Sequential:
    """The convolutions with the weights of a file that is laid out as torchvision's.

    Raises WeightsMissing where it can't be read, WeightsCorrupt where it holds none.
    """
    return _filled(network(), checkpoint, {"features.": ""})


def published_head(checkpoint: Path) -> torch.nn.Sequential:
    """The layers from the convolutions to the second cut, of the same file. Raises as ``published``."""
    return _filled(head(), checkpoint, {"classifier.0.": "2.", "classifier.3.": "4."})


def _filled(net: torch.nn.Sequential, checkpoint: Path, places: Mapping[str, str]) -> torch.nn.Sequential:
    """places: how the names of the wanted weights begin in the file, and how they do in the network."""
    try:
        net.load_state_dict(_named(checkpoint, places), assign=True)
    except OSError as error:
        raise WeightsMissing(f"The weights of {VGG} can't be read from {checkpoint}.", str(error)) from error
    except (ValueError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
        about = str(error).strip().split("\n")[0].rstrip(":. ") or "its end is missing"
        raise WeightsCorrupt(
            f"{checkpoint} is not the checkpoint of {VGG}: {about}.", "Delete the file and get it again."
        ) from error
    return net


def _named(checkpoint: Path, places: Mapping[str, str]) -> dict[str, torch.Tensor]:
    """Weights by their names in the network. The published file is of the old format of ``torch.save``, no ZIP."""
    import torch

    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    if not isinstance(content, dict):
        raise ValueError("it holds something else than weights by name")
    return {
        place + str(name).removeprefix(begin): value
        for begin, place in places.items()
        for name, value in content.items()
        if str(name).startswith(begin)
    }
