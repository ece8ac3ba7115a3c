"""The doors of the app: whose requests pass, what every answer carries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from src.api.origin_guard import ANSWER_HEADERS, Doors
from src.api.origins import LOOPBACK, OTHER_SITE, WRONG_HOST, refusal
from src.config import Settings
from src.services.library.tokens import Tokens

HERE = "127.0.0.1:8501"
PAGE = "http://127.0.0.1:8501"
Headers = list[tuple[str, str]]


def scope(headers: Headers, kind: str = "http", method: str = "GET", scheme: str = "") -> dict[str, Any]:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    common = {"type": kind, "headers": raw, "scheme": scheme or {"http": "http", "websocket": "ws"}[kind]}
    return {**common, "method": method} if kind == "http" else common


def answer(
    *headers: tuple[str, str],
    kind: str = "http",
    method: str = "GET",
    scheme: str = "",
    hosts: frozenset[str] = LOOPBACK,
) -> str | None:
    return refusal(scope([*headers], kind, method, scheme), hosts)


@pytest.mark.parametrize(
    "host", [HERE, "127.0.0.1", "localhost", "LOCALHOST:80", "localhost:65535", "[::1]", "[::1]:8501"]
)
def test_this_computer_by_any_of_its_names(host: str) -> None:
    assert answer(("Host", host)) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "rebound.example:8501",
        "127.0.0.1.rebound.example",
        "localhost.rebound.example:8501",
        "rebound.example#localhost",
        "user@localhost",
        "localhost:8501@rebound.example",
        "127.0.0.2",
        "0.0.0.0:8501",
        "2130706433",
        "localhost:",
        "localhost:8501:8501",
        "localhost.",
        "localhost\n",
        "::1",
        "[::1",
        "[::ffff:127.0.0.1]",
        "localhost, rebound.example",
        "127.0.0.١",
    ],
)
def test_any_other_name_is_refused(host: str) -> None:
    raw = scope([])
    raw["headers"] = [(b"host", host.encode())]
    assert refusal(raw, LOOPBACK) == WRONG_HOST


def test_a_request_with_no_host_or_with_two_is_refused() -> None:
    assert answer() == WRONG_HOST
    assert answer(("Host", HERE), ("Host", "rebound.example")) == WRONG_HOST
    assert answer(("Host", HERE), ("X-Forwarded-Host", "rebound.example")) is None


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_origin_must_be_the_apps_own(method: str) -> None:
    assert answer(("Host", HERE), ("Origin", PAGE), method=method) is None
    assert answer(("Host", HERE), method=method) is None, "a program on this computer sends none"
    others = (
        "null",
        "http://127.0.0.1:9999",
        "https://127.0.0.1:8501",
        "http://localhost:8501",
        "http://127.0.0.1",
        "https://evil.example",
        "",
    )
    for other in others:
        assert answer(("Host", HERE), ("Origin", other), method=method) == OTHER_SITE, other
    assert answer(("Host", HERE), ("Origin", PAGE), ("Origin", "http://evil.example"), method=method) == OTHER_SITE


def test_origin_behind_tls_has_its_scheme() -> None:
    assert answer(("Host", "localhost"), ("Origin", "https://localhost"), scheme="https") is None
    assert answer(("Host", "localhost"), ("Origin", "http://localhost"), scheme="https") == OTHER_SITE
    assert answer(("Host", "localhost"), ("Origin", "https://localhost"), kind="websocket", scheme="wss") is None


def test_a_websocket_opens_for_the_apps_own_pages_only() -> None:
    assert answer(("Host", HERE), ("Origin", PAGE), kind="websocket") is None
    assert answer(("Host", HERE), kind="websocket") == OTHER_SITE
    for other in ("null", "http://127.0.0.1:9999", "http://localhost:8501", "http://evil.example"):
        assert answer(("Host", HERE), ("Origin", other), kind="websocket") == OTHER_SITE
    assert answer(("Host", HERE), ("Origin", PAGE), ("Sec-Fetch-Site", "cross-site"), kind="websocket") == OTHER_SITE


LINK: Headers = [("Host", HERE), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_may_link_here_and_nothing_else(site: str) -> None:
    assert answer(*LINK, ("Sec-Fetch-Site", site)) is None
    assert answer(*LINK, ("Sec-Fetch-Site", site), method="POST") == OTHER_SITE
    for dest in ("iframe", "frame", "embed", "object", "image", "script", "empty"):
        headers = [("Host", HERE), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", dest), ("Sec-Fetch-Site", site)]
        assert answer(*headers) == OTHER_SITE, dest
    assert (
        answer(("Host", HERE), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Site", site))
        == OTHER_SITE
    )
    assert answer(("Host", HERE), ("Sec-Fetch-Site", site)) == OTHER_SITE


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_apps_own_requests_and_typed_addresses_pass(site: str) -> None:
    assert (
        answer(("Host", HERE), ("Sec-Fetch-Site", site), ("Sec-Fetch-Dest", "image"), ("Sec-Fetch-Mode", "no-cors"))
        is None
    )


# ---------------------------------------------------------------- in front of an app


@pytest.fixture
def reached() -> list[str]:
    """What got through to the app."""
    return []


@pytest.fixture
def client(reached: list[str], tmp_path: Path) -> TestClient:
    """Signed in, where it is open to other names too."""
    settings = Settings(home=tmp_path, hosts=("NAS.local", "192.168.1.5", "[fd00::5]"))
    token = Tokens(settings.tokens_file).create("test").reveal()

    def page(request: Request) -> Response:
        reached.append(request.url.path)
        return PlainTextResponse("page", headers={"X-Frame-Options": "ALLOWALL"})

    async def stream(websocket: WebSocket) -> None:
        reached.append("stream")
        await websocket.accept()
        await websocket.close()

    app = Starlette(
        routes=[Route("/", page, methods=["GET", "POST"]), WebSocketRoute("/stream", stream)],
        middleware=[Middleware(Doors, settings=lambda: settings)],
    )
    bearer = {"Authorization": f"Bearer {token}"}
    return TestClient(app, base_url="http://localhost:8501", follow_redirects=False, headers=bearer)


def test_what_is_refused_reaches_nothing(client: TestClient, reached: list[str]) -> None:
    for headers in ({"Host": "rebound.example"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        refused = client.post("/", headers=headers, content=b"x")
        assert refused.status_code == 403 and refused.text in (WRONG_HOST, OTHER_SITE)
        assert refused.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    for headers in (
        {"Origin": "http://evil.example"},
        {"Host": "rebound.example", "Origin": "http://rebound.example"},
        {},
    ):
        with pytest.raises(WebSocketDisconnect) as closed, client.websocket_connect("/stream", headers=headers):
            pass
        assert closed.value.code == 1008
    assert reached == []


@pytest.mark.parametrize("host", ["localhost:8501", "nas.local:8501", "192.168.1.5", "[fd00::5]:8501"])
def test_names_that_were_asked_for_are_answered(client: TestClient, reached: list[str], host: str) -> None:
    assert client.get("/", headers={"Host": host, "Origin": f"http://{host}"}).text == "page"
    with client.websocket_connect("/stream", headers={"Host": host, "Origin": f"http://{host}"}):
        pass
    assert reached == ["/", "stream"]


def test_every_answer_carries_the_headers_once(client: TestClient) -> None:
    for path in ("/", "/nothing"):
        given = client.get(path).headers
        assert {name: given.get_list(name) for name in ANSWER_HEADERS} == {
            name: [value] for name, value in ANSWER_HEADERS.items()
        }
