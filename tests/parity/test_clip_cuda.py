"""ClipEmbedder on a CUDA device: the vectors of the CPU's fp32, and how fast.

The towers alone are in test_clip_model.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from src.config import Device, Precision
from src.models.embedders.clip import ClipEmbedder
from src.vendored_clip.checkpoint import image_weights
from src.vendored_clip.model import build_image_tower
from tests.parity.clip_reference import VIT_B_32, Layout, openai_layout, reference_clip
from tests.parity.test_clip_model import TEXTS, Record, noise

pytestmark = [pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")]
BATCH = 64
Embedders = Callable[[Device, Precision], ClipEmbedder]


@pytest.fixture(scope="module")
def layout() -> Layout:
    return openai_layout(reference_clip(VIT_B_32))


@pytest.fixture(scope="module")
def embedders(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Embedders:
    path: Path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in layout.items()}, path)
    return lambda device, precision: ClipEmbedder(
        "x", path, "0" * 64, 512, 224, device=device, precision=precision, cached_texts=0
    )


@pytest.mark.parametrize("precision", ["fp32", "bf16", "auto"])
def test_the_embedder_gives_the_cpus_vectors(
    embedders: Embedders, precision: Precision, record_property: Record
) -> None:
    ours, cpu = embedders("cuda", precision), embedders("cpu", "fp32")
    pixels = noise(224, n=16).numpy()
    for kind, one, other in (
        ("image", ours.encode_pixels(pixels), cpu.encode_pixels(pixels)),
        ("text", ours.encode_texts(TEXTS), cpu.encode_texts(TEXTS)),
    ):
        cosine = float((one * other).sum(1).min())
        print(f"\n{kind} {ours.device_name} {ours.precision_name}: lowest cosine {cosine:.6f}")
        record_property(f"{kind} cuda {precision}", cosine)
        assert one.dtype == np.float32
        assert cosine >= (0.999999 if precision == "fp32" else 0.999)


def test_unloading_gives_the_devices_memory_back(embedders: Embedders) -> None:
    model = embedders("cuda", "fp32")
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    model.encode_pixels(noise(224, n=1).numpy())
    assert torch.cuda.memory_allocated() > before + 300_000_000
    model.unload()
    assert torch.cuda.memory_allocated() < before + 10_000_000


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_images_a_second(layout: Layout, dtype: torch.dtype, record_property: Record) -> None:
    """Printed, not judged: the tower alone, its input on the device."""
    tower = build_image_tower(image_weights(layout), device="cuda", dtype=dtype)
    pixels = noise(224, n=BATCH).to("cuda", dtype)
    with torch.inference_mode():
        tower(pixels)
        torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(20):
            vectors = tower(pixels)
        torch.cuda.synchronize()
    speed = 20 * BATCH / (time.perf_counter() - started)
    print(f"\n{torch.cuda.get_device_name()} {dtype}: {speed:,.0f} images/s")
    record_property(f"images/s {dtype}", speed)
    assert torch.isfinite(vectors).all()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_images_a_second_from_memory_to_vectors(
    embedders: Embedders, precision: Precision, record_property: Record
) -> None:
    """Printed: as the pipeline asks for it, batches copied there and vectors back."""
    model, pixels = embedders("cuda", precision), noise(224, n=32).numpy()
    model.encode_pixels(pixels)
    started = time.perf_counter()
    for _ in range(20):
        model.encode_pixels(pixels)
    speed = 20 * 32 / (time.perf_counter() - started)
    print(f"\n{model.device_name} {model.precision_name}: {speed:,.0f} images/s")
    record_property(f"embedder images/s {precision}", speed)
