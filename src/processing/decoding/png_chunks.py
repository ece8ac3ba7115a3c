"""PNG's chunks beside the picture, read so that none can spoil it: one that is too long or broken counts as absent."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from PIL import ImageFile, PngImagePlugin

from src import colours

MOST_BYTES = 16 * 2**20
"""Of one chunk beside the picture as it is stored; a longer one is passed over. Photoshop's have a few MB."""
TEXT_BYTES = 16 * 2**20
"""Of all text of a picture once it is unpacked."""
_NONSENSE = (ValueError, SyntaxError, IndexError)
_ANCILLARY = 0x20
"""A bit of a chunk's name, of which a reader need not know anything."""


class LenientStream(PngImagePlugin.PngStream):
    """In place of Pillow's own, which refuses the whole picture for a text or profile of more than 1 MB."""

    _passed_over = False

    def call(self, cid: bytes, pos: int, length: int) -> bytes:
        if length > MOST_BYTES and cid[0] & _ANCILLARY and cid != b"fdAT":
            return self._pass_over(length)
        return super().call(cid, pos, length)

    def crc(self, cid: bytes, data: bytes) -> None:
        """The checksum matters neither where nothing is looked at nor where damage does the picture no harm."""
        if self._passed_over or cid[0] & _ANCILLARY:
            self._passed_over = False
            self.crc_skip(cid, data)
        else:
            super().crc(cid, data)

    def chunk_iCCP(self, pos: int, length: int) -> bytes:
        data = ImageFile._safe_read(self._file, length)
        name, _, packed = data.partition(b"\0")
        unpacking = zlib.decompressobj()
        try:
            profile = unpacking.decompress(packed[1:], colours.MOST_BYTES)
        except zlib.error:
            return data
        if name and packed[:1] == b"\0" and unpacking.eof:
            self.im_info["icc_profile"] = profile
        return data

    def chunk_cICP(self, pos: int, length: int) -> bytes:
        """Code points, which count more than a profile."""
        data = ImageFile._safe_read(self._file, length)
        if length == 4:
            self.im_info[colours.CODE_POINTS] = colours.code_points(data)
        return data

    def chunk_zTXt(self, pos: int, length: int) -> bytes:
        return self._text(super().chunk_zTXt, pos, length)

    def chunk_iTXt(self, pos: int, length: int) -> bytes:
        return self._text(super().chunk_iTXt, pos, length)

    def chunk_tEXt(self, pos: int, length: int) -> bytes:
        return self._text(super().chunk_tEXt, pos, length)

    def chunk_eXIf(self, pos: int, length: int) -> bytes:
        return self._text(super().chunk_eXIf, pos, length)

    def _text(self, read: Callable[[int, int], bytes], pos: int, length: int) -> bytes:
        """What was refused costs what it may have unpacked until then: a thousand take no longer than a few."""
        if self.text_memory > TEXT_BYTES:
            return self._pass_over(length)
        try:
            return read(pos, length)
        except _NONSENSE:
            self.text_memory += PngImagePlugin.MAX_TEXT_CHUNK
            self._file.seek(pos)
            return self._pass_over(length)

    def _pass_over(self, length: int) -> bytes:
        self._file.seek(length, 1)
        self._passed_over = True
        return b""

    @property
    def _file(self) -> Any:
        return self.fp


def use() -> None:
    """Have Pillow read every PNG so."""
    PngImagePlugin.PngStream = LenientStream  # type: ignore[misc]
