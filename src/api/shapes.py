"""The shapes of requests and answers, for /api/openapi.json. Answers are made by ``src.wire``, and must be as these
say: tests hold the two together.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from src.export.features import FEATURE_FORMATS
from src.export.formats import FORMATS
from src.services.exchange.features import FeatureKind
from src.services.search.language import MAX_CHARACTERS

MOST_AT_ONCE = 1_000
"""Rows of one page."""
Mode = Literal["photos", "objects", "both"]
Format = Literal["coco", "coco-polygons", "yolo", "crops", "csv", "parquet", "npz", "npy", "clip-retrieval"]
Text = Annotated[str, Field(max_length=MAX_CHARACTERS)]
Cursor = Annotated[str, Field(max_length=300)]

_NO_TRUTH = BeforeValidator(lambda said: None if isinstance(said, bool) else said)
"""``true`` is no number, whatever Python says."""
TopK = Annotated[int, _NO_TRUTH, Field(ge=1, le=MOST_AT_ONCE)]
Pixel = Annotated[int, _NO_TRUTH, Field(ge=0, le=1_000_000)]
SpaceName = Annotated[str, Field(max_length=100)]
assert {*FORMATS, *FEATURE_FORMATS} == set(Format.__args__)  # type: ignore[attr-defined]


def told(said: Any, status: int = 200) -> Response:
    """As JSON in ASCII: a name may hold what can't be written as UTF-8."""
    data = json.dumps(said, allow_nan=False, separators=(",", ":")).encode()
    return Response(data, status, {"Cache-Control": "no-store"}, "application/json")


class Asked(BaseModel):
    """A body of a request: what it does not know is refused."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class SearchAsked(Asked):
    """What to look for: words in the language of the search box, an example picture, or both."""

    query: Text = ""
    image: Annotated[str, Field(max_length=300)] | None = Field(None, description="A photo's id, or its file's name.")
    region: Annotated[list[Pixel], Field(min_length=4, max_length=4)] | None = Field(
        None, description="Left, top, right, bottom: the part of the picture that counts, in pixels when upright."
    )
    filters: Annotated[list[Annotated[str, Field(max_length=300)]], Field(max_length=50)] = Field(
        [], description="Conditions such as `camera=nikon`, `iso=100..400` or `rating>=4`; all must hold."
    )
    top_k: TopK = 20
    within: Mode = Field("photos", alias="in")
    weak: bool = Field(True, description="Weak matches too.")
    space: SpaceName = Field(
        "",
        description="Compare the picture in this space: `builtin-visual` is how photos look; GET /spaces lists them.",
    )
    cursor: Cursor | None = Field(None, description="`next` of the page before; the rest as it was.")


class Described(Asked):
    """A photo in words."""

    class Thing(Asked):
        label: Annotated[str, Field(min_length=1, max_length=100)]
        color: Annotated[str, Field(max_length=100)] = ""
        position: Annotated[str, Field(max_length=100)] = ""

    scene_summary: Annotated[str, Field(max_length=2_000)]
    objects: Annotated[list[Thing], Field(max_length=50)] = []


class PhotoChange(Asked):
    """What is given is changed, the rest stays."""

    rating: Annotated[int, Field(strict=True, ge=-1, le=5)] | None = Field(
        None, description="0 to 5, -1: rejected; null: what the file says."
    )
    note: Annotated[str, Field(max_length=10_000)] | None = Field(None, description="null or empty: none.")
    description: Described | None = Field(None, description="null: none, and no model is asked for one.")


class FolderAsked(Asked):
    path: Annotated[str, Field(min_length=1, max_length=4_000)] = Field(description="Absolute, on the app's computer.")


class SyncAsked(Asked):
    folders: Annotated[list[Annotated[str, Field(max_length=4_000)]], Field(max_length=100)] = Field(
        [], description="Ids or paths of followed folders; none: all."
    )


class ClearAsked(Asked):
    confirm: Literal[True]


class ExportAsked(Asked):
    format: Format
    query: Text | None = Field(None, description="Export what this search finds.")
    images: Annotated[list[Annotated[str, Field(max_length=300)]], Field(min_length=1, max_length=2_000)] | None = (
        Field(None, description="Export these photos, by id or name.")
    )
    pictures: bool = Field(False, description="Copies of the photos too, in COCO and YOLO.")
    model: SpaceName = Field("", description="Of npz, npy and clip-retrieval: whose vectors; a model or a space.")
    kind: FeatureKind = Field("image", description="Of the same: what the vectors are of.")


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="One sentence.")
    code: str = Field(description="What it is, for programs.")
    hint: str = Field(description="What to do; may be empty.")
    ids: list[str] | None = Field(None, description="`ambiguous-name` alone: of the photos that have it, 100 at most.")


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Why(Answer):
    part: Literal["image", "object", "description", "words"]
    where: str
    text: str
    spans: list[list[int]]
    box: list[list[float]] | None


class Hit(Answer):
    id: str
    path: str
    name: str
    score: float = Field(description="A cosine: higher is better.")
    kind: Literal["image", "object", "frame", "text"]
    box: Annotated[list[int], Field(min_length=4, max_length=4)] | None
    size: Annotated[list[int], Field(min_length=2, max_length=2)]
    segment: str | None
    named: bool
    why: list[Why]
    band: Literal["strong", "likely", "weak"]
    percent: int


class SearchAnswer(Answer):
    query: str
    model: str
    took_ms: float
    results: list[Hit]
    verdict: Literal["match", "nothing", "empty"]
    notes: list[str]
    next: str | None


class Listed(Answer):
    id: str
    name: str
    size: list[int]
    taken_at: str | None
    added_at: str


class PhotoList(Answer):
    photos: list[Listed]
    next: str | None


class Thing(Answer):
    label: str
    color: str
    position: str


class Description(Answer):
    scene_summary: str
    objects: list[Thing]


class Photo(Listed):
    files: list[str]
    bytes: int
    format: str
    tags: list[str]
    albums: list[str]
    rating: int | None
    favourite: bool
    note: str | None
    description: Description | None
    facts: dict[str, Any]


class ObjectInPhoto(Answer):
    id: str
    box: Annotated[list[int], Field(min_length=4, max_length=4)]
    score: float


class Objects(Answer):
    objects: list[ObjectInPhoto]


class Done(Answer):
    """number: of the operation, which can be undone; null where all was so already."""

    kind: str
    photos: int
    number: int | None


class Changes(Answer):
    operations: list[Done]


class Tag(Answer):
    tag: str
    photos: int


class Tags(Answer):
    tags: list[Tag]


class Stats(Answer):
    images: int
    files: int
    segments: int
    model: str
    dimensions: int
    bytes: int


class Bar(Answer):
    """query: finds the photos; of: the name of a set where no query can; link: the app's page that shows them."""

    label: str
    photos: int
    query: str
    of: str
    detail: str
    link: str


