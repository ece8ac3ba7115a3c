"""The built-in model: its files are the ones described, its vectors are what the protocol promises, and it knows what
it sees.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.errors import WeightsCorrupt, WeightsMissing
from src.models import onnx_file, query_bank
from src.models.embedders.builtin import FILES, BuiltinEmbedder
from src.schema import FloatArray
from src.services.search.described import Sentences

NAMES = ("image.onnx", "text.onnx", "tokenizer.json")


@pytest.fixture(scope="module")
def model() -> BuiltinEmbedder:
    return BuiltinEmbedder()


def photo(size: tuple[int, int] = (320, 200), mode: str = "RGB") -> Image.Image:
    """Soft coloured noise, the same each time."""
    coarse = np.random.default_rng(5).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode)


def embed(model: BuiltinEmbedder, *pictures: Image.Image) -> FloatArray:
    return model.encode_pixels(np.stack([model.preprocess(picture) for picture in pictures]))


def test_card_matches_files() -> None:
    card = json.loads((FILES / "model.json").read_text(encoding="utf-8"))
    for name in NAMES:
        assert hashlib.sha256((FILES / name).read_bytes()).hexdigest() == card["sha256"][name], name
    both = hashlib.sha256((FILES / "image.onnx").read_bytes() + (FILES / "text.onnx").read_bytes()).hexdigest()
    assert card["space"] == f"builtin-{both[:12]}"
    assert BuiltinEmbedder().space == card["space"]


def test_files_are_small_enough() -> None:
    assert (FILES / "image.onnx").stat().st_size <= 20_000_000
    assert (FILES / "text.onnx").stat().st_size <= 46_000_000


def test_the_query_bank_beside_it_is_what_it_makes_of_the_queries(model: BuiltinEmbedder) -> None:
    saved = query_bank.read(FILES / query_bank.file_name(model.space), model.dimensions)
    made = query_bank.build(model.encode_texts)
    assert saved is not None
    np.testing.assert_allclose(saved.nothing, made.nothing, atol=1e-3)
    queries = model.encode_texts(["a dog on the beach", "terms and conditions"])
    np.testing.assert_allclose(saved.visible(queries), made.visible(queries), atol=0.05)
    assert saved.visible(queries)[0] > 1 > -1 > saved.visible(queries)[1]


def test_the_query_bank_of_texts_is_beside_it_too(model: BuiltinEmbedder) -> None:
    sentences = Sentences(model.sentence_vectors)
    saved = query_bank.read(FILES / query_bank.file_name(sentences.space), sentences.dimensions)
    made = query_bank.build(sentences.encode)
    assert saved is not None
    np.testing.assert_allclose(saved.nothing, made.nothing, atol=1e-3)
    queries = sentences.encode(["a dog on the beach", "terms and conditions"])
    np.testing.assert_allclose(saved.visible(queries), made.visible(queries), atol=0.05)


def test_vectors_have_length_one(model: BuiltinEmbedder) -> None:
    images = embed(model, photo(), photo((60, 900)), Image.new("RGB", (1, 1)))
    texts = model.encode_texts(["a tabby cat", "", "naïve 日本語 🙂", "word " * 5_000])
    sentences = model.sentence_vectors(["a tabby cat", "x"])
    assert images.shape == (3, 768) and texts.shape == (4, 768) and sentences.shape == (2, 384)
    for vectors in (images, texts, sentences):
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_nothing_in_nothing_out(model: BuiltinEmbedder) -> None:
    assert model.encode_texts([]).shape == (0, 768)
    assert model.encode_pixels(np.empty((0, 3, 224, 224), np.float32)).shape == (0, 768)


def test_a_batch_gives_what_single_calls_give(model: BuiltinEmbedder) -> None:
    texts = [f"a photo of {count} dogs {'running ' * count}" for count in range(40)]
    single = np.concatenate([model.encode_texts([text]) for text in texts])
    np.testing.assert_allclose(model.encode_texts(texts), single, atol=2e-5)
    pictures = [photo((200 + step, 150)) for step in range(35)]
    single = np.concatenate([embed(model, picture) for picture in pictures])
    np.testing.assert_allclose(embed(model, *pictures), single, atol=2e-5)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I", "F", "I;16"])
def test_every_mode_is_read(model: BuiltinEmbedder, mode: str) -> None:
    picture = photo() if mode == "LAB" else photo(mode="L" if mode in ("I;16", "LAB") else mode)
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture, np.uint16) * 256)
    if mode == "LAB":
        from PIL import ImageCms

        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        picture = ImageCms.profileToProfile(picture, srgb, lab, outputMode="LAB")
    assert picture.mode == mode
    pixels = model.preprocess(picture)
    assert pixels.shape == (3, 224, 224) and pixels.dtype == np.float32
    assert -1.0 <= pixels.min() < pixels.max() <= 1.0


def test_transparent_parts_are_white(model: BuiltinEmbedder) -> None:
    clear = Image.new("RGBA", (50, 40), (255, 0, 0, 0))
    np.testing.assert_array_equal(model.preprocess(clear), model.preprocess(Image.new("RGB", (50, 40), "white")))


def test_sixteen_bit_grey_keeps_its_shades(model: BuiltinEmbedder) -> None:
    ramp = np.tile(np.linspace(0, 65_535, 224), (224, 1))
    deep = model.preprocess(Image.fromarray(ramp.astype(np.uint16)))
    flat = model.preprocess(Image.fromarray((ramp / 257).astype(np.uint8)))
    assert np.abs(deep - flat).max() <= 2 / 128


def test_two_threads_and_unload_give_the_same(model: BuiltinEmbedder) -> None:
    expected, found = embed(model, photo()), []

    def work() -> None:
        for _ in range(4):
            found.append(embed(model, photo()))
            model.unload()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    for vectors in found:
        np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_the_half_that_is_idle_is_given_back_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    load = BuiltinEmbedder._load
    monkeypatch.setattr(BuiltinEmbedder, "_load", lambda self, path: loaded.append(path.name) or load(self, path))
    model = BuiltinEmbedder(cached_texts=0)
    pixels = model.preprocess(photo())[None]
    model.encode_texts(["a dog"])
    model.encode_pixels(pixels)
    assert loaded == ["tokenizer.json", "text.onnx", "image.onnx"]
    model._towers["image.onnx"]._used -= 600  # as if it had been asked for ten minutes ago
    model.unload(600)
    model.encode_texts(["a cat"])
    assert len(loaded) == 3
    model.encode_pixels(pixels)
    assert loaded[3:] == ["image.onnx"]


def test_a_text_asked_again_is_not_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    run = BuiltinEmbedder._run_text
    monkeypatch.setattr(
        BuiltinEmbedder, "_run_text", lambda self, texts, output: asked.append(len(texts)) or run(self, texts, output)
    )
    model = BuiltinEmbedder()
    first = model.encode_texts(["a dog"])
    np.testing.assert_array_equal(model.encode_texts(["a dog"]), first)
    model.sentence_vectors(["a dog"])
    assert asked == [1, 1]


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    shutil.copy(FILES / "model.json", tmp_path)
    with pytest.raises(WeightsMissing, match=r"image\.onnx"):
        BuiltinEmbedder(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_told(tmp_path: Path, name: str) -> None:
    for file in FILES.iterdir():
        os.symlink(file, tmp_path / file.name) if file.name != name else (tmp_path / name).write_bytes(
            file.read_bytes()[:-1000]
        )
    broken = BuiltinEmbedder(tmp_path)
    with pytest.raises(WeightsCorrupt, match=name.replace(".", r"\.")):
        embed(broken, photo()) if name == "image.onnx" else broken.encode_texts(["a cat"])


@pytest.mark.parametrize("card", ["", "{}", "[]", '{"space": 1, "sha256": {}}'])
def test_an_unreadable_card_is_told(tmp_path: Path, card: str) -> None:
    for name in NAMES:
        os.symlink(FILES / name, tmp_path / name)
    (tmp_path / "model.json").write_text(card, encoding="utf-8")
    with pytest.raises(WeightsCorrupt, match=r"model\.json"):
        BuiltinEmbedder(tmp_path)


def test_sentence_vectors_know_meaning(model: BuiltinEmbedder) -> None:
    a, b, c = model.sentence_vectors(["a small dog sleeps", "the puppy is taking a nap", "quarterly tax report"])
    assert a @ b > 0.5 > a @ c


@pytest.mark.skipif("MFE_TEST_DATA" not in os.environ, reason="MFE_TEST_DATA names no folder of test photos")
def test_class_photos_are_found(model: BuiltinEmbedder) -> None:
    files = sorted((Path(os.environ["MFE_TEST_DATA"]) / "photos1000").glob("*.jpg"))
    assert len(files) == 1000
    images = np.concatenate([embed(model, *map(_opened, files[at : at + 50])) for at in range(0, 1000, 50)])
    queries = {
        "a tabby cat": "tabby",
        "sports car": "sports_car",
        "acoustic guitar": "acoustic_guitar",
        "strawberries": "strawberry",
        "a lemon": "lemon",
    }
    for query, name in queries.items():
        best = np.argsort(-(images @ model.encode_texts([query])[0]))[:10]
        assert any(files[row].stem.endswith(f"_{name}") for row in best), query


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def test_its_visual_features_come_in_the_same_run_and_change_no_vector(model: BuiltinEmbedder) -> None:
    pictures = [photo(), photo((64, 64)), Image.new("RGB", (40, 40), (250, 10, 10))]
    pixels = np.stack([model.preprocess(picture) for picture in pictures])
    vectors, features = model.encode_both(pixels)
    plain = onnx_file.session((FILES / "image.onnx").read_bytes()).run(["vector"], {"pixels": pixels})[0]
    np.testing.assert_array_equal(vectors, plain)
    assert features.shape == (3, 1280) and features.dtype == np.float32 and (features >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-5)
    assert features[0] @ features[1] > 0.9 > features[0] @ features[2]
    assert [part.shape for part in model.encode_both(pixels[:0])] == [(0, 768), (0, 1280)]
