"""JPEG: size and blocks from the segments before the first scan."""

from __future__ import annotations

from typing import IO

from src.processing.facts.exif import in_exif
from src.processing.facts.header import EXIF_BYTES, Header
from src.processing.facts.iptc import MOST_BYTES as IPTC_BYTES
from src.processing.facts.iptc import in_resources

MOST_SEGMENTS = 2000
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of the segments that begin a frame, which tell the size."""
_BARE = frozenset(range(0xD0, 0xD9)) | {0x01}
"""Markers without a segment."""
_ENDS = (0xDA, 0xD9)
_EXIF, _XMP, _PHOTOSHOP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"Photoshop 3.0\0"
_APP1, _APP13 = 0xE1, 0xED


def read(file: IO[bytes], start: int = 0) -> Header:
    """The header of the JPEG that begins at ``start``; without a size where it is damaged before."""
    blocks = {_EXIF: b"", _XMP: b"", _PHOTOSHOP: b""}
    size: tuple[int | None, int | None] = (None, None)
    file.seek(start + 2)
    for _ in range(MOST_SEGMENTS):
        marker, length = _segment(file)
        if marker in _ENDS or length < 0:
            break
        if marker in _SIZES:
            size = _size(file.read(min(length, 5))) or size
            length = max(0, length - 5)
        elif marker in (_APP1, _APP13):
            _keep(blocks, file.read(length))
            length = 0
        file.seek(length, 1)
    iptc = in_resources(blocks[_PHOTOSHOP])
    return Header("JPEG", size[0], size[1], in_exif(blocks[_EXIF]), blocks[_XMP], iptc)


def _segment(file: IO[bytes]) -> tuple[int, int]:
    """Marker and number of bytes of the segment that begins here; -1 bytes where none does."""
    if file.read(1) != b"\xff":
        return 0, -1
    marker = file.read(1)
    for _ in range(MOST_SEGMENTS):
        if marker != b"\xff":
            break
        marker = file.read(1)
    if not marker:
        return 0, -1
    if marker[0] in _BARE:
        return marker[0], 0
    return marker[0], int.from_bytes(file.read(2)) - 2


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
