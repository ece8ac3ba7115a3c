"""The pipeline's order of things: the catalogue before the event, the index beside the next batch and complete at the
end, stages timed.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import pytest

from src.bootstrap import build_services
from src.config import Settings
from src.database.vector_db import library_collection
from src.errors import LibraryUnusable
from src.models.model_manager import ModelManager
from src.processing.decoding.reader import PictureReader
from src.processing.thumbnails import SIDE
from src.runtime import Services
from src.schema import FloatArray, FoundFile, Indexed, JobEvent, Progress, Skipped, Timings
from src.services.indexing import pipeline
from src.services.indexing.pipeline import decode_side
from src.services.indexing.stage_timer import STAGES, Stopwatch
from tests.conftest import make_photo, of
from tests.fakes import FakeEmbedder

PHOTOS, BATCH = 10, 2


class Watched(FakeEmbedder):
    """Says when it has begun with its second batch."""

    def __init__(self) -> None:
        super().__init__()
        self.batches = 0
        self.second = threading.Event()

    def encode_pixels(self, pixels: FloatArray) -> FloatArray:
        self.batches += 1
        if self.batches == 2:
            self.second.set()
        return super().encode_pixels(pixels)


@pytest.fixture
def embedder() -> Watched:
    return Watched()


@pytest.fixture
def opened(settings: Settings, embedder: Watched, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setattr(pipeline, "ENCODE_BATCH", BATCH)
    services = build_services(settings, models=ModelManager("builtin", settings, lambda *_: embedder))
    yield services
    services.close()


@pytest.fixture
def many(tmp_path: Path) -> Path:
    for number in range(PHOTOS):
        make_photo(tmp_path / "many" / f"{number:02}.png", seed=number, size=(20, 20))
    return tmp_path / "many"


def begin(services: Services, folder: Path) -> Iterator[JobEvent]:
    return services.handlers["index"]({"paths": [str(folder)]})


def in_index(services: Services) -> int:
    """Vectors that the index itself finds."""
    embedder = services.models.embedder()
    found = services.store.index.ask(library_collection(embedder.space), embedder.encode_texts(["red"]), 2 * PHOTOS)
    return len(found[0]) if found else 0


def test_a_batch_is_indexed_while_the_next_is_encoded(
    opened: Services, embedder: Watched, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push, overlapped = opened.store.index._reach.upsert, []

    def slow(name: str, ids: Sequence[str], matrix: FloatArray) -> None:
        overlapped.append(embedder.second.wait(20))
        push(name, ids, matrix)

    monkeypatch.setattr(opened.store.index._reach, "upsert", slow)
    assert len(of(begin(opened, many), Indexed)) == PHOTOS
    assert len(overlapped) == PHOTOS // BATCH and all(overlapped)
    assert in_index(opened) == PHOTOS


def test_what_is_told_is_committed_and_one_batch_at_most_waits_for_the_index(
    opened: Services, embedder: Watched, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push, pushed, told = opened.store.index._reach.upsert, 0, 0

    def counted(name: str, ids: Sequence[str], matrix: FloatArray) -> None:
        nonlocal pushed
        push(name, ids, matrix)
        pushed += len(ids)

    monkeypatch.setattr(opened.store.index._reach, "upsert", counted)
    for event in begin(opened, many):
        if isinstance(event, Indexed):
            told += 1
            assert opened.catalog.encoded(library_collection(embedder.space), [event.image_id])
            assert pushed >= told - 2 * BATCH
    assert pushed == told == PHOTOS


def test_closing_in_the_middle_leaves_index_and_catalogue_alike(
    opened: Services, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push, go = opened.store.index._reach.upsert, threading.Event()

    def held(name: str, ids: Sequence[str], matrix: FloatArray) -> None:
        assert go.wait(20)
        push(name, ids, matrix)

    monkeypatch.setattr(opened.store.index._reach, "upsert", held)
    events = begin(opened, many)
    while not isinstance(next(events), Indexed):
        pass
    threading.Timer(0.1, go.set).start()
    events.close()  # type: ignore[attr-defined]
    kept = opened.catalog.counts()[0]
    assert BATCH <= kept < PHOTOS
    assert in_index(opened) == kept


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes in folders")
def test_what_became_a_pipe_since_it_was_indexed_ends_with_a_sentence(opened: Services, many: Path) -> None:
    """Opening a pipe for reading waits for somebody who writes: nobody ever does."""
    list(begin(opened, many))
    file = many / "00.png"
    file.unlink()
    os.mkfifo(file)
    events = opened.indexing.index_files([FoundFile(file, file.name)], "builtin")
    skipped = of(ThreadPool(1).apply_async(lambda: list(events)).get(20), Skipped)
    assert [event.reason for event in skipped] == ["It is a pipe, not a picture file."]
    assert opened.catalog.files.refusals_at([os.fsencode(file)]) == {}


def test_what_is_no_picture_or_too_large_is_not_read_through(
    opened: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.processing.decoding.image_io.content_hash", lambda *_: pytest.fail("it was read through"))
    make_photo(tmp_path / "hollow" / "huge.png")
    os.truncate(tmp_path / "hollow" / "huge.png", 50 * 2**30)
    (tmp_path / "hollow" / "zeros.jpg").touch()
    os.truncate(tmp_path / "hollow" / "zeros.jpg", 2**30)
    reasons = [event.reason for event in of(begin(opened, tmp_path / "hollow"), Skipped)]
    assert reasons == [
        "The file has 50 GB, more than the limit of 4 GB.",
        "It is not a picture in a format that can be read.",
    ]


@pytest.mark.parametrize("grow", [True, False])
def test_a_file_that_is_written_to_while_it_is_read_is_taken_at_the_next_look(
    opened: Services, many: Path, monkeypatch: pytest.MonkeyPatch, grow: bool
) -> None:
    read, file = PictureReader.read, many / "03.png"

    def written(reader: PictureReader, source: Any, *more: Any) -> Any:
        if source.name == str(file):
            if grow:
                with file.open("ab") as end:
                    end.write(b"more")
            else:
                os.utime(file, ns=(1, 1))
        return read(reader, source, *more)

    monkeypatch.setattr(PictureReader, "read", written)
    assert [event.reason for event in of(begin(opened, many), Skipped)] == ["The file was changed while it was read."]
    monkeypatch.undo()
    assert [Path(event.path) for event in of(begin(opened, many), Indexed)] == [file]


def test_cancelling_is_asked_for_while_one_file_takes_long_and_ends_its_reading(
    opened: Services, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that grows as fast as it is read, or lies on a disk that is slow, must hold up neither a cancel nor the
    program's end.
    """
    started, ended = threading.Event(), threading.Event()

    class Growing(io.BytesIO):
        name = str(many / "00.png")

        def fileno(self) -> int:
            return descriptor

        def read(self, size: int | None = -1) -> bytes:
            started.set()
            return bytes(size or 1)

        def close(self) -> None:
            ended.set()

    descriptor = os.open(make_photo(many / "00.png"), os.O_RDONLY)
    os.truncate(many / "00.png", 2**40)
    monkeypatch.setattr("src.originals.open_picture", lambda path: Growing())
    events = begin(opened, many)
    told = next(event for event in events if started.is_set() and isinstance(event, Progress))
    assert told.done == 0
    ThreadPool(1).apply_async(events.close).get(20)  # type: ignore[attr-defined]
    os.close(descriptor)
    assert ended.is_set() and opened.catalog.counts()[0] == 0


