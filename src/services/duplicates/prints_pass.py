"""The pass that sees what photos look like, by their thumbnails: nothing of the originals is decoded for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from src.database.catalog.catalog import Catalog
from src.database.catalog.duplicates import PRINTS, PrintRow
from src.processing.duplicates.prints import print_of
from src.services.enrichment.passes import Looked
from src.services.library.service import LibraryService

RECIPE = "prints-1"
"""Another one has all photos looked at anew."""
COMMIT = 500
"""Photos whose looks are stored at a time."""
_SIDE = 96
"""Pixels that a thumbnail is decoded at, at least: more than its print needs."""


@dataclass(frozen=True)
class Seen(Looked):
    """A photo that was looked at."""

    row: PrintRow | None = None


class PrintsPass:
    """One pass over photos."""

    name = PRINTS
    workers = 2

    def __init__(self, catalog: Catalog, library: LibraryService) -> None:
        self._catalog = catalog
        self._library = library

    def look(self, image_id: str) -> Seen:
        """One photo by its thumbnail, which is made again where it has gone."""
        thumbnail = self._library.thumbnail(image_id)
        shown = self._catalog.shown([image_id]).get(image_id)
        name = shown.name if shown else image_id
        try:
            if thumbnail is None:
                return Seen(image_id, name, lost=True)
            with Image.open(thumbnail) as picture:
                picture.draft("L", (_SIDE, _SIDE))
                found = print_of(picture)
        except (OSError, ValueError, Image.DecompressionBombError):
            return Seen(image_id, name, lost=True)
        row = PrintRow(image_id, found.hashes.tobytes(), found.quality, found.grey.tobytes())
        return Seen(image_id, name, row=row)

    def is_full(self, batch: Sequence[Seen]) -> bool:
        return len(batch) >= COMMIT

    def store(self, batch: Sequence[Seen]) -> None:
        self._catalog.duplicates.put_prints(RECIPE, [seen.row for seen in batch if seen.row])
