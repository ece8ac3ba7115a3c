"""Search: words and example pictures in, hits out, best first, with an honest word on whether anything fits."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from src.database.catalog.catalog import Catalog, Shown
from src.database.catalog.objects import StoredSegment
from src.database.embeddings import library_collection
from src.database.store import Store
from src.errors import BadInput, BadQuery
from src.identity import is_id
from src.models.model_manager import ModelManager
from src.models.registry import spec
from src.processing.decoding.reader import PictureReader
from src.schema import FloatArray, Kind, Mode, Notice, PhotoFilter, SearchHit, SearchPage, Verdict
from src.services.indexing.pipeline import decode_side
from src.services.library.service import LibraryService
from src.services.search.foreign import SENTENCE, looks_foreign
from src.services.search.fusion import Found, enough_objects, merged, wholes
from src.services.search.judge import Judge

MAX_CHARACTERS = 1_000
"""Of a text query; no model reads further than its first 77 or 128 tokens."""
MAX_RESULTS = 1_000
MOST_OWN = 2
"""Images that a query may have been taken from, which are left out."""
NO_OBJECTS = Notice("no-objects", "No objects are indexed yet.")
NOT_ENGLISH = Notice("not-english", SENTENCE)


@dataclass(frozen=True)
class Query:
    """What is looked for: words, an example picture, a library's picture, or several (their vectors are averaged)."""

    text: str = ""
    image: Image.Image | None = None
    like: str | None = None
    """Id of an image of the library, or of an object in one; the image is left out of the results."""
    part_of: str | None = None
    """Id of the image of the library that ``image`` is a part of; it is left out of the results too."""

    @property
    def label(self) -> str:
        return self.text.strip() or ("(picture)" if self.image is not None else "(similar)")

    @property
    def words_only(self) -> bool:
        return self.image is None and self.like is None


