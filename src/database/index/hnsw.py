"""How the approximate index is built and searched, wherever it lives: its graph's settings, and when building pays."""

from __future__ import annotations

BATCH = 200
"""Vectors per upsert: Chroma holds the interpreter lock for the whole call, about 0.1 s for this many."""
HNSW = {"space": "cosine", "max_neighbors": 32, "ef_construction": 200}
"""With half of both an index is built in half the time, but finds only 89 % of the nearest ten among 1,000,000."""
LARGE = 300_000
"""Vectors from which on a search looks at more (``ef_search``) to find as much; fewer are found as surely sooner."""
DELETED_SHARE, DELETED_LEAST = 0.2, 200
"""Vectors deleted, as a share of those that are left, from which on building the index anew pays for itself."""
FLUSH = 1_000
"""Vectors after which Chroma writes a collection's files anew; as many may wait in its log at the next opening."""
FLUSH_AT_BUILDING = range(4_000, 6_001, BATCH)
"""The same while a large collection is built, where its growing files would else be written hundreds of times."""


class IndexFailed(Exception):
    """The index can't answer. Never shown to the user: the caller scans exactly and has the index rebuilt."""


def ef_search(vectors: int) -> int:
    """How many candidates a search keeps while it goes through the graph of so many vectors."""
    return 100 if vectors < LARGE else 200


def is_wasteful(deleted: int, left: int) -> bool:
    return deleted > DELETED_LEAST and deleted > DELETED_SHARE * left


def flush_at_building(total: int) -> int:
    """Vectors between two flushes while ``total`` are built in: the number that leaves the fewest over at the end."""
    return min(FLUSH_AT_BUILDING, key=lambda number: total % number) if total >= 10 * FLUSH_AT_BUILDING.start else FLUSH
