"""Reading any picture safely: robust formats in the caller's thread, others in processes that may crash."""

from __future__ import annotations

import os
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from PIL import Image

from src import originals
from src.errors import UnreadableImage
from src.originals import Cancelled
from src.processing.decoding import image_io
from src.processing.decoding.decoder_pool import DecoderPool
from src.processing.decoding.image_io import Header
from src.processing.decoding.memory import Budget, limits
from src.schema import ImageFacts

PROCESSES = 4
HERE_BYTES = 200 * 2**20
"""Memory that decoding may take in the app itself; what needs more is decoded in another process."""
HERE_SIZE, HERE_JPEG_SIZE = 4 * 2**20, 32 * 2**20
"""The same for the file: millions of empty chunks take minutes to go through, and only a process can be stopped."""
COPY_BYTES = 512 * 2**20
"""Of a picture in memory that is handed to another process: as much as the page takes at once."""
SEGMENTS, SCANS = 1000, 64
"""Of a JPEG decoded in the app itself: a usual one has about ten of each, one made to take hours has thousands."""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


READER = " ".join(["2", *(f"{package} {_version(package)}" for package in ("pillow", "pillow-heif", "rawpy"))])
"""Names the decoders. Stored beside a refused file: where it differs, the file is tried again."""


class _TooLargeHereError(UnreadableImage):
    """For another process."""


class PictureReader:
    """Decodes pictures for any number of threads within a fixed budget of memory. To be closed."""

    def __init__(self, max_megapixels: int | None = None) -> None:
        """max_megapixels: larger pictures are refused undecoded; None goes by the memory at hand, 200 at most."""
        self._limits = limits(max_megapixels)
        self._budget = Budget(self._limits.bytes)
        self._pool = DecoderPool(min(PROCESSES, os.cpu_count() or 1), self._limits.bytes)

    def read(
        self,
        source: Path | IO[bytes],
        min_side: int | None = None,
        careful: bool = False,
        cancelled: Cancelled = originals.never,
    ) -> tuple[Image.Image, ImageFacts]:
        """Decode one picture: upright, RGB, transparency on white, first frame. Content decides the format.

        source: a path, or a binary file open for reading. min_side: the short side in pixels that is enough; a larger
        picture may be reduced to no less. careful: not in this process, whatever the format. cancelled: asked now and
        then. Facts give the full size. Raises UnreadableImage with the reason in one sentence, also for what is no
        regular file; OSError where the file can't be opened or read at all.
        """
        if isinstance(source, Path):
            with originals.open_picture(source) as file:
                return self.read(file, min_side, careful, cancelled)
        place = _place(source)
        originals.check_beginning(source)
        if not careful and _harmless(source):
            try:
                return self._here(source, min_side)
            except _TooLargeHereError:
                pass
        request = place | {"min_side": min_side, "limits": vars(self._limits)}
        return self._pool.decode(request, source, self._budget.taken, cancelled)

    def close(self) -> None:
        """End the decoder processes.

        Pictures that are being read by them are refused, for a reason that does not last.
        """
        self._pool.close()

    def _here(self, file: IO[bytes], min_side: int | None) -> tuple[Image.Image, ImageFacts]:
        with ExitStack() as held:

            def admit(header: Header) -> None:
                if header.needs > HERE_BYTES or not header.plain:
                    raise _TooLargeHereError("")
                held.enter_context(self._budget.taken(header.needs))

            return image_io.decode(file, self._limits.megapixels, min_side, self._limits.bytes, admit)


def _harmless(file: IO[bytes]) -> bool:
    """Whether kind, size and layout of a file let it be decoded in the app: nothing there takes long or crashes."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(32)
    if not image_io.decoded_here(start):
        return False
    if not start.startswith(b"\xff\xd8"):
        return size <= HERE_SIZE
    file.seek(0)
    return size <= HERE_JPEG_SIZE and _plain_jpeg(file.read())


def _plain_jpeg(data: bytes) -> bool:
    """Whether few segments, one right after the other, lead to the first scan, and there are as few scans as needed."""
    at = 2
    for _ in range(SEGMENTS):
        if data[at : at + 2] == b"\xff\xda":
            return data.count(b"\xff\xda") <= SCANS
        if data[at : at + 1] != b"\xff" or not 0xC0 <= int.from_bytes(data[at + 1 : at + 2]) < 0xFF:
            return False
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return False


def _place(file: IO[bytes]) -> dict[str, Any]:
    """How another process comes to an open file: by its path, or where it has none by what follows the request.

    Raises UnreadableImage for what is no regular file or too large for this.
    """
    name = getattr(file, "name", None)
    suffix = Path(os.fsdecode(name)).suffix if isinstance(name, str | bytes) else ""
    try:
        found = os.fstat(file.fileno())
    except OSError:  # io.UnsupportedOperation: in memory
        return {"suffix": suffix, "follows": originals.check_size(file.seek(0, os.SEEK_END), COPY_BYTES)}
    if not isinstance(name, str | bytes):
        originals.check(found, COPY_BYTES)
        return {"suffix": suffix, "follows": found.st_size}
    originals.check(found)
    return {
        "suffix": suffix,
        "path": os.path.abspath(os.fsdecode(name)),
        "file": [found.st_dev, found.st_ino, found.st_size],
    }
