"""What comes before and after a request's body is bounded, in the server that Streamlit starts."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from src.api.limits import MOST_BYTES, TOO_LONG, bound_requests
from src.api.origin_guard import Doors


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """Of uvicorn as Streamlit configures it, on a free port. The page tells how long the body was."""

    async def page(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    bound_requests(), bound_requests()
    app = Starlette(routes=[Route("/{rest:path}", page, methods=["GET", "PUT"])], middleware=[Middleware(Doors)])
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        yield listening.getsockname()
        server.should_exit = True
        thread.join(20)


def poured(address: tuple[str, int], start: bytes, piece: bytes) -> tuple[int, bytes]:
    """How much of 20 MB the server takes after ``start``, and its answer."""
    sent = 0
    with socket.create_connection(address, 20) as connection:
        connection.sendall(start)
        with contextlib.suppress(OSError):
            while sent < 20_000_000:
                connection.sendall(piece)
                sent += len(piece)
        answer = b""
        with contextlib.suppress(OSError):
            answer = connection.recv(2000)
    return sent, answer


HEAD = b"PUT / HTTP/1.1\r\nHost: localhost\r\n"
CASES = {
    "one header": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"a" * 50_000),
    "many headers": (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X-Header: something\r\n" * 2000),
    "an address": (b"GET /", b"a" * 50_000),
    "what follows a body": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: ", b"a" * 50_000),
    "a piece's own header": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n3;x=", b"a" * 50_000),
}


@pytest.mark.parametrize("case", CASES)
def test_what_has_no_end_is_not_taken_in(address: tuple[str, int], case: str) -> None:
    sent, answer = poured(address, *CASES[case])
    assert sent < 10_000_000, "the rest of it waits in the system's own buffers"
    assert not answer or b" 400 " in answer.splitlines()[0]


def test_what_comes_whole_and_is_too_long_is_refused_too(address: tuple[str, int]) -> None:
    connection = http.client.HTTPConnection(*address, timeout=20)
    half, many = "a" * (MOST_BYTES // 2), {f"X-{number}": "a" * 1000 for number in range(70)}
    for path, headers in ((f"/{half}", {"X": half}), ("/", {"X": 2 * half}), ("/", many)):
        connection.request("GET", path, headers={"Host": "localhost", **headers})
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status in (400, 431) and TOO_LONG in text
        connection.close()


def test_long_bodies_and_many_requests_on_one_connection_pass(address: tuple[str, int]) -> None:
    connection = http.client.HTTPConnection(*address, timeout=20)
    for number in range(5):
        connection.request("PUT", "/", bytes(3_000_000 + number), {"Host": "localhost", "Cookie": "a" * 30_000})
        assert connection.getresponse().read() == str(3_000_000 + number).encode()
        connection.request("PUT", "/", iter([bytes(100_000)] * 10), {"Host": "localhost"}, encode_chunked=True)
        assert connection.getresponse().read() == b"1000000"
    connection.close()
