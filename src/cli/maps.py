"""The library as a map: map."""

from __future__ import annotations

import argparse

from src import wire
from src.cli import terminal
from src.cli.library_access import DONE, do_job, finished, reading
from src.errors import NotNow
from src.services.jobs.kinds import LayOut
from src.text import count


def lay_out(arguments: argparse.Namespace) -> int:
    """map [--again]: lays the library out where there is no map of it yet, and tells what groups there are."""
    with reading(arguments) as services:
        there = services.maps.chart()
    seconds = None
    if arguments.again or there is None or there.waiting:
        report = do_job(arguments, "Laying out the map (command line)", LayOut())
        finished(report)
        seconds = round(report.snapshot.seconds, 1)
    with reading(arguments) as services:
        told = services.maps.told()
        if told is None:
            raise NotNow("There is no map of the library.", "Run `map` again.")
    if arguments.json:
        terminal.print_json(wire.map_of(told, seconds))
        return DONE
    within = f" in {seconds} s" if seconds is not None else ""
    terminal.say(f"{count(told.photos, 'photo')} on the map{within}, by {count(told.landmarks, 'landmark')}.")
    if told.clusters:
        terminal.show_table(["cluster", "photos"], [[name, f"{number:,}"] for name, number in told.clusters])
    terminal.say(f"{count(told.alone, 'photo')} in no cluster.")
    return DONE
