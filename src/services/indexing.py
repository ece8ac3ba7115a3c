"""Indexing: files in, committed images and vectors out, told as an iterator of events that every door consumes.

    discover -> stamp unchanged? already -> hash -> bytes known? no decode -> decode, thumbnail, model input (worker threads)
    -> encode in batches -> one catalogue transaction -> Chroma -> events

A bad file becomes a Skipped event, never an abort. Closing the iterator cancels; what was committed stays.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from src.config import Settings
from src.database.catalog import Catalog, FileRow, ImageRow
from src.database.vector_db import VectorDatabase, library_collection
from src.errors import LibraryUnusable, UnreadableImage, UnreadablePath
from src.models.model_manager import ModelManager
from src.processing import image_io
from src.processing.discovery import find_images
from src.processing.thumbnails import SIDE, thumbnail_path, write_thumbnail
from src.schema import Already, Embedder, FileStamp, FloatArray, FoundFile, ImageFacts, Indexed, JobEvent, Progress, Skipped

BATCH = 32
"""Pictures per encode and per transaction."""
BATCH_SECONDS = 2.0
"""A batch is committed after this long even if it is not full."""


@dataclass(frozen=True)
class _Read:
    """A file after the worker threads are done with it. ``pixels`` is None where the library has the vector already."""

    found: FoundFile
    stamp: FileStamp
    image_id: str
    sha256: str = ""
    facts: ImageFacts | None = None
    pixels: FloatArray | None = None


class IndexingService:
    """Brings pictures into the library under one model."""

    def __init__(self, settings: Settings, catalog: Catalog, vectors: VectorDatabase, models: ModelManager) -> None:
        self._settings = settings
        self._catalog = catalog
        self._vectors = vectors
        self._models = models

    def index_paths(self, paths: Sequence[Path], model: str) -> Iterator[JobEvent]:
        """Every picture at or under the paths.

        A path that can't be read is told as Skipped and the others are indexed; then UnreadablePath is raised.
        """
        found: list[FoundFile] = []
        unreadable: UnreadablePath | None = None
        for path in paths:
            try:
                for item in find_images(path):
                    if isinstance(item, Skipped):
                        yield item
                    else:
                        found.append(item)
                        if len(found) % 1000 == 0:
                            yield Progress(0, None, current=item.name)
            except UnreadablePath as error:
                unreadable = error
                yield Skipped(image_io.display_text(path), error.user_message)
        yield from self.index_files(found, model)
        if unreadable:
            raise unreadable

    def index_files(self, found: Sequence[FoundFile], model: str) -> Iterator[JobEvent]:
        """Exactly these files, in order. An upload that can't be indexed, or that the library has already, is deleted from its store."""
        run = _Run(self._settings, self._catalog, self._vectors, self._models.embedder(model))
        yield Progress(0, len(found))
        for done, (event, item) in enumerate(run.events(found), 1):
            if item.uploaded and not isinstance(event, Indexed):
                self._drop_upload(item.path)
            yield event
            yield Progress(done, len(found), current=item.name)

    def reindex(self, model: str) -> Iterator[JobEvent]:
        """Give every image that lacks one a vector of ``model``; one whose file can't be found now is skipped."""
        missing = self._catalog.without_vector(library_collection(self._models.embedder(model).space))
        found, lost = [], []
        for image_id in missing:
            places = [(Path(os.fsdecode(path)), name) for path, _, name, _ in self._catalog.paths_of(image_id)]
            place = next(((path, name) for path, name in places if path.exists()), None)
            if place:
                found.append(FoundFile(*place))
            elif places:
                lost.append(Skipped(image_io.display_text(places[0][0]), "The file is not there now."))
        yield from lost
        yield from self.index_files(found, model)

    def _drop_upload(self, path: Path) -> None:
        """Delete a stored upload that no catalogue row needs. Only files inside the uploads folder are ever touched."""
        if path.parent == self._settings.uploads_dir and os.fsencode(path) not in self._catalog.files_under(os.fsencode(path)):
            path.unlink(missing_ok=True)


