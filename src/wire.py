"""The JSON shapes that doors give to other programs: what ``--json`` prints, and what else is to tell the same.

README lists the keys.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from src.schema import Finding, FolderStatus, ImageDetails, JobSnapshot, LibraryStats, SearchHit, SearchPage, Segment
from src.schema.descriptions import Description
from src.schema.duplicates import DuplicateGroup
from src.schema.texts import TextLine

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
    return {"id": folder_id(status.path), **values, "path": values.pop("text")}


def folder_id(path: str) -> str:
    """What a followed folder is named by where its path can't be written: made of that, so always the same."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def job(snapshot: JobSnapshot) -> dict[str, Any]:
    """A job as of now, without the seconds of each stage."""
    values = asdict(snapshot)
    del values["timings"], values["indexed_before"]
    return {**values, "seconds": round(snapshot.seconds, 3), "finished": snapshot.finished}


def photo(details: ImageDetails, facts: Mapping[str, Any], said: Description | None) -> dict[str, Any]:
    """One photo: where it is, what is known of it, and what its owner says of it."""
    known = {name: list(value) if isinstance(value, tuple) else value for name, value in facts.items()}
    marks = {name: known.pop(name, None) for name in ("rating", "favourite", "note")}
    lists = {"tags": known.pop("keywords", None) or [], "albums": known.pop("albums", None) or []}
    return {
        **listed_photo(details),
        "files": list(details.paths),
        "bytes": details.bytes,
        "format": details.facts.format,
        **lists,
        "rating": marks["rating"],
        "favourite": bool(marks["favourite"]),
        "note": marks["note"],
        "description": description(said) if said else None,
        "facts": {name: value for name, value in known.items() if value is not None},
    }


def listed_photo(details: ImageDetails) -> dict[str, Any]:
    size = [details.facts.width, details.facts.height]
    told = {"id": details.id, "name": details.name, "size": size, "taken_at": details.facts.taken_at}
    return {**told, "added_at": details.added_at}


def object_in_photo(object_id: str, found: Segment) -> dict[str, Any]:
    return {"id": object_id, "box": list(found.box), "score": round(found.score, 6)}


def done(kind: str, photos: int, number: int | None) -> dict[str, Any]:
    """What came of an operation on photos. number: by which the history has it; None where all was so already."""
    return {"kind": kind, "photos": photos, "number": number}


def operation(kind: str, photos: int, number: int, at: str, undone: bool) -> dict[str, Any]:
    """What was done before."""
    return {**done(kind, photos, number), "at": at, "undone": undone}


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
