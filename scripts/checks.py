"""Lint and tests in the project's own environment. Standard library only."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from scripts import environment

LINT = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))
SPREAD = ("-n", "auto", "--maxprocesses", "4", "--dist", "loadfile")
"""pytest's processes: one a core, at most four, each with whole files of tests.

Given after it, ``-n 0`` has all in one.
"""


def main(arguments: Sequence[str]) -> int:
    """Lint, then, unless ``--lint`` is given, the tests with the further arguments.

    The first failure's exit status, or 0.
    """
    status = environment.attempt("dev")
    if status:
        return status
    tests = () if "--lint" in arguments else (("pytest", *SPREAD, *arguments),)
    for step in (*LINT, *tests):
        print(f"== {' '.join(step)}", flush=True)
        command = [str(environment.venv_python()), "-m", *step]
        status = subprocess.run(command, cwd=environment.ROOT, check=False).returncode
        if status:
            return status
    return 0
