"""The JSON shapes that doors give to other programs: what ``--json`` prints, and what else is to tell the same.

README lists the keys.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from src.schema import (
    Finding,
    FolderStatus,
    ImageDetails,
    JobSnapshot,
    LibraryStats,
    SearchHit,
    SearchPage,
    Segment,
    Verdict,
)
from src.schema.descriptions import Description
from src.schema.duplicates import DuplicateGroup
from src.schema.fields import FIELDS, OF_THE_USER
from src.schema.insights import Bar, Block
from src.schema.lab import Evaluation, Measured, Pair
from src.schema.library import Space
from src.schema.map import MapTold
from src.schema.search import Band
from src.schema.texts import TextLine
from src.secret import Token

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


def photo_for_assistant(
    details: ImageDetails, known: Mapping[str, Any], more: Mapping[str, Any], paths: bool, coordinates: bool
) -> dict[str, Any]:
    """All that is known of a photo; what is not known is left out.

    known: its facts by name. more: what else is told of it. paths, coordinates: whether those are told too.
    """
    of_file = asdict(details) | asdict(details.facts)
    told, known = {name: of_file[name] for name in _OF_THE_FILE}, with_lists(known)
    for field in (*FIELDS, *OF_THE_USER):
        hidden = field.measured or field.name in _NO_FACTS or (field.name in POSITION and not coordinates)
        if field.name in known and not hidden:
            told[field.name] = known[field.name]
    told |= {name: value for name, value in more.items() if value not in (None, "", [])}
    return told | ({"paths": list(details.paths)} if paths else {})


def with_lists(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values, lists in place of tuples."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


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
    known = with_lists(facts)
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


def space(known: Space) -> dict[str, Any]:
    told = {"name": known.name, "dimensions": known.dimensions, "photos": known.photos}
    return {**told, "imported": known.imported, "active": known.active}


def statistics(stats: LibraryStats) -> dict[str, Any]:
    numbers = asdict(stats)
    return {name: numbers[name] for name in _STATS}


def insights(blocks: Sequence[Block]) -> dict[str, Any]:
    """What a library is made of. ``link``: of each bar, the app's page that shows just the photos it counts."""
    return {
        "blocks": [
            {"name": block.name, "title": block.title, "note": block.note, "bars": [_bar(bar) for bar in block.bars]}
            for block in blocks
        ]
    }


def _bar(bar: Bar) -> dict[str, Any]:
    asked = {key: value for key, value in (("q", bar.query), ("of", bar.of)) if value}
    return {**asdict(bar), "link": f"/library?{urlencode(asked)}"}


def duplicates(group: DuplicateGroup) -> dict[str, Any]:
    return {
        "level": group.level,
        "files": [file.path for file in group.files],
        "keep": group.keep.path,
        "reasons": [reason.text for reason in group.reasons],
    }


def map_of(told: MapTold, seconds: float | None) -> dict[str, Any]:
    """seconds: that laying it out took; None where it was there."""
    clusters = [{"name": name, "photos": photos} for name, photos in told.clusters]
    return {
        "photos": told.photos,
        "landmarks": told.landmarks,
        "alone": told.alone,
        "seconds": seconds,
        "clusters": clusters,
    }


def findings(found: Sequence[Finding]) -> dict[str, Any]:
    return {"findings": [asdict(finding) for finding in found]}


def description(said: Description) -> dict[str, Any]:
    things = [{"label": each.label, "color": each.color, "position": each.position} for each in said.objects]
    return {"scene_summary": said.scene_summary, "objects": things}


def text_line(line: TextLine) -> dict[str, Any]:
    return {"text": line.text, "box": [list(corner) for corner in line.box], "confidence": round(line.confidence, 4)}


def evaluation(done: Evaluation) -> dict[str, Any]:
    """What `evaluate` found out about a labelled set; docs/lab.md says what each measure is."""
    pictures, asked = done.found.pictures, int(done.asked.sum())
    return {
        "images": len(pictures),
        "classes": len(done.found.labels),
        "labels": list(done.found.labels),
        "split": {"train": len(pictures) - asked, "test": asked, "by": done.split},
        "models": {measured.model: _measured(measured, done) for measured in done.models},
        "near_duplicates": {
            "pairs": len(done.copies.pairs),
            "across_the_split": _pairs(done.copies.across, done),
            "of_two_classes": _pairs(done.copies.conflicting, done),
        },
        "published": [
            {"what": one.what, "right": one.share, "differs": one.differs, "where": one.source}
            for one in done.published
        ],
        "skipped": files_skipped([(skipped.path, skipped.reason) for skipped in done.found.skipped]),
        "workers": done.workers,
        "speed_up": round(done.speed_up, 2),
        "seconds": round(done.seconds, 3),
    }


def _by_class(measured: Measured, labels: Sequence[str]) -> dict[str, dict[str, float]]:
    return {
        label: {
            "precision@10": round(one.near, 4),
            "knn": round(one.recall, 4),
            "knn_precision": round(one.precision, 4),
        }
        for label, one in zip(labels, measured.by_class, strict=True)
    }


def _measured(measured: Measured, done: Evaluation) -> dict[str, Any]:
    numbers = {
        "knn": measured.knn,
        "linear_probe": measured.linear_probe,
        **{f"precision@{depth}": share for depth, share in measured.precision.items()},
        "map": measured.mean_average_precision,
        "r_precision": measured.r_precision,
        "silhouette": measured.silhouette,
        "auc": measured.auc,
    }
    altered = [{**vars(way)} for way in measured.altered]
    return {
        "cut": measured.cut,
        "dimensions": measured.dimensions,
        **{name: round(number, 4) for name, number in numbers.items()},
        **({"altered": altered} if altered else {}),
        "by_class": _by_class(measured, done.found.labels),
        "confusion": measured.confusion.tolist(),
        "hardest_pairs": {"of_two_classes": _hard(measured.alike, done), "of_one_class": _hard(measured.unlike, done)},
    }


def classified(of: Mapping[str, Any], labels: Iterable[tuple[str, float]]) -> dict[str, Any]:
    """The likeliest labels of a picture with how likely each is, 0 to 1. of: what the picture is told by."""
    told = [{"label": word, "probability": round(chance, 6)} for word, chance in labels]
    return {**of, "labels": told}


def _hard(pairs: Sequence[Pair], done: Evaluation) -> list[dict[str, Any]]:
    told = _pairs([(pair.first, pair.second) for pair in pairs], done)
    return [{**one, "cosine": round(pair.cosine, 4)} for one, pair in zip(told, pairs, strict=True)]


def _pairs(pairs: Sequence[tuple[int, int]], done: Evaluation) -> list[dict[str, Any]]:
    of = done.found.pictures
    return [{"files": [of[one].name, of[two].name], "labels": [of[one].label, of[two].label]} for one, two in pairs]


def token(kept: Token) -> dict[str, Any]:
    """Of its text nothing, for nothing of that is kept."""
    return {"name": kept.name, "created": kept.created, "last_used": kept.last_used, "sessions": kept.sessions}