class SearchService:
    """Searches the library under its active model, or under another that has vectors in it."""

    def __init__(
        self, catalog: Catalog, store: Store, models: ModelManager, library: LibraryService, reader: PictureReader
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._models = models
        self._library = library
        self._reader = reader
        self.judge = Judge(catalog, models)

    def search(
        self,
        query: Query,
        limit: int = 20,
        model: str | None = None,
        only: PhotoFilter | None = None,
        mode: Mode = "images",
    ) -> SearchPage:
        """The ``limit`` best images for a query, of those that pass ``only``, as a whole or by an object in them.

        Raises BadQuery for an empty one, BadInput for a filter that makes no sense, ModelError where the model can't be
        used.
        """
        return self.search_many([query], limit, model, only, mode)[0]

    def search_many(
        self,
        queries: Sequence[Query],
        limit: int = 20,
        model: str | None = None,
        only: PhotoFilter | None = None,
        mode: Mode = "images",
    ) -> list[SearchPage]:
        """One page a query; they share encode and scan, and ``took_ms`` is their time divided by their number."""
        if not 1 <= limit <= MAX_RESULTS:
            raise BadInput(f"{limit} results can't be shown.", f"Ask for 1 to {MAX_RESULTS}.")
        cleaned = [_checked(query) for query in queries]
        if not cleaned:
            return []
        model = model or self._library.active_model
        started = time.perf_counter()
        only = None if only == PhotoFilter() else only
        lookup = _Lookup(self._catalog, self._store, self._models, model, only)
        found = lookup.found([query for query, _ in cleaned], limit + MOST_OWN, mode)
        hits = self._hits(found)
        judged = [
            self.judge.judged(model, some, vector, query.words_only, lookup.compared)
            for some, vector, (query, _) in zip(hits, lookup.vectors, cleaned, strict=True)
        ]
        took = (time.perf_counter() - started) * 1000 / len(cleaned)
        english_only = spec(model).embedding.english_only
        unseen = () if lookup.searched or only else self._unseen(model, mode)
        pages = []
        for (query, notices), some in zip(cleaned, judged, strict=True):
            own = lookup.own(query)
            shown = tuple(hit for hit in some if hit.id not in own)[:limit]
            fits = any(hit.fits for hit in shown)
            verdict: Verdict = "empty" if not lookup.searched else "match" if fits else "nothing"
            if english_only and looks_foreign(query.text):
                notices = (*notices, NOT_ENGLISH)
            notices = notices if lookup.searched else unseen
            counted = (lookup.images, verdict, notices, only is not None, lookup.objects)
            pages.append(SearchPage(query.label, model, took, shown, *counted, query.text))
        return pages

    def tell(self, chance: float, fits: bool) -> None:
        """The library's owner says of a hit of words with that chance that it is, or is not, what was asked for."""
        self.judge.tell(self._models.embedder(self._library.active_model).space, chance, fits)

    def take_back(self) -> None:
        """Forget the last that was said."""
        self.judge.take_back(self._models.embedder(self._library.active_model).space)

    def _hits(self, found: Sequence[Sequence[Found]]) -> list[list[SearchHit]]:
        """With what is shown of each; images hidden meanwhile are left out."""
        shown = self._catalog.shown(list({hit.image_id for some in found for hit in some}))
        objects = list({hit.segment for some in found for hit in some if hit.segment})
        segments = self._catalog.objects.by_id(objects) if objects else {}
        shown = {id_: row for id_, row in shown.items() if is_id(id_)}
        return [[_hit(hit, shown[hit.image_id], segments) for hit in some if hit.image_id in shown] for some in found]

    def open_picture(self, source: Path | IO[bytes]) -> Image.Image:
        """An example picture, decoded as indexing does, so that a picture of the library finds itself first.

        Raises UnreadableImage; OSError for a path that can't be opened.
        """
        embedder = self._models.embedder(self._library.active_model)
        return self._reader.read(source, decode_side(embedder))[0]

    def _unseen(self, model: str, mode: Mode) -> tuple[Notice, ...]:
        """Why nothing can be found in a library that does hold images."""
        images, _, _ = self._catalog.counts()
        if not images:
            return ()
        if mode == "objects":
            return (NO_OBJECTS,)
        sentence = f"The {images:,} photos of the library are not indexed with the model {model} yet."
        return (Notice("other-model", sentence),)


class _Lookup:
    """What one search looks through: the model's vectors of whole images, and of objects in them."""

    def __init__(
        self, catalog: Catalog, store: Store, models: ModelManager, model: str, only: PhotoFilter | None
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._embedder = models.embedder(model)
        self._only = only
        self._names: dict[Kind, str] = {
            kind: library_collection(self._embedder.space, kind) for kind in ("image", "object")
        }
        self.images = self.objects = 0
        self.vectors: FloatArray = np.empty((0, 0), np.float32)
        """(q, D) of the queries that were looked for, each of norm 1."""

    @property
    def searched(self) -> int:
        return self.images or self.objects

    @property
    def compared(self) -> dict[Kind, int]:
        """How many of each kind a query was compared with: the best of more are nearer by chance alone."""
        return {"image": self.images, "object": self.objects}

    def found(self, queries: Sequence[Query], limit: int, mode: Mode) -> list[list[Found]]:
        """The ``limit`` best for each query, best first."""
        matrix = self.vectors = self._matrix(queries)
        images = self._images(matrix, limit) if mode != "objects" else []
        objects = self._objects(matrix, limit) if mode != "images" else []
        if mode == "both":
            rows = zip(matrix, images, objects, strict=True)
            return [merged(whole, inside, self._whole(row, inside))[:limit] for row, whole, inside in rows]
        return objects if mode == "objects" else images

    def _images(self, matrix: FloatArray, limit: int) -> list[list[Found]]:
        name = self._names["image"]
        self.images = self._catalog.vectors.count(name, self._only)
        found = self._store.search(name, matrix, limit, self._only) if self.images else [[] for _ in matrix]
        return [wholes(matches) for matches in found]

    def own(self, query: Query) -> set[str]:
        """Ids of the images that a query was taken from."""
        return {id_ for id_ in (query.like and self._place(query.like)[1], query.part_of) if id_}

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

    def _matrix(self, queries: Sequence[Query]) -> FloatArray:
        """(q, D), each row of norm 1: the mean direction of everything a query holds.

        All words are encoded together.
        """
        words = list(dict.fromkeys(query.text for query in queries if query.text))
        texts = dict(zip(words, self._embedder.encode_texts(words), strict=True))
        rows = []
        for query in queries:
            parts: list[FloatArray] = [texts[query.text]] if query.text else []
            if query.image is not None:
                parts.append(self._embedder.encode_pixels(self._embedder.preprocess(query.image)[None])[0])
            if query.like is not None:
                parts.append(self._stored(query.like))
            mean = np.mean(parts, axis=0)
            rows.append(mean / max(float(np.linalg.norm(mean)), 1e-12))
        return np.asarray(rows, dtype=np.float32)

    def _stored(self, id_: str) -> FloatArray:
        stored = self._catalog.vectors.get(self._names[self._place(id_)[0]], id_)
        if stored is None:
            raise BadQuery("That picture is not indexed with the model in use.", "Re-index the library first.")
        return stored

    def _place(self, id_: str) -> tuple[Kind, str]:
        """What an id of the library stands for, an image or an object, and the id of the image that it is or is in."""
        image = self._catalog.vectors.images_of(self._names["object"], [id_]).get(id_)
        return ("object", image) if image else ("image", id_)


def _hit(found: Found, shown: Shown, segments: Mapping[str, StoredSegment]) -> SearchHit:
    stored = segments.get(found.segment or "")
    size = (shown.width, shown.height)
    if stored is None:
        return SearchHit(shown.id, shown.path_text, shown.name, found.score, size=size)
    return SearchHit(shown.id, shown.path_text, shown.name, found.score, "object", stored.segment.box, size, stored.id)


def _checked(query: Query) -> tuple[Query, tuple[Notice, ...]]:
    """The query with its text cleaned and cut, and what is to be said of it.

    Raises BadQuery where there is nothing to look for.
    """
    text = " ".join(query.text.replace("\0", " ").split())
    if not text and query.words_only:
        raise BadQuery("The query is empty.", "Describe what you are looking for, or give an example picture.")
    if len(text) <= MAX_CHARACTERS:
        return replace(query, text=text), ()
    sentence = f"The query has {len(text):,} characters; only the first {MAX_CHARACTERS:,} were used."
    return replace(query, text=text[:MAX_CHARACTERS]), (Notice("cut", sentence),)
