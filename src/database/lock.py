"""One owner at a time: the process that may write to the library's index and run its jobs."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from src.errors import LibraryBusy, LibraryUnusable
from src.plain_files import read_object

PATIENCE = 0.3
"""Seconds to wait for a lock that another process holds only to see whether it is free."""


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
            self._lock.acquire(timeout=PATIENCE, poll_interval=0.02)
        except Timeout as error:
            raise self._busy() from error
        except OSError as error:
            raise LibraryUnusable(
                f"The library's folder {self._file.parent} can't be written ({error.strerror or error}).",
                "Check its permissions and the disk's free space, or choose another with MFE_HOME.",
            ) from error
        self._say_who(Owner(os.getpid(), port))

    def release(self) -> None:
        if self._lock.is_locked:
            if self._lock.lock_counter == 1:
                self._owner_file.unlink(missing_ok=True)
            self._lock.release()

    def serving(self) -> bool:
        """Whether the process that holds the lock right now is an app, which takes jobs from others (a command or a script does not)."""
        owner = self.owner()
        return owner is not None and owner.port is not None

    def owner(self) -> Owner | None:
        """Who holds the lock right now; None where nobody does or it can't be told."""
        return self._named() if self._held() else None

    def _held(self) -> bool:
        try:
            with FileLock(self._file, timeout=0):
                return False
        except Timeout:
            return True
        except OSError:
            return False

    def _say_who(self, owner: Owner) -> None:
        """For a second process. The lock holds without it, so a disk too full to write it does not stop anything."""
        draft = self._owner_file.with_suffix(".new")
        with contextlib.suppress(OSError):
            self._owner_file.unlink(missing_ok=True)
            draft.write_text(json.dumps({"pid": owner.pid, "port": owner.port}))
            draft.replace(self._owner_file)

    def _named(self) -> Owner | None:
        """Who says it holds the lock, unless that process is gone: it was killed, and the one that has the lock now has not said so yet."""
        try:
            said = read_object(self._owner_file)
            owner = Owner(int(said["pid"]), None if said["port"] is None else int(said["port"]))
        except (ValueError, KeyError, TypeError, OverflowError):
            return None
        return owner if _runs(owner.pid) else None

    def _busy(self) -> LibraryBusy:
        owner = self._named()
        if owner is None:
            return LibraryBusy("The library is open in another process.", "Close it first.")
        if owner.port:
            where = f"http://127.0.0.1:{owner.port}"
            return LibraryBusy(f"The library is open in the app at {where} (process {owner.pid}).", "Use that one, or quit it first.")
        return LibraryBusy(f"The library is open in another process ({owner.pid}).", "Wait until it is done, or end it first.")


def _runs(pid: int) -> bool:
    """Whether there is such a process; True where it can't be told."""
    if os.name != "posix":  # elsewhere os.kill ends a process instead of asking for it
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError, ValueError):
        return False
    except OSError:  # it is another user's
        return True
    return pid > 0
