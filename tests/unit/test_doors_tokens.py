"""The doors and tokens: when one is needed, the page that asks for it, other websites that a setting names."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from src.api import brake as brake_module
from src.api.brake import ADDRESSES, FREE, MOST_SECONDS, Brake, address_of, is_from_elsewhere
from src.api.credentials import COOKIE
from src.api.origin_guard import Doors
from src.api.problems import MEDIA_TYPE
from src.api.sign_in import SIGN_IN, Place, _own
from src.config import Settings
from src.logs import start_logging
from src.services.library.tokens import Tokens

HERE = "http://localhost:8501"
GUEST = "https://photos.example"


class World:
    """An app behind the doors, and what reached it."""

    def __init__(self, home: Path) -> None:
        self.closed = Settings(home=home)
        self.open = Settings(home=home, hosts=("nas.local",))
        self.guests = Settings(home=home, origins=(GUEST,))
        self.settings = self.closed
        self.tokens = Tokens(self.closed.tokens_file)
        self.token = self.tokens.create("test").reveal()
        self.reached: list[Request | WebSocket] = []
        self.go_on = asyncio.Event()
        page = Route("/{rest:path}", self._page, methods=["GET", "POST", "OPTIONS"])
        routes = [Route("/api/events", self._events), WebSocketRoute("/_stcore/stream", self._socket), page]
        self.app = Starlette(routes=routes, middleware=[Middleware(Doors, lambda: self.settings)])

    def client(self, address: str = "127.0.0.1", **headers: str) -> TestClient:
        client = (address, 50_000)
        return TestClient(self.app, base_url=HERE, client=client, headers=headers, follow_redirects=False)

    async def _page(self, request: Request) -> Response:
        self.reached.append(request)
        return JSONResponse({"path": request.url.path})

    async def _events(self, request: Request) -> Response:
        async def events() -> AsyncIterator[bytes]:
            for number in range(100):
                yield f"id: {number}\n\n".encode()
                await asyncio.sleep(0)

        self.reached.append(request)
        return StreamingResponse(events(), media_type="text/event-stream")

    async def _socket(self, websocket: WebSocket) -> None:
        self.reached.append(websocket)
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def code(answer: httpx.Response) -> str:
    told = answer.json()
    assert answer.headers["content-type"] == MEDIA_TYPE and told["status"] == answer.status_code
    assert set(told) == {"type", "title", "status", "detail", "code", "hint"} and told["detail"].endswith(".")
    assert answer.headers["cache-control"] == "no-store"
    return str(told["code"])


# ---------------------------------------------------------------- when a token is needed


def test_on_this_computer_a_token_is_optional_and_a_wrong_one_refused(world: World) -> None:
    client = world.client()
    assert client.get("/api/stats").status_code == client.get("/library").status_code == 200
    assert client.get("/api/stats", headers=bearer(world.token)).status_code == 200
    wrong = client.get("/api/stats", headers=bearer("mfe_wrong"))
    assert (wrong.status_code, code(wrong)) == (401, "wrong-token")
    assert wrong.headers["www-authenticate"] == "Bearer"
    assert client.get("/library", headers=bearer("mfe_wrong")).status_code == 401
    assert len(world.reached) == 3


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "bearer x", "BEARER mfe_x", "Bearer a b"])
def test_what_is_no_token_is_a_wrong_one(world: World, value: str) -> None:
    assert world.client().get("/api/stats", headers={"Authorization": value}).status_code == 401


def test_a_password_for_a_proxy_in_front_is_no_token(world: World) -> None:
    assert world.client().get("/api/stats", headers={"Authorization": "Basic eDp5"}).status_code == 200
    world.settings = world.open
    assert code(world.client().get("/api/stats", headers={"Authorization": "Basic eDp5"})) == "token-needed"


def test_two_tokens_are_none(world: World) -> None:
    twice = [("Authorization", f"Bearer {world.token}"), ("Authorization", f"Bearer {world.token}")]
    assert world.client().request("GET", "/api/stats", headers=twice).status_code == 401


PLACES = ["/", "/library", "/api/stats", "/api/events", "/static/x.js", "/media/x", "/component/x", "/_stcore/health"]


@pytest.mark.parametrize("path", PLACES)
def test_open_to_other_names_everything_needs_one(world: World, path: str) -> None:
    world.settings = world.open
    for host in ("localhost:8501", "nas.local:8501"):
        for method in ("GET", "POST", "OPTIONS", "BREW"):
            answer = world.client(host=host).request(method, path)
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer", (host, method)
            assert not path.startswith("/api") or code(answer) == "token-needed"
    assert world.reached == []
    assert world.client(**bearer(world.token)).get(path).status_code == 200


def test_whatever_is_set_wrongly_the_names_still_count() -> None:
    env = {"MFE_HOSTS": "nas.local", "MFE_DEVICE": "steam engine", "MFE_HOME": "/x"}
    assert Settings.who_may(env) == Settings(home=Path("/x"), hosts=("nas.local",))


def test_from_another_computer_it_needs_one_whatever_the_name_is(world: World) -> None:
    """Somebody started the server on all interfaces by hand, and a visitor says to have asked for localhost."""
    assert code(world.client("192.168.1.9").get("/api/stats")) == "token-needed"
    assert world.client("127.0.0.2").get("/api/stats").status_code == 200
    assert world.client("192.168.1.9", **bearer(world.token)).get("/api/stats").status_code == 200


def test_who_answers_is_told_to_everybody(world: World) -> None:
    world.settings = world.open
    assert world.client().get("/api/health").status_code == 200
    assert world.client(**bearer("mfe_wrong")).get("/api/health").status_code == 200
    for path in ("/api/health/", "/api/health/x", "/api/healthy", "//api/health/.."):
        assert world.client().get(path).status_code == 401, path
    assert world.client(origin="http://evil.example").get("/api/health").status_code == 403


def test_nothing_behind_the_doors_gets_the_token_or_the_session(world: World) -> None:
    world.settings = world.open
    session = world.tokens.sign_in(world.token)
    assert session
    world.client(**bearer(world.token)).get("/api/stats")
    world.client(cookie=f"a=b; {COOKIE}={session.reveal()}; c=d").get("/api/stats")
    world.client(cookie=f"{COOKIE}={session.reveal()}").get("/api/stats")
    assert len(world.reached) == 3
    assert [request.headers.get("cookie") for request in world.reached] == [None, "a=b; c=d", None]
    told = str([request.scope["headers"] for request in world.reached])
    assert world.token not in told and session.reveal() not in told and "authorization" not in told


def test_a_token_in_an_address_is_refused_and_taken_out_of_what_the_server_logs(world: World) -> None:
    seen: list[dict[str, Any]] = []

    async def server(scope: Any, receive: Any, send: Any) -> None:
        await world.app(scope, receive, send)
        seen.append(scope)

    for path in (f"/api/stats?token={world.token}", f"/?x=mfe%5F{world.token[4:]}", f"/api/image/{world.token}"):
        client = TestClient(server, base_url=HERE)
        answer = client.get(path, headers=bearer(world.token))
        assert answer.status_code == 400 and world.token not in answer.text
        logged = {name: seen[-1][name] for name in ("path", "raw_path", "query_string")}
        assert logged == {"path": "/", "raw_path": b"/", "query_string": b""}
    assert code(world.client().get(f"/api/stats?token={world.token}")) == "token-in-address"
    assert world.reached == []


def test_the_log_has_no_token(world: World, tmp_path: Path) -> None:
    start_logging(tmp_path / "logs", "INFO")
    log = logging.getLogger("src.test")
    try:
        raise ValueError(f"what to do with {world.token}?")
    except ValueError:
        log.exception("refused %s", world.token)
    written = (tmp_path / "logs" / "app.log").read_text()
    assert written.count("mfe_***") == 2 and world.token not in written and "ValueError" in written


def test_a_broken_file_of_tokens_is_told_to_who_has_one(world: World) -> None:
    world.tokens.file.write_text("{")
    assert world.client().get("/api/stats").status_code == 200
    answer = world.client(**bearer(world.token)).get("/api/stats")
    assert (answer.status_code, code(answer)) == (503, "library-unusable")
    world.settings = world.open
    page = world.client(cookie=f"{COOKIE}=x", accept="text/html").get("/")
    assert page.status_code == 503 and "t be read" in page.text and "<form" in page.text
    form = world.client(origin=HERE).post("/sign-in", data={"token": world.token})
    assert form.status_code == 503 and COOKIE not in form.cookies


def test_a_use_is_noted(world: World) -> None:
    assert world.tokens.all()[0].last_used is None
    world.client(**bearer(world.token)).get("/api/stats")
    assert world.tokens.all()[0].last_used is not None


# ---------------------------------------------------------------- the page that asks for one


@pytest.fixture
def opened(world: World) -> World:
    world.settings = world.open
    return world


def sign_in(world: World, address: str = "127.0.0.1", token: str = "", path: str = "/sign-in") -> httpx.Response:
    return world.client(address, origin=HERE).post(path, data={"token": token or world.token})


def test_a_page_asks_for_a_token_and_a_program_is_told(opened: World) -> None:
    page = opened.client(accept="text/html").get("/library?q=a%20%22dog%22")
    assert page.status_code == 401 and page.headers["content-type"].startswith("text/html")
    assert 'action="sign-in?next=library%3Fq%3Da%2520%2522dog%2522"' in page.text and "<script" not in page.text
    assert "python -m src.cli tokens --create NAME" in page.text and page.headers["cache-control"] == "no-store"
    for headers in ({}, {"accept": "text/html", "sec-fetch-dest": "image"}, {"accept": "*/*"}):
        told = opened.client(**headers).get("/library")
        assert told.status_code == 401 and "<" not in told.text, headers
    assert "<" not in opened.client(accept="text/html").get("/static/x.js").text
    assert "<" not in opened.client(accept="text/html").post("/library").text


def test_signing_in_gives_a_cookie_that_opens_all(opened: World) -> None:
    answer = sign_in(opened, path="/sign-in?next=library%3Fq%3Ddog")
    assert (answer.status_code, answer.headers["location"]) == (303, "./library?q=dog")
    given = answer.headers["set-cookie"].lower()
    assert given.startswith(f"{COOKIE}=") and "httponly" in given and "samesite=strict" in given
    assert "max-age=2592000" in given and "path=/" in given and "secure" not in given and "domain" not in given
    cookie = {"cookie": f"{COOKIE}={answer.cookies[COOKIE]}"}
    for path in PLACES:
        assert opened.client(**cookie).get(path).status_code == 200
    assert opened.client(**cookie, **bearer("mfe_wrong")).get("/").status_code == 401, "a wrong token is refused"
    known = opened.client(**cookie).get("/sign-in")
    assert known.status_code == 200 and "“test”" in known.text and 'action="sign-out"' in known.text


def test_under_https_the_cookie_goes_nowhere_else(opened: World) -> None:
    there = {"origin": "https://localhost:8501"}
    client = TestClient(opened.app, base_url="https://localhost:8501", headers=there, follow_redirects=False)
    assert "; secure" in client.post("/sign-in", data={"token": opened.token}).headers["set-cookie"].lower()


def test_an_unencrypted_way_through_the_network_is_told(opened: World) -> None:
    assert "not encrypted" in opened.client("192.168.1.9", accept="text/html").get("/").text
    assert "not encrypted" not in opened.client(accept="text/html").get("/").text


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out"])
@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://localhost:9", "https://localhost:8501"]
)
def test_no_other_site_signs_in_or_out(opened: World, path: str, origin: str | None) -> None:
    session = sign_in(opened).cookies[COOKIE]
    headers = {"cookie": f"{COOKIE}={session}"} | ({"origin": origin} if origin else {})
    answer = opened.client(**headers).post(path, data={"token": opened.token})
    assert answer.status_code == 403 and "set-cookie" not in answer.headers
    assert opened.tokens.signed_in(session)


def test_signing_out_ends_the_session(opened: World) -> None:
    session = sign_in(opened).cookies[COOKIE]
    headers = {"cookie": f"{COOKIE}={session}", "origin": HERE}
    assert opened.client(**headers).get("/sign-out").status_code == 200, "a link alone signs nobody out"
    answer = opened.client(**headers).post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, SIGN_IN)
    assert "max-age=0" in answer.headers["set-cookie"].lower() and "cache" in answer.headers["clear-site-data"]
    assert opened.client(cookie=f"{COOKIE}={session}").get("/").status_code == 401
    assert opened.client(origin=HERE).post("/sign-out").status_code == 303


def test_signing_in_anew_ends_the_session_before(opened: World) -> None:
    before = sign_in(opened).cookies[COOKIE]
    again = opened.client(origin=HERE, cookie=f"{COOKIE}={before}").post("/sign-in", data={"token": opened.token})
    assert opened.tokens.signed_in(before) is None and opened.tokens.signed_in(again.cookies[COOKIE])


def test_a_wrong_token_is_said_and_where_to_go_is_kept(opened: World) -> None:
    answer = sign_in(opened, token="mfe_wrong", path="/sign-in?next=library")
    assert answer.status_code == 401 and 'role="alert"' in answer.text and "aria-invalid" in answer.text
    assert 'action="sign-in?next=library"' in answer.text and "mfe_wrong" not in answer.text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"token=" + b"x" * 10_000, "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"&".join([b"a=b"] * 50), "application/x-www-form-urlencoded"),
        (b"token=TOKEN", "text/plain"),
        (b"token=TOKEN", "multipart/form-data; boundary=x"),
        (b'{"token": "TOKEN"}', "application/json"),
        (b"", ""),
    ],
)
def test_another_form_signs_nobody_in(opened: World, body: bytes, kind: str) -> None:
    headers = {"origin": HERE, "content-type": kind}
    body = body.replace(b"TOKEN", opened.token.encode())
    assert opened.client(**headers).post("/sign-in", content=body).status_code == 401


@pytest.mark.parametrize(
    "there",
    ["//evil.example", "/\\evil.example", "\\\\evil.example", "/library", "..//evil.example", "x/../../y", "%2F%2Fevil",
     "%5C%5Cevil", "%2e%2e/x", " //evil", "a\r\nLocation: x", "\tx", "sign-out", "sign-in", "sign-in?next=x", ""],
)  # fmt: skip
def test_after_signing_in_it_goes_to_own_addresses_only(there: str) -> None:
    assert _own(there) == "./"


@pytest.mark.parametrize(
    "there", ["library", "?q=a//b&x=../..", "https://evil.example", "javascript:alert(1)", "a%20b"]
)
def test_an_own_address_stays_below_the_pages(there: str) -> None:
    """Whatever it looks like, it is relative."""
    assert _own(there) == f"./{there}"


def test_places_are_relative_to_where_the_pages_begin() -> None:
    def place(path: str, base: str = "") -> Place:
        return Place.of({"path": path, "query_string": b"a=b"}, base)

    assert (place("/").up, place("/").next) == ("", "?a=b")
    assert (place("/x/y z").up, place("/x/y z").next) == ("../", "x/y%20z?a=b")
    assert (place("/photos/x", "/photos").up, place("/photos/x", "/photos").next) == ("", "x?a=b")
    assert place("/photosx", "/photos").below == "photosx"


def test_behind_a_path_it_is_the_same(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, hosts=("nas.local",))
    token = Tokens(settings.tokens_file).create("x").reveal()
    app = Starlette(
        routes=[Route("/{rest:path}", lambda _: Response("in"))],
        middleware=[Middleware(Doors, lambda: settings, base="photos")],
    )
    client = TestClient(app, base_url=HERE, follow_redirects=False, headers={"accept": "text/html", "origin": HERE})
    assert 'action="sign-in?next=library"' in client.get("/photos/library").text
    assert code(client.get("/photos/api/stats")) == code(client.get("/api/stats")) == "token-needed"
    assert client.get("/photos/api/health").status_code == client.get("/api/health").status_code == 200
    assert client.post("/photos/sign-in?next=library", data={"token": token}).headers["location"] == "./library"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_of_another_site_tries_once_more_from_the_page_itself(opened: World, site: str) -> None:
    """The cookie stays away then: what is asked again by the page itself has it."""
    link = {"accept": "text/html", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert 'http-equiv="refresh"' in opened.client(**link, **{"sec-fetch-site": site}).get("/").text
    for own in ("same-origin", "none"):
        assert "refresh" not in opened.client(**link, **{"sec-fetch-site": own}).get("/").text


def test_on_this_computer_alone_there_is_no_such_page(world: World) -> None:
    for method in ("GET", "POST"):
        assert world.client(origin=HERE).request(method, "/sign-in").json() == {"path": "/sign-in"}


# ---------------------------------------------------------------- what goes on while it is revoked


def test_a_websocket_ends_with_its_session(opened: World) -> None:
    headers = {"host": "localhost:8501", "origin": HERE, "cookie": f"{COOKIE}={sign_in(opened).cookies[COOKIE]}"}
    with opened.client().websocket_connect("/_stcore/stream", headers=headers) as socket:
        socket.send_text("one")
        assert socket.receive_text() == "one"
        opened.tokens.revoke("test")
        socket.send_text("two")
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
        assert closed.value.code == 1008
    with pytest.raises(WebSocketDisconnect), opened.client().websocket_connect("/_stcore/stream", headers=headers):
        pass


def test_a_stream_of_events_ends_with_its_token(opened: World) -> None:
    heard: list[bytes] = []

    async def follow() -> None:
        scope = {
            "type": "http", "method": "GET", "path": "/api/events", "raw_path": b"/api/events", "query_string": b"",
            "scheme": "http", "http_version": "1.1", "client": ("127.0.0.1", 1), "server": ("localhost", 8501),
            "headers": [(b"host", b"localhost:8501"), (b"authorization", f"Bearer {opened.token}".encode())],
            "asgi": {"version": "3.0", "spec_version": "2.3"},
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(30)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            heard.append(message.get("body", b""))
            if b"id: 3" in heard[-1]:
                opened.tokens.revoke("test")

        await opened.app(scope, receive, send)

    asyncio.run(asyncio.wait_for(follow(), 20))
    assert b"id: 3" in b"".join(heard) and b"id: 4" not in b"".join(heard) and heard[-1] == b""


# ---------------------------------------------------------------- guesses


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_wrong_ones_in_a_row_have_to_be_waited_for_longer_and_longer() -> None:
    clock = Clock()
    brake, waits = Brake(clock), []
    for _ in range(FREE + 8):
        brake.wrong("a")
        waits.append(brake.wait("a"))
        clock.now += waits[-1]
    assert waits == [0.0] * (FREE - 1) + [1, 2, 4, 8, 16, MOST_SECONDS, MOST_SECONDS, MOST_SECONDS, MOST_SECONDS]
    assert brake.wait("b") == 0
    clock.now += brake_module.FORGOTTEN_AFTER + 1
    brake.wrong("a")
    assert brake.wait("a") == 0
    for number in range(ADDRESSES + 5):
        brake.wrong(str(number))
    assert len(brake._wrong) == ADDRESSES


def test_an_address_that_guesses_waits_and_keeps_nobody_else_from_coming_in(opened: World) -> None:
    session = {"cookie": f"{COOKIE}={sign_in(opened, '10.0.0.1').cookies[COOKIE]}"}
    statuses = [sign_in(opened, "10.0.0.1", f"mfe_{number}").status_code for number in range(FREE + 1)]
    assert statuses == [401] * FREE + [429]
    waiting = sign_in(opened, "10.0.0.1")
    assert waiting.status_code == 429 and int(waiting.headers["retry-after"]) >= 1 and "<form" in waiting.text
    assert opened.client("10.0.0.1", **session).get("/").status_code == 200, "who is signed in stays so"
    assert opened.client("10.0.0.1", **bearer(opened.token)).get("/api/stats").status_code == 200
    assert sign_in(opened, "10.0.0.2").status_code == 303
    wrong = [opened.client("10.0.0.3", **bearer(f"mfe_{n}")).get("/api/stats") for n in range(FREE + 1)]
    assert [code(each) for each in wrong] == ["wrong-token"] * FREE + ["too-many-guesses"]
    assert opened.client("10.0.0.4", **bearer(opened.token)).get("/api/stats").status_code == 200


def test_a_right_one_ends_the_count(opened: World) -> None:
    for _ in range(3):
        statuses = [sign_in(opened, "10.0.0.1", "mfe_wrong").status_code for _ in range(FREE - 1)]
        assert statuses == [401] * (FREE - 1) and sign_in(opened, "10.0.0.1").status_code == 303


def test_on_this_computer_where_none_is_needed_nobody_waits(world: World) -> None:
    for _ in range(FREE + 5):
        assert world.client(**bearer("mfe_wrong")).get("/api/stats").status_code == 401
    assert world.client(**bearer(world.token)).get("/api/stats").status_code == 200


@pytest.mark.parametrize(
    ("client", "who", "elsewhere"),
    [
        (("10.1.2.3", 1), "10.1.2.3", True),
        (("127.0.0.1", 1), "127.0.0.1", False),
        (("::1", 1), "::/64", False),
        (("::ffff:10.1.2.3", 1), "::ffff:10.1.2.3", True),
        (("::ffff:127.0.0.1", 1), "::ffff:127.0.0.1", False),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::/64", True),
        (("fe80::1%eth0", 1), "fe80::/64", True),
        (None, "", False),
    ],
)
def test_where_a_request_comes_from(client: Any, who: str, elsewhere: bool) -> None:
    assert (address_of({"client": client}), is_from_elsewhere({"client": client})) == (who, elsewhere)


# ---------------------------------------------------------------- other websites that a setting names


@pytest.fixture
def guests(world: World) -> Iterator[World]:
    world.settings = world.guests
    yield world


ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}


def test_a_named_site_asks_beforehand_and_may(guests: World) -> None:
    answer = guests.client(origin=GUEST, **{"sec-fetch-site": "cross-site"}).options("/api/search", headers=ASKED)
    assert answer.status_code == 204 and answer.headers["access-control-allow-origin"] == GUEST
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert {"POST", "DELETE", "PATCH"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    assert "Origin" in answer.headers["vary"] and "access-control-allow-credentials" not in answer.headers
    assert guests.reached == []


OTHERS = ["http://photos.example", "https://photos.example:8443", "https://x.photos.example", "null", "*",
          "https://photos.example.evil.example", "https://evil.example", HERE.replace("8501", "9")]  # fmt: skip


@pytest.mark.parametrize("origin", OTHERS)
def test_no_other_site_may(guests: World, origin: str) -> None:
    for headers in (ASKED, bearer(guests.token), {}):
        for method in ("OPTIONS", "GET", "POST"):
            answer = guests.client(origin=origin).request(method, "/api/search", headers=headers)
            assert answer.status_code == 403 and "access-control-allow-origin" not in answer.headers
    assert guests.reached == []


def test_a_named_site_needs_a_token_and_a_cookie_is_none(guests: World) -> None:
    session = guests.tokens.sign_in(guests.token)
    assert session
    cookie = {"cookie": f"{COOKIE}={session.reveal()}"}
    for headers in ({}, cookie):
        for path in ("/api/stats", "/api/health"):
            answer = guests.client(origin=GUEST, **headers).get(path)
            assert code(answer) == "token-needed" and answer.headers["access-control-allow-origin"] == GUEST
    answer = guests.client(origin=GUEST, **cookie, **bearer(guests.token)).post("/api/stats")
    assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == GUEST
    assert "ETag" in answer.headers["access-control-expose-headers"] and "Origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers
    assert "Origin" in guests.client().get("/api/stats").headers["vary"], "for caches"
    assert "vary" not in guests.client().get("/library").headers


def test_a_named_site_has_neither_pages_nor_websocket(guests: World) -> None:
    headers = {"host": "localhost:8501", "origin": GUEST, **bearer(guests.token)}
    for path in ("/", "/library", "/_stcore/health", "/static/x.js", "/sign-in", "/apix", "/x/api/stats"):
        for method in ("GET", "POST", "OPTIONS"):
            answer = guests.client(**headers).request(method, path, headers=ASKED)
            assert answer.status_code == 403 and "access-control-allow-origin" not in answer.headers, path
    for path in ("/_stcore/stream", "/api/events"):
        with pytest.raises(WebSocketDisconnect), guests.client().websocket_connect(path, headers=headers):
            pass
    assert guests.reached == []


def test_embedding_is_not_allowed_to_a_named_site(guests: World) -> None:
    """An <img> sends no Origin, and no token."""
    there = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
    assert guests.client(**there).get("/api/thumb/x").status_code == 403


def test_rebinding_is_refused_to_a_named_site_too(guests: World) -> None:
    answer = guests.client(origin=GUEST, host="rebound.example", **bearer(guests.token)).get("/api/stats")
    assert (answer.status_code, code(answer)) == (403, "wrong-host")


def test_a_rebound_name_gets_nothing_by_the_cookie(opened: World) -> None:
    cookie = f"{COOKIE}={sign_in(opened).cookies[COOKIE]}"
    for path in PLACES:
        assert opened.client(cookie=cookie, host="rebound.example").get(path).status_code == 403
