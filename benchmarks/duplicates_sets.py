"""Pictures for ``benchmarks.duplicates``: photos and what is done to them, pairs that only look alike, and what the
product and its rivals see of each.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageEnhance, ImageFont

from src.processing.duplicates.prints import print_of
from src.processing.thumbnails import QUALITY, SIDE, shrunk
from src.schema import Embedder

CROP = 0.9
"""Of width and height that a crop keeps, at a place drawn by chance."""
VERSION = "1"
"""Of the edits: another one makes them anew."""
_BATCH = 64

Edit = Callable[[Image.Image, random.Random], Image.Image]


def _crop(picture: Image.Image, dice: random.Random) -> Image.Image:
    width, height = round(picture.width * CROP), round(picture.height * CROP)
    left, top = dice.randint(0, picture.width - width), dice.randint(0, picture.height - height)
    return picture.crop((left, top, left + width, top + height))


def _watermark(picture: Image.Image, _: random.Random) -> Image.Image:
    layer = Image.new("RGBA", picture.size)
    font = ImageFont.load_default(max(12, picture.width // 8))
    place = (picture.width // 2, picture.height // 2)
    ImageDraw.Draw(layer).text(place, "SAMPLE", font=font, fill=(255, 255, 255, 140), anchor="mm")
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


EDITS: Mapping[str, tuple[Edit, int]] = {
    "resize": (lambda picture, _: picture.resize((max(1, picture.width // 2), max(1, picture.height // 2))), 90),
    "jpeg 40": (lambda picture, _: picture, 40),
    "crop 10 %": (_crop, 90),
    "flip": (lambda picture, _: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 90),
    "turn 90": (lambda picture, _: picture.transpose(Image.Transpose.ROTATE_90), 90),
    "grey": (lambda picture, _: picture.convert("L").convert("RGB"), 90),
    "brightness": (lambda picture, _: ImageEnhance.Brightness(picture).enhance(1.3), 90),
    "watermark": (_watermark, 90),
}
"""Name -> what is done, and the quality of the JPEG that it is saved as."""


@dataclass(frozen=True)
class Pictures:
    """n pictures. ``names``: of the photo that each is of, ``edits``: what was done to it, empty for itself."""

    names: tuple[str, ...]
    edits: tuple[str, ...]
    hashes: npt.NDArray[np.uint8]
    """(n, 8, 32)."""
    quality: npt.NDArray[np.int64]
    greys: npt.NDArray[np.uint8]
    """(n, 32, 32)."""
    vectors: npt.NDArray[np.float16]
    phash: npt.NDArray[np.uint64]
    sizes: npt.NDArray[np.int64]
    """(n, 3): width, height, bytes."""


def joined(parts: Sequence[Pictures]) -> Pictures:
    """All of them."""
    arrays = ("hashes", "quality", "greys", "vectors", "phash", "sizes")
    together = {name: np.concatenate([getattr(part, name) for part in parts]) for name in arrays}
    names = tuple(name for part in parts for name in part.names)
    return Pictures(names, tuple(edit for part in parts for edit in part.edits), **together)


def edited(files: Sequence[Path], embedder: Embedder, label: str) -> Pictures:
    """Photos, each followed by its edits."""
    wanted = [(file.name, file, edit) for file in files for edit in ("", *EDITS)]
    return _kept(wanted, embedder, label)


def as_they_are(files: Sequence[tuple[str, Path]], embedder: Embedder, label: str) -> Pictures:
    """Pictures under the name of what they are of."""
    return _kept([(name, file, "") for name, file in files], embedder, label)


def groups(folder: Path) -> list[dict[str, Any]]:
    """Of dups/groups.jsonl: files, level and what they are."""
    lines = (folder / "dups" / "groups.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def same_class(folder: Path, number: int) -> list[tuple[Path, Path]]:
    """Pairs of photos of ``labelled`` that have one sentence, each of another sentence or place among its photos."""
    by_sentence: dict[str, list[Path]] = {}
    for line in (folder / "labelled" / "captions.jsonl").read_text(encoding="utf-8").splitlines():
        said = json.loads(line)
        by_sentence.setdefault(said["captions"][0], []).append(folder / "labelled" / said["file"])
    several = [files for _, files in sorted(by_sentence.items()) if len(files) > 1]
    dice = random.Random(0)
    dice.shuffle(several)
    return [tuple(dice.sample(several[at % len(several)], 2)) for at in range(number)]  # type: ignore[misc]


# ---------------------------------------------------------------- what is seen of them


def _kept(wanted: Sequence[tuple[str, Path, str]], embedder: Embedder, label: str) -> Pictures:
    """Made once, and kept in a temporary folder for the next run."""
    said = json.dumps([[str(file), edit] for _, file, edit in wanted]) + VERSION + embedder.space
    place = Path(tempfile.gettempdir()) / "mfe-benchmark-duplicates"
    place.mkdir(exist_ok=True)
    file = place / f"{label}-{hashlib.sha256(said.encode()).hexdigest()[:16]}.npz"
    if not file.exists():
        arrays = _seen(wanted, embedder)
        with file.with_suffix(".part").open("wb") as opened:
            np.savez(opened, **arrays)
        file.with_suffix(".part").replace(file)
    names = tuple(name for name, *_ in wanted)
    with np.load(file) as found:
        return Pictures(names, tuple(edit for *_, edit in wanted), **{name: found[name] for name in found})


def _seen(wanted: Sequence[tuple[str, Path, str]], embedder: Embedder) -> dict[str, npt.NDArray[Any]]:
    parts = []
    with ThreadPoolExecutor(2) as pool:
        for at in range(0, len(wanted), _BATCH):
            rows = list(pool.map(lambda one: _one(*one, embedder), wanted[at : at + _BATCH]))
            columns = [np.stack(column) for column in zip(*rows, strict=True)]
            columns[3] = embedder.encode_pixels(columns[3]).astype(np.float16)
            parts.append(columns)
    names = ("hashes", "quality", "greys", "vectors", "phash", "sizes")
    return {name: np.concatenate([part[number] for part in parts]) for number, name in enumerate(names)}


def _one(name: str, file: Path, edit: str, embedder: Embedder) -> Iterator[Any]:
    with Image.open(file) as opened:
        picture, size = opened.convert("RGB"), file.stat().st_size
    if edit:
        change, quality = EDITS[edit]
        picture, size = saved(change(picture, random.Random(name)), quality)
    seen = print_of(thumbnail(picture))
    sizes = np.array([*picture.size, size])
    return iter((seen.hashes, np.int64(seen.quality), seen.grey, embedder.preprocess(picture), phash(picture), sizes))


def saved(picture: Image.Image, quality: int) -> tuple[Image.Image, int]:
    """A picture as it comes back from a JPEG, and the bytes of that."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB"), file.tell()


def thumbnail(picture: Image.Image) -> Image.Image:
    """As the library keeps one."""
    return saved(shrunk(picture, SIDE, Image.Resampling.HAMMING), QUALITY)[0]


def phash(picture: Image.Image) -> np.uint64:
    """The 64-bit perceptual hash that most tools use: of 32 x 32 brightnesses the 8 x 8 slowest waves of the cosine
    transform, each against their median, the constant one left out of it.
    """
    grey = np.asarray(picture.convert("L").resize((32, 32), Image.Resampling.LANCZOS), np.float64)
    waves, points = np.arange(8)[:, None], np.arange(32)[None, :]
    transform = np.cos(np.pi / 64 * waves * (2 * points + 1))
    slow = transform @ grey @ transform.T
    return np.packbits(slow > np.median(slow.ravel()[1:])).view(">u8")[0].astype(np.uint64)
