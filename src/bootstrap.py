"""The only place where objects are wired together."""

from __future__ import annotations

import logging
import os
import re
import threading
from dataclasses import dataclass, field, replace
from logging.handlers import RotatingFileHandler
from pathlib import Path

from src.config import Settings
from src.database.catalog.catalog import Catalog
from src.database.store import Store
from src.errors import AppError, LibraryUnusable
from src.models.model_manager import ModelManager
from src.plain_files import is_special, open_plain
from src.processing.decoding.reader import PictureReader
from src.services.enrichment.objects import ObjectService
from src.services.exchange.backup import finish_import, import_waits
from src.services.exchange.exporting import ExportService
from src.services.indexing.scan import IndexingService
from src.services.indexing.uploads import UploadStore, as_params
from src.services.jobs.handlers import JobHandlers, being_added, queue_sync, rebuild_if_due
from src.services.jobs.kinds import KINDS, JobKind
from src.services.jobs.runner import Handler, JobRunner
from src.services.library.doctor import DoctorService, foreign_index
from src.services.library.file_checks import FileChecks
from src.services.library.folders import FolderService
from src.services.library.service import LibraryService
from src.services.library.watcher import FolderWatcher
from src.services.search.service import SearchService

log = logging.getLogger(__name__)

LOOK_EVERY = 2.0
"""Seconds between two looks whether the library's files are still there."""
LOGS_KEPT = 3
_OUR_LINE = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ src\b")
UNLOAD_EVERY = 60.0
"""Seconds between two looks for models that lie idle."""


@dataclass
class Services:
    """Everything the doors (pages, routes, CLI) may call."""

    settings: Settings
    catalog: Catalog
    store: Store
    models: ModelManager
    reader: PictureReader
    library: LibraryService
    folders: FolderService
    indexing: IndexingService
    objects: ObjectService
    exports: ExportService
    search: SearchService
    uploads: UploadStore
    jobs: JobRunner
    watcher: FolderWatcher
    handlers: dict[JobKind, Handler] = field(default_factory=dict)
    drawn: threading.Event = field(default_factory=threading.Event)
    """Set by the first page that was drawn, and at the end."""
    tending: threading.Event = field(default_factory=threading.Event)
    """Set once the warm-up is over and the folders are watched."""
    closed: threading.Event = field(default_factory=threading.Event)
    notices: list[str] = field(default_factory=list)
    """What the user should know of the library's folders, a sentence each."""

    def start(self, page_within: float = 0.0) -> Services:
        """Run background jobs, follow the folders, and get model and index ready so that the first search need not wait.

        All but the jobs that are left over waits until a page was drawn, ``page_within`` seconds at most: imports and a first look
        would slow the page by as much as they take.
        """
        self._index_left_over_uploads()
        self.store.index.announce()
        self.jobs.start()
        threading.Thread(target=self._tend, args=(page_within,), name="tend", daemon=True).start()
        threading.Thread(target=self._watch, name="watch-library", daemon=True).start()
        return self

    def _index_left_over_uploads(self) -> None:
        if not self.jobs.active():  # else a job of the last time may be about to index them
            found = self.uploads.left_over({os.fsencode(path) for path in self.uploads.known()})
            if found:
                self.jobs.submit("index", "Adding uploads left over from last time", files=as_params(found))

    def problem(self) -> AppError | None:
        """Why the library can't be used any more; None where all is well. Asks the system, so it is as of now."""
        try:
            self.store.check_place()
        except LibraryUnusable as error:
            return error
        return None

    def _watch(self) -> None:
        """See to it that the library's files are still the ones that were opened; close it where they are not."""
        while not self.closed.wait(LOOK_EVERY):
            problem = self.problem()
            if problem:
                log.error("%s", problem)
                self.close()
                return
            try:
                if self.store.index.forget_lost():
                    log.warning("the search index was deleted while it was open; it is made again")
                    rebuild_if_due(self.library, self.store, self.jobs)
            except AppError as error:
                log.warning("the search index can't be made again now: %s", error)

    def close(self) -> None:
        """End jobs where they are (they go on at the next start) and close the library cleanly."""
        self.closed.set()
        self.drawn.set()
        self.watcher.stop()
        self.jobs.stop()
        self.reader.close()
        self.store.close()

    def _look_for_strangers(self) -> None:
        """Say what somebody else has in folders that have our names. It is never touched. No search waits for this."""
        index = self.store.index.foreign
        found = [foreign_index(index)] if index else []
        try:
            found += filter(None, [] if self.closed.is_set() else [self.library.strangers()])
        except AppError as error:
            log.warning("not looked for files of others: %s", error)
        for text in found:
            log.warning("%s", text)
        self.notices = found

    def _tend(self, page_within: float) -> None:
        """What is due in the background: the folders, model and index at the start, then whatever lies idle."""
        self.drawn.wait(page_within)
        try:
            if not self.closed.is_set():
                self._warm_up()
        finally:
            self.store.index.looked_at()
            self._look_for_strangers()
            self.watcher.start()  # after close() it ends by itself at once
            self.tending.set()
        while not self.closed.wait(UNLOAD_EVERY):
            self.models.unload_idle()

    def _warm_up(self) -> None:
        try:
            self.models.embedder(self.library.active_model).encode_texts(["warm up"])
            rebuild_if_due(self.library, self.store, self.jobs)
        except (AppError, OSError) as error:
            log.warning("warm-up stopped: %s", error)


