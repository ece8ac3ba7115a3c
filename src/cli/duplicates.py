"""Pictures that are copies of each other: duplicates."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from src import wire
from src.cli import listing, terminal
from src.cli.library_access import DONE, do_job, finished, reading
from src.schema.duplicates import DuplicateFile, DuplicateGroup
from src.services.jobs.kinds import FindDuplicates
from src.text import shown

_HEADINGS = {
    "bytes": "the same bytes",
    "pixels": "the same pixels",
    "picture": "the same picture",
    "shot": "the same moment",
}


def duplicates(arguments: argparse.Namespace) -> int:
    """duplicates [--level LEVEL]: photos that are new are compared first."""
    with reading(arguments) as services:
        waiting = services.duplicates.waiting()
    if waiting:
        finished(do_job(arguments, "Looking for duplicates (command line)", FindDuplicates()))
    with reading(arguments) as services:
        groups = services.duplicates.groups(arguments.level)
        if listing.asked(arguments):
            copies = ((file.image_id, file.path) for file in _beside(groups))
            listing.put(arguments, map(wire.duplicates, groups), lambda: listing.paths_of_files(services, copies))
        else:
            _show(groups)
    return DONE


def _beside(groups: Sequence[DuplicateGroup]) -> list[DuplicateFile]:
    """The files beside those to keep; none that is shown as one of these is."""
    kept = {group.keep.path for group in groups}
    return [file for group in groups for file in group.files if file.path not in kept]


def _show(groups: Sequence[DuplicateGroup]) -> None:
    for group in groups:
        terminal.say(f"\n{len(group.files)} files with {_HEADINGS[group.level]}")
        for file in group.files:
            terminal.say(f"  {'keep' if file is group.keep else '    '}  {shown(file.path)}")
        for reason in group.reasons:
            terminal.say(f"        {shown(reason.text)}")
    more = sum(len(group.files) - 1 for group in groups)
    if groups:
        terminal.say(f"\n{len(groups):,} groups; {more:,} files beside those to keep. No file was changed.")
    else:
        terminal.say("No duplicates.")
