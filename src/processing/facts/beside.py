"""The files beside a photo that tell of it: XMP sidecars of both namings, and Google Takeout's JSON."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from src.plain_files import open_plain
from src.processing.facts import takeout
from src.processing.facts.header import XMP_BYTES
from src.processing.facts.told import NOTHING, Told
from src.processing.facts.xmp_told import in_xmp

MOST_TITLES = 5000
"""JSON files of one folder that are opened to look for a photo by its title."""
_XMP, _JSON = ".xmp", ".json"


class Beside:
    """One folder, looked through once for what tells of the photos in it."""

    def __init__(self, folder: Path) -> None:
        """Where the folder can't be looked through, there is nothing in it."""
        self._folder = folder
        xmp, json = [], []
        try:
            with os.scandir(folder) as listing:
                for entry in listing:
                    ending = entry.name[-5:].casefold()
                    if ending.endswith(_XMP):
                        xmp.append(entry.name)
                    elif ending == _JSON:
                        json.append(entry.name)
        except (OSError, ValueError):
            pass
        self._xmp = {name.casefold(): name for name in sorted(xmp, reverse=True)}
        self._takeout = takeout.Names(json)

    def sidecars(self, photo: str) -> tuple[Told, ...]:
        """What the ``.xmp`` files of a photo tell.

        The one with its full name (``IMG_1.jpg.xmp``) comes before that with its stem (``IMG_1.xmp``).
        """
        if not self._xmp:
            return ()
        names = filter(None, map(self._xmp.get, _sidecar_names(photo)))
        return tuple(in_xmp(self._read(name, XMP_BYTES)) for name in names)

    def takeout(self, photo: str) -> Told:
        """What Google Takeout's JSON of a photo tells."""
        name = self._json(photo)
        return takeout.in_takeout(self._read(name, takeout.JSON_BYTES)) if name else NOTHING

    def paths(self, photo: str) -> tuple[Path, ...]:
        """The files that were found for a photo, whether or not they can be read.

        Where one of them changes, comes or goes, the photo's facts are to be read anew.
        """
        names = [*map(self._xmp.get, _sidecar_names(photo)), self._json(photo)]
        return tuple(self._folder / name for name in names if name)

    def _json(self, photo: str) -> str | None:
        """The JSON of a photo: by its name, else by the title in it."""
        if not self._takeout.names:
            return None
        titled = (self._by_title.get(title) for title in takeout.titles_of(photo))
        return self._takeout.of(photo) or next(filter(None, titled), None)

    @cached_property
    def _by_title(self) -> dict[str, str]:
        """The last resort: the title in the JSON is the photo's name.

        A title that several have tells nothing.
        """
        found: dict[str, str] = {}
        several = set()
        for name in self._takeout.without_number[:MOST_TITLES]:
            title = takeout.title_of(self._read(name, takeout.TITLE_BYTES))
            if title in found:
                several.add(title)
            elif title:
                found[title] = name
        return {title: name for title, name in found.items() if title not in several}

    def _read(self, name: str, most: int) -> bytes:
        """A small plain file of the folder; empty where it is none, too large, or can't be read."""
        try:
            with open_plain(self._folder / name) as file:
                data = file.read(most + 1)
        except (OSError, ValueError):
            return b""
        return data if len(data) <= most else b""


def _sidecar_names(photo: str) -> tuple[str, str]:
    """In small letters, the one that is believed first."""
    return f"{photo}{_XMP}".casefold(), f"{Path(photo).stem}{_XMP}".casefold()