def test_a_full_disk_stops_the_job_with_its_sentence_and_what_was_stored_is_indexed(
    opened: Services, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def full(*_: object) -> None:
        asked.append(1)
        if len(asked) == 3:
            raise LibraryUnusable("The disk is nearly full.")

    monkeypatch.setattr(opened.store.index, "require_space", full)
    with pytest.raises(LibraryUnusable, match="nearly full"):
        list(begin(opened, many))
    assert opened.catalog.counts()[0] == in_index(opened) == 2 * BATCH


def test_a_surprise_of_the_index_is_not_swallowed(
    opened: Services, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprise(*_: object) -> None:
        raise ZeroDivisionError("in the index")

    monkeypatch.setattr(opened.store.index._reach, "upsert", surprise)
    with pytest.raises(ZeroDivisionError, match="in the index"):
        list(begin(opened, many))


def test_every_stage_is_timed_and_told_once(opened: Services, embedder: Watched, many: Path) -> None:
    embedder.delay = 0.01
    told = of(begin(opened, many), Timings)
    assert len(told) == 1 and tuple(told[0].seconds) == STAGES
    assert all(seconds > 0 for seconds in told[0].seconds.values())
    assert told[0].seconds["encode"] >= PHOTOS * 0.01
    again = of(begin(opened, many), Timings)[0].seconds
    assert again["encode"] == again["read"] == again["decode"] == again["index"] == 0


def test_stages_add_up_over_threads_and_where_they_fail() -> None:
    watch = Stopwatch()
    gate = threading.Barrier(3)

    def work() -> None:
        with watch.timing("decode"):
            gate.wait(10)
            threading.Event().wait(0.02)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    gate.wait(10)
    for thread in threads:
        thread.join()
    with pytest.raises(OSError), watch.timing("read"):
        raise OSError
    assert watch.seconds()["decode"] >= 0.04
    assert watch.seconds()["read"] > 0 and watch.seconds()["encode"] == 0


def test_the_decode_keeps_enough_for_model_and_thumbnail() -> None:
    small, large = FakeEmbedder(), FakeEmbedder()
    small.min_side, large.min_side = 16, 336
    assert decode_side(small) == SIDE
    assert decode_side(large) == 504


def test_what_the_batch_before_committed_is_not_encoded_again(
    opened: Services, embedder: Watched, tmp_path: Path
) -> None:
    """Two copies that were read before the first of them was committed, and are in two batches."""
    photo = make_photo(tmp_path / "a.jpg")
    run = pipeline.Pipeline(
        opened.settings, opened.catalog, opened.store, opened.reader, opened.models.embedder(), False
    )
    stamp = pipeline._stamp(FoundFile(photo, "a.jpg"), pipeline.Disks())
    first, second = (run._read(FoundFile(photo, "a.jpg"), stamp, None) for _ in range(2))  # type: ignore[arg-type]
    vectors = run._encode([first])  # type: ignore[list-item]
    assert len(vectors) == 1 and embedder.encoded == 1
    opened.catalog.vectors.put(library_collection(embedder.space), vectors, {})
    assert run._encode([second]) == {} and embedder.encoded == 1  # type: ignore[list-item]
