"""The kinds of background jobs: what each is asked for, and how it is treated. What a kind does is in handlers.py.

One dataclass and one row a kind, read by everything that treats kinds differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from src.services.jobs.params import Params as Params
from src.services.jobs.params import amount as _amount
from src.services.jobs.params import items as _items
from src.services.jobs.params import mapping as _object
from src.services.jobs.params import said as _said
from src.services.jobs.params import text as _text
from src.services.jobs.params import texts as _texts
from src.services.jobs.params import whole as _whole

JobKind = Literal[
    "index",
    "sync",
    "reindex",
    "facts",
    "objects",
    "texts",
    "describe",
    "duplicates",
    "map",
    "classify",
    "export",
    "features",
    "import-features",
    "rebuild",
    "forget",
    "remove",
    "doctor",
    "clear",
    "empty",
    "download",
    "evaluate",
]
Lane = Literal["library", "downloads", "exports", "descriptions", "lab", "map"]
LANES: tuple[Lane, ...] = get_args(Lane)


# ---------------------------------------------------------------- what a job is asked for


@dataclass(frozen=True)
class Index(Params):
    """Add files and folders. careful: each picture is decoded in its own process, as the runner asks after a crash."""

    paths: tuple[str, ...] = _said(_texts, ())
    files: tuple[Any, ...] | None = _said(_items)
    """Files with names of their own (``uploads.as_params``), in place of paths."""
    model: str | None = _said(_text)
    careful: bool = _said(bool, False)


@dataclass(frozen=True)
class Sync(Params):
    """Look at followed folders, or parts of them, again; at all of them where none is named."""

    paths: tuple[str, ...] = _said(_texts, ())
    model: str | None = _said(_text)
    careful: bool = _said(bool, False)


@dataclass(frozen=True)
class Reindex(Params):
    """Encode all photos with another model, and use it from then on."""

    model: str = _said(_text, "")
    careful: bool = _said(bool, False)


@dataclass(frozen=True)
class ReadFacts(Params):
    """Read the facts of photos of which they are not known, and of those in these folders (all where there are none)
    beside which something has changed; None: of none of those.
    """

    folders: tuple[str, ...] | None = _said(_texts)


@dataclass(frozen=True)
class FindObjects(Params):
    """Look for objects in photos: of these folders, in these photos, or in all. forget: forget them all instead."""

    folders: tuple[str, ...] | None = _said(_texts)
    images: tuple[str, ...] | None = _said(_texts)
    forget: bool = _said(bool, False)
    careful: bool = _said(bool, False)


@dataclass(frozen=True)
class ReadTexts(Params):
    """Read the words in photos: of these folders, or in all."""

    folders: tuple[str, ...] | None = _said(_texts)
    careful: bool = _said(bool, False)


@dataclass(frozen=True)
class Describe(Params):
    """Have photos described by a server that has a vision model: of these folders, or all. The key is never among it.

    Those that have a description, and those whose description was deleted, are left out.
    """

    base_url: str = _said(_text, "")
    model: str = _said(_text, "")
    folders: tuple[str, ...] | None = _said(_texts)
    most: int = _said(_whole, 0)
    """Photos after which it ends; 0: no limit."""
    budget: float = _said(_amount, 0.0)
    """Money that it may cost, in the currency of the prices; 0: no limit."""
    price_in: float = _said(_amount, 0.0)
    """Price of a million tokens sent."""
    price_out: float = _said(_amount, 0.0)
    """Price of a million tokens received."""
    again: bool = _said(bool, False)
    """Also those that another model described."""
    asked_at: str = _said(_text, "")
    """When it was asked for (UTC, ISO 8601): what it cost since then counts, also before it was paused."""
    careful: bool = _said(bool, False)


@dataclass(frozen=True)
class FindDuplicates(Params):
    """Compare photos that are new with all others, to find copies of one picture."""

    careful: bool = _said(bool, False)


@dataclass(frozen=True)
class LayOut(Params):
    """Lay the library out as a map."""


@dataclass(frozen=True)
class Classify(Params):
    """Say which of some labels photos show (``classifying.Sorting``): those of a list by its name, or these lines."""

    preset: str = _said(_text, "")
    labels: tuple[str, ...] = _said(_texts, ())
    several: bool = _said(bool, False)
    templates: tuple[str, ...] = _said(_texts, ())


@dataclass(frozen=True)
class Export(Params):
    """Write photos, or all of the library, as a data set (``exporting.Selection``)."""

    format: str = _said(_text, "")
    place: str = _said(_text, "")
    images: tuple[str, ...] | None = _said(_texts)
    query: str = _said(_text, "")
    found: Mapping[str, str] | None = _said(_object)
    scores: Mapping[str, float] | None = _said(_object)
    pictures: bool = _said(bool, False)
    model: str = _said(_text, "")
    """Of vectors that are exported, and what those are of (``features.FeatureKind``)."""
    kind: str = _said(_text, "image")


@dataclass(frozen=True)
class MakeFeatures(Params):
    """Make the vectors of photos by a model beside the one in use: of these photos, or of all that have none."""

    model: str = _said(_text, "")
    images: tuple[str, ...] | None = _said(_texts)
    careful: bool = _said(bool, False)


@dataclass(frozen=True)
class ImportFeatures(Params):
    """Take vectors that were made elsewhere over as a space of their own."""

    file: str = _said(_text, "")
    name: str = _said(_text, "")
    careful: bool = _said(bool, False)


@dataclass(frozen=True)
class Rebuild(Params):
    """Make the search index of a collection again."""

    collection: str = _said(_text, "")


@dataclass(frozen=True)
class ForgetMissing(Params):
    """Put missing photos into the bin."""


@dataclass(frozen=True)
class RemoveFolder(Params):
    """Follow a folder no more, and put its photos into the bin."""

    path: str = _said(_text, "")


@dataclass(frozen=True)
class Examine(Params):
    """Look for what is wrong with the library, and put it right unless ``repair`` is False."""

    repair: bool = _said(bool, True)


@dataclass(frozen=True)
class Clear(Params):
    """Put everything into the bin."""


@dataclass(frozen=True)
class EmptyBin(Params):
    """Forget the photos in the bin, or those that were removed before a moment (UTC, ISO 8601)."""

    before: str | None = _said(_text)


@dataclass(frozen=True)
class Download(Params):
    """Fetch a model's weights."""

    model: str = _said(_text, "")


