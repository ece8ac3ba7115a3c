"""What the processes of ``benchmarks.ingest`` do. Each contender is made once, warm, and then run for each round with a
home of its own.

Nothing heavy is imported above: every process loads what its contender needs and no more.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from src.config import Settings

BATCH = 32
MODELS = {"vit": "ViT-B/32", "builtin": "builtin"}
IMAGE_GFLOP = 8.8
"""Of ViT-B/32's image tower, in multiplications and additions."""
Run = Callable[[Path], dict[str, Any]]
"""Takes the home of the library to fill; tells images a second and, of ours, the seconds of each stage."""


def contender(name: str) -> Callable[[Path, Path], Run]:
    """What makes a contender of photos and a folder for weights: ours for ``vit`` and ``builtin``, also where
    ``library`` follows.
    """
    if name.split()[0] in MODELS:
        return partial(ours, name.split()[0])
    return {
        "transformers": transformers_loop,
        "onnxruntime": onnxruntime_loop,
        "sentence-transformers": sentence_transformers_loop,
        "builtin-torch": builtin_torch_loop,
        "builtin-onnxruntime": builtin_onnxruntime_loop,
    }[name]


# ---------------------------------------------------------------- ours


def ours(name: str, photos: Path, weights: Path) -> Run:
    """The product with one of its models, which is loaded and has encoded once before this returns."""
    models = _models(name, weights)
    embedder = models.embedder()
    side = embedder.min_side
    embedder.encode_pixels(np.zeros((BATCH, 3, side, side), np.float32))
    embedder.encode_texts(["warm up"])
    return lambda home: indexed(home, photos, models)


def _models(name: str, weights: Path) -> Any:
    from benchmarks import random_clip
    from src.models.model_manager import ModelManager

    settings = Settings(home=weights.parent / "models")
    return random_clip.models(settings, weights) if name == "vit" else ModelManager(MODELS[name], settings)


def indexed(home: Path, photos: Path, models: Any) -> dict[str, Any]:
    """One run of the index job over a folder, in a library opened before.

    Raises RuntimeError where not every photo is found afterwards.
    """
    from src.bootstrap import build_services
    from src.database.vector_db import library_collection
    from src.schema import Indexed, Timings

    services = build_services(Settings(home=home), models=models)
    try:
        collection = library_collection(models.space)
        services.catalog.vectors.create(collection, models.dimensions, "library")
        services.store.index.open(collection)
        before = services.catalog.vectors.count_all(collection)
        _warm(services, collection, models.dimensions)
        images, stages, took = 0, {}, 0.0
        started = time.perf_counter()
        for event in services.handlers["index"]({"paths": [str(photos)], "model": models.model_id}):
            images += isinstance(event, Indexed)
            if isinstance(event, Timings):  # from here on every vector is in the catalogue and in the index
                took, stages = time.perf_counter() - started, dict(event.seconds)
        tidy = time.perf_counter() - started - took
        found = services.catalog.vectors.count_all(collection) - before
        if not images == found == len(list(photos.iterdir())) or not services.store.index.follows(collection):
            raise RuntimeError(
                f"{images} photos were told as indexed, {found} are in the library, or the index is not in step"
            )
    finally:
        services.close()
    return {"images_per_s": images / took, "stages": {**stages, "tidy": tidy}}


def _warm(services: Any, collection: str, dimensions: int) -> None:
    """One search, so that the index is loaded; and one photo through decoder and thumbnail, so that Pillow's formats
    are.
    """
    services.store.search(collection, np.eye(1, dimensions, dtype=np.float32), 1)
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        Image.new("RGB", (64, 64)).save(file, "JPEG")
        file.flush()
        services.reader.read(Path(file.name), 32)


def made_up_libraries(size: int, folder: Path, weights: Path) -> Callable[[], dict[str, Path]]:
    """Home of the library of that size for each model, in the model's own space."""
    from benchmarks.synthetic import Shape, library

    homes = {}
    for name in MODELS:
        models = _models(name, weights)
        homes[name] = library(Shape(size, models.dimensions, space=models.space), folder)
    return lambda: homes


# ---------------------------------------------------------------- peers


