"""Keeping the library in step with its folders while the app runs: changes are picked up, and drives that come and go are noticed."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

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
POLL = 600.0
"""Seconds between two syncs of a folder whose changes the system does not tell."""
MANY = 50
"""Changed sub-folders above which the whole folder is gone through instead."""
CHANGES = ("created", "modified", "moved", "deleted", "closed")


class FolderWatcher:
    """One thread that turns what happens in the watched folders into sync jobs."""

    def __init__(self, folders: FolderService, submit: Callable[[list[Path]], None]) -> None:
        """submit: queues a sync of these paths."""
        self._folders = folders
        self._submit = submit
        self._changes = _Changes()
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
        looked = -LOOK
        while not self._end.is_set():
            if time.monotonic() - looked > LOOK:
                looked = time.monotonic()
                self._look()
            changed = self._changes.take()
            if changed:
                self._submit(changed)
            self._end.wait(TICK)

    def _look(self) -> None:
        """Follow the folders that are there; have those synced that are followed from now on, or whose drive came or went."""
        folders = {os.fsdecode(row.path): row for row in self._folders.followed()}
        there = {path for path in folders if self._folders.reachable(Path(path))}
        due = self._follow({path for path in there if folders[path].watched})
        due |= {path for path, row in folders.items() if (path in there) == (row.offline_since is not None)}
        if due:
            self._submit([Path(path) for path in sorted(due)])

    def _follow(self, wanted: set[str]) -> set[str]:
        """Watch just these folders. Returns those that may have changed unseen: not watched until now, or not to be watched."""
        for path in set(self._watches) - wanted:
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

    def _started(self) -> BaseObserver:
        if self._observer is None:
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

    def take(self) -> list[Path]:
        """What is due now: nothing while changes still come in."""
        with self._lock:
            now = time.monotonic()
            if not self._roots or (now - self._last < QUIET and now - self._first < PATIENCE):
                return []
            roots, self._roots = self._roots, {}
        return [path for root, folders in roots.items() for path in _merged(root, folders)]


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
