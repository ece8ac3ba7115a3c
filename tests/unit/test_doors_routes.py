"""Every address of the app, whatever routes it has by now, by every method: who is refused, and that nobody else is.

The routes are walked: the app's own, those of the API that describes itself, and Streamlit's. Behind the doors stands
somebody who counts, so that nothing that is let through does anything.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.web.server.starlette.starlette_app import create_streamlit_routes

import app as the_app
from src.api.credentials import COOKIE
from src.api.problems import MEDIA_TYPE
from src.config import Settings
from src.services.library.tokens import Tokens

HOST = "127.0.0.1:8501"
OWN = f"http://{HOST}"
GUEST = "https://photos.example"
LET_IN = 299
UUID = "00000000-0000-5000-8000-000000000000"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
FURTHER = ("/", "/library", "/nonsense", "/a/b", "/api", "/api/", "/api/nonsense", "/api/docs", "/api/openapi.json")
JSON, TEXT, FORM = "application/json", "text/plain", "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"

Headers = dict[str, str]


def walked(routes: Iterable[BaseRoute], above: str = "") -> Iterator[tuple[str, bool]]:
    """Addresses, and whether each is a websocket's."""
    for route in routes:
        if isinstance(route, Mount):
            yield above + route.path + "/x", False
            yield from walked(route.routes or [], above + route.path)
        elif isinstance(route, Route | WebSocketRoute):
            yield _filled(above + route.path), isinstance(route, WebSocketRoute)


def _filled(path: str) -> str:
    """With something in the place of each parameter."""
    return re.sub(r"\{\w+(:\w+)?\}", lambda found: UUID if found[1] == ":uuid" else "x", path)


class Counter:
    """Lets nothing on to the app itself."""

    def __init__(self, app: ASGIApp, seen: list[str]) -> None:
        self._app = app
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._seen.append(scope["path"])
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
        else:
            await Response(status_code=LET_IN)(scope, receive, send)


class World:
    def __init__(self, home: Path) -> None:
        self.tokens = Tokens(Settings(home=home).tokens_file)
        self.token = self.tokens.create("test").reveal()
        session = self.tokens.sign_in(self.token)
        assert session
        self.bearer = {"authorization": f"Bearer {self.token}"}
        self.cookie = {"cookie": f"{COOKIE}={session.reveal()}"}
        self.seen: list[str] = []
        st_app: Any = the_app.app
        routes = [*st_app._user_routes, *create_streamlit_routes(MagicMock())]
        doors, *rest = st_app._user_middleware
        self.whole = Starlette(routes=routes, middleware=[doors, *rest])
        self.app = Starlette(routes=routes, middleware=[doors, Middleware(Counter, seen=self.seen), *rest])
        found = {*walked(routes), *((path, False) for path in (*FURTHER, *self._described()))}
        self.paths = sorted(path for path, socket in found if not socket)
        self.sockets = sorted(path for path, socket in found if socket)

    def _described(self) -> list[str]:
        """The addresses that the API tells of itself: its routes are made at the first request."""
        status, _, body = asyncio.run(ask(self.whole, "GET", "/api/openapi.json"))
        paths = json.loads(body)["paths"] if status == 200 else {}
        return [_filled(path if path.startswith("/api") else f"/api{path}") for path in paths]

    def answers(self, paths: Sequence[str], *said: tuple[str, Headers, bytes]) -> dict[tuple[str, int], Answer]:
        """All requests at all addresses: (path, number of what was said) -> what was answered."""

        async def all_of_them() -> dict[tuple[str, int], Answer]:
            return {
                (path, number): await ask(self.app, method, path, headers, body)
                for path in paths
                for number, (method, headers, body) in enumerate(said)
            }

        return asyncio.run(all_of_them())


Answer = tuple[int, dict[str, str], bytes]


async def ask(app: ASGIApp, method: str, path: str, headers: Headers | None = None, body: bytes = b"") -> Answer:
    given = {"host": HOST, **(headers or {})}
    kind = "websocket" if method == "SOCKET" else "http"
    scope: Scope = {
        "type": kind, "path": path, "raw_path": path.encode(), "query_string": b"", "http_version": "1.1",
        "scheme": "ws" if kind == "websocket" else "http", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8501),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "asgi": {"version": "3.0"}, "subprotocols": [], **({"method": method} if kind == "http" else {}),
    }  # fmt: skip
    told: list[Message] = []

    async def receive() -> Message:
        return {"type": f"{kind}.connect"} if kind == "websocket" else {"type": "http.request", "body": body}

    async def send(message: Message) -> None:
        told.append(message)

    await app(scope, receive, send)
    if kind == "websocket":
        return (101 if told[0]["type"] == "websocket.accept" else int(told[0]["code"])), {}, b""
    headers_told = {name.decode(): value.decode() for name, value in told[0]["headers"]}
    return int(told[0]["status"]), headers_told, b"".join(message.get("body", b"") for message in told[1:])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MFE_HOSTS", "MFE_ORIGINS"):
            patch.delenv(name, raising=False)
        patch.setenv("MFE_HOME", str(home))
        yield World(home)


