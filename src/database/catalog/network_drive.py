"""Whether the library is on a network drive, where its catalogue could be damaged: SQLite's locks may fail there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from src import mounts
from src.errors import LibraryUnusable
from src.mounts import Mount

NETWORK = re.compile(
    r"nfs4?|cifs|smb3|smbfs|9p|afs|ceph|ncpfs|lustre|davfs|fuse\.(sshfs|glusterfs|ceph|rclone|s3fs|davfs2?|gvfsd-fuse)"
)


def network_file_system(path: Path, mounted: Iterable[Mount]) -> str | None:
    """The kind of network file system that a resolved ``path`` lies on, None for a disk of this computer."""
    best, kind = "", ""
    for mount in mounted:
        if len(mount.place) >= len(best) and (path == Path(mount.place) or Path(mount.place) in path.parents):
            best, kind = mount.place, mount.kind
    if (best, kind) == ("/", "9p"):  # how some sandboxes show this computer's own disk
        return None
    return kind if NETWORK.fullmatch(kind) else None


def refuse_network(file: Path) -> None:
    """Raise LibraryUnusable where the folder of a catalogue is on such a drive, as far as this system tells."""
    kind = network_file_system(Path(os.path.realpath(file.parent)), mounts.mounted())
    if kind:
        raise LibraryUnusable(
            f"The library {file.parent} is on a network drive ({kind}), where its catalogue could be damaged.",
            "Choose a folder on a disk of this computer with MFE_HOME; "
            "the photos themselves may stay on the network drive.",
        )
