"""Files made to crash, hang or fill a program that reads facts: each ends, soon, with facts or a sentence."""

from __future__ import annotations

import io
import os
import random
import struct
import tarfile
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from src.errors import UnreadableImage
from src.processing.decoding.image_io import prepare_pillow
from src.processing.facts.reader import FactsReader
from src.schema.facts import PhotoFacts
from tests.unit.test_facts import CAMERA, PLACE, SETTINGS, exif, iptc, jpeg, xmp

SECONDS = 5.0
"""No file takes longer; each is read in far less than one, but other tests may run beside it."""
MOST_BYTES = 128 * 2**20
FORMS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP")


def outcome(path: Path) -> PhotoFacts | str:
    """The facts or the sentence; anything else that comes of it is a failure."""
    started = time.monotonic()
    try:
        told: PhotoFacts | str = FactsReader().read(path)
    except UnreadableImage as error:
        told = error.user_message
        assert told.endswith(".")
    assert time.monotonic() - started < SECONDS
    if isinstance(told, PhotoFacts):
        check(told)
    return told


def check(told: PhotoFacts) -> None:
    """What holds for every fact, whatever the file was."""
    assert told.orientation is None or 1 <= told.orientation <= 8
    assert (told.latitude is None) == (told.longitude is None)
    assert told.latitude is None or (-90 <= told.latitude <= 90 and -180 <= (told.longitude or 0) <= 180)
    assert told.iso is None or 0 < told.iso <= 10_000_000
    assert told.rating is None or -1 <= told.rating <= 5
    texts = (told.title, told.caption, told.camera_make, told.lens, told.software, *told.keywords)
    assert all("\0" not in text and "\x1b" not in text and len(text) <= 10_000 for text in texts if text)


def valid(form: str, path: Path) -> bytes:
    """A small picture of a format with all the facts that it can hold."""
    prepare_pillow()
    if form == "JPEG":
        words = xmp("", 'dc:title="T" exif:GPSLatitude="53,7.95N" exif:GPSLongitude="8,43E" xmp:Rating="3"')
        segment = (0xED, iptc((2, 5, b"T"), (2, 25, b"k")))
        jpeg(path, (segment,), exif=exif(CAMERA, SETTINGS, PLACE), xmp=words)
    elif form in ("GIF", "BMP"):
        Image.new("P", (16, 16)).save(path, form)
    else:
        told = {"exif": exif(CAMERA, SETTINGS, PLACE), "xmp": xmp("", 'dc:title="T"')}
        Image.new("RGB", (16, 16)).save(path, form, **told)
    return path.read_bytes()


@pytest.mark.parametrize("form", FORMS)
def test_every_truncation_and_many_flipped_bytes_end_well(form: str, tmp_path: Path) -> None:
    path, dice = tmp_path / "a", random.Random(form)
    data = valid(form, path)
    for length in {*range(0, min(len(data), 1500), 7), *range(0, len(data), 101)}:
        path.write_bytes(data[:length])
        outcome(path)
    for _ in range(400):
        changed = bytearray(data)
        for _ in range(dice.choice((1, 2, 8))):
            changed[dice.randrange(min(len(data), 4096))] = dice.choice((0, 255, dice.randrange(256)))
        path.write_bytes(changed)
        outcome(path)


def tags_that_name_everything() -> bytes:
    """A TIFF of 4 MB whose 4,000 tags are each as long as the file."""
    size = 4 * 2**20
    entries = b"".join(struct.pack("<HHLL", 1000 + tag, 1, size - 60_000, 59_000) for tag in range(4000))
    return (b"II*\0\x08\0\0\0" + struct.pack("<H", 4000) + entries).ljust(size, b"\0")


def directories_in_a_circle() -> bytes:
    places = struct.pack("<HHLL", 330, 4, 16, 200) + struct.pack("<HHLL", 34665, 4, 1, 8)
    main = struct.pack("<H", 3) + struct.pack("<HHLL", 254, 4, 1, 1) + places
    return (b"II*\0\x08\0\0\0" + main).ljust(200, b"\0") + struct.pack("<16L", *[8] * 16)


