"""Nothing is reported to anybody, and nothing is written outside the library: not by the libraries that do the work
either.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from src.config import PROJECT_DIR
from tests.conftest import make_photo

REPORTS = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS")
"""Variables that keep onnxruntime from reporting.

A person's computer has none of them, so the processes here get none.
"""


def journey(home: Path, *arguments: str) -> None:
    """One command, as on a computer on which the person's folder is ``home``."""
    environ = {name: value for name, value in os.environ.items() if name not in REPORTS and not name.startswith("XDG_")}
    environ |= {"HOME": str(home), "USERPROFILE": str(home), "LOCALAPPDATA": str(home), "TMPDIR": str(home / "tmp")}
    run = subprocess.run(
        [sys.executable, *arguments], cwd=PROJECT_DIR, env=environ, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stdout + run.stderr


def files(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "person" / "tmp").mkdir(parents=True)
    return tmp_path / "person"


def test_indexing_and_searching_leave_nothing_outside_the_library(home: Path, tmp_path: Path) -> None:
    make_photo(tmp_path / "photos" / "one.jpg")
    library = ("-m", "src.cli", "--library", str(tmp_path / "library"))
    journey(home, *library, "index", str(tmp_path / "photos"))
    journey(home, *library, "objects")
    journey(home, *library, "search", "a grey square")
    journey(home, *library, "export", str(tmp_path / "out.zip"), "--format", "coco")
    journey(home, *library, "doctor")
    assert files(home) == set()


def test_the_training_tools_report_nothing(home: Path) -> None:
    asked = "import os; assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    journey(
        home, "-c", f"import training, subprocess, sys; subprocess.run([sys.executable, '-c', {asked!r}], check=True)"
    )
    assert files(home) == set()


def test_the_variable_is_one_that_this_onnxruntime_asks_for() -> None:
    """A version that asks for another one would report again, without a word."""
    import onnxruntime

    folder = Path(onnxruntime.__file__).parent / "capi"
    libraries = {
        file.name: file.read_bytes()
        for pattern in ("*.so*", "*.dylib", "*.pyd", "*.dll")
        for file in folder.glob(pattern)
    }
    reporting = {name for name, code in libraries.items() if b"events.data.microsoft.com" in code}
    assert libraries and not {name for name in reporting if b"ORT_DISABLE_TELEMETRY" not in libraries[name]}
