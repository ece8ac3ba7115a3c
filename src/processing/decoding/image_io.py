"""Safe reading of picture files: content decides the format, and headers are checked before a pixel is decoded."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import IO

from PIL import Image, ImageFile, UnidentifiedImageError

from src import colours, originals
from src.errors import UnreadableImage
from src.identity import image_id as image_id
from src.originals import Cancelled
from src.pixels import orientation, profile_of, to_rgb
from src.processing.decoding import png_chunks
from src.processing.decoding.metadata import taken_at
from src.schema import FileStamp, ImageFacts

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF")
"""What is read, in Pillow's names (MPO, which cameras write, opens as a JPEG).

Everything else is refused with a reason.
"""

UPLOAD_TYPES = ("jpg", "jpeg", "png", "webp", "heic", "heif", "avif", "gif", "bmp", "tif", "tiff")
_RAW_TYPES = "3fr arw cr2 cr3 crw dcr dng erf fff iiq kdc mef mos mrw nef nrw orf pef raf rw2 rwl sr2 srf srw x3f"
RAW_EXTENSIONS = frozenset(f".{kind}" for kind in re.findall(r"\w+", _RAW_TYPES))
"""Camera RAW. Many of them begin as a TIFF does."""
EXTENSIONS = RAW_EXTENSIONS | {f".{kind}" for kind in (*UPLOAD_TYPES, "jpe", "jfif", "apng", "dib", "hif")}
LARGER = "MFE_MAX_MEGAPIXELS sets the limit."

_DECODER_BYTES = {"WEBP": 13, "HEIF": 8, "AVIF": 8}
"""Bytes per pixel that these formats' decoders hold besides Pillow's picture."""

_BOXES = 64 * 2**10
"""Bytes in which an AVIF describes its pictures."""

_ROBUST = rb"\xff\xd8\xff|\x89PNG\r\n|RIFF....WEBP|GIF8[79]a|BM....\x00\x00\x00\x00"
_HERE = re.compile(_ROBUST + rb".{20}[\x00\x03]", re.DOTALL)
"""Without BMP's run lengths, which Pillow reads in Python: slow enough to make a trap of."""


def decoded_here(start: bytes) -> bool:
    """Whether a file that begins so (32 bytes do) is decoded in the app: JPEG, PNG, WebP, GIF or BMP."""
    return _HERE.match(start) is not None and start[4:8] != b"ftyp"


def looks_like_image(path: Path) -> bool:
    """Whether a folder scan should offer this file: by its extension or, without a known one, by its first bytes."""
    return path.suffix.lower() in EXTENSIONS or originals.begins_like_picture(path)


def content_hash(file: BufferedReader, cancelled: Cancelled = originals.never) -> str:
    """SHA-256 in hex of what was in ``file`` when it was opened; leaves it rewound.

    Raises UnreadableImage where it has grown or shrunk since, or where ``cancelled``, asked at each block, says so.
    """
    digest = hashlib.sha256()
    for block in originals.blocks(file, os.fstat(file.fileno()).st_size, cancelled):
        digest.update(block)
    file.seek(0)
    return digest.hexdigest()


def stamp_of(stat: os.stat_result) -> FileStamp:
    """What tells an unchanged file. Device and inode are folded to 63 bits, which is what the catalogue stores.

    On Windows the ctime is left unknown: what is called so there is when the file was made.
    """
    fold = (1 << 63) - 1
    ctime = stat.st_ctime_ns if os.name == "posix" else 0
    return FileStamp(stat.st_dev & fold, stat.st_ino & fold, stat.st_mtime_ns, stat.st_size, ctime)


def same_file(known: FileStamp, stamp: FileStamp) -> bool:
    """Whether the file at a path is the one it was, so that it need not be read.

    Its disk may have a new number, as where the file system has no lasting name. Where both ctimes are known and differ
    it may hold other bytes, or not: only reading tells.
    """
    return looks_same(known, stamp) and (known.ctime_ns == stamp.ctime_ns or 0 in (known.ctime_ns, stamp.ctime_ns))


def looks_same(known: FileStamp, stamp: FileStamp) -> bool:
    """The same whatever the ctime, so that new rights or a backup hide nothing: the next look notices real edits."""
    return replace(known, device=0, ctime_ns=0) == replace(stamp, device=0, ctime_ns=0)


def display_text(path: Path) -> str:
    """The path as text that can be shown and stored anywhere: undecodable bytes become U+FFFD."""
    return os.fsencode(path).decode("utf-8", "replace")


Admit = Callable[["Header"], None]


@dataclass(frozen=True)
class Header:
    """What a picture says of itself before any pixel is decoded."""

    format: str
    width: int
    height: int
    needs: int
    """Bytes that decoding it takes at its peak, about."""
    plain: bool = True
    """Whether its colours are quickly converted, whatever the file holds."""


