"""Moving one of the user's own files to the system's bin: the only thing here that takes a file of theirs away.

Off unless a setting allows it, and asked for file by file. The system's bin gives it back.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from src.config import Settings
from src.database.catalog.catalog import Catalog
from src.database.catalog.duplicates import FileOfImage
from src.errors import BadInput, UnreadablePath
from src.text import shown

KEPT = "It stays where it is."


class SystemBin:
    """offered: whether the setting allows it."""

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self.offered = settings.system_bin
        self._own = [settings.data_dir, settings.chroma_dir]
        self._catalog = catalog

    def move(self, image_id: str, path_text: str) -> None:
        """Move a photo's file to the system's bin, and note that it is not there any more. path_text: as it is shown.

        Raises BadInput for what is no original outside of the library's own folders, or has changed since it was last
        looked at; UnreadablePath where it is gone, or the system does not take it. Then nothing was changed.
        """
        if not self.offered:
            raise BadInput("Files are not moved to the system's bin.", "MFE_SYSTEM_BIN=on allows it.")
        file = self._file(image_id, path_text)
        place = Path(os.fsdecode(file.path))
        self._refuse_own(file, place)
        _refuse_changed(file, place)
        _send(place)
        self._catalog.files.lose([file.path])

    def _file(self, image_id: str, path_text: str) -> FileOfImage:
        known = self._catalog.duplicates.files_of([image_id]).get(image_id, [])
        found = [file for file in known if file.path_text == path_text]
        if len(found) != 1:
            raise BadInput("The library does not know of such a file.", "Look at the folder again.")
        return found[0]

    def _refuse_own(self, file: FileOfImage, place: Path) -> None:
        folder = place.parent.resolve()
        if file.uploaded or any(folder.is_relative_to(own.resolve()) for own in self._own):
            raise BadInput("This file is the library's own copy.", "Remove the photo instead.")


def _refuse_changed(file: FileOfImage, place: Path) -> None:
    try:
        found = place.lstat()
    except OSError as error:
        raise UnreadablePath(f"{shown(file.path_text)} is not there any more ({error.strerror}).") from error
    if not stat.S_ISREG(found.st_mode) or found.st_mtime_ns != file.mtime_ns:
        text = f"{shown(file.path_text)} has changed since the library looked at it."
        raise BadInput(text, f"{KEPT} Look at the folder again.")


def _send(place: Path) -> None:
    from send2trash import send2trash  # what it needs of the system is looked for when it is imported

    try:
        send2trash(str(place))
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "the system has no bin there"
        raise UnreadablePath(f"{shown(str(place))} can't be moved to the system's bin ({reason}).", KEPT) from error
    if place.exists():
        raise UnreadablePath(f"{shown(str(place))} was not moved to the system's bin.", KEPT)
