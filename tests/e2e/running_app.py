"""The real app as its own process on a free port of this machine, with a library of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from src.config import PROJECT_DIR
from tests.e2e.commands import cli

START_SECONDS = 60.0


@dataclass(frozen=True)
class RunningApp:
    """Where the app answers, and its process."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]


@contextmanager
def running_app(home: Path, *options: str, duplicates: bool = False, **settings: str) -> Iterator[RunningApp]:
    """Start ``streamlit run app.py`` with these further options for a library in ``home``; ended at the end, if it
    still runs. duplicates: copies are looked for by themselves, and folded in results: drawn pictures are alike.
    settings: further variables, such as ``MFE_HOSTS``.
    """
    port = int(options[options.index("--server.port") + 1]) if "--server.port" in options else free_port()
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *options, "--server.port", str(port)]
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("MFE_", "STREAMLIT_"))}
    ours = {"MFE_HOME": str(home), "MFE_FIND_DUPLICATES": "on" if duplicates else "off", **settings}
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=PROJECT_DIR, env={**environ, **ours}, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, process, home)
        yield RunningApp(url, home, process)
    finally:
        _end(process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes], home: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/api/health", timeout=2) as answer:
                if b"media-feature-extractor" in answer.read():
                    return
        except OSError:
            pass
        time.sleep(0.2)
    raise RuntimeError("the app did not start:\n" + (home / "server.log").read_text(errors="replace")[-2_000:])


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


def commanded(home: Path, *said: str) -> None:
    """Run a command of the command line on a library, while no app has it open."""
    cli(*said, home=home, MFE_FIND_DUPLICATES="off")
