"""Backbone features of every picture and view, computed once with onnxruntime and kept under training/cache."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray

from training.backbone import INPUT_SIDE, EfficientNetLite0
from training.data import Photo, view

BATCH = 32


def export_backbone(net: EfficientNetLite0, path: Path) -> None:
    """Write the backbone as ONNX: four times eager PyTorch's speed on a CPU."""
    pixels = torch.zeros(2, 3, INPUT_SIDE, INPUT_SIDE)
    shapes = {"pixels": {0: torch.export.Dim("n", min=1, max=1024)}}
    program = torch.onnx.export(
        net, (pixels,), dynamo=True, dynamic_shapes=shapes, input_names=["pixels"], output_names=["features", "logits"]
    )
    program.save(path, external_data=False)


def features(cache: Path, backbone: EfficientNetLite0, photos: Sequence[Photo], view_name: str) -> NDArray[np.float32]:
    """(n, 1280) float32 features of the photos' ``view_name`` view, from the cache where they are there."""
    key = hashlib.sha256("\n".join(f"{p.path.parent.name}/{p.path.name}" for p in photos).encode()).hexdigest()[:12]
    stored = cache / f"features-{key}-{view_name}.npy"
    if not stored.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(stored, _extract(cache, backbone, photos, view_name).astype(np.float16))
    return np.load(stored).astype(np.float32)


def _extract(cache: Path, backbone: EfficientNetLite0, photos: Sequence[Photo], view_name: str) -> NDArray[np.float32]:
    model = cache / "backbone.onnx"
    if not model.exists():
        export_backbone(backbone, model)
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    started, rows = time.monotonic(), []
    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(photos), BATCH):
            pixels = np.stack(list(pool.map(lambda p: view(p.path, view_name), photos[start : start + BATCH])))
            rows.append(session.run(["features"], {"pixels": pixels})[0])
    print(f"features: {len(photos)} pictures, view {view_name}, {time.monotonic() - started:.0f} s", flush=True)
    return np.concatenate(rows)
