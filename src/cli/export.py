"""Data sets and tables for other programs."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from src import wire
from src.cli import terminal
from src.cli.library_access import DONE, reading
from src.processing.decoding.image_io import display_text
from src.processing.discovery import parse_path
from src.runtime import Services
from src.schema import PhotoFilter
from src.schema.conditions import parse_condition
from src.services.exchange.exporting import Selection
from src.services.search.service import Query
from src.text import count, shown, typed


def export(arguments: argparse.Namespace) -> int:
    """export PLACE: reads, so it works beside a running app."""
    with reading(arguments) as services:
        write(arguments, services, *chosen(arguments, services))
    return DONE


def chosen(arguments: argparse.Namespace, services: Services) -> tuple[Selection, dict[str, str]]:
    """The photos that --search and --where choose, else all; and of a search its verdict, for --json."""
    only = PhotoFilter(where=tuple(map(parse_condition, arguments.where)))
    if arguments.search is not None:
        page = services.search.search(Query(typed(arguments.search)), arguments.top_k, only=only, mode=arguments.mode)
        terminal.notes(page)
        return Selection.of(page, arguments.weak), {"verdict": page.verdict}
    return Selection(services.library.passing(only)) if only.where else Selection(), {}


def write(arguments: argparse.Namespace, services: Services, selection: Selection, told: Mapping[str, str]) -> None:
    """Write a selection to where the arguments say, and tell what came of it. told: more of it for --json."""
    place, report = parse_path(arguments.place, "folder or ZIP", "~/photos.zip"), terminal.Report()
    events = services.exports.export(arguments.format, place, selection, arguments.pictures)
    report.follow(events, terminal.console(arguments.json))
    skipped = wire.files_skipped(report.skipped)
    if arguments.json:
        done = {
            "place": display_text(place),
            "format": arguments.format,
            "images": report.snapshot.done,
            "skipped": skipped,
        }
        terminal.print_json({**done, **told})
    else:
        report.show_skipped()
        terminal.say(f"{report.snapshot.done:,} pictures written to {shown(str(place))}.")
        if selection.weak:
            weak = count(selection.weak, "weak match was", "weak matches were")
            terminal.say(f"{weak} left out; --weak takes them too.")
        if selection.passed_over:
            terminal.say(f"{count(selection.passed_over, 'result does', 'results do')} not fit and were left out.")
