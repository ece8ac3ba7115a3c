"""Pictures as they arrive in the library: watch."""

from __future__ import annotations

import argparse
import os
import time
from typing import Any

from src.cli import listing, terminal
from src.cli.library_access import DONE, reading
from src.database.catalog.catalog import Shown
from src.errors import LibraryUnusable
from src.files import identity_of
from src.runtime import Services
from src.services.library.arrivals import Arrivals
from src.text import shown

EVERY = 0.3
"""Seconds between two looks."""


def watch(arguments: argparse.Namespace) -> int:
    """watch: reads, so it follows the work of the app or of another command; Ctrl-C ends it, which is no failure.

    Raises LibraryUnusable once the library is not in its place any more: nothing would ever come.
    """
    if arguments.json:
        arguments.wrong_usage("what watch prints has no end and so is not one JSON value: --format jsonl")
    with reading(arguments) as services:
        arrivals, lines = Arrivals(services.catalog, services.library), listing.Lines(arguments)
        place = services.settings.catalog_file
        known_as = identity_of(place)
        terminal.note(_what_comes(services))
        try:
            while known_as in (None, identity_of(place)):
                found = arrivals.new()
                known = services.catalog.shown(found)
                for id_ in found:
                    if id_ in known:
                        _tell(arguments, services, lines, {"id": id_, **_row(known[id_])})
                time.sleep(EVERY)
        except KeyboardInterrupt:
            lines.end()
            return DONE
    lines.end()
    raise LibraryUnusable("The library was moved, deleted or replaced.", "Start `watch` again where it is now.")


def _what_comes(services: Services) -> str:
    if services.store.app_is_running():
        return "Watching what the app adds to the library; Ctrl-C ends."
    return "No app has the library now: watching what `index`, `sync` or an app adds to it; Ctrl-C ends."


def _row(known: Shown) -> dict[str, Any]:
    return {"path": known.path_text, "name": known.name, "size": [known.width, known.height]}


def _tell(arguments: argparse.Namespace, services: Services, lines: listing.Lines, row: dict[str, Any]) -> None:
    form = listing.asked(arguments)
    if form == "paths":
        if path := next(services.library.originals(row["id"]), None):
            lines.put_path(os.fsencode(path))
    elif form:
        lines.put(row)
    else:
        terminal.say_at_once(shown(row["path"]))