def endless_fill_bytes() -> bytes:
    return b"\xff\xd8" + b"\xff" * 8_000_000


def many_segments() -> bytes:
    return b"\xff\xd8" + b"\xff\xe1\x00\x08Exif\0\0" * 500_000


def exif_in_pieces() -> bytes:
    return b"\xff\xd8" + (b"\xff\xe1\xff\xffExif\0\0" + b"\0" * 65_527) * 300


def packed_text() -> bytes:
    """A PNG whose XMP packet unpacks to 1 GB."""
    packing = zlib.compressobj(9)
    packed = b"".join(packing.compress(bytes(2**20)) for _ in range(1000)) + packing.flush()
    text = b"XML:com.adobe.xmp\0\1\0\0\0" + packed
    head = struct.pack(">LL5B", 9, 9, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"iTXt", text))
    parts = (struct.pack(">L", len(data)) + kind + data + b"\0\0\0\0" for kind, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def empty_chunks() -> bytes:
    head = struct.pack(">L", 13) + b"IHDR" + struct.pack(">LL5B", 9, 9, 8, 2, 0, 0, 0) + b"\0" * 4
    head = b"\x89PNG\r\n\x1a\n" + head
    return head + (b"\0\0\0\0tEXt\0\0\0\0") * 1_000_000


def boxes_without_end() -> bytes:
    return b"\0\0\0\x10ftypheic\0\0\0\0" + b"\0\0\0\x08free" * 1_000_000


def items_without_length() -> bytes:
    """A HEIF whose table of places says 65,535 items of 65,535 parts of no bytes."""
    table = b"\0\0\0\0" + b"\0\0" + b"\xff\xff" + struct.pack(">HHH", 1, 0, 65_535) * 65_535
    box = struct.pack(">L", len(table) + 8) + b"iloc" + table
    meta = struct.pack(">L", len(box) + 12) + b"meta\0\0\0\0" + box
    return b"\0\0\0\x10ftypheic\0\0\0\0" + meta


def nested_packet() -> bytes:
    return b"II*\0\x08\0\0\0" + struct.pack("<HHHLLL", 1, 700, 1, 1_900_000, 26, 0) + b"<a>" * 640_000


@pytest.mark.parametrize(
    "make",
    [
        tags_that_name_everything,
        directories_in_a_circle,
        endless_fill_bytes,
        many_segments,
        exif_in_pieces,
        packed_text,
        empty_chunks,
        boxes_without_end,
        items_without_length,
        nested_packet,
    ],
    ids=lambda make: make.__name__,
)
def test_a_trap_costs_little_time_and_memory(make: Callable[[], bytes], tmp_path: Path) -> None:
    (tmp_path / "trap").write_bytes(make())
    outcome(tmp_path / "trap")
    tracemalloc.start()
    try:
        FactsReader().read(tmp_path / "trap")
    except UnreadableImage:
        pass
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < MOST_BYTES


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are POSIX")
def test_pipes_and_devices_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    assert outcome(tmp_path / "a.jpg") == "It is a pipe, not a picture file."
    assert outcome(Path("/dev/zero")) == "It is a device, not a picture file."


def test_the_collection_of_broken_files_ends_well(test_data: Path, tmp_path: Path) -> None:
    archive = test_data / "hostile" / "hostile.tar.xz"
    if not archive.is_file():
        pytest.skip("there is no hostile/hostile.tar.xz in the folder that MFE_TEST_DATA names")
    told = refused = 0
    with tarfile.open(archive) as packed:
        for member in packed:
            if not member.isfile() or member.size > 20 * 2**20:
                continue
            path = tmp_path / f"a{Path(member.name).suffix[:10]}"
            path.write_bytes((packed.extractfile(member) or io.BytesIO()).read())
            if isinstance(outcome(path), PhotoFacts):
                told += 1
            else:
                refused += 1
            path.unlink()
    assert told > 100 and refused > 20
