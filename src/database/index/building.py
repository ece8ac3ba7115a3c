"""Building the index of one collection from nothing, out of the vectors that the catalogue has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from src.database.catalog.vectors import VectorTable
from src.database.disk_space import check_space, index_bytes
from src.database.index.hnsw import BATCH
from src.database.index.protocol import Index
from src.database.index.reach import Reach
from src.schema import Progress


def require_space(vectors: VectorTable, index: Index, folder: Path, name: str) -> None:
    """Raise LibraryUnusable where the disk that holds the index's ``folder`` has too little space for it."""
    if index.local:  # a server's disk is its own affair; the old index gives its room back
        counters = vectors.counters(name)
        more = index_bytes(counters.rows, counters.dimensions) - index.flush_bytes()
        check_space(folder, max(0, more), f"the search index of {name}")


def fill(
    vectors: VectorTable, index: Index, reach: Reach, name: str, writing: AbstractContextManager[object]
) -> Iterator[Progress]:
    """Fill a collection that was begun just now, and look what the index does not find. Raises IndexFailed.

    writing: taken for each write by itself, so that others get their turn in between.
    """
    total, done = vectors.count_all(name), 0
    for ids, matrix in vectors.blocks(name, BATCH, hidden=True):
        with writing:
            index.upsert(name, ids, matrix)
        done += len(ids)
        yield Progress(done, total, "vectors")
    with writing:
        index.finish(name)
    for _ in reach.look(name):
        yield Progress(done, total, "vectors")
