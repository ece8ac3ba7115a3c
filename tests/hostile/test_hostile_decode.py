"""Files made to crash, hang or fill a program that reads them: each ends decoded or with a reason, and nothing else
happens.
"""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from src.config import PROJECT_DIR
from src.errors import UnreadableImage
from src.processing.decoding.image_io import prepare_pillow
from src.processing.decoding.reader import PROCESSES, PictureReader
from src.processing.discovery import find_images
from src.schema import FoundFile
from tests.conftest import make_photo

SECONDS = 40
"""No decoder takes longer: several times the slowest's time on two idle cores, for other tests may run beside it."""
BYTES = 10**9
SMALL = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")
FUZZ = settings(
    deadline=None, max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def pictures() -> Iterator[PictureReader]:
    opened = PictureReader()
    yield opened
    opened.close()


def walk(paths: list[Path], careful: bool = False) -> list[dict[str, Any]]:
    """What comes of each file, in a process of its own. Checks what must hold for all of them."""
    threads = min(PROCESSES, os.cpu_count() or 1)  # no file waits for another, so that the time is its own
    command = [sys.executable, "-m", "tests.hostile.walk", "careful" if careful else "usual", str(threads)]
    files = b"\0".join(os.fsencode(path) for path in paths)
    run = subprocess.run(command, cwd=PROJECT_DIR, input=files, capture_output=True, timeout=280)
    assert (run.returncode, run.stderr) == (0, b"")
    *found, memory = [json.loads(line) for line in run.stdout.splitlines()]
    slowest = max(found, key=lambda item: item["seconds"])
    decoded, crashed = (
        sum("size" in item for item in found),
        [i["path"] for i in found if "crashes" in i.get("reason", "")],
    )
    print(f"{len(found)} files, {decoded} decoded, slowest {slowest['seconds']:.2f} s ({slowest['path']}),", end=" ")
    print(f"memory +{memory['grown'] / 1e6:.0f} MB, crashed a decoder: {crashed}")
    assert len(found) == len(paths) and slowest["seconds"] < SECONDS and memory["grown"] < BYTES
    return found


def reasons(found: list[dict[str, Any]]) -> dict[str, str]:
    return {Path(item["path"]).name: item.get("reason", "") for item in found}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, pixels: bytes, depth: int = 8, colour: int = 2, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(pixels, 9))
        + chunk(b"IEND", b"")
    )


def tiff(width: int, height: int, data: bytes, *more: tuple[int, int]) -> bytes:
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 1024, 277: 1, 278: height, 279: len(data)} | dict(
        more
    )
    directory = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items())
    )
    return (b"II*\0" + struct.pack("<I", 8) + directory + bytes(4)).ljust(1024, b"\0") + data


def bmp(width: int, height: int, compression: int, data: bytes) -> bytes:
    header = struct.pack("<IIIIiiHHIIIIII", 0, 0, 1078, 40, width, height, 1, 8, compression, 0, 0, 0, 0, 0)
    return b"BM" + header + bytes(1024) + data


def webp(width: int, height: int) -> bytes:
    body = b"VP8X" + struct.pack("<IB3x", 10, 0) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def with_size(jpeg: bytes, width: int, height: int) -> bytes:
    """A JPEG that says it is larger than it is."""
    at = max(jpeg.find(b"\xff\xc0\x00"), jpeg.find(b"\xff\xc2\x00"))
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def progressive_bomb(scans: int) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 40).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    last = data.rindex(b"\xff\xda")
    return with_size(data[:last] + data[last:-2] * scans, 4400, 4400)


def bombs(photo: bytes) -> dict[str, bytes]:
    """Small files that say, or hold, far more than they should."""
    made = {
        "lies.png": png(60000, 60000, b"", 8, 6),
        "zeros.png": png(16000, 12000, bytes(12000 * 48001 // 8)),
        "deep.png": png(13000, 13000, bytes(26_001_000), 16, 0),
        "text.png": png(
            8,
            8,
            bytes(200),
            extra=b"".join(chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(60_000_000))) for _ in range(4)),
        ),
        "profile.png": png(8, 8, bytes(200), extra=chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(80_000_000)))),
        "chunks.png": png(8, 8, bytes(200), extra=chunk(b"abCd", b"") * 1_300_000),
        "lies.jpg": with_size(photo, 65500, 65500),
        "lies_within.jpg": with_size(photo, 14000, 14000),
        "scans.jpg": progressive_bomb(3000),
        "segments.jpg": b"\xff\xd8" + b"\xff\xe5\x00\x02" * 3_900_000,
        "lies.webp": webp(16_000_000, 260),
        "large.webp": webp(16383, 16383),
        "lies.gif": b"GIF89a"
        + struct.pack("<HHBBB", 60000, 60000, 0x80, 0, 0)
        + bytes(6)
        + b","
        + struct.pack("<HHHHBB", 0, 0, 60000, 60000, 0, 8),
        "rle.bmp": bmp(14000, 14000, 1, b"\0\0" * 20_000),
        "runs.bmp": bmp(4000, 4000, 1, b"\xff\x01" * 7_000_000),
        "lies.bmp": bmp(100_000, 100_000, 0, b""),
        "lies.tif": tiff(60000, 60000, b""),
        "tile.tif": tiff(100, 100, bytes(100), (322, 2**30), (323, 2**30), (324, 1024), (325, 100)),
        "strips.tif": tiff(13000, 13000, bytes(100), (259, 5)),
        "circle.tif": tiff(10, 10, bytes(100), (330, 8), (34665, 8)),
        "ends_nowhere.tif": b"II*\0" + struct.pack("<IHHHII", 8, 1, 256, 4, 2**32 - 1, 2**31),
        "directories.tif": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
    }
    return made | {
        f"box{i}.heic": struct.pack(">I", size) + b"ftypheic" + bytes(200) for i, size in enumerate((0, 1, 12, 2**31))
    }


