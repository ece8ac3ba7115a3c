"""One rule for turning any decoded picture into upright 8-bit RGB, shared by what reads files and what is handed pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps


def to_rgb(image: Image.Image) -> Image.Image:
    """Any PIL picture upright (its EXIF orientation applied) and as RGB: transparency on white, more than 8 bits scaled to 8.

    The picture that was given is left as it is.
    """
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I") or upright.mode == "F":
        upright = _scaled_to_8_bit(upright)
    if not upright.has_transparency_data:
        return upright if upright.mode == "RGB" else upright.convert("RGB")
    layer = (upright.convert("LA") if upright.mode == "La" else upright).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _scaled_to_8_bit(image: Image.Image) -> Image.Image:
    """16-bit grey by its range of 0..65535 (unless no value passes 255), floating point from its least to its largest value."""
    grey = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)
    if image.mode == "F":
        low, high = float(grey.min()), float(grey.max())
        grey = (grey - low) * (255.0 / (high - low) if high > low else 0.0)
    elif grey.max() > 255:
        grey = grey / 257.0
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
