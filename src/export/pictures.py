"""The pictures of a data set: copied as they are where every trainer reads them alike, else as upright JPEGs."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from src.errors import AppError
from src.export.items import ExportedImage, Opener
from src.pixels import METADATA_ERRORS, orientation
from src.schema import Skipped

_AS_THEY_ARE = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "BMP": ".bmp", "WEBP": ".webp"}
"""Formats that a data set's readers know, and their endings."""
QUALITY = 95
"""Of a picture that has to be written anew."""


def picture_file(image: ExportedImage, opener: Opener) -> tuple[bytes, str] | Skipped:
    """The bytes of a picture for a data set and the ending of its name.

    They are the original's, unless it is in a format that few programs read or is stored turned: boxes count in the
    upright picture, and not every reader minds the EXIF orientation. Then it is a JPEG of what ``opener`` gives.
    Skipped where neither can be had.
    """
    try:
        data = Path(image.path).read_bytes()
        if image.bytes and len(data) != image.bytes:
            return Skipped(image.path, "The file has changed since it was indexed.")
        suffix = _suffix(data)
        return (data, suffix) if suffix else (as_jpeg(opener(image.id)), ".jpg")
    except (AppError, OSError, ValueError) as error:  # ValueError: a path with a NUL
        return skipped(image, error)


def skipped(image: ExportedImage, error: Exception) -> Skipped:
    """Why a picture is not in the export, in one sentence."""
    if isinstance(error, AppError):
        reason = error.user_message
    else:
        reason = f"The picture can't be read ({getattr(error, 'strerror', None) or error})."
    return Skipped(image.path, reason)


def as_jpeg(picture: Image.Image) -> bytes:
    target = io.BytesIO()
    picture.convert("RGB").save(target, "JPEG", quality=QUALITY)
    return target.getvalue()


def _suffix(data: bytes) -> str | None:
    """The ending for a file that may be copied as it is, None for any other."""
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "BMP", "WEBP"]) as header:
            return _AS_THEY_ARE.get(str(header.format)) if orientation(header) == 1 else None
    except (*METADATA_ERRORS, Image.DecompressionBombError):
        return None
