"""Images of the library: their files, and what their headers tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

EXPORT_MARK = ".media-feature-extractor-export"
"""Name of a file that marks a folder as written by an export: a scan of the folder around it passes it over."""

FIRST_PHOTO = 1826
"""Year of the oldest photo that is left: an earlier capture time is nonsense."""


@dataclass(frozen=True)
class FileStamp:
    """What tells, without reading it, that a file has not changed."""

    device: int
    """Number of its disk (``disks.py``) for the user's own files, of the device for others and in older rows."""
    inode: int
    mtime_ns: int
    size: int
    ctime_ns: int = 0
    """When the system last changed anything about it, which no program can set; 0 where that is unknown: on Windows,
    and in rows of older versions. An edit that puts the time of writing back changes it; so do new rights, a rename and
    a hard link."""


@dataclass(frozen=True)
class FoundFile:
    """A file offered for indexing. ``name`` is what the user knows it by (an upload is stored under another one)."""

    path: Path
    name: str
    uploaded: bool = False


@dataclass(frozen=True)
class ImageFacts:
    """What the header and the first decode told. Width and height in pixels, upright (EXIF orientation applied)."""

    width: int
    height: int
    format: str
    taken_at: str | None
    """EXIF capture time as ``YYYY-MM-DDTHH:MM:SS`` in the camera's clock, None where the file has none."""


@dataclass(frozen=True)
class ImageDetails:
    """One catalogued image, for the large view. ``paths`` are display texts, best first."""

    id: str
    name: str
    paths: tuple[str, ...]
    facts: ImageFacts
    bytes: int
    added_at: str
    uploaded: bool
