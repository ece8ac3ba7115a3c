"""A running library: all that the doors may call, what is cared for in the background, and an end in good order."""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from src.config import Settings
from src.database.catalog.catalog import Catalog
from src.database.store import Store
from src.errors import AppError, LibraryUnusable
from src.models.captioners.servers import Servers
from src.models.model_manager import ModelManager
from src.processing.decoding.reader import PictureReader
from src.services.curation.labels import LabelService
from src.services.curation.service import CurationService
from src.services.curation.sidecars import SidecarWriter
from src.services.curation.suggestions import SuggestionService
from src.services.curation.system_bin import SystemBin
from src.services.duplicates.service import DuplicateService
from src.services.enrichment.descriptions import DescriptionService
from src.services.enrichment.facts_pass import FactsService
from src.services.enrichment.objects import ObjectService
from src.services.enrichment.spaces import SpaceService
from src.services.enrichment.text_pass import TextService
from src.services.exchange.exporting import ExportService
from src.services.exchange.features import FeatureService
from src.services.exchange.shelf import ExportShelf
from src.services.indexing.scan import IndexingService
from src.services.insights.service import InsightsService
from src.services.jobs.handlers import empty_bin_if_due, queue_duplicates_if_due, queue_facts, rebuild_if_due
from src.services.jobs.kinds import Index, JobKind, ReadFacts
from src.services.jobs.runner import Handler, JobRunner
from src.services.lab.classify_pass import ClassifyingService
from src.services.lab.service import LabService
from src.services.library.doctor import foreign_index
from src.services.library.folders import FolderService
from src.services.library.forgetting import ForgettingService
from src.services.library.service import LibraryService
from src.services.library.uploads import UploadStore, as_params
from src.services.library.watcher import FolderWatcher
from src.services.map.service import MapService
from src.services.search.asking import AskingService
from src.services.search.browsing import BrowsingService
from src.services.search.saved import SavedSearches
from src.services.search.service import SearchService
from src.services.search.vocabulary import Vocabulary

log = logging.getLogger(__name__)

WORDS_EVERY = 1.0
"""Seconds between two looks whether the lexical index has something to catch up with."""
LOOK_EVERY = 2.0
"""Seconds between two looks whether the library's files are still there."""
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
    facts: FactsService
    texts: TextService
    descriptions: DescriptionService
    servers: Servers
    duplicates: DuplicateService
    forgetting: ForgettingService
    exports: ExportService
    shelf: ExportShelf
    search: SearchService
    asking: AskingService
    spaces: SpaceService
    features: FeatureService
    curation: CurationService
    sidecars: SidecarWriter
    suggestions: SuggestionService
    labels: LabelService
    maps: MapService
    classifying: ClassifyingService
    system_bin: SystemBin
    saved: SavedSearches
    vocabulary: Vocabulary
    browsing: BrowsingService
    insights: InsightsService
    lab: LabService
    uploads: UploadStore
    jobs: JobRunner
    watcher: FolderWatcher
    drawn: threading.Event = field(default_factory=threading.Event)
    """Set by the first page that was drawn, and at the end."""
    tending: threading.Event = field(default_factory=threading.Event)
    """Set once the warm-up is over and the folders are watched."""
    closed: threading.Event = field(default_factory=threading.Event)
    notices: list[str] = field(default_factory=list)
    """What the user should know of the library's folders, a sentence each."""

    @property
    def handlers(self) -> Mapping[JobKind, Handler]:
        """What each kind of job does."""
        return self.jobs.handlers

    def start(self, page_within: float = 0.0) -> Services:
        """Run background jobs, follow the folders, and get model and index ready for the first search.

        All waits until a page was drawn, ``page_within`` seconds at most: imports, a first look and jobs that are left
        over would slow the page by as much as they take.
        """
        self._index_left_over_uploads()
        self.store.index.announce()
        self.jobs.start(lambda: self.drawn.wait(page_within))
        threading.Thread(target=self._tend, args=(page_within,), name="tend", daemon=True).start()
        threading.Thread(target=self._watch, name="watch-library", daemon=True).start()
        threading.Thread(target=self._follow_words, args=(page_within,), name="words", daemon=True).start()
        return self

    def _index_left_over_uploads(self) -> None:
        if not self.jobs.active():  # else a job of the last time may be about to index them
            found = self.uploads.left_over({os.fsencode(path) for path in self.uploads.known()})
            if found:
                self.jobs.queue("Adding uploads left over from last time", Index(files=tuple(as_params(found))))

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

    def _follow_words(self, page_within: float) -> None:
        """Have the lexical index catch up with what an earlier version, or one change to many photos, left to it; and
        the vectors of descriptions with what was changed of those.
        """
        self.drawn.wait(page_within)
        while not self.closed.wait(WORDS_EVERY):
            try:
                while not self.closed.is_set() and (
                    self.catalog.lexical.catch_up() or self.descriptions.vectors.catch_up()
                ):
                    pass
            except AppError as error:
                log.warning("the words of photos can't be caught up with now: %s", error)

    def close(self) -> None:
        """End jobs where they are (they go on at the next start) and close the library cleanly."""
        self.closed.set()
        self.drawn.set()
        self.watcher.stop()
        self.jobs.stop()
        self.labels.close()
        self.insights.close()
        self.reader.close()
        self.vocabulary.close()
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
            self._empty_bin()
            self.watcher.start()  # after close() it ends by itself at once
            _set_apart_what_lives_long()
            self.tending.set()
        while not self.closed.wait(UNLOAD_EVERY):
            self.models.unload_idle()
            self.shelf.clean()
            _set_apart_what_lives_long()
            self._empty_bin()

    def _empty_bin(self) -> None:
        """Photos that have been in the bin long enough are forgotten."""
        try:
            if not self.closed.is_set():
                empty_bin_if_due(self.catalog, self.jobs)
        except AppError as error:
            log.warning("the bin was not looked at: %s", error)

    def _warm_up(self) -> None:
        try:
            self.models.embedder(self.library.active_model).encode_texts(["warm up"])
            self.search.judge.get_ready(self.library.active_model)
            rebuild_if_due(self.library, self.store, self.jobs)
            if self.facts.waiting():  # photos that an earlier version has added
                queue_facts(self.jobs, ReadFacts())
            queue_duplicates_if_due(self.duplicates, self.jobs)
        except (AppError, OSError) as error:
            log.warning("warm-up stopped: %s", error)


def _set_apart_what_lives_long() -> None:
    """Collect garbage, and have the collector pass over what is left until this is called again.

    Streamlit collects after every run of a page, which would go through all objects of the model's libraries each time:
    a tenth of a second in which nothing else is served.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
