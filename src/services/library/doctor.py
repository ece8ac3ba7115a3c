"""The doctor: looks for everything that can be wrong with a library's own files, and puts right what can be.

It runs as a job among those that write, so that nothing changes under it. It never touches an original.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

from src.database.catalog.catalog import Catalog
from src.database.self_check import self_queries
from src.database.store import Store
from src.errors import LibraryUnusable, ModelError
from src.models import registry
from src.models.model_manager import ModelManager
from src.schema import Finding, Progress
from src.services.library.file_checks import FileChecks
from src.services.library.service import ACTIVE_MODEL, LibraryService
from src.text import count, shown

_OF_BUILTIN = re.compile(r"(image|object|frame)-builtin(-visual)?-(?P<hash>[0-9a-f]{12})")

Events = Iterator[Progress | Finding]


class DoctorService:
    """One finding for each kind of problem, with a count; a healthy library has none."""

    def __init__(
        self, catalog: Catalog, store: Store, models: ModelManager, library: LibraryService, files: FileChecks
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._models = models
        self._library = library
        self._files = files

    def examine(self, repair: bool) -> Events:
        """Check everything; with ``repair``, put right what can be; without it, no file is changed.

        Closing the iterator stops between two steps. Where the catalogue itself is damaged nothing else is looked at,
        nor put right by it.
        """
        yield Progress(0, None, current="the catalogue")
        if not (yield from self._is_sound(repair)):
            return
        checks: Sequence[tuple[str, Callable[[bool], Events]]] = (
            ("files of no photo", self._stray_files),
            ("photos without an id", self._identities),
            ("the model in use", self._model),
            ("which photos are there", self._visibility),
            ("vectors without a photo", self._stray_vectors),
            ("damaged vectors", self._damaged_vectors),
            ("vectors of former models", self._former_models),
            ("photos without a vector", self._photos_without_vector),
            ("the search index", self._indexes),
            ("what photos are called", self._words),
            ("thumbnails", self._files.thumbnails),
            ("thumbnails without a photo", self._files.stray_thumbnails),
            ("stored uploads", self._files.uploads),
            ("half-written files", self._files.half_written),
            ("files of others", self._files.strangers),
            ("unused space", self._unused_space),
        )
        for what, check in checks:
            yield Progress(0, None, current=what)
            yield from check(repair)

    # ------------------------------------------------------------ the catalogue

    def _is_sound(self, repair: bool) -> Generator[Progress | Finding, None, bool]:
        """Returns whether what the catalogue says can be relied on."""
        damage = self._catalog.health.damage()
        if damage and repair and self._catalog.health.make_indexes_again():
            yield Finding(
                "catalogue", f"The catalogue's own indexes did not hold what its tables hold ({damage}).", repaired=True
            )
            return True
        if damage:
            way = "" if repair else "repair it with `doctor` or, where that can't, "
            text = f"The catalogue's file is damaged ({damage}): {way}bring back a backup with import-library."
            yield Finding("catalogue", f"{text} Nothing else was checked.")
        return not damage

    def _stray_files(self, repair: bool) -> Events:
        stray = self._catalog.health.stray_files()
        if stray:
            if repair:
                self._catalog.health.delete_stray_files()
            yield Finding(
                "files",
                f"{count(stray, 'file')} belonged to no photo; the next sync reads what is there again.",
                repair,
            )

    def _identities(self, repair: bool) -> Events:
        """An id is part of files' names, so what is none is forgotten. The photos' own files are not touched."""
        strange = self._catalog.health.strange_images()
        if strange:
            if repair:
                self._catalog.health.delete_strange_images()
            text = f"{count(len(strange), 'photo')} stood under a name that is no photo's id"
            yield Finding("ids", f"{text}; the next sync reads what is there again.", repair)

    def _model(self, repair: bool) -> Events:
        stored = self._catalog.get_meta(ACTIVE_MODEL)
        if stored is not None and not self._models.knows(stored):
            used = self._library.active_model
            if repair:
                self._catalog.set_meta(ACTIVE_MODEL, used)
            yield Finding(
                "model",
                f"The library asked for the model {shown(stored[:80])!r}, which there is not; it uses {used}.",
                repair,
            )

    def _visibility(self, repair: bool) -> Events:
        health = self._catalog.health
        shown, hidden, binned = health.shown_without_file(), health.hidden_with_file(), health.shown_in_bin()
        if repair and (shown or hidden or binned):
            health.set_visibility()
        if shown:
            yield Finding(
                "shown", f"{count(shown, 'photo')} counted as present although none of its files is there.", repair
            )
        if hidden:
            yield Finding("hidden", f"{count(hidden, 'photo')} stayed hidden although a file is there.", repair)
        if binned:
            yield Finding("bin", f"{count(binned, 'photo')} counted as present although it is in the bin.", repair)

    def _words(self, repair: bool) -> Events:
        """The lexical index against the tables that it was made of."""
        lexical = self._catalog.lexical
        sound, wrong = lexical.is_sound(), lexical.wrong()
        if sound and not wrong:
            return
        if repair:
            lexical.start_over()
        while repair and lexical.catch_up():
            yield Progress(0, None, current="what photos are called")
        said = f"the words of {count(wrong, 'photo')} were others" if wrong else "it did not hold what its table holds"
        yield Finding("words", f"The index of what photos are called was wrong: {said}.", repair)

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
            self._store.delete(name, ids)
        if strays:
            yield Finding("vectors", f"{count(sum(map(len, strays.values())), 'vector')} belonged to no photo.", repair)

    def _damaged_vectors(self, repair: bool) -> Events:
        number = 0
        for name in self._collections(("library", "user")):
            ids = self._catalog.vectors.unsound(name)
            number += len(ids)
            if repair and ids:
                self._store.delete(name, ids)
        if number:
            text = f"{count(number, 'vector')} had been damaged; re-indexing makes those of photos again."
            yield Finding("damaged vectors", text, repair)

    def _former_models(self, repair: bool) -> Events:
        """Vectors of a built-in model that this version has no more: nothing can be compared with them."""
        found = {name: _OF_BUILTIN.fullmatch(name) for name in self._collections(("library",))}
        present = self._models.embedder(registry.BUILTIN).space.rpartition("-")[2] if any(found.values()) else ""
        former = {
            name: self._catalog.vectors.count_all(name)
            for name, match in found.items()
            if match and match["hash"] != present
        }
        for name in former if repair else ():
            self._store.drop(name)
        if former:
            text = f"{count(sum(former.values()), 'vector')} came from a built-in model that a newer one has replaced."
            yield Finding("models", text, repair)

    def _photos_without_vector(self, _: bool) -> Events:
        try:
            missing = len(self._catalog.without_vector(self._library.collection()))
        except ModelError:  # its weights are not here: searches say so
            return
        if missing:
            yield Finding(
                "encoded",
                f"{count(missing, 'photo')} had no vector of the model in use; re-indexing with it adds them.",
            )

    def _indexes(self, repair: bool) -> Events:
        foreign = self._store.index.foreign
        if foreign:
            yield Finding("index", foreign_index(foreign))
            return
        whole = True
        for name in self._collections(("library", "user")):
            problem = self._index_problem(name, repair)
            if problem is None:
                continue
            whole = False
            try:
                if repair:
                    yield from self._store.rebuild(name)
                yield Finding("index", problem, repair)
            except LibraryUnusable as error:
                yield Finding("index", f"{problem} It could not be made again: {error}")
        leftovers = self._store.index.leftovers() if repair or whole else 0
        if leftovers:
            if repair:
                self._store.index.sweep()
            yield Finding("leftovers", f"{count(leftovers, 'folder')} of former search indexes took up space.", repair)

    def _index_problem(self, name: str, repair: bool) -> str | None:
        if not (self._store.index.open(name) if repair else self._store.index.is_whole(name)):
            return f"The search index of {name} did not hold what the catalogue holds, so searches scanned everything."
        if self._store.index.needs_compaction(name):
            deleted = count(self._store.index.deleted(name), "deleted vector")
            return f"The search index of {name} still took the space of {deleted}."
        if not self._store.index.follows(name):  # to open it only for a look would change its files
            return None
        asked = self_queries(self._store, name)
        if asked is None:
            return f"The search index of {name} gave no answer."
        first = f"of {asked.asked} vectors asked for themselves {asked.found} came first"
        wrong = f"{first}, and {asked.recall:.0%} of the best ten were right"
        return None if asked.good else f"The search index of {name} was inaccurate: {wrong}."

    def _collections(self, owners: Sequence[str]) -> list[str]:
        return [collection.name for collection in self._catalog.vectors.all() if collection.owner in owners]


def foreign_index(folder: Path) -> str:
    """What is to be said of a folder of the index's name that another program has."""
    return (
        f"{folder} holds a Chroma database that this program did not make. It is left alone, "
        "and searches go through everything instead; move it away, or choose another folder with MFE_HOME."
    )
