"""The boxes of which HEIF, AVIF and Canon's CR3 are made (ISO base media file format)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

MOST_BOXES = 4096

Box = tuple[bytes, int, int]
"""Kind, and from where to where its content is."""


def boxes(file: IO[bytes], start: int, end: int) -> Iterator[Box]:
    """The boxes one after the other between two places of a file."""
    for _ in range(MOST_BOXES):
        if start + 8 > end:
            return
        file.seek(start)
        head = file.read(16)
        size, kind, content = int.from_bytes(head[:4]), head[4:8], start + 8
        if size == 1:
            size, content = int.from_bytes(head[8:16]), start + 16
        stop = start + size if size else end
        if len(head) < 8 or stop < content or stop > end:
            return
        yield kind, content, stop
        start = stop
