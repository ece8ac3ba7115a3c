"""Safe reading of picture files: content decides the format, the header is checked before a pixel is decoded, orientation is applied."""

from __future__ import annotations

import hashlib
import os
import re
import uuid
import warnings
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import IO

from PIL import ExifTags, Image, UnidentifiedImageError

from src.errors import UnreadableImage
from src.pixels import to_rgb
from src.schema import FileStamp, ImageFacts

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF")
"""What is read, in Pillow's names (MPO, which cameras write, opens as a JPEG). Everything else is refused with a reason."""

UPLOAD_TYPES = ("jpg", "jpeg", "png", "webp", "heic", "heif", "avif", "gif", "bmp", "tif", "tiff")
EXTENSIONS = frozenset(f".{kind}" for kind in (*UPLOAD_TYPES, "jpe", "jfif", "apng", "dib", "hif"))

IMAGE_NAMESPACE = uuid.UUID("6f1f4c1e-6a0f-5d8e-9a57-1f0f6c3c2b11")

_MAGIC = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|RIFF....WEBP|GIF8[79]a|BM....\x00\x00\x00\x00|II\*\x00|MM\x00\*|....ftyp(?:heic|heix|heim|heis|hevc|mif1|msf1|avif|avis)",
    re.DOTALL,
)


def looks_like_image(path: Path) -> bool:
    """Whether a folder scan should offer this file: by its extension or, without a known one, by its first bytes."""
    if path.suffix.lower() in EXTENSIONS:
        return True
    try:
        with path.open("rb") as file:
            return _MAGIC.match(file.read(16)) is not None
    except OSError:
        return False


def content_hash(file: BufferedReader) -> str:
    """SHA-256 in hex of everything in ``file``; leaves it rewound."""
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return digest


def image_id(sha256: str) -> str:
    """The image's identity: a UUIDv5 of its content hash."""
    return str(uuid.uuid5(IMAGE_NAMESPACE, sha256))


def stamp_of(stat: os.stat_result) -> FileStamp:
    """What tells an unchanged file. Device and inode are folded to 63 bits, which is what the catalogue stores."""
    fold = (1 << 63) - 1
    return FileStamp(stat.st_dev & fold, stat.st_ino & fold, stat.st_mtime_ns, stat.st_size)


def display_text(path: Path) -> str:
    """The path as text that can be shown and stored anywhere: undecodable bytes become U+FFFD."""
    return os.fsencode(path).decode("utf-8", "replace")


def decode(file: IO[bytes], max_megapixels: int, min_side: int | None = None) -> tuple[Image.Image, ImageFacts]:
    """Decode one picture: upright, RGB, transparency on white, first frame.

    file: opened for reading, at its start. max_megapixels: checked on the header, before any pixel. min_side: the short side
    in pixels that is enough; a JPEG is then decoded at a reduced scale not below it, None decodes everything.
    Facts give the full size. Raises UnreadableImage with the reason in one sentence.
    """
    _prepare_pillow()
    try:
        return _decode(file, max_megapixels, min_side)
    except UnreadableImage:
        raise
    except Exception as error:  # decoders raise anything: OSError, SyntaxError, struct.error, MemoryError ...
        raise UnreadableImage(_reason(error)) from error


def _decode(file: IO[bytes], max_megapixels: int, min_side: int | None) -> tuple[Image.Image, ImageFacts]:
    image = _open(file)
    width, height = image.size
    if width * height > max_megapixels * 1_000_000:
        raise UnreadableImage(f"It has {width} x {height} pixels, more than the limit of {max_megapixels} megapixels.")
    form = "JPEG" if image.format == "MPO" else str(image.format)
    exif = image.getexif()
    if min_side and form == "JPEG" and image.mode in ("RGB", "L", "YCbCr"):
        image.draft(None, (_reduced(width, height, min_side), _reduced(height, width, min_side)))
    taken_at = _taken_at(exif)
    if exif.get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8):
        width, height = height, width
    return to_rgb(image), ImageFacts(width, height, form, taken_at)


def _open(file: IO[bytes]) -> Image.Image:
    file.seek(0, os.SEEK_END)
    if file.tell() == 0:
        raise UnreadableImage("The file is empty.")
    file.seek(0)
    try:
        return Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnreadableImage("It is not a picture in a format that can be read.") from error


def _reduced(side: int, other: int, min_side: int) -> int:
    """The length ``side`` may shrink to while the shorter of the two stays at ``min_side`` or more."""
    return max(1, min(side, round(side * min_side / min(side, other))))


def _taken_at(exif: Image.Exif) -> str | None:
    """EXIF capture time as ISO text, None where there is none or it is nonsense."""
    details = exif.get_ifd(ExifTags.IFD.Exif)
    raw = details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    found = re.fullmatch(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d:\d\d:\d\d).*", str(raw or "").strip("\0 "), re.DOTALL)
    if not found or found[1] == "0000":
        return None
    return f"{found[1]}-{found[2]}-{found[3]}T{found[4]}"


def _reason(error: Exception) -> str:
    text = str(error).lower()
    if "truncated" in text or "premature" in text or "broken" in text or "unexpected end" in text:
        return "The picture is damaged: it ends too early."
    if isinstance(error, MemoryError | Image.DecompressionBombError):
        return "The picture is too large for this machine's memory."
    if isinstance(error, PermissionError):
        return "There is no permission to read it."
    return f"The picture is damaged and can't be decoded ({type(error).__name__})."


@cache
def _prepare_pillow() -> None:
    """All of Pillow's formats, and HEIC through pillow-heif; once a process, on the first picture."""
    import pillow_heif

    Image.init()
    warnings.filterwarnings("ignore", module=r"PIL\.")  # about odd metadata, which is not the user's business
    pillow_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = None  # the cap above is ours, and checked on the header
