"""The only place where objects are wired together."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from src.config import Settings, vision_keys
from src.database.catalog.catalog import Catalog
from src.database.store import Store
from src.errors import LibraryUnusable
from src.logs import start_logging
from src.models.captioners.servers import Servers
from src.models.model_manager import ModelManager
from src.processing.decoding.reader import PictureReader
from src.runtime import Services
from src.services.curation.labels import LabelService
from src.services.curation.service import CurationService
from src.services.curation.sidecars import SidecarWriter
from src.services.curation.suggestions import SuggestionService
from src.services.curation.system_bin import SystemBin
from src.services.duplicates.service import DuplicateService
from src.services.enrichment.description_vectors import DescriptionVectors
from src.services.enrichment.descriptions import DescriptionService
from src.services.enrichment.facts_pass import FactsService
from src.services.enrichment.objects import ObjectService
from src.services.enrichment.text_pass import TextService
from src.services.exchange.exporting import ExportService
from src.services.exchange.restore import finish_import, import_waits
from src.services.exchange.shelf import ExportShelf
from src.services.indexing.scan import IndexingService
from src.services.jobs.handlers import JobHandlers, being_added, queue_sync
from src.services.jobs.kinds import KINDS
from src.services.jobs.runner import JobRunner
from src.services.lab.classify_pass import ClassifyingService
from src.services.library.doctor import DoctorService
from src.services.library.file_checks import FileChecks
from src.services.library.folders import FolderService
from src.services.library.forgetting import ForgettingService
from src.services.library.service import LibraryService
from src.services.library.uploads import UploadStore
from src.services.library.watcher import FolderWatcher
from src.services.search.asking import AskingService
from src.services.search.browsing import BrowsingService
from src.services.search.saved import SavedSearches
from src.services.search.service import SearchService
from src.services.search.vocabulary import Vocabulary


def build_services(
    settings: Settings | None = None,
    *,
    read_only: bool = False,
    untouched: bool = False,
    port: int | None = None,
    models: ModelManager | None = None,
) -> Services:
    """Open the library and wire the services. read_only: takes no lock, searches beside a running app. untouched: for
    a look that changes no file, while others are kept out. port: for who finds the library taken. Raises LibraryError.
    """
    settings = _made_ready(settings or Settings.from_env(), not (read_only or untouched))
    store = Store(settings, port=port, read_only=read_only, untouched=untouched)
    catalog = store.catalog
    models = models or ModelManager(settings=_forgetful(settings) if untouched else settings)
    reader, servers = PictureReader(settings.max_megapixels), Servers(vision_keys(), settings.vision_url)
    uploads = _settled_uploads(settings, store)
    library = LibraryService(settings, catalog, store, models, reader, uploads)
    folders = FolderService(settings, catalog)
    indexing = IndexingService(settings, catalog, store, models, reader, folders, uploads)
    search = SearchService(catalog, store, models, library, reader)
    objects, facts, texts, descriptions, duplicates, classifying = _passes(settings, store, models, library, servers)
    exports, asking = ExportService(catalog, library, objects), AskingService(search, library, objects)
    forgetting = ForgettingService(settings, catalog, store, library, folders, uploads)
    jobs = _runner(catalog, JobHandlers(
        indexing, folders, forgetting, DoctorService(catalog, store, models, library, FileChecks(
            settings, catalog, library, uploads)), library, objects, facts, texts, descriptions, duplicates, exports,
        classifying, store, models,
    ))  # fmt: skip
    return Services(
        settings=settings, catalog=catalog, store=store, models=models, reader=reader, library=library,
        folders=folders, indexing=indexing, objects=objects, facts=facts, forgetting=forgetting, exports=exports,
        search=search, asking=asking, vocabulary=Vocabulary(catalog), classifying=classifying,
        curation=CurationService(catalog, descriptions.vectors.catch_up), sidecars=SidecarWriter(catalog),
        suggestions=SuggestionService(catalog, library, search, models, classifying.banks), uploads=uploads, jobs=jobs,
        browsing=BrowsingService(catalog), duplicates=duplicates, system_bin=SystemBin(settings, catalog), texts=texts,
        labels=LabelService(catalog, library, models, classifying.banks), descriptions=descriptions, servers=servers,
        saved=SavedSearches(catalog, search), shelf=ExportShelf(settings),
        watcher=FolderWatcher(folders, lambda paths: queue_sync(jobs, paths), lambda: being_added(jobs)),
    )  # fmt: skip


def _made_ready(settings: Settings, to_write: bool) -> Settings:
    """The library's folder, before anything in it is opened. Raises LibraryUnusable where it can't be used."""
    _refuse_no_place(settings)
    if to_write:
        start_logging(settings.logs_dir, settings.log_level)
        finish_import(settings)
    _refuse_emptied(settings)
    return settings


def _passes(
    settings: Settings, store: Store, models: ModelManager, library: LibraryService, servers: Servers
) -> tuple[ObjectService, FactsService, TextService, DescriptionService, DuplicateService, ClassifyingService]:
    """What goes through all photos for something that is in them."""
    words = DescriptionVectors(store.catalog, store, models)
    return (
        ObjectService(store.catalog, store, models, library),
        FactsService(store.catalog, settings.thumbs_dir),
        TextService(store.catalog, models, library),
        DescriptionService(store.catalog, store, library, words, servers.captioner),
        DuplicateService(store.catalog, library, settings.find_duplicates),
        ClassifyingService(store.catalog, library, models),
    )


def _settled_uploads(settings: Settings, store: Store) -> UploadStore:
    """The store of uploads, each known where it is now: the library may have been moved."""
    uploads = UploadStore(settings, store.catalog)
    if not store.read_only:
        uploads.settle()
    return uploads


def _runner(catalog: Catalog, workers: JobHandlers) -> JobRunner:
    """The runner, with what is looked after once a job that writes to the index is done."""
    handlers = workers.all()
    jobs = JobRunner(catalog, handlers)
    for kind in KINDS:
        if KINDS[kind].writes_index:
            handlers[kind] = workers.tidied(kind, handlers[kind], jobs)
    return jobs


def _forgetful(settings: Settings) -> Settings:
    """The same weights, but which were verified is not noted: the library's own folder is just one more to look in."""
    return replace(settings, home=Path(os.devnull), weights_path=(settings.weights_dir, *settings.weights_path))


def _refuse_no_place(settings: Settings) -> None:
    """A folder that can't even be asked for, such as one with a name that is too long."""
    try:
        os.stat(settings.catalog_file)
    except (FileNotFoundError, NotADirectoryError):  # none there yet; what stands in its way is for the opening to say
        pass
    except OSError as error:
        raise LibraryUnusable(
            f"The library's folder {settings.data_dir} can't be used ({error.strerror or error}).",
            "Choose another with MFE_HOME.",
        ) from error


def _refuse_emptied(settings: Settings) -> None:
    """A catalogue of no bytes beside thumbnails was lost, not new: it must not be filled as if it were. Where a library
    that is being imported takes its place at the next opening, it is new.
    """
    file = settings.catalog_file
    emptied = (
        file.is_file()
        and file.stat().st_size == 0
        and settings.thumbs_dir.is_dir()
        and any(settings.thumbs_dir.iterdir())
    )
    if emptied and not import_waits(settings):
        raise LibraryUnusable(
            f"The library's catalogue {file} is empty, but there are thumbnails of photos beside it.",
            "Bring a backup of the file back; or move it away to begin a new library.",
        )
