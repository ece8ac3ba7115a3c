"""Files on their way, for a day: exports that are offered as downloads, and vectors that were sent."""

from __future__ import annotations

import re
import time
import uuid
from contextlib import suppress
from pathlib import Path

from src.config import Settings
from src.errors import LibraryUnusable
from src.identity import UUID_PATTERN

KEPT_S = 24 * 3600
"""Seconds that a file is kept."""
_OURS = re.compile(rf"{UUID_PATTERN}\.(zip|npz)")


class ExportShelf:
    """Removes nothing but files with the names that it gives."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.exports_dir

    def place(self, suffix: str = ".zip") -> Path:
        """Where a new export, or ``.npz`` that is sent, is to be written. Raises LibraryUnusable."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise LibraryUnusable(f"{self._folder} can't be made ({error.strerror or error}).") from error
        return self._folder / f"{uuid.uuid4()}{suffix}"

    def file(self, place: str) -> Path | None:
        """The path that ``place`` gave; None for any other."""
        path = Path(place)
        return path if path.parent == self._folder and _OURS.fullmatch(path.name) else None

    def take_away(self, place: Path) -> None:
        """Remove a file that is needed no more, where it is one of the shelf's."""
        file = self.file(str(place))
        if file is not None:
            with suppress(OSError):
                file.unlink()

    def clean(self) -> None:
        """Remove what was written longer ago than files are kept."""
        with suppress(OSError):
            for file in self._folder.iterdir():
                if _OURS.fullmatch(file.name) and file.lstat().st_mtime < time.time() - KEPT_S:
                    file.unlink(missing_ok=True)
