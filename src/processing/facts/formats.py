"""Which format a file is in, by its first bytes, and the header that it has."""

from __future__ import annotations

from typing import IO

from src import originals
from src.errors import UnreadableImage
from src.pixels import METADATA_ERRORS
from src.processing.facts import chunks, heif, jpeg, raw
from src.processing.facts.header import Header
from src.processing.facts.tiff import PLAIN_STARTS, RAW_STARTS

DAMAGED = "The picture is damaged: its header can't be read."
_SILENT_RAWS = (b"FOVb", b"\0MRM", b"II\x1a\0\0\0HEAPCCDR")
"""Beginnings of old camera RAW formats whose facts are not read: Sigma's X3F, Minolta's MRW, Canon's CRW."""


def read_header(file: IO[bytes], suffix: str = "") -> Header:
    """A picture file's own facts; no pixel is decoded.

    file: open for reading. suffix: of its name, which tells a camera RAW from a TIFF where nothing in it
    does. Raises UnreadableImage where it is no picture in a format that is read, or damaged so that not even
    its size is known. OSError where it can't be read at all.
    """
    originals.check_beginning(file)
    start = file.read(16)
    try:
        header = _header(file, start, suffix)
    except OSError:
        raise
    except METADATA_ERRORS as error:
        raise UnreadableImage(DAMAGED, lasting=True) from error
    if header.format != "RAW" and not (header.width and header.height):
        raise UnreadableImage(DAMAGED, lasting=True)
    return header


def _header(file: IO[bytes], start: bytes, suffix: str) -> Header:
    if start.startswith(b"\xff\xd8"):
        return jpeg.read(file)
    if start.startswith(b"\x89PNG"):
        return chunks.read_png(file)
    if start.startswith(b"RIFF"):
        return chunks.read_webp(file)
    if start.startswith(b"GIF8"):
        return chunks.read_gif(file)
    if start.startswith(b"BM"):
        return chunks.read_bmp(file)
    if start[4:8] == b"ftyp":
        return heif.read(file)
    if start.startswith(b"FUJIFILMCCD-RAW"):
        return raw.read_fuji(file)
    if start.startswith((*PLAIN_STARTS, *RAW_STARTS)):
        return raw.read_tiff(file, start, suffix)
    if start.startswith(_SILENT_RAWS):
        return Header("RAW")
    raise UnreadableImage(originals.NO_PICTURE, lasting=True)
