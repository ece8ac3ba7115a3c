"""The doctor: looks for everything that can be wrong with a library's own files, and puts right what can be.

It runs as a job among those that write, so that nothing changes under it. It never touches an original.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from src.config import Settings
from src.database.catalog import Catalog
from src.database.index_check import self_queries
from src.database.vector_db import VectorDatabase
from src.errors import LibraryUnusable, ModelError
from src.identity import is_id
from src.models import registry
from src.models.model_manager import ModelManager
from src.names import count, shown
from src.processing.thumbnails import thumbnail_path
from src.schema import Finding, Progress
from src.services.library import ACTIVE_MODEL, LibraryService

STALE_SECONDS = 3_600.0
"""A temporary file of this age belongs to nobody who still works on it."""
STEP = 200
"""Photos between two words on how far it is; a job can be cancelled there."""
_OF_BUILTIN = re.compile(r"(image|object|frame)-(?P<space>builtin-[0-9a-f]{12})")
_THUMBNAIL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.jpg")

Events = Iterator[Progress | Finding]


class DoctorService:
    """One finding for each kind of problem, with a count; a healthy library has none."""

    def __init__(
        self, settings: Settings, catalog: Catalog, vectors: VectorDatabase, models: ModelManager, library: LibraryService
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._vectors = vectors
        self._models = models
        self._library = library

    def examine(self, repair: bool) -> Events:
        """Check everything; with ``repair``, put right what can be. Closing the iterator stops between two steps."""
        checks: Sequence[tuple[str, Callable[[bool], Events]]] = (
            ("the catalogue", self._catalogue),
            ("photos without an id", self._identities),
            ("the model in use", self._model),
            ("which photos are there", self._visibility),
            ("vectors without a photo", self._stray_vectors),
            ("damaged vectors", self._damaged_vectors),
            ("vectors of former models", self._former_models),
            ("photos without a vector", self._photos_without_vector),
            ("the search index", self._indexes),
            ("thumbnails", self._thumbnails),
            ("thumbnails without a photo", self._stray_thumbnails),
            ("stored uploads", self._uploads),
            ("half-written files", self._half_written),
            ("unused space", self._unused_space),
        )
        for what, check in checks:
            yield Progress(0, None, current=what)
            yield from check(repair)

    # ------------------------------------------------------------ the catalogue

    def _catalogue(self, repair: bool) -> Events:
        damage = self._catalog.health.damage()
        if damage and repair and self._catalog.health.make_indexes_again():
            yield Finding("catalogue", f"The catalogue's own indexes did not hold what its tables hold ({damage}).", repaired=True)
        elif damage:
            yield Finding("catalogue", f"The catalogue's file is damaged ({damage}): bring back a backup with import-library.")
        stray = self._catalog.health.stray_files()
        if stray:
            if repair:
                self._catalog.health.delete_stray_files()
            yield Finding("files", f"{count(stray, 'file')} belonged to no photo; the next sync reads what is there again.", repair)

    def _identities(self, repair: bool) -> Events:
        """An id is part of files' names, so what is none is forgotten. The photos' own files are not touched."""
        strange = self._catalog.health.strange_images()
        if strange:
            if repair:
                self._catalog.health.delete_strange_images()
            text = f"{count(len(strange), 'photo')} stood under a name that is no photo's id; the next sync reads what is there again."
            yield Finding("ids", text, repair)

    def _model(self, repair: bool) -> Events:
        stored = self._catalog.get_meta(ACTIVE_MODEL)
        if stored is not None and not self._models.knows(stored):
            used = self._library.active_model
            if repair:
                self._catalog.set_meta(ACTIVE_MODEL, used)
            yield Finding("model", f"The library asked for the model {shown(stored[:80])!r}, which there is not; it uses {used}.", repair)

    def _visibility(self, repair: bool) -> Events:
        shown, hidden = self._catalog.health.shown_without_file(), self._catalog.health.hidden_with_file()
        if repair and (shown or hidden):
            self._catalog.health.set_visibility()
        if shown:
            yield Finding("shown", f"{count(shown, 'photo')} counted as present although none of its files is there.", repair)
        if hidden:
            yield Finding("hidden", f"{count(hidden, 'photo')} stayed hidden although a file is there.", repair)

    def _unused_space(self, repair: bool) -> Events:
        if self._catalog.health.wasteful():
            free, size = self._catalog.health.free_bytes()
            if repair:
                self._catalog.compact()
            yield Finding("space", f"{free / 1e6:,.0f} of the catalogue's {size / 1e6:,.0f} MB were empty.", repair)

    # ------------------------------------------------------------ vectors and their index

    def _stray_vectors(self, repair: bool) -> Events:
        strays = self._catalog.health.stray_vectors()
        for name, ids in strays.items() if repair else ():
            self._vectors.open_index(name)
            self._catalog.vectors.delete(name, ids)
            self._vectors.remove(name, ids)
        if strays:
            yield Finding("vectors", f"{count(sum(map(len, strays.values())), 'vector')} belonged to no photo.", repair)

    def _damaged_vectors(self, repair: bool) -> Events:
        number = 0
        for name in self._collections(("library", "user")):
            ids = self._catalog.vectors.unsound(name)
            number += len(ids)
            if repair and ids:
                self._vectors.open_index(name)
                self._catalog.vectors.delete(name, ids)
                self._vectors.remove(name, ids)
        if number:
            text = f"{count(number, 'vector')} had been damaged; re-indexing makes those of photos again."
            yield Finding("damaged vectors", text, repair)

    def _former_models(self, repair: bool) -> Events:
        """Vectors of a built-in model that this version of the program has no more: nothing can be compared with them."""
        found = {name: _OF_BUILTIN.fullmatch(name) for name in self._collections(("library",))}
        present = self._models.embedder(registry.BUILTIN).space if any(found.values()) else ""
        former = {name: self._catalog.vectors.count_all(name) for name, match in found.items() if match and match["space"] != present}
        for name in former if repair else ():
            self._vectors.discard(name)
        if former:
            text = f"{count(sum(former.values()), 'vector')} came from a built-in model that a newer one has replaced."
            yield Finding("models", text, repair)

    def _photos_without_vector(self, _: bool) -> Events:
        try:
            missing = len(self._catalog.without_vector(self._library.collection()))
        except ModelError:  # its weights are not here: searches say so
            return
        if missing:
            yield Finding("encoded", f"{count(missing, 'photo')} had no vector of the model in use; re-indexing with it adds them.")

    def _indexes(self, repair: bool) -> Events:
        for name in self._collections(("library", "user")):
            problem = self._index_problem(name)
            if problem is None:
                continue
            try:
                if repair:
                    yield from self._vectors.rebuild(name)
                yield Finding("index", problem, repair)
            except LibraryUnusable as error:
                yield Finding("index", f"{problem} It could not be made again: {error}")
        leftovers = self._vectors.leftovers()
        if leftovers:
            if repair:
                self._vectors.sweep()
            yield Finding("leftovers", f"{count(leftovers, 'folder')} of former search indexes took up space.", repair)

    def _index_problem(self, name: str) -> str | None:
        if not self._vectors.open_index(name):
            return f"The search index of {name} did not hold what the catalogue holds, so searches scanned everything."
        if self._vectors.needs_compaction(name):
            return f"The search index of {name} still took the space of {count(self._vectors.deleted(name), 'deleted vector')}."
        asked = self_queries(self._vectors, name)
        if asked is None:
            return f"The search index of {name} gave no answer."
        wrong = f"of {asked.asked} vectors asked for themselves {asked.found} came first, and {asked.recall:.0%} of the best ten were right"
        return None if asked.good else f"The search index of {name} was inaccurate: {wrong}."

    def _collections(self, owners: Sequence[str]) -> list[str]:
        return [collection.name for collection in self._catalog.vectors.all() if collection.owner in owners]

    # ------------------------------------------------------------ files of the library's own

    def _thumbnails(self, repair: bool) -> Events:
        ids = self._catalog.health.image_ids(hidden=False)
        missing = made = 0
        for done, image_id in enumerate(ids):
            if done % STEP == 0:
                yield Progress(done, len(ids), "images", "thumbnails")
            if not is_id(image_id):
                continue
            path = thumbnail_path(self._settings.thumbs_dir, image_id)
            if not _is_empty(path):
                continue
            missing += 1
            if repair:
                path.unlink(missing_ok=True)
                made += self._library.thumbnail(image_id) is not None
        if missing:
            rest = f" {count(missing - made, 'photo')} can't be read now." if repair and made < missing else ""
            yield Finding("thumbnails", f"{count(missing, 'photo')} had no thumbnail.{rest}", repair and made == missing)

    def _stray_thumbnails(self, repair: bool) -> Events:
        known = set(self._catalog.health.image_ids())
        found = [file for file in _files(self._settings.thumbs_dir, "??/*.jpg") if _THUMBNAIL.fullmatch(file.name)]
        stray = [file for file in found if file.stem not in known]
        yield from self._stale(stray, "stray thumbnails", "{} belonged to no photo.", "thumbnail", repair)

    def _half_written(self, repair: bool) -> Events:
        settings = self._settings
        places = ((settings.thumbs_dir, "??/*.tmp"), (settings.uploads_dir, "*.part"), (settings.chroma_dir, "*.json.tmp"))
        found = [file for folder, pattern in places for file in _files(folder, pattern)]
        yield from self._stale(found, "half-written", "{} had been left half-written.", "file", repair)

    def _stale(self, found: Sequence[Path], check: str, text: str, what: str, repair: bool) -> Events:
        """Files of the library's own that nobody needs. What was written within the last hour may still be worked on, and is left alone."""
        old = [file for file in found if _age(file) > STALE_SECONDS]
        for file in old if repair else ():
            file.unlink(missing_ok=True)
        if old:
            yield Finding(check, text.format(count(len(old), what)), repair)

    def _uploads(self, repair: bool) -> Events:
        """An upload is the only copy we know of: none is deleted here."""
        paths = self._catalog.health.uploads()
        lost = [path for path in paths if not os.path.exists(path)]
        if lost:
            if repair:
                self._catalog.files.lose(lost)
            yield Finding("lost uploads", f"{count(len(lost), 'stored upload')} had gone from {self._settings.uploads_dir}.", repair)
        known = {os.path.basename(path) for path in self._catalog_uploads()}
        waiting = [f for f in _files(self._settings.uploads_dir, "*") if f.suffix != ".part" and os.fsencode(f.name) not in known]
        waiting = [file for file in waiting if _age(file) > STALE_SECONDS]
        if waiting:
            yield Finding("uploads", f"{count(len(waiting), 'stored upload')} waited to be added; the app's next start does that.")

    def _catalog_uploads(self) -> Iterator[bytes]:
        for page in self._catalog.files.under(os.fsencode(self._settings.uploads_dir), present=False):
            yield from (path for path, _ in page)


def _is_empty(file: Path) -> bool:
    """Whether a file is not there, or has nothing in it (a power cut can leave it so)."""
    try:
        return file.stat().st_size == 0
    except OSError:
        return True


def _age(file: Path) -> float:
    """Seconds since it was written; 0 where it has gone. A clock that was set back makes nothing old."""
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return 0.0


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern)) if folder.is_dir() else []
