"""The pass that reads photos' facts: from their headers, from what lies beside them, and from how they look.

Nothing is encoded. A photo is due where this recipe has not read it yet, and where what lies beside it is another thing
than it was then.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from src.database.catalog.catalog import Catalog
from src.database.catalog.facts import PASS, FactsRow
from src.database.catalog.tables import OF_IMAGES
from src.errors import UnreadableImage
from src.processing.facts.measures import measure
from src.processing.facts.reader import FactsReader
from src.processing.thumbnails import thumbnail_path
from src.schema import JobEvent
from src.schema.facts import PhotoFacts, PictureMeasures
from src.schema.fields import FIELDS, OF_THE_USER, shown
from src.services.enrichment.passes import Looked, run

RECIPE = "facts-2"
"""Another one has the facts of all photos read anew: for when more, or other ones, are read."""
COMMIT = 500
"""Photos whose facts are stored at a time."""


@dataclass(frozen=True)
class Read(Looked):
    """A photo whose facts were read."""

    row: FactsRow | None = None


class FactsService:
    """The facts of photos of the library: reading them, and what is known."""

    def __init__(self, catalog: Catalog, thumbs: Path) -> None:
        """thumbs: the folder of thumbnails, on which pictures are measured."""
        self._catalog = catalog
        self._thumbs = thumbs
        self._reader = FactsReader()

    def of(self, image_id: str) -> list[tuple[str, str]]:
        """Label and value, as text for people, of what is known of a photo and its size and date do not say already."""
        known = self._catalog.facts.of(image_id)
        told = (*FIELDS, *OF_THE_USER)
        listed = [field for field in told if field.on_photo and field.name in known and field.name not in OF_IMAGES]
        return [(field.label, shown(field.name, known[field.name])) for field in listed]

    def known(self, image_id: str) -> dict[str, Any]:
        """Name of a fact -> its value, of all that is known of a photo, what the user says of it among it."""
        return self._catalog.facts.of(image_id)

    def waiting(self) -> int:
        """How many photos this recipe has not read yet."""
        return self._catalog.looked_at.number_pending(PASS, RECIPE)

    def is_due(self, folders: Sequence[str] | None) -> bool:
        """Whether ``pending`` would give any photo. The folders are looked through only where nothing else tells."""
        return self._catalog.looked_at.any_pending(PASS, RECIPE) or (
            folders is not None and bool(self._changed(folders, ()))
        )

    def pending(self, folders: Sequence[str] | None = None) -> list[str]:
        """Ids of photos whose facts are still to be read, and of those in these folders (all where there are none;
        None: none is looked through) where what lies beside them has changed.
        """
        new = self._catalog.looked_at.pending(PASS, RECIPE)
        return new if folders is None else [*new, *self._changed(folders, set(new))]

    def read_all(self, folders: Sequence[str] | None = None) -> Iterator[JobEvent]:
        """Read the facts of all photos that are due."""
        return run(FactsPass(self._catalog, self._reader, self._thumbs, self._beside), self.pending(folders))

    def _changed(self, folders: Sequence[str], leave_out: Collection[str]) -> list[str]:
        known = self._catalog.facts.beside()
        seen: dict[str, str] = {}
        for image_id, path in self._catalog.facts.places([os.fsencode(folder) for folder in folders]):
            if image_id in known and image_id not in leave_out and image_id not in seen:
                seen[image_id] = self._beside(Path(os.fsdecode(path)))
        return [id_ for id_, now in seen.items() if now != known[id_]]

    def _beside(self, path: Path) -> str:
        """What lies beside a photo and tells of it, with sizes and times; empty where nothing does."""
        return "|".join(filter(None, map(_stamp, self._reader.beside(path.parent).paths(path.name))))


class FactsPass:
    """One pass over photos."""

    name = PASS
    workers = 2

    def __init__(self, catalog: Catalog, reader: FactsReader, thumbs: Path, beside: Callable[[Path], str]) -> None:
        self._catalog = catalog
        self._reader = reader
        self._thumbs = thumbs
        self._beside = beside

    def look(self, image_id: str) -> Read:
        """One photo's facts, by the first of its files that can be read."""
        places = self._catalog.paths_of(image_id)
        refused = False
        for place, _, name, _ in places:
            path = Path(os.fsdecode(place))
            try:
                facts = self._reader.read(path)
            except UnreadableImage as error:
                refused = refused or error.lasting
                continue
            return Read(image_id, name, row=FactsRow(image_id, facts, self._measures(image_id), self._beside(path)))
        row = FactsRow(image_id, PhotoFacts(), self._measures(image_id), "") if refused else None
        return Read(image_id, places[0][2] if places else image_id, lost=row is None, row=row)

    def _measures(self, image_id: str) -> PictureMeasures | None:
        """Of the thumbnail: all photos at one size. None where there is none."""
        try:
            with Image.open(thumbnail_path(self._thumbs, image_id)) as thumbnail:
                return measure(thumbnail)
        except (OSError, ValueError, Image.DecompressionBombError):
            return None

    def is_full(self, batch: Sequence[Read]) -> bool:
        return len(batch) >= COMMIT

    def store(self, batch: Sequence[Read]) -> None:
        self._catalog.facts.put(RECIPE, [read.row for read in batch if read.row])


def _stamp(path: Path) -> str:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return ""
    return f"{path.name}:{found.st_size}:{found.st_mtime_ns}"
