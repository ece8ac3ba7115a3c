"""Clients of the HTTP API that go, are slow, lie or never end, at a real server: nothing of them stays; and how the
server stops while some are connected.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from src.api import bounded_body, stopping
from src.api.limits import bound_requests
from src.api.origin_guard import Doors
from src.api.routes import routes
from src.api.stopping import stop_within_seconds
from src.bootstrap import build_services
from src.config import Settings
from src.runtime import Services
from tests.conftest import fake_models, make_photo
from tests.fakes import COLOURS

HEAD = "POST /api/images HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
PART = b'--x\r\nContent-Disposition: form-data; name="images"; filename="a.png"\r\n\r\n'
SECONDS = 20.0


@dataclass
class Server:
    """uvicorn as Streamlit configures it, with the routes of a library of its own."""

    services: Services
    address: tuple[str, int]
    server: uvicorn.Server
    thread: threading.Thread

    def connected(self) -> socket.socket:
        return socket.create_connection(self.address, SECONDS)

    def asked(self, way: str, path: str, body: bytes = b"", kind: str = "application/json") -> tuple[int, bytes]:
        """Status and body of an answer, over a connection of its own."""
        with self.connected() as connection:
            head = f"{way} /api{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {kind}\r\n"
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            return answer_on(connection)

    def job_of_upload(self, data: bytes) -> Any:
        """What comes of an upload that is sent as it should be."""
        status, told = self.asked("POST", "/images", PART + data + b"\r\n--x--\r\n", "multipart/form-data; boundary=x")
        assert status == 202
        return self.ended(told)

    def ended(self, told: bytes) -> Any:
        """The job that an answer names, once it has ended."""
        return self.services.jobs.wait(json.loads(told)["job"], SECONDS)

    def left(self) -> set[str]:
        """Files in the folder of uploads."""
        folder = self.services.settings.uploads_dir
        return {file.name for file in folder.iterdir()} if folder.is_dir() else set()

    def uploads(self) -> int:
        """Jobs that add photos."""
        return sum(job.kind == "index" for job in self.services.jobs.latest(200))

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()


def answer_on(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of what comes until the server ends the connection; 0 where nothing does."""
    said = b""
    with contextlib.suppress(OSError):
        while piece := connection.recv(65_536):
            said += piece
    return int(said[9:12] or b"0"), said.partition(b"\r\n\r\n")[2]


@contextlib.contextmanager
def serving(home: Path) -> Iterator[Server]:
    settings = Settings(home=home / "library", find_duplicates=False)
    services = build_services(settings, models=fake_models(settings))
    services.jobs.start()
    bound_requests()
    stop_within_seconds()
    app = Starlette(routes=routes(lambda: services), middleware=[Middleware(Doors)])
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        found = Server(services, listening.getsockname(), server, thread)
        assert found.asked("GET", "/stats")[0] == 200
        try:
            yield found
        finally:
            found.stop()
            services.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("connections")) as found:
        yield found


def until(holds: Callable[[], bool], what: str) -> None:
    for _ in range(int(SECONDS * 50)):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError(what)


def png(home: Path, seed: int) -> bytes:
    return make_photo(home / f"{seed}.png", COLOURS["green"], seed=seed).read_bytes()


def test_a_client_that_goes_in_the_middle_of_an_upload_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.job_of_upload(png(tmp_path, 1))
    threads, before, jobs = threading.active_count(), server.left(), server.uploads()
    some = [server.connected() for _ in range(12)]
    for number, connection in enumerate(some):
        said = "Transfer-Encoding: chunked" if number % 2 else "Content-Length: 5000000"
        body = PART + bytes(3_000_000)
        connection.sendall(f"{HEAD}{said}\r\n\r\n".encode() + (b"300000\r\n" if number % 2 else b"") + body)
    until(lambda: len(server.left() - before) == 12, "none is written as it comes")
    for connection in some:
        connection.close()
    until(lambda: server.left() == before, "drafts stayed")
    assert server.uploads() == jobs
    assert server.job_of_upload(png(tmp_path, 2)).indexed == 1, "nothing is held that the next one needs"
    assert threading.active_count() <= threads + 8, "threads of the pool alone"


