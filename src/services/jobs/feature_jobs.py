"""The jobs about vectors beside those of the model in use: making them, taking them over, writing them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from src.database.embeddings import IMPORTED, library_collection
from src.database.store import Store
from src.errors import AppError, BadInput, ModelError, NotNow
from src.models.looking import BUILTIN_VISUAL
from src.models.registry import VGG
from src.processing.decoding.image_io import display_text
from src.schema import JobEvent
from src.services.enrichment.spaces import SpaceService
from src.services.exchange.exporting import Selection
from src.services.exchange.features import FeatureKind, FeatureService
from src.services.exchange.features_in import import_features
from src.services.exchange.shelf import ExportShelf
from src.services.jobs.kinds import Export, ImportFeatures, JobKind, MakeFeatures
from src.services.jobs.runner import JobRunner
from src.text import shown

log = logging.getLogger(__name__)
Events = Iterator[JobEvent]
OF_PICTURES = (BUILTIN_VISUAL, VGG)
"""Models of pictures alone: where the library has vectors by one, new photos get theirs by themselves."""


class FeatureJobs:
    """What those jobs do."""

    def __init__(self, features: FeatureService, spaces: SpaceService, store: Store, shelf: ExportShelf) -> None:
        self._features = features
        self._spaces = spaces
        self._store = store
        self._shelf = shelf

    def handlers(self) -> dict[JobKind, Callable[[Mapping[str, Any]], Events]]:
        """By kind."""
        return {
            "features": lambda said: self._make(MakeFeatures.read(said)),
            "import-features": lambda said: self._import(ImportFeatures.read(said)),
        }

    def export(self, asked: Export, selection: Selection, model: str) -> Events:
        """Make the vectors that are lacking, then write all. model: where none is named."""
        what = selection, asked.model or model, cast(FeatureKind, asked.kind)
        yield from self._features.make(*what)
        yield from self._features.export(asked.format, Path(asked.place), *what)

    def queue_due(self, jobs: JobRunner) -> None:
        """Have photos that were added get the vectors that all others have."""
        for model in OF_PICTURES:
            try:
                if self._spaces.is_due(model):
                    queue_features(jobs, model)
            except ModelError as error:  # its weights were taken away
                log.warning("no vectors are made by %s: %s", model, error)

    def _make(self, asked: MakeFeatures) -> Events:
        return self._spaces.make(asked.model, asked.images, asked.careful)

    def _import(self, asked: ImportFeatures) -> Events:
        """What was sent is kept until it was taken over or refused: also where the program ends in the middle of it."""
        place, catalog = Path(asked.file), self._store.catalog
        try:
            yield from import_features(catalog, self._store, self._spaces, place, asked.name, asked.careful)
        except AppError as error:
            if self._shelf.file(asked.file) is not None:
                error.user_message = _as_sent(error.user_message, place)
            self._shelf.take_away(place)
            raise
        self._shelf.take_away(place)


def _as_sent(sentence: str, place: Path) -> str:
    """A sentence about a file that was sent: where it was kept says nothing to who sent it."""
    said = sentence.replace(shown(str(place)), "the file that was sent")
    return said[:1].upper() + said[1:]


def collections_of_spaces(store: Store) -> list[str]:
    """Of the vectors beside those of the model in use whose index is kept in step."""
    own = (IMPORTED, *(f"{library_collection(model)}-" for model in OF_PICTURES))
    return [one.name for one in store.catalog.vectors.all() if one.owner == "library" and one.name.startswith(own)]


def queue_features(jobs: JobRunner, model: str) -> str:
    """Queue making the vectors by a model that photos have not, and return the job's id: that of one that waits or
    runs, where there is one.
    """
    active = (job.id for job in jobs.active() if job.kind == "features")
    waiting = next((id_ for id_ in active if jobs.params(id_).get("model") == model), None)
    return waiting or jobs.queue(f"Looking at photos with {model}", MakeFeatures(model))


def queue_import(jobs: JobRunner, spaces: SpaceService, place: Path, name: str) -> str:
    """Queue taking vectors over from a file or folder as the space ``name``, and return the job's id.

    Raises BadInput as ``check_import`` does.
    """
    check_import(jobs, spaces, name)
    return jobs.queue(f"Taking vectors over as {name}", ImportFeatures(str(place), name))


def check_import(jobs: JobRunner, spaces: SpaceService, name: str) -> None:
    """Raise BadInput for a name that can't be had, or that a space has already or is about to get."""
    spaces.check_new(name)
    if name in (space.name for space in spaces.all()):
        raise BadInput(f"There is a space {name} already.", "Choose another name, or remove that space first.")
    if _concerns(jobs, name):
        raise BadInput(f"Vectors are being taken over as {name} already.", "Choose another name, or wait for it.")


def remove_space(jobs: JobRunner, spaces: SpaceService, name: str) -> int:
    """Forget a space, as ``SpaceService.remove`` does. Raises as that, and NotNow while a job makes its vectors."""
    if _concerns(jobs, name):
        raise NotNow(f"Vectors of {name} are being made.", "Cancel that first, or wait for it.")
    return spaces.remove(name)


def _concerns(jobs: JobRunner, space: str) -> bool:
    """Whether a job that has not ended fills a space."""
    filling = (job.id for job in jobs.active() if job.kind in ("features", "import-features"))
    return any(space in (said.get("model"), said.get("name")) for said in map(jobs.params, filling))


def queue_feature_export(
    jobs: JobRunner, form: str, place: Path, selection: Selection, model: str, kind: str = "image"
) -> str:
    """Queue writing vectors (see ``FeatureService.export``), and return the job's id. model: empty for that in use."""
    images = None if selection.images is None else tuple(selection.images)
    what = Export(form, str(place), images, found=dict(selection.found), model=model, kind=kind)
    return jobs.queue(f"Exporting to {display_text(Path(place.name))}", what)
