"""What each kind of background job does with its parameters, and what is looked after once it is done."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from src.database.catalog.catalog import Catalog
from src.database.store import Store
from src.errors import ModelError
from src.export.features import FEATURE_FORMATS
from src.models.model_manager import ModelManager
from src.processing.decoding.image_io import display_text
from src.schema import Indexed, JobEvent
from src.services.duplicates.service import DuplicateService
from src.services.enrichment.description_vectors import DescriptionVectors
from src.services.enrichment.descriptions import DescriptionService
from src.services.enrichment.descriptions_pass import Limits
from src.services.enrichment.facts_pass import FactsService
from src.services.enrichment.objects import ObjectService
from src.services.enrichment.text_pass import TextService
from src.services.exchange.exporting import ExportService, Selection
from src.services.indexing.scan import IndexingService
from src.services.jobs.feature_jobs import FeatureJobs, collections_of_spaces
from src.services.jobs.kinds import (
    KINDS,
    Classify,
    Clear,
    Describe,
    Download,
    EmptyBin,
    Evaluate,
    Examine,
    Export,
    FindDuplicates,
    FindObjects,
    ForgetMissing,
    Index,
    JobKind,
    LayOut,
    Params,
    ReadFacts,
    ReadTexts,
    Rebuild,
    Reindex,
    RemoveFolder,
    Sync,
    kind_of_params,
)
from src.services.jobs.runner import Handler, JobRunner, close
from src.services.lab.classify_pass import ClassifyingService
from src.services.lab.classifying import Sorting, sorting
from src.services.lab.service import LabService
from src.services.library.doctor import DoctorService
from src.services.library.folders import FolderService, inside
from src.services.library.forgetting import ForgettingService
from src.services.library.service import LibraryService
from src.services.library.uploads import from_params
from src.services.map.service import MapService

log = logging.getLogger(__name__)
KEPT_DAYS = 30
"""How long removed photos stay in the bin."""
BRING_PHOTOS: tuple[JobKind, ...] = tuple(name for name, kind in KINDS.items() if kind.brings_photos)
Events = Iterator[JobEvent]
P = TypeVar("P", bound=Params)


class JobHandlers:
    """The jobs of one library, by kind."""

    def __init__(
        self,
        indexing: IndexingService,
        folders: FolderService,
        forgetting: ForgettingService,
        doctor: DoctorService,
        library: LibraryService,
        objects: ObjectService,
        facts: FactsService,
        texts: TextService,
        descriptions: DescriptionService,
        duplicates: DuplicateService,
        exports: ExportService,
        maps: MapService,
        features: FeatureJobs,
        classifying: ClassifyingService,
        store: Store,
        models: ModelManager,
        lab: LabService,
    ) -> None:
        self._indexing = indexing
        self._folders = folders
        self._forgetting = forgetting
        self._doctor = doctor
        self._library = library
        self._objects = objects
        self._facts = facts
        self._texts = texts
        self._descriptions = descriptions
        self._duplicates = duplicates
        self._exports = exports
        self._maps = maps
        self._features = features
        self._classifying = classifying
        self._store = store
        self._models = models
        self._lab = lab

    def all(self) -> dict[JobKind, Handler]:
        """By kind; each reads what it was asked for from a job's row."""
        return {
            "index": _reading(Index, self._index),
            "sync": _reading(Sync, self._sync),
            "reindex": _reading(Reindex, self._reindex),
            "facts": _reading(ReadFacts, lambda asked: self._facts.read_all(asked.folders)),
            "objects": _reading(FindObjects, self._find_objects),
            "texts": _reading(ReadTexts, lambda asked: self._texts.read_all(asked.folders, asked.careful)),
            "describe": _reading(Describe, self._describe),
            "duplicates": _reading(FindDuplicates, lambda asked: self._duplicates.find(asked.careful)),
            "map": _reading(LayOut, lambda _: self._maps.lay_out()),
            "classify": _reading(Classify, self._classify),
            "export": _reading(Export, self._export),
            "rebuild": _reading(Rebuild, self._rebuild),
            "forget": _reading(ForgetMissing, lambda _: self._forgetting.forget_missing()),
            "remove": _reading(RemoveFolder, lambda asked: self._forgetting.remove_folder(asked.path)),
            "doctor": _reading(Examine, lambda asked: self._doctor.examine(asked.repair)),
            "clear": _reading(Clear, lambda _: self._forgetting.clear()),
            "empty": _reading(EmptyBin, lambda asked: self._forgetting.empty(asked.before)),
            "evaluate": _reading(Evaluate, self._lab.run),
            "download": _reading(Download, lambda asked: self._models.download(asked.model)),
            **self._features.handlers(),
        }

    def tidied(self, kind: JobKind, handler: Handler, jobs: JobRunner) -> Handler:
        """The handler, then a rebuild where one is due, and a note of the index: a kill from then on costs nothing."""

        def run(said: Mapping[str, Any]) -> Events:
            added, events = False, handler(said)
            try:
                for event in events:
                    added = added or isinstance(event, Indexed)
                    yield event
            finally:
                close(events)
            asked = KINDS[kind].params.read(said)
            if only_looks(asked):
                return
            rebuild_if_due(self._library, self._store, jobs)
            if not jobs.are_in_line(BRING_PHOTOS):  # else it is written to again at once; the last of them notes it
                self._store.index.checkpoint()
            if KINDS[kind].brings_photos:
                self._queue_facts(jobs, asked.paths if isinstance(asked, Sync) else None)
                self._queue_objects(jobs)
                self._queue_texts(jobs)
                self._features.queue_due(jobs)
                if added:
                    queue_duplicates_if_due(self._duplicates, jobs)

        return run

    def _index(self, asked: Index) -> Events:
        model = self._model_for(asked.model)
        if asked.files is not None:
            yield from self._indexing.index_files(from_params(list(asked.files)), model, asked.careful)
        else:
            yield from self._indexing.index_paths([Path(path) for path in asked.paths], model, asked.careful)

    def _sync(self, asked: Sync) -> Events:
        self._folders.straighten()
        wanted, followed = [self._folders.known_as(Path(path)) for path in asked.paths], self._folders.paths()
        paths = [path for path in wanted if any(inside(os.fsencode(path), os.fsencode(folder)) for folder in followed)]
        if wanted and not paths:  # followed no more since it was queued: the library may have been cleared
            return
        yield from self._indexing.sync(paths or followed, self._model_for(asked.model), asked.careful)
        if not wanted:
            yield from self._folders.settle_loose()

    def _reindex(self, asked: Reindex) -> Events:
        yield from self._indexing.reindex(asked.model, asked.careful)
        self._library.activate(asked.model)

    def _find_objects(self, asked: FindObjects) -> Events:
        if asked.forget:
            yield from self._objects.forget_all()
        else:
            yield from self._objects.index(asked.folders, asked.images, asked.careful)

    def _describe(self, asked: Describe) -> Events:
        limits = Limits(asked.most, asked.budget, asked.price_in, asked.price_out)
        where = asked.base_url, asked.model, asked.folders, limits
        yield from self._descriptions.describe(*where, asked.again, asked.asked_at, asked.careful)

    def _classify(self, asked: Classify) -> Events:
        yield from self._classifying.classify(sorting(asked.labels, asked.preset, asked.several, asked.templates))

    def _export(self, asked: Export) -> Events:
        selection = Selection(asked.images, asked.query, asked.found or {}, asked.scores or {})
        if asked.format in FEATURE_FORMATS:
            yield from self._features.export(asked, selection, self._library.active_model)
            return
        yield from self._exports.export(asked.format, Path(asked.place), selection, asked.pictures)

    def _rebuild(self, asked: Rebuild) -> Events:
        yield from self._store.rebuild(asked.collection)
        self._store.index.checkpoint()

    def _model_for(self, asked: str | None) -> str:
        """The model to index with; the first pictures of a library decide on its own.

        Raises ModelError where it can't be used.
        """
        model = asked or self._library.active_model
        self._models.embedder(model)
        self._library.adopt_model(model)
        return model

    def _queue_facts(self, jobs: JobRunner, folders: Sequence[str] | None) -> None:
        """Have the facts of new photos read, and of those in visited folders where something beside them changed."""
        if self._facts.is_due(folders):
            queue_facts(jobs, ReadFacts(None if folders is None else tuple(folders)))

    def _queue_objects(self, jobs: JobRunner) -> None:
        """Have new photos of the folders that ask for it looked through."""
        try:
            waiting = self._objects.waiting_folders()
        except ModelError:  # a search will say that weights are not here
            return
        if waiting:
            queue_objects(jobs, FindObjects(folders=tuple(waiting)))

    def _queue_texts(self, jobs: JobRunner) -> None:
        """Have new photos of the folders that ask for it read."""
        try:
            waiting = self._texts.waiting_folders()
        except ModelError as error:  # the packages are not as the set-up leaves them
            log.warning("photos are not read: %s", error)
            return
        if waiting:
            queue_texts(jobs, ReadTexts(tuple(waiting)))


