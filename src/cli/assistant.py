"""The library for assistants: mcp."""

from __future__ import annotations

import argparse
import sys

from src.bootstrap import build_services
from src.cli.library_access import DONE, settings_of
from src.config import PROJECT_DIR
from src.errors import AppError


def mcp(arguments: argparse.Namespace) -> int:
    """mcp [--paths] [--coordinates]: answer an assistant on standard input and output until it ends.

    The library need not be there yet: each answer says where it is not. Raises AppError where the package is missing.
    """
    try:
        from src.assistant.answers import Told
        from src.assistant.library import SharedLibrary
        from src.assistant.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        command = f"{sys.executable} -m pip install -r {PROJECT_DIR / 'requirements-mcp.txt'}"
        raise AppError("The package mcp, which assistants need, is not installed.", f"Install it: {command}") from error
    settings = settings_of(arguments, begins=True)
    library = SharedLibrary(settings, lambda models: build_services(settings, read_only=True, models=models))
    serve(library, Told(arguments.paths, arguments.coordinates))
    return DONE
