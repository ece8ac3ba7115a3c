"""CLIP checkpoints as an Embedder: each tower is loaded when it is first needed, on the best device there is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np
from PIL import Image

from src.config import Device, Precision, Settings
from src.errors import ModelError, WeightsCorrupt, WeightsMissing
from src.models.lazy import Lazy
from src.models.registry import ModelSpec
from src.models.text_cache import TEXTS, TextCache
from src.schema import FloatArray

if TYPE_CHECKING:  # importing torch takes a second and a half: only what encodes or describes the device does
    import torch

    from src.vendored_clip.model import ImageTower, TextTower

T = TypeVar("T", "ImageTower", "TextTower")

CHUNK = 64
"""Pictures or texts that go through a tower at once: larger batches are no faster and take memory in proportion."""


class ClipEmbedder:
    """A CLIP checkpoint of any kind that ``src.vendored_clip`` reads. Implements ``schema.Embedder``."""

    def __init__(
        self,
        model_id: str,
        checkpoint: Path,
        sha256: str,
        dimensions: int,
        image_size: int,
        quick_gelu: bool = True,
        device: Device = "auto",
        precision: Precision = "auto",
        cached_texts: int = TEXTS,
    ) -> None:
        """Nothing is read yet. ``sha256``: the verified checkpoint's; ``image_size``: pixels a side.

        cached_texts: whose vectors are remembered.
        """
        self.model_id = model_id
        self.space = f"{re.sub(r'[^A-Za-z0-9.-]', '-', model_id)}-{sha256[:12]}"
        self.dimensions = dimensions
        self.min_side = image_size
        self._checkpoint = checkpoint
        self._quick_gelu = quick_gelu
        self._device = device
        self._precision = precision
        self._image_tower = Lazy(self._load_image_tower)
        self._text_tower = Lazy(self._load_text_tower)
        self._texts = TextCache(self._encode_texts, cached_texts)

    @property
    def device_name(self) -> str:
        """Where it runs, for people: ``CPU``, ``Apple GPU`` or the NVIDIA card's name.

        Raises ModelError, see ``pick_device``.
        """
        import torch

        kind = pick_device(self._device)
        return {"cpu": "CPU", "mps": "Apple GPU"}.get(kind) or torch.cuda.get_device_name()

    @property
    def precision_name(self) -> str:
        """``bf16`` or ``fp32``."""
        return pick_precision(self._precision, pick_device(self._device))

    def preprocess(self, image: Image.Image) -> FloatArray:
        """RGB picture of any size -> (3, H, W) float32 by CLIP's published rule, H = W = ``min_side``."""
        from src.vendored_clip import clip

        return clip.preprocess(image, self.min_side)

    def encode_pixels(self, pixels: FloatArray) -> FloatArray:
        """(n, 3, H, W) from ``preprocess`` -> (n, D) float32, each row of L2 norm 1.

        Raises ModelError where the model can't be loaded.
        """
        if not len(pixels):
            return np.empty((0, self.dimensions), dtype=np.float32)
        import torch

        tower = self._image_tower.get()
        return _encode(tower, torch.from_numpy(pixels).to(tower.proj.device, tower.proj.dtype))

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """n strings -> (n, D) float32 in the same space, L2 norm 1.

        More than the model's 77 tokens are cut. Errors as above.
        """
        return self._texts.vectors(texts) if len(texts) else np.empty((0, self.dimensions), dtype=np.float32)

    def _encode_texts(self, texts: Sequence[str]) -> FloatArray:
        from src.vendored_clip import clip

        tower = self._text_tower.get()
        tokens = clip.tokenize(texts, tower.size.context, truncate=True).to(tower.text_projection.device)
        return _encode(tower, tokens)

    def unload(self, idle: float = 0.0) -> None:
        """Gives back the memory of each tower unused in the last ``idle`` seconds; the next use loads it again."""
        self._image_tower.drop(idle)
        self._text_tower.drop(idle)

    def _load_image_tower(self) -> ImageTower:
        from src.vendored_clip import clip

        tower = self._load(clip.load_image_tower)
        if (tower.size.dimensions, tower.size.image) != (self.dimensions, self.min_side):
            raise self._corrupt(
                f"it makes {tower.size.dimensions} dimensions of pictures of {tower.size.image} pixels a side"
            )
        return tower

    def _load_text_tower(self) -> TextTower:
        from src.vendored_clip import clip

        tower = self._load(clip.load_text_tower)
        if tower.size.dimensions != self.dimensions:
            raise self._corrupt(f"it makes {tower.size.dimensions} dimensions")
        return tower

    def _load(self, loader: Callable[..., T]) -> T:
        import torch

        from src.vendored_clip import packed

        device = pick_device(self._device)
        dtype = torch.bfloat16 if pick_precision(self._precision, device) == "bf16" else torch.float32
        try:
            tower = loader(self._checkpoint, device=device, dtype=dtype, quick_gelu=self._quick_gelu)
            fits = device == "cpu" and (dtype == torch.float32 or _cpu_has_bf16())
            return packed.pack(tower) if fits and packed.can_pack() else tower
        except OSError as error:
            raise WeightsMissing(
                f"The weights of {self.model_id} can't be read from {self._checkpoint}.", str(error)
            ) from error
        except ValueError as error:
            raise self._corrupt(str(error)) from error

    def _corrupt(self, what: str) -> WeightsCorrupt:
        return WeightsCorrupt(
            f"{self._checkpoint} is not the checkpoint of {self.model_id}: {what}.", "Delete the file and get it again."
        )


