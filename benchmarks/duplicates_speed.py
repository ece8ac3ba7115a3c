"""How long comparing takes: made-up photos in a catalogue of their own, for ``benchmarks.duplicates``."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.duplicates_sets import thumbnail
from src.database.catalog.catalog import Catalog, ImageRow
from src.database.catalog.duplicates import PrintRow
from src.identity import image_id
from src.processing.duplicates.pdq import TURNS
from src.processing.duplicates.prints import print_of
from src.schema import ImageFacts
from src.services.duplicates.comparing import Comparison
from src.services.duplicates.prints_pass import RECIPE

COLLECTION, DIMENSIONS = "image-made-up", 768
COPIES, SERIES = 0.05, 0.2
"""Shares of photos that are copies of the one before, edited, and that follow it in a series: another picture with a
vector as near as a copy's.
"""
NEW = 1_000
_CENTRES, _BLOCK = 300, 2_000
_SPECTRUM = 1 / (1 + np.arange(DIMENSIONS) / 16)
"""How much vectors differ along each direction: 128 of them have nine tenths of it, as of the built-in model's."""


def measure(number: int, photos: Sequence[Path]) -> dict[str, Any]:
    """Seconds for ``number`` photos from nothing and for NEW more, what was found, and looks taken in a second."""
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(Path(folder) / "catalog.sqlite3")
        catalog.vectors.create(COLLECTION, DIMENSIONS, "library")
        dice = np.random.default_rng(0)
        centres = (dice.standard_normal((_CENTRES, DIMENSIONS)) * _SPECTRUM).astype(np.float32)
        ids = [id_ for some in _blocks(number) for id_ in _forge(catalog, dice, centres, some)]
        first = _seconds(catalog, ids)
        pairs = len(catalog.duplicates.alike())
        new = _forge(catalog, dice, centres, range(number, number + NEW))
        again = _seconds(catalog, new)
        catalog.close()
    return {
        "photos": number,
        "from_nothing_s": round(first, 2),
        "new_photos": NEW,
        "new_s": round(again, 2),
        "pairs_found": pairs,
        "looks_per_s": round(_looks_per_s(photos)),
    }


def _blocks(number: int) -> Iterator[range]:
    return (range(at, min(at + _BLOCK, number)) for at in range(0, number, _BLOCK))


def _seconds(catalog: Catalog, pending: Sequence[str]) -> float:
    started = time.perf_counter()
    for _ in Comparison(catalog, COLLECTION, pending, lambda _: None).run("made-up"):
        pass
    return time.perf_counter() - started


def _looks_per_s(photos: Sequence[Path]) -> float:
    """In one thread, from thumbnails as files."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, photo in enumerate(photos):
            files.append(Path(folder) / f"{number}.jpg")
            with Image.open(photo) as opened:
                thumbnail(opened.convert("RGB")).save(files[-1], "JPEG", quality=58)
        started = time.perf_counter()
        for file in files:
            with Image.open(file) as opened:
                opened.draft("L", (96, 96))
                print_of(opened)
        return len(files) / (time.perf_counter() - started)


# ---------------------------------------------------------------- made-up photos


def _forge(catalog: Catalog, dice: np.random.Generator, centres: npt.NDArray[np.float32], which: range) -> list[str]:
    """Store made-up photos; returns their ids."""
    kinds = dice.random(len(which))
    pixels = [_scene(dice) for _ in which]
    vectors = (
        centres[dice.integers(0, len(centres), len(which))] + dice.standard_normal((len(which), DIMENSIONS)) * _SPECTRUM
    )
    for at in range(1, len(which)):
        if kinds[at] < COPIES:
            pixels[at] = _edited(pixels[at - 1], dice)
        if kinds[at] < COPIES + SERIES:
            vectors[at] = vectors[at - 1] + 0.3 * dice.standard_normal(DIMENSIONS) * _SPECTRUM
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    digests = [hashlib.sha256(b"made up %d" % number).hexdigest() for number in which]
    rows, prints = [], []
    for digest, grey in zip(digests, pixels, strict=True):
        seen = print_of(Image.fromarray(grey))
        id_ = image_id(digest)
        rows.append(ImageRow(id_, digest, ImageFacts(4000, 3000, "JPEG", None), 1_000_000))
        prints.append(PrintRow(id_, seen.hashes.tobytes(), seen.quality, seen.grey.tobytes()))
    found = {row.id: vector for row, vector in zip(rows, vectors.astype(np.float32), strict=True)}
    catalog.commit_batch(COLLECTION, rows, new_vectors=found)
    catalog.duplicates.put_prints(RECIPE, prints)
    return [row.id for row in rows]


def _scene(dice: np.random.Generator) -> npt.NDArray[np.uint8]:
    """(64, 64): as much of each wave as photos have, by chance."""
    waves = dice.standard_normal((20, 20)) / (1 + np.add.outer(np.arange(20), np.arange(20)))
    points = np.cos(np.pi / 64 * np.arange(20)[:, None] * (np.arange(64) + 0.5)[None, :])
    grey = points.T @ waves @ points
    spread: npt.NDArray[np.float64] = (grey - grey.min()) / max(float(np.ptp(grey)), 1e-6) * 235 + 10
    return spread.astype(np.uint8)


def _edited(grey: npt.NDArray[np.uint8], dice: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Turned some way, or a part of it, with a little noise."""
    turn = int(dice.integers(0, len(TURNS) + 4))
    if turn < len(TURNS):
        made = np.array(TURNS[turn](grey.astype(np.float32)))
    else:
        left, top = dice.integers(0, 6, 2)
        part = Image.fromarray(grey).crop((left, top, left + 58, top + 58)).resize((64, 64), Image.Resampling.BILINEAR)
        made = np.asarray(part, np.float32)
    return np.clip(made + dice.normal(0, 2, made.shape), 0, 255).astype(np.uint8)
