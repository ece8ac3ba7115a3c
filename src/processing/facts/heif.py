"""HEIF, AVIF and Canon's CR3: size and blocks from their boxes (ISO base media file format)."""

from __future__ import annotations

import os
from io import BytesIO
from typing import IO

from src.processing.facts import items
from src.processing.facts.boxes import Box, boxes
from src.processing.facts.exif import in_exif, of_blocks, side
from src.processing.facts.header import EXIF_BYTES, XMP_BYTES, Header, block
from src.processing.facts.tiff import in_block

META_BYTES = 4 * 2**20
"""Of the box that describes the pictures. One of a picture of many tiles has some 10 kB."""
_AVIF = (b"avif", b"avis")
_CANON, _CANON_XMP = (
    bytes.fromhex("85c0b687820f11e08111f4ce462b6a48"),
    bytes.fromhex("be7acfcb97a942e89c71999491e3afac"),
)
_MAIN, _SHOT, _PLACE = b"CMT1", b"CMT2", b"CMT4"


def read(file: IO[bytes]) -> Header:
    """The header of a HEIF, AVIF or CR3 file."""
    end = file.seek(0, os.SEEK_END)
    top: dict[bytes, Box] = {}
    for box in boxes(file, 0, end):
        kind = block(file, box[1], 16, 16) if box[0] == b"uuid" else box[0]
        top.setdefault(kind, box)
        if kind == b"meta":
            break
    brands = _content(file, top.get(b"ftyp"), 1024)
    if brands[:4] == b"crx ":
        return _canon(file, top)
    kinds = {brands[:4], *(brands[at : at + 4] for at in range(8, len(brands), 4))}
    meta = _content(file, top.get(b"meta"), META_BYTES)
    return _picture(file, meta, "HEIF" if kinds.isdisjoint(_AVIF) else "AVIF")


def _content(file: IO[bytes], box: Box | None, most: int) -> bytes:
    return block(file, box[1], box[2] - box[1], most) if box else b""


def _picture(file: IO[bytes], meta: bytes, form: str) -> Header:
    """meta: what is in the box of that name: four bytes, then boxes that say what is where."""
    inside = BytesIO(meta)
    parts = {kind: meta[start:end] for kind, start, end in boxes(inside, 4, len(meta))}
    listed = items.kinds(parts.get(b"iinf", b""))
    places = items.places(parts.get(b"iloc", b""))

    def blob(kind: bytes, most: int) -> bytes:
        item = next((item for item, is_of in listed.items() if is_of == kind), None)
        return items.content(file, places.get(item, ()), parts.get(b"idat", b""), most) if item is not None else b""

    width, height = items.size(parts.get(b"iprp", b""), parts.get(b"pitm", b""))
    exif = blob(b"Exif", EXIF_BYTES)
    begins = 4 + int.from_bytes(exif[:4])
    return Header(form, width, height, in_exif(exif[begins:]), blob(b"application/rdf+xml", XMP_BYTES))


def _canon(file: IO[bytes], top: dict[bytes, Box]) -> Header:
    """Canon keeps EXIF's three directories as three boxes in one of its own in ``moov``."""
    moov = top.get(b"moov")
    found: dict[bytes, bytes] = {}
    for kind, start, end in boxes(file, moov[1], moov[2]) if moov else ():
        if kind == b"uuid" and block(file, start, 16, 16) == _CANON:
            found = {kind: block(file, at, stop - at, EXIF_BYTES) for kind, at, stop in boxes(file, start + 16, end)}
            break
    main, shot, place = (found.get(kind, b"") for kind in (_MAIN, _SHOT, _PLACE))
    tiff = in_block(main)
    size = tiff.read(tiff.first, (256, 257))
    packet = top.get(_CANON_XMP)
    xmp = block(file, packet[1] + 16, packet[2] - packet[1] - 16, XMP_BYTES) if packet else b""
    return Header("RAW", side(size.get(256)), side(size.get(257)), of_blocks(main, shot, place), xmp)
