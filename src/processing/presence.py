"""Whether a known file is there, gone, or out of reach: gone is only what a readable folder is seen to lack."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from src.processing.disks import Disks

SHORTAGE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EINTR, errno.EAGAIN)
"""Errors that tell of this program or this computer, and nothing of the file."""
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR)


class Presence(Enum):
    """What a look at a path told."""

    THERE = "there"
    GONE = "gone"
    AWAY = "away"
    """It may be back: its drive is not there, or the way to it can't be read now."""
    UNKNOWN = "unknown"
    """Nothing could be told now, for want of file handles or memory of our own."""


@dataclass(frozen=True)
class Sight:
    """The answer for one path."""

    presence: Presence
    place: bytes = b""
    """Where the way ends, of one that is away: everything below it is out of reach too."""
    device: int = 0
    """Of one that is gone: the disk of the folder in which it was looked for."""


@dataclass(frozen=True)
class Ground:
    """The nearest folder on the way to a path that exists."""

    path: bytes
    presence: Presence
    device: int = 0
    """The number of its disk, see ``disks.py``."""
    empty: bool = False


class Look:
    """One look at many paths. What it learns of a folder it keeps until its end.

    A file is gone only where the nearest folder on the way to it can be read and lies on the disk that the file was
    last seen on: the empty place of a drive that is not plugged in lies on another, and so does the folder that held
    this place. A disk may have a new number: ``renumbered`` has the pairs (old, new) of numbers that files known by
    inode, time and size were just seen with.
    """

    def __init__(self, renumbered: Collection[tuple[int, int]] = ()) -> None:
        self._renumbered = frozenset(renumbered)
        self._grounds: dict[bytes, Ground] = {}
        self._disks = Disks()

    def at(self, path: bytes, device: int | None) -> Sight:
        """How a file is. device: the disk it was last seen on, or None where that does not matter (our own files)."""
        try:
            is_file = stat.S_ISREG(os.stat(path).st_mode)
            return Sight(Presence.THERE if is_file else Presence.GONE, device=device or 0)
        except ValueError:  # a path with a NUL: there can be none
            return Sight(Presence.GONE, device=device or 0)
        except OSError as error:
            if error.errno in SHORTAGE:
                return Sight(Presence.UNKNOWN)
            if error.errno not in _NOT_THERE and not os.path.islink(path):
                return Sight(Presence.AWAY, os.path.dirname(path))
        # what it leads to is not there, or out of reach, and tells nothing of what is beside it
        if os.path.islink(path):
            return Sight(Presence.AWAY, path)
        return self._missing(path, device)

    def _missing(self, path: bytes, device: int | None) -> Sight:
        ground = self.ground(os.path.dirname(path))
        if ground.presence is not Presence.THERE:
            return Sight(ground.presence, ground.path)
        if device is None or self._same(device, ground):
            return Sight(Presence.GONE, device=ground.device)
        return Sight(Presence.AWAY, ground.path if ground.empty else _step(ground.path, path))

    def _same(self, device: int, ground: Ground) -> bool:
        return device == ground.device or (device, ground.device) in self._renumbered

    def ground(self, folder: bytes) -> Ground:
        """The folder itself or the nearest existing one above it; AWAY where the way ends at what can't be read."""
        found = self._grounds.get(folder)
        if found is None:
            found = self._grounds[folder] = self._ground(folder)
        return found

    def _ground(self, folder: bytes) -> Ground:
        try:
            with os.scandir(folder) as listing:
                empty = next(iter(listing), None) is None
            return Ground(folder, Presence.THERE, self._disks.of(folder), empty)
        except ValueError:  # a path with a NUL leads nowhere
            return Ground(folder, Presence.AWAY)
        except OSError as error:
            if error.errno in SHORTAGE:
                return Ground(folder, Presence.UNKNOWN)
            if error.errno not in _NOT_THERE:
                return Ground(folder, Presence.AWAY)
        if os.path.islink(folder) or os.path.dirname(folder) == folder:
            return Ground(folder, Presence.AWAY)
        return self.ground(os.path.dirname(folder))


def _step(folder: bytes, path: bytes) -> bytes:
    """The first step from a folder towards a path below it."""
    rest = path[len(folder) :].lstrip(os.fsencode(os.sep))
    return os.path.join(folder, rest.split(os.fsencode(os.sep), 1)[0])
