"""Keeping the library in step with its folders while the app runs: changes are picked up, and drives that come and go are noticed."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from src.errors import AppError
from src.processing.discovery import HIDDEN
from src.services.folders import FolderService, inside

log = logging.getLogger(__name__)

TICK = 1.0
QUIET = 2.0
"""Seconds without a change before a sync: a copy of many photos is one job, and a photo being written is left alone."""
PATIENCE = 30.0
"""Seconds after which changes that never pause are picked up all the same."""
LOOK = 10.0
"""Seconds between two looks at which folders are there."""
RETRY = 5.0
"""Seconds to wait after a round that failed."""
POLL = 600.0
"""Seconds between two syncs of a folder whose changes the system does not tell."""
MANY = 50
"""Changed sub-folders above which the whole folder is gone through instead."""
CHANGES = ("created", "modified", "moved", "deleted", "closed")


class FolderWatcher:
    """One thread that turns what happens in the watched folders into sync jobs.

    An error of one round, such as a catalogue that another program keeps locked, ends that round alone: what it found is kept for the next.
    """

    def __init__(
        self, folders: FolderService, submit: Callable[[list[Path]], None], being_added: Callable[[], Collection[str]] = tuple
    ) -> None:
        """submit: queues a sync of these paths. being_added: tells the folders that a job is adding, which are left to that job."""
        self._folders = folders
        self._submit = submit
        self._being_added = being_added
        self._changes = _Changes()
        self._due: set[str] = set()
        self._looked = -LOOK
        self.problem: str | None = None
        """Why changes in the folders are not picked up just now, in one sentence; None while they are."""
        self._watches: dict[str, ObservedWatch | None] = {}
        self._polled = time.monotonic()
        self._observer: BaseObserver | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="watch-folders", daemon=True)

    def start(self) -> None:
        """Look at every watched folder (it may have changed while the app was not running), and follow its changes."""
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(5)
        if self._observer is not None:
            self._observer.stop()

    def _work(self) -> None:
        while not self._end.is_set():
            try:
                self._round()
                self.problem = None
            except (AppError, OSError) as error:
                log.exception("a look at the folders failed, and is tried again")
                self.problem = f"Changes in your folders are not picked up just now: {error}"
                self._end.wait(RETRY)
            self._end.wait(TICK)

    def _round(self) -> None:
        """Look at the folders where that is due, and have what changed in them synced."""
        if time.monotonic() - self._looked > LOOK:
            self._look()
            self._looked = time.monotonic()
        if self._due:
            self._submit([Path(path) for path in sorted(self._due)])
            self._due.clear()
        changed = self._changes.take(self._being_added)
        try:
            self._submit_changes(changed)
        except BaseException:
            self._changes.give_back(changed)
            raise

    def _submit_changes(self, changed: Mapping[str, Collection[str]]) -> None:
        """changed: root -> folders. Roots that nobody watches any more are left out: adding them may have been cancelled."""
        watched = {os.fsdecode(row.path) for row in self._folders.followed() if row.watched} if changed else set()
        paths = [path for root, folders in changed.items() if root in watched for path in _merged(root, folders)]
        if paths:
            self._submit(paths)

    def _look(self) -> None:
        """Follow the folders that are there; those are due that are followed from now on, or whose drive came or went."""
        folders = {os.fsdecode(row.path): row for row in self._folders.followed()}
        adding = self._being_added()  # asked after the folders: a folder that is there only because it is being added has its job by now
        there = {path for path in folders if self._folders.reachable(Path(path))}
        due = self._follow({path for path in there if folders[path].watched})
        due |= {path for path, row in folders.items() if (path in there) == (row.offline_since is not None)}
        self._due = {path for path in self._due | due if path in folders and not _any_holds(adding, path)}

    def _follow(self, wanted: set[str]) -> set[str]:
        """Watch just these folders. Returns those that may have changed unseen: not watched until now, or not to be watched."""
        for path in (set(self._watches) - wanted) | self._no_longer_told():
            watch = self._watches.pop(path)
            if watch is not None and self._observer is not None:
                self._observer.unschedule(watch)
        new = wanted - set(self._watches)
        for path in new:
            try:
                self._watches[path] = self._started().schedule(_Handler(self._changes, Path(path)), path, recursive=True)
            except OSError as error:  # the system's limit on watches, or the folder went away just now
                log.warning("changes in %r can't be watched, it is looked at every %.0f minutes: %s", path, POLL / 60, error)
                self._watches[path] = None
        if time.monotonic() - self._polled > POLL:
            self._polled = time.monotonic()
            new |= {path for path, watch in self._watches.items() if watch is None}
        return new

    def _no_longer_told(self) -> set[str]:
        """Folders whose thread of watchdog's has died: they are watched anew."""
        alive = {emitter.watch for emitter in self._observer.emitters if emitter.is_alive()} if self._observer else set()
        return {path for path, watch in self._watches.items() if watch is not None and watch not in alive}

    def _started(self) -> BaseObserver:
        if self._observer is None or not self._observer.is_alive():
            self._observer = Observer()
            self._observer.start()
        return self._observer


