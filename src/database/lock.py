"""One owner at a time: the process that may write to the library's index and run its jobs."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from src.errors import LibraryBusy, LibraryUnusable


@dataclass(frozen=True)
class Owner:
    """Who holds the library. ``port`` is None for a process that serves no pages."""

    pid: int
    port: int | None = None


class LibraryLock:
    """A lock file held for the life of a process. The system lets go of it when the process ends, however it ends.

    Within one process it may be taken again (a notebook cell that runs twice).
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._owner_file = file.with_suffix(".owner.json")
        self._lock = FileLock(file, is_singleton=True, thread_local=False)

    def acquire(self, port: int | None = None) -> None:
        """Take the lock. Raises LibraryBusy saying who has it, LibraryUnusable where the folder can't be written."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            self._owner_file.write_text(json.dumps({"pid": os.getpid(), "port": port}))
        except Timeout as error:
            raise self._busy() from error
        except OSError as error:
            raise LibraryUnusable(
                f"The library's folder {self._file.parent} can't be written ({error.strerror or error}).",
                "Check its permissions, or choose another with MFE_HOME.",
            ) from error

    def release(self) -> None:
        if self._lock.is_locked:
            if self._lock.lock_counter == 1:
                self._owner_file.unlink(missing_ok=True)
            self._lock.release()

    def serving(self) -> bool:
        """Whether the process that holds the lock right now is an app, which takes jobs from others (a command or a script does not)."""
        try:
            probe = FileLock(self._file)
            probe.acquire(timeout=0)
        except Timeout:
            owner = self.owner()
            return owner is not None and owner.port is not None
        except OSError:
            return False
        probe.release()
        return False

    def owner(self) -> Owner | None:
        """Who says it holds the lock; None where nobody does or it can't be told."""
        try:
            said = json.loads(self._owner_file.read_text())
            return Owner(int(said["pid"]), said.get("port"))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _busy(self) -> LibraryBusy:
        owner = self.owner()
        if owner is None:
            return LibraryBusy("The library is open in another process.", "Close it first.")
        if owner.port:
            where = f"http://127.0.0.1:{owner.port}"
            return LibraryBusy(f"The library is open in the app at {where} (process {owner.pid}).", "Use that one, or quit it first.")
        return LibraryBusy(f"The library is open in another process ({owner.pid}).", "Wait until it is done, or end it first.")
