"""The plain values and protocols that cross layers. Data only: nothing here opens a file or loads a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

FloatArray = npt.NDArray[np.float32]

EXPORT_MARK = ".media-feature-extractor-export"
"""Name of a file that marks a folder as written by an export: a scan of the folder around it passes it over."""

FIRST_PHOTO = 1826
"""Year of the oldest photo that is left: an earlier capture time is nonsense."""

Kind = Literal["image", "object", "frame"]
"""What a vector stands for: a whole image, an object inside one, a video frame."""


class Embedder(Protocol):
    """Turns pictures and words into vectors of one space. Safe to call from several threads."""

    model_id: str
    """Registry id, such as ``builtin`` or ``ViT-B/32``."""
    space: str
    """Model id (as a slug) + ``-`` + first 12 hex digits of its weights' SHA-256. Vectors of two spaces are never compared."""
    dimensions: int
    min_side: int
    """Short side in pixels below which a reduced decode would cost accuracy."""

    def preprocess(self, image: Image.Image) -> FloatArray:
        """RGB picture of any size -> (3, H, W) float32, normalised as the model wants it."""
        ...

    def encode_pixels(self, pixels: FloatArray) -> FloatArray:
        """(n, 3, H, W) from ``preprocess`` -> (n, D) float32, each row of L2 norm 1."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """n strings -> (n, D) float32 in the same space, each row of L2 norm 1. Over-long text is cut as the model's field does."""
        ...


# ---------------------------------------------------------------- images


@dataclass(frozen=True)
class FileStamp:
    """What tells, without reading it, that a file has not changed."""

    device: int
    """The number of its disk (``disks.py``) for the user's own files; that of the device for others, and in rows of older versions."""
    inode: int
    mtime_ns: int
    size: int
    ctime_ns: int = 0
    """When the system last changed anything about it, which no program can set; 0 where that is unknown: on Windows, and in rows of
    older versions. An edit that puts the time of writing back changes it; so do new rights, a rename and a hard link."""


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


# ---------------------------------------------------------------- objects inside images

Box = tuple[int, int, int, int]
"""XYXY in pixels of the upright picture. Right and bottom lie just outside the box, so that it is x1 - x0 wide; it is never empty."""


@dataclass(frozen=True)
class Mask:
    """Which pixels belong to something, run-length encoded as COCO does: down the columns, the first run counts zeros.

    Its size may be smaller than the picture's (what the segmenter looked at); it covers all of the picture all the same.
    """

    height: int
    width: int
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Segment:
    """An object inside a picture, or what looks like one."""

    box: Box
    mask: Mask
    score: float
    """How sure the segmenter is, in [0, 1]; of two segmenters not comparable."""


class Segmenter(Protocol):
    """Finds things in pictures, whatever they are. Safe to call from several threads."""

    segmenter_id: str
    """Such as ``builtin-regions`` or ``sam-vit-b``; another one where the same picture would give other segments."""
    side: int
    """Long side in pixels at which it looks at pictures: more is of no use to it."""

    def segment(self, image: Image.Image, most: int) -> list[Segment]:
        """RGB picture of any size -> at most ``most`` segments, the best first; boxes in pixels of the picture given. May be empty."""
        ...


# ---------------------------------------------------------------- search


Mode = Literal["images", "objects", "both"]
"""What is searched: whole images, the objects inside them, or whichever of the two fits better."""


@dataclass(frozen=True)
class SearchHit:
    """One result: an image, once. ``score`` is a cosine, higher is better. ``box`` is where the object is, None for a whole image."""

    id: str
    path: str
    name: str
    score: float
    kind: Kind = "image"
    box: Box | None = None
    size: tuple[int, int] = (0, 0)
    """Width and height of the upright image in pixels."""
    segment: str | None = None
    """Id of the object."""
    fits: bool = True
    """Whether it reaches the floor of its kind; always where more than words was asked, which have none."""


@dataclass(frozen=True)
class PhotoFilter:
    """Which photos a search may find: all that is given must hold. A photo without a capture time is outside every span of days."""

    folder: str | None = None
    """Only photos with a file in this folder or below it; as the system spells it, absolute."""
    since: str | None = None
    """Taken on this day or later, ``YYYY-MM-DD``."""
    until: str | None = None
    """Taken on this day or earlier, ``YYYY-MM-DD``."""