def _reading(params: type[P], handle: Callable[[P], Events]) -> Handler:
    return lambda said: handle(params.read(said))


def only_looks(asked: Params) -> bool:
    """Whether a job is a check that changes no file of the library."""
    return isinstance(asked, Examine) and not asked.repair


def queue_sync(jobs: JobRunner, paths: list[Path]) -> str:
    """Queue a look at these folders (none: at everything), unless just that is queued already; the job's id."""
    what = display_text(Path(paths[0].name)) if len(paths) == 1 else f"{len(paths)} folders" if paths else "all folders"
    return jobs.queue_once(f"Looking for changes in {what}", Sync(paths=tuple(map(str, paths))))


def being_added(jobs: JobRunner) -> set[str]:
    """Paths that a job, queued, running or paused, is adding: they are not to be looked at beside it."""
    return {path for job in jobs.active() if job.kind == "index" for path in jobs.paths(job.id)}


def queue_facts(jobs: JobRunner, asked: ReadFacts) -> None:
    """Queue reading the facts of photos, unless just that is queued already."""
    jobs.queue_once("Reading the facts of photos", asked)


def queue_objects(jobs: JobRunner, asked: FindObjects = FindObjects()) -> None:  # noqa: B008 (it is never changed)
    """Queue finding objects in photos, unless just that is queued already."""
    jobs.queue_once("Finding objects in photos", asked)


