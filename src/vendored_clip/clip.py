"""CLIP for use: ``load`` a checkpoint, ``preprocess`` pictures, ``tokenize`` words.

model, preprocess = clip.load("ViT-B-32.pt")
logits, _ = model(torch.from_numpy(preprocess(picture))[None], clip.tokenize(["a diagram", "a dog", "a cat"]))
logits.softmax(dim=-1)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from .checkpoint import image_weights, read_checkpoint, text_weights
from .model import CLIP, ImageTower, TextTower, build_image_tower, build_text_tower
from .simple_tokenizer import SimpleTokenizer

CONTEXT_LENGTH = 77
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], dtype=np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], dtype=np.float32)
"""Mean and spread of the red, green and blue values (0..1) of CLIP's training pictures."""

LOGIT_SCALE = math.log(100)
"""What CLIP's temperature is held at in training; taken for a checkpoint that doesn't tell its own."""

LONGEST_RESIZED = 100
"""Aspect ratio up to which a picture is resized whole, as published. Of a thinner strip, which would take gigabytes,
only the square is computed: the same up to rounding between the two passes, whose order Pillow chooses by the work in
each."""

FloatArray = npt.NDArray[np.float32]


def load(
    path: str | PathLike[str], device: str = "cpu", dtype: torch.dtype = torch.float32, quick_gelu: bool = True
) -> tuple[CLIP, Callable[[Image.Image], FloatArray]]:
    """The model of a checkpoint, and the function that prepares pictures for it.

    ``quick_gelu`` is True for OpenAI's weights and what was fine-tuned from them, False for OpenCLIP's own (laion2b,
    DataComp); no file tells. Check the file's hash first, see ``read_checkpoint``. Raises OSError, and ValueError for a
    file that is no CLIP.
    """
    checkpoint = read_checkpoint(Path(path))
    visual = build_image_tower(image_weights(checkpoint), quick_gelu, device, dtype)
    text = build_text_tower(text_weights(checkpoint), quick_gelu, device, dtype)
    logit_scale = checkpoint["logit_scale"] if "logit_scale" in checkpoint else torch.tensor(LOGIT_SCALE)
    model = CLIP(visual, text, logit_scale.detach().to(device, dtype, copy=True))
    return model.requires_grad_(False).eval(), partial(preprocess, size=visual.size.image)


def load_image_tower(
    path: str | PathLike[str], device: str = "cpu", dtype: torch.dtype = torch.float32, quick_gelu: bool = True
) -> ImageTower:
    """Only the half that pictures need. Arguments and errors as for ``load``."""
    return build_image_tower(image_weights(read_checkpoint(Path(path))), quick_gelu, device, dtype)


def load_text_tower(
    path: str | PathLike[str], device: str = "cpu", dtype: torch.dtype = torch.float32, quick_gelu: bool = True
) -> TextTower:
    """Only the half that words need. Arguments and errors as for ``load``."""
    return build_text_tower(text_weights(read_checkpoint(Path(path))), quick_gelu, device, dtype)


def tokenize(texts: str | Sequence[str], context_length: int = CONTEXT_LENGTH, truncate: bool = False) -> Tensor:
    """n texts -> (n, context_length) int64: start, the text's tokens, end, then zeros.

    A longer text loses its last tokens, never the end mark, with ``truncate``; otherwise ValueError.
    """
    tokenizer = _tokenizer()
    texts = [texts] if isinstance(texts, str) else texts
    tokens = torch.zeros(len(texts), context_length, dtype=torch.int64)
    for row, text in zip(tokens, texts, strict=True):
        # one more than there is room for tells that it is too long
        ids = tokenizer.encode(text, limit=context_length - 1)
        if len(ids) > context_length - 2 and not truncate:
            raise ValueError(f"longer than {context_length} tokens: {text[:60]!r}")
        ids = [tokenizer.start_of_text, *ids[: context_length - 2], tokenizer.end_of_text]
        row[: len(ids)] = torch.tensor(ids)
    return tokens


def preprocess(image: Image.Image, size: int = 224) -> FloatArray:
    """A picture -> (3, size, size) float32: short side to ``size`` (bicubic), centre square, 0..1, less MEAN, over STD.

    Other modes become RGB after the resizing, as published: what is transparent turns black, a palette's colours are
    not blended. Give an RGB picture where that matters. 16-bit grey, which Pillow would clip to white, is scaled to 8
    bits.
    """
    # (size, size, 3)
    values = np.asarray(_centre_square(_eight_bit(image), size).convert("RGB"), dtype=np.float32) / 255
    return np.ascontiguousarray(((values - MEAN) / STD).transpose(2, 0, 1))


def _centre_square(image: Image.Image, size: int) -> Image.Image:
    """The middle of the resized picture; the longer side is rounded down, a cut at half a pixel to the even one."""
    width, height = image.size
    short = min(width, height)
    new_width, new_height = int(size * width / short), int(size * height / short)
    left, top = round((new_width - size) / 2), round((new_height - size) / 2)
    if max(width, height) <= LONGEST_RESIZED * short:
        resized = image.resize((new_width, new_height), Image.Resampling.BICUBIC)
        return resized.crop((left, top, left + size, top + size))
    x, y = width / new_width, height / new_height
    box = (left * x, top * y, min((left + size) * x, width), min((top + size) * y, height))
    return image.resize((size, size), Image.Resampling.BICUBIC, box=box)


def _eight_bit(image: Image.Image) -> Image.Image:
    """The picture, or of 16-bit grey the high byte."""
    if not image.mode.startswith("I;16"):
        return image
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))


@cache
def _tokenizer() -> SimpleTokenizer:
    return SimpleTokenizer()
