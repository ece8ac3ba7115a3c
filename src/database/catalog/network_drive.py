"""Whether the library is on a network drive, where its catalogue could be damaged: SQLite's locks may fail there."""

from __future__ import annotations

import os
import re
from pathlib import Path

from src.errors import LibraryUnusable

MOUNTS = Path("/proc/self/mountinfo")
NETWORK = re.compile(
    r"nfs4?|cifs|smb3|smbfs|9p|afs|ceph|ncpfs|lustre|davfs|fuse\.(sshfs|glusterfs|ceph|rclone|s3fs|davfs2?|gvfsd-fuse)"
)


def network_file_system(path: Path, mounts: str) -> str | None:
    """The kind of network file system that a resolved ``path`` lies on, None for a disk of this computer.

    mounts: the text of Linux's /proc/self/mountinfo: one mount a line, of two at the same place the later one counts.
    """
    best, kind = "", ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        place = _unescaped(fields[4])
        if len(place) >= len(best) and (path == Path(place) or Path(place) in path.parents):
            best, kind = place, after.split(" ")[0]
    if (best, kind) == ("/", "9p"):  # how some sandboxes show this computer's own disk
        return None
    return kind if NETWORK.fullmatch(kind) else None


def _unescaped(text: str) -> str:
    """Blanks in a place are written as octal numbers there."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def refuse_network(file: Path) -> None:
    """Raise LibraryUnusable where the folder of a catalogue is on such a drive, as far as this system tells."""
    try:
        mounts = os.fsdecode(MOUNTS.read_bytes())
    except OSError:  # not on this system: it can't be told
        return
    kind = network_file_system(Path(os.path.realpath(file.parent)), mounts)
    if kind:
        raise LibraryUnusable(
            f"The library {file.parent} is on a network drive ({kind}), where its catalogue could be damaged.",
            "Choose a folder on a disk of this computer with MFE_HOME; "
            "the photos themselves may stay on the network drive.",
        )
