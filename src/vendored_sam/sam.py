"""SAM for use: ``load`` a checkpoint, ``set`` a picture, ask about points and boxes of it.

sam = load("sam_vit_b_01ec64.pth")
predictor = Predictor(sam, picture)
looked = predictor.look(torch.tensor([[400.0, 300.0]]))          # what it makes of the point; looked.ious (1, 3)
low = predictor.draw(looked, torch.tensor([0]), looked.ious.argmax(dim=1))
mask = predictor.upscale(low)[0] > 0                             # (H, W) of predictor.size
"""

from __future__ import annotations

import pickle
import zipfile
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from .common import Weights
from .image_encoder import VitEncoder, build_vit
from .mask_decoder import Looked, MaskDecoder, build_mask_decoder
from .prompt_encoder import PromptEncoder, build_prompt_encoder
from .tiny_vit import TinyEncoder, build_tiny

MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
"""Mean and spread of the red, green and blue values (0..255) of the pictures it was trained on."""
LOW, FINER = 4, 4
"""Pixels of the padded picture to one of the low-resolution masks, and of those to a place of the grid, each way."""


@dataclass(frozen=True)
class Sam:
    """The three networks of a checkpoint. ``side``: pixels of the padded picture."""

    image_encoder: VitEncoder | TinyEncoder
    prompt_encoder: PromptEncoder
    mask_decoder: MaskDecoder
    side: int


def load(
    path: str | PathLike[str],
    device: str = "cpu",
    encoder_dtype: torch.dtype = torch.float32,
    decoder_dtype: torch.dtype = torch.float32,
) -> Sam:
    """The model of an official checkpoint: ``sam_vit_h_4b8939.pth``, ``_l_0b3195``, ``_b_01ec64``, ``mobile_sam.pt``.

    One laid out like these will do. Which one it is, and how large, is told by the weights. Raises OSError, and
    ValueError for a file that is no Segment Anything.
    """
    return build(read_checkpoint(Path(path)), device, encoder_dtype, decoder_dtype)


def read_checkpoint(path: Path) -> Weights:
    """The tensors of a file of ``torch.save``, mapped, never unpickled into anything else.

    Raises OSError, and ValueError for others.
    """
    if not zipfile.is_zipfile(path):
        with path.open("rb"):
            raise ValueError(f"{path.name} is damaged or no checkpoint: not a complete archive of torch.save")
    try:
        content = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(f"{path.name} holds something else than tensors") from error
    except (RuntimeError, zipfile.BadZipFile, EOFError, KeyError) as error:
        raise ValueError(f"{path.name} is damaged or no checkpoint: {str(error).splitlines()[0]}") from error
    if not isinstance(content, dict) or not all(isinstance(tensor, Tensor) for tensor in content.values()):
        raise ValueError(f"{path.name} holds something else than a state dict")
    return {str(name): tensor for name, tensor in content.items()}


def build(
    weights: Weights,
    device: str = "cpu",
    encoder_dtype: torch.dtype = torch.float32,
    decoder_dtype: torch.dtype = torch.float32,
) -> Sam:
    """The model that ``weights`` make (named as in the official checkpoints), copied.

    Raises ValueError where they make none.
    """
    image = _part(weights, "image_encoder.")
    make = build_tiny if "patch_embed.seq.0.c.weight" in image else build_vit
    encoder = make(image, device, encoder_dtype)
    prompts = build_prompt_encoder(_part(weights, "prompt_encoder."), encoder.image, device)
    decoder = build_mask_decoder(_part(weights, "mask_decoder."), device, decoder_dtype)
    return Sam(encoder, prompts, decoder, encoder.image)


def _part(weights: Weights, prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}


def resized(width: int, height: int, side: int) -> tuple[int, int]:
    """Width and height of a picture whose long side was made ``side``, rounded as published; at least a pixel each."""
    scale = side / max(width, height)
    return max(1, int(width * scale + 0.5)), max(1, int(height * scale + 0.5))


def preprocess(image: Image.Image, side: int) -> Tensor:
    """RGB picture of any size -> (3, H, W) float32: long side to ``side`` (bilinear), less MEAN, over STD.

    Not padded yet.
    """
    size = resized(image.width, image.height, side)
    small = image if image.size == size else image.resize(size, Image.Resampling.BILINEAR)
    values = torch.from_numpy(np.array(small.convert("RGB"))).permute(2, 0, 1).float()
    return (values - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


class Predictor:
    """A picture that was encoded, to be asked about.

    Points and boxes are in pixels of the resized picture, see ``size``.
    """

    def __init__(self, sam: Sam, image: Image.Image) -> None:
        """Encodes the picture (RGB, any size), which is what takes long."""
        self._sam = sam
        pixels = preprocess(image, sam.side)
        self.size: tuple[int, int] = (pixels.shape[1], pixels.shape[2])
        """(H, W) of the resized picture, the longer of them ``sam.side``."""
        with torch.inference_mode():
            self.embedding = self._encode(pixels)
            """(c, grid, grid) float32, also of the padding."""
            prompts = sam.prompt_encoder
            waves = prompts.everywhere(self.embedding.shape[-1])
            self._scene = sam.mask_decoder.scene(self.embedding, prompts.no_mask_embed.weight[0], waves, self._seen())

    def look(self, points: Tensor) -> Looked:
        """n >= 1 points, (n, 2) XY, each its own prompt -> how good their three masks are, and what ``draw`` needs."""
        return self.ask(points[:, None])

    def ask(self, points: Tensor | None = None, labels: Tensor | None = None, boxes: Tensor | None = None) -> Looked:
        """Prompts of several points, of a box, or both. Arguments and errors as for ``PromptEncoder``."""
        with torch.inference_mode():
            tokens = self._sam.prompt_encoder(points, labels, boxes)
            return self._sam.mask_decoder.look(self._scene, tokens)

    def draw(self, looked: Looked, prompts: Tensor, choices: Tensor) -> Tensor:
        """m masks, each as its prompt's place in ``looked`` and choice (0 to 2) -> (m, S, S) float32 logits.

        S is a quarter of its side. A choice of -1 is the mask whose quality is ``looked.single``.
        """
        with torch.inference_mode():
            return self._sam.mask_decoder.draw(looked, prompts, choices)

    def upscale(self, logits: Tensor) -> Tensor:
        """(m, S, S) logits -> (m, H, W) float32 logits of the resized picture, bilinear, without the padding."""
        height, width = self.size
        needed = logits[:, : _blended(height), : _blended(width)]
        large = F.interpolate(needed[None].float(), scale_factor=LOW, mode="bilinear", align_corners=False)[0]
        return large[:, :height, :width]

    def _seen(self) -> tuple[int, int]:
        """Rows and columns of the embedding's grid of which something is left when a mask is brought to ``size``."""
        grid = self.embedding.shape[-1]
        rows, columns = (min(grid, -(-_blended(pixels) // FINER)) for pixels in self.size)
        return rows, columns

    def _encode(self, pixels: Tensor) -> Tensor:
        """(3, H, W) -> (c, grid, grid) float32. What is padded on is zero."""
        encoder, side = self._sam.image_encoder, self._sam.side
        padded = F.pad(pixels, (0, side - pixels.shape[2], 0, side - pixels.shape[1]))
        weight = next(encoder.parameters())
        embedding: Tensor = encoder(padded[None].to(weight.device, weight.dtype))[0]
        return embedding.float()


def _blended(pixels: int) -> int:
    """How many low-resolution ones make so many pixels: one more than cover them, into which the last are blended."""
    return -(-pixels // LOW) + 1