def transformers_loop(photos: Path, weights: Path) -> Run:
    """transformers' CLIPModel in fp32, its image processor for Pillow, one batch after the other."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(0)
    model = CLIPModel(CLIPConfig()).eval()  # whose sizes are ViT-B/32's

    def encode(pixels: Any) -> Any:
        with torch.inference_mode():
            return model.get_image_features(pixel_values=pixels)

    return _loop(photos, encode, "pt")


def sentence_transformers_loop(photos: Path, weights: Path) -> Run:
    """SentenceTransformer.encode on the opened pictures of a batch, with the same random CLIPModel."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import CLIPModel as Module
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor, CLIPTokenizer

    folder = str(weights.parent / "sentence-transformers")
    torch.manual_seed(0)
    CLIPModel(CLIPConfig()).save_pretrained(folder)
    # it asks for one
    words = CLIPTokenizer(vocab={"<|startoftext|>": 49406, "<|endoftext|>": 49407, "a</w>": 0}, merges=[])
    CLIPProcessor(CLIPImageProcessorPil(), words).save_pretrained(folder)
    model, files = SentenceTransformer(modules=[Module(folder)], device="cpu"), sorted(photos.iterdir())

    def encode(batch: Sequence[Path]) -> Any:
        return model.encode(
            [Image.open(file).convert("RGB") for file in batch], batch_size=BATCH, show_progress_bar=False
        )

    def run(_: Path) -> dict[str, Any]:
        started = time.perf_counter()
        vectors = [encode(batch) for batch in batches(files)]
        assert sum(map(len, vectors)) == len(files)
        return {"images_per_s": len(files) / (time.perf_counter() - started)}

    encode(files[:BATCH])
    return run


def onnxruntime_loop(photos: Path, weights: Path) -> Run:
    """The image tower in onnxruntime in fp32, else the same."""
    import onnxruntime

    session = onnxruntime.InferenceSession(exported(weights), providers=["CPUExecutionProvider"])

    def encode(pixels: Any) -> Any:
        full = np.zeros((BATCH, 3, 224, 224), np.float32)
        full[: len(pixels)] = pixels
        return session.run(None, {"pixels": full})[0][: len(pixels)]

    return _loop(photos, encode, "np")


NEEDS = {"onnxruntime": "onnx", "sentence-transformers": "sentence_transformers"}
"""Contender -> the module that it takes besides what is installed anyway."""
SAME_NETWORK = {
    "vit": ("transformers", "onnxruntime", "sentence-transformers"),
    "builtin": ("builtin-torch", "builtin-onnxruntime"),
}
"""Model of ours -> the peers that run the same network."""


def can_run(name: str) -> bool:
    return name not in NEEDS or importlib.util.find_spec(NEEDS[name]) is not None


def builtin_torch_loop(photos: Path, weights: Path) -> Run:
    """The built-in model's image tower as training builds it, in plain PyTorch in fp32, with random weights."""
    import torch

    tower = builtin_tower()

    def encode(pixels: Any) -> Any:
        with torch.inference_mode():
            return tower(torch.from_numpy(pixels))

    return _plain_loop(photos, encode)


def builtin_tower() -> Any:
    """(n, 3, 224, 224) pixels -> (n, 768) vectors: the network of the built-in model's file, at its sizes."""
    import torch

    from training.backbone import CLASSES, EfficientNetLite0
    from training.heads import Recipe
    from training.minilm import WIDTH
    from training.towers import Captions, ClassNames, Gate, Heads, ImageTower

    torch.manual_seed(0)
    recipe = Recipe()
    names = ClassNames(torch.randn(CLASSES, WIDTH), recipe.class_temperature)
    captions = Captions(recipe.hidden, recipe.text_hidden, recipe.dropout)
    heads = Heads(names, captions, Gate(recipe.gate_low, recipe.gate_high), recipe.image_share)
    return ImageTower(EfficientNetLite0(), heads).eval().requires_grad_(False)


def builtin_onnxruntime_loop(photos: Path, weights: Path) -> Run:
    """The built-in model's own file in a session of onnxruntime that is told nothing but the processor."""
    import onnxruntime

    from src.models.embedders.builtin import FILES, IMAGE

    session = onnxruntime.InferenceSession(str(FILES / IMAGE), providers=["CPUExecutionProvider"])
    return _plain_loop(photos, lambda pixels: session.run(["vector"], {"pixels": pixels})[0])


def _plain_loop(photos: Path, encode: Callable[[Any], Any]) -> Run:
    """Open with Pillow, resize to the built-in model's square, encode, batch by batch; a list keeps the vectors."""
    from src.models.embedders.builtin import SIDE

    files = sorted(photos.iterdir())

    def pixels(batch: Sequence[Path]) -> Any:
        squares = [Image.open(file).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC) for file in batch]
        return (
            np.stack([np.asarray(square) for square in squares]).transpose(0, 3, 1, 2).astype(np.float32) - 127
        ) / 128

    return _timed_loop(files, pixels, encode)


def exported(weights: Path) -> bytes:
    """ViT-B/32's image tower as ONNX, for batches of ``BATCH``."""
    import io

    import torch

    from benchmarks import random_clip
    from src.vendored_clip.clip import load_image_tower

    tower, file = load_image_tower(random_clip.checkpoint(weights)), io.BytesIO()
    example = torch.zeros(BATCH, 3, 224, 224)
    torch.onnx.export(
        tower, (example,), file, dynamo=False, input_names=["pixels"], output_names=["vectors"], opset_version=17
    )
    return file.getvalue()


