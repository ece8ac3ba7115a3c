"""Everything that deletes what the library knows of photos: those that are gone, those of a folder, or all.

No original is touched.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence

from src.config import Settings
from src.database.catalog.catalog import Catalog
from src.database.disk_space import free_bytes
from src.database.index.chroma_local import ChromaIndex
from src.database.library_lock import LibraryLock
from src.database.store import Store
from src.errors import LibraryError
from src.processing.thumbnails import remove_thumbnail
from src.schema import Finding, JobEvent, Progress
from src.schema.library import RECENT_SEARCHES
from src.services.library import own_files
from src.services.library.folders import FolderService
from src.services.library.service import LibraryService
from src.services.library.uploads import UploadStore
from src.text import count

FORGET_BATCH = 500
"""Images forgotten in one transaction."""
LEAST_ROOM = 1_000_000
"""Free bytes without which SQLite may not even open the catalogue."""
ROOM_S = 3.0
"""How long to wait for the room of deleted files that something still has open."""
log = logging.getLogger(__name__)


class ForgettingService:
    """Forgets photos of one library, as jobs."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        store: Store,
        library: LibraryService,
        folders: FolderService,
        uploads: UploadStore,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._store = store
        self._library = library
        self._folders = folders
        self._uploads = uploads

    # ------------------------------------------------------------ some photos

    def forget_missing(self) -> Iterator[JobEvent]:
        """Put missing photos, and earlier versions, into the bin, in one operation that can be undone.

        Each photo is looked for once more first. What is offline or out of reach, or can't be told now, is kept. One
        that is seen again leaves the bin by itself.
        """
        ids = [*self._folders.missing_ids(), *self._catalog.earlier()]
        yield Progress(0, len(ids))
        gone: list[str] = []
        for start in range(0, len(ids), FORGET_BATCH):
            part = ids[start : start + FORGET_BATCH]
            gone += self._folders.gone(part) + self._still_earlier(part)
            yield Progress(min(start + FORGET_BATCH, len(ids)) - 1, len(ids))
        self._catalog.bin.forget(gone)
        yield Progress(len(gone), len(ids))
        if kept := len(ids) - len(gone):
            yield Finding("kept", f"{count(kept, 'photo')} {'is' if kept == 1 else 'are'} not surely gone, and kept.")

    def remove_folder(self, path: str) -> Iterator[JobEvent]:
        """Follow a folder no more, and put the photos into the bin that are in no other, also where it is offline.

        One operation that can be undone. Its files are not touched. Raises BadInput for a folder that is not followed.
        """
        folder = self._folders.row(path)
        operation = self._catalog.bin.remove_folder(
            folder.path, folder.path_text, self._folders.others_inside(folder.path)
        )
        photos = operation.photos if operation else 0
        yield Progress(photos, photos)

    def _still_earlier(self, ids: Sequence[str]) -> list[str]:
        earlier = set(self._catalog.earlier())
        return [id_ for id_ in ids if id_ in earlier]

    def _forget(self, ids: Sequence[str], still: Callable[[Sequence[str]], Sequence[str]]) -> Iterator[Progress]:
        """Forget images; ``still`` tells for each batch, right before, which of it are to be forgotten."""
        yield Progress(0, len(ids))
        done = 0
        for start in range(0, len(ids), FORGET_BATCH):
            part = still(ids[start : start + FORGET_BATCH])
            self._store.forget(part)
            for image_id in part:
                remove_thumbnail(self._settings.thumbs_dir, image_id)
            done += len(part)
            yield Progress(done, max(done, len(ids)))
        if self._catalog.health.wasteful():
            self._catalog.compact()

    # ------------------------------------------------------------ the bin

    def clear(self) -> Iterator[JobEvent]:
        """Put every photo into the bin, and follow no folder any more: nothing is deleted until the bin is emptied.

        On a full disk, what can be made again goes first: that makes the room that the note of it takes.
        """
        images, _, _ = self._catalog.counts()
        if _is_full(self._settings):
            self._give_back_index()
            own_files.remove_thumbnails(self._settings.thumbs_dir, set(self._catalog.health.image_ids()))
        self._catalog.bin.clear()
        yield Progress(images, images)

    def empty(self, before: str | None = None) -> Iterator[JobEvent]:
        """Forget the photos in the bin, with their uploads: rows, vectors, thumbnails. The user's own files stay.

        before: only those that were removed earlier (UTC, ISO 8601). What was forgotten can't be undone any more, and
        no look at a followed folder adds it again.
        """
        if before is None and self._catalog.bin.holds_all():
            yield from self._empty_all()
            return
        ids = self._catalog.bin.ids(before)
        yield from self._forget(ids, self._about_to_go)
        self._uploads.remove_cleared()
        self._catalog.bin.emptied()
        if before is not None:
            log.info("forgot %s that had been removed before %s", count(len(ids), "photo"), before)

    def _about_to_go(self, ids: Sequence[str]) -> Sequence[str]:
        """Those of a batch that are in the bin still, once it is noted what is to be remembered and removed of them."""
        binned = self._catalog.bin.among(ids)
        self._catalog.bin.discard(list(binned))
        self._uploads.note_to_remove(binned)
        return [id_ for id_ in ids if id_ in binned]

    def _empty_all(self) -> Iterator[JobEvent]:
        """Forget every image: rows, index, thumbnails and stored uploads.

        The user's own photos, weights and hand-made collections stay. So do uploads that wait to be added, and files in
        the library's folders that this program did not make: a Finding says how many. Saved searches stay; the last
        ones go, which tell of what was in the library. What can be made again goes first: on a full disk that makes the
        room that the rest takes.
        """
        images = self._catalog.bin.number()
        known, thumbs = set(self._catalog.health.image_ids()), self._settings.thumbs_dir
        own_files.remove_thumbnails(thumbs, known)
        self._give_back_index()
        self._store.clear({**self._uploads.to_clear(), RECENT_SEARCHES: "[]"})
        own_files.remove_thumbnails(thumbs, known)  # those that a page has had made again meanwhile
        self._uploads.remove_cleared()
        self._compact()
        left = self._library.strangers()
        if left:
            yield Finding("strangers", left)
        yield Progress(images, images)

    def make_room(self) -> None:
        """Before a clear: on a disk so full that not even a job can be noted, the search index goes at once.

        It can be made again.
        """
        if _is_full(self._settings):
            self._give_back_index()

    def _give_back_index(self) -> None:
        """Delete the library's search index.

        Chroma lets go of the files a moment later: on a full disk that is waited for.
        """
        self._store.give_back_index()
        until = time.monotonic() + ROOM_S
        while _is_full(self._settings) and time.monotonic() < until:
            time.sleep(0.05)
        with contextlib.suppress(LibraryError):  # what was written last may find its place only now
            self._catalog.empty_log()

    def _compact(self) -> None:
        try:
            self._catalog.compact()
        except LibraryError as error:  # no room to write it anew: the space is used again by what comes next
            log.warning("the catalogue keeps the space of what was cleared: %s", error)


def make_room(settings: Settings) -> bool:
    """The same where the disk is too full to open the library; says whether there is more room now.

    Raises LibraryBusy.
    """
    before = free_bytes(settings.data_dir)
    if before >= LEAST_ROOM:
        return False
    lock = LibraryLock(settings.lock_file)
    lock.acquire()
    try:
        ChromaIndex(settings.chroma_dir).discard()
        if _is_full(settings):
            own_files.remove_thumbnails(settings.thumbs_dir, ())
    finally:
        lock.release()
    return free_bytes(settings.data_dir) > before


def _is_full(settings: Settings) -> bool:
    return free_bytes(settings.data_dir) < LEAST_ROOM
