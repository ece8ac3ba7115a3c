"""Camera RAW: the preview that the camera put into the file, by the optional package rawpy.

Runs in a decoder process only.
"""

from __future__ import annotations

import importlib
import io
from dataclasses import replace
from typing import IO, Any

from PIL import Image

from src import pixels
from src.errors import UnreadableImage
from src.pixels import METADATA_ERRORS
from src.processing.decoding import image_io
from src.processing.decoding.image_io import RAW_EXTENSIONS, Admit
from src.processing.decoding.memory import Limits
from src.schema import ImageFacts

_TIFF = (b"II*\0", b"MM\0*")
_OWN_BEGINNINGS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"IIU\0", b"FOVb", b"\0MRM", b"II\x1a\0\0\0HEAPCCDR")
_SUB_FILE, _SUB_FILES, _DNG_VERSION = 254, 330, 50706
_ORIENTATIONS = {3: 3, 5: 8, 6: 6}
"""LibRaw's codes for how the sensor was held -> EXIF's."""


def is_raw(file: IO[bytes], suffix: str) -> bool:
    """Whether it is a camera's RAW: by its first bytes, and where it begins as a TIFF by its extension or tags."""
    file.seek(0)
    start = file.read(16)
    file.seek(0)
    if start.startswith(_OWN_BEGINNINGS) or start[4:12] == b"ftypcrx ":
        return True
    if not start.startswith(_TIFF):
        return False
    return start[8:10] == b"CR" or suffix.lower() in RAW_EXTENSIONS or _tagged_raw(file)


def _tagged_raw(file: IO[bytes]) -> bool:
    """A DNG, or a TIFF whose first picture is the small version of one in a sub-file, as cameras lay them out."""
    from PIL import TiffImagePlugin

    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
        file.seek(tags.next)
        tags.load(file)
        return _DNG_VERSION in tags or (tags.get(_SUB_FILE) == 1 and _SUB_FILES in tags)
    except METADATA_ERRORS:
        return False
    finally:
        file.seek(0)


def decode(
    file: IO[bytes], limits: Limits, min_side: int | None, admit: Admit | None
) -> tuple[Image.Image, ImageFacts]:
    """The embedded preview as ``image_io.decode`` gives a picture; facts have its size and the format "RAW".

    Raises UnreadableImage, also where rawpy is not installed.
    """
    try:
        rawpy: Any = importlib.import_module("rawpy")
    except ImportError as error:
        text = "It is a camera RAW file; its preview can be read once the package rawpy is installed."
        raise UnreadableImage(text, "pip install rawpy", lasting=True) from error
    try:
        with rawpy.imread(file) as raw:
            preview, turn = raw.extract_thumb(), raw.sizes.flip
    except rawpy.LibRawFileUnsupportedError:
        file.seek(0)  # another kind of TIFF under the name of a RAW
        return image_io.decode(file, limits.megapixels, min_side, limits.bytes, admit)
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError) as error:
        raise UnreadableImage("It is a camera RAW file without a preview that can be read.", lasting=True) from error
    except rawpy.LibRawError as error:
        raise UnreadableImage("The camera RAW file is damaged and can't be decoded.", lasting=True) from error
    if preview.format != rawpy.ThumbFormat.JPEG:
        image = Image.fromarray(preview.data)  # LibRaw has turned this one
        return image, ImageFacts(*image.size, "RAW", None)
    return _from_jpeg(preview.data, turn, limits, min_side, admit)


def _from_jpeg(
    data: bytes, turn: int, limits: Limits, min_side: int | None, admit: Admit | None
) -> tuple[Image.Image, ImageFacts]:
    with Image.open(io.BytesIO(data)) as header:
        says = 274 in header.getexif()
    image, facts = image_io.decode(io.BytesIO(data), limits.megapixels, min_side, limits.bytes, admit)
    width, height = facts.width, facts.height
    if not says and turn in _ORIENTATIONS:
        pixels.turn(image, _ORIENTATIONS[turn])
        width, height = (height, width) if turn in (5, 6) else (width, height)
    return image, replace(facts, width=width, height=height, format="RAW")
