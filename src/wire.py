"""The JSON shapes that doors give to other programs: what ``--json`` prints, and what else is to tell the same.

README lists the keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from src.schema import Finding, FolderStatus, JobSnapshot, LibraryStats, SearchHit, SearchPage
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
