"""Which disk a folder is on: a number that stays with the disk at a place, and differs for another disk there.

The system's own number of a device tells neither: it goes to whatever is plugged in next, and a folder of a disk that
is mounted elsewhere has it too.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

from src import mounts

UUIDS = Path("/dev/disk/by-uuid")


class Disks:
    """The disks of folders, as they are mounted now.

    What it learns it keeps until its end, so it is for one short look.
    """

    def __init__(self) -> None:
        self._sources = {mount.place: mount.source for mount in mounts.mounted()}
        self._numbers: dict[str, int] = {}
        self._asked: dict[str, int] = {}
        self._uuids: dict[int, str] | None = None

    def of(self, folder: bytes | str | Path) -> int:
        """Raises OSError where the folder, or one above it, can't be looked at."""
        asked = os.fsdecode(folder)
        if asked not in self._asked:
            self._asked[asked] = self._of(os.path.realpath(asked))
        return self._asked[asked]

    def _of(self, real: str) -> int:
        found = self._numbers.get(real)
        if found is None:
            above, device = os.path.dirname(real), os.stat(real).st_dev
            is_top = real in self._sources or above == real or os.stat(above).st_dev != device
            found = self._numbers[real] = self._number(real) if is_top else self._of(above)
        return found

    def _number(self, top: str) -> int:
        """Of the folder at which a disk is mounted: its place, which folder of which file system it is.

        A file system that the system knows no lasting name of is told by the device's number and by what it was mounted
        from.
        """
        status = os.stat(top)
        if self._uuids is None:
            self._uuids = _uuids()
        fsid = os.statvfs(top).f_fsid if os.name == "posix" else 0
        name = self._uuids.get(status.st_dev) or fsid or (status.st_dev, self._sources.get(top))
        told = repr((top, status.st_ino, getattr(status, "st_birthtime", None), name))
        return int.from_bytes(blake2b(os.fsencode(told), digest_size=8).digest()) >> 1  # the catalogue stores 63 bits


def _uuids() -> dict[int, str]:
    """Number of a device -> the lasting name of the file system on it, on Linux."""
    found: dict[int, str] = {}
    try:
        for name in os.listdir(UUIDS):
            found[os.stat(UUIDS / name).st_rdev] = name
    except OSError:  # the system keeps none, or a drive went just now
        pass
    return found
