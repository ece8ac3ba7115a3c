"""The folders of this computer, one level at a time, for somebody who looks for one with the mouse."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from src.errors import UnreadablePath
from src.processing.decoding.image_io import display_text

MOST = 500
"""Folders of a level that are listed."""
_USUAL = ("Pictures", "Desktop", "Downloads")
_MOUNTS = ("media", "run/media", "mnt", "Volumes")
"""Below ``/``: where drives are mounted, those of a user one level further down."""
_OWN = 2


@dataclass(frozen=True)
class Level:
    """A folder and what is in it."""

    folder: Path
    above: Path | None
    inside: tuple[Path, ...]
    """Its sub-folders by name; hidden ones, whose names begin with a dot, are left out."""
    more: bool
    """Whether there are more than are listed."""


def level(folder: Path) -> Level:
    """Raises UnreadablePath where the folder can't be looked into."""
    try:
        with os.scandir(folder) as entries:
            inside = sorted((entry.name for entry in entries if _is_shown(entry)), key=str.casefold)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreadablePath(f"{display_text(folder)} can't be looked into ({reason}).", "Choose another.") from error
    above = folder.parent if folder.parent != folder else None
    return Level(folder, above, tuple(folder / name for name in inside[:MOST]), len(inside) > MOST)


def starts() -> list[tuple[str, Path]]:
    """Where one may begin to look, each with a name: the user's own folders, the drives, and the whole computer."""
    home = Path.home()
    found = [("Home", home), *((name, home / name) for name in _USUAL)]
    found += [(place.name or str(place), place) for place in _drives()]
    if os.name == "posix":
        found.append(("Computer", Path("/")))
    return [(name, place) for name, place in found if os.path.isdir(place)]


def _drives() -> Iterator[Path]:
    if os.name == "nt":
        yield from (Path(f"{letter}:\\") for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if os.path.isdir(f"{letter}:\\"))
        return
    for place in (Path("/", name) for name in _MOUNTS):
        yield from _mounted(place, _OWN)


def _mounted(place: Path, depth: int) -> Iterator[Path]:
    """Folders below a place at which another file system is mounted."""
    try:
        inside = level(place).inside
    except UnreadablePath:
        return
    for one in inside:
        if os.path.ismount(one):
            yield one
        elif depth > 1:
            yield from _mounted(one, depth - 1)


def _is_shown(entry: os.DirEntry[str]) -> bool:
    try:
        return not entry.name.startswith(".") and entry.is_dir()
    except OSError:
        return False
