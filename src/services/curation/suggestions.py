"""Photos that may want a tag: by what the library was classified with, or by its words; then by its examples.

Once one photo has the tag and one was refused for it, the answers teach the order.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from src.database.catalog.catalog import Catalog
from src.database.catalog.marks import STEP
from src.models.label_bank import ROWS, LabelBank, LabelBanks, asked_for
from src.models.model_manager import ModelManager
from src.schema import FloatArray, PhotoFilter
from src.schema.query_keys import condition
from src.services.curation.service import tag_of
from src.services.library.service import LibraryService
from src.services.search.service import Query, SearchService
from src.versioned_cache import Kept

EXAMPLES = 8
"""Photos with a tag from which on these, and not its words, say what it looks like."""
OTHERS = 2_000
"""Photos without it that these are compared with, chosen by chance."""
RIDGE = 0.01
"""Weight of the probe's own length against its errors."""
SHARE = 0.25
"""Of the examples, each judged by all others, this share may be less like the tag than what is suggested."""
SEED = 7
CROWD, SOME = 20_000, 16
"""Photos of a library in which all words are asked what they say of each; in a larger one every sixteenth is."""
Vectors = Mapping[str, FloatArray]
"""Image id -> (D,), norm 1."""


@dataclass(frozen=True)
class Suggestion:
    """A photo that may want a tag.

    score: comes from ``by``: the chance of a search by the tag's words, or that the library's photos were classified
    with, 0 to 1; or how many spreads of all photos it is more like the examples, or like what was answered with yes.
    """

    image_id: str
    score: float
    by: Literal["words", "label", "examples", "answers"]


class SuggestionService:
    """Suggests photos for tags. To accept one is ``CurationService.tag``, to refuse it ``refuse_tag`` there."""

    def __init__(
        self,
        catalog: Catalog,
        library: LibraryService,
        search: SearchService,
        models: ModelManager,
        banks: LabelBanks,
    ) -> None:
        self._catalog = catalog
        self._library = library
        self._models = models
        self._banks = banks
        self._crowds: Kept[dict[str, float]] = Kept(1)
        self._search = search

    def photos(self, tag: str, limit: int = 50) -> list[Suggestion]:
        """Photos that have no such tag and were not refused for it, the likeliest first; none where none is likely.

        Goes through all vectors once there is something to learn from. Raises BadInput for what is no tag, ModelError
        where the model can't be used.
        """
        tag = tag_of(tag)
        tagged, refused = self._catalog.marks.tagged(tag), self._catalog.marks.refused(tag)
        labelled = self._catalog.labels.of_word(tag)
        order = self.order(tag)
        if order is None:
            first = heapq.nlargest(limit, labelled.items(), key=lambda one: one[1])
            by_label = [Suggestion(id_, chance, "label") for id_, chance in first]
            return by_label or self._by_words(tag, limit, refused)
        known = {*tagged, *refused}
        offered = set(labelled)
        if not labelled and len(tagged) < EXAMPLES:  # so few leave out what its words find
            offered = {one.image_id for one in self._by_words(tag, limit, refused)}
        best: list[tuple[float, str]] = []
        for ids, matrix in self._catalog.vectors.blocks(self._library.collection()):
            scores = zip(order.scores(ids, matrix), ids, strict=True)
            good = [(score, id_) for score, id_ in scores if score >= order.least or id_ in offered]
            best = heapq.nlargest(limit, [*best, *(one for one in good if one[1] not in known)])
        return [Suggestion(id_, score, "answers" if refused else "examples") for score, id_ in best]

    def order(self, tag: str) -> Order | None:
        """What the answers for a tag teach; None where there are too few. Raises ModelError."""
        tagged, refused = self._catalog.marks.tagged(tag), self._catalog.marks.refused(tag)
        collection = self._library.collection()
        examples, against = (self._vectors(collection, ids) for ids in (tagged, sorted(refused)))
        if not examples or (not against and len(examples) < EXAMPLES):
            return None
        others = self._others(collection, {*tagged, *refused})
        return Order(examples, others, against, self._words(tag, collection)) if others or against else None

    def _words(self, tag: str, collection: str) -> Words:
        """What the tag's last step says of photos."""
        model = self._models.embedder(self._library.active_model)
        asked: FloatArray = asked_for([tag.rpartition(STEP)[2]], model.encode_texts)[0]
        bank = self._banks.at_hand(model)  # else the words' vectors would be made first, and a page wait for that
        if bank is None:
            return Words(asked, 1.0, {})
        state = self._catalog.vectors.counters(collection)
        crowd = self._crowds.get(collection, state, lambda: self._crowd(bank))
        return Words(asked, bank.calibration.temperature, crowd)

    def _crowd(self, bank: LabelBank) -> dict[str, float]:
        """Image id -> how much there is in a photo of all words that photos are labelled with, together."""
        collection, found = self._library.collection(), dict[str, float]()
        few = self._catalog.vectors.count_all(collection) <= CROWD
        words = bank.vectors if few else bank.vectors[::SOME]
        for ids, matrix in self._catalog.vectors.blocks(collection):
            for at in range(0, len(ids), ROWS):
                heights = np.asarray(matrix[at : at + ROWS] @ words.T, np.float64) / bank.calibration.temperature
                top = heights.max(axis=1)
                all_ = top + np.log(np.exp(heights - top[:, None]).sum(axis=1))
                found.update(zip(ids[at : at + ROWS], all_.tolist(), strict=True))
        return found

    def _vectors(self, collection: str, ids: Sequence[str]) -> Vectors:
        """Of those that have one."""
        return self._catalog.vectors.get_many(collection, ids)

    def _by_words(self, tag: str, limit: int, refused: Collection[str]) -> list[Suggestion]:
        """What a search for the last step of the tag finds that is likely it."""
        words = re.sub(r"([^\w\s])", r"\\\1", tag.rpartition(STEP)[2])
        only = PhotoFilter(where=(condition("tag", [tag], negative=True),))
        page = self._search.search(Query(words), limit + len(refused), only=only)
        likely = [hit for hit in page.hits if hit.band != "weak" and hit.id not in refused]
        return [Suggestion(hit.id, hit.chance, "words") for hit in likely[:limit]]

    def _others(self, collection: str, known: Collection[str]) -> Vectors:
        """Some photos of which it was not said whether they have the tag."""
        every = [id_ for id_ in self._catalog.health.image_ids(hidden=False) if id_ not in known]
        some = np.random.default_rng(SEED).choice(len(every), min(OTHERS, len(every)), replace=False)
        return self._vectors(collection, [every[number] for number in some])