def test_a_slow_client_is_taken_in_and_holds_nobody_up(server: Server, tmp_path: Path) -> None:
    body = PART + png(tmp_path, 3) + b"\r\n--x--\r\n"
    step = len(body) // 20
    with server.connected() as slow:
        slow.sendall(f"{HEAD}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        for start in range(0, len(body), step):
            slow.sendall(body[start : start + step])
            if start == 10 * step:
                assert server.job_of_upload(png(tmp_path, 4)).indexed == 1
                assert server.asked("GET", "/search?q=green")[0] == 200
            time.sleep(0.01)
        status, told = answer_on(slow)
    assert status == 202 and server.ended(told).indexed == 1


def test_who_stops_sending_is_told_and_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_body, "IDLE_S", 0.3)
    before = server.left()
    json_head = "POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for head, body in ((HEAD, PART + bytes(2_000_000)), (json_head, b'{"query": "gre')):
        with server.connected() as connection:
            connection.sendall(f"{head}Connection: close\r\nContent-Length: 3000000\r\n\r\n".encode() + body)
            status, told = answer_on(connection)
            assert (status, json.loads(told)["code"]) in ((408, "too-slow"), (413, "too-much"))
    assert server.left() == before


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("Content-Length: 60", 400),  # shorter than what comes: the form is cut off
        ("Content-Length: -5", 400),
        ("Content-Length: 1e9", 400),
        ("Content-Length: 99999999999999999999999999", 400),
        ("Content-Length: 999999999999", 413),
        ("Content-Length: 60\r\nContent-Length: 70", 400),
        ("Content-Length: 60\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: gzip, chunked", 400),
    ],
)
def test_a_length_that_is_wrong_adds_nothing(server: Server, said: str, status: int) -> None:
    before, jobs = server.left(), server.uploads()
    with server.connected() as connection:
        connection.sendall(f"{HEAD}Connection: close\r\n{said}\r\n\r\n".encode() + PART + bytes(100))
        assert answer_on(connection)[0] == status
    assert server.left() == before and server.uploads() == jobs


def test_a_form_without_an_end_is_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_body, "MOST_FORM", 3_000_000)
    before, sent = server.left(), 0
    with server.connected() as connection, contextlib.suppress(OSError):
        connection.sendall(
            f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode() + b"%x\r\n" % len(PART) + PART + b"\r\n"
        )
        while sent < 200_000_000:
            connection.sendall(b"100000\r\n" + bytes(2**20) + b"\r\n")
            sent += 2**20
    assert sent < 100_000_000, "the connection is ended, not read for ever"
    until(lambda: server.left() == before, "a draft stayed")
    assert server.asked("GET", "/stats")[0] == 200


def test_streams_of_events_end_cleanly_when_the_server_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And neither who sends nor who takes in slowly keeps it from stopping."""
    monkeypatch.setattr(stopping, "GRACE_S", 0.5)
    with serving(tmp_path) as server:
        job, rest = "5f" * 16, {"progress": None, "cancel": False, "pause": False, "attempts": 0}
        row = {"id": job, "kind": "sync", "title": "paused", "params": "{}", "state": "paused", **rest}
        server.services.catalog.jobs.put(row)
        streams = [server.connected() for _ in range(5)]
        for stream in streams:
            stream.sendall(f"GET /api/jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            heard = b""
            while b"event: progress" not in heard:
                piece = stream.recv(65_536)
                assert piece, heard
                heard += piece
        sending = server.connected()
        sending.sendall(f"{HEAD}Content-Length: 5000000\r\n\r\n".encode() + PART + bytes(2_000_000))
        until(lambda: bool(server.left()), "nothing came")
        server.stop()
        for stream in streams:
            rest = b""
            while piece := stream.recv(65_536):
                rest += piece
            assert rest.endswith(b"0\r\n\r\n"), "the stream is whole"
            stream.close()
        sending.close()
        assert server.left() == set()
