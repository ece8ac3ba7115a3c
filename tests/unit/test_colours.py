"""Colours: what a picture's profile says is what is seen, whatever the format; what is sRGB already costs nothing."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from src import colours
from src.pixels import to_rgb
from src.processing.decoding import image_io
from src.processing.decoding.reader import PictureReader

COLOUR = (180, 70, 90)
SPACES = {
    "Display P3": (((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)), 2.2),
    "Adobe RGB": (((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)), 2.19921875),
    "ProPhoto": (((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03135, 0.00009, 0.82491)), 1.8),
}
"""XYZ of red, green and blue as the profiles of these names have them, and their gamma."""
SRGB = np.array(((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))).T


def icc(space: bytes, tags: dict[bytes, bytes], pcs: bytes = b"XYZ ", kind: bytes = b"mntr", more: int = 0) -> bytes:
    """An ICC profile of version 2."""
    at, entries, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        entries += name + struct.pack(">II", at + len(body), len(data))
        body += data.ljust(-(-len(data) // 4) * 4, b"\0")
    body = struct.pack(">I", len(tags)) + entries + body + np.random.default_rng(0).bytes(more)
    head = struct.pack(">I4xI4s4s4s12x4s28x", 128 + len(body), 0x02100000, kind, space, pcs, b"acsp")
    return head + struct.pack(">3i", 63190, 65536, 54061) + bytes(48) + body


def curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def rgb_profile(space: str, more: int = 0) -> bytes:
    columns, gamma = SPACES[space]
    tags = {name: curve(gamma) for name in (b"rTRC", b"gTRC", b"bTRC")}
    for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True):
        tags[name] = b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in column))
    return icc(b"RGB ", tags, more=more)


def grey_profile(gamma: float) -> bytes:
    return icc(b"GRAY", {b"wtpt": b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061), b"kTRC": curve(gamma)})


def press_profile() -> bytes:
    """Of four inks, of which the first is a yellowish green: no guess finds that out."""
    same = bytes(range(256))
    lab = [
        (0, 128, 128) if k else (160, 60, 200) if c else (255, 128, 128)
        for c in (0, 1)
        for _ in range(4)
        for k in (0, 1)
    ]
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    return icc(b"CMYK", {b"A2B0": table + same * 4 + bytes(sum(lab, ())) + same * 3}, b"Lab ", b"prtr")


def seen(name: str, colour: tuple[int, ...] = COLOUR) -> tuple[int, ...]:
    """A colour of a space in sRGB, by the arithmetic of their definitions."""
    columns, gamma = SPACES[name]
    return shown(np.linalg.inv(SRGB) @ np.array(columns).T @ (np.array(colour) / 255) ** gamma)


def shown(light: Any) -> tuple[int, ...]:
    """Shares of sRGB's red, green and blue light as the numbers that stand for them; what it can't show is cut off."""
    clipped = np.clip(light, 0, 1)
    return tuple(
        np.round(255 * np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055)).astype(
            int
        )
    )


def saved(image: Image.Image, form: str, **options: Any) -> io.BytesIO:
    image_io.prepare_pillow()
    buffer = io.BytesIO()
    image.save(buffer, form, **({"quality": 95} if form not in ("PNG", "TIFF") else {}), **options)
    return buffer


def near(image: Image.Image, colour: tuple[int, ...], by: int = 5) -> bool:
    return bool(np.abs(np.asarray(image, np.int16).mean(axis=(0, 1)) - np.array(colour)).max() <= by)


@pytest.fixture(scope="module")
def pictures() -> Iterator[PictureReader]:
    opened = PictureReader()
    yield opened
    opened.close()


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_every_format_is_seen_by_its_profile(pictures: PictureReader, form: str, name: str) -> None:
    wanted = seen(name)
    assert max(abs(a - b) for a, b in zip(wanted, COLOUR, strict=True)) > 12, "else nothing is shown"
    data = saved(Image.new("RGB", (640, 480), COLOUR), form, icc_profile=rgb_profile(name))
    for side in (None, 100):
        image, _ = pictures.read(data, side)
        assert near(image, wanted) and image.info == {}


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "I;16"])
def test_every_mode_is_seen_by_its_profile(mode: str) -> None:
    profile, wanted = rgb_profile("ProPhoto"), seen("ProPhoto")
    picture = Image.new("RGB", (40, 30), COLOUR)
    if mode in ("L", "LA", "I;16"):
        profile, grey = grey_profile(1.0), 64
        wanted = (137,) * 3  # a quarter of white's light
        picture = (
            Image.fromarray(np.full((30, 40), grey * 257, np.uint16))
            if mode == "I;16"
            else Image.new("L", (40, 30), grey)
        )
    picture = picture if mode == "I;16" else picture.quantize(8) if mode == "P" else picture.convert(mode)
    if mode.endswith("A"):
        picture.paste((0,) * len(mode), (20, 0, 40, 30))
    kept = picture.copy()
    picture.info["icc_profile"] = kept.info["icc_profile"] = profile
    for shrink in (1, 2):
        image = to_rgb(picture, shrink)
        assert near(image.crop((0, 0, 18 // shrink, 30 // shrink)), wanted, 2)
        assert not mode.endswith("A") or near(
            image.crop((22 // shrink, 0, 40 // shrink, 30 // shrink)), (255, 255, 255), 0
        )
    assert picture == kept, "what was given stays as it is"


def test_a_grey_picture_with_a_profile_of_colours(pictures: PictureReader) -> None:
    """Programs put the profile they work in into grey pictures too."""
    grey = Image.new("L", (40, 30), 100)
    image, _ = pictures.read(saved(grey, "JPEG", icc_profile=rgb_profile("ProPhoto")))
    assert near(image, seen("ProPhoto", (100, 100, 100)), 2) and not near(image, (100, 100, 100), 4)


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_four_inks_are_seen_by_their_profile(pictures: PictureReader, form: str) -> None:
    ink = Image.new("CMYK", (40, 30), (255, 0, 0, 0))
    image, _ = pictures.read(saved(ink, form, icc_profile=press_profile()))
    height = (160 / 2.55 + 16) / 116
    xyz = np.array([height + (60 - 128) / 500, height, height - (200 - 128) / 200]) ** 3 * (0.9642, 1.0, 0.8249)
    assert near(image, shown(np.linalg.inv(SRGB) @ xyz), 3), image.getpixel((0, 0))
    for paper, wanted in (((0, 0, 0, 0), (255, 255, 255)), ((0, 0, 0, 255), (0, 0, 0))):
        image, _ = pictures.read(saved(Image.new("CMYK", (40, 30), paper), form, icc_profile=press_profile()))
        assert near(image, wanted, 3)


def test_profiles_with_tables_are_applied_in_another_process_and_others_here() -> None:
    opened = PictureReader()
    opened.read(saved(Image.new("RGB", (40, 30)), "JPEG", icc_profile=rgb_profile("Display P3")))
    assert not opened._pool.processes()
    opened.read(saved(Image.new("CMYK", (40, 30)), "JPEG", icc_profile=press_profile()))
    assert opened._pool.processes()
    opened.close()


def test_srgb_costs_nothing() -> None:
    """Under whatever name: most cameras write a profile, and indexing is to be quick."""
    picture = Image.new("RGB", (4, 4), COLOUR)
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    renamed = own.replace("sRGB".encode("utf-16-be"), "XYZZ".encode("utf-16-be"))
    assert renamed != own
    for profile in (None, own, renamed):
        assert colours.to_srgb(picture, profile) is picture
    assert colours.profile_of({}) is None


def test_a_profile_that_makes_no_sense_is_not_seen(pictures: PictureReader) -> None:
    good = rgb_profile("ProPhoto")
    bad = [
        b"x",
        good[:100],
        good[:200],
        bytes(len(good)),
        good[:128] + b"\xff" * 100,
        press_profile(),
        grey_profile(1.0),
    ]
    bad += [good[:16] + b"Lab " + good[20:], good[:12] + b"link" + good[16:], good + bytes(colours.MOST_BYTES)]
    picture = Image.new("RGB", (40, 30), COLOUR)
    for profile in bad:
        image, _ = pictures.read(saved(picture, "PNG", icc_profile=profile))
        assert near(image, COLOUR, 0), profile[:20]
    rng = np.random.default_rng(3)
    for _ in range(200):
        broken = bytearray(good)
        for at in rng.integers(0, len(good), 6):
            broken[at] = rng.integers(256)
        assert colours.to_srgb(picture, bytes(broken)).mode == "RGB"


POINTS = {(12, 13): "Display P3", (12, 1): "Display P3", (1, 13): None, (9, 16): None, (2, 2): None}


@pytest.mark.parametrize(("points", "wanted"), POINTS.items())
@pytest.mark.parametrize("form", ["PNG", "HEIF", "AVIF"])
def test_code_points_in_place_of_a_profile(
    pictures: PictureReader, form: str, points: tuple[int, int], wanted: str | None
) -> None:
    """Phones and browsers write these where they write no profile.

    The brightest reach (PQ) is not handled: its pixels stay.
    """
    picture = Image.new("RGB", (64, 48), COLOUR)
    if form == "PNG":
        chunks = PngInfo()
        chunks.add(b"cICP", bytes([*points, 0, 1]))
        data = saved(picture, form, pnginfo=chunks)
    elif form == "HEIF":
        data = saved(picture, form, color_primaries=points[0], transfer_characteristics=points[1], chroma=444)
    else:
        written, _, rest = saved(picture, form, subsampling="4:4:4").getvalue().partition(b"colrnclx")
        assert rest
        data = io.BytesIO(written + b"colrnclx" + struct.pack(">HH", *points) + rest[4:])
    image, _ = pictures.read(data)
    assert near(image, seen(wanted) if wanted else COLOUR, 6), image.getpixel((0, 0))


def test_a_camera_that_says_adobe_rgb_in_its_exif_alone(pictures: PictureReader) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 1
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ColorSpace] = 65535
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.IFD.Interop] = {1: "R03"}
    picture = Image.new("RGB", (64, 48), COLOUR)
    assert near(pictures.read(saved(picture, "JPEG", exif=exif))[0], seen("Adobe RGB"), 3)
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.IFD.Interop] = {1: "R98"}
    assert near(pictures.read(saved(picture, "JPEG", exif=exif))[0], COLOUR, 3)


def test_the_profiles_of_our_own_making_are_those_of_these_names() -> None:
    picture = Image.new("RGB", (4, 4), COLOUR)
    p3 = colours.profile_of({colours.CODE_POINTS: {"color_primaries": 12, "transfer_characteristics": 13}})
    assert near(colours.to_srgb(picture, colours.adobe_rgb()), seen("Adobe RGB"), 1)
    assert near(colours.to_srgb(picture, p3), seen("Display P3"), 4), "whose gamma is 2.2 about"
    white = Image.new("RGB", (4, 4), "white")
    assert near(colours.to_srgb(white, p3), (255, 255, 255), 0) and near(
        colours.to_srgb(white, colours.adobe_rgb()), (255, 255, 255), 0
    )


# ---------------------------------------------------------------- beside a PNG's picture


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*beside: bytes, after: bytes = b"") -> io.BytesIO:
    """A picture with these chunks before, and after, its pixels."""
    data = saved(Image.new("RGB", (40, 30), COLOUR), "PNG").getvalue()
    at = data.index(b"IDAT") - 4
    return io.BytesIO(data[:at] + b"".join(beside) + data[at:-12] + after + data[-12:])


def text(kind: bytes, size: int) -> bytes:
    """A chunk of text that unpacks to ``size`` bytes."""
    packed = zlib.compress(bytes(size))
    return chunk(
        kind,
        {b"zTXt": b"k\0\0" + packed, b"iTXt": b"XML:com.adobe.xmp\0\1\0\0\0" + packed, b"iCCP": b"p\0\0" + packed}[
            kind
        ],
    )


@pytest.mark.parametrize("size", [1_100_000, 60_000_000])
@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_much_beside_a_png_does_not_spoil_it(pictures: PictureReader, kind: bytes, size: int) -> None:
    for data in (png(text(kind, size)), png(after=text(kind, size)), png(*[text(kind, size)] * 40)):
        image, facts = pictures.read(data)
        assert near(image, COLOUR, 0) and (facts.width, facts.height) == (40, 30)


def test_a_large_profile_of_a_png_counts(pictures: PictureReader) -> None:
    profile = rgb_profile("ProPhoto", more=1_500_000)
    assert near(pictures.read(png(chunk(b"iCCP", b"p\0\0" + zlib.compress(profile))))[0], seen("ProPhoto"), 2)


@pytest.mark.parametrize(
    "beside",
    [
        chunk(b"iCCP", b""),
        chunk(b"iCCP", b"p"),
        chunk(b"iCCP", b"p\0\7" + zlib.compress(b"x")),
        chunk(b"iCCP", b"p\0\0no"),
        chunk(b"zTXt", b"k\0\7" + zlib.compress(b"x")),
        chunk(b"cICP", b"12"),
        chunk(b"eXIf", b"no"),
        chunk(b"tEXt", bytes(30 * 2**20)),
        chunk(b"prVt", bytes(30 * 2**20)),
        chunk(b"tEXt", b"k\0v")[:-4] + b"oops",
        chunk(b"tEXt", b"k\0" + b"v" * 2_000_000) * 40,
    ],
    ids=range(11),
)
def test_nonsense_beside_a_png_does_not_spoil_it(pictures: PictureReader, beside: bytes) -> None:
    for data in (png(beside), png(after=beside)):
        assert near(pictures.read(data)[0], COLOUR, 0)


def test_what_is_kept_of_a_pngs_text_is_bounded(tmp_path: Path) -> None:
    image_io.prepare_pillow()
    many = b"".join(chunk(b"zTXt", b"k%d\0\0" % number + zlib.compress(bytes(1_000_000))) for number in range(200))
    with Image.open(png(many)) as image:
        assert 8_000_000 < sum(len(value) for value in image.info.values() if isinstance(value, str)) < 20_000_000


def test_what_spoils_a_png_still_does(pictures: PictureReader) -> None:
    data = png().getvalue()
    at = data.index(b"IHDR")
    for broken in (data[: at + 17] + b"oops" + data[at + 21 :], data[: data.index(b"IDAT") + 10]):
        with pytest.raises(image_io.UnreadableImage):
            pictures.read(io.BytesIO(broken))
