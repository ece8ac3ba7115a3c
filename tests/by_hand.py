"""A collection made by hand in a library that is open, as a script makes it with ``VectorDatabase``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from src.database.embeddings import normalised
from src.database.store import Store

MINE = "mine"


def add_by_hand(
    store: Store, embeddings: Sequence[Sequence[float]], ids: Sequence[str], metadatas: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Vectors of any scale, with their metadata, into the collection ``mine``."""
    matrix = normalised(np.asarray(embeddings, np.float32))
    store.catalog.vectors.create(MINE, matrix.shape[1], "user")
    store.index.open(MINE)
    store.put(MINE, dict(zip(ids, matrix, strict=True)), dict(zip(ids, metadatas or [{}] * len(ids), strict=True)))


def metadata_by_hand(store: Store, query: Sequence[float], number: int = 10) -> list[dict[str, Any]]:
    """Metadata of the nearest of ``mine``, best first."""
    ids = [id_ for id_, _ in store.search(MINE, normalised([query]), number)[0]]
    found = store.catalog.vectors.metadata_of(MINE, ids)
    return [found[id_] for id_ in ids]