class _Run:
    """One pass over a list of files: a bounded look-ahead of worker threads, and batches of their results."""

    def __init__(self, settings: Settings, catalog: Catalog, vectors: VectorDatabase, embedder: Embedder) -> None:
        self._settings = settings
        self._catalog = catalog
        self._vectors = vectors
        self._embedder = embedder
        self._collection = library_collection(embedder.space)
        catalog.vectors.create(self._collection, embedder.dimensions, "library")
        vectors.open_index(self._collection)
        self._encoded = catalog.vectors.ids(self._collection)
        self._known_files = catalog.files_under()
        self._visible = {image_id for _, image_id in self._known_files.values()}

    def events(self, found: Sequence[FoundFile]) -> Iterator[tuple[JobEvent, FoundFile]]:
        """One event for each file, in the order given (a batch's come together, after its commit)."""
        workers = max(2, min(8, os.cpu_count() or 2))
        waiting: deque[tuple[FoundFile, Future[_Read]]] = deque()
        batch: list[_Read | tuple[JobEvent, FoundFile]] = []
        todo, started = iter(found), time.monotonic()
        pool = ThreadPoolExecutor(workers, "decode")
        try:
            while True:
                while len(waiting) < BATCH + 2 * workers and (item := next(todo, None)):
                    waiting.append((item, pool.submit(self._read, item)))
                if not waiting:
                    break
                batch.append(_outcome(*waiting.popleft()))
                if len(batch) >= BATCH or time.monotonic() - started > BATCH_SECONDS:
                    yield from self._commit(batch)
                    batch, started = [], time.monotonic()
            yield from self._commit(batch)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _read(self, item: FoundFile) -> _Read:
        """In a worker thread: as little of the file as tells what must be known of it. Raises UnreadableImage."""
        try:
            stamp = image_io.stamp_of(item.path.stat())
            known = self._known_files.get(os.fsencode(item.path))
            if known and known[0] == stamp and known[1] in self._encoded:
                return _Read(item, stamp, known[1])
            with item.path.open("rb") as file:
                sha256 = image_io.content_hash(file)
                image_id = image_io.image_id(sha256)
                if image_id in self._encoded and thumbnail_path(self._settings.thumbs_dir, image_id).exists():
                    return _Read(item, stamp, image_id, sha256)
                image, facts = image_io.decode(file, self._settings.max_megapixels, decode_side(self._embedder))
        except OSError as error:
            raise UnreadableImage(_why(error)) from error
        self._store_thumbnail(image, image_id)
        return _Read(item, stamp, image_id, sha256, facts, self._embedder.preprocess(image))

    def _store_thumbnail(self, image: Image.Image, image_id: str) -> None:
        try:
            write_thumbnail(image, self._settings.thumbs_dir, image_id)
        except OSError as error:
            raise LibraryUnusable(
                f"A thumbnail could not be stored ({error.strerror or error}); the job has stopped.",
                f"Check the space on the disk that holds {self._settings.data_dir}, then start it again: it goes on where it was.",
            ) from error

    def _commit(self, batch: Sequence[_Read | tuple[JobEvent, FoundFile]]) -> list[tuple[JobEvent, FoundFile]]:
        """Encode what is new, store the batch in one transaction, index it; then, and only then, tell."""
        reads = [item for item in batch if isinstance(item, _Read)]
        vectors = self._encode(reads)
        before = {read.image_id for read in reads} & self._visible
        images = {read.image_id: _image_row(read, read.facts) for read in reads if read.facts is not None}
        rows = _file_rows(reads, before)
        hidden = self._catalog.commit_batch(self._collection, list(images.values()), rows, vectors)
        self._encoded.update(vectors)
        self._visible.update(read.image_id for read in reads)
        self._update_index(vectors, {row.image_id for row in rows} - before, hidden)
        new = set(vectors) | {read.image_id for read in reads} - before
        return [(_event(item, new), item.found) if isinstance(item, _Read) else item for item in batch]

    def _encode(self, reads: Sequence[_Read]) -> dict[str, FloatArray]:
        """Image id -> vector, for those of the batch that the library has none of yet; same bytes twice are encoded once."""
        fresh = {read.image_id: read.pixels for read in reads if read.pixels is not None and read.image_id not in self._encoded}
        if not fresh:
            return {}
        return dict(zip(fresh, self._embedder.encode_pixels(np.stack(list(fresh.values()))), strict=True))

    def _update_index(self, vectors: dict[str, FloatArray], shown: set[str], hidden: Sequence[str]) -> None:
        """Chroma follows the catalogue: new vectors, those of images that are shown (again), and not those just hidden."""
        wanted = dict(vectors)
        for image_id in shown - set(vectors):
            stored = self._catalog.vectors.get(self._collection, image_id)
            if stored is not None:
                wanted[image_id] = stored
        if wanted:
            self._vectors.push(self._collection, list(wanted), np.stack(list(wanted.values())))
        self._vectors.remove(self._collection, hidden)
        self._visible.difference_update(hidden)


def decode_side(embedder: Embedder) -> int:
    """Short side in pixels at which a picture is decoded: enough for the thumbnail, and twice what the model looks at."""
    return max(2 * embedder.min_side, SIDE)


def _event(read: _Read, new: set[str]) -> JobEvent:
    """Indexed for the first file of a new image (which is then taken out of ``new``), Already for every other."""
    path = image_io.display_text(read.found.path)
    if read.image_id not in new:
        return Already(path)
    new.discard(read.image_id)
    return Indexed(read.image_id, path)


def _outcome(item: FoundFile, future: Future[_Read]) -> _Read | tuple[JobEvent, FoundFile]:
    """The worker's result, or the Skipped event that its error stands for. Metadata stay bound to their own file."""
    try:
        return future.result()
    except UnreadableImage as error:
        return Skipped(item.name if item.uploaded else image_io.display_text(item.path), error.user_message), item


def _image_row(read: _Read, facts: ImageFacts) -> ImageRow:
    return ImageRow(read.image_id, read.sha256, facts, read.stamp.size)


def _file_rows(reads: Sequence[_Read], before: set[str]) -> list[FileRow]:
    """A row for every file of the user's own that is new or changed; for an upload only if it is its image's first file.

    before: those of the images that had a file already.
    """
    rows: list[FileRow] = []
    has_file = set(before)
    for read in reads:
        path = read.found.path
        if read.sha256 and not (read.found.uploaded and read.image_id in has_file):
            text = image_io.display_text(path)
            rows.append(FileRow(os.fsencode(path), text, read.found.name, read.image_id, read.stamp, read.found.uploaded))
            has_file.add(read.image_id)
    return rows


def _why(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "There is no permission to read it."
    if isinstance(error, FileNotFoundError):
        return "The file is not there any more."
    return f"It can't be read: {error.strerror or error}."
