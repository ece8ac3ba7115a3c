"""Made-up pictures that are as detailed as photos, each unlike the others."""

from __future__ import annotations

import numpy as np
from PIL import Image


def scene(number: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """An RGB picture of as much of each wave as photos have, by chance."""
    dice = np.random.default_rng(number)
    falling = 1 + np.add.outer(np.arange(16), np.arange(16))
    down, across = (np.cos(np.pi * np.arange(16)[:, None] * (np.arange(side) + 0.5) / side) for side in size[::-1])
    layers = []
    for _ in range(3):
        layer = down.T @ (dice.standard_normal((16, 16)) / falling) @ across
        layers.append((layer - layer.min()) / np.ptp(layer) * 220 + 18)
    return Image.fromarray(np.stack(layers, -1).round().astype(np.uint8))
