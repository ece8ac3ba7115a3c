"""What there is in the library: folders, models, numbers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class FolderStatus:
    """A folder that the library follows."""

    path: str
    """As the system spells it (``os.fsdecode``; may hold surrogates, so not for display)."""
    text: str
    """For display."""
    watched: bool
    """Changes are picked up while the app runs."""
    offline: bool
    """Gone or unreadable when last looked at, such as an unplugged drive: its photos are hidden until it is back."""
    files: int
    """Known picture files under it."""
    missing: int
    """Those of them that were not there when last looked at."""
    synced_at: str | None
    objects: bool = False
    """The objects in its photos are indexed too."""
    away: int = 0
    """Files in parts of it out of reach, such as a drive mounted below: hidden until they are back, not missing."""
    texts: bool = False
    """The text in its photos is read too."""


@dataclass(frozen=True)
class ModelStatus:
    """A model as the user may choose it."""

    id: str
    title: str
    dimensions: int
    available: bool
    """Its weights are on this machine and verified, or ship with the project."""
    active: bool
    download_bytes: int = 0
    file_name: str = ""
    url: str = ""
    sha256: str = ""
    about: str = ""


@dataclass(frozen=True)
class LibraryStats:
    """Counts and sizes of the library. ``bytes`` counts everything it stores: catalogue, index, thumbnails, uploads."""

    images: int
    files: int
    segments: int
    model: str
    dimensions: int
    bytes: int
    uploads: int = 0
    """Images whose only copy known here is an upload stored in the library."""
    embedded: int = 0
    """Images that have a vector of the active model."""
    details: dict[str, int] = field(default_factory=dict)
    """Bytes by part: catalogue, index, thumbnails, uploads, weights."""


SAID_OF_HITS, SAVED_SEARCHES, RECENT_SEARCHES = "said_of_hits", "saved_searches", "recent_searches"
"""Names under which the catalogue keeps what the owner said of hits, and searches; a backup takes them along."""


@dataclass(frozen=True)
class Space:
    """Vectors of photos that are compared with one another and with no others."""

    name: str
    """The id of the model that made them, or what they were called when they were taken over."""
    collection: str
    """Of the catalogue, that they are kept in."""
    dimensions: int
    photos: int
    """That may be found by them."""
    imported: bool = False
    """They were made elsewhere, so that nothing here makes one of a picture that has none."""
    active: bool = False
    """Searches by words use it."""
