"""The library's vectors, and their only writer: committed to the catalogue, followed by the index, found by cosine.

A write returns once the catalogue has it. The index follows on a thread of its own: of an indexing pass it lags one
batch at most, of every other write nothing.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Self

from src.config import Settings
from src.database.catalog.catalog import Catalog, ImageRow
from src.database.catalog.descriptions import DescriptionRow
from src.database.catalog.files import FileRow, Refusal
from src.database.catalog.kinds import DESCRIPTIONS, IMAGE, TEXT
from src.database.catalog.objects import Found
from src.database.embeddings import check_dimensions
from src.database.index.choice import chosen_index
from src.database.index.follower import Follower, Timing, untimed
from src.database.library_lock import LibraryLock
from src.database.nearest.exact import Match
from src.database.nearest.planner import Finder
from src.errors import BadInput, LibraryBusy, LibraryError, LibraryUnusable
from src.schema import FloatArray, PhotoFilter, Progress

log = logging.getLogger(__name__)


class Store:
    """Collections of vectors in the library, under its lock.

    ``read_only`` takes no lock, scans exactly and refuses writes. ``untouched``: read only, and no file is changed, not
    even to bring it up to date; others are kept from changing any meanwhile.

    Raises LibraryBusy where another process owns the library. Safe to use from several threads.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        catalog: Catalog | None = None,
        port: int | None = None,
        read_only: bool = False,
        untouched: bool = False,
    ) -> None:
        settings = settings or Settings.from_env()
        self._lock = LibraryLock(settings.lock_file)
        self.read_only = read_only = read_only or untouched
        self._lock.take(port, read_only, untouched)
        try:
            self.catalog = catalog or Catalog(
                settings.catalog_file, read_only, untouched, None if read_only else self._lock.check
            )
            if not read_only:
                self._lock.watch(self.catalog.path)
        except BaseException:
            self._lock.release()
            raise
        index = chosen_index(settings, self.catalog, read_only)
        self.index = Follower(
            self.catalog, index, settings.chroma_dir, self._lock.check, self._delete_damaged, read_only
        )
        self._finder = Finder(self.catalog.vectors, self.index.ask, self.index.answers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check_place(self) -> None:
        """Raise LibraryUnusable where the library's files were taken away or replaced while it was open."""
        self._lock.check()

    def close(self) -> None:
        """Close the index cleanly and let go of the library.

        One that was taken away is only let go of: nothing is written.
        """
        try:
            if not self.read_only:
                self._lock.check()
                self.index.close()
        except LibraryUnusable:
            log.exception("the library can't be closed cleanly")
            self.index.let_go()
        finally:
            self._lock.release()
            self.catalog.close()

    def app_is_running(self) -> bool:
        """Whether an app owns the library now and would take a job that is queued. For readers beside it."""
        return self._lock.serving()

    # ------------------------------------------------------------ searching

    def search(self, name: str, queries: FloatArray, limit: int, only: PhotoFilter | None = None) -> list[list[Match]]:
        """The ``limit`` nearest of a collection to each of (q, D) queries of norm 1, of images that pass ``only``.

        By the index where it is in step and the collection large, else by an exact scan of what may be found. Raises
        BadInput.
        """
        if limit < 1:
            raise BadInput(f"{limit} results can't be shown.", "Ask for at least 1.")
        check_dimensions(name, self.catalog.vectors.counters(name).dimensions, queries)
        return self._finder.nearest(name, queries, limit, only)

    # ------------------------------------------------------------ writing

    def prepare(self, name: str, dimensions: int, kind: str = IMAGE) -> None:
        """Before a pass that writes to a collection of the app's: it is made where there is none, and its index opened.

        Raises WrongDimensions where it has another length.
        """
        self._refuse_if_read_only()
        self.catalog.vectors.create(name, dimensions, "library", kind)
        self.index.open(name)

    def commit(
        self,
        name: str,
        images: Sequence[ImageRow],
        files: Sequence[FileRow],
        vectors: Mapping[str, FloatArray],
        refusals: Sequence[Refusal] = (),
        timing: Timing = untimed,
        wanted: Collection[str] = (),
    ) -> None:
        """Store a batch of a pass over files in one transaction: see ``Catalog.commit_batch``.

        The index follows while the next batch is prepared; a commit first waits for it to have followed the one before.
        Raises LibraryUnusable where the disk has too little space.
        """
        self.index.wait()
        with timing("store"):
            self.index.require_space(name)
            self.catalog.commit_batch(name, images, files, vectors, refusals, wanted)
        self.index.follow([name], timing)

    def settle(self) -> None:
        """Until the index has followed all that was committed."""
        self.index.wait()

    def replace_parts(self, name: str, recipe: str, found: Found) -> int:
        """Store what was found inside images in place of what they held.

        Returns how many parts were stored. Raises LibraryUnusable.
        """
        self.index.require_space(name)
        stored = self.catalog.objects.put(name, recipe, found)
        self._followed([name])
        return stored

    def put_descriptions(self, rows: Sequence[DescriptionRow], vectors: Mapping[str, FloatArray]) -> list[str]:
        """Store what was said of images, each with the vector (D,) of its words; returns the ids of those stored.

        See ``DescriptionTable.put``. Raises LibraryUnusable.
        """
        self._ready_for_words(vectors)
        stored = self.catalog.descriptions.put(rows, vectors)
        self._followed([DESCRIPTIONS])
        return stored

    def put_words(self, found: Mapping[str, tuple[str, FloatArray]]) -> None:
        """Store vectors (D,) of words that are said of images (ids) already. Raises LibraryUnusable."""
        self._ready_for_words({id_: vector for id_, (_, vector) in found.items()})
        self.catalog.descriptions.put_vectors(found)
        self._followed([DESCRIPTIONS])

    def _ready_for_words(self, vectors: Mapping[str, FloatArray]) -> None:
        """The collection of descriptions is there, and its index opened: clearing the library takes both away."""
        self._refuse_if_read_only()
        self.index.require_space(DESCRIPTIONS)
        for vector in list(vectors.values())[:1]:
            self.prepare(DESCRIPTIONS, len(vector), TEXT)

    def put_features(self, name: str, vectors: Mapping[str, FloatArray]) -> list[str]:
        """Store vectors (image id -> (D,), norm 1) of a collection of the app's, which is made where there is none.

        Those of images that were forgotten meanwhile are left out; returns the ids of the others. Raises
        LibraryUnusable, and WrongDimensions where the collection has another length.
        """
        self._refuse_if_read_only()
        self.index.require_space(name)
        for vector in list(vectors.values())[:1]:
            self.prepare(name, len(vector))
        stored = self.catalog.put_vectors(name, vectors)
        self._followed([name])
        return stored

    def put(self, name: str, vectors: Mapping[str, FloatArray], metadata: Mapping[str, Mapping[str, Any]]) -> None:
        """Insert or replace vectors (id -> (D,), norm 1) of a hand-made collection. Raises LibraryUnusable."""
        self._refuse_if_read_only()
        self.index.require_space(name)
        self.catalog.vectors.put(name, vectors, metadata)
        self._followed([name])

    def delete(self, name: str, ids: Sequence[str]) -> None:
        """Delete vectors of one collection for good; unknown ids are ignored."""
        self.index.open(name)  # else what is deleted now would leave its index behind
        self.catalog.vectors.delete(name, ids)
        self._followed([name])

    def forget(self, image_ids: Sequence[str]) -> None:
        """Delete images with their files, parts and vectors, for good."""
        names = self._own()
        for name in names if image_ids else ():
            self.index.open(name)
        self.catalog.forget(image_ids)
        self._followed(names)

    def forget_parts(self) -> None:
        """Delete everything that was found inside images, with its vectors; the images stay."""
        self.index.drop(self.catalog.objects.clear())

    def drop(self, name: str) -> None:
        """Forget a collection: its vectors, its index."""
        self._refuse_if_read_only()
        self.catalog.vectors.drop([name])
        self.index.drop([name])

    def give_back_index(self) -> None:
        """Take the app's index off the disk: on a full one, this is what makes room for more. It can be made again."""
        self._refuse_if_read_only()
        self.index.give_back(self._own())
        with contextlib.suppress(LibraryError):
            self.catalog.empty_log()

    def clear(self, settings: Mapping[str, str] | None = None) -> None:
        """Forget every image, see ``Catalog.clear_images``. The index must have been given back."""
        self.catalog.clear_images(settings)

    def rebuild(self, name: str) -> Iterator[Progress]:
        """Make a collection's index again, see ``Follower.rebuild``."""
        self._refuse_if_read_only()
        yield from self.index.rebuild(name)
        if self.index.follows(name):
            self._finder.release(name)

    def _delete_damaged(self, name: str) -> None:
        self.catalog.vectors.delete(name, self.catalog.vectors.unsound(name))

    def _followed(self, names: Sequence[str]) -> None:
        self.index.follow(names)
        self.index.wait()

    def _own(self) -> list[str]:
        return [collection.name for collection in self.catalog.vectors.all() if collection.owner == "library"]

    def _refuse_if_read_only(self) -> None:
        if self.read_only:
            raise LibraryBusy("The library was opened for reading only.")
