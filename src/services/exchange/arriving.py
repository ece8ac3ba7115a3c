"""A file of vectors that another program sends: on the disk from the first byte, taken over only once it is whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from src.errors import BadInput, LibraryUnusable, TooMuch
from src.services.exchange.shelf import ExportShelf
from src.services.library.receiving import not_stored

MOST_BYTES = 500_000_000
"""Of one file that is sent; a larger one is named by its path."""


class ArrivingVectors:
    """The one file of a request. ``given_up`` ends it, and leaves it there after ``kept``. One thread at a time."""

    def __init__(self, shelf: ExportShelf) -> None:
        self._shelf = shelf
        self._place: Path | None = None
        self._kept = False
        self._open: IO[bytes] | None = None
        self._bytes = 0

    def begin(self, name: str) -> None:
        """A file comes next. name: as its sender has it. Raises BadInput for a second one and for no ``.npz``."""
        if self._place is not None:
            raise BadInput("More than one file is in the form.", "Send one .npz.")
        if not name.lower().endswith(".npz"):
            raise BadInput("Vectors are sent as one .npz.", "What is in a folder can be named by its path in the app.")
        self._place = self._shelf.place(".npz")
        try:
            self._open = self._place.open("xb")
        except OSError as error:
            raise self._not_stored(error) from error

    def write(self, data: bytes) -> None:
        """More of it. Raises TooMuch, LibraryUnusable."""
        assert self._open is not None
        self._bytes += len(data)
        if self._bytes > MOST_BYTES:
            hint = "Nothing was taken over: put the file on the app's computer, and name its path there."
            raise TooMuch(f"More than {MOST_BYTES // 10**6:,} MB are too much to be sent at once.", hint)
        try:
            self._open.write(data)
        except OSError as error:
            raise self._not_stored(error) from error

    def end(self) -> None:
        """It is whole."""
        assert self._open is not None
        try:
            self._open.flush()
            os.fsync(self._open.fileno())
            self._open.close()
        except OSError as error:
            raise self._not_stored(error) from error

    @property
    def place(self) -> Path:
        """Where it is, once it is whole."""
        assert self._place is not None
        return self._place

    def kept(self) -> None:
        """A job takes it over, and then removes it."""
        self._kept = True

    def given_up(self) -> None:
        """Nothing stays of what nobody took."""
        if self._open is not None:
            self._open.close()
        if self._place is not None and not self._kept:
            self._shelf.take_away(self._place)

    def _not_stored(self, error: OSError) -> LibraryUnusable:
        assert self._place is not None
        return not_stored("The file of vectors", self._place.parent, error)
