"""One owner at a time: the process that may write to the library's index and run its jobs."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from src.errors import LibraryBusy, LibraryUnusable
from src.files import write_json
from src.plain_files import is_special, no_plain_file, opened_at_once, read_object

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

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
        self._held_by_us: int | None = None
        self._taken = 0
        self._places: dict[Path, os.stat_result] = {}
        self._gone: LibraryUnusable | None = None

    def take(self, port: int | None, read_only: bool, untouched: bool) -> None:
        """As a library is opened: to write, to read (nothing is done then), or for a look that changes no file."""
        if untouched:
            self.hold()
        elif not read_only:
            self.acquire(port)

    def acquire(self, port: int | None = None) -> None:
        """Take the lock. Raises LibraryBusy saying who has it, LibraryUnusable where the folder can't be written."""
        self._refuse_special()
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
        self._taken += 1
        self._say_who(Owner(os.getpid(), port))
        self.watch(self._file)

    def watch(self, file: Path) -> None:
        """From now on ``check`` asks for this file too, which is open."""
        self._places[file] = os.stat(file)

    def check(self) -> None:
        """Raise LibraryUnusable where a file held open left its place: its folder was deleted, moved or replaced.

        Another process may have a library there by now. So it stays so, until the library is opened anew.
        """
        if self._gone is None and not all(map(_is_at, self._places, self._places.values())):
            self._gone = LibraryUnusable(
                f"The library's folder {self._file.parent}, or a file in it, "
                "was moved, deleted or replaced while it was open.",
                "It is closed now, and nothing more is written. Put it back and try again; "
                "for a new, empty library, start the program again.",
            )
        if self._gone is not None:
            raise self._gone

    def hold(self) -> None:
        """Keep others from taking it as long as this one looks, without changing a file. Raises LibraryBusy.

        Where there is no lock file yet there is no library to be kept; where the system has no such lock, nobody is
        kept out.
        """
        if fcntl is None:
            return
        self._refuse_special()
        with contextlib.suppress(OSError):
            self._held_by_us = opened_at_once(str(self._file), os.O_RDONLY)
        if self._held_by_us is None:
            return
        try:
            fcntl.flock(self._held_by_us, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            raise self._busy() from error

    def _refuse_special(self) -> None:
        """Raise LibraryUnusable where the lock's name is no plain file's: to open a pipe might wait for ever."""
        if is_special(self._file):
            raise no_plain_file(self._file)

    def release(self) -> None:
        if self._held_by_us is not None:
            os.close(self._held_by_us)
            self._held_by_us = None
        if self._taken and self._lock.is_locked:
            self._taken -= 1
            if self._lock.lock_counter == 1 and _is_at(self._file, self._places.get(self._file)):
                with contextlib.suppress(OSError):
                    self._owner_file.unlink(missing_ok=True)
            self._lock.release()

    def serving(self) -> bool:
        """Whether the lock's holder is an app, which takes jobs from others (a command or a script does not)."""
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
        with contextlib.suppress(OSError):
            self._owner_file.unlink(missing_ok=True)
            write_json(self._owner_file, {"pid": owner.pid, "port": owner.port})

    def _named(self) -> Owner | None:
        """Who says it holds the lock, unless that process is gone: killed, and the next has not said so yet."""
        try:
            said = read_object(self._owner_file)
            owner = Owner(int(said["pid"]), None if said["port"] is None else int(said["port"]))
            return owner if psutil.pid_exists(owner.pid) else None
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            return None

    def _busy(self) -> LibraryBusy:
        owner = self._named()
        if owner is None:
            return LibraryBusy("The library is open in another process.", "Close it first.")
        if owner.port:
            where = f"http://127.0.0.1:{owner.port}"
            message = f"The library is open in the app at {where} (process {owner.pid})."
            return LibraryBusy(message, "Use that one, or quit it first.", address=where)
        return LibraryBusy(
            f"The library is open in another process ({owner.pid}).", "Wait until it is done, or end it first."
        )


def _is_at(file: Path, known: os.stat_result | None) -> bool:
    """Whether the file at a place is the one that was known there. Only what says "not there" tells that it is not."""
    try:
        return known is not None and os.path.samestat(os.stat(file), known)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
