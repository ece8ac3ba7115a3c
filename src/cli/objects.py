"""Objects inside photos: find them, forget them."""

from __future__ import annotations

import argparse

from src.cli import terminal
from src.cli.library_access import DONE, do_job, finished, reading
from src.errors import BadInput
from src.processing.discovery import parse_path
from src.services.jobs.kinds import FindObjects
from src.text import shown


def objects(arguments: argparse.Namespace) -> int:
    """objects [FOLDER...] or objects --forget --yes."""
    if arguments.forget:
        return _forget(arguments)
    typed = [parse_path(text) for text in arguments.folders]
    with reading(arguments) as services:
        folders = [str(services.folders.place(path)) for path in typed]
    asked = FindObjects(folders=tuple(folders) or None)
    done = finished(do_job(arguments, "Finding objects (command line)", asked))
    with reading(arguments) as services:
        looked, number = services.objects.counts()
    if arguments.json:
        skipped = [{"path": item.path, "reason": item.reason} for item in done.skipped]
        terminal.print_json({"looked_through": done.indexed, "skipped": skipped, "photos": looked, "objects": number})
        return DONE
    for item in done.skipped:
        terminal.say(f"  skipped {shown(item.path)}: {shown(item.reason)}")
    terminal.say(f"{done.indexed:,} photos looked through now; {number:,} objects in {looked:,} photos.")
    return DONE


def _forget(arguments: argparse.Namespace) -> int:
    if arguments.folders:
        raise BadInput("--forget forgets all objects; it takes no folder.")
    with reading(arguments) as services:
        _, number = services.objects.counts()
    if not arguments.yes:
        raise BadInput(f"This would forget {number:,} objects; the photos stay.", "Add --yes to do it.")
    finished(do_job(arguments, "Forgetting all objects", FindObjects(forget=True)))
    terminal.print_json({"forgotten": number}) if arguments.json else terminal.say(f"{number:,} objects forgotten.")
    return DONE