Verdict = Literal["match", "weak", "empty"]
"""match: some hits fit. weak: nothing that was compared fits well, the closest are shown. empty: there was nothing to compare."""


@dataclass(frozen=True)
class SearchPage:
    """Hits, best first, with what the reader needs to judge them."""

    query: str
    model: str
    took_ms: float
    hits: tuple[SearchHit, ...]
    searched: int
    """Images that were compared."""
    verdict: Verdict
    notices: tuple[str, ...] = ()
    """Sentences about the query itself, such as that it was too long and cut."""
    filtered: bool = False
    """Only a part of the library was searched."""
    objects: int = 0
    """Objects that were compared."""
    words: str = ""
    """The query's own words, empty where a picture alone was looked for; ``query`` is what it is called then."""

    @property
    def notice(self) -> str | None:
        """All notices as one text; None where there are none."""
        return " ".join(self.notices) or None


# ---------------------------------------------------------------- jobs and their events


@dataclass(frozen=True)
class Progress:
    """How far a job is. ``total`` is None while it is not known. ``unit`` is ``images``, ``objects``, ``bytes`` or ``vectors``."""

    done: int
    total: int | None
    unit: str = "images"
    current: str = ""


@dataclass(frozen=True)
class Indexed:
    """A new image, or a new vector of one, is committed to the catalogue."""

    image_id: str
    path: str


@dataclass(frozen=True)
class Already:
    """A file whose image was in the library before: unchanged, moved, back after it was missing, or another copy of the same bytes."""

    path: str


@dataclass(frozen=True)
class Skipped:
    """A file that was not indexed, and why, in one sentence."""

    path: str
    reason: str


@dataclass(frozen=True)
class Finding:
    """Something that a check of the library found. ``text`` is one sentence; ``repaired`` is False where it stands as it was."""

    check: str
    text: str
    repaired: bool = False


@dataclass(frozen=True)
class Timings:
    """Where the time of a pass over files went, told once at its end: seconds by stage.

    ``read`` (of the file, and its SHA-256), ``decode``, ``thumbnail`` and ``prepare`` (the model's input) are summed over the worker
    threads, so together they may exceed the job's. ``encode``, ``store`` (the catalogue) and ``wait`` (for the workers, while there was
    nothing to encode) are of the one thread that goes through the files, ``index`` of another one beside it.
    """

    seconds: dict[str, float]


JobEvent = Progress | Indexed | Already | Skipped | Finding | Timings

"""index: add paths. sync: look at known folders again. reindex: another model. objects: find what is inside photos. export: write a
data set. rebuild: the vector index. forget: photos whose files are gone. remove: a folder. doctor: check and repair. clear:
everything. download: a model's weights."""
JobState = Literal["queued", "running", "paused", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class JobSnapshot:
    """A job as of now, plain enough to store and to draw."""

    id: str
    kind: str
    """One of ``services.jobs.kinds``."""
    state: JobState
    title: str
    done: int = 0
    total: int | None = None
    unit: str = "images"
    current: str = ""
    indexed: int = 0
    already: int = 0
    skipped: tuple[Skipped, ...] = ()
    """At most ``SKIPPED_KEPT`` of them; ``skipped_count`` has the number."""
    skipped_count: int = 0
    findings: tuple[Finding, ...] = ()
    """At most ``FINDINGS_KEPT`` of them."""
    indexed_before: int = 0
    """Images that earlier starts of the job brought in and that this start has not met again yet."""
    seconds: float = 0.0
    error: str | None = None
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds by stage, see ``Timings``; empty until a pass over files has ended."""

    @property
    def per_second(self) -> float:
        """Units a second since the job began, 0.0 before anything was done."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None while it can't be told."""
        if self.total is None or not self.done or self.state != "running":
            return None
        return (self.total - self.done) / self.per_second if self.per_second else None

    @property
    def finished(self) -> bool:
        return self.state in ("done", "failed", "cancelled")


SKIPPED_KEPT = 1_000
FINDINGS_KEPT = 100


# ---------------------------------------------------------------- models and the library


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
    """Files in parts of it that could not be reached, such as a drive mounted below it: hidden until they are back, not missing."""


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
