"""The built-in model: two ONNX towers that ship with the project, run by onnxruntime. Its card: docs/models.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from src.config import Settings
from src.errors import WeightsCorrupt, WeightsMissing
from src.models import onnx_file
from src.models.lazy import Lazy
from src.models.registry import ModelSpec
from src.models.text_cache import TEXTS, TextCache
from src.pixels import to_rgb
from src.schema import FloatArray

FILES = Path(__file__).parent.with_name("builtin_files")
IMAGE, TEXT, TOKENIZER, CARD = "image.onnx", "text.onnx", "tokenizer.json", "model.json"
FEATURES = 1280
"""Numbers that the image tower makes of a picture before its two halves of the vector are made of them."""
_POOLED = "mean"
"""Their name in the file: the mean over the picture of what the last layer of convolutions gives."""
CLASSES = 1000
_CLASSES = "linear"
"""Name in the file of what the tower's ImageNet classifier says, of which the class-name half is made."""
SIDE = 224
PICTURES, TEXTS_AT_ONCE = 8, 32
"""Most in one run: larger batches are no faster and take memory in proportion, 10 MB for each picture."""
_HINT = (
    "It ships with the project: get the project's files again (`git checkout -- src/models/builtin_files` in a clone)."
)


@dataclass(frozen=True)
class _Card:
    """What model.json says."""

    space: str
    dimensions: int
    sha256: dict[str, str]


class BuiltinEmbedder:
    """Pictures and English text as vectors of 768 numbers: a caption half and a class-name half of 384 each.

    Each tower is loaded at its first use and can be dropped with ``unload``. Safe to call from several threads.
    """

    model_id = "builtin"
    min_side = SIDE

    def __init__(self, folder: Path = FILES, cached_texts: int = TEXTS) -> None:
        """Reads only ``model.json``.

        Raises WeightsMissing where a file is not there, WeightsCorrupt where model.json makes no sense. cached_texts:
        whose vectors are remembered.
        """
        self._folder = folder
        for name in (CARD, IMAGE, TEXT, TOKENIZER):
            if not (folder / name).is_file():
                raise WeightsMissing(f"The built-in model's file {name} is not in {folder}.", _HINT)
        card = _read_card(folder / CARD)
        self.space, self.dimensions = card.space, card.dimensions
        self._sha256 = card.sha256
        self._towers = {name: Lazy(partial(self._load, folder / name)) for name in (IMAGE, TEXT, TOKENIZER)}
        self._texts = TextCache(lambda texts: self._run_text(texts, "vector"), cached_texts)

    def preprocess(self, image: Image.Image) -> FloatArray:
        """Picture of any mode and size -> (3, 224, 224) float32, about -1 to 1.

        The whole picture is squeezed into the square, as the training pictures were: nothing at the edges is lost.
        Transparent parts are seen on white.
        """
        square = to_rgb(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=3.0)
        pixels: FloatArray = np.asarray(square).transpose(2, 0, 1).astype(np.float32, order="C")
        pixels -= 127.0
        pixels /= 128.0
        return pixels

    def encode_pixels(self, pixels: FloatArray) -> FloatArray:
        """(n, 3, 224, 224) from ``preprocess`` -> (n, 768) float32, each row of L2 norm 1."""
        return self._run_image(pixels, ["vector"])[0] if len(pixels) else np.empty((0, self.dimensions), np.float32)

    def encode_both(self, pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What ``encode_pixels`` gives, and in the same run (n, 1280) float32 of L2 norm 1: how the pictures look.

        The second are the tower's own visual features, with which no text can be compared.
        """
        if not len(pixels):
            return np.empty((0, self.dimensions), np.float32), np.empty((0, FEATURES), np.float32)
        vectors, features = self._run_image(pixels, ["vector", _POOLED])
        return vectors, features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)

    def encode_classes(self, pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What ``encode_pixels`` gives, and in the same run (n, 1000) float32: logits of the ImageNet classes.

        They are in the order of ``label_lists.class_names``. How sure they are is for ``zero_shot`` to say.
        """
        if not len(pixels):
            return np.empty((0, self.dimensions), np.float32), np.empty((0, CLASSES), np.float32)
        vectors, logits = self._run_image(pixels, ["vector", _CLASSES])
        return vectors, logits

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """n strings -> (n, 768) float32 in the pictures' space, each row of L2 norm 1.

        Cut after 128 tokens (about 100 words).
        """
        return self._texts.vectors(texts) if len(texts) else np.empty((0, self.dimensions), np.float32)

    def sentence_vectors(self, texts: Sequence[str]) -> FloatArray:
        """n strings -> (n, 384) float32 of L2 norm 1: all-MiniLM-L6-v2's own vectors, for comparing text with text."""
        return self._run_text(texts, "sentence") if len(texts) else np.empty((0, 384), np.float32)

    def unload(self, idle: float = 0.0) -> None:
        """Give back each tower's memory that was not used for ``idle`` seconds; the next call loads what it needs."""
        for tower in self._towers.values():
            tower.drop(idle)

    def _run_image(self, pixels: FloatArray, outputs: list[str]) -> list[FloatArray]:
        """Each output for all pictures, of which there is at least one."""
        session = self._towers[IMAGE].get()
        batches = [pixels[start : start + PICTURES] for start in range(0, len(pixels), PICTURES)]
        runs = [session.run(outputs, {"pixels": batch}) for batch in batches]
        return [np.concatenate(parts) for parts in zip(*runs, strict=True)]

    def _run_text(self, texts: Sequence[str], output: str) -> FloatArray:
        tokenizer, session = self._towers[TOKENIZER].get(), self._towers[TEXT].get()
        rows = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            encoded = tokenizer.encode_batch(list(texts[start : start + TEXTS_AT_ONCE]))
            ids = np.array([e.ids for e in encoded], np.int64)
            mask = np.array([e.attention_mask for e in encoded], np.int64)
            rows.append(session.run([output], {"ids": ids, "mask": mask})[0])
        return np.concatenate(rows)

    def _load(self, path: Path) -> Any:
        """The file, hashed and loaded."""
        data = onnx_file.verified(path, self._sha256[path.name], "The built-in model's file", _HINT)
        if path.name == TOKENIZER:
            return _tokenizer(data)
        if path.name == IMAGE:
            data = onnx_file.with_output(onnx_file.with_output(data, _POOLED), _CLASSES)
        return onnx_file.session(data)


def load(spec: ModelSpec, checkpoint: Path | None, settings: Settings) -> BuiltinEmbedder:
    """The model that ships with the project: it has no checkpoint to be found, and heeds no setting."""
    return BuiltinEmbedder()


def _read_card(path: Path) -> _Card:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        hashes = {name: str(card["sha256"][name]) for name in (IMAGE, TEXT, TOKENIZER)}
        return _Card(str(card["space"]), int(card["dimensions"]), hashes)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise WeightsCorrupt(f"The built-in model's {CARD} can't be read.", _HINT) from error


def _tokenizer(data: bytes) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_buffer(data)
