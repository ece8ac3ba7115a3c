"""How paths of followed folders and of what is in them are spelled: each place has one path, however one came to it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from src.processing.discovery import looks_into
from src.text import folded


def inside(path: bytes, folder: bytes) -> bool:
    """Whether ``path`` is ``folder`` or in it."""
    separator = os.fsencode(os.sep)
    return path == folder or path.startswith(folder.rstrip(separator) + separator)


def nearest(path: Path, followed: Sequence[Path]) -> Path | None:
    """The innermost followed folder that a path is in."""
    around = [folder for folder in followed if path.is_relative_to(folder)]
    return max(around, key=lambda folder: len(folder.parts), default=None)


def known_as(path: Path, followed: Sequence[Path]) -> Path:
    """The path under which the library knows, or would know, what is at an absolute ``path``.

    A link to a followed folder, another spelling of its name and the folder that it is a link to are that folder, and
    so are the places in it. Anything else is known as it was given.
    """
    around = nearest(path, followed)
    if around is not None:
        return _below(around, path.relative_to(around))
    if "\0" in str(path):
        return path
    for start in dict.fromkeys((path, Path(os.path.realpath(path)))):
        for above in (start, *start.parents):
            folder = next((folder for folder in followed if same_folder(above, folder)), None)
            if folder is not None:
                return _below(folder, start.relative_to(above))
    return path


def same_folder(one: Path, other: Path) -> bool:
    """Whether two paths lead to one folder; False where that can't be told."""
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return False


def _below(folder: Path, rest: Path) -> Path:
    """A place in a followed folder as a scan comes to it: names as stored, and no links back into the folder."""
    if not rest.parts:
        return folder
    place = folder
    for name in rest.parts:
        place /= _spelling(place, name)
    if not os.path.isdir(place):
        return _below(folder, place.parent.relative_to(folder)) / place.name
    real, real_folder = Path(os.path.realpath(place)), Path(os.path.realpath(folder))
    if real.is_relative_to(real_folder) and looks_into(real_folder, real):
        return folder / real.relative_to(real_folder)
    return place


def _spelling(folder: Path, name: str) -> str:
    """A name as it is stored in the folder, which may not tell capitals or forms of accents apart."""
    try:
        names = os.listdir(folder)
    except OSError:
        return name
    if name in names or not os.path.lexists(folder / name):
        return name
    return next((other for other in names if folded(other) == folded(name)), name)
