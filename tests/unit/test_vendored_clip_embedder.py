"""ClipEmbedder on a tiny checkpoint with random weights: laziness, shapes, devices, precision and errors."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from src.errors import ModelError, WeightsCorrupt, WeightsMissing
from src.models.embedders import clip as models_clip
from src.models.embedders.clip import ClipEmbedder, pick_device, pick_precision
from src.schema import Embedder
from src.vendored_clip import clip as vendored
from src.vendored_clip.model import ImageSize, ImageTower, TextSize, TextTower

SHA256 = "0123456789abcdef" * 4
NO_BF16: dict[str, Any] = {"architecture": "x86_64"}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    visual = ImageTower(ImageSize(width=128, layers=2, patch=16, image=64, dimensions=32), quick_gelu=True)
    text = TextTower(TextSize(width=64, layers=2, context=77, vocabulary=49_408, dimensions=32), quick_gelu=True)
    for parameter in (*visual.parameters(), *text.parameters()):
        torch.nn.init.normal_(parameter, std=0.1)
    weights = {f"visual.{name}": tensor for name, tensor in visual.state_dict().items()} | text.state_dict()
    path = tmp_path_factory.mktemp("clip") / "tiny.safetensors"
    safetensors.torch.save_file(weights, path)
    return path


def embedder(checkpoint: Path, **changes: Any) -> ClipEmbedder:
    arguments = {"dimensions": 32, "image_size": 64, "device": "cpu", "precision": "fp32", "cached_texts": 0} | changes
    return ClipEmbedder("Tiny/16 @64", checkpoint, SHA256, **arguments)


def pictures(n: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, 3, 64, 64)).astype(np.float32)


def test_it_is_an_embedder(checkpoint: Path) -> None:
    model: Embedder = embedder(checkpoint)
    assert (model.model_id, model.space) == ("Tiny/16 @64", "Tiny-16--64-0123456789ab")
    assert (model.dimensions, model.min_side) == (32, 64)
    pixels = model.preprocess(Image.new("RGB", (300, 200), "red"))
    assert pixels.shape == (3, 64, 64)
    assert pixels.dtype == np.float32
    assert model.encode_pixels(pixels[None]).shape == (1, 32)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("n", [0, 1, 2, 65, 256])
def test_rows_are_unit_vectors_in_order(n: int, precision: str, checkpoint: Path) -> None:
    model = embedder(checkpoint, precision=precision)
    pixels, texts = pictures(n), [f"photo number {i}" for i in range(n)]
    for vectors in (model.encode_pixels(pixels), model.encode_texts(texts)):
        assert vectors.shape == (n, 32)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    if n > 1:
        close = 1e-5 if precision == "fp32" else 2e-2
        np.testing.assert_allclose(model.encode_pixels(pixels)[-1], model.encode_pixels(pixels[-1:])[0], atol=close)
        np.testing.assert_allclose(model.encode_texts(texts)[-1], model.encode_texts(texts[-1:])[0], atol=close)


def test_long_text_is_cut_not_refused(checkpoint: Path) -> None:
    model = embedder(checkpoint)
    np.testing.assert_array_equal(model.encode_texts(["cat " * 2_500]), model.encode_texts(["cat " * 75]))


def test_a_tower_is_loaded_when_first_needed_once_and_alone(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    def watch(kind: str) -> None:
        load = getattr(vendored, f"load_{kind}_tower")

        def slow(*args: Any, **options: Any) -> object:
            loaded.append(kind)
            time.sleep(0.05)
            return load(*args, **options)

        monkeypatch.setattr(vendored, f"load_{kind}_tower", slow)

    watch("image")
    watch("text")
    model = embedder(checkpoint)
    model.preprocess(Image.new("RGB", (8, 8)))
    model.encode_texts([])
    model.encode_pixels(pictures(0))
    assert loaded == []
    barrier = threading.Barrier(4)

    def ask(i: int) -> np.ndarray:
        barrier.wait()
        return model.encode_texts(["a cat"])

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    assert loaded == ["text"]
    assert all(np.array_equal(answers[0], answer) for answer in answers)
    model.encode_pixels(pictures(1))
    assert loaded == ["text", "image"]
    model.unload()
    np.testing.assert_array_equal(model.encode_texts(["a cat"]), answers[0])
    assert loaded == ["text", "image", "text"]


def test_a_missing_file_says_so_and_is_looked_for_again(checkpoint: Path, tmp_path: Path) -> None:
    model = embedder(tmp_path / "later.safetensors")
    with pytest.raises(WeightsMissing, match=r"later\.safetensors"):
        model.encode_texts(["a cat"])
    (tmp_path / "later.safetensors").write_bytes(checkpoint.read_bytes())
    assert model.encode_texts(["a cat"]).shape == (1, 32)


def test_a_damaged_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "bad.pt").write_bytes(b"<html>")
    for call in (lambda m: m.encode_texts(["a cat"]), lambda m: m.encode_pixels(pictures(1))):
        with pytest.raises(WeightsCorrupt, match=r"bad\.pt.*Delete the file"):
            call(embedder(tmp_path / "bad.pt"))


def test_another_models_file_is_refused(checkpoint: Path) -> None:
    with pytest.raises(WeightsCorrupt, match="32 dimensions"):
        embedder(checkpoint, dimensions=512).encode_texts(["a cat"])
    with pytest.raises(WeightsCorrupt, match="64 pixels"):
        embedder(checkpoint, image_size=224).encode_pixels(pictures(1))


def test_the_activation_is_the_callers_choice(checkpoint: Path) -> None:
    quick, exact = (embedder(checkpoint, quick_gelu=choice).encode_pixels(pictures(1)) for choice in (True, False))
    assert np.abs(quick - exact).max() > 1e-4


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        (NO_BF16, "fp32"),
        (NO_BF16 | {"avx512_bf16": True}, "bf16"),
        (NO_BF16 | {"amx_bf16": True}, "bf16"),
        ({"neon": True}, "fp32"),
        ({}, "fp32"),
    ],
)
def test_bf16_where_the_cpu_has_it(
    capabilities: dict[str, Any], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert pick_precision("auto", "cpu") == expected
    assert pick_precision("bf16", "cpu") == "bf16"
    assert pick_precision("fp32", "cpu") == "fp32"


def test_fp32_where_the_cpu_can_not_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> dict[str, Any]:
        raise RuntimeError("failed to initialise cpuinfo")

    monkeypatch.setattr(torch.cpu, "get_capabilities", fail)
    assert pick_precision("auto", "cpu") == "fp32"


@pytest.mark.parametrize(("emulated", "expected"), [(False, "bf16"), (True, "fp32")])
def test_bf16_on_a_gpu_that_computes_it(emulated: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or not emulated
    )
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda major, minor: not emulated)
    assert pick_precision("auto", "cuda") == expected
    assert pick_precision("auto", "mps") == expected


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_the_best_device_there_is(cuda: bool, mps: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device("auto") == expected
    assert pick_device("cpu") == "cpu"


def test_an_absent_device_says_so(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError, match=r"cuda was asked for.*MFE_DEVICE"):
        embedder(checkpoint, device="cuda").encode_texts(["a cat"])


def test_names_for_display(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert embedder(checkpoint).device_name == "CPU"
    assert embedder(checkpoint).precision_name == "fp32"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    assert embedder(checkpoint, device="cuda").device_name == "NVIDIA H200"


def test_a_full_gpu_says_so(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = embedder(checkpoint)

    def full(*args: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(ImageTower, "forward", full)
    with pytest.raises(ModelError, match="too little free memory"):
        model.encode_pixels(pictures(2))


def test_a_large_batch_goes_in_chunks(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    forward = ImageTower.forward
    monkeypatch.setattr(ImageTower, "forward", lambda self, pixels: seen.append(len(pixels)) or forward(self, pixels))
    embedder(checkpoint).encode_pixels(pictures(150))
    assert seen == [models_clip.CHUNK, models_clip.CHUNK, 150 - 2 * models_clip.CHUNK]


def test_importing_it_does_not_import_torch() -> None:
    code = "import sys, src.models.embedders.clip; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0
