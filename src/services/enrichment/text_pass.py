"""The pass that reads the words in photos.

A copy of a picture that was read before is not read again: what was read is known by the pixels. A photo that was
edited is another image, with other pixels, and is read anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from src import pixels
from src.database.catalog.catalog import Catalog
from src.database.catalog.texts import TEXTS, TextRow
from src.models.model_manager import ModelManager
from src.schema import Finding, JobEvent, PhotoFilter
from src.schema.texts import SIDE, TextLine, TextReader
from src.services.enrichment.passes import Looked, run
from src.services.library.service import LibraryService
from src.text import count

COMMIT = 32
"""Photos after which what was read is stored: a page of a book takes seconds."""


@dataclass(frozen=True)
class Read(Looked):
    """A photo that was read."""

    row: TextRow | None = None


class TextService:
    """The words in photos of the library: reading them, and what was read."""

    def __init__(self, catalog: Catalog, models: ModelManager, library: LibraryService) -> None:
        self._catalog = catalog
        self._models = models
        self._library = library

    def of_photo(self, image_id: str) -> list[TextLine]:
        """The lines that were read in a photo, in reading order."""
        return self._catalog.texts.of_image(image_id)

    def counts(self) -> tuple[int, int]:
        """(photos that were read, those of them with text)."""
        return self._catalog.looked_at.count(TEXTS), self._catalog.texts.count()

    def waiting(self) -> int:
        """How many photos of the library are still to be read. Raises ModelError."""
        return self._catalog.looked_at.number_pending(TEXTS, self._models.reader().recipe)

    def pending(self, folder: str | None = None) -> list[str]:
        """Ids of photos that are still to be read: of a folder, or of all. Raises ModelError."""
        only = PhotoFilter(folder) if folder else None
        return self._catalog.looked_at.pending(TEXTS, self._models.reader().recipe, only)

    def waiting_folders(self) -> list[str]:
        """Followed folders whose text is wanted and that hold photos not read yet. Raises ModelError."""
        return [folder for folder in self._catalog.folders.wanting("texts") if self.pending(folder)]

    def read_all(self, folders: Sequence[str] | None = None, careful: bool = False) -> Iterator[JobEvent]:
        """Read the photos that are due: of these folders, or of the whole library.

        careful: decode in a process of its own, as after a crash. Raises ModelError.
        """
        todo = list(dict.fromkeys(id_ for folder in folders or (None,) for id_ in self.pending(folder)))
        work = TextPass(self._catalog, self._library, self._models.reader(), careful)
        yield from run(work, todo)
        yield Finding("texts", f"Text found in {work.with_text:,} of {count(work.read, 'photo')}.")


class TextPass:
    """One pass over photos, with one reader."""

    name = TEXTS
    workers = 2

    def __init__(self, catalog: Catalog, library: LibraryService, reader: TextReader, careful: bool = False) -> None:
        """careful: every picture is decoded in a process of its own, as after a crash."""
        self._catalog = catalog
        self._library = library
        self._reader = reader
        self._careful = careful
        self.read, self.with_text = 0, 0
        """Photos that were stored, and those of them with text."""

    def look(self, image_id: str) -> Read:
        """One photo's lines, from a copy of it that was read before, or from its pixels."""
        shown = self._catalog.shown([image_id]).get(image_id)
        name = shown.name if shown else image_id
        image = self._library.picture(image_id, SIDE, self._careful)
        if image is None:
            return Read(image_id, name, lost=True)
        digest = pixels.digest(image)
        lines = self._catalog.texts.of_pixels(digest, self._reader.recipe)
        if lines is None:
            lines = self._reader.read(image)
        return Read(image_id, name, row=TextRow(image_id, digest, tuple(lines)))

    def is_full(self, batch: Sequence[Read]) -> bool:
        return len(batch) >= COMMIT

    def store(self, batch: Sequence[Read]) -> None:
        rows = [read.row for read in batch if read.row]
        self._catalog.texts.put(self._reader.recipe, rows)
        self.read += len(rows)
        self.with_text += sum(bool(row.lines) for row in rows)
