"""Export: photos and their objects as data sets and tables, of a search, of some photos, or of the whole library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from src.database.catalog.catalog import Catalog
from src.errors import AppError, BadInput, UnreadableImage
from src.export.formats import FORMATS, Writing
from src.export.items import Annotation, ExportedImage, Labels
from src.schema import Finding, JobEvent, Progress, SearchPage, Segment
from src.services.enrichment.objects import ObjectService
from src.services.library.service import LibraryService
from src.text import count

ORIGINAL = 100_000
"""Side in pixels at which a picture is opened for a copy: more than any has, so that it is not reduced."""


@dataclass(frozen=True)
class Selection:
    """What is exported. ``images``: ids, in order; None is the whole library."""

    images: Sequence[str] | None = None
    query: str = ""
    """The category of all objects where it is given."""
    found: Mapping[str, str] = field(default_factory=dict)
    """Image id -> the one object in it that was found; of other images, all objects are exported."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Image id -> its score in the search."""
    weak: int = 0
    """Results that are weak matches and are not exported: they would be labelled with the words."""
    passed_over: int = 0
    """Results that do not fit at all, and are never exported."""

    @classmethod
    def of(cls, page: SearchPage, weak: bool = False) -> Selection:
        """The strong and likely results of a search, under its words; with ``weak``, or of a picture, all that fit."""
        fitting = [hit for hit in page.hits if hit.fits]
        hits = [hit for hit in fitting if weak or not page.words or hit.band != "weak"]
        found = {hit.id: hit.segment for hit in hits if hit.segment}
        scores = {hit.id: hit.score for hit in hits}
        left = (len(fitting) - len(hits), len(page.hits) - len(fitting))
        return cls([hit.id for hit in hits], page.words, found, scores, *left)


def _nothing_to_export(selection: Selection) -> AppError:
    """Why a selection without images is not exported."""
    if selection.weak:
        weak = count(selection.weak, "weak match was", "weak matches were")
        return AppError(f"Only {weak} found, so nothing was exported.", "Ask for weak matches too, or use other words.")
    if selection.images is not None and selection.query:
        return AppError(
            f'Nothing in the library fits "{selection.query}", so nothing was exported.', "Search with other words."
        )
    return BadInput("There is no photo to export.")


class ExportService:
    """Reads only: works beside a running app too."""

    def __init__(self, catalog: Catalog, library: LibraryService, objects: ObjectService) -> None:
        self._catalog = catalog
        self._library = library
        self._objects = objects

    def export(self, form: str, place: Path, selection: Selection, pictures: bool = False) -> Iterator[JobEvent]:
        """Write a new folder, or a ZIP for a name in ``.zip``, whole or not at all. Closing the iterator leaves none.

        pictures: copies of the photos too, for COCO and YOLO. Raises BadInput for a format that there is none of or a
        place that is taken, AppError for a search that nothing fits, UnreadablePath where it can't be written.
        """
        if form not in FORMATS:
            raise BadInput(f"There is no export format {form!r}.", f"The formats are: {', '.join(FORMATS)}.")
        ids = self._catalog.health.image_ids(hidden=False) if selection.images is None else selection.images
        if not ids:
            raise _nothing_to_export(selection)
        labels = Labels(query=selection.query, whole=bool(selection.query))
        writing = Writing(self._images(ids, selection), place, len(ids), labels, self._open, pictures)
        yield from FORMATS[form].write(writing)
        yield Progress(len(ids), len(ids))
        yield Finding("export", f"Written to {place}.")

    def _images(self, ids: Sequence[str], selection: Selection) -> Iterator[ExportedImage]:
        """Those that are still in the library."""
        for id_ in ids:
            details, path = self._catalog.details(id_), self._path(id_)
            if details is None or path is None:
                continue
            facts = details.facts
            stored = self._objects.of_photo(id_)
            wanted = selection.found.get(id_)
            objects = tuple(self._annotation(item.segment) for item in stored if wanted in (None, item.id))
            yield ExportedImage(
                id_,
                details.name,
                path,
                facts.width,
                facts.height,
                facts.taken_at,
                facts.format,
                details.bytes,
                score=selection.scores.get(id_),
                annotations=objects,
                facts=self._catalog.facts.of(id_),
            )

    def _annotation(self, segment: Segment) -> Annotation:
        return Annotation.of(segment, origin=self._objects.segmenter)

    def _path(self, image_id: str) -> str | None:
        """As the system spells it; bytes that are no text come as Python's escapes.

        None where the image was forgotten just now.
        """
        places = self._catalog.paths_of(image_id)
        return places[0][0].decode("utf-8", "surrogateescape") if places else None

    def _open(self, image_id: str) -> Image.Image:
        image = self._library.picture(image_id, ORIGINAL)
        if image is None:
            raise UnreadableImage("Its file can't be read now.")
        return image
