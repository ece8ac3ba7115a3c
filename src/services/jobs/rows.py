"""Rows of jobs as what they tell.

A row may come from a damaged catalogue: what is odd in one is left out, and no page ends by it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, get_args

from src.plain_files import json_in, may_be_path
from src.schema import FINDINGS_KEPT, SKIPPED_KEPT, Finding, JobSnapshot, JobState, Skipped
from src.services.jobs.kinds import KINDS

UNITS = ("images", "objects", "bytes", "vectors")
_COUNTS = ("done", "indexed", "already", "skipped_count", "indexed_before")
_OTHERS = ("total", "unit", "current", "seconds", "error", "error_code")

Row = Mapping[str, Any]


def snapshot_of(row: Row) -> JobSnapshot | None:
    """A job as its row tells it, without its progress where that is odd.

    None where it is of no kind or state that there is.
    """
    if row["kind"] not in KINDS or row["state"] not in get_args(JobState):
        return None
    known = _progress(_object(row["progress"]))
    return JobSnapshot(row["id"], row["kind"], row["state"], row["title"], **known)


def params_of(row: Row) -> dict[str, Any]:
    """What a job was asked for; {} where that can't be read."""
    return _object(row["params"])


def paths_of(row: Row) -> list[str]:
    """The files and folders that a job was asked to add or look at; those that can be none are left out."""
    said = params_of(row).get("paths", ())
    return [path for path in said if may_be_path(path)] if isinstance(said, list) else []


def indexed_before(row: Row) -> int:
    """Images that earlier starts of this job brought in: they are met again as known ones, but belong to its count."""
    known = _progress(_object(row["progress"]))
    return int(known.get("indexed", 0)) + int(known.get("indexed_before", 0))


def _object(text: object) -> dict[str, Any]:
    """A JSON object, {} for anything else."""
    found = json_in(text)
    return found if isinstance(found, dict) else {}


def _progress(said: dict[str, Any]) -> dict[str, Any]:
    """The fields of a JobSnapshot that its progress told, {} where one of them is of a wrong kind."""
    try:
        known: dict[str, Any] = {name: said[name] for name in _COUNTS if name in said}
        known |= {name: said[name] for name in _OTHERS if name in said}
        known["skipped"] = tuple(
            Skipped(item["path"], item["reason"]) for item in said.get("skipped", ())[:SKIPPED_KEPT]
        )
        findings = said.get("findings", ())[:FINDINGS_KEPT]
        known["findings"] = tuple(Finding(item["check"], item["text"], bool(item.get("repaired"))) for item in findings)
        known["timings"] = dict(said.get("timings", {}))
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}
    return known if said and _plausible(JobSnapshot("", "index", "done", "", **known)) else {}


def _plausible(job: JobSnapshot) -> bool:
    counts = [getattr(job, name) for name in _COUNTS] + ([] if job.total is None else [job.total])
    texts = [job.current, job.error or "", job.error_code or ""]
    texts += [text for item in job.skipped for text in (item.path, item.reason)]
    texts += [text for item in job.findings for text in (item.check, item.text)]
    spent = [job.seconds, *job.timings.values()]
    return (
        all(type(number) is int and 0 <= number < 2**63 for number in counts)
        and all(isinstance(text, str) for text in (*texts, *job.timings))
        and all(type(seconds) in (int, float) and math.isfinite(seconds) and seconds >= 0 for seconds in spent)
        and job.unit in UNITS
    )
