"""The only place where objects are wired together."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from src.config import Settings
from src.database.catalog import Catalog
from src.database.vector_db import VectorDatabase
from src.errors import AppError
from src.models.model_manager import ModelManager
from src.schema import JobEvent, JobKind
from src.services.indexing import IndexingService
from src.services.jobs import Handler, JobRunner
from src.services.library import LibraryService
from src.services.search import SearchService
from src.services.uploads import UploadStore, as_params, from_params

log = logging.getLogger(__name__)


@dataclass
class Services:
    """Everything the doors (pages, routes, CLI) may call."""

    settings: Settings
    catalog: Catalog
    vectors: VectorDatabase
    models: ModelManager
    library: LibraryService
    indexing: IndexingService
    search: SearchService
    uploads: UploadStore
    jobs: JobRunner
    handlers: dict[JobKind, Handler] = field(default_factory=dict)

    def start(self) -> Services:
        """Run background jobs, and get index and model ready so that the first search need not wait."""
        self._index_left_over_uploads()
        self.jobs.start()
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()
        return self

    def _index_left_over_uploads(self) -> None:
        if not self.jobs.active():  # else a job of the last time may be about to index them
            known = self.catalog.files_under(os.fsencode(self.settings.uploads_dir))
            found = self.uploads.left_over(known)
            if found:
                self.jobs.submit("index", "Adding uploads left over from last time", files=as_params(found))

    def close(self) -> None:
        """End jobs where they are (they go on at the next start) and close the library cleanly."""
        self.jobs.stop()
        self.vectors.close()

    def _warm_up(self) -> None:
        try:
            _rebuild_if_behind(self.library, self.vectors, self.jobs)
            self.models.embedder(self.library.active_model).encode_texts(["warm up"])
        except AppError as error:
            log.warning("warm-up stopped: %s", error)


def build_services(
    settings: Settings | None = None, *, read_only: bool = False, port: int | None = None, models: ModelManager | None = None
) -> Services:
    """Open the library and wire the services. ``read_only`` takes no lock and searches beside a running app.

    ``port`` is told to a second process that finds the library taken. Raises LibraryError where the library can't be opened.
    """
    settings = settings or Settings.from_env()
    if not read_only:
        start_logging(settings.logs_dir, settings.log_level)
    vectors = VectorDatabase(settings, port=port, read_only=read_only)
    catalog = vectors.catalog
    models = models or ModelManager(settings=settings)
    library = LibraryService(settings, catalog, vectors, models)
    indexing = IndexingService(settings, catalog, vectors, models)
    search = SearchService(settings, catalog, vectors, models, library)
    handlers = _handlers(indexing, library, vectors, models)
    jobs = JobRunner(catalog, handlers)
    handlers["index"] = _then_rebuild(handlers["index"], library, vectors, jobs)
    return Services(settings, catalog, vectors, models, library, indexing, search, UploadStore(settings), jobs, handlers)


def _handlers(indexing: IndexingService, library: LibraryService, vectors: VectorDatabase, models: ModelManager) -> dict[JobKind, Handler]:
    """What each kind of job does with its parameters."""

    def index(params: dict[str, Any]) -> Iterator[JobEvent]:
        model = params.get("model") or library.active_model
        models.embedder(model)
        library.adopt_model(model)
        if "files" in params:
            yield from indexing.index_files(from_params(params["files"]), model)
        else:
            yield from indexing.index_paths([Path(path) for path in params["paths"]], model)

    def reindex(params: dict[str, Any]) -> Iterator[JobEvent]:
        yield from indexing.reindex(params["model"])
        library.activate(params["model"])

    def rebuild(params: dict[str, Any]) -> Iterator[JobEvent]:
        yield from vectors.rebuild(params["collection"])

    def download(params: dict[str, Any]) -> Iterator[JobEvent]:
        yield from models.download(params["model"])

    def clear(_: dict[str, Any]) -> Iterator[JobEvent]:
        yield from library.clear()

    return {"index": index, "reindex": reindex, "rebuild": rebuild, "download": download, "clear": clear}


def _then_rebuild(handler: Handler, library: LibraryService, vectors: VectorDatabase, jobs: JobRunner) -> Handler:
    """The handler, and after it a rebuild where the vector index fell behind the catalogue."""

    def run(params: dict[str, Any]) -> Iterator[JobEvent]:
        yield from handler(params)
        _rebuild_if_behind(library, vectors, jobs)

    return run


def _rebuild_if_behind(library: LibraryService, vectors: VectorDatabase, jobs: JobRunner) -> None:
    """Queue a rebuild where the active model's index does not hold what the catalogue holds."""
    name = library.collection()
    if not vectors.open_index(name) and vectors.catalog.vectors.count(name):
        jobs.submit("rebuild", "Rebuilding the search index", collection=name)


def start_logging(folder: Path, level: str) -> None:
    """Send this program's log to a rotating file, once a process and folder. Nothing is printed."""
    logger = logging.getLogger("src")
    target = str(folder / "app.log")
    logger.setLevel(level)
    if any(getattr(handler, "baseFilename", None) == target for handler in logger.handlers):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(target, maxBytes=2_000_000, backupCount=3, encoding="utf-8")
    except OSError:  # the library itself will say what is wrong with its folder
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.handlers = [old for old in logger.handlers if not isinstance(old, RotatingFileHandler)]
    logger.addHandler(handler)
