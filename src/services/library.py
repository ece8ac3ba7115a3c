"""The library as a whole: its numbers, its pictures, which model it uses, and clearing it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG

from PIL import Image

from src.config import Settings
from src.database.catalog import Catalog, Shown
from src.database.vector_db import VectorDatabase, library_collection
from src.errors import ModelError, UnreadableImage
from src.models.model_manager import ModelManager
from src.processing import thumbnails
from src.processing.image_io import same_file, stamp_of
from src.processing.reader import PictureReader
from src.schema import ImageDetails, JobEvent, Kind, LibraryStats, ModelStatus, Progress, SearchHit

ACTIVE_MODEL = "active_model"
PREVIEW_SIDE = 1600
"""Longest side in pixels of the large view."""


class LibraryService:
    """Answers questions about the library; changes nothing but its active model, and everything when cleared."""

    def __init__(self, settings: Settings, catalog: Catalog, vectors: VectorDatabase, models: ModelManager, reader: PictureReader) -> None:
        self._settings = settings
        self._catalog = catalog
        self._vectors = vectors
        self._models = models
        self._reader = reader

    # ------------------------------------------------------------ models

    @property
    def active_model(self) -> str:
        """Id of the model that searches use: the setting's where there is one, else the library's own, else the best at hand."""
        return self._settings.model or self._catalog.get_meta(ACTIVE_MODEL) or self._models.model_id

    def adopt_model(self, model: str) -> None:
        """Make ``model`` the library's own where it has none yet: the first pictures decide."""
        if self._catalog.get_meta(ACTIVE_MODEL) is None:
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
        """Counts and sizes as of now. Walks the library's folders, which takes a while where there are many photos: not for polling."""
        images, files, uploads = self._catalog.counts()
        active = self.active_model
        dimensions = next((status.dimensions for status in self.model_statuses() if status.id == active), 0)
        details = self._sizes()
        total = sum(details.values()) - details["weights"]
        _, segments = self._catalog.objects.counts()
        return LibraryStats(images, files, segments, active, dimensions, total, uploads, self._embedded(images), details)

    def _embedded(self, images: int) -> int:
        """Images with a vector of the active model; 0 where its weights are not here, which the search itself will tell."""
        try:
            return self._catalog.vectors.count(self.collection()) if images else 0
        except ModelError:
            return 0

    def _sizes(self) -> dict[str, int]:
        settings = self._settings
        return {
            "catalogue": sum(_size(file) for file in settings.data_dir.glob("catalog.sqlite3*")),
            "index": _folder_size(settings.chroma_dir),
            "thumbnails": _folder_size(settings.thumbs_dir),
            "uploads": _folder_size(settings.uploads_dir),
            "weights": _folder_size(settings.weights_dir),
        }

    # ------------------------------------------------------------ pictures

    def newest(self, limit: int, offset: int = 0) -> list[SearchHit]:
        """Pictures for browsing, the last added first; their score is 0 and means nothing."""
        ids = self._catalog.newest(limit, offset)
        shown = self._catalog.shown(ids)
        return [_unscored(shown[id_]) for id_ in ids if id_ in shown]

    def details(self, image_id: str) -> ImageDetails | None:
        return self._catalog.details(image_id)

    def has_original(self, image_id: str) -> bool:
        """Whether one of the image's files is there now."""
        return next(self._files_of(image_id), None) is not None

    def thumbnail(self, image_id: str) -> Path | None:
        """File of a catalogued image's thumbnail, made again where it has gone; None where that can't be done."""
        path = thumbnails.thumbnail_path(self._settings.thumbs_dir, image_id)
        if path.is_file():
            return path if self._catalog.visible([image_id]) else None
        preview = self.picture(image_id, thumbnails.SIDE)
        return thumbnails.write_thumbnail(preview, self._settings.thumbs_dir, image_id) if preview else None

    def preview(self, image_id: str) -> bytes | None:
        """A catalogued image as JPEG bytes for the large view, without the original's metadata; None where its files are gone."""
        image = self.picture(image_id, PREVIEW_SIDE)
        return thumbnails.as_jpeg(thumbnails.shrunk(image, PREVIEW_SIDE)) if image else None

    def picture(self, image_id: str, side: int, careful: bool = False) -> Image.Image | None:
        """A catalogued image, its short side reduced to no less than ``side`` pixels; None where no file of it can be read now.

        careful: decoded in a process of its own.
        """
        for path in self._files_of(image_id) if self._catalog.shown([image_id]) else ():
            try:
                return self._reader.read(path, side, careful)[0]
            except (OSError, UnreadableImage):
                continue
        return None

    def _files_of(self, image_id: str) -> Iterator[Path]:
        """Regular files that hold just this image: one that was changed since it was last looked at holds something else."""
        places = self._catalog.paths_of(image_id)
        known = self._catalog.files.at([path for path, *_ in places])
        for path, _, _, uploaded in places:
            try:
                stat = os.stat(path)
            except OSError:
                continue
            if S_ISREG(stat.st_mode) and (uploaded or same_file(known[path].stamp, stamp_of(stat))):
                yield Path(os.fsdecode(path))

    # ------------------------------------------------------------ clearing

    def clear(self) -> Iterator[JobEvent]:
        """Forget every image: rows, index, thumbnails and stored uploads. The user's own photos, weights and hand-made collections stay."""
        images, _, _ = self._catalog.counts()
        names = [collection.name for collection in self._catalog.vectors.all() if collection.owner == "library"]
        self._catalog.clear_images()
        for name in names:
            self._vectors.discard(name)
        self._vectors.discard_empty_index()
        for folder in (self._settings.thumbs_dir, self._settings.uploads_dir):
            shutil.rmtree(folder, ignore_errors=True)
        yield Progress(images, images)


def _unscored(shown: Shown) -> SearchHit:
    return SearchHit(shown.id, shown.path_text, shown.name, 0.0, size=(shown.width, shown.height))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _folder_size(folder: Path) -> int:
    """Of all files in it, as far as they are there: others may be deleting them."""
    return sum(_size(Path(top, name)) for top, _, names in os.walk(folder) for name in names)
