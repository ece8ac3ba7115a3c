"""`make run`: sets up what is missing, then runs the app (src/cli/launch.py says how). Standard library only."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from scripts import environment
from src.cli.launch import Launch, read_port, serve, shown_already
from src.config import Settings
from src.errors import AppError


def main(environ: Mapping[str, str]) -> int:
    """Set up, then run until the app ends or Ctrl-C. Exit status 0, or 1 with one sentence."""
    try:
        launch = launch_of(environ)
        if shown_already(launch):
            return 0
    except AppError as error:
        print(error, file=sys.stderr)
        return 1
    return environment.attempt("run") or serve(launch)


def launch_of(environ: Mapping[str, str]) -> Launch:
    """How these variables want the app to be started, in the project's own ``.venv``. Raises BadInput, BadSetting."""
    return Launch(
        Settings.from_env(environ),
        read_port(environ.get("PORT", ""), "PORT"),
        opening=environ.get("OPEN", "1").strip() != "0",
        other_port="`make run PORT={}`".format,
        python=str(environment.venv_python()),
    )
