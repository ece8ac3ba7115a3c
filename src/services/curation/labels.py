"""Words that a model suggests for photos by itself: which tags they may want, without an example and without a pass.

They are worked out from the vectors that are stored anyway, when somebody wants to see them. They are suggestions: no
search finds a photo by them until its owner has accepted one, which makes it a tag.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from src.database.catalog.catalog import Catalog
from src.database.catalog.marks import STEP
from src.models.label_bank import Label, LabelBank, vocabulary
from src.models.model_manager import ModelManager
from src.services.library.service import LibraryService
from src.text import folded

WORDS = "Looks like: "


class LabelService:
    """Labels of the library's photos, by the model that the library uses.

    To accept one is ``CurationService.tag``, to refuse it ``refuse_tag`` there.
    """

    def __init__(self, catalog: Catalog, library: LibraryService, models: ModelManager) -> None:
        self._catalog = catalog
        self._library = library
        self._models = models

    def get_ready(self) -> None:
        """Have the vocabulary's vectors made, which takes seconds once for a model. Raises ModelError."""
        self._models.label_bank(self._library.active_model)

    def labels_of(self, image_ids: Sequence[str]) -> dict[str, tuple[Label, ...]]:
        """Of each photo that has a vector, what is likely in it, the likeliest first; often nothing.

        Empty where the model in use was never measured. Raises ModelError where it can't be used.
        """
        bank = self._models.label_bank(self._library.active_model)
        return self._of(bank, image_ids) if bank else {}

    def suggested(self, image_id: str) -> tuple[Label, ...]:
        """The labels of a photo that it has not as tags and that were not refused for it.

        None either while the vocabulary's vectors are still being made: a page must not wait for them.
        """
        bank = self._models.label_bank_at_hand(self._library.active_model)
        found = self._of(bank, [image_id]).get(image_id, ()) if bank else ()
        if not found:
            return ()
        tags = self._catalog.facts.of(image_id).get("keywords", ())
        refused = (label.word for label in found if image_id in self._catalog.marks.refused(label.word))
        return without(found, tags, list(refused))

    def _of(self, bank: LabelBank, image_ids: Sequence[str]) -> dict[str, tuple[Label, ...]]:
        stored: Mapping[str, np.ndarray] = self._catalog.vectors.get_many(self._library.collection(), image_ids)
        return dict(zip(stored, bank.labels(np.stack(list(stored.values()))), strict=True)) if stored else {}


def without(labels: Iterable[Label], tags: Iterable[str], refused: Collection[str]) -> tuple[Label, ...]:
    """Labels but those that were refused, that are tags already, or that a tag implies: ``beagle`` implies ``dog``."""
    words = vocabulary()
    steps = {folded(step) for tag in tags for step in tag.split(STEP)}
    had = words.implied(words.number(step) for step in steps if step in words)
    said = steps | {folded(words.words[number].word) for number in had} | {folded(word) for word in refused}
    return tuple(label for label in labels if folded(label.word) not in said)


def sentence(labels: Sequence[Label]) -> str:
    """``Looks like: dog, beach.``; empty for no labels."""
    return f"{WORDS}{', '.join(label.word for label in labels)}." if labels else ""
