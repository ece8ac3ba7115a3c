"""Indexing: files in, committed images and vectors out, told as an iterator of events that every door consumes.

A bad file becomes a Skipped event, never an abort. Closing the iterator cancels; what was committed stays. A file that
is not there any more hides its image; nothing is deleted.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from src.config import Settings
from src.database.catalog.catalog import Catalog
from src.database.embeddings import library_collection
from src.database.store import Store
from src.errors import UnreadablePath
from src.models.model_manager import ModelManager
from src.processing.decoding import image_io
from src.processing.decoding.reader import PictureReader
from src.processing.discovery import check_readable, find_images
from src.processing.presence import Look, Presence
from src.schema import Finding, FoundFile, Indexed, JobEvent, Progress, Skipped
from src.services.indexing.pipeline import Pipeline
from src.services.library.folders import FolderService
from src.services.library.uploads import UploadStore

COUNT_STEP = 500
"""Pictures found between two words on how far the counting is."""


class IndexingService:
    """Brings pictures into the library under one model, and keeps it in step with the folders."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        store: Store,
        models: ModelManager,
        reader: PictureReader,
        folders: FolderService,
        uploads: UploadStore,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._store = store
        self._models = models
        self._reader = reader
        self._folders = folders
        self._uploads = uploads

    def index_paths(self, paths: Sequence[Path], model: str, careful: bool = False) -> Iterator[JobEvent]:
        """Every picture at or under the paths; a directory is followed from now on.

        Photos that the user had removed are back: those of files that he names, and of folders that are new.
        A path that can't be read is told as Skipped and the others are indexed; then UnreadablePath is raised.
        """
        self._folders.straighten()
        unreadable: UnreadablePath | None = None
        readable: list[Path] = []
        for path in paths:
            try:
                path = self._folders.known_as(path)
                check_readable(path)
                if path.is_dir():
                    self._folders.add(path)
                readable.append(path)
            except UnreadablePath as error:
                unreadable = error
                yield Skipped(image_io.display_text(path), error.user_message)
        wanted = {path for path in readable if self._folders.is_new(path)}
        yield from self.sync(readable, model, careful, wanted)
        if unreadable:
            raise unreadable

    def sync(
        self, paths: Sequence[Path], model: str, careful: bool = False, wanted: Collection[Path] = ()
    ) -> Iterator[JobEvent]:
        """Look at these folders (or files) again: new and changed pictures are indexed, those that are gone are hidden.

        wanted: those of the paths that the user adds now, with photos in them that he had removed.
        A folder that is gone or can't be read is offline: all its pictures are hidden until it is back.
        """
        total = 0
        for path in paths:
            for _ in self._files(path, []):
                total += 1
                if total % COUNT_STEP == 0:
                    yield Progress(0, None, current=f"{total:,} pictures found")
        run = self._pipeline(model, careful)
        yield Progress(0, total)
        done = 0
        for path in paths:
            strange: list[Skipped] = []
            for event, item in run.events(self._files(path, strange), path in wanted):
                if event is not None:
                    done += 1
                    yield event
                if not run.untold:
                    yield Progress(done, max(total, done), current=item.name)
            yield from strange
            yield from self._folders.settle(path, run.renumbered)
        if run.returned:
            yield Finding("back", "1 photo is back." if run.returned == 1 else f"{run.returned:,} photos are back.")
        yield run.timings()

    def index_files(
        self, found: Sequence[FoundFile], model: str, careful: bool = False, wanted: bool = True
    ) -> Iterator[JobEvent]:
        """Exactly these files, in order. wanted: the user adds them now, also where he had removed their photos.

        An upload that can't be indexed, or that the library has already, is deleted from its store.
        """
        run = self._pipeline(model, careful)
        yield Progress(0, len(found))
        done = 0
        for event, item in run.events(found, wanted):
            if event is not None:
                done += 1
                if item.uploaded and not isinstance(event, Indexed):
                    self._uploads.drop(item.path)
                yield event
            if not run.untold:
                yield Progress(done, len(found), current=item.name)
        yield run.timings()

    def reindex(self, model: str, careful: bool = False) -> Iterator[JobEvent]:
        """Give every image that lacks one a vector of ``model``; one whose file can't be found now is skipped."""
        missing = self._catalog.without_vector(library_collection(self._models.embedder(model).space))
        found, lost = [], []
        for image_id in missing:
            places = [(Path(os.fsdecode(path)), name) for path, _, name, _ in self._catalog.paths_of(image_id)]
            place = next(((path, name) for path, name in places if _is_there(path)), None)
            if place:
                found.append(FoundFile(*place))
            elif places:
                lost.append(Skipped(image_io.display_text(places[0][0]), "The file is not there now."))
        yield from lost
        yield from self.index_files(found, model, careful, wanted=False)

    def _files(self, path: Path, strange: list[Skipped]) -> Iterator[FoundFile]:
        """Every picture at or under a path but the library's own; what can't be looked into goes to ``strange``."""
        try:
            rules = self._folders.rules(path)
            for item in find_images(path, (self._settings.data_dir, self._settings.chroma_dir), rules):
                if isinstance(item, FoundFile):
                    yield item
                else:
                    strange.append(item)
            self._folders.note_links(path, rules.links)
        except UnreadablePath:  # whether it is gone for good is for the folder to settle
            return

    def _pipeline(self, model: str, careful: bool) -> Pipeline:
        return Pipeline(self._settings, self._catalog, self._store, self._reader, self._models.embedder(model), careful)


def _is_there(path: Path) -> bool:
    return Look().at(os.fsencode(path), None).presence is Presence.THERE
