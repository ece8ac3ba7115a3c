"""The library as a whole: stats, insights, clear, doctor, export-library, import-library."""

from __future__ import annotations

import argparse

from src import wire
from src.cli import terminal
from src.cli.library_access import DONE, FAILED, do_job, finished, reading, settings_of
from src.errors import LibraryUnusable
from src.processing.decoding.image_io import display_text
from src.processing.discovery import parse_path
from src.services.exchange.backup import export_library
from src.services.exchange.restore import import_library
from src.services.jobs.kinds import Clear, Examine
from src.services.library.forgetting import make_room


def stats(arguments: argparse.Namespace) -> int:
    with reading(arguments) as services:
        shown = wire.statistics(services.library.stats())
    if arguments.json:
        terminal.print_json(shown)
    else:
        terminal.show_table(["", ""], [[name, f"{v:,}" if isinstance(v, int) else v] for name, v in shown.items()])
    return DONE


def insights(arguments: argparse.Namespace) -> int:
    """insights: what the library is made of."""
    with reading(arguments) as services:
        blocks = services.insights.all()
    if arguments.json:
        terminal.print_json(wire.insights(blocks))
        return DONE
    for block in blocks:
        terminal.say(block.title)
        terminal.show_table(["", "photos", ""], [[bar.label, f"{bar.photos:,}", bar.detail] for bar in block.bars])
        if block.note:
            terminal.note(block.note)
    return DONE


def clear(arguments: argparse.Namespace) -> int:
    """clear --yes: all into the bin."""
    if not arguments.yes:
        arguments.wrong_usage(
            "clear puts every image of the library into the bin (your own photo files stay): say --yes to do it"
        )
    report = _cleared(arguments)
    cleared, left = finished(report).done, [finding.text for finding in report.findings]
    if arguments.json:
        terminal.print_json({"cleared": cleared, **({"left": left} if left else {})})
    else:
        text = f"{cleared:,} photos are in the bin now: undo brings them back, bin --empty forgets them for good."
        terminal.say("\n".join([text, *left]))
    return DONE


def _cleared(arguments: argparse.Namespace) -> terminal.Report:
    try:
        return do_job(arguments, "Clearing the library", Clear())
    except LibraryUnusable:
        if not make_room(settings_of(arguments)):
            raise
        return do_job(arguments, "Clearing the library", Clear())


def doctor(arguments: argparse.Namespace) -> int:
    """doctor [--check]: the exit code is 1 where something that was found stands as it was."""
    report = do_job(arguments, "Checking the library (command line)", Examine(repair=not arguments.check))
    finished(report)
    findings = report.findings
    if arguments.json:
        terminal.print_json(wire.findings(findings))
    elif findings:
        rows = [[finding.check, finding.text, "yes" if finding.repaired else "no"] for finding in findings]
        terminal.show_table(["check", "found", "repaired"], rows)
    else:
        terminal.say("Nothing wrong.")
    return DONE if all(finding.repaired for finding in findings) else FAILED


def export(arguments: argparse.Namespace) -> int:
    """export-library FILE: reads, so it works beside a running app."""
    file, report = parse_path(arguments.file, "file", "~/library.zip"), terminal.Report()
    with reading(arguments) as services:
        report.follow(export_library(services.settings, services.catalog, file), terminal.console(arguments.json))
    size = file.stat().st_size
    if arguments.json:
        terminal.print_json({"file": display_text(file), "bytes": size, "skipped": wire.files_skipped(report.skipped)})
    else:
        terminal.say(f"{display_text(file)} holds the library now ({size:,} bytes).")
        report.show_skipped()
    return DONE


def import_(arguments: argparse.Namespace) -> int:
    """import-library FILE: needs the library for itself, and empty."""
    events = import_library(settings_of(arguments, begins=True), parse_path(arguments.file, "file", "~/library.zip"))
    terminal.Report().follow(events, terminal.console(arguments.json))
    with reading(arguments) as services:
        images, files, _ = services.catalog.counts()
    if arguments.json:
        terminal.print_json({"images": images, "files": files})
    else:
        terminal.say(f"{images:,} photos are in the library now. `sync` looks whether their folders are here.")
    return DONE
