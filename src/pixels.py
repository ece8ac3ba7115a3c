"""One rule for turning any picture into upright 8-bit RGB, for what reads files and what is handed pictures."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
from PIL import ExifTags, Image, ImageOps

from src import colours

METADATA_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)
"""What reading a picture's metadata may raise where they are nonsense.

Nonsense counts as absent: the picture itself can be good.
"""

_STRIP = 1_000_000
"""Values scaled to 8 bits at a time."""


def to_rgb(image: Image.Image, shrink: int = 1) -> Image.Image:
    """Any PIL picture upright (by its EXIF orientation) and as sRGB: transparency on white, deeper values as 8 bits.

    Colours are converted by the picture's own profile, where it has one. shrink: each side becomes so many times
    shorter, rounded up (mean of the pixels). The result carries no metadata, which would turn it again; the picture
    that was given is left as it is.
    """
    image.load()
    flat = _eight_bit(image)
    if shrink > 1:
        flat = flat.reduce(shrink)
    flat = colours.to_srgb(flat, profile_of(image))
    rgb = _on_white(flat) if flat.mode in ("RGBA", "LA") else flat.convert("RGB")
    turn(rgb, orientation(image))
    return rgb


def turn(picture: Image.Image, orientation: int) -> None:
    """Turn a picture itself as an EXIF orientation, 1 to 8, says. All of its metadata go: they would turn it again."""
    picture.info = {}
    picture.getexif()[ExifTags.Base.Orientation] = orientation
    ImageOps.exif_transpose(picture, in_place=True)
    picture.getexif().clear()


def digest(picture: Image.Image) -> bytes:
    """BLAKE2, 32 bytes, of a picture's size and pixels: the same for copies that differ in their metadata alone."""
    found = hashlib.blake2b(b"%d %d " % picture.size, digest_size=32)
    found.update(picture.tobytes())
    return found.digest()


def orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where there is none or it is nonsense."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except METADATA_ERRORS:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def profile_of(image: Image.Image) -> bytes | None:
    """The ICC profile that a picture's colours are meant by, told by the file or its EXIF; None for sRGB."""
    if colours.CODE_POINTS in image.info or "icc_profile" in image.info:
        return colours.profile_of(image.info)
    try:
        exif = image.getexif()
        if exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace, 1) == 1:
            return None
        kind = exif.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex)
    except METADATA_ERRORS:
        return None
    return colours.adobe_rgb() if str(kind).strip("\0 ") == "R03" else None


def _eight_bit(image: Image.Image) -> Image.Image:
    """The same picture in a mode whose values may be averaged: no palette, 8 bits at most, transparency as alpha."""
    if image.mode.startswith("I") or image.mode == "F":
        return _scaled_to_8_bit(image)
    if image.has_transparency_data:
        return image if image.mode in ("RGBA", "LA") else image.convert("LA" if image.mode == "La" else "RGBA")
    return image.convert({"1": "L", "P": "RGB"}.get(image.mode, image.mode)) if image.mode in ("1", "P") else image


def _on_white(layer: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer.convert("RGBA")).convert("RGB")


def _scaled_to_8_bit(image: Image.Image) -> Image.Image:
    """16-bit grey by its range of 0..65535 (unless none passes 255), floating point from its least to its largest."""
    rows = max(1, _STRIP // image.width)
    strips = [(0, top, image.width, min(top + rows, image.height)) for top in range(0, image.height, rows)]
    ranges = [(float(values.min()), float(values.max())) for values in (_values(image, box) for box in strips)]
    low, high = min(least for least, _ in ranges), max(most for _, most in ranges)
    start, scale = 0.0, 1.0
    if image.mode == "F":
        start, scale = low, 255.0 / (high - low) if high > low else 0.0
    elif high > 255:
        scale = 1 / 257.0
    grey = Image.new("L", image.size)
    for box in strips:
        grey.paste(Image.fromarray(np.clip((_values(image, box) - start) * scale, 0, 255).astype(np.uint8)), box)
    return grey


def _values(image: Image.Image, box: tuple[int, int, int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.nan_to_num(np.asarray(image.crop(box), dtype=np.float32), posinf=0.0, neginf=0.0)
