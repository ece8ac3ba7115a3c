"""Objects inside photos: which segmenter finds them, what there is of them, and looking for more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PIL import Image

from src.database.catalog.catalog import Catalog
from src.database.catalog.objects import OBJECTS, StoredSegment, recipe_of_objects
from src.database.store import Store
from src.masks import scaled
from src.models import registry
from src.models.model_manager import ModelManager
from src.processing.regions import RegionSegmenter
from src.processing.segment_extractor import SegmentExtractor
from src.schema import Box, Finding, JobEvent, ModelStatus, PhotoFilter, Progress
from src.services.enrichment.objects_pass import SIDE, ObjectsPass
from src.services.enrichment.passes import run
from src.services.library.service import LibraryService
from src.text import count

BUILTIN = "builtin-regions"
ABOUT_BUILTIN = (
    "Regions that stand out by colour and edges. "
    "Ships with the program; it knows nothing of what things are, so its boxes are rough."
)
SEGMENTER = "segmenter"
"""Key of the library's setting."""


class ObjectService:
    """Looks through photos for objects, under the library's active model and the segmenter chosen for it."""

    def __init__(self, catalog: Catalog, store: Store, models: ModelManager, library: LibraryService) -> None:
        self._catalog = catalog
        self._store = store
        self._models = models
        self._library = library

    # ------------------------------------------------------------ which segmenter

    @property
    def segmenter(self) -> str:
        """Id of the segmenter that the library uses: the built-in one until another is chosen that this program has."""
        chosen = self._catalog.get_meta(SEGMENTER)
        return chosen if chosen and any(spec.id == chosen for spec in registry.specs("segment")) else BUILTIN

    def use(self, segmenter: str) -> None:
        """Find objects with this segmenter from now on; photos that another looked through are due again.

        Raises UnknownModel, WeightsMissing.
        """
        if segmenter != BUILTIN:
            self._models.segmenter(segmenter)
        self._catalog.set_meta(SEGMENTER, segmenter)

    def segmenters(self) -> list[ModelStatus]:
        """Those that may be chosen, the built-in one first."""
        builtin = ModelStatus(BUILTIN, "Built-in regions", 0, True, self.segmenter == BUILTIN, about=ABOUT_BUILTIN)
        return [builtin, *self._models.statuses(self.segmenter, "segment")]

    def _extractor(self) -> SegmentExtractor:
        """Raises ModelError where the segmenter's weights are not here."""
        if self.segmenter == BUILTIN:
            return SegmentExtractor(RegionSegmenter())
        return SegmentExtractor(self._models.segmenter(self.segmenter), workers=1)

    # ------------------------------------------------------------ what there is

    def counts(self) -> tuple[int, int]:
        """(photos looked through, objects found in them)."""
        return self._catalog.looked_at.count(OBJECTS), self._catalog.objects.count()

    def searchable(self, only: PhotoFilter | None = None) -> tuple[int, int]:
        """(objects that a search of those that pass finds, a number that grows when some are replaced or go)."""
        name = self._library.collection("object")
        return self._catalog.vectors.count(name, only), self._catalog.vectors.counters(name).rewritten

    def of_photo(self, image_id: str) -> list[StoredSegment]:
        """The objects found in one photo, the surest first."""
        return self._catalog.objects.of_image(image_id)

    def part(self, image_id: str, box: Box) -> Image.Image | None:
        """What a box in a photo shows, in pixels of the upright original; None where its file can't be read now."""
        details, image = self._catalog.details(image_id), self._library.picture(image_id, SIDE)
        if details is None or image is None:
            return None
        return image.crop(scaled(box, (details.facts.width, details.facts.height), image.size))

    def part_of(self, segment_id: str) -> tuple[str, Image.Image | None] | None:
        """Name of the photo that an object is in, and its picture; None where there is no such object."""
        stored = self._catalog.objects.by_id([segment_id]).get(segment_id)
        details = self._catalog.details(stored.image_id) if stored else None
        return (details.name, self.part(details.id, stored.segment.box)) if stored and details else None

    def pending(self, folder: str | None = None, images: Sequence[str] | None = None) -> list[str]:
        """Ids of photos that are still to be looked through: of a folder, of these, or of all."""
        only = PhotoFilter(folder) if folder else None
        return self._catalog.looked_at.pending(OBJECTS, self._recipe(), only, images)

    def waiting(self) -> int:
        """How many photos of the library are still to be looked through.

        Raises ModelError where the segmenter's weights are not here.
        """
        return self._catalog.looked_at.number_pending(OBJECTS, self._recipe())

    def _recipe(self) -> str:
        """What the pass looks with now."""
        return recipe_of_objects(self._extractor().recipe, self._library.collection("object"))

    def waiting_folders(self) -> list[str]:
        """Followed folders whose objects are wanted and that hold photos not looked through yet."""
        return [folder for folder in self._catalog.folders.wanting("objects") if self.pending(folder)]

    # ------------------------------------------------------------ finding and forgetting

    def index(
        self, folders: Sequence[str] | None = None, images: Sequence[str] | None = None, careful: bool = False
    ) -> Iterator[JobEvent]:
        """Look through photos for objects: of these folders, of these photos, or of the whole library.

        Those that were looked through this way before are left as they are. careful: decode in a process of its own, as
        after a crash.
        """
        todo = list(dict.fromkeys(id_ for folder in folders or (None,) for id_ in self.pending(folder, images)))
        embedder = self._models.embedder(self._library.active_model)
        work = ObjectsPass(self._catalog, self._store, self._library, embedder, self._extractor(), careful)
        yield from run(work, todo)
        yield Finding("objects", f"{count(work.found, 'object')} found in {count(len(todo), 'photo')}.")

    def forget_all(self) -> Iterator[JobEvent]:
        """Forget every object; the photos stay."""
        _, total = self.counts()
        self._store.forget_parts()
        yield Progress(total, total, "objects")
