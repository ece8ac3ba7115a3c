"""The models: models."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from src.cli import listing, terminal
from src.cli.library_access import DONE, do_job, finished, reading, settings_of
from src.models.model_manager import ModelManager
from src.services.jobs.kinds import Reindex


def models(arguments: argparse.Namespace) -> int:
    """models: lists them; --get ID downloads and verifies one; --use ID makes it the library's, after re-indexing."""
    if arguments.get:
        events = ModelManager(settings=settings_of(arguments)).download(arguments.get)
        terminal.Report().follow(events, terminal.console(arguments.json))
    if arguments.use:
        finished(do_job(arguments, "Re-indexing (command line)", Reindex(arguments.use)))
    with reading(arguments) as services:
        statuses = [*services.library.model_statuses(), *services.models.statuses("", "look")]
    if listing.asked(arguments):
        listing.put(arguments, map(asdict, statuses))
        return DONE
    rows = [[s.id, s.dimensions, "yes" if s.available else "no", "*" if s.active else "", s.title] for s in statuses]
    terminal.show_table(["id", "dimensions", "here", "in use", ""], rows)
    return DONE