def load(spec: ModelSpec, checkpoint: Path, settings: Settings) -> ClipEmbedder:
    """The CLIP model of that row of the registry, from its verified checkpoint."""
    own = spec.embedding
    return ClipEmbedder(
        spec.id,
        checkpoint,
        spec.sha256,
        own.dimensions,
        own.image_size,
        quick_gelu=own.quick_gelu,
        device=settings.device,
        precision=settings.precision,
    )


def pick_device(asked: Device) -> Literal["cpu", "cuda", "mps"]:
    """The device asked for; for ``auto`` CUDA, else MPS, else the CPU.

    Raises ModelError where torch can't use the one asked for.
    """
    import torch

    usable = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if asked == "auto":
        return "cuda" if usable["cuda"] else "mps" if usable["mps"] else "cpu"
    if not usable[asked]:
        raise ModelError(
            f"The device {asked} was asked for, but torch can't use one here.", "Set MFE_DEVICE to auto or cpu."
        )
    return asked


def pick_precision(asked: Precision, device: Literal["cpu", "cuda", "mps"]) -> Literal["fp32", "bf16"]:
    """The precision asked for; for ``auto`` bf16 where the device computes it in hardware, else fp32."""
    import torch

    if asked != "auto":
        return asked
    if device == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device == "mps":
        return "bf16" if torch.backends.mps.is_macos_or_newer(14, 0) else "fp32"
    return "bf16" if _cpu_has_bf16() else "fp32"


def _cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bf16 itself (x86 from Cooper Lake and Zen 4 on): emulated it is slower than fp32."""
    import torch

    try:
        capabilities = torch.cpu.get_capabilities()
    except RuntimeError:  # sandboxes hide the files it is told by
        return False
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _encode(tower: torch.nn.Module, inputs: torch.Tensor) -> FloatArray:
    """n inputs on the tower's device, n >= 1 -> (n, D) float32 of L2 norm 1.

    Raises ModelError where the device's memory is too small.
    """
    import torch

    try:
        with torch.inference_mode():
            outputs = [tower(inputs[start : start + CHUNK]) for start in range(0, len(inputs), CHUNK)]
            vectors = torch.nn.functional.normalize(torch.cat(outputs).float(), dim=-1)
    except torch.OutOfMemoryError as error:
        raise ModelError(
            "The GPU has too little free memory for this model.", "Close what else uses it, or set MFE_DEVICE=cpu."
        ) from error
    array: FloatArray = vectors.cpu().numpy()
    return array
