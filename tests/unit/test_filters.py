"""Filters: the same photos pass whichever way a search goes, and nothing is out of date."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from src.config import Settings
from src.database.catalog.catalog import ImageRow
from src.database.catalog.files import FileRow
from src.database.nearest import in_memory, planner
from src.database.vector_db import VectorDatabase, library_collection, normalised
from src.errors import BadInput
from src.schema import FileStamp, ImageFacts, PhotoFilter

NAME = library_collection("made-up")
RNG = np.random.default_rng(5)
VECTORS = normalised(normalised(RNG.normal(size=(900, 24))).astype(np.float16))
"""As the catalogue gives them back."""


def add(db: VectorDatabase, numbers: range) -> None:
    """Photo n was taken on day n % 30 + 1 of January 2024 (every ninth has no date) and lies in folder n % 3."""
    images, files = [], []
    for n in numbers:
        taken = None if n % 9 == 0 else f"2024-01-{n % 30 + 1:02}T23:59:59"
        images.append(ImageRow(f"id{n}", f"{n:064}", ImageFacts(10, 10, "JPEG", taken), 1))
        path = f"/photos/{n % 3}/{n}.jpg"
        files.append(FileRow(path.encode(), path, f"{n}.jpg", f"id{n}", FileStamp(1, n + 1, 1, 1)))
    db.commit(NAME, images, files, {f"id{n}": VECTORS[n] for n in numbers})
    db.settle()


WAYS = {
    "in memory": (64 << 20, 1 << 30, 4000),
    "from the catalogue": (0, 0, 0),
    "half precision": (0, 1 << 30, 0),
    "index": (0, 0, 4000),
}


@pytest.fixture(params=WAYS)
def db(settings: Settings, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[VectorDatabase]:
    small, large, most = WAYS[request.param]
    monkeypatch.setattr(in_memory, "SMALL_BYTES", small)
    monkeypatch.setattr(in_memory, "LARGE_BYTES", large)
    monkeypatch.setattr(planner, "MOST", most)
    monkeypatch.setattr(planner, "LEAST", 0)
    with VectorDatabase(settings) as opened:
        opened.catalog.vectors.create(NAME, 24, "library")
        if request.param != "half precision":
            opened.index.open(NAME)
        add(opened, range(800))
        yield opened


def passes(n: int, only: PhotoFilter) -> bool:
    taken = None if n % 9 == 0 else f"2024-01-{n % 30 + 1:02}"
    in_time = not (only.since or only.until) or (
        taken is not None and (only.since or "") <= taken <= (only.until or "9")
    )
    return in_time and (only.folder is None or only.folder == f"/photos/{n % 3}")


FILTERS = {
    "one day": PhotoFilter(since="2024-01-07", until="2024-01-07"),
    "from a day on": PhotoFilter(since="2024-01-16"),
    "to a day": PhotoFilter(until="2024-01-03"),
    "a folder": PhotoFilter(folder="/photos/2"),
    "a folder and a span": PhotoFilter("/photos/1", "2024-01-10", "2024-01-20"),
    "nothing passes": PhotoFilter(since="2025-01-01"),
    "the end of time": PhotoFilter(until="9999-12-31"),
}


def search(db: VectorDatabase, only: PhotoFilter | None, limit: int = 15) -> list[str]:
    return [id_ for id_, _ in db.search(NAME, VECTORS[3:4], limit, only)[0]]


def truth(
    only: PhotoFilter | None, limit: int = 15, number: int = 800, gone: frozenset[int] = frozenset()
) -> list[str]:
    order = np.argsort(-(VECTORS[:number] @ VECTORS[3]))
    return [f"id{n}" for n in order if n not in gone and (only is None or passes(int(n), only))][:limit]


@pytest.mark.parametrize("only", FILTERS.values(), ids=FILTERS)
def test_the_best_of_those_that_pass_are_found(db: VectorDatabase, only: PhotoFilter) -> None:
    assert search(db, only) == truth(only)
    assert db.catalog.vectors.count(NAME, only) == sum(passes(n, only) for n in range(800))


def test_what_was_counted_and_kept_is_never_out_of_date(db: VectorDatabase) -> None:
    folder, span = PhotoFilter(folder="/photos/0"), PhotoFilter(since="2024-01-05", until="2024-01-25")
    for only in (None, folder, span):
        assert search(db, only) == truth(only)
    add(db, range(800, 900))
    for only in (None, folder, span):
        assert search(db, only) == truth(only, number=900), "photos were added"
    best = [int(id_[2:]) for id_ in truth(None, 30, 900)]
    db.catalog.files.lose([f"/photos/{n % 3}/{n}.jpg".encode() for n in best])
    for only in (None, folder, span):
        assert search(db, only) == truth(only, number=900, gone=frozenset(best)), "photos were hidden"
    assert db.catalog.vectors.count(NAME) == 870 and db.catalog.vectors.counters(NAME).rows == 900
    db.forget([f"id{n}" for n in best])
    assert (
        search(db, None) == truth(None, number=900, gone=frozenset(best))
        and db.catalog.vectors.counters(NAME).rows == 870
    )
    moved = FileRow(b"/photos/2/moved.jpg", "/photos/2/moved.jpg", "moved.jpg", "id0", FileStamp(1, 5000, 1, 1))
    db.catalog.commit_batch(NAME, [], [moved])
    assert db.catalog.vectors.count(NAME, PhotoFilter(folder="/photos/2")) == sum(
        n % 3 == 2 or n == 0 for n in set(range(900)) - set(best)
    )


def test_a_day_that_is_none_is_refused(db: VectorDatabase) -> None:
    for only in (PhotoFilter(since="yesterday"), PhotoFilter(until="2024-02-30")):
        with pytest.raises(BadInput, match="is no day"):
            search(db, only)


@pytest.mark.parametrize("folder", [None, "/photos/1"])
def test_a_span_that_ends_before_it_begins_is_refused(db: VectorDatabase, folder: str | None) -> None:
    with pytest.raises(BadInput, match="The first day, 2016-01-01, is after the last, 2015-01-01"):
        search(db, PhotoFilter(folder, "2016-01-01", "2015-01-01"))
    search(db, PhotoFilter(folder, "2016-01-01", "2016-01-01"))


def test_a_large_scan_gives_its_memory_back(db: VectorDatabase) -> None:
    search(db, None)
    db._finder._resident.release(NAME)
    small = in_memory.SMALL_BYTES > 0
    assert bool(db._finder._resident._held) == small and search(db, None) == truth(None)
