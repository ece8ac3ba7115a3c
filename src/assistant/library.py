"""The library of a server that may run for days: opened when it is asked for, without a lock, beside a running app."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from src.config import Settings
from src.errors import LibraryUnusable
from src.files import identity_of
from src.models.model_manager import ModelManager
from src.runtime import Services

log = logging.getLogger(__name__)

Opener = Callable[[ModelManager | None], Services]
"""Opens the library for reading, with models that are loaded already where there are any."""
IDLE_S = 600.0
"""Seconds without a question after which the memory of what was read is given back."""
_GONE = "The photo library is not where this server looks for it: its folder may be moved, or its disk unplugged."
_GONE_HINT = "Put it back, or change the folder after --library in the assistant's settings and start it again."


class SharedLibrary:
    """One question at a time: a picture that is decoded needs memory, and no assistant is faster for two."""

    def __init__(self, settings: Settings, open_library: Opener) -> None:
        self._settings = settings
        self._open = open_library
        self._lock = threading.Lock()
        self._services: Services | None = None
        self._models: ModelManager | None = None
        self._known: tuple[int, int] | None = None
        self._used = time.monotonic()

    @contextmanager
    def reading(self) -> Iterator[Services]:
        """The library as it is now, even where another was put in its place meanwhile; SQLite refuses all writing.

        Raises LibraryError, as LibraryUnusable where there is none.
        """
        with self._lock:
            try:
                yield self._current()
            finally:
                self._used = time.monotonic()

    def rest(self, idle: float = IDLE_S) -> None:
        """Give the memory back where nothing was asked for that many seconds. Waits for no question."""
        if self._lock.acquire(blocking=False):
            try:
                if time.monotonic() - self._used >= idle:
                    self._let_go()
                if self._models:
                    self._models.unload_idle()
            finally:
                self._lock.release()

    def close(self) -> None:
        with self._lock:
            self._let_go()

    def without_places(self, text: str) -> str:
        """A sentence without where the library and the user's own folder are."""
        for place in (str(self._settings.home), str(Path.home())):
            text = text.replace(place, "…") if len(place) > 1 else text
        return text

    def _current(self) -> Services:
        there = identity_of(self._settings.catalog_file)
        if there != self._known or there is None:
            self._let_go()
        if there is None:
            log.warning("there is no library in %s", self._settings.home)
            raise LibraryUnusable(_GONE, _GONE_HINT)
        if self._services is None:
            self._services = self._open(self._models)
            self._services.catalog.only_read()
            self._models, self._known = self._services.models, there
        return self._services

    def _let_go(self) -> None:
        services, self._services = self._services, None
        if services is not None:
            services.close()
