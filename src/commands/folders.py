"""The folders that the library follows: folders, forget-missing."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from src import terminal
from src.commands.opening import DONE, do_job, finished, reading
from src.processing.discovery import parse_path
from src.schema import FolderStatus


def folders(arguments: argparse.Namespace) -> int:
    """folders: a table of them, after --watch DIR, --unwatch DIR or --remove DIR --yes."""
    if arguments.remove:
        return _remove(arguments)
    with reading(arguments) as services:
        for folder, on in ((arguments.watch, True), (arguments.unwatch, False)):
            if folder:
                services.folders.watch(str(parse_path(folder)), on)
        found = services.folders.all()
    if arguments.json:
        terminal.print_json([_as_json(folder) for folder in found])
    elif found:
        terminal.show_table(["folder", "photos", "missing", "state", "watched"], [_row(folder) for folder in found])
    else:
        terminal.say("The library follows no folder yet. First: python -m src.cli index FOLDER")
    return DONE


def _remove(arguments: argparse.Namespace) -> int:
    if not arguments.yes:
        arguments.wrong_usage("--remove forgets the photos that are in that folder alone (its files stay): say --yes to do it")
    path = str(parse_path(arguments.remove))
    removed = finished(do_job(arguments, "remove", "Removing a folder (command line)", path=path)).done
    if arguments.json:
        terminal.print_json({"removed": removed})
    else:
        terminal.say(f"The folder is followed no more; {removed:,} photos forgotten. Its files were not touched.")
    return DONE


def _row(folder: FolderStatus) -> list[str]:
    state = "offline" if folder.offline else "online"
    return [folder.text, f"{folder.files:,}", f"{folder.missing:,}", state, "yes" if folder.watched else "no"]


def _as_json(folder: FolderStatus) -> dict[str, object]:
    values = asdict(folder)
    return {**values, "path": values.pop("text")}


def forget_missing(arguments: argparse.Namespace) -> int:
    """forget-missing --yes: deletes what is known of photos whose files are gone; those of offline folders are kept."""
    if not arguments.yes:
        with reading(arguments) as services:
            count = services.folders.missing()
        arguments.wrong_usage(f"{count:,} photos are missing and would be forgotten: say --yes to do it")
    forgotten = finished(do_job(arguments, "forget", "Forgetting missing photos (command line)")).done
    if arguments.json:
        terminal.print_json({"forgotten": forgotten})
    else:
        terminal.say(f"{forgotten:,} missing photos forgotten.")
    return DONE
