"""Vectors out: those of a model and a kind, of some photos or of all, in the formats of ``export.features``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from src.database.catalog.catalog import Catalog
from src.database.catalog.kinds import DESCRIPTIONS
from src.database.disk_space import check_space
from src.database.embeddings import IMPORTED, library_collection
from src.errors import BadInput, UnreadablePath
from src.export.features import FEATURE_FORMATS, Features, Row
from src.models import looking, registry
from src.models.model_manager import ModelManager
from src.schema import Finding, FloatArray, JobEvent, Progress
from src.services.enrichment.description_vectors import DIMENSIONS, DescriptionVectors
from src.services.enrichment.spaces import SpaceService
from src.services.exchange.exporting import Selection
from src.text import count

FeatureKind = Literal["image", "object", "text", "description"]
"""What the vectors are of: whole photos, objects in them, the words read in them, or what is said of them."""
KINDS: tuple[FeatureKind, ...] = get_args(FeatureKind)
SENTENCES = "all-MiniLM-L6-v2"
"""The model of texts, whichever looks at photos."""
AT_ONCE = 1_024
"""Vectors that are read and written together."""

Vectors = Callable[[Sequence[str]], Mapping[str, FloatArray]]
"""Ids -> vectors (D,) of norm 1; ids without one are left out."""


class FeatureService:
    """Reads only, but for ``make``: works beside a running app too."""

    def __init__(
        self, catalog: Catalog, models: ModelManager, spaces: SpaceService, descriptions: DescriptionVectors
    ) -> None:
        self._catalog = catalog
        self._models = models
        self._spaces = spaces
        self._descriptions = descriptions

    def pending(self, selection: Selection, model: str, kind: FeatureKind) -> list[str]:
        """Ids of photos of a selection whose vectors a model is to make before they can be exported.

        Raises NotFound for an unknown model, WeightsMissing.
        """
        self._check_kind(kind)
        if kind != "image" or self._spaces.find(model).imported:
            return []
        return self._spaces.pending(model, selection.images)

    def make(self, selection: Selection, model: str, kind: FeatureKind) -> Iterator[JobEvent]:
        """Make those vectors. Needs the library for itself."""
        pending = self.pending(selection, model, kind)
        if pending:
            yield from self._spaces.make(model, pending)

    def export(
        self, form: str, place: Path, selection: Selection, model: str, kind: FeatureKind = "image"
    ) -> Iterator[JobEvent]:
        """Write the vectors that there are to a new file, folder or ZIP, whole or not at all.

        model: of the vectors of photos and objects, also the name of a space that was imported. Raises BadInput for
        what makes no sense or a place that is taken, NotFound for an unknown model, UnreadablePath where it can't be
        written, LibraryUnusable where the disk has too little room.
        """
        if form not in FEATURE_FORMATS:
            raise BadInput(
                f"There is no format {form!r} for features.", f"The formats are: {', '.join(FEATURE_FORMATS)}."
            )
        self._check_kind(kind)
        features = self._features(selection, model, kind)
        if not features.total:
            raise BadInput(_nothing(kind, model))
        if not place.parent.is_dir():
            raise UnreadablePath(f"There is no folder {place.parent}.", "Choose another place.")
        check_space(place.parent, FEATURE_FORMATS[form].copies * features.bytes, "the features")
        written = 0
        for event in FEATURE_FORMATS[form].write(features, place):
            written = event.done
            yield event
        yield Progress(written, written, "vectors")
        what = f"{count(written, 'vector')} of {features.dimensions:,} numbers by {features.model}"
        yield Finding("export", f"{what} written to {place}.")

    def _check_kind(self, kind: str) -> None:
        if kind not in KINDS:
            raise BadInput(f"There are no features of the kind {kind!r}.", f"The kinds are: {', '.join(KINDS)}.")

    # ------------------------------------------------------------ which vectors

    def _features(self, selection: Selection, model: str, kind: FeatureKind) -> Features:
        if kind == "image":
            space = self._spaces.find(model)
            return self._of_collection(space.name, space.collection, kind, self._photos(selection))
        if kind == "object":
            return self._of_objects(selection, model)
        if kind == "description":
            return self._of_collection(SENTENCES, DESCRIPTIONS, kind, self._photos(selection))
        ids = [id_ for id_ in self._photos(selection) if self._words(id_)]
        blocks = self._blocks(ids, self._of_words)
        return Features(SENTENCES, SENTENCES, kind, DIMENSIONS, len(ids), blocks)

    def _photos(self, selection: Selection) -> list[str]:
        """Ids, in order."""
        return list(self._catalog.health.image_ids(hidden=False) if selection.images is None else selection.images)

    def _of_collection(self, model: str, collection: str, kind: FeatureKind, ids: Sequence[str]) -> Features:
        has = self._catalog.encoded(collection, ids)
        there = [id_ for id_ in ids if id_ in has]
        blocks = self._blocks(there, lambda some: self._catalog.vectors.get_many(collection, some))
        dimensions = self._catalog.vectors.counters(collection).dimensions
        space = collection.removeprefix(IMPORTED).removeprefix("image-").removeprefix("text-descriptions-")
        return Features(model, space, kind, dimensions, len(there), blocks)

    def _of_objects(self, selection: Selection, model: str) -> Features:
        if model not in [spec.id for spec in registry.specs()]:
            raise BadInput(
                f"{model} makes no vectors of objects.", "Name a model that knows words: `models` lists them."
            )
        space = looking.space_of(self._models, model)
        collection = library_collection(space, "object")
        ids = self._objects(selection)
        has = self._catalog.encoded(collection, ids)
        there = [id_ for id_ in ids if id_ in has]
        blocks = self._blocks(there, lambda some: self._catalog.vectors.get_many(collection, some), self._object_rows)
        return Features(
            model, space, "object", self._catalog.vectors.counters(collection).dimensions, len(there), blocks
        )

    def _objects(self, selection: Selection) -> list[str]:
        """Ids of all objects in the photos or, of those in which a search found one, of that."""
        if selection.images is None:
            return [stored.id for stored in self._catalog.objects.all()]
        found = selection.found
        return [
            id_
            for image in selection.images
            for id_ in ([found[image]] if image in found else [one.id for one in self._catalog.objects.of_image(image)])
        ]

    def _words(self, image_id: str) -> str:
        return "\n".join(line.text for line in self._catalog.texts.of_image(image_id))

    def _of_words(self, ids: Sequence[str]) -> Mapping[str, FloatArray]:
        texts = {id_: text for id_ in ids if (text := self._words(id_))}
        return dict(zip(texts, self._descriptions.encode(list(texts.values())), strict=True)) if texts else {}

    # ------------------------------------------------------------ in blocks

    def _blocks(
        self, ids: Sequence[str], vectors: Vectors, rows: Callable[[Sequence[str]], dict[str, Row]] | None = None
    ) -> Iterator[tuple[list[Row], FloatArray]]:
        """Those that are still there with a vector, in order."""
        rows, left = rows or self._photo_rows, iter(ids)
        while some := list(islice(left, AT_ONCE)):
            found, told = vectors(some), rows(some)
            there = [id_ for id_ in some if id_ in found and id_ in told]
            if there:
                yield [told[id_] for id_ in there], np.stack([found[id_] for id_ in there])

    def _photo_rows(self, ids: Sequence[str]) -> dict[str, Row]:
        return {
            id_: Row(id_, id_, photo.path_text, photo.name, photo.width, photo.height)
            for id_, photo in self._catalog.shown(ids).items()
        }

    def _object_rows(self, ids: Sequence[str]) -> dict[str, Row]:
        objects = self._catalog.objects.by_id(ids)
        photos = self._photo_rows(list({one.image_id for one in objects.values()}))
        return {
            id_: Row(id_, photo.id, photo.path, photo.name, photo.width, photo.height, one.segment.box)
            for id_, one in objects.items()
            if (photo := photos.get(one.image_id))
        }


def _nothing(kind: FeatureKind, model: str) -> str:
    """Why there is nothing to export."""
    return {
        "image": f"None of the photos has a vector by {model}.",
        "object": f"None of the photos has an object with a vector by {model}.",
        "text": "None of the photos has words in it that were read.",
        "description": "None of the photos has a description.",
    }[kind]
