"""Opening the user's files: none that blocks or never ends; size and first bytes are looked at before it is read."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from io import BufferedReader, FileIO
from pathlib import Path
from typing import IO

from src.errors import UnreadableImage
from src.plain_files import opened_at_once

MOST_BYTES = 4 * 2**30
"""Of a picture file: as far as a TIFF or RAW can point. 200 megapixels of 16 bits and alpha take 1.6 GB."""
BLOCK = 2**20
"""Bytes between two questions whether to go on."""
CANCELLED = "Reading it was cancelled."
CHANGED = "The file was changed while it was read."
NO_PICTURE = "It is not a picture in a format that can be read."

_SURE = (
    rb"\xff\xd8\xff|\x89PNG\r\n|RIFF....WEBP|GIF8[79]a|BM....\x00\x00\x00\x00|II\*\x00|MM\x00\*"
    rb"|....ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1|avif|avis|crx )|FUJIFILMCCD-RAW|II(?:RO|RS|U\x00)|FOVb"
)
_PICTURE = re.compile(_SURE, re.DOTALL)
_PERHAPS = re.compile(_SURE + rb"|BM|II\x00\*|MM\*\x00|MM\x00\+|II\+\x00|\x00MRM|II\x1a\x00\x00\x00HEAPCCDR", re.DOTALL)
"""Also what begins too much like text to be offered by a scan: whether it is a picture is for the decoders to say."""
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}

Cancelled = Callable[[], bool]
"""Whether whoever asked for the work wants it no more."""


def never() -> bool:
    """For work that nobody can cancel."""
    return False


def open_regular(path: Path | str | bytes, most: int = MOST_BYTES) -> BufferedReader:
    """Open a regular file of at most ``most`` bytes for reading; opening waits for nothing.

    Raises UnreadableImage for anything else, for a reason that does not last: another file may take its place. OSError
    where it is not there or may not be read.
    """
    check(os.stat(path), most)  # some devices do something when they are opened
    file: BufferedReader = BufferedReader(FileIO(os.fspath(path), opener=opened_at_once))
    try:
        check(os.fstat(file.fileno()), most)  # it may be another file by now
    except UnreadableImage:
        file.close()
        raise
    return file


def open_picture(path: Path | str | bytes) -> BufferedReader:
    """Open what may be a picture by its kind, size and first bytes, rewound.

    Raises as ``open_regular`` does, and where it is none.
    """
    file = open_regular(path)
    try:
        check_beginning(file)
    except (UnreadableImage, OSError):
        file.close()
        raise
    return file


def check(found: os.stat_result, most: int = MOST_BYTES) -> None:
    """Raise UnreadableImage for what is no regular file of at most ``most`` bytes."""
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableImage(f"It is {_KINDS.get(stat.S_IFMT(found.st_mode), 'something else')}, not a picture file.")
    check_size(found.st_size, most)


def check_size(size: int, most: int) -> int:
    """The size itself. Raises UnreadableImage, with both figures, where it is too large."""
    if size > most:
        raise UnreadableImage(f"The file has {_size(size)}, more than the limit of {_size(most)}.")
    return size


def check_beginning(file: IO[bytes]) -> None:
    """Raise UnreadableImage where no picture begins like ``file``. Leaves it rewound."""
    file.seek(0)
    start = file.read(16)
    file.seek(0)
    if not start:
        raise UnreadableImage("The file is empty.", lasting=True)
    if not _PERHAPS.match(start):
        raise UnreadableImage(NO_PICTURE, lasting=True)


def begins_like_picture(path: Path) -> bool:
    """Whether a file without a known extension is surely meant as a picture, by its first bytes."""
    try:
        with open_regular(path) as file:
            return _PICTURE.match(file.read(16)) is not None
    except (OSError, UnreadableImage):
        return False


def blocks(file: IO[bytes], size: int, cancelled: Cancelled = never) -> Iterator[bytes]:
    """The ``size`` bytes of a file that were there when it was opened, a block at a time, from its start.

    Raises UnreadableImage, for reasons that do not last, where there are fewer or more by now, or where ``cancelled``
    says so.
    """
    file.seek(0)
    left = size
    while left > 0:
        if cancelled():
            raise UnreadableImage(CANCELLED)
        block = file.read(min(BLOCK, left))
        if not block:
            break
        left -= len(block)
        yield block
    if left or file.read(1):
        raise UnreadableImage(CHANGED)


def refuse_changed(file: IO[bytes], mtime_ns: int, size: int) -> None:
    """Raise UnreadableImage, for a passing reason, where an open file was written to since this time and size."""
    now = os.fstat(file.fileno())
    if (now.st_mtime_ns, now.st_size) != (mtime_ns, size):
        raise UnreadableImage(CHANGED)


def _size(size: int) -> str:
    return f"{size / 2**30:,.1f}".removesuffix(".0") + " GB" if size >= 2**30 else f"{size / 2**20:,.0f} MB"
