"""TIFF's directories of tags, which EXIF is made of too.

Only the tags that are asked for are read, and of each a bounded number of bytes. Pillow reads every tag
that a directory names, and one file can name 65,535 of them, each as long as the file.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from io import BytesIO
from typing import IO

MOST_TAGS = 4096
"""Of one directory; the rest is passed over."""
MOST_BYTES = 64 * 2**10
"""Of one value, unless a larger bound is given; what is longer counts as absent."""

Values = dict[int, object]
"""Tag -> its value: a number, a list of them (None where a fraction has none), or a text's or block's bytes."""

_BYTE, _TEXT, _BLOCK, _RATIONALS = 1, 2, 7, (5, 10)
_NUMBERS = {
    1: "B",
    3: "H",
    4: "L",
    5: "L",
    6: "b",
    8: "h",
    9: "l",
    10: "l",
    11: "f",
    12: "d",
    13: "L",
    16: "Q",
    17: "q",
    18: "Q",
}
_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
"""Bytes of one value of a kind."""
PLAIN_STARTS = {b"II*\0": "<", b"MM\0*": ">", b"II\0*": "<", b"MM*\0": ">", b"II+\0": "<", b"MM\0+": ">"}
"""TIFF's own beginnings and their byte order: two that are usual, two that are wrong and are read by decoders
all the same, and two of files that may have more than 4 GB."""
RAW_STARTS = {b"IIRO": "<", b"IIRS": "<", b"IIU\0": "<"}
"""Those of Olympus's and Panasonic's raw files, which are the same behind them."""
_ORDERS = PLAIN_STARTS | RAW_STARTS
_BIG = (b"II+\0", b"MM\0+")
_PREFIX = b"Exif\0\0"


class Tiff:
    """A file, or a block in memory, with directories of tags.

    Nothing in it is trusted; where it is nonsense there are no tags.
    """

    def __init__(self, file: IO[bytes]) -> None:
        """file: at any position; the TIFF begins at its start."""
        file.seek(0)
        start = file.read(16)
        self._file = file
        self._big = start[:4] in _BIG
        self.order = _ORDERS.get(start[:4], "")
        """``<`` or ``>`` as in struct; empty where this is no TIFF."""
        self.first = 0
        """Where the main directory is; 0 where there is none."""
        at, size, code = (8, 8, "Q") if self._big else (4, 4, "L")
        if self.order and len(start) >= at + size:
            self.first = self._unpacked(code, start[at : at + size])[0]

    def read(self, at: object, tags: Collection[int], most: int = MOST_BYTES) -> Values:
        """Those of the tags that the directory at an offset has. most: bytes of one value."""
        found: Values = {}
        for tag, kind, count, inline in self._entries(at):
            if tag in tags and tag not in found:
                value = self._value(kind, count, inline, most)
                if value is not None:
                    found[tag] = value
        return found

    def blocks(self, at: object, tags: Collection[int], most: int) -> dict[int, bytes]:
        """The bytes of those of the tags that there are, whatever kind of value they are said to be."""
        entries = [entry for entry in self._entries(at) if entry[0] in tags]
        return {tag: self._bytes(kind, count, inline, most) for tag, kind, count, inline in entries}

    def _entries(self, at: object) -> list[tuple[int, int, int, bytes]]:
        """Tag, kind, number of values, and the value itself or where it is."""
        if not self.order or not isinstance(at, int) or not 0 < at < 1 << 48:
            return []
        head, entry = ("Q", "HHQ8s") if self._big else ("H", "HHL4s")
        self._file.seek(at)
        head_size, size = struct.calcsize("<" + head), struct.calcsize("<" + entry)
        start = self._file.read(head_size)
        if len(start) < head_size:
            return []
        data = self._file.read(min(self._unpacked(head, start)[0], MOST_TAGS) * size)
        return list(struct.iter_unpack(self.order + entry, data[: len(data) // size * size]))

    def _value(self, kind: int, count: int, inline: bytes, most: int) -> object:
        data = self._bytes(kind, count, inline, most)
        if not data or kind in (_TEXT, _BLOCK) or (kind == _BYTE and count > 1):
            return data or None
        code = _NUMBERS[kind]
        numbers = struct.unpack(f"{self.order}{len(data) // struct.calcsize('<' + code)}{code}", data)
        values = _fractions(numbers) if kind in _RATIONALS else list(numbers)
        return values[0] if len(values) == 1 else values

    def _bytes(self, kind: int, count: int, inline: bytes, most: int) -> bytes:
        """Empty where they are more than ``most``, or not all there."""
        size = count * _SIZES.get(kind, 0)
        if not 0 < size <= most:
            return b""
        data = inline[:size] if size <= len(inline) else self._at(inline, size)
        return data if len(data) == size else b""

    def _at(self, inline: bytes, size: int) -> bytes:
        self._file.seek(self._unpacked("Q" if self._big else "L", inline)[0] & (1 << 48) - 1)
        return self._file.read(size)

    def _unpacked(self, code: str, data: bytes) -> tuple[int, ...]:
        return struct.unpack(self.order + code, data)


def in_block(data: bytes) -> Tiff:
    """The TIFF that an EXIF block is, whether or not ``Exif`` stands before it."""
    while data.startswith(_PREFIX):
        data = data[len(_PREFIX) :]
    return Tiff(BytesIO(data))


def _fractions(numbers: tuple[int, ...]) -> list[float | None]:
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return [above / below if below else None for above, below in pairs]