@pytest.fixture
def opened(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("MFE_HOSTS", "nas.local")
    return world


def evil(world: World) -> list[Headers]:
    """Headers of requests that another website, in the same browser, is behind."""
    origins = ("http://evil.example", "null", "http://127.0.0.1:9", "http://localhost:8501", f"https://{HOST}", GUEST)
    from_others = [{"origin": origin} for origin in origins]
    from_others += [{"sec-fetch-site": site} for site in ("cross-site", "same-site")]
    from_others += [{"origin": "http://evil.example", "content-type": kind} for kind in (JSON, TEXT, FORM, MULTIPART)]
    from_others += [{"host": "rebound.example"}, {"host": "rebound.example", "origin": "http://rebound.example"}]
    return [{**each, **more} for each in from_others for more in ({}, world.bearer, world.cookie)]


def refused_at(world: World, answers: dict[tuple[str, int], Answer], status: int) -> None:
    """All of these were, in the form that there is for the address."""
    for (path, number), (got, headers, body) in answers.items():
        assert got == status, (path, number)
        assert headers["cross-origin-resource-policy"] == "same-origin" and "set-cookie" not in headers
        assert "access-control-allow-credentials" not in headers
        below_api = path == "/api" or path.startswith("/api/")
        assert (headers["content-type"] == MEDIA_TYPE) == below_api, (path, number)
        if below_api:
            assert {"type", "title", "status", "detail", "code", "hint"} == set(json.loads(body)), path
    assert world.seen == []


@pytest.fixture(autouse=True)
def nothing_seen(world: World) -> None:
    world.seen.clear()


def test_the_walk_finds_the_addresses(world: World) -> None:
    assert {"/api/health", f"/api/thumb/{UUID}", "/api/listing", "/_stcore/health", "/media/x"} <= set(world.paths)
    assert any(path.startswith("/_stcore/upload_file/") for path in world.paths)
    assert "/_stcore/stream" in world.sockets and len(world.paths) >= 25


@pytest.mark.parametrize("method", METHODS)
def test_what_another_site_is_behind_is_refused_with_and_without_a_token(world: World, method: str) -> None:
    attacks = [(method, headers, b'{"query": "x"}') for headers in evil(world)]
    answers = world.answers(world.paths, *attacks)
    assert len(answers) == len(world.paths) * len(attacks) >= 900
    refused_at(world, answers, 403)


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_token_is_refused_and_who_has_none_is_at_home(world: World, method: str) -> None:
    health = {"/api/health"}
    wrong = [(method, {"authorization": f"Bearer {text}"}, b"") for text in ("", "x", world.token[:-1])]
    refused_at(world, world.answers([path for path in world.paths if path not in health], *wrong), 401)
    own = world.answers(world.paths, (method, {}, b""), (method, world.bearer, b""), (method, {"origin": OWN}, b""))
    assert {status for status, _, _ in own.values()} == {LET_IN} and len(world.seen) == len(own)


@pytest.mark.parametrize("method", METHODS)
def test_opened_to_other_names_nothing_is_reached_without_a_token(opened: World, method: str) -> None:
    paths = [path for path in opened.paths if path != "/api/health"]
    said = [(method, {"host": host}, b"") for host in (HOST, "nas.local", "nas.local:8501")]
    old = [(method, {"cookie": f"{COOKIE}={text}"}, b"") for text in ("", "x", opened.token)]
    refused_at(opened, opened.answers(paths, *said, *old), 401)
    refused_at(opened, opened.answers(opened.paths, *((method, headers, b"") for headers in evil(opened))), 403)
    let_in = opened.answers(opened.paths, (method, opened.bearer, b""), (method, opened.cookie, b""))
    assert {status for status, _, _ in let_in.values()} == {LET_IN}


def test_websockets_open_for_the_apps_own_pages_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = [*world.sockets, *world.paths]
    answers = world.answers(everywhere, *(("SOCKET", headers, b"") for headers in ({}, *evil(world))))
    assert {status for status, _, _ in answers.values()} == {1008} and world.seen == []
    assert {status for status, _, _ in world.answers(world.sockets, ("SOCKET", {"origin": OWN}, b"")).values()} == {101}
    world.seen.clear()
    monkeypatch.setenv("MFE_HOSTS", "nas.local")
    answers = world.answers(world.sockets, ("SOCKET", {"origin": OWN}, b""), ("SOCKET", {}, b""))
    assert {status for status, _, _ in answers.values()} == {1008} and world.seen == []
    let_in = world.answers(
        world.sockets, *(("SOCKET", {"origin": OWN, **has}, b"") for has in (world.cookie, world.bearer))
    )
    assert {status for status, _, _ in let_in.values()} == {101}


def test_a_named_site_may_use_the_api_with_a_token_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MFE_ORIGINS", f"http://other.example,{GUEST}")
    below = [path for path in world.paths if path == "/api" or path.startswith("/api/")]
    elsewhere = [path for path in world.paths if path not in below]
    guest, asked = {"origin": GUEST, "sec-fetch-site": "cross-site"}, {"access-control-request-method": "POST"}
    for (path, _), (status, headers, _) in world.answers(below, ("OPTIONS", {**guest, **asked}, b"")).items():
        assert status == 204 and headers["access-control-allow-origin"] == GUEST, path
    for method in METHODS:
        refused_at(world, world.answers(below, *((method, {**guest, **has}, b"") for has in ({}, world.cookie))), 401)
        refused_at(world, world.answers(elsewhere, (method, {**guest, **asked, **world.bearer}, b"")), 403)
    others = [("OPTIONS", {"origin": other, **asked}, b"") for other in ("http://evil.example", "null", f"{GUEST}:1")]
    refused_at(world, world.answers(world.paths, *others), 403)
    sockets = world.answers([*world.sockets, *below], ("SOCKET", {**guest, **world.bearer}, b""))
    assert {status for status, _, _ in sockets.values()} == {1008} and world.seen == []
    let_in = world.answers(below, ("GET", {**guest, **world.bearer}, b""), ("POST", {**guest, **world.bearer}, b""))
    for status, headers, _ in let_in.values():
        assert status == LET_IN and headers["access-control-allow-origin"] == GUEST and "Origin" in headers["vary"]
        assert "access-control-allow-credentials" not in headers
