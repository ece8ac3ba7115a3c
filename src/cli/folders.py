"""The folders that the library follows: folders, forget-missing."""

from __future__ import annotations

import argparse
import os

from src import wire
from src.cli import listing, terminal
from src.cli.called import program
from src.cli.library_access import DONE, do_job, finished, reading
from src.processing.discovery import parse_path
from src.schema import FolderStatus
from src.services.jobs.kinds import ForgetMissing, RemoveFolder
from src.text import count


def folders(arguments: argparse.Namespace) -> int:
    """folders: a table of them, after --watch DIR, --unwatch DIR or --remove DIR --yes."""
    if arguments.remove:
        return _remove(arguments)
    with reading(arguments) as services:
        for folder, on in ((arguments.watch, True), (arguments.unwatch, False)):
            if folder:
                services.folders.watch(str(parse_path(folder)), on)
        found = services.folders.all()
    if listing.asked(arguments):
        listing.put(arguments, map(wire.folder, found), lambda: [os.fsencode(folder.path) for folder in found])
    elif found:
        terminal.show_table(["folder", "photos", "missing", "state", "watched"], [_row(folder) for folder in found])
    else:
        terminal.say(f"The library follows no folder yet. First: {program()} index FOLDER")
    return DONE


def _remove(arguments: argparse.Namespace) -> int:
    if not arguments.yes:
        arguments.wrong_usage(
            "--remove puts the photos that are in that folder alone into the bin (its files stay): say --yes to do it"
        )
    path = parse_path(arguments.remove)
    with reading(arguments) as services:
        known = str(services.folders.known_as(path))
        offline = any(folder.path == known and folder.offline for folder in services.folders.all())
    removed = finished(do_job(arguments, "Removing a folder (command line)", RemoveFolder(str(path)))).done
    if arguments.json:
        terminal.print_json({"removed": removed})
        return DONE
    terminal.say(f"The folder is followed no more; {removed:,} photos put into the bin. Its files were not touched.")
    terminal.say("To have all of it back: undo.")
    if offline:
        terminal.say("It was offline: to have its photos again, add it when it is back.")
    return DONE


def _row(folder: FolderStatus) -> list[str]:
    state = "offline" if folder.offline else f"{folder.away:,} photos out of reach" if folder.away else "online"
    return [folder.text, f"{folder.files:,}", f"{folder.missing:,}", state, "yes" if folder.watched else "no"]


def forget_missing(arguments: argparse.Namespace) -> int:
    """forget-missing --yes: puts photos whose files are gone into the bin; those of offline folders are kept."""
    with reading(arguments) as services:
        earlier = services.folders.earlier()
        if not arguments.yes:
            missing = services.folders.missing(look=True)
            also = f", and so would {count(earlier, 'earlier version')} of changed photos" if earlier else ""
            arguments.wrong_usage(f"{missing:,} photos are missing and would be forgotten{also}: say --yes to do it")
    report = do_job(arguments, "Forgetting missing photos (command line)", ForgetMissing())
    forgotten = finished(report).done
    if arguments.json:
        terminal.print_json(
            {"forgotten": forgotten, **({"earlier_versions": min(earlier, forgotten)} if earlier else {})}
        )
        return DONE
    also = f", {earlier:,} of them earlier versions of photos that were changed since" if earlier else ""
    terminal.say(f"{forgotten:,} missing photos forgotten{also}. They are in the bin until it is emptied.")
    for finding in report.findings:
        terminal.say(finding.text)
    return DONE