def queue_texts(jobs: JobRunner, asked: ReadTexts) -> None:
    """Queue reading the words in photos, unless just that is queued already."""
    jobs.queue_once("Reading text in photos", asked)


def asked_now(asked: Describe) -> Describe:
    """The same, with the moment from which on what it takes counts: also across pauses and restarts."""
    return replace(asked, asked_at=datetime.now(UTC).isoformat(timespec="microseconds"))


def queue_descriptions(jobs: JobRunner, asked: Describe) -> str:
    """Queue having photos described, and return the job's id: that of one that waits or runs, where there is one."""
    waiting = next((job.id for job in jobs.active() if job.kind == kind_of_params(asked)), None)
    return waiting or jobs.queue("Describing photos", asked_now(asked))


def queue_duplicates(jobs: JobRunner) -> None:
    """Queue looking for copies of photos, unless that is queued already."""
    jobs.queue_once("Looking for duplicates", FindDuplicates())


def queue_map(jobs: JobRunner) -> None:
    """Queue laying the library out as a map, unless that is queued already."""
    jobs.queue_once("Laying out the map", LayOut())


def queue_duplicates_if_due(duplicates: DuplicateService, jobs: JobRunner) -> None:
    """The same where there are photos that were not compared, unless that is to be done only when asked for."""
    with suppress(ModelError):  # a search will say that weights are not here
        if duplicates.is_due():
            queue_duplicates(jobs)


def queue_classifying(jobs: JobRunner, asked: Sorting) -> str:
    """Queue classifying all photos, unless just that is queued already; the job's id."""
    preset, lines = asked.labels.preset, tuple(label.line for label in asked.labels.labels)
    labels = () if preset else lines
    return jobs.queue_once("Classifying photos", Classify(preset, labels, asked.several, asked.templates))


def queue_export(jobs: JobRunner, form: str, place: Path, selection: Selection, pictures: bool) -> str:
    """Queue writing an export (see ``ExportService.export``), and return the job's id."""
    images = None if selection.images is None else tuple(selection.images)
    what = Export(form, str(place), images, selection.query, dict(selection.found), dict(selection.scores), pictures)
    return jobs.queue(f"Exporting to {display_text(Path(place.name))}", what)


def empty_bin_if_due(catalog: Catalog, jobs: JobRunner) -> None:
    """Queue forgetting the photos that were removed ``KEPT_DAYS`` days ago or earlier, where there are any."""
    before = (datetime.now(UTC) - timedelta(days=KEPT_DAYS)).isoformat(timespec="seconds")
    if catalog.bin.ids(before) and not any(job.kind == "empty" for job in jobs.active()):
        jobs.queue(f"Emptying the bin of what was removed {KEPT_DAYS} days ago", EmptyBin(before))


def rebuild_if_due(library: LibraryService, store: Store, jobs: JobRunner) -> None:
    """Queue a rebuild where the index of the active model, or of descriptions or another space, lacks what the
    catalogue holds, or holds much that was deleted.
    """
    try:
        names = [library.collection(kind) for kind in ("image", "object")]
    except ModelError:  # a search will say that the model's weights are not here
        return
    for name in (*names, DescriptionVectors.collection, *collections_of_spaces(store)):
        if not store.catalog.vectors.count_all(name):
            continue
        behind = not store.index.open(name) and store.index.can_build()
        if behind or store.index.needs_compaction(name):
            jobs.queue_once("Rebuilding the search index", Rebuild(name))
