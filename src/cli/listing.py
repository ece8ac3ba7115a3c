"""Rows for other programs: what --format and -0 ask for, written in one place for all commands that list something."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from src.cli import terminal
from src.processing.decoding.image_io import display_text
from src.runtime import Services
from src.text import count, shown

NOTHING = 3
"""Exit code of a search whose lines are for other programs, where there is none."""
Row = Mapping[str, Any]
Paths = Callable[[], Iterable[bytes]]
_IN_TSV = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def asked(arguments: argparse.Namespace) -> str:
    """json, jsonl, tsv or paths; empty where nothing was asked for."""
    return getattr(arguments, "output", None) or ("json" if arguments.json else "")


def put(arguments: argparse.Namespace, rows: Iterable[Row], paths: Paths | None = None, whole: Any = None) -> int:
    """Write rows as they were asked for, and tell how many lines that were.

    paths: the files behind the rows, as the system spells them; asked for only with ``--format paths``. whole: what
    ``--json`` prints where that is more than a list of the rows.
    """
    lines = Lines(arguments)
    if asked(arguments) == "json":
        terminal.print_json(list(rows) if whole is None else whole)
        return 1
    if asked(arguments) == "paths":
        for path in dict.fromkeys(paths() if paths else ()):
            lines.put_path(path)
    else:
        for row in rows:
            lines.put(row)
    lines.end()
    return lines.number


class Lines:
    """Writes a row or a path a line, each at once: whoever reads them need not wait for the last."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._form = asked(arguments)
        self._zero = bool(getattr(arguments, "print0", False))
        self.number = 0
        """Lines that were written."""
        self._broken = 0

    def put(self, row: Row) -> None:
        """One row as JSON, or as columns with tabs between them and, before the first, the names of the columns."""
        if self._form == "tsv" and not self.number:
            terminal.say_at_once("\t".join(row))
        text = json.dumps(row) if self._form == "jsonl" else "\t".join(_cell(value) for value in row.values())
        terminal.say_at_once(text)
        self.number += 1

    def put_path(self, path: bytes) -> None:
        """The bytes themselves; on a terminal, which control characters would drive, as they may be shown."""
        if terminal.is_watched():
            terminal.say_at_once(shown(path.decode("utf-8", "replace")))
        else:
            self._broken += b"\n" in path
            terminal.put_bytes(path + (b"\0" if self._zero else b"\n"))
        self.number += 1

    def end(self) -> None:
        """Say where a line is no whole path."""
        if self._broken and not self._zero:
            names = count(self._broken, "path has a line break in it", "paths have a line break in them")
            terminal.note(f"{names}: with -0 a path ends where it does.")


def paths_of_photos(services: Services, ids: Iterable[str]) -> list[bytes]:
    """For each photo, once, the path of a file that holds it now; how many have none is said on standard error."""
    chosen = dict.fromkeys(ids)
    files = {id_: next(services.library.originals(id_), None) for id_ in chosen}
    if missing := sum(path is None for path in files.values()):
        photos = count(missing, "photo is", "photos are")
        terminal.note(f"{photos} left out, whose file is gone, offline or changed; `sync` looks again.")
    return [os.fsencode(path) for path in files.values() if path is not None]


def paths_of_files(services: Services, files: Iterable[tuple[str, str]]) -> list[bytes]:
    """The paths of files, each told by its photo's id and how its path is shown, as far as they are there unchanged."""
    return [
        os.fsencode(path)
        for id_, text in files
        for path in services.library.originals(id_)
        if display_text(path) == text
    ]


def _cell(value: Any) -> str:
    """A value in a column: never with a tab, a line break or anything that would drive a terminal in it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else json.dumps(value)
    return shown(text.translate(_IN_TSV))
