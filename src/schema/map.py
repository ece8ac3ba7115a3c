"""The map of a library, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MapTold:
    """clusters: names with numbers of photos, the largest first. alone: photos in none. waiting: photos without a place
    so far. landmarks: those that were laid out, by which all others were placed.
    """

    photos: int
    landmarks: int
    waiting: int
    clusters: tuple[tuple[str, int], ...]
    alone: int
