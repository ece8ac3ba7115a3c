"""Finding picture files under a path, in a stable order, without walking in circles."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import unquote, urlparse

from src import originals
from src.errors import UnreadableImage, UnreadablePath
from src.processing.image_io import display_text, looks_like_image
from src.schema import FoundFile, Skipped

HIDDEN = (".", "@eaDir", "$RECYCLE.BIN")
"""Beginnings of names that a scan leaves out: hidden files, a NAS's own thumbnails, a Windows recycle bin."""


def parse_path(text: str) -> Path:
    """What a person typed or pasted as a path: ``~``, quotes around it and ``file://`` are understood.

    Raises UnreadablePath where nothing was typed.
    """
    cleaned = text.strip().strip("'\"").strip()
    if not cleaned:
        raise UnreadablePath("No folder was given.", "Type its path, such as ~/Pictures.")
    if cleaned.lower().startswith("file:"):
        cleaned = unquote(urlparse(cleaned).path)
        if re.match(r"/[A-Za-z]:", cleaned):  # file:///C:/Users/... on Windows
            cleaned = cleaned[1:]
    return Path(cleaned).expanduser().absolute()


def find_images(path: Path, leave_out: Collection[Path] = ()) -> Iterator[FoundFile | Skipped]:
    """Every picture file at or under ``path``, folders in name order; hidden files and folders are left out, and those of ``leave_out``.

    A file given directly is always offered. A sub-folder that may not be read is a Skipped.
    Raises UnreadablePath where ``path`` itself does not exist or may not be read.
    """
    check_readable(path)
    if path.is_dir():
        yield from _walk(path, {folder.resolve() for folder in leave_out})
    else:
        yield FoundFile(path, _name(path))


def check_readable(path: Path) -> None:
    """Raise UnreadablePath where there is nothing at ``path`` or it may not be read. Looks no further than that."""
    try:
        if path.is_dir():
            os.scandir(path).close()
        else:
            originals.open_regular(path, sys.maxsize).close()
    except UnreadableImage as error:
        raise UnreadablePath(f"{display_text(path)} is neither a folder nor a file.") from error
    except OSError as error:
        raise UnreadablePath(_why(path, error)) from error


def _walk(top: Path, leave_out: set[Path]) -> Iterator[FoundFile | Skipped]:
    """Depth first, each real folder once (a link back up is not followed again)."""
    waiting, seen = [top], set[tuple[int, int]]()
    while waiting:
        folder = waiting.pop()
        try:
            stat = folder.stat()
            if (stat.st_dev, stat.st_ino) in seen or (leave_out and folder.resolve() in leave_out):
                continue
            seen.add((stat.st_dev, stat.st_ino))
            with os.scandir(folder) as listing:
                entries = sorted((e for e in listing if not e.name.startswith(HIDDEN)), key=lambda entry: entry.name)
        except OSError as error:
            yield Skipped(display_text(folder), _why(folder, error))
            continue
        folders = [Path(entry.path) for entry in entries if _is_folder(entry)]
        waiting.extend(reversed(folders))
        files = (Path(entry.path) for entry in entries if _is_file(entry))
        yield from (FoundFile(file, _name(file)) for file in files if looks_like_image(file))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    """A regular file, or a link to one: never a pipe or a device, which would block."""
    try:
        return entry.is_file()
    except OSError:
        return False


def _name(path: Path) -> str:
    return display_text(Path(path.name))


def _why(path: Path, error: OSError) -> str:
    shown = display_text(path)
    if isinstance(error, PermissionError):
        return f"There is no permission to read {shown}."
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return f"There is no file or folder {shown}."
    return f"{shown} can't be read: {error.strerror or error}."
