"""What the published backbone makes of every picture and view, computed once with onnxruntime and kept under
training/cache.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray

from training.backbone import FEATURES, INPUT_SIDE, MAP, EfficientNetLite0
from training.data import Photo, view

BATCH = 32


@dataclass(frozen=True)
class Seen:
    """Pictures under one view, as the published backbone sees them."""

    maps: NDArray[np.float16]
    """(n, 80, 14, 14): where tuning starts. On disk, read as needed."""
    features: NDArray[np.float16]
    """(n, 1280)."""


class _Whole(torch.nn.Module):
    """Pixels -> maps and features."""

    def __init__(self, net: EfficientNetLite0) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        maps = self.net.maps(pixels)
        return maps, self.net.top(maps)[0]


def export_backbone(net: EfficientNetLite0, path: Path) -> None:
    """Write the backbone as ONNX: four times eager PyTorch's speed on a CPU."""
    pixels = torch.zeros(2, 3, INPUT_SIDE, INPUT_SIDE)
    shapes = {"pixels": {0: torch.export.Dim("n", min=1, max=1024)}}
    program = torch.onnx.export(
        _Whole(net),
        (pixels,),
        dynamo=True,
        dynamic_shapes=shapes,
        input_names=["pixels"],
        output_names=["maps", "features"],
    )
    program.save(path, external_data=False)


def seen(cache: Path, backbone: EfficientNetLite0, photos: Sequence[Photo], view_name: str) -> Seen:
    """The photos' ``view_name`` view, from the cache where it is there."""
    key = hashlib.sha256("\n".join(f"{p.path.parent.name}/{p.path.name}" for p in photos).encode()).hexdigest()[:12]
    maps, features = (cache / f"{kind}-{key}-{view_name}.npy" for kind in ("maps", "features"))
    if not features.exists():  # written last
        _extract(cache, backbone, photos, view_name, maps, features)
    return Seen(np.load(maps, mmap_mode="r"), np.load(features))


def _extract(
    cache: Path, backbone: EfficientNetLite0, photos: Sequence[Photo], view_name: str, maps: Path, features: Path
) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    model = cache / "backbone.onnx"
    if not model.exists():
        export_backbone(backbone, model)
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    started = time.monotonic()
    stored = np.lib.format.open_memmap(maps, "w+", np.float16, (len(photos), *MAP))
    pooled = np.empty((len(photos), FEATURES), np.float16)
    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(photos), BATCH):
            rows = slice(start, start + BATCH)
            pixels = np.stack(list(pool.map(lambda p: view(p.path, view_name), photos[rows])))
            stored[rows], pooled[rows] = session.run(["maps", "features"], {"pixels": pixels})
    stored.flush()
    np.save(features, pooled)
    print(f"{len(photos)} pictures, view {view_name}, {time.monotonic() - started:.0f} s", flush=True)
