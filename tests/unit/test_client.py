"""The Python client where an app refuses, breaks off or sends it elsewhere; docs/api.md's examples try the rest."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from clients.media_feature_extractor import Client, Problem


class StandIn(ThreadingHTTPServer):
    """answers: by path, what to send in turn (status, headers, body); seen: what came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, body = self.server.answers[self.path].pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def app() -> Iterator[StandIn]:
    with StandIn() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _event(number: str, **job: object) -> bytes:
    return f"id: {number}\nevent: progress\ndata: {json.dumps(job)}\n\n".encode()


def test_a_token_is_sent_and_never_to_another_address(app: StandIn) -> None:
    app.answers = {"/api/stats": [(302, {"Location": f"{app.url}/elsewhere"}, b"")]}
    with pytest.raises(Problem) as refused:
        Client(app.url, token="mfe_x").stats()
    assert refused.value.status == 302
    assert [(path, headers["Authorization"]) for path, headers in app.seen] == [("/api/stats", "Bearer mfe_x")]


def test_a_refusal_has_its_code_sentence_and_hint(app: StandIn) -> None:
    said = json.dumps(
        {"code": "wrong-token", "detail": "It is wrong.", "hint": "Make one.", "ids": ["a", "b"]}
    ).encode()
    app.answers = {"/api/stats": [(401, {}, said), (502, {}, b"<html>")]}
    with pytest.raises(Problem) as refused:
        Client(app.url).stats()
    problem = refused.value
    assert (problem.status, problem.code, problem.sentence, problem.hint) == (
        401, "wrong-token", "It is wrong.", "Make one.",
    )  # fmt: skip
    assert problem.ids == ["a", "b"]
    with pytest.raises(Problem, match="502"):
        Client(app.url).stats()


def test_no_app_is_a_problem_too() -> None:
    with StandIn() as gone:
        pass
    with pytest.raises(Problem) as refused:
        Client(gone.url).stats()
    assert refused.value.code == "unreachable"


def test_something_else_at_the_address_is_a_problem(app: StandIn) -> None:
    app.answers = {"/api/stats": [(200, {}, b"<html>")]}
    with pytest.raises(Problem, match="not the app"):
        Client(app.url).stats()


def test_events_go_on_after_a_break_where_they_stopped(app: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clients.media_feature_extractor.PAUSE_S", 0.0)
    first, last = _event("a", done=1, finished=False), _event("b", done=2, finished=True, state="done")
    app.answers = {"/api/jobs/j/events": [(200, {}, first + b"id: cut"), (200, {}, b": still here\n\n" + last)]}
    assert [job["done"] for job in Client(app.url).events("j")] == [1, 2]
    assert [headers.get("Last-Event-Id") for _, headers in app.seen] == [None, "a"]


def test_a_job_that_failed_is_a_problem(app: StandIn) -> None:
    failed = _event("a", finished=True, state="failed", error="The disk is full.", error_code="disk-full")
    app.answers = {"/api/jobs/j/events": [(200, {}, failed)]}
    with pytest.raises(Problem, match="The disk is full") as refused:
        Client(app.url).wait("j")
    assert refused.value.code == "disk-full"


def test_an_export_that_breaks_off_leaves_what_was_there(app: StandIn, tmp_path: Path) -> None:
    place = tmp_path / "photos.zip"
    place.write_bytes(b"before")
    app.answers = {
        "/api/exports": [(202, {}, b'{"job": "j"}')],
        "/api/jobs/j/events": [(200, {}, _event("a", finished=True, state="done"))],
        "/api/exports/j": [(200, {"Content-Length": "100"}, b"half")],
    }
    with pytest.raises(Problem):
        Client(app.url).export(place, "csv")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("photos.zip", b"before")]


def test_a_file_that_is_not_there_is_a_problem_and_nothing_is_sent(app: StandIn, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"none\.jpg can't be read"):
        Client(app.url).add([tmp_path / "none.jpg"])
    assert not app.seen
