"""What the benchmarks' commands have in common."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.synthetic import DEFAULT_FOLDER
from src.errors import AppError


def parser(name: str, about: str | None, quick: str | None = None, libraries: bool = False) -> argparse.ArgumentParser:
    """``--json``, and ``--quick`` and ``--libraries`` where asked for. quick: what it makes smaller."""
    made = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--json", action="store_true", help="last line of standard output: one JSON object")
    if quick:
        made.add_argument("--quick", action="store_true", help=quick)
    if libraries:
        made.add_argument(
            "--libraries",
            type=Path,
            default=DEFAULT_FOLDER,
            help="where made-up libraries are kept (default: %(default)s)",
        )
    return made


def told(measure: Callable[[], dict[str, Any]], table: Callable[[dict[str, Any]], str] | None, as_json: bool) -> int:
    """Run a benchmark and tell what it found: a table on standard error, JSON on standard output. 0 done, 1 failed with
    a reason.
    """
    try:
        result = measure()
    except (AppError, OSError, RuntimeError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    if table:
        print(table(result), file=sys.stderr)
    if as_json:
        print(json.dumps(result))
    return 0
