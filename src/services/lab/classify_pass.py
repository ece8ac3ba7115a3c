"""The pass that classifies the photos of the library: what is likely enough is suggested as tags.

Labels are compared with the vectors that are stored anyway. Only the built-in tower's own classes are told from
pictures, from their thumbnails, which are larger than what the tower sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
from PIL import Image

from src.database.catalog.catalog import Catalog
from src.database.catalog.labels import CLASSIFIED
from src.errors import NotFound, UnreadableImage
from src.models.label_bank import Label, LabelBanks, Numbers
from src.models.model_manager import ModelManager
from src.schema import FloatArray, Indexed, JobEvent, Progress, Skipped
from src.services.lab.classifying import SIDE, Classifier, Classifiers, Sorting
from src.services.library.service import LibraryService

VECTORS, PICTURES = 1_000, 32
"""Photos that are classified and stored at once, by their vectors and by their pictures."""
ROWS = 20_000
"""Labels that are stored at once at most: a long list of unlikely ones must not keep others from writing."""
LOST = "It has no picture that can be read now."


class ClassifyingService:
    """Classifies photos of one library by the model that it uses."""

    def __init__(self, catalog: Catalog, library: LibraryService, models: ModelManager) -> None:
        self._catalog = catalog
        self._library = library
        self.banks = LabelBanks(models.settings.query_banks_dir)
        self._makers = Classifiers(models, self.banks)

    def by(self, asked: Sorting) -> Classifier:
        """What classifies. Takes seconds for a long list that is new. Raises BadInput, ModelError."""
        return self._makers.of(asked, self._library.active_model)

    def photo(self, asked: Sorting, image_id: str, top_k: int) -> tuple[Label, ...]:
        """The likeliest labels of a photo of the library. Raises NotFound, UnreadableImage, BadInput, ModelError."""
        if not self._catalog.visible([image_id]):
            raise NotFound("There is no such photo.")
        by = self.by(asked)
        found = self._chances(by, [image_id]).get(image_id)
        if found is None:
            raise UnreadableImage("The photo's file can't be read now.")
        return by.top(found, top_k)

    def waiting(self, asked: Sorting) -> int:
        """How many photos were not classified by just this, with the model in use now."""
        return self._catalog.looked_at.number_pending(CLASSIFIED, self.by(asked).recipe)

    def classify(self, asked: Sorting) -> Iterator[JobEvent]:
        """Classify all photos that wait, and store what is suggested. Closing ends it; what is stored stays."""
        by = self.by(asked)
        todo = self._catalog.looked_at.pending(CLASSIFIED, by.recipe)
        at_once = PICTURES if asked.by_classes else VECTORS
        yield Progress(0, len(todo))
        for at in range(0, len(todo), at_once):
            ids = todo[at : at + at_once]
            found = self._chances(by, ids)
            suggested = {id_: by.suggested(chances) for id_, chances in found.items()}
            for part in _parts(suggested):
                self._catalog.labels.put(by.recipe, asked.labels.words, part)
            yield from self._told(ids, found)
            yield Progress(min(len(todo), at + at_once), len(todo))

    def _told(self, ids: Sequence[str], found: Mapping[str, Numbers]) -> Iterator[JobEvent]:
        shown = self._catalog.shown(ids)
        for id_ in ids:
            name = shown[id_].name if id_ in shown else id_
            yield Indexed(id_, name) if id_ in found else Skipped(name, LOST)

    def _chances(self, by: Classifier, ids: Sequence[str]) -> dict[str, Numbers]:
        """Image id -> (labels,) chances, of those that have a vector, or a picture where that is needed."""
        if by.asked.by_classes:
            return self._of_pictures(by, ids)
        stored: Mapping[str, FloatArray] = self._catalog.vectors.get_many(self._library.collection(), ids)
        rows = by.of_vectors(np.stack(list(stored.values()))) if stored else ()
        return dict(zip(stored, rows, strict=True))

    def _of_pictures(self, by: Classifier, ids: Sequence[str]) -> dict[str, Numbers]:
        with ThreadPoolExecutor(2, "classify") as pool:
            read = [found for found in pool.map(self._picture, ids) if found]
        rows = by.of_pictures([picture for _, picture in read]) if read else ()
        return dict(zip((id_ for id_, _ in read), rows, strict=True))

    def _picture(self, image_id: str) -> tuple[str, Image.Image] | None:
        place = self._library.thumbnail(image_id)
        if place:
            with suppress(OSError, ValueError, Image.DecompressionBombError), Image.open(place) as opened:
                return image_id, opened.convert("RGB")
        picture = self._library.picture(image_id, SIDE)
        return (image_id, picture) if picture else None


def _parts(suggested: Mapping[str, Mapping[str, float]]) -> Iterator[dict[str, Mapping[str, float]]]:
    """The same images in parts of ``ROWS`` labels at most, or of one image."""
    part, rows = dict[str, Mapping[str, float]](), 0
    for id_, found in suggested.items():
        if part and rows + len(found) > ROWS:
            yield part
            part, rows = {}, 0
        part[id_] = found
        rows += len(found)
    yield part
