"""Words that a model suggests for photos by itself: which tags they may want, without an example and without a pass.

They are worked out from the vectors that are stored anyway, when somebody wants to see them. They are suggestions: no
search finds a photo by them until its owner has accepted one, which makes it a tag.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from src.database.catalog.catalog import Catalog
from src.database.catalog.marks import STEP
from src.errors import AppError
from src.models import label_bank
from src.models.label_bank import Label, LabelBank, LabelBanks
from src.models.model_manager import ModelManager
from src.schema import Embedder, FloatArray
from src.services.library.service import LibraryService
from src.text import folded

WORDS = "Looks like: "
CANDIDATES = 10
"""Times as many of the words that tell a group best as are told: some of them imply each other."""
log = logging.getLogger(__name__)


class LabelService:
    """Labels of the library's photos, by the model that the library uses.

    To accept one is ``CurationService.tag``, to refuse it ``refuse_tag`` there.
    """

    def __init__(self, catalog: Catalog, library: LibraryService, models: ModelManager, banks: LabelBanks) -> None:
        self._catalog = catalog
        self._library = library
        self._models = models
        self._banks = banks
        self._making: threading.Thread | None = None
        self._starting = threading.Lock()

    def get_ready(self) -> None:
        """Have the vocabulary's vectors made, which takes seconds once for a model. Raises ModelError."""
        self.bank()

    def bank(self) -> LabelBank | None:
        """What labels photos, made where there is none yet; None where the model in use was never measured.

        Raises ModelError where it can't be used.
        """
        return self._banks.of(self._model())

    def close(self) -> None:
        """End what goes on in the background, and wait for that."""
        with self._starting:
            self._banks.close()
            making = self._making
        if making is not None:
            making.join()

    def labels_of(self, image_ids: Sequence[str]) -> dict[str, tuple[Label, ...]]:
        """Of each photo that has a vector, what is likely in it, the likeliest first; often nothing.

        Empty where the model in use was never measured. Raises ModelError where it can't be used.
        """
        bank = self.bank()
        return self._of(bank, image_ids) if bank else {}

    def telling_apart(self, middles: FloatArray, most: int = 2) -> list[tuple[str, ...]]:
        """(k, D) of norm 1, middles of groups of photos -> of each the words that tell it from the others, the best
        first; empty where the model in use was never measured. Raises ModelError.
        """
        bank = self._banks.of(self._model())
        if bank is None:
            return []
        shares = bank.shares(middles)
        telling = shares * np.log(shares / shares.mean(axis=0))
        best = np.argsort(-telling, axis=1, kind="stable")[:, : CANDIDATES * most]
        return [bank.vocabulary.unrelated(row, most) for row in best.tolist()]

    def suggested(self, image_id: str) -> tuple[Label, ...]:
        """The labels of a photo, those of classifying the library among them, that it has not as tags and that were not
        refused for it.

        Of the model's own none while the vocabulary's vectors are still being made, which begins here: a page must not
        wait.
        """
        model = self._model()
        bank = self._banks.at_hand(model)
        if bank is None and label_bank.calibration(model.space):
            self._get_ready_meanwhile()
        found = self._of(bank, [image_id]).get(image_id, ()) if bank else ()
        stored = [Label(word, chance) for word, chance in self._catalog.labels.of_image(image_id).items()]
        found = _likeliest([*found, *stored])
        if not found:
            return ()
        tags = self._catalog.facts.of(image_id).get("keywords", ())
        refused = (label.word for label in found if image_id in self._catalog.marks.refused(label.word))
        return without(found, tags, list(refused))

    def _get_ready_meanwhile(self) -> None:
        with self._starting:
            if not self._making or not self._making.is_alive():
                self._making = threading.Thread(target=self._try_to_get_ready, name="labels", daemon=True)
                self._making.start()

    def _try_to_get_ready(self) -> None:
        try:
            self.get_ready()
        except AppError as error:
            log.warning("the words for labels can't be made now: %s", error)

    def _model(self) -> Embedder:
        return self._models.embedder(self._library.active_model)

    def _of(self, bank: LabelBank, image_ids: Sequence[str]) -> dict[str, tuple[Label, ...]]:
        stored: Mapping[str, np.ndarray] = self._catalog.vectors.get_many(self._library.collection(), image_ids)
        return dict(zip(stored, bank.labels(np.stack(list(stored.values()))), strict=True)) if stored else {}


def _likeliest(labels: Sequence[Label]) -> tuple[Label, ...]:
    """Each word once, with its highest chance; the likeliest first."""
    best: dict[str, Label] = {}
    for label in sorted(labels, key=lambda label: -label.chance):
        best.setdefault(folded(label.word), label)
    return tuple(best.values())


def without(labels: Iterable[Label], tags: Iterable[str], refused: Collection[str]) -> tuple[Label, ...]:
    """Labels but those that were refused, that are tags already, or that a tag implies: ``beagle`` implies ``dog``."""
    words = label_bank.vocabulary()
    steps = {folded(step) for tag in tags for step in tag.split(STEP)}
    had = words.implied(words.number(step) for step in steps if step in words)
    said = steps | {folded(words.words[number].word) for number in had} | {folded(word) for word in refused}
    return tuple(label for label in labels if folded(label.word) not in said)


def sentence(labels: Sequence[Label]) -> str:
    """``Looks like: dog, beach.``; empty for no labels."""
    return f"{WORDS}{', '.join(label.word for label in labels)}." if labels else ""
