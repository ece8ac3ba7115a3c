"""What each kind of background job does with its parameters, and what is looked after once it is done."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from src.database.store import Store
from src.errors import ModelError
from src.models.model_manager import ModelManager
from src.processing.decoding.image_io import display_text
from src.schema import JobEvent
from src.services.enrichment.objects import ObjectService
from src.services.exchange.exporting import ExportService, Selection
from src.services.indexing.scan import IndexingService
from src.services.indexing.uploads import from_params
from src.services.jobs.kinds import JobKind, kind_of
from src.services.jobs.runner import Handler, JobRunner
from src.services.library.doctor import DoctorService
from src.services.library.folders import FolderService, inside
from src.services.library.service import LibraryService

Params = dict[str, Any]
Events = Iterator[JobEvent]


class JobHandlers:
    """The jobs of one library, by kind."""

    def __init__(
        self,
        indexing: IndexingService,
        folders: FolderService,
        doctor: DoctorService,
        library: LibraryService,
        objects: ObjectService,
        exports: ExportService,
        store: Store,
        models: ModelManager,
    ) -> None:
        self._indexing = indexing
        self._folders = folders
        self._doctor = doctor
        self._library = library
        self._objects = objects
        self._exports = exports
        self._store = store
        self._models = models

    def all(self) -> dict[JobKind, Handler]:
        return {
            "index": self._index,
            "sync": self._sync,
            "reindex": self._reindex,
            "objects": self._find_objects,
            "export": self._export,
            "rebuild": self._rebuild,
            "forget": lambda _: self._folders.forget_missing(),
            "remove": lambda params: self._folders.remove(params["path"]),
            "doctor": lambda params: self._doctor.examine(bool(params.get("repair", True))),
            "clear": lambda _: self._library.clear(),
            "download": lambda params: self._models.download(params["model"]),
        }

    def tidied(self, kind: JobKind, handler: Handler, jobs: JobRunner) -> Handler:
        """The handler, and after it a rebuild where one is due, and a note of the index as it is: a kill from then on costs nothing."""

        def run(params: Params) -> Events:
            yield from handler(params)
            if only_looks(kind, params):
                return
            rebuild_if_due(self._library, self._store, jobs)
            self._store.index.checkpoint()
            if kind_of(kind).brings_photos:
                self._queue_objects(jobs)

        return run

    def _index(self, params: Params) -> Events:
        model = self._model_for(params)
        if "files" in params:
            yield from self._indexing.index_files(from_params(params["files"]), model, bool(params.get("careful")))
        else:
            yield from self._indexing.index_paths([Path(path) for path in params["paths"]], model, bool(params.get("careful")))

    def _sync(self, params: Params) -> Events:
        self._folders.straighten()
        asked, followed = [self._folders.known_as(Path(path)) for path in params.get("paths", [])], self._folders.paths()
        paths = [path for path in asked if any(inside(os.fsencode(path), os.fsencode(folder)) for folder in followed)]
        if asked and not paths:  # followed no more since it was queued: the library may have been cleared
            return
        yield from self._indexing.sync(paths or followed, self._model_for(params), bool(params.get("careful")))
        if not asked:
            yield from self._folders.settle_loose()

    def _reindex(self, params: Params) -> Events:
        yield from self._indexing.reindex(params["model"], bool(params.get("careful")))
        self._library.activate(params["model"])

    def _find_objects(self, params: Params) -> Events:
        if params.get("forget"):
            yield from self._objects.forget_all()
        else:
            yield from self._objects.index(params.get("folders"), params.get("images"), bool(params.get("careful")))

    def _export(self, params: Params) -> Events:
        selection = Selection(params.get("images"), params.get("query", ""), params.get("found", {}), params.get("scores", {}))
        yield from self._exports.export(params["format"], Path(params["place"]), selection, bool(params.get("pictures")))

    def _rebuild(self, params: Params) -> Events:
        yield from self._store.rebuild(params["collection"])
        self._store.index.checkpoint()

    def _model_for(self, params: Params) -> str:
        """The model to index with; the first pictures of a library decide on its own. Raises ModelError where it can't be used."""
        model = str(params.get("model") or self._library.active_model)
        self._models.embedder(model)
        self._library.adopt_model(model)
        return model

    def _queue_objects(self, jobs: JobRunner) -> None:
        """Have new photos of the folders that ask for it looked through."""
        try:
            waiting = self._objects.waiting_folders()
        except ModelError:  # a search will say that weights are not here
            return
        if waiting:
            queue_objects(jobs, folders=waiting)


def only_looks(kind: JobKind, params: Params) -> bool:
    """Whether a job is a check that changes no file of the library."""
    return kind == "doctor" and not params.get("repair", True)


def queue_sync(jobs: JobRunner, paths: list[Path]) -> None:
    """Queue a look at these folders (none: at everything), unless just that is queued already."""
    what = display_text(Path(paths[0].name)) if len(paths) == 1 else f"{len(paths)} folders" if paths else "all folders"
    _queue_once(jobs, "sync", f"Looking for changes in {what}", paths=[str(path) for path in paths])


def being_added(jobs: JobRunner) -> set[str]:
    """Paths that a job, queued, running or paused, is adding: they are not to be looked at beside it."""
    return {path for job in jobs.active() if job.kind == "index" for path in jobs.paths(job.id)}


def queue_objects(jobs: JobRunner, **params: Any) -> None:
    """Queue finding objects in photos (see ``ObjectService.index``), unless just that is queued already."""
    _queue_once(jobs, "objects", "Finding objects in photos", **params)


def queue_export(jobs: JobRunner, form: str, place: Path, selection: Selection, pictures: bool) -> str:
    """Queue writing an export (see ``ExportService.export``), and return the job's id."""
    what = {"query": selection.query, "found": dict(selection.found), "scores": dict(selection.scores)}
    images = None if selection.images is None else list(selection.images)
    return jobs.submit(
        "export", f"Exporting to {display_text(Path(place.name))}", format=form, place=str(place), images=images, pictures=pictures, **what
    )


def _queue_once(jobs: JobRunner, kind: JobKind, title: str, **params: Any) -> None:
    if not any(job.kind == kind and job.state == "queued" and jobs.params(job.id) == params for job in jobs.active()):
        jobs.submit(kind, title, **params)


def rebuild_if_due(library: LibraryService, store: Store, jobs: JobRunner) -> None:
    """Queue a rebuild where an index of the active model does not hold what the catalogue holds, or holds much that was deleted."""
    try:
        names = [library.collection(kind) for kind in ("image", "object")]
    except ModelError:  # a search will say that the model's weights are not here
        return
    for name in names:
        if not store.catalog.vectors.count_all(name):
            continue
        behind = not store.index.open(name) and store.index.can_build()
        if behind or store.index.needs_compaction(name):
            _queue_once(jobs, "rebuild", "Rebuilding the search index", collection=name)
