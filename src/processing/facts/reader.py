"""Facts of photo files for whoever asks: by path, with what lies beside the file."""

from __future__ import annotations

import os
from pathlib import Path

from src import originals
from src.errors import UnreadableImage
from src.processing.facts.beside import Beside
from src.processing.facts.formats import read_header
from src.processing.facts.iptc import in_iptc
from src.processing.facts.merge import Sources, merged
from src.processing.facts.xmp_told import in_xmp
from src.schema.facts import PhotoFacts
from src.versioned_cache import Kept

FOLDERS_KEPT = 16
"""Folders whose lists of sidecars are kept: photos of one folder mostly come one after the other."""


class FactsReader:
    """Reads the facts of photo files, for any number of threads.

    Nothing is decoded, and nothing is kept open.
    """

    def __init__(self) -> None:
        self._folders: Kept[Beside] = Kept(FOLDERS_KEPT)

    def read(self, path: Path) -> PhotoFacts:
        """The facts of one photo, from its header and the files beside it.

        What makes no sense counts as absent. Raises UnreadableImage, with the reason in one sentence, where
        the file can't be opened, is no picture in a format that is read, or is damaged in its first bytes.
        """
        try:
            with originals.open_picture(path) as file:
                header = read_header(file, path.suffix)
        except OSError as error:
            raise _refusal(error) from error
        except ValueError as error:
            raise UnreadableImage("That is no path: it holds a NUL character.") from error
        beside = self.beside(path.parent)
        own = Sources(
            header.exif,
            in_xmp(header.xmp),
            in_iptc(header.iptc),
            beside.sidecars(path.name),
            beside.takeout(path.name),
        )
        return merged(PhotoFacts(width=header.width, height=header.height, format=header.format), own)

    def beside(self, folder: Path) -> Beside:
        """What lies in a folder beside its photos; looked through anew where files came or went since."""
        try:
            changed = os.stat(folder).st_mtime_ns
        except (OSError, ValueError):
            changed = 0
        return self._folders.get(folder, changed, lambda: Beside(folder))


def _refusal(error: OSError) -> UnreadableImage:
    if isinstance(error, PermissionError):
        return UnreadableImage("There is no permission to read it.")
    return UnreadableImage(f"It can't be read: {error.strerror or error}.")