class Block(Answer):
    name: str
    title: str
    note: str
    bars: list[Bar]


class Insights(Answer):
    blocks: list[Block]


class Folder(Answer):
    id: str
    path: str
    text: str
    watched: bool
    offline: bool
    files: int
    missing: int
    away: int
    synced_at: str | None
    objects: bool
    texts: bool


class Folders(Answer):
    folders: list[Folder]


class Operation(Answer):
    number: int
    at: str
    kind: str
    photos: int
    undone: bool


class Operations(Answer):
    operations: list[Operation]


class SkippedFile(Answer):
    path: str
    reason: str


class Finding(Answer):
    check: str
    text: str
    repaired: bool


class Job(Answer):
    id: str
    kind: str
    state: Literal["queued", "running", "paused", "done", "failed", "cancelled"]
    title: str
    done: int
    total: int | None
    unit: str
    current: str
    indexed: int
    already: int
    skipped: list[SkippedFile]
    skipped_count: int
    findings: list[Finding]
    seconds: float
    error: str | None
    error_code: str | None
    finished: bool


class Jobs(Answer):
    jobs: list[Job]


class Queued(Answer):
    """job: id of the job that does it, to be followed at /jobs/{job}."""

    job: str


class Uploaded(Answer):
    job: str | None = Field(description="Null where no file was taken.")
    skipped: list[SkippedFile]


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that an address may answer with, besides those that any may."""
    said = {
        400: "What was asked makes no sense", 404: "There is no such thing", 409: "Not now, or which of several",
        413: "Too large", 408: "The body stopped coming", 415: "Not a content type that is taken",
        422: "Not as described here", 429: "Too many at once",
    }  # fmt: skip
    always = {401: "A token is needed, or is wrong", 403: "Another site may not", 500: "Unexpected", 503: "Not now"}
    slow = (408,) if 413 in statuses else ()
    known = {status: said[status] for status in (*statuses, *slow)} | always
    return {status: {"model": Problem, "description": text} for status, text in sorted(known.items())}
