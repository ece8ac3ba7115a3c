"""The items of a HEIF or AVIF file: which there are, where they lie, and how large the main picture is."""

from __future__ import annotations

from io import BytesIO
from typing import IO

from src.processing.facts.boxes import boxes
from src.processing.facts.header import block

MOST_ITEMS, MOST_PARTS = 4096, 32
_MIME = b"mime"

Part = tuple[bool, int, int]
"""Whether it lies in the box of data beside the description, its place, and its length in bytes."""


class _Reader:
    """Numbers from bytes, one after the other; 0 behind the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self, size: int) -> int:
        found = self._data[self._at : self._at + size]
        self._at += size
        return int.from_bytes(found) if len(found) == size else 0

    def text(self) -> bytes:
        end = self._data.find(b"\0", self._at)
        end = len(self._data) if end < 0 else end
        found = self._data[self._at : end]
        self._at = end + 1
        return found

    @property
    def ended(self) -> bool:
        return self._at >= len(self._data)


def kinds(info: bytes) -> dict[int, bytes]:
    """Item -> its kind: four letters, or for other data its media type."""
    found: dict[int, bytes] = {}
    start = 6 if info[:1] == b"\0" else 8
    for kind, at, end in boxes(BytesIO(info), start, len(info)):
        entry = _Reader(info[at:end])
        version = entry.number(4) >> 24
        if kind != b"infe" or version < 2:
            continue
        item = entry.number(2 if version == 2 else 4)
        entry.number(2)
        kind_of = entry.number(4).to_bytes(4)
        entry.text()
        found[item] = entry.text() if kind_of == _MIME else kind_of
    return found


def places(locations: bytes) -> dict[int, tuple[Part, ...]]:
    """Item -> where its parts lie."""
    reader = _Reader(locations)
    version = reader.number(4) >> 24
    sizes = reader.number(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    index_size = index_size if version in (1, 2) else 0
    found: dict[int, tuple[Part, ...]] = {}
    for _ in range(min(reader.number(4 if version == 2 else 2), MOST_ITEMS)):
        if reader.ended:
            break
        item = reader.number(4 if version == 2 else 2)
        beside = version in (1, 2) and reader.number(2) & 15 == 1
        reader.number(2)
        base = reader.number(base_size)
        parts = []
        for _ in range(min(reader.number(2), MOST_PARTS)):
            reader.number(index_size)
            parts.append((beside, base + reader.number(offset_size), reader.number(length_size)))
        found[item] = tuple(parts)
    return found


def content(file: IO[bytes], parts: tuple[Part, ...], data: bytes, most: int) -> bytes:
    """An item's bytes; empty where they are more than ``most``.

    data: the box of data beside the description.
    """
    if sum(length for _, _, length in parts) > most:
        return b""
    read = (data[at : at + size] if beside else block(file, at, size, most) for beside, at, size in parts)
    return b"".join(read)


def size(properties: bytes, primary: bytes) -> tuple[int | None, int | None]:
    """Width and height in pixels of the main picture as it is shown: cut to its clean part and turned."""
    item = int.from_bytes(primary[4:])
    inside = {kind: properties[at:end] for kind, at, end in boxes(BytesIO(properties), 0, len(properties))}
    listed = inside.get(b"ipco", b"")
    every = [(kind, listed[at:end]) for kind, at, end in boxes(BytesIO(listed), 0, len(listed))]
    numbers = _associated(inside.get(b"ipma", b""), item)
    own = [every[number - 1] for number in numbers if 0 < number <= len(every)]
    width = height = 0
    for kind, data in own:
        if kind == b"ispe":
            width, height = int.from_bytes(data[4:8]), int.from_bytes(data[8:12])
        elif kind == b"clap":
            width, height = _cut(width, data[:8]), _cut(height, data[8:16])
        elif kind == b"irot" and data and data[0] & 1:
            width, height = height, width
    return width or None, height or None


def _cut(side: int, part: bytes) -> int:
    above, below = int.from_bytes(part[:4]), int.from_bytes(part[4:8])
    return min(side, round(above / below)) if above and below else side


def _associated(links: bytes, wanted: int) -> list[int]:
    """The numbers of an item's properties, from 1 on, in the order in which they apply."""
    reader = _Reader(links)
    head = reader.number(4)
    wide = head & 1
    for _ in range(min(reader.number(4), MOST_ITEMS)):
        if reader.ended:
            break
        item = reader.number(4 if head >> 24 else 2)
        mask, length = (0x7FFF, 2) if wide else (0x7F, 1)
        numbers = [reader.number(length) & mask for _ in range(reader.number(1))]
        if item == wanted:
            return numbers
    return []
