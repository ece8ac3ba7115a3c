"""Every example of docs/api.md, against the real app: in a shell with curl, in Python and in a browser."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from src.config import PROJECT_DIR
from tests.e2e.running_app import RunningApp

pytestmark = pytest.mark.browser
DOCUMENT = (PROJECT_DIR / "docs" / "api.md").read_text()
ADDRESS = "http://127.0.0.1:8501"


def examples(language: str, app: RunningApp) -> str:
    """All examples in a language, one after the other, for this app."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert blocks
    return "\n".join(blocks).replace(ADDRESS, app.url)


def test_every_example_of_the_documentation_works(
    app: RunningApp, browser: Browser, pictures: list[Path], tmp_path: Path
) -> None:
    for name, picture in zip(("one.jpg", "two.jpg", "three.jpg"), pictures, strict=False):
        shutil.copy(picture, tmp_path / name)
    _in_python(app, tmp_path)
    _in_a_browser(app, browser, tmp_path)
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: the examples in a shell were not run")
    _in_a_shell(app, tmp_path)


def _in_python(app: RunningApp, folder: Path) -> None:
    path = os.pathsep.join([str(PROJECT_DIR / "clients")])
    said = _ran([sys.executable, "-c", examples("python", app)], folder, PYTHONPATH=path).splitlines()
    assert said[0] == "0" and "done 2 []" in said
    assert sum(line.startswith(("one.jpg ", "two.jpg ")) for line in said) == 2, "each photo on one page of the search"
    assert "['trip/italy']" in said
    assert said[-1].startswith("404 not-found ")
    with zipfile.ZipFile(folder / "photos.zip") as archive:
        table = next(name for name in archive.namelist() if name.endswith("images.csv"))
        rows = list(csv.DictReader(io.StringIO(archive.read(table).decode("utf-8-sig"))))
    assert len(rows) == 1 and not list(folder.glob("*.part"))


def _in_a_browser(app: RunningApp, browser: Browser, folder: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text))
    page.goto(f"{app.url}/api/health")
    bytes_ = list((folder / "three.jpg").read_bytes())
    script = examples("js", app)
    size = page.evaluate(
        f"async (bytes) => {{ const picture = new Blob([new Uint8Array(bytes)]); {script}\n return picture_of.size; }}",
        bytes_,
    )
    context.close()
    assert size > 1_000
    assert "2" in said and "done" in said
    assert {line.split()[0] for line in said if ".jpg" in line} == {"one.jpg", "two.jpg", "three.jpg"}


def _in_a_shell(app: RunningApp, folder: Path) -> None:
    script = examples("sh", app).replace('-H "Authorization: Bearer $MFE_TOKEN" ', "")
    said = _ran(["sh", "-e", "-c", script], folder)
    assert "event: end" in said and said.count('"results"') == 4
    assert (folder / "small.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    assert '"operations"' in said


def _ran(command: list[str], folder: Path, **more: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **more}, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