@dataclass(frozen=True)
class Words:
    """What a tag's words say of photos: how near they are, less what all words say together (their share of a softmax).

    asked: (D,), norm 1. temperature: cosines are divided by it. crowd: image id -> what is taken off; 0 for others.
    """

    asked: FloatArray
    temperature: float
    crowd: Mapping[str, float]

    def heights(self, ids: Sequence[str], rows: FloatArray) -> npt.NDArray[np.float64]:
        """(n, D) vectors of these images -> (n,)."""
        taken = np.array([self.crowd.get(id_, 0.0) for id_ in ids])
        found: npt.NDArray[np.float64] = np.asarray(rows @ self.asked, np.float64) / self.temperature - taken
        return found


class Order:
    """How much photos look like those with a tag: a linear probe of the answers, and what the tag's words say.

    Both are brought to mean 0 and spread 1 over photos chosen by chance, and added. ``least``: the score from which on
    a photo is suggested. It comes from the examples, each scored by a probe of all others.
    """

    def __init__(self, examples: Vectors, others: Vectors, against: Vectors, words: Words) -> None:
        """Photos with the tag, others, and those that were refused; only one of the last two may have none."""
        self._words = words
        self._probe = Probe(*(_stacked(part) for part in (examples, others, against)))
        seen = others or {**examples, **against}
        raw = [np.asarray(self._probe.scores(_stacked(seen))), words.heights(list(seen), _stacked(seen))]
        self._middles, self._spreads = [part.mean() for part in raw], [max(part.std(), 1e-6) for part in raw]
        own = self._added(self._probe.alone, words.heights(list(examples), _stacked(examples)))
        self.least = max(0.0, float(np.quantile(own, SHARE)))

    def scores(self, ids: Sequence[str], rows: FloatArray) -> Sequence[float]:
        """(n, D) vectors of these images -> (n,)."""
        heights = self._words.heights(ids, rows)
        found: Sequence[float] = self._added(np.asarray(self._probe.scores(rows)), heights).tolist()
        return found

    def _added(self, *parts: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        steps = zip(parts, self._middles, self._spreads, strict=True)
        return np.asarray(sum((part - middle) / spread for part, middle, spread in steps), np.float64)


class Probe:
    """A linear probe: ridge regression of 1 for examples and -1 for the rest, both classes of the same weight.

    Photos that were refused weigh as much together as others, of which it was not said whether they have the tag.
    alone: (examples,), each scored by a probe of all others, which needs no second fit (Allen, The relationship between
    variable selection and data augmentation, 1974).
    """

    def __init__(self, examples: FloatArray, others: FloatArray, against: FloatArray) -> None:
        """Each (n, D), of norm 1; only one of others and against may be empty."""
        parts = [part for part in (examples, against, others) if len(part)]
        shares = [0.5, *([0.5 / (len(parts) - 1)] * (len(parts) - 1))]
        rows = _with_bias(np.concatenate(parts))
        wanted = np.where(np.arange(len(rows)) < len(examples), 1.0, -1.0)
        weights = np.concatenate(
            [np.full(len(part), share / len(part)) for part, share in zip(parts, shares, strict=True)]
        )
        weighted = rows * weights[:, None]
        inverse = np.linalg.inv(weighted.T @ rows + RIDGE * np.eye(rows.shape[1]))
        self._weights = inverse @ (weighted.T @ wanted)
        own = rows[: len(examples)]
        leverage = np.einsum("nd,de,ne->n", own, inverse, own) * weights[: len(examples)]
        self.alone = (own @ self._weights - leverage) / (1 - leverage)

    def scores(self, rows: FloatArray) -> Sequence[float]:
        """(n, D) -> (n,)."""
        found: Sequence[float] = (_with_bias(rows) @ self._weights).tolist()
        return found


def _stacked(part: Vectors) -> FloatArray:
    """(n, D)."""
    return np.stack(list(part.values())) if part else np.empty((0, 0), np.float32)


def _with_bias(rows: FloatArray) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.concatenate([rows, np.ones((len(rows), 1))], axis=1).astype(np.float64)
