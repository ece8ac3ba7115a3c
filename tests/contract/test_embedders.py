"""What every Embedder promises, in one body: the fake of the tests, the built-in model and CLIP (small, with random
weights).
"""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from src.config import Settings
from src.models.embedders.builtin import BuiltinEmbedder
from src.models.embedders.clip import ClipEmbedder
from src.models.model_manager import ModelManager
from src.schema import Embedder
from tests.fakes import FakeEmbedder

SIZES = [(1, 1), (1, 500), (700, 2), (31, 33), (224, 224), (640, 427), (333, 1001)]
TEXTS = ["a dog running on grass", "", " ", "x", "straße, naïve — 東京 🐕", "word " * 3_000, "line\nbreak\ttab\x00zero"]


def small_clip(folder: Path) -> ClipEmbedder:
    """CLIP's architecture, two layers of width 64 a tower, 32-d, 32 pixels a side."""
    random = torch.Generator().manual_seed(7)
    width, layers, output, patch, grid = 64, 2, 32, 8, 4

    def tensor(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=random) * shape[-1] ** -0.5

    def norm(name: str) -> dict[str, torch.Tensor]:
        return {f"{name}.weight": torch.ones(width), f"{name}.bias": torch.zeros(width)}

    def block(name: str) -> dict[str, torch.Tensor]:
        return {
            f"{name}.attn.in_proj_weight": tensor(3 * width, width),
            f"{name}.attn.in_proj_bias": tensor(3 * width),
            f"{name}.attn.out_proj.weight": tensor(width, width),
            f"{name}.attn.out_proj.bias": tensor(width),
            f"{name}.mlp.c_fc.weight": tensor(4 * width, width),
            f"{name}.mlp.c_fc.bias": tensor(4 * width),
            f"{name}.mlp.c_proj.weight": tensor(width, 4 * width),
            f"{name}.mlp.c_proj.bias": tensor(width),
            **norm(f"{name}.ln_1"),
            **norm(f"{name}.ln_2"),
        }

    state = {
        "visual.class_embedding": tensor(width),
        "visual.positional_embedding": tensor(grid * grid + 1, width),
        "visual.conv1.weight": tensor(width, 3, patch, patch),
        "visual.proj": tensor(width, output),
        **norm("visual.ln_pre"),
        **norm("visual.ln_post"),
        "token_embedding.weight": tensor(49_408, width),
        "positional_embedding": tensor(77, width),
        "text_projection": tensor(width, output),
        **norm("ln_final"),
        "logit_scale": torch.tensor(4.6),
    }
    for n in range(layers):
        state |= block(f"visual.transformer.resblocks.{n}") | block(f"transformer.resblocks.{n}")
    path = folder / "small.pt"
    torch.save(state, path)
    return ClipEmbedder(
        "small", path, "0" * 64, output, patch * grid, quick_gelu=True, device="cpu", precision="fp32", cached_texts=0
    )


MAKERS: dict[str, Callable[[Path], Embedder]] = {
    "fake": lambda folder: FakeEmbedder(),
    "builtin": lambda folder: BuiltinEmbedder(cached_texts=0),
    "clip": small_clip,
}


@pytest.fixture(scope="module", params=MAKERS)
def embedder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return MAKERS[request.param](tmp_path_factory.mktemp("model"))


@pytest.fixture
def manager(embedder: Embedder, tmp_path: Path) -> ModelManager:
    return ModelManager("builtin", Settings(home=tmp_path), loader=lambda *_: embedder)


