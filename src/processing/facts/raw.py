"""TIFF, and the camera RAW formats that are made like one or hold a JPEG with the facts."""

from __future__ import annotations

from typing import IO

from src.processing.decoding.image_io import RAW_EXTENSIONS
from src.processing.facts import jpeg
from src.processing.facts.exif import MAIN_TAGS, side, size_in, told_by
from src.processing.facts.header import XMP_BYTES, Header, block
from src.processing.facts.iptc import MOST_BYTES as IPTC_BYTES
from src.processing.facts.iptc import in_resources
from src.processing.facts.tiff import RAW_STARTS, Tiff, Values

_WIDTH, _HEIGHT, _KIND, _SUB_FILES, _DNG_VERSION = 256, 257, 254, 330, 50706
_XMP, _IPTC, _RESOURCES = 700, 33723, 34377
_BLOCKS = (_XMP, _IPTC, _RESOURCES)
_LAYOUT = (_WIDTH, _HEIGHT, _KIND, _SUB_FILES, _DNG_VERSION)
_FULL, _REDUCED = 0, 1
"""Kinds of pictures in a TIFF: the full one, and a smaller version of it."""
MOST_SUB_FILES = 16


def read_tiff(file: IO[bytes], start: bytes, suffix: str) -> Header:
    """The header of a TIFF, or of a camera RAW that is made like one. start: the file's first 16 bytes."""
    tiff = Tiff(file)
    main = tiff.read(tiff.first, MAIN_TAGS | frozenset(_LAYOUT))
    blocks = tiff.blocks(tiff.first, _BLOCKS, XMP_BYTES)
    raw = start[:4] in RAW_STARTS or start[8:10] == b"CR" or _is_raw(main, suffix)
    width, height = _raw_size(tiff, main) if raw else _size(main)
    xmp, iptc, resources = (blocks.get(tag, b"") for tag in _BLOCKS)
    iptc = iptc[:IPTC_BYTES].rstrip(b"\0") or in_resources(resources)
    return Header("RAW" if raw else "TIFF", width, height, told_by(tiff, main), xmp, iptc)


def _is_raw(main: Values, suffix: str) -> bool:
    """Whether it is a DNG, is named as a RAW, or begins with a small version of a picture in a sub-file."""
    preview_first = main.get(_KIND) == _REDUCED and _SUB_FILES in main
    return _DNG_VERSION in main or suffix.lower() in RAW_EXTENSIONS or preview_first


def _size(layout: Values) -> tuple[int | None, int | None]:
    return side(layout.get(_WIDTH)), side(layout.get(_HEIGHT))


def _raw_size(tiff: Tiff, main: Values) -> tuple[int | None, int | None]:
    """That of the largest picture that is said to be full; else what EXIF says, else that of the first."""
    told = main.get(_SUB_FILES)
    places = told if isinstance(told, list) else [told]
    layouts = [main, *(tiff.read(place, _LAYOUT) for place in places[:MOST_SUB_FILES])]
    sizes = [_size(layout) for layout in layouts if layout.get(_KIND) == _FULL]
    known = [(width, height) for width, height in sizes if width and height]
    if known:
        return max(known, key=lambda size: size[0] * size[1])
    width, height = size_in(tiff, main)
    return (width, height) if width and height else _size(main)


def read_fuji(file: IO[bytes]) -> Header:
    """Fujifilm's RAF: its facts, and the size of its preview, are those of the JPEG in it."""
    place = block(file, 84, 4, 4)
    start = int.from_bytes(place)
    if block(file, start, 2, 2) != b"\xff\xd8":
        return Header("RAW")
    found = jpeg.read(file, start)
    return Header("RAW", found.width, found.height, found.exif, found.xmp, found.iptc)