def build_services(
    settings: Settings | None = None,
    *,
    read_only: bool = False,
    untouched: bool = False,
    port: int | None = None,
    models: ModelManager | None = None,
) -> Services:
    """Open the library and wire the services. ``read_only`` takes no lock and searches beside a running app.
    ``untouched``: for a look that changes no file, while others are kept out. ``port`` is told to a second process that finds
    the library taken. Raises LibraryError where the library can't be opened.
    """
    settings = settings or Settings.from_env()
    _refuse_no_place(settings)
    if not (read_only or untouched):
        start_logging(settings.logs_dir, settings.log_level)
        finish_import(settings)
    _refuse_emptied(settings)
    store = Store(settings, port=port, read_only=read_only, untouched=untouched)
    catalog = store.catalog
    models = models or ModelManager(settings=_forgetful(settings) if untouched else settings)
    reader = PictureReader(settings.max_megapixels)
    uploads = UploadStore(settings, catalog)
    if not store.read_only:
        uploads.settle()
    library = LibraryService(settings, catalog, store, models, reader, uploads)
    folders = FolderService(settings, catalog, store)
    indexing = IndexingService(settings, catalog, store, models, reader, folders, uploads)
    search = SearchService(catalog, store, models, library, reader)
    doctor = DoctorService(catalog, store, models, library, FileChecks(settings, catalog, library, uploads))
    objects = ObjectService(catalog, store, models, library)
    exports = ExportService(catalog, library, objects)
    workers = JobHandlers(indexing, folders, doctor, library, objects, exports, store, models)
    handlers = workers.all()
    jobs = JobRunner(catalog, handlers)
    for kind in KINDS:
        if KINDS[kind].writes_index:
            handlers[kind] = workers.tidied(kind, handlers[kind], jobs)
    watcher = FolderWatcher(folders, lambda paths: queue_sync(jobs, paths), lambda: being_added(jobs))
    return Services(
        settings, catalog, store, models, reader, library, folders, indexing, objects, exports, search, uploads, jobs, watcher, handlers
    )


def _forgetful(settings: Settings) -> Settings:
    """The same weights, but whose were verified is not noted beside them: the library's own folder is just one more to look in."""
    return replace(settings, home=Path(os.devnull), weights_path=(settings.weights_dir, *settings.weights_path))


def _refuse_no_place(settings: Settings) -> None:
    """A folder that can't even be asked for, such as one with a name that is too long."""
    try:
        os.stat(settings.catalog_file)
    except (FileNotFoundError, NotADirectoryError):  # none there yet; what stands in its way is for the opening to say
        pass
    except OSError as error:
        raise LibraryUnusable(
            f"The library's folder {settings.data_dir} can't be used ({error.strerror or error}).", "Choose another with MFE_HOME."
        ) from error


def _refuse_emptied(settings: Settings) -> None:
    """A catalogue of no bytes beside thumbnails was lost, not new: it must not be filled as if it were. Where a library that is being
    imported takes its place at the next opening, it is new.
    """
    file = settings.catalog_file
    emptied = file.is_file() and file.stat().st_size == 0 and settings.thumbs_dir.is_dir() and any(settings.thumbs_dir.iterdir())
    if emptied and not import_waits(settings):
        raise LibraryUnusable(
            f"The library's catalogue {file} is empty, but there are thumbnails of photos beside it.",
            "Bring a backup of the file back; or move it away to begin a new library.",
        )


def _may_log(file: Path) -> bool:
    """Whether a log of this name, and those that it is rotated to, are not there yet or plain files that begin with a line of ours."""
    for log_file in (file, *(file.with_name(f"{file.name}.{number}") for number in range(1, LOGS_KEPT + 1))):
        if is_special(log_file):
            return False
        try:
            with open_plain(log_file) as opened:
                start = opened.read(100)
        except OSError:
            continue
        if start and not _OUR_LINE.match(start):
            return False
    return True


def start_logging(folder: Path, level: str) -> None:
    """Send this program's log to a rotating file, once a process and folder. Nothing is printed.

    Where every name that it may have belongs to somebody else, there is none.
    """
    logger = logging.getLogger("src")
    names = ("app.log", "media-feature-extractor.log")
    target = next((str(folder / name) for name in names if _may_log(folder / name)), os.devnull)
    logger.setLevel(level)
    if any(getattr(handler, "baseFilename", None) == target for handler in logger.handlers):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(target, maxBytes=2_000_000, backupCount=LOGS_KEPT, encoding="utf-8")
    except OSError:  # the library itself will say what is wrong with its folder
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.handlers = [old for old in logger.handlers if not isinstance(old, RotatingFileHandler)]
    logger.addHandler(handler)
