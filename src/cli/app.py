"""The app, started by a command: app."""

from __future__ import annotations

import argparse

from src.cli.called import program
from src.cli.launch import Launch, read_port, serve, shown_already
from src.cli.library_access import DONE, settings_of


def app(arguments: argparse.Namespace) -> int:
    """app [--port N] [--no-open]: until the app ends, or Ctrl-C.

    Raises BadInput for a port that is none, CannotRun where it is another program's.
    """
    launch = Launch(
        settings_of(arguments),
        read_port(arguments.port, "--port"),
        opening=not arguments.no_open,
        as_json=arguments.json,
        other_port=f"`{program()} app --port {{}}`".format,
    )
    return DONE if shown_already(launch) else serve(launch)
