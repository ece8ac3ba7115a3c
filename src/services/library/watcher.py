"""Keeping the library in step with its folders while the app runs: changes, and drives that come and go."""

from __future__ import annotations

import logging
import os
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from src import mounts
from src.errors import AppError
from src.processing.presence import Look, Presence
from src.services.library.folders import FolderService, inside

log = logging.getLogger(__name__)
# Where a folder is moved away and back, watchdog tells of its own bookkeeping on the terminal, once for each folder in
# it.
warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)

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


@dataclass(frozen=True)
class _Watch:
    """A folder whose changes the system tells. ``watch`` is None where it does not."""

    real: str
    handler: _Handler
    watch: ObservedWatch | None


class FolderWatcher:
    """One thread that turns what happens in the watched folders into sync jobs.

    An error of one round, such as a catalogue that another program keeps locked, ends that round alone: what it found
    is kept for the next.
    """

    def __init__(
        self,
        folders: FolderService,
        submit: Callable[[list[Path]], object],
        being_added: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """submit: queues a sync of these paths. being_added: the folders that a job is adding, which are left to it."""
        self._folders = folders
        self._submit = submit
        self._being_added = being_added
        self._due: set[str] = set()
        self._looked = -LOOK
        self.problem: str | None = None
        """Why changes in the folders are not picked up just now, in one sentence; None while they are."""
        self._changes = _Changes()
        self._watches: dict[str, _Watch] = {}
        self._parts: dict[bytes, object] = {}
        self._mounted = Counter(mounts.mounted())
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
        """changed: root -> folders. Roots nobody watches any more are left out: their adding may have been cancelled.

        So are folders that a scan would not come to.
        """
        watched = [row.path for row in self._folders.followed() if row.watched] if changed else []
        paths: list[Path] = []
        for root, folders in changed.items():
            if any(inside(os.fsencode(root), folder) for folder in watched):
                paths += _merged(root, [folder for folder in folders if self._folders.looks_into(Path(folder))])
        if paths:
            self._submit(list(dict.fromkeys(paths)))

    def _look(self) -> None:
        """Follow the folders that are there; due are those followed from now on, or that came or went, in part too.

        A folder of which nothing can be told now, for want of file handles of our own, stays as it is.
        """
        folders = {os.fsdecode(row.path): row for row in self._folders.followed()}
        # asked after the folders: a folder that is there only because it is being added has its job by now
        adding = self._being_added()
        self._due |= {os.fsdecode(part) for part in self._changed_parts()}
        seen = {path: self._folders.presence(Path(path)) for path in folders}
        wanted = {path: path for path, row in folders.items() if row.watched and self._is_wanted(path, seen[path])}
        self._due |= self._follow({**wanted, **self._links_in(wanted)})
        for path, row in folders.items():
            changed = (seen[path] is Presence.THERE) == (row.offline_since is not None)
            self._due |= {path} if changed and seen[path] is not Presence.UNKNOWN else set()
        self._due = {path for path in self._due if _any_holds(folders, path) and not _any_holds(adding, path)}

    def _is_wanted(self, path: str, presence: Presence) -> bool:
        return presence is Presence.THERE or (presence is Presence.UNKNOWN and path in self._watches)

    def _links_in(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Links to folders that a scan of the wanted folders went through -> where they lead, of those that do."""
        roots = [Path(path) for path in wanted]
        links = {
            link: real
            for link, real in self._folders.links().items()
            if any(link.is_relative_to(root) for root in roots)
        }
        return {str(link): str(real) for link, real in links.items() if os.path.isdir(real)}

    def _changed_parts(self) -> set[bytes]:
        """Parts of folders that were out of reach and look otherwise now, such as a drive that is back."""
        before, look = self._parts, Look()
        self._parts = {part: look.ground(part) for part in self._folders.out_of_reach()}
        return {part for part, ground in self._parts.items() if before.get(part, ground) != ground}

    def _follow(self, wanted: Mapping[str, str]) -> set[str]:
        """Watch just these folders (path -> where it really is).

        Returns those that may have changed unseen: not watched until now, or not to be watched.
        """
        # the system tells of no change in a folder when something is mounted in it or goes from it
        before, self._mounted = self._mounted, Counter(mounts.mounted())
        stirred = [os.fsencode(mount.place) for mount in (before - self._mounted) + (self._mounted - before)]
        silent = self._no_longer_told()
        for path, watch in list(self._watches.items()):
            if (
                path in silent
                or wanted.get(path) != watch.real
                or any(inside(place, os.fsencode(watch.real)) for place in stirred)
            ):
                self._leave(self._watches.pop(path))
        new = set(wanted) - set(self._watches)
        for path in sorted(new):
            self._watches[path] = self._watched(path, wanted[path])
        if time.monotonic() - self._polled > POLL:
            self._polled = time.monotonic()
            new |= {path for path, watch in self._watches.items() if watch.watch is None}
        return new

    def _watched(self, path: str, real: str) -> _Watch:
        handler = _Handler(self._changes, path, real)
        try:
            return _Watch(real, handler, self._started().schedule(handler, real, recursive=True))
        # the system's limit on watches or threads, or the folder went away just now
        except (OSError, RuntimeError) as error:
            log.warning(
                "changes in %r can't be watched, it is looked at every %.0f minutes: %s", path, POLL / 60, error
            )
            return _Watch(real, handler, None)

    def _leave(self, left: _Watch) -> None:
        if left.watch is None or self._observer is None:
            return
        if any(other.watch == left.watch for other in self._watches.values()):  # two links lead there
            self._observer.remove_handler_for_watch(left.handler, left.watch)
        else:
            self._observer.unschedule(left.watch)

    def _no_longer_told(self) -> set[str]:
        """Folders whose thread of watchdog's has died: they are watched anew."""
        alive = (
            {emitter.watch for emitter in self._observer.emitters if emitter.is_alive()} if self._observer else set()
        )
        return {path for path, watch in self._watches.items() if watch.watch is not None and watch.watch not in alive}

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

    def __init__(self, changes: _Changes, root: str, real: str) -> None:
        """root: the folder as the library knows it. real: as it is watched, which is where it leads if it is a link."""
        self._changes = changes
        self._root = root
        self._real = real

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type not in CHANGES or (event.is_directory and event.event_type in ("modified", "closed")):
            return
        places = [os.fsdecode(place) for place in (event.src_path, event.dest_path) if place]
        folders = {place if event.is_directory else os.path.dirname(place) for place in places}
        known = {self._known(folder) for folder in folders if inside(os.fsencode(folder), os.fsencode(self._real))}
        if known:
            self._changes.add(self._root, known)

    def _known(self, folder: str) -> str:
        return os.path.join(self._root, os.path.relpath(folder, self._real)) if folder != self._real else self._root
