"""What is mounted where on this computer."""

from __future__ import annotations

import os
from typing import NamedTuple

import psutil


class Mount(NamedTuple):
    """A file system and the folder in which it is seen."""

    place: str
    source: str
    """What is mounted there: a disk's device, a server's folder, a name."""
    kind: str
    """The file system as the system calls it: ext4, nfs4, tmpfs."""


def mounted() -> list[Mount]:
    """Everything that is mounted, in the order in which it was: of two at one place the later one counts.

    Empty where the system does not tell, and on Windows, where asking waits for drives that do not answer.
    """
    try:
        found = psutil.disk_partitions(all=True) if os.name == "posix" else []
    except OSError:
        return []
    return [Mount(each.mountpoint, each.device, each.fstype) for each in found]
