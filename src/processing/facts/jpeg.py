"""JPEG: size and blocks from the segments before the first scan."""

from __future__ import annotations

import os
import re
from typing import IO

from src.processing.facts.exif import in_exif
from src.processing.facts.header import EXIF_BYTES, Header
from src.processing.facts.iptc import MOST_BYTES as IPTC_BYTES
from src.processing.facts.iptc import in_resources

MOST_SEGMENTS = 1000
MOST_JUNK = 64 * 2**10
"""Bytes that may stand between segments, where a program wrote a wrong length; decoders pass them over."""
_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of the segments that begin a frame, which tell the size."""
_BARE = frozenset(range(0xD0, 0xD9)) | {0x01}
"""Markers without a segment."""
_SCAN, _END, _NOTHING = 0xDA, 0xD9, -1
_EXIF, _XMP, _PHOTOSHOP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"Photoshop 3.0\0"
_APP1, _APP13 = 0xE1, 0xED


def read(file: IO[bytes], start: int = 0) -> Header:
    """The header of the JPEG that begins at ``start``; without a size where it is damaged before."""
    blocks = {_EXIF: b"", _XMP: b"", _PHOTOSHOP: b""}
    size: tuple[int | None, int | None] = (None, None)
    file.seek(start + 2)
    for _ in range(MOST_SEGMENTS):
        marker, length = _segment(file)
        if marker in (_SCAN, _END, _NOTHING):
            break
        if marker in _SIZES:
            size = _size(file.read(min(length, 5))) or size
            length = max(0, length - 5)
        elif marker in (_APP1, _APP13):
            _keep(blocks, file.read(length))
            length = 0
        file.seek(length, os.SEEK_CUR)
    iptc = in_resources(blocks[_PHOTOSHOP])
    return Header("JPEG", size[0], size[1], in_exif(blocks[_EXIF]), blocks[_XMP], iptc)


def _segment(file: IO[bytes]) -> tuple[int, int]:
    """Marker and number of bytes of the next segment, to whose content the file is moved; -1 for none."""
    head = file.read(4)
    if not _MARKER.match(head):
        file.seek(-len(head), os.SEEK_CUR)
        window = file.read(MOST_JUNK)
        found = _MARKER.search(window)
        if not found:
            return _NOTHING, 0
        file.seek(found.start() - len(window), os.SEEK_CUR)
        head = file.read(4)
    if head[1] in _BARE:
        file.seek(2 - len(head), os.SEEK_CUR)
        return head[1], 0
    return head[1], max(0, int.from_bytes(head[2:4]) - 2)


def _size(data: bytes) -> tuple[int, int] | None:
    height, width = int.from_bytes(data[1:3]), int.from_bytes(data[3:5])
    return (width, height) if len(data) == 5 and width and height else None


def _keep(blocks: dict[bytes, bytes], segment: bytes) -> None:
    """EXIF and Photoshop's resources that are too long for one segment go on in the next."""
    kind = next((kind for kind in blocks if segment.startswith(kind)), None)
    if kind is None or (kind == _XMP and blocks[kind]):
        return
    if len(blocks[kind]) < (EXIF_BYTES if kind == _EXIF else IPTC_BYTES):
        blocks[kind] += segment[len(kind) :]