@dataclass(frozen=True)
class Evaluate(Params):
    """Measure models (all where none is named) on labelled pictures, and keep a report."""

    folder: str = _said(_text, "")
    labels: str = _said(_text, "")
    level: int = _said(_whole, 1)
    models: tuple[str, ...] = _said(_texts, ())
    study: bool = _said(bool, False)
    queries: int = _said(_whole, 0)
    place: str = _said(_text, "")
    """Name of the report (``LabService.place``)."""


# ---------------------------------------------------------------- how it is treated


@dataclass(frozen=True)
class Kind:
    """How the jobs of one kind are treated."""

    params: type[Params]
    lane: Lane = "library"
    """Jobs of one lane run one after the other.

    All that write to the library share one; downloads and exports do not hold it up, nor the map, which only reads, nor
    what waits for a server, which may take days and stores a photo at a time.
    """
    pausable: bool = False
    careful: bool = False
    """Told when the process died in the middle of it: the next picture may be what did it."""
    writes_index: bool = False
    """Writes to the vector index, or leaves it behind the catalogue."""
    brings_photos: bool = False
    """After it, photos may be waiting to be looked through for objects."""
    fills: bool = False
    """Adds to the library, so that there is nothing left for it to do once that is cleared."""
    reads_photos: bool = False
    """Goes through files of photos: it tells how many were added and why others were not."""
    concerns_model: bool = False
    """Changes or fetches a model: one such job at a time."""
    last: bool = False
    """Begun when no other job of its lane waits: nobody waits for it."""
    quiet: bool = False
    """Done by itself, without anybody asking: one that went well is not listed."""
    announced: bool = True
    """Its end is told in a toast. Not where the page shows it anyway."""

    operation: str = ""
    """The kind of the operation that it makes: its end is told with a way to undo that."""


KINDS: Mapping[JobKind, Kind] = {
    "index": Kind(
        Index, pausable=True, fills=True, careful=True, writes_index=True, brings_photos=True, reads_photos=True
    ),
    "sync": Kind(
        Sync, pausable=True, fills=True, careful=True, writes_index=True, brings_photos=True, reads_photos=True
    ),
    "reindex": Kind(
        Reindex, pausable=True, fills=True, careful=True, writes_index=True, brings_photos=True, concerns_model=True
    ),
    "facts": Kind(ReadFacts, pausable=True, fills=True, quiet=True, announced=False),
    "objects": Kind(FindObjects, pausable=True, fills=True, careful=True, writes_index=True),
    "duplicates": Kind(FindDuplicates, pausable=True, fills=True, careful=True, last=True, quiet=True, announced=False),
    "texts": Kind(ReadTexts, pausable=True, fills=True, careful=True),
    "describe": Kind(Describe, "descriptions", pausable=True, fills=True, careful=True, writes_index=True),
    "classify": Kind(Classify, pausable=True, fills=True),
    "rebuild": Kind(Rebuild, pausable=True, fills=True, announced=False),
    "forget": Kind(ForgetMissing, operation="forget"),
    "remove": Kind(RemoveFolder, operation="remove-folder"),
    "doctor": Kind(Examine, writes_index=True, announced=False),
    "clear": Kind(Clear, announced=False),
    "empty": Kind(EmptyBin, writes_index=True, announced=False),
    "map": Kind(LayOut, "map", announced=False),
    "export": Kind(Export, "exports"),
    "features": Kind(MakeFeatures, pausable=True, fills=True, careful=True, writes_index=True),
    "import-features": Kind(ImportFeatures, fills=True, careful=True, writes_index=True),
    "download": Kind(Download, "downloads", pausable=True, concerns_model=True),
    "evaluate": Kind(Evaluate, "lab"),
}


def kind_of(name: str) -> Kind:
    """The row of a kind. Raises KeyError for one that there is none of."""
    return KINDS[name]  # type: ignore[index]


def kind_of_params(params: Params) -> JobKind:
    return next(name for name, kind in KINDS.items() if kind.params is type(params))


def later() -> tuple[JobKind, ...]:
    """The kinds whose jobs are begun when no others wait."""
    return tuple(name for name, kind in KINDS.items() if kind.last)


def of_lane(lane: Lane) -> tuple[JobKind, ...]:
    return tuple(name for name, kind in KINDS.items() if kind.lane == lane)
