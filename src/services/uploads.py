"""Uploads: bytes from the browser kept as files of the library, named by image id, until they are indexed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from src.config import Settings
from src.errors import LibraryUnusable
from src.processing.image_io import EXTENSIONS, image_id
from src.schema import FoundFile

MAX_FILES = 200
MAX_BYTES = 500_000_000
"""Above either, a page asks for the folder way: uploads pass through memory, folders don't."""


class UploadStore:
    """Writes uploads to ``data/uploads`` as ``<image id><extension>``; the original name travels beside."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.uploads_dir

    def save(self, name: str, data: bytes | memoryview) -> FoundFile:
        """Store one upload and say where. The same bytes twice are one file. Raises LibraryUnusable where it can't be written."""
        suffix = Path(name).suffix.lower()
        target = self._folder / (image_id(hashlib.sha256(data).hexdigest()) + (suffix if suffix in EXTENSIONS else ""))
        found = FoundFile(target, Path(name).name or "upload", uploaded=True)
        if target.exists():
            return found
        part = target.with_name(target.name + ".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, target)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise LibraryUnusable(
                f"{found.name} could not be stored ({error.strerror or error}).", f"Check the space on the disk that holds {self._folder}."
            ) from error
        return found

    def left_over(self, known: Collection[bytes]) -> list[FoundFile]:
        """Uploads that were stored before the program ended in the middle of an upload; half-written ones are deleted.

        known: paths that the catalogue has, ``os.fsencode``'d. Their original names are lost, so they go by their stored ones.
        """
        files = sorted(self._folder.iterdir()) if self._folder.is_dir() else []
        for part in (file for file in files if file.suffix == ".part"):
            part.unlink(missing_ok=True)
        return [FoundFile(file, file.name, uploaded=True) for file in files if file.suffix != ".part" and os.fsencode(file) not in known]


def as_params(found: list[FoundFile]) -> list[dict[str, Any]]:
    """Files as JSON values for a job row; undecodable path bytes survive as escapes."""
    return [{"path": str(item.path), "name": item.name, "uploaded": item.uploaded} for item in found]


def from_params(params: list[dict[str, Any]]) -> list[FoundFile]:
    return [FoundFile(Path(item["path"]), item["name"], item["uploaded"]) for item in params]
