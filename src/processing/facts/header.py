"""What every format's reader finds in a file: the picture's size, and the blocks in which facts are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from src.processing.facts.told import NOTHING, Told

XMP_BYTES = 2 * 2**20
"""Most that is read of an XMP packet or sidecar; a longer one counts as absent."""
EXIF_BYTES = 4 * 2**20
"""The same of an EXIF block: cameras hide previews in it."""


@dataclass(frozen=True)
class Header:
    """A picture file's own facts, found without decoding a pixel."""

    format: str
    """As ``PhotoFacts.format``."""
    width: int | None = None
    height: int | None = None
    exif: Told = NOTHING
    xmp: bytes = b""
    """The XMP packet; empty where there is none."""
    iptc: bytes = b""
    """The IPTC block; empty where there is none."""


def block(file: IO[bytes], start: int, size: int, most: int) -> bytes:
    """So many bytes of a file from ``start`` on; empty where they are over ``most``, or not all there."""
    if not 0 < size <= most or not 0 <= start < 1 << 62:
        return b""
    file.seek(start)
    data = file.read(size)
    return data if len(data) == size else b""
