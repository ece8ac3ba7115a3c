"""The JSON shapes that doors give to other programs: what ``--json`` prints, and what else is to tell the same.

README lists the keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from src.schema import (
    Finding,
    FolderStatus,
    ImageDetails,
    JobSnapshot,
    LibraryStats,
    SearchHit,
    SearchPage,
    Verdict,
)
from src.schema.descriptions import Description
from src.schema.duplicates import DuplicateGroup
from src.schema.fields import FIELDS, OF_THE_USER
from src.schema.search import Band
from src.schema.texts import TextLine
from src.schema.tokens import Token

_STATS = ("images", "files", "segments", "model", "dimensions", "bytes")


def search_page(page: SearchPage) -> dict[str, Any]:
    return {
        "query": page.query,
        "model": page.model,
        "took_ms": round(page.took_ms, 3),
        "results": [_hit(hit) for hit in page.hits],
        "verdict": page.verdict,
        "notes": [notice.sentence for notice in page.notices],
    }


def _hit(hit: SearchHit) -> dict[str, Any]:
    told = {**asdict(hit), "score": round(hit.score, 6), "band": hit.band, "percent": hit.percent}
    del told["chance"], told["seen"]  # the percentage is for people and programs alike
    return told


@dataclass(frozen=True)
class FoundPhoto:
    """A result as an assistant gets it. date, band and percent are None where they are not known or say nothing."""

    id: str
    name: str
    date: str | None
    band: Band | None
    percent: int | None
    why: list[str]
    box: list[int] | None = None
    """Left, top, right, bottom in pixels of the upright photo, where an object in it was found."""


@dataclass(frozen=True)
class FoundPhotos:
    """A page of results as an assistant gets it; ``said`` is what it comes to, in words."""

    verdict: Verdict
    said: str
    notes: list[str]
    results: list[FoundPhoto]


_OF_THE_FILE = ("id", "name", "width", "height", "format", "bytes", "added_at")
POSITION = frozenset(("latitude", "longitude", "altitude"))
"""Facts by which a photo's place is known to the metre."""
_NO_FACTS = ("width", "height", "format", "orientation", "sources")
"""What is told of the file already, or means nothing to people."""


def photo(
    details: ImageDetails, known: Mapping[str, Any], more: Mapping[str, Any], paths: bool, coordinates: bool
) -> dict[str, Any]:
    """All that is known of a photo; what is not known is left out.

    known: its facts by name. more: what else is told of it. paths, coordinates: whether those are told too.
    """
    of_file = asdict(details) | asdict(details.facts)
    told = {name: of_file[name] for name in _OF_THE_FILE}
    for field in (*FIELDS, *OF_THE_USER):
        hidden = field.measured or field.name in _NO_FACTS or (field.name in POSITION and not coordinates)
        if field.name in known and not hidden:
            value = known[field.name]
            told[field.name] = list(value) if isinstance(value, tuple) else value
    told |= {name: value for name, value in more.items() if value not in (None, "", [])}
    return told | ({"paths": list(details.paths)} if paths else {})


def added(job: JobSnapshot, skipped: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """What came of a job that reads photos. skipped: (path, reason) of every file that was."""
    handled = job.indexed + job.already
    return {
        "indexed": job.indexed,
        "already": job.already,
        "skipped": files_skipped(skipped),
        "seconds": round(job.seconds, 3),
        "images_per_s": round(handled / job.seconds, 2) if job.seconds else 0.0,
    }


def files_skipped(skipped: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"path": path, "reason": reason} for path, reason in skipped]


def folder(status: FolderStatus) -> dict[str, Any]:
    values = asdict(status)
    return {**values, "path": values.pop("text")}


def statistics(stats: LibraryStats) -> dict[str, Any]:
    numbers = asdict(stats)
    return {name: numbers[name] for name in _STATS}


def duplicates(group: DuplicateGroup) -> dict[str, Any]:
    return {
        "level": group.level,
        "files": [file.path for file in group.files],
        "keep": group.keep.path,
        "reasons": [reason.text for reason in group.reasons],
    }


def findings(found: Sequence[Finding]) -> dict[str, Any]:
    return {"findings": [asdict(finding) for finding in found]}


def description(said: Description) -> dict[str, Any]:
    things = [{"label": each.label, "color": each.color, "position": each.position} for each in said.objects]
    return {"scene_summary": said.scene_summary, "objects": things}


def text_line(line: TextLine) -> dict[str, Any]:
    return {"text": line.text, "box": [list(corner) for corner in line.box], "confidence": round(line.confidence, 4)}


def token(kept: Token) -> dict[str, Any]:
    """Of its text nothing, for nothing of that is kept."""
    return {"name": kept.name, "created": kept.created, "last_used": kept.last_used, "sessions": kept.sessions}
