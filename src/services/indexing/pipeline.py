"""From files to committed images and vectors, in order, with bounded memory.

what the catalogue knows, some files at a time -> unchanged, or one of very many that were moved? nothing is read
-> SHA-256 -> bytes known? no decode -> decode, thumbnail, model input (worker threads)
-> encode in batches -> one transaction of the store -> events; the index follows while the next batch is encoded
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from PIL import Image

from src import originals
from src.config import Settings
from src.database.catalog.bin import Discarded as Gone
from src.database.catalog.catalog import Catalog, ImageRow
from src.database.catalog.files import KnownFile, Refusal
from src.database.embeddings import library_collection
from src.database.store import Store
from src.errors import LibraryUnusable, UnreadableImage
from src.processing.decoding import image_io
from src.processing.decoding.reader import READER, PictureReader
from src.processing.disks import Disks
from src.processing.thumbnails import SIDE, thumbnail_path, write_thumbnail
from src.schema import Embedder, FileStamp, FloatArray, FoundFile, JobEvent, Timings
from src.services.indexing.lookahead import Begun, Slow, batches
from src.services.indexing.outcomes import Discarded, Outcome, Read, Refused, event_of, file_rows, refusal_of, why
from src.services.indexing.stage_timer import Stopwatch

log = logging.getLogger(__name__)

ENCODE_BATCH = 32
"""Pictures per encode."""
COMMIT_FILES = 200
"""Files per transaction at most."""
LOOKUP = 256
"""Files whose entries in the catalogue are fetched at a time."""
READ_MOVED = 300
"""So many files that look like known ones under a new path are read in a pass; the others' turn comes later."""
UNSURE = 1
"""The ctime noted of a file that is trusted: it is none that a file has."""


@dataclass(frozen=True)
class _Entry:
    """What the catalogue knows of a file before it is looked into. ``usable``: the image it names has its vector.

    ``likely``: the image that it holds unless reading tells otherwise.
    """

    stamp: FileStamp
    known: KnownFile | None
    image_id: str | None
    usable: bool
    refusal: Refusal | None
    likely: str | None = None
    discarded: FileStamp | None = None
    """How the file was when its photo was removed for good."""


