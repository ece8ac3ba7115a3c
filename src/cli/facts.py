"""What photo files tell of themselves, without a library: facts."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from src import wire
from src.cli import listing, terminal
from src.cli.picture_files import DONE, FAILED, read_each
from src.processing.decoding.image_io import display_text
from src.processing.facts.reader import FactsReader
from src.schema.facts import PhotoFacts
from src.schema.fields import FIELDS, shown

_SETTINGS = ("focal_length", "aperture", "exposure", "iso")
_HEADINGS = ["picture", "taken", "camera", "settings", "place", "rating", "title"]

Row = tuple[str, PhotoFacts]
"""A picture's path, for display, and its facts."""


def facts(arguments: argparse.Namespace) -> int:
    """facts PATH...: the facts of pictures, and of all pictures in folders.

    1 where one of them could not be read.
    """
    reader, problems = FactsReader(), list[str]()
    rows: Iterable[Row] = read_each(arguments.paths, lambda path: (display_text(path), reader.read(path)), problems)
    if listing.asked(arguments):
        listing.put(arguments, (as_json(path, told) for path, told in rows))
    else:
        _show(list(rows))
    return FAILED if problems else DONE


def _show(rows: Sequence[Row]) -> None:
    if len(rows) == 1:
        terminal.show_table(["", ""], _listed(*rows[0]))
    elif rows:
        terminal.show_table(_HEADINGS, [_line(path, told) for path, told in rows])


def as_json(path: str, told: PhotoFacts) -> dict[str, Any]:
    """One picture's facts as --json prints them; null where nothing tells."""
    told_of = wire.with_lists({field.name: getattr(told, field.name) for field in FIELDS if field.in_json})
    return {"path": path} | told_of | {name: list(getattr(told, name)) or None for name in ("place", "keywords")}


def _listed(path: str, told: PhotoFacts) -> list[list[str]]:
    """All that is known of one picture, a fact a line."""
    named = ((field.label, shown(field.name, getattr(told, field.name))) for field in FIELDS if not field.measured)
    return [["Picture", path], *([label, text] for label, text in named if text)]


def _line(path: str, told: PhotoFacts) -> list[str]:
    """What most people look for, in one line."""
    place = [shown(name, getattr(told, name)) for name in ("latitude", "longitude")]
    settings = [shown(name, getattr(told, name)) for name in _SETTINGS]
    camera = told.camera_model or told.camera_make or ""
    named = (told.taken_at, told.rating)
    taken, rating = (shown(name, value) for name, value in zip(("taken_at", "rating"), named, strict=True))
    return [
        path,
        taken,
        camera,
        " ".join(filter(None, settings)),
        " ".join(filter(None, place)),
        rating,
        told.title or "",
    ]
