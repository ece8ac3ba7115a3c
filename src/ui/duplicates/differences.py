"""What is known of the photos of a group, side by side: which facts differ, and who has the best of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from src.runtime import Services
from src.schema.duplicates import Copy
from src.text import shown
from src.ui.curation import words
from src.ui.format import moment, size

NOTHING = "–"


@dataclass(frozen=True)
class _Known:
    """One photo. said: its facts by name, with what the user says of it."""

    copy: Copy
    path: str
    said: Mapping[str, Any]


@dataclass(frozen=True)
class _Row:
    """text: of a photo, empty where nothing is known. most: what the best has most of."""

    label: str
    text: Callable[[_Known], str]
    most: Callable[[_Known], float] | None = None


def _joined(name: str) -> Callable[[_Known], str]:
    return lambda known: ", ".join(map(str, known.said.get(name, ())))


def _rating(known: _Known) -> str:
    rating = known.said.get("rating")
    return words.stars(rating) if isinstance(rating, int) and rating >= 0 else ""


def _changed(known: _Known) -> str:
    try:
        return moment(datetime.fromtimestamp(known.copy.changed_ns / 1e9, UTC).isoformat())
    except (OverflowError, ValueError, OSError):
        return ""


ROWS = (
    _Row("Pixels", lambda one: f"{one.copy.width:,} × {one.copy.height:,}", lambda one: one.copy.pixels),
    _Row("File", lambda one: size(one.copy.bytes), lambda one: one.copy.bytes),
    _Row("Format", lambda one: one.copy.format),
    _Row("Taken", lambda one: moment(one.copy.taken_at)),
    _Row("Camera", lambda one: one.copy.camera),
    _Row("Changed", _changed),
    _Row("Folder", lambda one: os.path.dirname(one.path)),
    _Row("Rating", _rating),
    _Row("Tags", _joined("keywords")),
    _Row("Albums", _joined("albums")),
    _Row("Note", lambda one: str(one.said.get("note") or "")),
)


def of_photos(services: Services, paths: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Image id -> ``name``, ``path``, ``size`` in pixels and ``facts``, each with whether it ``differs`` among the
    photos and is the ``best``; what is known of none is left out, and so are photos that are not there any more.

    paths: image id -> path of the file of it that is meant, as it is shown.
    """
    copies = services.catalog.duplicates.copies(list(paths))
    said = services.catalog.facts.of_many(list(copies))
    known = {id_: _Known(copies[id_], path, said.get(id_, {})) for id_, path in paths.items() if id_ in copies}
    facts: dict[str, list[dict[str, Any]]] = {id_: [] for id_ in known}
    for row in ROWS:
        for id_, fact in _told(row, known).items():
            facts[id_].append(fact)
    return {
        id_: {
            "name": shown(os.path.basename(one.path)),
            "path": shown(one.path),
            "size": (one.copy.width, one.copy.height),
            "facts": facts[id_],
        }
        for id_, one in known.items()
    }


def _told(row: _Row, known: Mapping[str, _Known]) -> dict[str, dict[str, Any]]:
    texts = {id_: shown(row.text(one)) for id_, one in known.items()}
    if not any(texts.values()):
        return {}
    differs = len(set(texts.values())) > 1
    amounts = {id_: row.most(one) for id_, one in known.items()} if row.most and differs else {}
    most = max(amounts.values(), default=None)
    return {
        id_: {
            "label": row.label,
            "text": text or NOTHING,
            "differs": differs,
            "best": id_ in amounts and amounts[id_] == most,
        }
        for id_, text in texts.items()
    }
