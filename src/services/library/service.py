"""The library as a whole: its numbers, its pictures, and which model it uses."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable, Hashable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from stat import S_ISREG
from typing import IO

from PIL import Image

from src.config import Settings
from src.database.catalog.catalog import Catalog, Shown
from src.database.embeddings import library_collection
from src.database.store import Store
from src.errors import AmbiguousName, BadInput, ModelError, NotFound, UnreadableImage
from src.files import size_of
from src.identity import image_id as id_of_hash
from src.identity import is_id
from src.models.model_manager import ModelManager
from src.plain_files import open_plain
from src.processing import thumbnails
from src.processing.decoding.image_io import looks_same, stamp_of
from src.processing.decoding.reader import PictureReader
from src.schema import ImageDetails, Kind, LibraryStats, ModelStatus, PhotoFilter, SearchHit
from src.services.library import own_files
from src.services.library.room import RoomTaken
from src.services.library.uploads import UploadStore

ACTIVE_MODEL = "active_model"
PATIENCE = 0.1
"""Seconds that a page waits for a count of the library's bytes before it shows the last one."""
IDS_TOLD = 100
"""Of photos that have one name."""
PREVIEW_SIDE = 1600
"""Longest side in pixels of the large view."""


class LibraryService:
    """Answers questions about the library; changes nothing but its active model."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        store: Store,
        models: ModelManager,
        reader: PictureReader,
        uploads: UploadStore,
    ) -> None:
        self._settings = settings
        self._uploads = uploads
        self._catalog = catalog
        self._store = store
        self._models = models
        self._reader = reader
        self._room = RoomTaken(lambda: self.stats().bytes)

    # ------------------------------------------------------------ models

    @property
    def active_model(self) -> str:
        """Id of the model that searches use: the setting's, else the library's own, else the best at hand.

        A model that the catalogue names and this program does not have counts as none: the doctor tells of it.
        """
        own = self._catalog.get_meta(ACTIVE_MODEL)
        return self._settings.model or (own if self._models.knows(own) else None) or self._models.model_id

    def adopt_model(self, model: str) -> None:
        """Make ``model`` the library's own where it has none yet: the first pictures decide."""
        if not self._models.knows(self._catalog.get_meta(ACTIVE_MODEL)):
            self._catalog.set_meta(ACTIVE_MODEL, model)

    def activate(self, model: str) -> None:
        """Searches use ``model`` from now on. To be called when every image that can have one has its vector."""
        self._catalog.set_meta(ACTIVE_MODEL, model)

    def model_statuses(self) -> list[ModelStatus]:
        return self._models.statuses(self.active_model)

    def unheeded(self) -> str | None:
        """What was asked of the library's model by a setting and is not done, as a sentence; None where all is."""
        return self._models.unheeded(self.active_model)

    def runs_on(self) -> tuple[str, str]:
        """Device and precision of the active model, for display."""
        return self._models.runs_on(self.active_model)

    def collection(self, kind: Kind = "image") -> str:
        """Name of the active model's collection of whole images, or of the objects in them."""
        return library_collection(self._models.embedder(self.active_model).space, kind)

    # ------------------------------------------------------------ numbers

    def stats(self) -> LibraryStats:
        """Counts and sizes as of now.

        Walks the library's folders, which takes a while where there are many photos: not for polling.
        """
        images, files, uploads = self._catalog.counts()
        active = self.active_model
        dimensions = next((status.dimensions for status in self.model_statuses() if status.id == active), 0)
        details = self._sizes()
        total = sum(details.values()) - details["weights"]
        segments = self._catalog.objects.count()
        return LibraryStats(
            images, files, segments, active, dimensions, total, uploads, self._embedded(images), details
        )

    def room(self, state: Hashable, patience: float = PATIENCE) -> int | None:
        """Bytes that the library takes on the disk, as they were counted last; see ``RoomTaken``."""
        return self._room.bytes(state, patience)

    def _embedded(self, images: int) -> int:
        """Images with a vector of the active model; 0 where its weights are not here, which the search will tell."""
        try:
            return self._catalog.vectors.count(self.collection()) if images else 0
        except ModelError:
            return 0

    def _sizes(self) -> dict[str, int]:
        settings = self._settings
        return {
            "catalogue": sum(size_of(file) for file in settings.data_dir.glob("catalog.sqlite3*")),
            "index": 0 if self._store.index.foreign else _folder_size(settings.chroma_dir),
            "thumbnails": _folder_size(settings.thumbs_dir, own_files.named_like_ours),
            "uploads": _folder_size(settings.uploads_dir, own_files.named_like_ours),
            "weights": _folder_size(settings.weights_dir),
        }

    # ------------------------------------------------------------ pictures

    def newest(self, limit: int, offset: int = 0) -> list[SearchHit]:
        """Pictures for browsing, the last added first; their score is 0 and means nothing."""
        ids = self._catalog.listing.ids(None, "added", limit, offset)
        shown = self._catalog.shown(ids)
        return [_unscored(shown[id_]) for id_ in ids if id_ in shown and is_id(id_)]

    def page(self, limit: int, cursor: str | None = None) -> tuple[list[str], str | None]:
        """Ids of photos, the last added first, and what to ask for those after them with; None at the end.

        No photo is told twice, and none is left out that is there all the time; one added meanwhile comes before what
        was told. Raises BadInput for what is no cursor.
        """
        rows = self._catalog.listing.newest(limit + 1, _place_in(cursor))
        ids = [id_ for id_, _ in rows[:limit] if is_id(id_)]
        return ids, _cursor_at(*rows[limit - 1]) if len(rows) > limit else None

    def id_of(self, name: str) -> str:
        """Id of a photo by that, or by the name of its file. Raises NotFound; AmbiguousName for one of several."""
        own = name.lower()
        called = [own] if is_id(own) else self._catalog.files.called([name]).get(name, [])
        ids = [id_ for id_ in called if is_id(id_)]
        if len(ids) == 1 and self._catalog.visible(ids):
            return ids[0]
        if len(ids) > 1:
            said = f"{len(ids):,} photos have that name."
            raise AmbiguousName(said, "Name the one that is meant by its id.", ids[:IDS_TOLD])
        raise NotFound("There is no such photo in the library.", "Name it by its id, or by its file's name.")

    def id_of_bytes(self, source: Path | IO[bytes]) -> str | None:
        """Id of the photo with just these bytes; None where the library has none. Raises OSError."""
        with open_plain(source) if isinstance(source, Path) else nullcontext(source) as file:
            file.seek(0)
            id_ = id_of_hash(hashlib.file_digest(file, "sha256").hexdigest())  # type: ignore[arg-type]
        return id_ if self._catalog.visible([id_]) else None

    def details(self, image_id: str) -> ImageDetails | None:
        return self._catalog.details(image_id) if is_id(image_id) else None

    def has_original(self, image_id: str) -> bool:
        """Whether one of the image's files is there now."""
        return next(self.originals(image_id), None) is not None

    def thumbnail(self, image_id: str) -> Path | None:
        """File of a catalogued image's thumbnail, made again where it has gone; None where that can't be done."""
        if not is_id(image_id):
            return None
        path = thumbnails.thumbnail_path(self._settings.thumbs_dir, image_id)
        if path.is_file():
            return path if self._catalog.visible([image_id]) or self._catalog.bin.among([image_id]) else None
        return path if self.remake_thumbnail(image_id) else None

    def remake_thumbnail(self, image_id: str) -> bool:
        """Make a thumbnail anew that is no good, and look at it.

        Where it can't be, none is left: it is made when the photo can be read.
        """
        place = thumbnails.thumbnail_path(self._settings.thumbs_dir, image_id)
        image = self.picture(image_id, thumbnails.SIDE)
        try:
            if image is None:
                thumbnails.remove_thumbnail(self._settings.thumbs_dir, image_id)
                return False
            thumbnails.write_thumbnail(image, self._settings.thumbs_dir, image_id, again=True)
        except OSError:
            return False
        return thumbnails.is_good(place)

    def preview(self, image_id: str, side: int = PREVIEW_SIDE, quality: int = 88) -> bytes | None:
        """An image as JPEG bytes, without the original's metadata; None where its files are gone.

        side: pixels that its longest side has at most. quality: of the JPEG, 1..95.
        """
        image = self.picture(image_id, side)
        return thumbnails.as_jpeg(thumbnails.shrunk(image, side), quality) if image else None

    def small(self, image_id: str) -> bytes | None:
        """A catalogued image that is not in the bin, as a small JPEG: its thumbnail, or a picture of that size where
        there is none. None where there is neither. Writes nothing.
        """
        if self.details(image_id) is None:
            return None
        with suppress(OSError), open_plain(thumbnails.thumbnail_path(self._settings.thumbs_dir, image_id)) as file:
            return file.read()
        return self.preview(image_id, thumbnails.SIDE)

    def picture(self, image_id: str, side: int, careful: bool = False) -> Image.Image | None:
        """An image, its short side reduced to no less than ``side`` pixels; None where no file of it can be read now.

        careful: decoded in a process of its own.
        """
        for path in self.originals(image_id) if self._catalog.shown([image_id]) else ():
            try:
                return self._reader.read(path, side, careful)[0]
            except (OSError, UnreadableImage):
                continue
        return None

    def originals(self, image_id: str) -> Iterator[Path]:
        """Regular files that hold just this image: one changed since it was last looked at holds something else.

        Nobody changes an upload where the library keeps it. A row that calls a file elsewhere an upload is not
        believed.
        """
        places = self._catalog.paths_of(image_id)
        known = self._catalog.files.at([path for path, *_ in places])
        own = os.fsencode(self._settings.uploads_dir)
        for path, _, _, uploaded in places:
            try:
                stat = os.stat(path)
            except (OSError, ValueError):  # ValueError: a path that can be none
                continue
            row = known.get(path)
            if row is None or not S_ISREG(stat.st_mode):  # None: the image was forgotten just now
                continue
            if looks_same(row.stamp, stamp_of(stat)) or (uploaded and os.path.dirname(path) == own):
                yield Path(os.fsdecode(path))

    def passing(self, only: PhotoFilter) -> list[str]:
        """Ids of the photos that pass, the last added first. Raises BadInput for a filter that makes no sense."""
        return self._catalog.listing.ids(only, "added")

    def strangers(self) -> str:
        """One sentence about files in the library's folders that we did not make, empty where there are none."""
        return own_files.Strangers(
            self._settings, set(self._catalog.health.image_ids()), self._uploads.known()
        ).sentence()


def _cursor_at(image_id: str, added_at: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([added_at, image_id]).encode()).decode()


def _place_in(cursor: str | None) -> tuple[str, str] | None:
    """(added_at, id) of the last photo before; see ``_cursor_at``."""
    if cursor is None:
        return None
    try:
        added_at, image_id = json.loads(base64.b64decode(cursor, b"-_", validate=True))
        if is_id(image_id) and isinstance(added_at, str) and added_at.isascii():
            return added_at, image_id
    except (ValueError, TypeError, RecursionError):
        pass
    raise BadInput("The cursor is none.", "Take it as it was given, or ask for the first page.")


def _unscored(shown: Shown) -> SearchHit:
    return SearchHit(shown.id, shown.path_text, shown.name, 0.0, size=(shown.width, shown.height))


def _folder_size(folder: Path, counts: Callable[[Path], bool] = lambda _: True) -> int:
    """Of all files in it that count, as far as they are there: others may be deleting them."""
    files = (Path(top, name) for top, _, names in os.walk(folder) for name in names)
    return sum(size_of(file) for file in files if counts(file))
