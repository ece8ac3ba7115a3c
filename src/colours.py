"""Colours as everybody sees them: pictures that say in which colours their numbers are meant, brought to sRGB.

An ICC profile says so, a pair of code points (ITU-T H.273) in HEIF, AVIF and PNG, or a camera's EXIF. sRGB is what
models are trained on, what thumbnails are shown in, and what a file without any of these is taken for.
"""

from __future__ import annotations

import hashlib
import io
import struct
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

MOST_BYTES = 4 * 2**20
"""Of a profile; those of presses have up to 3 MB. A larger one counts as none."""
CODE_POINTS = "nclx_profile"
"""Under this name pillow-heif tells a picture's code points, and so do we for other formats."""
_NEAR = 2
"""Of 255: a profile that moves no colour by more is sRGB's under whatever name, and costs nothing."""
_KEPT = 32
"""Transforms that are remembered. Most libraries have three or four profiles."""

_SPACES = {"RGB": b"RGB ", "L": b"GRAY", "CMYK": b"CMYK"}
_DISPLAY_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_BT2020 = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
_ADOBE_RGB = ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060))
"""x and y of red, green and blue. White is that of sRGB in all of them."""
_BY_CODE = {9: _BT2020, 12: _DISPLAY_P3}
_SRGB_CURVES = (1, 6, 13, 14, 15)
"""Code points of sRGB's transfer curve, and of the cameras' that are shown by it. PQ and HLG (16, 18), which reach
beyond white, are not among them: such a picture stays as its decoder gives it."""
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_ADOBE_CURVE = (563 / 256, 1.0, 0.0, 0.0, 0.0)
_WHITE, _D50 = (0.3127, 0.3290), np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

Matrix = npt.NDArray[np.float64]


def profile_of(info: Mapping[Any, Any]) -> bytes | None:
    """The ICC profile that a picture's pixels are meant by, from what was read beside them; None for sRGB or none."""
    points = info.get(CODE_POINTS)
    if isinstance(points, Mapping) and points.get("transfer_characteristics") in _SRGB_CURVES:
        primaries = _BY_CODE.get(points.get("color_primaries", 0))
        if primaries:
            return _made(primaries, _SRGB_CURVE)
    profile = info.get("icc_profile")
    return profile if isinstance(profile, bytes) and 0 < len(profile) <= MOST_BYTES else None


def adobe_rgb() -> bytes:
    """The profile of what cameras call Adobe RGB and mark in EXIF alone."""
    return _made(_ADOBE_RGB, _ADOBE_CURVE)


def code_points(data: bytes) -> dict[str, int]:
    """Code points as PNG and AVIF store them, one or two bytes each -> as ``profile_of`` reads them."""
    primaries, transfer = struct.unpack_from(">HH" if len(data) > 4 else ">BB", data)
    return {"color_primaries": primaries, "transfer_characteristics": transfer}


def is_plain(profile: bytes | None) -> bool:
    """Whether a profile is quickly applied whatever it holds: a curve for each colour and no tables."""
    if profile is None:
        return True
    tags = {profile[at : at + 3] for at in range(132, min(len(profile), 132 + 12 * 100), 12)}
    return len(profile) < 2**16 and profile[16:20] in (b"RGB ", b"GRAY") and tags.isdisjoint((b"A2B", b"D2B"))


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """An 8-bit picture in sRGB: RGB, or RGBA where it has transparency; itself where nothing is to be done.

    The picture is RGB, L or CMYK, with or without transparency. Colours that sRGB has stay what they are, black stays
    black, others become the nearest (relative colorimetric with black point compensation). A profile that is broken, or
    of another kind of colours than the picture's, counts as none.
    """
    if profile is None:
        return image
    transparent, space = image.mode in ("RGBA", "LA"), profile[16:20]
    colours = image.convert(image.mode[:-1]) if transparent else image
    if colours.mode == "YCbCr" or (colours.mode == "L" and space == b"RGB "):
        colours = colours.convert("RGB")
    transform = _TRANSFORMS.of(profile, colours.mode) if space == _SPACES.get(colours.mode) else None
    if transform is None:
        return image
    changed: Image.Image = transform.apply(colours)
    if transparent:
        changed.putalpha(image.getchannel("A"))
    return changed


class _Transforms:
    """From a profile's colours to sRGB, remembered by the profile's content."""

    def __init__(self) -> None:
        self._kept: dict[tuple[bytes, str], Any] = {}
        self._lock = threading.Lock()

    def of(self, profile: bytes, mode: str) -> Any:
        """None where there is none or it would change nothing that is seen."""
        key = (hashlib.sha256(profile).digest(), mode)
        with self._lock:
            if key not in self._kept:
                if len(self._kept) >= _KEPT:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = _transform(profile, mode)
            return self._kept[key]


_TRANSFORMS = _Transforms()


def _transform(profile: bytes, mode: str) -> Any:
    from PIL import ImageCms

    try:
        source, target = (
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
        )
        intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
        transform = ImageCms.ImageCmsTransform(source, target, mode, "RGB", intent, flags=flags)
        sample = _sample(mode)
        before, after = (np.asarray(picture.convert("RGB"), np.int16) for picture in (sample, transform.apply(sample)))
    except (OSError, ValueError, TypeError, RuntimeError):
        return None
    return transform if mode == "CMYK" or np.abs(before - after).max() > _NEAR else None


def _sample(mode: str) -> Image.Image:
    """Colours from all over a mode, or one where it is not to be compared with sRGB."""
    if mode != "RGB":
        return Image.linear_gradient("L") if mode == "L" else Image.new(mode, (1, 1))
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    return Image.fromarray(np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3))


# ---------------------------------------------------------------- profiles of our own making


@cache
def _made(primaries: tuple[tuple[float, float], ...], curve: tuple[float, ...]) -> bytes:
    """An ICC profile (version 4) of three colours and one curve for all of them."""
    columns = _adapted() @ _xyz(primaries)
    parts = [b"XYZ " + bytes(4) + _fixed(*column) for column in columns.T]
    parts.append(b"para" + bytes(4) + struct.pack(">HH", 3, 0) + _fixed(*curve))
    names, at, entries = (b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"), 128 + 4 + 6 * 12, b""
    for number, name in enumerate(names):
        part = min(number, 3)
        entries += name + struct.pack(">II", at + sum(map(len, parts[:part])), len(parts[part]))
    body = struct.pack(">I", len(names)) + entries + b"".join(parts)
    head = struct.pack(">I4sI4s4s4s12x4s28x", 128 + len(body), bytes(4), 0x04300000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return head + _fixed(*_D50) + bytes(48) + body


def _fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def _xyz(primaries: tuple[tuple[float, float], ...]) -> Matrix:
    """(3, 3): XYZ of red, green and blue in its columns, which add up to white."""
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in primaries]).T
    scaled: Matrix = columns * np.linalg.solve(columns, _white())
    return scaled


def _white() -> Matrix:
    x, y = _WHITE
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _adapted() -> Matrix:
    """(3, 3): what the eye makes of sRGB's white, XYZ -> XYZ under the white of profiles."""
    change = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ _white()))
    adapted: Matrix = np.linalg.inv(_BRADFORD) @ change @ _BRADFORD
    return adapted
