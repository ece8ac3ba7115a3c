"""What the command line writes to the terminal: reports, tables, progress bars, JSON.

Used by cli.py and commands/ alone.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import struct
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from src import wire
from src.cli.called import program
from src.errors import AppError
from src.schema import Finding, JobEvent, JobSnapshot, SearchHit, SearchPage, Skipped
from src.text import shown

if TYPE_CHECKING:
    from rich.console import Console


class Report:
    """Follows a job's events on the terminal and remembers what came of them."""

    def __init__(self) -> None:
        self.snapshot = JobSnapshot("", "index", "running", "")
        self.problem: AppError | None = None
        """What was not done, and why; None where everything was."""
        self._skipped: list[tuple[str, str]] = []
        self._findings: list[Finding] = []

    def follow(self, events: Iterator[JobEvent], console: Console) -> None:
        """Consume the events, with a progress bar where ``console`` is a terminal.

        Ctrl-C ends the job as a cancel does.
        """
        from src.services.jobs.runner import applied, close

        started = time.monotonic()
        try:
            with _bar(console) as show:
                for event in events:
                    self.snapshot = replace(applied(self.snapshot, event), seconds=time.monotonic() - started)
                    self._remember(event)
                    show(self.snapshot)
        finally:
            close(events)

    def _remember(self, event: JobEvent) -> None:
        """A snapshot keeps only the first of these."""
        if isinstance(event, Skipped):
            self._skipped.append((event.path, event.reason))
        elif isinstance(event, Finding):
            self._findings.append(event)

    @property
    def skipped(self) -> list[tuple[str, str]]:
        return self._skipped or [(skipped.path, skipped.reason) for skipped in self.snapshot.skipped]

    @property
    def findings(self) -> list[Finding]:
        return self._findings or list(self.snapshot.findings)

    def as_json(self) -> dict[str, Any]:
        return wire.added(self.snapshot, self.skipped)

    def show(self) -> None:
        numbers = self.as_json()
        print(
            f"{numbers['indexed']:,} indexed, {numbers['already']:,} already there, {len(self.skipped):,} skipped"
            f" in {numbers['seconds']:.1f} s ({numbers['images_per_s']:.0f} photos/s)"
        )
        if self.snapshot.indexed and self.snapshot.timings:
            print(
                "  seconds by stage, over all threads: "
                + ", ".join(f"{name} {s:.1f}" for name, s in self.snapshot.timings.items())
            )
        for finding in self.findings:
            print(shown(finding.text))
        self.show_skipped()

    def show_skipped(self) -> None:
        for path, reason in self.skipped:
            print(f"  skipped {shown(path)}: {shown(reason)}")


def console(quiet: bool) -> Console:
    """Progress goes to standard error, so that standard output stays one JSON value or one table."""
    from rich.console import Console

    return Console(stderr=True, quiet=quiet and not sys.stderr.isatty())


def say(text: str) -> None:
    print(text)


def say_at_once(text: str) -> None:
    """A line that whoever reads them as they come need not wait for."""
    print(text, flush=True)


def put_bytes(data: bytes) -> None:
    """These bytes themselves, whatever they are, behind all that was said so far."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def size() -> tuple[int, int]:
    """Columns and lines of the terminal, 80 and 24 where it does not tell."""
    return shutil.get_terminal_size()


def cell_size() -> tuple[int, int] | None:
    """Pixels of a character, width and height; None where the system does not know."""
    try:
        import fcntl
        import termios

        rows, columns, width, height = struct.unpack("HHHH", fcntl.ioctl(sys.stdout, termios.TIOCGWINSZ, bytes(8)))
    except (ImportError, OSError, ValueError):
        return None
    return (width // columns, height // rows) if width and height and columns and rows else None


def fitted(text: str, width: int) -> str:
    """A text of others as it may be shown, cut or filled up to so many columns."""
    from rich.cells import cell_len, set_cell_size

    safe = shown(text)
    return set_cell_size(safe, width) if cell_len(safe) <= width else f"{set_cell_size(safe, max(0, width - 1))}…"


def is_watched() -> bool:
    """Whether a person looks at standard output."""
    return sys.stdout.isatty()


def note(text: str) -> None:
    """One line on standard error."""
    print(shown(" ".join(text.split())), file=sys.stderr)


@contextlib.contextmanager
def _bar(console: Console) -> Iterator[Callable[[JobSnapshot], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.fields[what]}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("", total=None, what="starting")

        def show(snapshot: JobSnapshot) -> None:
            pace = (
                f"{snapshot.per_second / 1e6:.1f} MB/s"
                if snapshot.unit == "bytes"
                else f"{snapshot.per_second:.0f} {snapshot.unit}/s"
            )
            progress.update(
                task, completed=snapshot.done, total=snapshot.total, what=pace if snapshot.done else "starting"
            )

        yield show


def notes(page: SearchPage) -> None:
    """What is to be said of a query, on standard error."""
    for notice in page.notices:
        note(notice.sentence)


def show_page(page: SearchPage) -> None:
    """A page of hits as a table, with an honest word where nothing fits."""
    for notice in page.notices:
        print(notice.sentence)
    if page.verdict != "match":
        print(verdict(page) + (" The closest:" if page.hits else ""))
    if page.verdict == "empty":
        return
    if page.listed:
        show_table(["picture"], [[_where(hit)] for hit in page.hits])
    else:
        rows = [[f"{hit.percent} %", hit.band, f"{hit.score:.3f}", _where(hit)] for hit in page.hits]
        show_table(["chance", "match", "score", "picture"], rows)
    searched = [f"{page.searched:,} photos"] if page.searched else []
    searched += [f"{page.objects:,} objects"] if page.objects else []
    print(f"{len(page.hits)} of {' and '.join(searched)}, {page.took_ms:.0f} ms, model {page.model}")


def verdict(page: SearchPage) -> str:
    """One sentence on a page on which nothing fits."""
    if page.verdict == "nothing":
        return "Nothing in the library fits."
    if page.filtered:
        return "No photo passes the filter."
    return f"There is nothing to search yet. First: {program()} {_first_command(page)}"


def _first_command(page: SearchPage) -> str:
    """What has to be run before there is anything to search."""
    codes = {notice.code for notice in page.notices}
    if "no-objects" in codes:
        return "objects"
    return f"models --use {page.model}" if "other-model" in codes else "index FOLDER"


def _where(hit: SearchHit) -> str:
    """The path, which ends with the name (an upload is stored under its id), and where in it the object is."""
    place = hit.path if hit.path.endswith(hit.name) else f"{hit.name} ({hit.path})"
    return place if hit.box is None else f"{place} [object at {', '.join(map(str, hit.box))}]"


def show_table(headings: list[str], rows: list[list[Any]]) -> None:
    """A table; cells are plain text, whatever is in them.

    Folded to fit a terminal, and a line a row for any other reader.
    """
    cells = [[shown(str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        _print_lines([headings, *cells] if any(headings) else cells)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=any(headings))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    Console().print(table)


def _print_lines(rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_json(value: Any) -> None:
    """One JSON value on standard output, in plain ASCII."""
    json.dump(value, sys.stdout, ensure_ascii=True)
    print()
