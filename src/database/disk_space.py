"""Whether a disk has room, asked before something is written that must not be left half-done."""

from __future__ import annotations

import shutil
from pathlib import Path

from src.errors import LibraryUnusable

MARGIN = 64_000_000
"""Bytes that stay free: for the catalogue's log, the next thumbnails, and whatever else writes to the disk."""


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write to the disk of a folder, which need not exist yet. Raises OSError."""
    existing = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    return shutil.disk_usage(existing).free


def check_space(folder: Path, needed: int, what: str = "the library") -> None:
    """Raise LibraryUnusable unless the disk of ``folder`` has ``needed`` bytes and the margin; it says both figures."""
    free = free_bytes(folder)
    if free < needed + MARGIN:
        have, want = (f"{number / 1e6:,.0f} MB" for number in (free, needed + MARGIN))
        raise LibraryUnusable(
            f"The disk is nearly full: {have} are free, {want} are needed for {what}.",
            f"Free some space on the disk that holds {folder}, then start it again: nothing that was done is lost.",
        )


def disk_is_full(folder: Path) -> LibraryUnusable:
    """What is said where the disk of ``folder`` took no more."""
    return LibraryUnusable(
        "The disk is full; nothing more was stored.", f"Free some space on the disk that holds {folder}."
    )


def index_bytes(vectors: int, dimensions: int) -> int:
    """What the search index takes for so many vectors: their numbers, and 1,000 bytes each besides."""
    return vectors * (4 * dimensions + 1_000)
