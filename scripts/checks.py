"""Lint and tests in the project's own environment. Standard library only."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

from scripts import environment

LINT = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))
SPREAD = ("-n", "auto", "--maxprocesses", "4", "--dist", "loadfile", "--no-loadscope-reorder")
"""pytest's processes: one a core, at most four, each with whole files of tests, in the order of tests/spread.py.

Given after it, ``-n 0`` has all in one.
"""
ALONE = ("-n", "0")
AT_MOST = 5
"""Browser tests wait for a page, and a busy machine can make them wait too long: where so few failed, and nothing else,
they are run once more with nothing beside them.
"""
BESIDE = "a browser test beside others"
"""What such a test says of itself in pytest's report; tests/spread.py."""
ROOM = 6 << 30
"""Bytes that the files of tests may take in memory, where twice as many are available."""
IN_MEMORY = 'mount -t tmpfs -o size="$0",mode=700 tests "$TMPDIR" && exec "$@"'
"""A shell's line that runs a command whose temporary files lie in memory. Tests make thousands of libraries, and each
commit of one waits for a disk.
"""
FAILED = 1
"""pytest's exit status where all tests were run and some failed; ended early, it gives another."""


def main(arguments: Sequence[str]) -> int:
    """Lint, then, unless ``--lint`` is given, the tests with the further arguments.

    The first failure's exit status, or 0.
    """
    status = environment.attempt("dev")
    if status:
        return status
    for step in LINT:
        status = _step(step)
        if status:
            return status
    return 0 if "--lint" in arguments else _tests(arguments)


def _step(step: Sequence[str], before: Sequence[str] = (), **settings: str) -> int:
    """before: a command that runs the step. settings: further variables."""
    print(f"== {' '.join(step)}", flush=True)
    command = [*before, str(environment.venv_python()), "-m", *step]
    # What Python compiled is kept for the hundreds of processes that tests start, also where the shell wants otherwise.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(command, cwd=environment.ROOT, env={**environ, **settings}, check=False).returncode


def _tests(arguments: Sequence[str]) -> int:
    """All tests, and a few browser tests that failed among them once more; 0 where each passed at last."""
    with tempfile.TemporaryDirectory(prefix="mfe-tests-") as folder:
        status, tests = _reported(Path(folder) / "all.xml", (*SPREAD, *arguments))
        failed = {_name(test) for test in tests if _failed(test)}
        if status != FAILED or not _may_run_again(tests, failed):
            return status
        print(f"== {len(failed)} of the browser tests failed beside others: their files once more, alone", flush=True)
        files = sorted({name.partition("::")[0] for name in failed})
        status, tests = _reported(Path(folder) / "alone.xml", (*ALONE, *files))
    passed = failed - {_name(test) for test in tests if test.find("skipped") is not None or _failed(test)}
    passed &= {_name(test) for test in tests}
    for name in sorted(failed):
        print(f"failed beside others, {'passed alone' if name in passed else 'and did not pass alone'}: {name}")
    return status if status or passed == failed else FAILED


def _in_memory(folder: Path) -> tuple[str, ...]:
    """What runs a command with this folder in memory, unseen by all others and gone when the command ends.

    Nothing where that is not allowed: on Linux root alone may do so, and not in every container.
    """
    try:
        told = Path("/proc/meminfo").read_text(encoding="ascii").partition("MemAvailable:")[2]
        if os.geteuid() != 0 or 1024 * int(told.split()[0]) < 2 * ROOM:
            return ()
        before = ("unshare", "--mount", "sh", "-c", IN_MEMORY, str(ROOM))
        tried = subprocess.run([*before, "true"], env={**os.environ, "TMPDIR": str(folder)}, capture_output=True)
    except (AttributeError, OSError, IndexError, ValueError):
        return ()
    return before if tried.returncode == 0 else ()


def _reported(report: Path, arguments: Sequence[str]) -> tuple[int, list[ElementTree.Element]]:
    """pytest's exit status, and each test that it wrote of; none where it wrote no report there."""
    words = ("pytest", f"--junitxml={report}", "-o", "junit_family=xunit1", *arguments)
    place = report.parent / "files"
    place.mkdir(exist_ok=True)
    before = _in_memory(place)
    status = _step(words, before, TMPDIR=str(place)) if before else _step(words)
    try:
        return status, list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return status, []


def _may_run_again(tests: Iterable[ElementTree.Element], failed: set[str]) -> bool:
    """Whether few failed, and each was a browser test that ended by itself, beside others.

    One that took its process down, a file that could not be read, and a test that ran with no other, say nothing of
    that kind in the report.
    """
    known = all(BESIDE in _properties(test) and test.get("file") for test in tests if _failed(test))
    return 0 < len(failed) <= AT_MOST and known


def _name(test: ElementTree.Element) -> str:
    return f"{test.get('file', '')}::{test.get('name', '')}"


def _failed(test: ElementTree.Element) -> bool:
    return test.find("failure") is not None or test.find("error") is not None


def _properties(test: ElementTree.Element) -> Iterator[str]:
    return (each.get("name", "") for each in test.iter("property"))