def _loop(photos: Path, encode: Callable[[Any], Any], tensors: str) -> Run:
    """Open, prepare and encode batch by batch; the vectors are kept in a list."""
    from transformers import CLIPImageProcessorPil

    processor, files = CLIPImageProcessorPil(), sorted(photos.iterdir())

    def pixels(batch: Sequence[Path]) -> Any:
        return processor(images=[Image.open(file).convert("RGB") for file in batch], return_tensors=tensors)[
            "pixel_values"
        ]

    return _timed_loop(files, pixels, encode)


def _timed_loop(files: Sequence[Path], pixels: Callable[[Sequence[Path]], Any], encode: Callable[[Any], Any]) -> Run:
    """Every batch through both, one after the other, warmed up by the first."""

    def run(_: Path) -> dict[str, Any]:
        started = time.perf_counter()
        vectors = [encode(pixels(batch)) for batch in batches(files)]
        assert len(vectors) == -(-len(files) // BATCH)
        return {"images_per_s": len(files) / (time.perf_counter() - started)}

    encode(pixels(files[:BATCH]))
    return run


def batches(files: Sequence[Path]) -> Iterator[Sequence[Path]]:
    return (files[start : start + BATCH] for start in range(0, len(files), BATCH))


# ---------------------------------------------------------------- checks


def checks(photos: Path, weights: Path, rounds: int) -> Callable[[], dict[str, Any]]:
    """ViT-B/32's encode alone against what the machine multiplies, and its vectors against those of fp32."""
    return lambda: {**limit(photos, weights, rounds), **cosines(photos, weights), "precisions": precisions(weights)}


def precisions(weights: Path) -> dict[str, str]:
    """Ours -> what it computes in, once it is loaded."""
    models = {name: _models(name, weights) for name in MODELS}
    for each in models.values():
        each.embedder()
    return {name: each.runs_on()[1] for name, each in models.items()}


def limit(photos: Path, weights: Path, rounds: int) -> dict[str, Any]:
    """Encode alone (a prepared batch) as a share of the images a second that the tower's largest matrix product allows.

    The product is plain torch at the precision used, alternated with the encoding. The share may pass 1: what is not
    looked at of the last layer is left out, and the product's matrices are not laid out anew for it as the tower's are.
    """
    import torch

    from benchmarks import machine

    embedder = _models("vit", weights).embedder()
    pixels = np.stack([embedder.preprocess(Image.open(file)) for file in sorted(photos.iterdir())[:BATCH]])
    dtype = torch.bfloat16 if embedder.precision_name == "bf16" else torch.float32
    rows, wide, narrow = BATCH * 50, torch.randn(3072, 768).to(dtype), torch.randn(BATCH * 50, 768).to(dtype)
    products = 10

    def multiply() -> None:
        with torch.inference_mode():
            for _ in range(products):
                torch.nn.functional.linear(narrow, wide)

    times = machine.alternated({"product": multiply, "encode": lambda: embedder.encode_pixels(pixels)}, max(5, rounds))
    gflops = products * 2 * rows * 3072 * 768 / machine.median(times["product"]) / 1e9
    encoded = len(pixels) / machine.median(times["encode"])
    return {
        "limit_share": round(encoded / (gflops / IMAGE_GFLOP), 3),
        "encode_images_per_s": round(encoded, 2),
        "limit_images_per_s": round(gflops / IMAGE_GFLOP, 2),
        "product_gflop_per_s": round(gflops, 1),
        "precision": embedder.precision_name,
    }


def cosines(photos: Path, weights: Path) -> dict[str, float]:
    """Cosine of each photo's vector to that in fp32; the mean of two different photos tells how much that says."""
    from benchmarks import random_clip
    from src.models.embedders.clip import ClipEmbedder

    used = _models("vit", weights).embedder()
    plain = ClipEmbedder(
        "fp32", random_clip.checkpoint(weights), random_clip.SHA256, used.dimensions, used.min_side, precision="fp32"
    )
    ours_, theirs = [], []
    for batch in batches(sorted(photos.iterdir())[: 8 * BATCH]):
        pixels = np.stack([used.preprocess(Image.open(file).convert("RGB")) for file in batch])
        ours_.append(used.encode_pixels(pixels))
        theirs.append(plain.encode_pixels(pixels))
    one, other = np.concatenate(ours_), np.concatenate(theirs)
    same, between = (one * other).sum(1), one @ one.T
    apart = between[~np.eye(len(one), dtype=bool)]
    mean = float(apart.mean()) if len(apart) else 1.0
    return {
        "cosine_min": round(float(same.min()), 6),
        "cosine_mean": round(float(same.mean()), 6),
        "cosine_of_two_photos": round(mean, 4),
    }