class Pipeline:
    """One pass over a sequence of files under one model."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        store: Store,
        reader: PictureReader,
        embedder: Embedder,
        careful: bool = False,
    ) -> None:
        """careful: every picture is decoded in a process of its own, as after a crash."""
        self._settings = settings
        self._catalog = catalog
        self._store = store
        self._reader = reader
        self._embedder = embedder
        self._careful = careful
        self.returned = 0
        """Images that had been hidden and are shown again."""
        self.renumbered: set[tuple[int, int]] = set()
        """(old, new) numbers of disks on which files were met that have not changed otherwise."""
        self.untold = 0
        """Events of what is committed already that are still to come: who stops before they do counts too little."""
        self._moved_read = 0
        self._wanted = False
        self._watch = Stopwatch()
        self._stop = threading.Event()
        self._collection = library_collection(embedder.space)
        store.prepare(self._collection, embedder.dimensions)

    def events(self, found: Iterable[FoundFile], wanted: bool = False) -> Iterator[tuple[JobEvent | None, FoundFile]]:
        """One event a file, in the order given (a batch's together, after its commit); None while one takes long.

        wanted: the user adds these files now, so photos that he had removed are back. Else those stay in the bin, and
        files whose photos were removed for good are left alone. Closing the iterator cancels: what is being read is
        left at its next block.
        """
        self._wanted = wanted
        workers = max(2, min(8, os.cpu_count() or 2))
        self._stop = threading.Event()  # of this pass alone: a sync goes through one folder after the other
        pool = ThreadPoolExecutor(workers, "decode")
        todo = self._started(found, pool)
        try:
            waits = partial(self._watch.timing, "wait")
            steps: Iterator[list[Outcome] | Slow[FoundFile]] = batches(todo, ENCODE_BATCH + 2 * workers, _full, waits)
            for batch in steps:
                if isinstance(batch, Slow):
                    yield None, batch.item
                else:
                    yield from self._told(self._commit(batch))
        finally:
            self._stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            self._store.settle()

    def _told(self, events: Sequence[tuple[JobEvent, FoundFile]]) -> Iterator[tuple[JobEvent, FoundFile]]:
        self.untold = len(events)
        for event in events:
            self.untold -= 1
            yield event

    def timings(self) -> Timings:
        """Where the time went so far."""
        return Timings(self._watch.seconds())

    # ------------------------------------------------------------ before a file is read

    def _started(
        self, found: Iterable[FoundFile], pool: ThreadPoolExecutor
    ) -> Iterator[Outcome | Begun[FoundFile, Outcome]]:
        """What can be told from the catalogue at once, and for every other file its reading by a worker thread."""
        files = iter(found)
        while chunk := list(itertools.islice(files, LOOKUP)):
            entries = self._entries(chunk, list(pool.map(partial(_stamp, disks=Disks()), chunk)))
            for item, entry in zip(chunk, entries, strict=True):
                if isinstance(entry, Refused):
                    yield entry
                else:
                    yield self._known(item, entry) or Begun(
                        item, pool.submit(self._read, item, entry.stamp, entry.likely)
                    )

    def _entries(self, chunk: Sequence[FoundFile], stamps: Sequence[FileStamp | Refused]) -> list[_Entry | Refused]:
        paths = [os.fsencode(item.path) for item in chunk]
        known = self._catalog.files.at(paths)
        refusals = self._catalog.files.refusals_at(paths)
        strange = [
            stamp
            for path, stamp in zip(paths, stamps, strict=True)
            if path not in known and isinstance(stamp, FileStamp)
        ]
        moved = self._catalog.files.with_stamps(strange)
        named = {file.image_id for file in known.values()} | set(moved.values())
        usable = self._usable(named) | (set() if self._wanted else self._catalog.bin.among(named))
        discarded = {} if self._wanted else self._catalog.bin.discarded_at(paths)
        entries: list[_Entry | Refused] = []
        for path, stamp in zip(paths, stamps, strict=True):
            if isinstance(stamp, Refused):
                entries.append(stamp)
                continue
            file = known.get(path)
            same = file if file and image_io.same_file(file.stamp, stamp) else None
            if file and image_io.looks_same(file.stamp, stamp):
                self.renumbered.add((file.stamp.device, stamp.device))
            image_id = same.image_id if same else None
            if not same and (likely := self._likely(file, stamp, moved)) in usable:
                if self._moved_read >= READ_MOVED:
                    image_id, stamp, likely = likely, replace(stamp, ctime_ns=UNSURE), None
                self._moved_read += 1
            else:
                likely = None
            gone = discarded[path].stamp if path in discarded else None
            entries.append(_Entry(stamp, file, image_id, image_id in usable, refusals.get(path), likely, gone))
        return entries

    @staticmethod
    def _likely(file: KnownFile | None, stamp: FileStamp, moved: Mapping[FileStamp, str]) -> str | None:
        """The image of a file moved here, now or before it was trusted: its ctime can't tell whether it was edited."""
        if file is None:
            return moved.get(stamp)
        return file.image_id if file.stamp.ctime_ns == UNSURE and image_io.looks_same(file.stamp, stamp) else None

    def _usable(self, ids: set[str]) -> set[str]:
        return self._catalog.encoded(self._collection, list(ids))

    def _known(self, item: FoundFile, entry: _Entry) -> Outcome | None:
        """What the catalogue tells of a file that has not changed; None where it must be read."""
        refusal = entry.refusal
        if refusal and refusal.stamp == entry.stamp and refusal.reader == READER:
            return Refused(item, refusal.reason)
        if entry.discarded and image_io.same_file(entry.discarded, entry.stamp):
            return Discarded(item)
        if not entry.usable or entry.image_id is None:
            return None
        unchanged = entry.known is not None and entry.known.stamp == entry.stamp and not entry.known.missing
        return Read(item, entry.stamp, entry.image_id, stored=unchanged)

    # ------------------------------------------------------------ in a worker thread

    def _read(self, item: FoundFile, stamp: FileStamp, likely: str | None) -> Outcome:
        """As little of the file as tells what must be known of it."""
        try:
            with originals.open_picture(item.path) as file:
                with self._watch.timing("read"):
                    stamp = replace(image_io.stamp_of(os.fstat(file.fileno())), device=stamp.device)
                    sha256 = image_io.content_hash(file, self._stop.is_set)
                image_id = image_io.image_id(sha256)
                if not self._wanted and self._catalog.bin.discarded_among([image_id]):
                    return Discarded(item, image_id, stamp)
                if thumbnail_path(self._settings.thumbs_dir, image_id).exists() and self._usable({image_id}):
                    return Read(item, stamp, image_id, sha256)
                with self._watch.timing("decode"):
                    image, facts = self._reader.read(
                        file, decode_side(self._embedder), self._careful, self._stop.is_set
                    )
                originals.refuse_changed(file, stamp.mtime_ns, stamp.size)
        except FileNotFoundError as error:
            return Refused(item, why(error))
        except (OSError, UnreadableImage) as error:
            lasting = isinstance(error, UnreadableImage) and error.lasting
            if likely and not lasting:
                return Read(item, replace(stamp, ctime_ns=UNSURE), likely)
            return Refused(
                item, why(error) if isinstance(error, OSError) else error.user_message, stamp if lasting else None
            )
        with self._watch.timing("thumbnail"):
            self._store_thumbnail(image, image_id)
        with self._watch.timing("prepare"):
            pixels = self._embedder.preprocess(image)
        return Read(item, stamp, image_id, sha256, facts, pixels)

    def _store_thumbnail(self, image: Image.Image, image_id: str) -> None:
        try:
            write_thumbnail(image, self._settings.thumbs_dir, image_id)
        # something else lies in its place: it is shown without one
        except (FileExistsError, IsADirectoryError, NotADirectoryError):
            log.exception("there is no place for the thumbnail of %s", image_id)
        except OSError as error:
            raise LibraryUnusable(
                f"A thumbnail could not be stored ({error.strerror or error}); the job has stopped.",
                f"Check the space on the disk that holds {self._settings.data_dir}, "
                "then start it again: it goes on where it was.",
            ) from error

    # ------------------------------------------------------------ commit

    def _commit(self, batch: Sequence[Outcome]) -> list[tuple[JobEvent, FoundFile]]:
        """Encode what is new and store the batch in one transaction; then, and only then, tell."""
        reads = [item for item in batch if isinstance(item, Read)]
        before = self._catalog.visible(list({read.image_id for read in reads}))
        ids = {read.image_id for read in reads}
        binned, staying = self._catalog.bin.among(ids), self._catalog.bin.staying(ids)
        if self._wanted:
            reads = [replace(read, stored=read.stored and read.image_id not in binned) for read in reads]
        self._note_discarded([item for item in batch if isinstance(item, Discarded) and item.stamp])
        rows = file_rows(reads, before - self._without_file(reads, before))
        refusals = [
            refusal_of(item) for item in batch if isinstance(item, Refused) and item.stamp and not item.found.uploaded
        ]
        vectors: dict[str, FloatArray] = {}
        if rows or refusals:
            vectors = self._encode(reads)
            images = {
                read.image_id: ImageRow(read.image_id, read.sha256, read.facts, read.stamp.size)
                for read in reads
                if read.facts
            }
            wanted = {read.image_id for read in reads} if self._wanted else set()
            self._store.commit(
                self._collection, list(images.values()), rows, vectors, refusals, self._watch.timing, wanted
            )
        hidden = set() if self._wanted else staying
        self.returned += len({read.image_id for read in reads} - before - set(vectors) - hidden)
        new = set(vectors)
        return [(event_of(item, new), item.found) for item in batch]

    def _note_discarded(self, items: Sequence[Discarded]) -> None:
        """The bytes of photos that were removed for good are at these places now; what was there before is not."""
        paths = [os.fsencode(item.found.path) for item in items]
        self._catalog.files.lose(paths)
        self._catalog.bin.note_discarded(
            [Gone(path, item.image_id, item.stamp) for path, item in zip(paths, items, strict=True) if item.stamp]
        )

    def _without_file(self, reads: Sequence[Read], known: set[str]) -> set[str]:
        """Images of uploads none of whose files is there now, whatever was seen last: the upload is the only copy."""
        uploads = {read.image_id for read in reads if read.found.uploaded and read.image_id in known}
        return {image for image in uploads if not self._is_somewhere(image)}

    def _is_somewhere(self, image_id: str) -> bool:
        files = self._catalog.files.at([path for path, *_ in self._catalog.paths_of(image_id)])
        return any(_is_at(path, file.stamp) for path, file in files.items())

    def _encode(self, reads: Sequence[Read]) -> dict[str, FloatArray]:
        """Image id -> vector, for those of the batch that have none yet; the same bytes are encoded once."""
        fresh = {read.image_id: read.pixels for read in reads if read.pixels is not None}
        for image_id in self._usable(set(fresh)):  # committed by the batch before, while this one was read
            del fresh[image_id]
        if not fresh:
            return {}
        with self._watch.timing("encode"):
            return dict(zip(fresh, self._embedder.encode_pixels(np.stack(list(fresh.values()))), strict=True))


def decode_side(embedder: Embedder) -> int:
    """Short side in pixels at which a picture is decoded: enough for the thumbnail, and half more than for the model.

    Measured, vectors then have a mean cosine of 0.998 or more to those of a full decode, also where the picture is
    nothing but detail.
    """
    return max(3 * embedder.min_side // 2, SIDE)


def _full(batch: Sequence[Outcome]) -> bool:
    return (
        len(batch) >= COMMIT_FILES
        or sum(isinstance(item, Read) and item.pixels is not None for item in batch) >= ENCODE_BATCH
    )


def _stamp(item: FoundFile, disks: Disks) -> FileStamp | Refused:
    """The disk is that of the folder, also of a link."""
    try:
        return replace(image_io.stamp_of(item.path.stat()), device=disks.of(item.path.parent))
    except OSError as error:
        return Refused(item, why(error))


def _is_at(path: bytes, stamp: FileStamp) -> bool:
    """Whether the file at a path is surely the one that had this stamp."""
    try:
        return image_io.same_file(stamp, image_io.stamp_of(os.stat(path)))
    except OSError:
        return False
