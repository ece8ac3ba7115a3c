"""A real Chroma server on a free port of this computer, as ``chroma run`` starts it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

START_SECONDS = 60.0


class ChromaProcess:
    """Its data stays in ``folder`` when it is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers."""
        program = shutil.which("chroma", path=str(Path(sys.executable).parent))
        assert program, "chromadb brings the command chroma"
        command = [program, "run", "--host", "127.0.0.1", "--port", str(self.port), "--path", str(self._folder)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self._folder.parent
        )
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None and time.monotonic() < until, "the Chroma server did not start"
            time.sleep(0.05)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def call(self, method: str, path: str, body: object = None) -> httpx.Response:
        """A request of its own, as another program on the same server makes."""
        base = f"{self.url}/api/v2/tenants/default_tenant/databases/default_database"
        return httpx.request(method, base + path, json=body, trust_env=False, timeout=30)

    def collections(self) -> set[str]:
        return {collection["name"] for collection in self.call("GET", "/collections").json()}

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/v2/heartbeat", trust_env=False, timeout=5).is_success
        except httpx.HTTPError:
            return False
