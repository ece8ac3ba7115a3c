"""Segment Anything as a Segmenter: loaded when it is first needed, on the best device there is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from src import masks
from src.config import Device, Precision, Settings
from src.errors import BadInput, ModelError, WeightsCorrupt, WeightsMissing
from src.models.embedders.clip import pick_device, pick_precision
from src.models.lazy import Lazy
from src.models.registry import ModelSpec
from src.schema import Box, Segment

if TYPE_CHECKING:  # importing torch takes a second and a half: only what segments or describes the device does
    from src.vendored_sam.amg import FoundMask
    from src.vendored_sam.sam import Predictor, Sam

SIDE = 1024
"""Pixels of the long side at which every published checkpoint looks at pictures."""


class SamSegmenter:
    """A checkpoint of any kind that ``src.vendored_sam`` reads. Implements ``schema.Segmenter``."""

    side = SIDE

    def __init__(
        self,
        segmenter_id: str,
        checkpoint: Path,
        preset: str = "quick",
        device: Device = "auto",
        precision: Precision = "auto",
    ) -> None:
        """Nothing is read yet; the caller verified the checkpoint. preset: a name in ``vendored_sam.amg.PRESETS``."""
        self.segmenter_id = segmenter_id
        self._checkpoint = checkpoint
        self._preset = preset
        self._device = device
        self._precision = precision
        self._sam = Lazy(self._load)

    @property
    def precision_name(self) -> str:
        """Of the image encoder, ``bf16`` or ``fp32``; what reads masks off its output always computes in fp32."""
        return pick_precision(self._precision, pick_device(self._device))

    def segment(self, image: Image.Image, most: int) -> list[Segment]:
        """RGB picture of any size -> at most ``most`` segments, those first that the network itself thinks best.

        Boxes are in pixels of the picture, masks at most ``side`` a side. Raises BadInput for ``most`` under 1, and
        ModelError where the model can't be loaded or the device's memory is too small.
        """
        if most < 1:
            raise BadInput(f"At most {most} segments were asked for.", "Ask for 1 or more.")
        import torch

        from src.vendored_sam import amg

        small = self._reduced(image)
        sam = self._sam.get()
        try:
            found = amg.generate(
                lambda crop: _encoded(sam, small, crop), (small.height, small.width), amg.PRESETS[self._preset]
            )
        except torch.OutOfMemoryError as error:
            raise ModelError(
                "The GPU has too little free memory for this segmenter.",
                "Close what else uses it, or set MFE_DEVICE=cpu.",
            ) from error
        best = sorted(found, key=lambda mask: -mask.predicted_iou)[:most]
        return [_segment(mask, image.size) for mask in best]

    def unload(self, idle: float = 0.0) -> None:
        """Gives back the memory where it was not used in the last ``idle`` seconds; the next use loads again."""
        self._sam.drop(idle)

    def _reduced(self, image: Image.Image) -> Image.Image:
        from src.vendored_sam.sam import resized

        if max(image.size) <= self.side:
            return image
        return image.resize(resized(image.width, image.height, self.side), Image.Resampling.BILINEAR)

    def _load(self) -> Sam:
        import torch

        from src.vendored_sam import packed
        from src.vendored_sam import sam as network
        from src.vendored_sam.image_encoder import VitEncoder

        device = pick_device(self._device)
        dtype = torch.bfloat16 if pick_precision(self._precision, device) == "bf16" else torch.float32
        try:
            sam = network.load(self._checkpoint, device, encoder_dtype=dtype)
        except OSError as error:
            raise WeightsMissing(
                f"The weights of {self.segmenter_id} can't be read from {self._checkpoint}.", str(error)
            ) from error
        except ValueError as error:
            raise self._corrupt(str(error)) from error
        if sam.side != self.side:
            raise self._corrupt(f"it looks at pictures of {sam.side} pixels a side")
        quick = dtype == torch.float32 or pick_precision("auto", "cpu") == "bf16"
        if device == "cpu" and quick and packed.can_pack() and isinstance(sam.image_encoder, VitEncoder):
            packed.pack(sam.image_encoder)
        return sam

    def _corrupt(self, what: str) -> WeightsCorrupt:
        return WeightsCorrupt(
            f"{self._checkpoint} is not the checkpoint of {self.segmenter_id}: {what}.",
            "Delete the file and get it again.",
        )


def load(spec: ModelSpec, checkpoint: Path, settings: Settings) -> SamSegmenter:
    """The Segment Anything of that row of the registry, from its verified checkpoint."""
    return SamSegmenter(spec.id, checkpoint, spec.segmenting.preset, settings.device, settings.precision)


def _encoded(sam: Sam, picture: Image.Image, crop: Box) -> Predictor:
    from src.vendored_sam.sam import Predictor

    whole = crop == (0, 0, *picture.size)
    return Predictor(sam, picture if whole else picture.crop(crop))


def _segment(mask: FoundMask, size: tuple[int, int]) -> Segment:
    """size: width and height of the picture in whose pixels the box shall be."""
    (width, height), (rows, columns) = size, mask.size
    left, top, right, bottom = mask.box
    box = (left * width // columns, top * height // rows, -(-right * width // columns), -(-bottom * height // rows))
    return Segment(box, masks.encode(mask.pixels), min(1.0, max(0.0, mask.predicted_iou)))
