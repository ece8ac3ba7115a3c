"""Thumbnails: made once at indexing, upright, named by image id, so that a gallery never touches an original."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

from PIL import Image

SIDE = 320
"""Longest side of a thumbnail in pixels."""
QUALITY = 58
"""With ``SIDE`` about 10 kB for a photo."""


def thumbnail_path(folder: Path, image_id: str) -> Path:
    """Where an image's thumbnail is: 256 sub-folders, so that no folder grows huge."""
    return folder / image_id[:2] / f"{image_id}.jpg"


def write_thumbnail(image: Image.Image, folder: Path, image_id: str) -> Path:
    """Save a thumbnail of an RGB image under a temporary name and rename it, so that a half-written one is never seen."""
    target = thumbnail_path(folder, image_id)
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    small = shrunk(image, SIDE, Image.Resampling.HAMMING)  # half the time of Lanczos, and this small it looks the same
    handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".tmp")
    with os.fdopen(handle, "wb") as file:
        small.save(file, "JPEG", quality=QUALITY, optimize=True)
    os.replace(temporary, target)
    return target


def shrunk(image: Image.Image, side: int, filter: Image.Resampling = Image.Resampling.LANCZOS) -> Image.Image:
    """A copy whose longest side is at most ``side`` pixels; the image itself where it is no larger."""
    if max(image.size) <= side:
        return image
    longest = max(image.size)
    width, height = (max(1, round(length * side / longest)) for length in image.size)
    return image.resize((width, height), filter, reducing_gap=2.0)


def as_jpeg(image: Image.Image) -> bytes:
    """An RGB image as JPEG bytes, without any metadata of the original."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
