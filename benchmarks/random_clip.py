"""ViT-B/32 with random weights, for speed and memory where the published checkpoint is not at hand: what it says of a
picture is noise.

    models = random_clip.models(settings, folder)  # a ModelManager of the product's own, with ViT-B/32 current

Its sizes, and so its cost, are the published model's; the file is in half precision as OpenAI's is, and the product's
own reader reads it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from src.config import Settings
from src.models import registry
from src.models.embedders.clip import ClipEmbedder
from src.models.model_manager import LoadedModel, ModelManager
from src.models.registry import ModelSpec
from src.vendored_clip.model import ImageSize, ImageTower, TextSize, TextTower

# else torch comes after src.models.embedders.clip, as it does in the product, which settles how its threads wait
if TYPE_CHECKING:
    import torch
    from torch import Tensor

FILE = "random-ViT-B-32.safetensors"
SHA256 = "0" * 64
"""Stands in the name of its space: of no published file."""
IMAGE = ImageSize(width=768, layers=12, patch=32, image=224, dimensions=512)
TEXT = TextSize(width=512, layers=12, context=77, vocabulary=49_408, dimensions=512)


def checkpoint(folder: Path) -> Path:
    """The file, made where it is not in ``folder`` yet: about 300 MB, always the same numbers."""
    from safetensors.torch import save_file

    path = folder / FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        save_file({name: tensor.half() for name, tensor in weights().items()}, part)
        part.replace(path)
    return path


def weights(image: ImageSize = IMAGE, text: TextSize = TEXT) -> dict[str, Tensor]:
    """Every parameter of both towers, under the names of OpenAI's checkpoints."""
    import torch

    with torch.device("meta"):
        towers = {"visual.": ImageTower(image, quick_gelu=True), "": TextTower(text, quick_gelu=True)}
    dice = torch.Generator().manual_seed(0)
    return {
        prefix + name: _drawn(name, shape, dice)
        for prefix, tower in towers.items()
        for name, shape in tower.state_dict().items()
    }


def _drawn(name: str, shape: Tensor, dice: torch.Generator) -> Tensor:
    """Of a size that keeps values about as they are from layer to layer, so that rounding does what it does in a
    trained model.
    """
    import torch

    norm = "ln_" in name and name.endswith("weight")
    small = shape.ndim < 2 or "embedding" in name
    fan_in = shape[0].numel() if name not in ("proj", "text_projection") else shape.shape[0]
    values = torch.empty(shape.shape).normal_(std=0.1 if small else fan_in**-0.5, generator=dice)
    return values.add_(1.0) if norm else values


class RandomModels(ModelManager):
    """A ModelManager that takes the random file for ViT-B/32's."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._random = checkpoint(folder)
        super().__init__(registry.DEFAULT_CLIP, settings, _load)

    def _checkpoint(self, spec: ModelSpec) -> Path | None:
        return self._random if spec.id == registry.DEFAULT_CLIP else super()._checkpoint(spec)


def models(settings: Settings, folder: Path) -> ModelManager:
    """The product's models with ViT-B/32 of random weights as the current one; the file is kept in ``folder``."""
    return RandomModels(settings, folder)


def _load(spec: ModelSpec, path: Path | None, settings: Settings) -> LoadedModel:
    """The product's embedder, which remembers no text here: what is measured is encoding."""
    assert path is not None, f"only {registry.DEFAULT_CLIP} has random weights"
    sizes = (spec.dimensions, spec.embedding.image_size, spec.embedding.quick_gelu)
    return ClipEmbedder(spec.id, path, SHA256, *sizes, settings.device, settings.precision, cached_texts=0)
