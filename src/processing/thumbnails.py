"""Thumbnails: made once at indexing, upright, named by image id, so that a gallery never touches an original."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from pathlib import Path

from PIL import Image

from src.errors import UnreadableImage
from src.files import write_atomically
from src.identity import checked_id, is_id
from src.plain_files import open_plain
from src.processing.decoding import image_io

SIDE = 320
"""Longest side of a thumbnail in pixels."""
QUALITY = 58
"""With ``SIDE`` about 10 kB for a photo."""
MARK = b"thumbnail made by media-feature-extractor"
"""A comment in each thumbnail, by which it is known as ours once its image was forgotten."""
_MOST = 1 << 20
"""Bytes of a thumbnail at most."""
_HEAD = 256
"""Bytes at a thumbnail's start that hold the comment."""


def thumbnail_path(folder: Path, image_id: str) -> Path:
    """Where an image's thumbnail is: 256 sub-folders, so that no folder grows huge.

    Raises LibraryUnusable for what is no id: a path in its place would lead out of the folder.
    """
    return folder.joinpath(*thumbnail_place(checked_id(image_id)))


def thumbnail_place(image_id: str) -> tuple[str, str]:
    """The sub-folder of a thumbnail and its file's name there."""
    return image_id[:2], f"{image_id}.jpg"


def remove_thumbnail(folder: Path, image_id: str) -> None:
    """Where there is one that can be removed; what is no id has none.

    A folder in its place, or a file in its folder's, stays.
    """
    if is_id(image_id):
        with suppress(OSError):
            thumbnail_path(folder, image_id).unlink(missing_ok=True)


def write_thumbnail(image: Image.Image, folder: Path, image_id: str, again: bool = False) -> Path:
    """Save a thumbnail of an RGB image under a temporary name and rename it, so that a half-written one is never seen.

    again: also where there is one, which is no good. A folder under its name stays, and there is no thumbnail then. The
    folder's own parent must exist: where a library was moved away while it is open, none is begun in its old place.
    Raises OSError.
    """
    target = thumbnail_path(folder, image_id)
    if target.is_dir() or (target.is_file() and not again):
        return target
    for place in (folder, target.parent):
        place.mkdir(exist_ok=True)
    small = shrunk(image, SIDE, Image.Resampling.HAMMING)  # half the time of Lanczos, and this small it looks the same
    with write_atomically(target, durable=False) as file:
        small.save(file, "JPEG", quality=QUALITY, optimize=True, comment=MARK)
    return target


def is_good(file: Path) -> bool:
    """Whether a file is a whole JPEG of a thumbnail's size.

    It is decoded, at an eighth of its side: about half a millisecond.
    """
    try:
        with open_plain(file) as opened:
            if not 0 < os.fstat(opened.fileno()).st_size <= _MOST:
                return False
            _, facts = image_io.decode(opened, 1, SIDE // 8)
    except (OSError, UnreadableImage):
        return False
    return facts.format == "JPEG" and max(facts.width, facts.height) <= SIDE


def is_marked(file: Path) -> bool:
    """Whether a file says of itself that it is a thumbnail of ours (those of earlier versions don't)."""
    try:
        with open_plain(file) as opened:
            head = opened.read(_HEAD)
    except OSError:
        return False
    return head.startswith(b"\xff\xd8") and b"\xff\xfe" + (len(MARK) + 2).to_bytes(2, "big") + MARK in head


def shrunk(image: Image.Image, side: int, filter: Image.Resampling = Image.Resampling.LANCZOS) -> Image.Image:
    """A copy whose longest side is at most ``side`` pixels; the image itself where it is no larger."""
    if max(image.size) <= side:
        return image
    longest = max(image.size)
    width, height = (max(1, round(length * side / longest)) for length in image.size)
    return image.resize((width, height), filter, reducing_gap=2.0)


def as_jpeg(image: Image.Image, quality: int = 88) -> bytes:
    """An RGB image as JPEG bytes (quality 1..95), without any metadata of the original."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