def decode(
    file: IO[bytes],
    max_megapixels: int,
    min_side: int | None = None,
    max_bytes: int | None = None,
    admit: Admit | None = None,
) -> tuple[Image.Image, ImageFacts]:
    """Decode one picture: upright, RGB, transparency on white, first frame.

    file: opened for reading, at its start. max_megapixels, max_bytes (of memory while decoding): checked on the header,
    before any pixel. min_side: the short side in pixels that is enough; the picture is then reduced by a whole number,
    not below it. None keeps every pixel. admit: called between header and pixels; it may wait, or raise
    UnreadableImage. Facts give the full size. Raises UnreadableImage with the reason in one sentence.
    """
    prepare_pillow()
    try:
        return _decode(file, max_megapixels, min_side, max_bytes, admit)
    except UnreadableImage:
        raise
    except Exception as error:  # decoders raise anything: OSError, SyntaxError, struct.error, MemoryError ...
        raise _refusal(error) from error


def _decode(
    file: IO[bytes], max_megapixels: int, min_side: int | None, max_bytes: int | None, admit: Admit | None
) -> tuple[Image.Image, ImageFacts]:
    image = _open(file)
    width, height = image.size
    if width * height > max_megapixels * 1_000_000:
        raise UnreadableImage(
            f"It has {width} x {height} pixels, more than the limit of {max_megapixels} megapixels.", LARGER
        )
    form = "JPEG" if image.format == "MPO" else str(image.format)
    if min_side and form == "JPEG" and image.mode in ("RGB", "L", "YCbCr"):
        image.draft(None, (_reduced(width, height, min_side), _reduced(height, width, min_side)))
    shrink = max(1, min(image.size) // min_side) if min_side else 1
    needs = _needs(image, width * height, shrink)
    if max_bytes is not None and needs > max_bytes:
        size = f"It has {width} x {height} pixels and takes {needs // 2**20:,} MB of memory to read"
        raise UnreadableImage(f"{size}, more than the limit of {max_bytes // 2**20:,} MB.", LARGER)
    if admit:
        admit(Header(form, width, height, needs, colours.is_plain(profile_of(image))))
    rgb = to_rgb(image, shrink)
    if orientation(image) in (5, 6, 7, 8):  # asked after the pixels, of which a PNG's may come first
        width, height = height, width
    return rgb, ImageFacts(width, height, form, taken_at(image))


def _needs(image: Image.Image, pixels: int, shrink: int) -> int:
    """Bytes at the peak of decoding, as measured: the copies of the format, of Pillow, of ``to_rgb`` (and of a pipe).

    pixels: of the whole picture; ``image`` may have fewer by now, a JPEG decoded at a reduced scale.
    """
    own = _DECODER_BYTES.get(str(image.format), 0)
    packed = isinstance(image, ImageFile.ImageFile) and image.tile and image.tile[0][0] == "libtiff"
    if packed or image.info.get("progressive"):
        own = 6  # a TIFF's strip, a JPEG's coefficients
    held = {"1": 2, "L": 1, "P": 5, "I;16": 3}.get(image.mode, 8 if image.has_transparency_data else 4)
    return pixels * own + image.width * image.height * (held + 20 // (shrink * shrink))


def _open(file: IO[bytes]) -> Image.Image:
    file.seek(0, os.SEEK_END)
    if file.tell() == 0:
        raise UnreadableImage("The file is empty.", lasting=True)
    file.seek(0)
    try:
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnreadableImage(originals.NO_PICTURE, lasting=True) from error
    if image.format == "AVIF":
        _tell_code_points(file, image)
    return image


def _tell_code_points(file: IO[bytes], image: Image.Image) -> None:
    """Pillow tells an AVIF's profile, but not the code points most have instead: a box near the start has them."""
    file.seek(0)
    rest = file.read(_BOXES).partition(b"colrnclx")[2]
    if len(rest) > 4:
        image.info[colours.CODE_POINTS] = colours.code_points(rest[:5])


def _reduced(side: int, other: int, min_side: int) -> int:
    """The length ``side`` may shrink to while the shorter of the two stays at ``min_side`` or more."""
    return max(1, min(side, round(side * min_side / min(side, other))))


def _refusal(error: Exception) -> UnreadableImage:
    """A decoder's exception as one sentence. It lasts where the bytes are at fault, not the machine."""
    text = str(error).lower()
    if isinstance(error, MemoryError):
        return UnreadableImage("The picture is too large for this machine's memory.")
    if isinstance(error, PermissionError):
        return UnreadableImage("There is no permission to read it.")
    # EINVAL: nonsense in the bytes, a place before the start
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
        return UnreadableImage(f"It can't be read: {error.strerror}.")
    if "truncated" in text or "premature" in text or "broken" in text or "unexpected end" in text:
        return UnreadableImage("The picture is damaged: it ends too early.", lasting=True)
    return UnreadableImage(f"The picture is damaged and can't be decoded ({type(error).__name__}).", lasting=True)


@cache
def prepare_pillow() -> None:
    """All of Pillow's formats, and HEIC through pillow-heif; once a process, on the first picture."""
    import pillow_heif

    Image.init()
    logging.getLogger("PIL").addHandler(logging.NullHandler())  # else its errors go to stderr where no log was set up
    warnings.filterwarnings("ignore", module=r"PIL\.")  # about odd metadata, which is not the user's business
    pillow_heif.register_heif_opener()
    png_chunks.use()
    Image.MAX_IMAGE_PIXELS = None  # the cap above is ours, and checked on the header
