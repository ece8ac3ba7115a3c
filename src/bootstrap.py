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
from src.services.enrichment.spaces import SpaceService
from src.services.enrichment.text_pass import TextService
from src.services.exchange.exporting import ExportService
from src.services.exchange.features import FeatureService
from src.services.exchange.restore import finish_import, import_waits
from src.services.exchange.shelf import ExportShelf
from src.services.indexing.scan import IndexingService
from src.services.insights.service import InsightsService
from src.services.jobs.feature_jobs import FeatureJobs
from src.services.jobs.handlers import JobHandlers, being_added, queue_sync
from src.services.jobs.kinds import KINDS
from src.services.jobs.runner import JobRunner
from src.services.lab.classify_pass import ClassifyingService
from src.services.lab.service import LabService
from src.services.library.doctor import DoctorService
from src.services.library.file_checks import FileChecks
from src.services.library.folders import FolderService
from src.services.library.forgetting import ForgettingService
from src.services.library.service import LibraryService
from src.services.library.uploads import UploadStore
from src.services.library.watcher import FolderWatcher
from src.services.map.service import MapService
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
    a look that changes no file, and keeps others out. port: for who finds the library taken. Raises LibraryError."""
    writes = not (read_only or untouched)
    settings = _made_ready(settings or Settings.from_env(), writes)
    catalog = (store := Store(settings, port=port, read_only=read_only, untouched=untouched)).catalog
    models = models or ModelManager(settings=_forgetful(settings) if untouched else settings)
    reader, servers = PictureReader(settings.max_megapixels), Servers(vision_keys(), settings.vision_url)
    folders, uploads = FolderService(settings, catalog), _settled_uploads(settings, store)
    library = LibraryService(settings, catalog, store, models, reader, uploads)
    indexing = IndexingService(settings, catalog, store, models, reader, folders, uploads)
    objects, facts, texts, descriptions, duplicates, spaces = _passes(settings, store, models, library, servers)
    search, lab = SearchService(catalog, store, models, library, reader, spaces), LabService(settings, models, reader)
    exports, asking = ExportService(catalog, library, objects), AskingService(search, library, objects)
    classifying, labels, maps, insights = _seen_as_a_whole(settings, library, models, duplicates, catalog, writes)
    forgetting = ForgettingService(settings, catalog, store, library, folders, uploads)
    doctor = DoctorService(catalog, store, models, library, FileChecks(settings, catalog, library, uploads))
    features, shelf = FeatureService(catalog, models, spaces, descriptions.vectors), ExportShelf(settings)
    jobs = _runner(catalog, JobHandlers(
        indexing, folders, forgetting, doctor, library, objects, facts, texts, descriptions, duplicates, exports, maps,
        FeatureJobs(features, spaces, store, shelf), classifying, store, models, lab,
    ))  # fmt: skip
    return Services(
        watcher=FolderWatcher(folders, lambda paths: queue_sync(jobs, paths), lambda: being_added(jobs)), models=models,
        curation=CurationService(catalog, descriptions.vectors.catch_up), system_bin=SystemBin(settings, catalog),
        suggestions=SuggestionService(catalog, library, search, models, classifying.banks), classifying=classifying,
        browsing=BrowsingService(catalog, insights.ids_of), saved=SavedSearches(catalog, search), lab=lab, jobs=jobs,
        sidecars=SidecarWriter(catalog), vocabulary=Vocabulary(catalog), shelf=shelf,
        descriptions=descriptions, forgetting=forgetting, duplicates=duplicates, settings=settings, indexing=indexing,
        insights=insights, features=features, catalog=catalog, library=library, folders=folders, objects=objects,
        exports=exports, uploads=uploads, servers=servers, reader=reader, store=store, search=search, asking=asking,
        labels=labels, spaces=spaces, facts=facts, texts=texts, maps=maps,
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
) -> tuple[ObjectService, FactsService, TextService, DescriptionService, DuplicateService, SpaceService]:
    """What goes through all photos for something that is in them."""
    words = DescriptionVectors(store.catalog, store, models)
    return (
        ObjectService(store.catalog, store, models, library),
        FactsService(store.catalog, settings.thumbs_dir),
        TextService(store.catalog, models, library),
        DescriptionService(store.catalog, store, library, words, servers.captioner),
        DuplicateService(store.catalog, library, settings.find_duplicates),
        SpaceService(store.catalog, store, models, library),
    )


def _seen_as_a_whole(
    settings: Settings,
    library: LibraryService,
    models: ModelManager,
    duplicates: DuplicateService,
    catalog: Catalog,
    writes: bool,
) -> tuple[ClassifyingService, LabelService, MapService, InsightsService]:
    """What photos show in words, where they lie beside each other, and what there is of each kind."""
    classifying = ClassifyingService(catalog, library, models)
    labels = LabelService(catalog, library, models, classifying.banks)
    maps = MapService(settings, catalog, library, labels, writes)
    return classifying, labels, maps, InsightsService(catalog, library, duplicates, labels)


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
