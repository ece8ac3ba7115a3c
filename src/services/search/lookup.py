"""The vectors that one search looks through, and what it finds there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from src.database.catalog.catalog import Catalog
from src.database.embeddings import library_collection
from src.database.store import Store
from src.errors import BadQuery
from src.models.model_manager import ModelManager
from src.schema import FloatArray, Kind, Mode, PhotoFilter
from src.services.search import prompts
from src.services.search.fusion import Found, enough_objects, merged, wholes
from src.services.search.query import Asked

PUSH = 0.25
"""Share of what is not wanted that is taken off what is wanted. More keeps no more of it away and loses what is wanted
(docs/models.md has the figures).
"""


@dataclass(frozen=True)
class Directions:
    """One query as vectors: (D,) of norm 1 each."""

    search: FloatArray
    """What the nearest are looked for of."""
    wanted: FloatArray | None
    """What hits are judged by; None where only something was not wanted."""
    unwanted: tuple[tuple[FloatArray, bool], ...]
    """Each thing that is not, and whether it was told in words."""


class Lookup:
    """What one search looks through: the model's vectors of whole images, and of objects in them."""

    def __init__(
        self, catalog: Catalog, store: Store, models: ModelManager, model: str, only: PhotoFilter | None
    ) -> None:
        self._catalog = catalog
        self._store = store
        self.model = model
        self._embedder = models.embedder(model)
        self._only = only
        self._names: dict[Kind, str] = {
            kind: library_collection(self._embedder.space, kind) for kind in ("image", "object")
        }
        self.images = self.objects = 0

    @property
    def searched(self) -> int:
        return self.images or self.objects

    @property
    def compared(self) -> dict[Kind, int]:
        """How many of each kind a query was compared with: the best of more are nearer by chance alone."""
        return {"image": self.images, "object": self.objects}

    def found(self, directions: Sequence[Directions], limit: int, mode: Mode) -> list[list[Found]]:
        """The ``limit`` best for each query, best first."""
        matrix = np.stack([direction.search for direction in directions])
        images = self._images(matrix, limit) if mode != "objects" else []
        objects = self._objects(matrix, limit) if mode != "images" else []
        if mode == "both":
            rows = zip(matrix, images, objects, strict=True)
            return [merged(whole, inside, self._whole(row, inside))[:limit] for row, whole, inside in rows]
        return objects if mode == "objects" else images

    def own(self, asked: Asked) -> set[str]:
        """Ids of the images that a query was taken from."""
        likes = {self._place(like.id)[1] for like in asked.likes}
        return {id_ for id_ in (*likes, asked.query.part_of) if id_}

    def directions(self, queries: Sequence[Asked]) -> list[Directions]:
        """Each query as vectors. All words are encoded together. Raises BadQuery for a picture without a vector."""
        texts = [text for query in queries for text in (*(term.text for term in query.wanted), *query.unwanted)]
        words = list(dict.fromkeys(texts))
        vectors = prompts.vectors(words, self._embedder.encode_texts)
        return [self._directions(query, vectors) for query in queries]

    def scores(self, found: Sequence[Found], directions: Sequence[FloatArray]) -> list[list[float]]:
        """For each direction (D,) its cosine with each hit, -1 where it has no vector. All vectors are read once."""
        keys = [(hit.segment or hit.image_id, "object" if hit.segment else "image") for hit in found]
        stored: dict[str, FloatArray] = {}
        for kind, name in self._names.items():
            stored |= self._catalog.vectors.get_many(name, [id_ for id_, of in keys if of == kind])
        return [
            [float(stored[id_] @ direction) if id_ in stored else -1.0 for id_, _ in keys] for direction in directions
        ]

    def _directions(self, query: Asked, texts: dict[str, FloatArray]) -> Directions:
        """The mean direction of everything that is wanted, and a part of each thing that is not taken off."""
        parts = [term.weight * texts[term.text] for term in query.wanted]
        if query.query.image is not None:
            parts.append(self._embedder.encode_pixels(self._embedder.preprocess(query.query.image)[None])[0])
        parts += [self._stored(like.id) for like in query.likes if not like.negative]
        unwanted = [(texts[text], True) for text in query.unwanted]
        unwanted += [(self._stored(like.id), False) for like in query.likes if like.negative]
        away = unit(np.sum([vector for vector, _ in unwanted], axis=0)) if unwanted else np.float32(0)
        wanted = unit(np.mean(parts, axis=0)) if parts else None
        search = unit(wanted - PUSH * away if wanted is not None else -np.asarray(away))
        return Directions(search, wanted, tuple(unwanted))

    def _images(self, matrix: FloatArray, limit: int) -> list[list[Found]]:
        name = self._names["image"]
        self.images = self._catalog.vectors.count(name, self._only)
        found = self._store.search(name, matrix, limit, self._only) if self.images else [[] for _ in matrix]
        return [wholes(matches) for matches in found]

    def _objects(self, matrix: FloatArray, limit: int) -> list[list[Found]]:
        name = self._names["object"]
        self.objects = self._catalog.vectors.count(name, self._only)
        if not self.objects:
            return [[] for _ in matrix]

        def ask(number: int) -> list[list[Found]]:
            answers = self._store.search(name, matrix, number, self._only)
            images = self._catalog.vectors.images_of(name, list({id_ for matches in answers for id_, _ in matches}))
            return [[Found(images[id_], score, id_) for id_, score in matches if id_ in images] for matches in answers]

        return enough_objects(ask, self.objects, limit)

    def _whole(self, query: FloatArray, objects: Sequence[Found]) -> dict[str, float]:
        """The scores, as a whole, of the images that objects were found in."""
        stored = self._catalog.vectors.get_many(self._names["image"], [found.image_id for found in objects])
        return {image_id: float(vector @ query) for image_id, vector in stored.items()}

    def _stored(self, id_: str) -> FloatArray:
        kind, image = self._place(id_)
        stored = self._catalog.vectors.get(self._names[kind], id_)
        if stored is None and not self._catalog.visible([image]):
            raise BadQuery("There is no such picture in the library.", "Name one by its id, as results have it.")
        if stored is None:
            raise BadQuery("That picture is not indexed with the model in use.", "Re-index the library first.")
        return stored

    def _place(self, id_: str) -> tuple[Kind, str]:
        """What an id of the library stands for, an image or an object, and the id of the image that it is or is in."""
        image = self._catalog.vectors.images_of(self._names["object"], [id_]).get(id_)
        return ("object", image) if image else ("image", id_)


def unit(vector: npt.NDArray[Any]) -> FloatArray:
    """(D,) -> the same direction with norm 1."""
    unit: FloatArray = np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)
    return unit
