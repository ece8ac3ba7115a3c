"""Vectors out and in: export-features, import-features, spaces."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import cast

from src import wire
from src.cli import export as exporting
from src.cli import listing, terminal
from src.cli.library_access import DONE, do_job, finished, opened, reading
from src.errors import BadInput
from src.processing.decoding.image_io import display_text
from src.processing.discovery import parse_path
from src.runtime import Services
from src.services.exchange.exporting import Selection
from src.services.exchange.features import FeatureKind
from src.services.jobs.kinds import ImportFeatures, MakeFeatures
from src.text import count, shown


def export(arguments: argparse.Namespace) -> int:
    """export-features TARGET: makes the vectors that are lacking, then writes all, also beside a running app."""
    named, arguments.model = arguments.model, None  # it may name a space, and is not what the search uses
    place = parse_path(arguments.place, "file, folder or ZIP", "~/features.npz")
    form, kind = arguments.format or _form_of(place), cast(FeatureKind, arguments.kind)
    if place.suffix.lower() == ".npy":
        raise BadInput("Vectors and what they are of are two files.", "Name a .npz, a folder or a ZIP.")
    with reading(arguments) as services:
        selection, _ = exporting.chosen(arguments, services)
        model = named or services.library.active_model
        pending = services.features.pending(selection, model, kind)
    if pending:
        chosen = None if selection.images is None else tuple(pending)
        finished(do_job(arguments, f"Looking at photos with {model} (command line)", MakeFeatures(model, chosen)))
    with reading(arguments) as services:
        return _written(arguments, services, form, place, selection, model, kind)


def _written(
    arguments: argparse.Namespace,
    services: Services,
    form: str,
    place: Path,
    selection: Selection,
    model: str,
    kind: FeatureKind,
) -> int:
    report = terminal.Report()
    report.follow(services.features.export(form, place, selection, model, kind), terminal.console(arguments.json))
    left = len(services.features.pending(selection, model, kind))
    if arguments.json:
        told = {"place": display_text(place), "format": form, "model": model, "kind": kind}
        terminal.print_json({**told, "vectors": report.snapshot.done, "without_vector": left})
    else:
        for finding in report.findings:
            terminal.say(shown(finding.text))
        if left:
            terminal.say(f"{count(left, 'photo')} can't be read now and so were left out.")
    return DONE


def _form_of(place: Path) -> str:
    return "npz" if place.suffix.lower() == ".npz" else "npy"


def import_(arguments: argparse.Namespace) -> int:
    """import-features FILE --name NAME."""
    place = parse_path(arguments.file, "file or folder", "~/features.npz")
    report = do_job(arguments, "Taking vectors over (command line)", ImportFeatures(str(place), arguments.name))
    finished(report)
    with reading(arguments) as services:
        space = services.spaces.find(arguments.name)
    notes = [finding.text for finding in report.findings]
    if arguments.json:
        told = {"space": space.name, "photos": space.photos, "dimensions": space.dimensions}
        terminal.print_json({**told, "notes": notes[1:]})
    else:
        for note in notes:
            terminal.say(shown(note))
    return DONE


def spaces(arguments: argparse.Namespace) -> int:
    """spaces; --make MODEL fills one, --remove NAME --yes forgets one."""
    if arguments.remove:
        return _remove(arguments)
    if arguments.make:
        title = f"Looking at photos with {arguments.make} (command line)"
        report = do_job(arguments, title, MakeFeatures(arguments.make))
        finished(report)
        for path, reason in report.skipped:
            terminal.note(f"skipped {shown(path)}: {shown(reason)}")
    with reading(arguments) as services:
        found = services.spaces.all()
    if listing.asked(arguments):
        listing.put(arguments, map(wire.space, found))
        return DONE
    rows = [
        [
            one.name,
            one.dimensions,
            f"{one.photos:,}",
            "elsewhere" if one.imported else "here",
            "*" if one.active else "",
        ]
        for one in found
    ]
    terminal.show_table(["space", "dimensions", "photos", "made", "in use"], rows)
    return DONE


def _remove(arguments: argparse.Namespace) -> int:
    if not arguments.yes:
        with reading(arguments) as services:
            number = services.spaces.find(arguments.remove).photos
        arguments.wrong_usage(f"{count(number, 'vector')} would be forgotten for good: say --yes to do it")
    with opened(arguments) as services:
        removed = services.spaces.remove(arguments.remove)
    if arguments.json:
        terminal.print_json({"removed": removed})
    else:
        terminal.say(f"{count(removed, 'vector')} forgotten.")
    return DONE