def noise(size: tuple[int, int], seed: int = 0) -> Image.Image:
    """A picture with detail everywhere, so that a wrong crop or scale shows."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def batch(embedder: Embedder, pictures: list[Image.Image]) -> np.ndarray:
    return np.stack([embedder.preprocess(picture) for picture in pictures])


def assert_vectors(vectors: np.ndarray, count: int, dimensions: int) -> None:
    assert vectors.shape == (count, dimensions)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


def test_it_says_what_it_is(embedder):
    assert embedder.model_id
    assert embedder.dimensions > 0 and embedder.min_side > 0
    slug, _, digest = embedder.space.rpartition("-")
    assert slug and len(digest) == 12 and set(digest) <= set("0123456789abcdef")
    assert set(embedder.space) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_a_picture_of_any_size(embedder, size):
    pixels = embedder.preprocess(noise(size))
    assert pixels.shape[0] == 3 and pixels.ndim == 3 and pixels.dtype == np.float32
    assert pixels.shape == embedder.preprocess(noise((50, 50))).shape
    assert_vectors(embedder.encode_pixels(pixels[None]), 1, embedder.dimensions)


def test_texts_of_any_kind(embedder):
    assert_vectors(embedder.encode_texts(TEXTS), len(TEXTS), embedder.dimensions)


def test_nothing_gives_nothing(embedder):
    pixels = np.empty((0, *embedder.preprocess(noise((50, 50))).shape), dtype=np.float32)
    for vectors in (embedder.encode_pixels(pixels), embedder.encode_texts([])):
        assert vectors.shape == (0, embedder.dimensions) and vectors.dtype == np.float32


def test_the_same_input_gives_the_same_vector(embedder):
    pixels = batch(embedder, [noise((80, 60)), noise((60, 80), 1)])
    np.testing.assert_array_equal(embedder.encode_pixels(pixels), embedder.encode_pixels(pixels.copy()))
    np.testing.assert_array_equal(embedder.encode_texts(TEXTS), embedder.encode_texts(list(TEXTS)))


def test_preprocess_leaves_the_picture_as_it_was(embedder):
    picture = noise((80, 60))
    before = picture.tobytes()
    embedder.preprocess(picture)
    assert picture.size == (80, 60) and picture.tobytes() == before


def test_the_company_in_a_batch_makes_no_difference(embedder):
    pixels = batch(embedder, [noise((90, 70), seed) for seed in range(5)])
    together = embedder.encode_pixels(pixels)
    alone = np.concatenate([embedder.encode_pixels(one[None]) for one in pixels])
    np.testing.assert_allclose(together, alone, atol=2e-5)
    together = embedder.encode_texts(TEXTS)
    alone = np.concatenate([embedder.encode_texts([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-3)


def test_different_inputs_give_different_vectors(embedder):
    dark, light = Image.new("RGB", (64, 64), (200, 20, 20)), Image.new("RGB", (64, 64), (20, 20, 200))
    one, other = embedder.encode_pixels(batch(embedder, [dark, light]))
    assert one @ other < 0.999
    one, other = embedder.encode_texts(["a red car", "a blue bird"])
    assert one @ other < 0.999


def test_several_threads_at_once_get_what_one_gets(embedder):
    pixels = batch(embedder, [noise((90, 70), seed) for seed in range(3)])
    expected = embedder.encode_pixels(pixels), embedder.encode_texts(TEXTS[:3])
    differences: list[float] = []

    def work():
        differences.append(float(np.abs(embedder.encode_pixels(pixels) - expected[0]).max()))
        differences.append(float(np.abs(embedder.encode_texts(TEXTS[:3]) - expected[1]).max()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(differences) == 8 and max(differences) < 1e-4


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "HSV", "I", "I;16", "F"])
def test_pictures_of_any_mode_through_the_manager(manager, embedder, mode):
    vectors = manager.encode([noise((60, 40)).convert("L").convert(mode), noise((40, 60))])
    assert_vectors(vectors, 2, embedder.dimensions)
    assert manager.encode(noise((40, 60))).shape == (embedder.dimensions,)


def test_memory_given_back_is_taken_again_at_the_next_use(embedder):
    pixels = batch(embedder, [noise((90, 70))])
    before = embedder.encode_pixels(pixels)
    embedder.unload()
    np.testing.assert_array_equal(embedder.encode_pixels(pixels), before)
