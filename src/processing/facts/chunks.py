"""PNG, WebP, GIF and BMP: size and blocks from their chunks or their first bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import IO

from src.processing.facts.exif import in_exif
from src.processing.facts.header import EXIF_BYTES, XMP_BYTES, Header, block

MOST_CHUNKS = 20_000
"""A PNG of 100 MB has about 12,000, and its facts may come last."""
_XMP_KEY = b"XML:com.adobe.xmp\0"


def read_png(file: IO[bytes]) -> Header:
    """The header of a PNG; of several blocks of a kind the first."""
    found: dict[bytes, bytes] = {}
    for kind, start, size in _chunks(file, 8, "big", 4):
        if kind == b"IHDR":
            found.setdefault(kind, block(file, start, size, 64))
        elif kind == b"eXIf":
            found.setdefault(kind, block(file, start, size, EXIF_BYTES))
        elif kind == b"iTXt":
            packet = _xmp_in(block(file, start, size, XMP_BYTES))
            found.setdefault(kind, packet) if packet else None
        elif kind == b"IEND":
            break
    head = found.get(b"IHDR", b"")
    width, height = (int.from_bytes(head[at : at + 4]) or None for at in (0, 4))
    return Header("PNG", width, height, in_exif(found.get(b"eXIf", b"")), found.get(b"iTXt", b""))


def _xmp_in(text: bytes) -> bytes:
    """The XMP packet in one of PNG's international texts, packed or not; empty where it has another."""
    if not text.startswith(_XMP_KEY):
        return b""
    packed, rest = text[len(_XMP_KEY) : len(_XMP_KEY) + 1] == b"\1", text[len(_XMP_KEY) + 2 :]
    packet = rest.split(b"\0", 2)[-1]
    if not packed:
        return packet
    unpacking = zlib.decompressobj()
    try:
        packet = unpacking.decompress(packet, XMP_BYTES)
    except zlib.error:
        return b""
    return packet if unpacking.eof else b""


def read_webp(file: IO[bytes]) -> Header:
    """The header of a WebP."""
    size: tuple[int | None, int | None] = (None, None)
    exif = xmp = b""
    for kind, start, length in _chunks(file, 12, "little", 0):
        if kind in (b"VP8X", b"VP8 ", b"VP8L") and size == (None, None):
            size = _webp_size(kind, block(file, start, min(length, 10), 10))
        elif kind == b"EXIF":
            exif = exif or block(file, start, length, EXIF_BYTES)
        elif kind == b"XMP ":
            xmp = xmp or block(file, start, length, XMP_BYTES)
    return Header("WEBP", size[0], size[1], in_exif(exif), xmp)


def _webp_size(kind: bytes, data: bytes) -> tuple[int | None, int | None]:
    if kind == b"VP8X" and len(data) == 10:
        return int.from_bytes(data[4:7], "little") + 1, int.from_bytes(data[7:10], "little") + 1
    if kind == b"VP8 " and data[3:6] == b"\x9d\x01\x2a" and len(data) == 10:
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
        return width or None, height or None
    if kind == b"VP8L" and data[:1] == b"\x2f" and len(data) >= 5:
        bits = int.from_bytes(data[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None, None


def _chunks(file: IO[bytes], start: int, order: str, check: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place and length of each chunk.

    order: "big" has the length first (PNG), "little" the kind. check: bytes behind each.
    """
    big = order == "big"
    for _ in range(MOST_CHUNKS):
        file.seek(start)
        head = file.read(8)
        if len(head) < 8:
            return
        kind, size = (head[4:], int.from_bytes(head[:4])) if big else (head[:4], int.from_bytes(head[4:], "little"))
        yield kind, start + 8, size
        start += 8 + size + check + (0 if big else size % 2)


def read_gif(file: IO[bytes]) -> Header:
    """The header of a GIF, which holds its size and no facts."""
    head = block(file, 6, 4, 4)
    width, height = (int.from_bytes(head[at : at + 2], "little") or None for at in (0, 2))
    return Header("GIF", width, height)


def read_bmp(file: IO[bytes]) -> Header:
    """The header of a BMP, which holds its size and no facts.

    A height below 0 says that the first row is the top one.
    """
    head = block(file, 14, 12, 12)
    if int.from_bytes(head[:4], "little") == 12:
        width, height = int.from_bytes(head[4:6], "little"), int.from_bytes(head[6:8], "little")
    else:
        width, height = (abs(int.from_bytes(head[at : at + 4], "little", signed=True)) for at in (4, 8))
    return Header("BMP", width or None, height or None)