def saved(form: str, exif: bytes = b"", size: tuple[int, int] = (40, 30)) -> bytes:
    prepare_pillow()
    buffer = io.BytesIO()
    noise = Image.merge("RGB", [Image.effect_noise(size, sigma) for sigma in (20, 40, 60)])
    noise.save(buffer, form, **({"exif": exif} if exif else {}))
    return buffer.getvalue()


def test_bombs_and_lying_headers(tmp_path: Path) -> None:
    photo = make_photo(tmp_path / "photo.jpg").read_bytes()
    made = bombs(photo)
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
    found = reasons(walk([tmp_path / name for name in made]))
    assert found["lies.png"] == "It has 60000 x 60000 pixels, more than the limit of 200 megapixels."
    for name in ("lies.jpg", "lies.gif", "lies.bmp", "lies.tif", "lies.png"):
        assert "more than the limit of 200 megapixels" in found[name], name
    assert reasons(walk([tmp_path / "photo.jpg"], careful=True)) == {"photo.jpg": ""}


def test_files_cut_short_and_under_other_names(tmp_path: Path) -> None:
    whole = {form: saved(form) for form in (*SMALL, "HEIF", "AVIF")}
    paths, endings = [], ["jpg", "png", "tif", "heic", "dng", "txt"]
    for number, (form, data) in enumerate(whole.items()):
        cuts = sorted({*range(1, 40), *(len(data) * part // 16 for part in range(1, 16)), len(data) - 1})
        for cut in cuts:
            paths.append(tmp_path / f"{form}_{cut}.{endings[number % len(endings)]}")
            paths[-1].write_bytes(data[:cut])
        for ending in endings:
            paths.append(tmp_path / f"{form}_whole.{ending}")
            paths[-1].write_bytes(data)
    found = reasons(walk(paths))
    assert [name for name, reason in found.items() if "whole" in name and reason] == []
    assert all(found[path.name] for path in paths if int("".join(filter(str.isdigit, path.stem)) or 40) < 12)


def test_every_file_of_the_collection(test_data: Path, tmp_path: Path) -> None:
    archive = test_data / "hostile" / "hostile.tar.xz"
    if not archive.is_file():
        pytest.skip("the collection of hostile files is not there")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    paths = sorted(path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink())
    assert len(paths) > 1000
    usual, careful = walk(paths), walk(paths, careful=True)
    differ = [
        (a, b)
        for a, b in zip(usual, careful, strict=True)
        if a.get("reason") != b.get("reason") or a.get("size") != b.get("size")
    ]
    assert differ == []
    offered = [item for item in find_images(tmp_path / "made") if isinstance(item, FoundFile)]
    assert len({item.path for item in offered}) == len(offered) > 40 and "new\nline.jpg" in {
        item.name for item in offered
    }


@pytest.mark.parametrize("form", SMALL)
def test_flipped_bytes(form: str, pictures: PictureReader) -> None:
    data = saved(form)

    @FUZZ
    @given(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), min_size=1, max_size=12))
    def check(flips: list[tuple[int, int]]) -> None:
        broken = bytearray(data)
        for at, value in flips:
            broken[at] = value
        try:
            image, facts = pictures.read(io.BytesIO(bytes(broken)), 20)
        except UnreadableImage as error:
            assert error.user_message.endswith(".")
        else:
            assert image.mode == "RGB" and facts.width * facts.height > 0

    check()


@FUZZ
@given(
    st.sampled_from(["JPEG", "PNG", "WEBP"]),
    st.dictionaries(st.sampled_from([270, 271, 272, 305, 306, 315, 33432]), st.text(max_size=80), max_size=4),
    st.text(max_size=40),
    st.integers(0, 65535),
)
def test_any_text_in_the_metadata(
    pictures: PictureReader, form: str, texts: dict[int, str], taken: str, orientation: int
) -> None:
    exif = Image.Exif()
    for tag, text in texts.items():
        exif[tag] = text
    exif[ExifTags.Base.Orientation] = orientation
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken
    image, facts = pictures.read(io.BytesIO(saved(form, exif.tobytes())))
    assert image.size == ((30, 40) if orientation in (5, 6, 7, 8) else (40, 30)) == (facts.width, facts.height)
    assert image.info == {} and (facts.taken_at is None or facts.taken_at[:4].isdigit())


@FUZZ
@given(
    st.sampled_from(["JPEG", "PNG", "WEBP"]),
    st.binary(max_size=300),
    st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]),
)
def test_any_bytes_as_metadata(pictures: PictureReader, form: str, noise: bytes, start: bytes) -> None:
    """The picture is good: nonsense beside it is not seen."""
    image, _ = pictures.read(io.BytesIO(saved(form, b"Exif\0\0" + start + noise)))
    assert sorted(image.size) == [30, 40]