class _Changes:
    """Folders in which something changed, collected until it is quiet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._roots: dict[str, set[str]] = {}
        self._first = self._last = 0.0

    def add(self, root: str, folders: Iterable[str]) -> None:
        with self._lock:
            now = time.monotonic()
            self._first = self._first if self._roots else now
            self._last = now
            self._roots.setdefault(root, set()).update(folders)

    def take(self, being_added: Callable[[], Collection[str]] = tuple) -> dict[str, set[str]]:
        """What is due now, root -> changed folders: nothing while changes still come in.

        being_added: tells of folders that a job is adding; what changed in those waits for its end.
        """
        with self._lock:
            now = time.monotonic()
            if not self._roots or (now - self._last < QUIET and now - self._first < PATIENCE):
                return {}
            adding = being_added()
            due = {root: folders for root, folders in self._roots.items() if not _any_holds(adding, root)}
            self._roots = {root: folders for root, folders in self._roots.items() if root not in due}
            return due

    def give_back(self, taken: Mapping[str, Collection[str]]) -> None:
        """What was taken could not be looked after yet."""
        for root, folders in taken.items():
            self.add(root, folders)


def _any_holds(folders: Collection[str], path: str) -> bool:
    """Whether ``path`` is one of the folders or in one."""
    return any(inside(os.fsencode(path), os.fsencode(folder)) for folder in folders)


def _merged(root: str, folders: Collection[str]) -> list[Path]:
    """The changed folders without those inside another of them."""
    if len(folders) > MANY:
        return [Path(root)]
    kept: list[str] = []
    for folder in sorted(folders, key=len):
        if not any(inside(os.fsencode(folder), os.fsencode(other)) for other in kept):
            kept.append(folder)
    return [Path(folder) for folder in sorted(kept)]


class _Handler(FileSystemEventHandler):
    """Called by watchdog's thread."""

    def __init__(self, changes: _Changes, root: Path) -> None:
        self._changes = changes
        self._root = root

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type not in CHANGES or (event.is_directory and event.event_type in ("modified", "closed")):
            return
        places = [os.fsdecode(place) for place in (event.src_path, event.dest_path) if place]
        folders = {place if event.is_directory else os.path.dirname(place) for place in places}
        shown = {folder for folder in folders if self._is_shown(folder)}
        if shown:
            self._changes.add(str(self._root), shown)

    def _is_shown(self, folder: str) -> bool:
        """Whether a scan would look into it: inside the root, and no part of the way hidden."""
        try:
            parts = Path(folder).relative_to(self._root).parts
        except ValueError:
            return False
        return not any(part.startswith(HIDDEN) for part in parts)
