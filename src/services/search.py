"""Search: words and example pictures in, hits out, best first, with an honest word on whether anything fits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np
from PIL import Image

from src.database.catalog import Catalog
from src.database.vector_db import VectorDatabase, library_collection
from src.errors import BadInput, BadQuery
from src.models.model_manager import ModelManager
from src.processing.reader import PictureReader
from src.schema import FloatArray, PhotoFilter, SearchHit, SearchPage, Verdict
from src.services.library import LibraryService
from src.services.pipeline import decode_side

MAX_CHARACTERS = 1_000
"""Of a text query; no model reads further than its first 77 or 128 tokens."""
MAX_RESULTS = 1_000


@dataclass(frozen=True)
class Query:
    """What is looked for: words, an example picture, a picture of the library, or several of these (their vectors are averaged)."""

    text: str = ""
    image: Image.Image | None = None
    like: str | None = None
    """Id of an image of the library; it is left out of its own results."""

    @property
    def label(self) -> str:
        return self.text.strip() or ("(picture)" if self.image is not None else "(similar)")


class SearchService:
    """Searches the library under its active model, or under another that has vectors in it."""

    def __init__(
        self, catalog: Catalog, vectors: VectorDatabase, models: ModelManager, library: LibraryService, reader: PictureReader
    ) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._models = models
        self._library = library
        self._reader = reader

    def search(self, query: Query, limit: int = 20, model: str | None = None, only: PhotoFilter | None = None) -> SearchPage:
        """The ``limit`` best images for a query, of those that pass ``only``.

        Raises BadQuery for an empty one, BadInput for a filter that makes no sense, ModelError where the model can't be used.
        """
        return self.search_many([query], limit, model, only)[0]

    def search_many(
        self, queries: Sequence[Query], limit: int = 20, model: str | None = None, only: PhotoFilter | None = None
    ) -> list[SearchPage]:
        """One page for each query; they share the encode and the scan, and ``took_ms`` is their time divided by their number."""
        if not 1 <= limit <= MAX_RESULTS:
            raise BadInput(f"{limit} results can't be shown.", f"Ask for 1 to {MAX_RESULTS}.")
        cleaned = [_checked(query) for query in queries]
        if not cleaned:
            return []
        model = model or self._library.active_model
        started = time.perf_counter()
        collection = library_collection(self._models.embedder(model).space)
        only = None if only == PhotoFilter() else only
        searched = self._catalog.vectors.count(collection, only)
        matrix = self._matrix([query for query, _ in cleaned], model, collection)
        found = self._vectors.search(collection, matrix, limit + 1, only) if searched else [[] for _ in cleaned]
        shown = self._catalog.shown(list({id_ for matches in found for id_, _ in matches}))
        took = (time.perf_counter() - started) * 1000 / len(cleaned)
        pages = []
        unseen = None if searched or only else self._unseen(model)
        for (query, notice), matches in zip(cleaned, found, strict=True):
            hits = tuple(
                SearchHit(id_, shown[id_].path_text, shown[id_].name, score) for id_, score in matches if id_ in shown and id_ != query.like
            )[:limit]
            verdict = self._verdict(query, hits, model, searched)
            pages.append(SearchPage(query.label, model, took, hits, searched, verdict, unseen or notice, only is not None))
        return pages

    def open_picture(self, file: IO[bytes], model: str | None = None) -> Image.Image:
        """An example picture, decoded as indexing does, so that a picture of the library finds itself first. Raises UnreadableImage."""
        embedder = self._models.embedder(model or self._library.active_model)
        return self._reader.read(file, decode_side(embedder))[0]

    def _unseen(self, model: str) -> str | None:
        """Why nothing can be found in a library that does hold images."""
        images, _, _ = self._catalog.counts()
        return f"The {images:,} images of the library are not indexed with the model {model} yet." if images else None

    def _matrix(self, queries: Sequence[Query], model: str, collection: str) -> FloatArray:
        """(q, D), each row of norm 1: the mean direction of everything a query holds. All words are encoded together."""
        embedder = self._models.embedder(model)
        words = list(dict.fromkeys(query.text for query in queries if query.text))
        texts = dict(zip(words, embedder.encode_texts(words), strict=True))
        rows = []
        for query in queries:
            parts: list[FloatArray] = [texts[query.text]] if query.text else []
            if query.image is not None:
                parts.append(embedder.encode_pixels(embedder.preprocess(query.image)[None])[0])
            if query.like is not None:
                parts.append(self._stored(query.like, collection))
            mean = np.mean(parts, axis=0)
            rows.append(mean / max(float(np.linalg.norm(mean)), 1e-12))
        return np.asarray(rows, dtype=np.float32)

    def _stored(self, image_id: str, collection: str) -> FloatArray:
        stored = self._catalog.vectors.get(collection, image_id)
        if stored is None:
            raise BadQuery("That picture is not indexed with the model in use.", "Re-index the library first.")
        return stored

    def _verdict(self, query: Query, hits: Sequence[SearchHit], model: str, searched: int) -> Verdict:
        """weak only for words alone: how near pictures must be to one another is the reader's own judgement."""
        if not hits:
            return "empty"
        words_only = query.image is None and query.like is None
        return "weak" if words_only and hits[0].score < self._models.text_floor(model, searched) else "match"


def _checked(query: Query) -> tuple[Query, str | None]:
    """The query with its text cleaned and cut, and a sentence about the cut. Raises BadQuery where there is nothing to look for."""
    text = " ".join(query.text.replace("\0", " ").split())
    if not text and query.image is None and query.like is None:
        raise BadQuery("The query is empty.", "Describe what you are looking for, or give an example picture.")
    if len(text) <= MAX_CHARACTERS:
        return Query(text, query.image, query.like), None
    notice = f"The query has {len(text):,} characters; only the first {MAX_CHARACTERS:,} were used."
    return Query(text[:MAX_CHARACTERS], query.image, query.like), notice
