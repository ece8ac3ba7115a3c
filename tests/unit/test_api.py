"""The HTTP routes: catalogued pictures only, cacheable, private."""

from __future__ import annotations

import asyncio
import io
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from src.api.origin_guard import ANSWER_HEADERS, Doors
from src.api.pages import KnownPages
from src.api.routes import APP_NAME, PREVIEWS, routes
from src.runtime import Services


@pytest.fixture
def client(services: Services, photos: Path) -> TestClient:
    list(services.handlers["index"]({"paths": [str(photos)]}))
    return TestClient(Starlette(routes=routes(lambda: services)))


def test_health_says_who_answers(client: TestClient) -> None:
    assert client.get("/api/health").json()["app"] == APP_NAME


@pytest.mark.parametrize("kind", ["thumb", "image"])
def test_pictures(client: TestClient, services: Services, kind: str) -> None:
    hit = services.library.newest(1)[0]
    answer = client.get(f"/api/{kind}/{hit.id}")
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(answer.content)).size == (160, 120)
    assert "immutable" in answer.headers["cache-control"]


def test_a_photo_that_is_gone_shows_its_thumbnail(client: TestClient, services: Services, photos: Path) -> None:
    hit = services.library.newest(1)[0]
    for file in photos.iterdir():
        file.unlink()
    answer = client.get(f"/api/image/{hit.id}")
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"


UNKNOWN = [
    "",
    "/",
    "/x",
    "/x/y",
    "/health/x",
    "/thumb",
    "/thumb/x",
    "/image/",
    "/%78",
    "%2Fx",
    "/..%2Fx",
    "/x?y=z",
    "/thumb/{id}/x",
]


@pytest.fixture
def pages(services: Services, photos: Path) -> TestClient:
    """The routes as the app has them: whatever is not theirs is a page."""
    list(services.handlers["index"]({"paths": [str(photos)]}))
    page = Route(
        "/{rest:path}",
        lambda _: PlainTextResponse("page"),
        methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
    )
    app = Starlette(routes=[*routes(lambda: services), page], middleware=[Middleware(Doors)])
    return TestClient(app, base_url="http://localhost", follow_redirects=False)


@pytest.mark.parametrize("path", UNKNOWN)
def test_an_address_that_there_is_not_is_no_page(pages: TestClient, services: Services, path: str) -> None:
    assert pages.get("/apix").text == pages.get("/x/api").text == "page"
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"):
        answer = pages.request(
            method, "/api" + path.format(id=services.library.newest(1)[0].id), headers={"Accept": "text/html"}
        )
        named = path in ("/thumb/x", "/image/x") and method not in ("GET", "HEAD")  # such a name may be a photo's
        expected = 204 if method == "OPTIONS" else 405
        assert answer.status_code == (expected if named else 404), method
        assert named or answer.headers["content-type"] == "application/problem+json", method
        assert all(answer.headers[name] == value for name, value in ANSWER_HEADERS.items())
        assert method == "HEAD" or named or answer.json()["status"] == 404


def test_a_websocket_below_api_never_opens(pages: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), pages.websocket_connect("/api/x", headers={"Origin": "http://localhost"}):
        pass


class Held:
    """Previews that take until they are let go."""

    def __init__(self, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.asked, self.at_once, self.most = threading.Event(), 0, 0, 0
        lock = threading.Lock()

        def preview(_: str, side: int) -> bytes:
            with lock:
                self.asked += 1
                self.at_once += 1
                self.most = max(self.most, self.at_once)
            self.go.wait(30)
            with lock:
                self.at_once -= 1
            return b"a picture"

        monkeypatch.setattr(services.library, "preview", preview)


@pytest.fixture
def held(services: Services, monkeypatch: pytest.MonkeyPatch) -> Held:
    return Held(services, monkeypatch)


@pytest.mark.parametrize("stay", [True, False])
def test_previews_in_great_numbers_hold_up_nothing_else(
    services: Services, photos: Path, held: Held, stay: bool
) -> None:
    """Also where the browser has gone on meanwhile and wants none of them any more."""
    list(services.handlers["index"]({"paths": [str(photos)]}))
    app, image_id = Starlette(routes=routes(lambda: services)), services.library.newest(1)[0].id
    given: list[int] = []

    async def ask(path: str, there: Callable[[], bool] = lambda: True) -> int:
        async def receive() -> dict[str, Any]:
            if there():
                await asyncio.sleep(60)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            given.append(message["status"]) if "status" in message else None

        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "scheme": "http"}
        await app(scope, receive, send)
        return given[-1]

    async def leaf_through() -> None:
        leaving = asyncio.Event()
        previews = [asyncio.create_task(ask(f"/api/image/{image_id}", lambda: not leaving.is_set())) for _ in range(60)]
        await asyncio.sleep(0.05)
        assert await asyncio.wait_for(ask("/api/health"), 20) == 200
        assert (
            await asyncio.wait_for(asyncio.gather(*[ask(f"/api/thumb/{image_id}") for _ in range(60)]), 20)
            == [200] * 60
        )
        leaving.set() if not stay else None
        held.go.set()
        await asyncio.wait_for(asyncio.gather(*previews), 20)

    asyncio.run(leaf_through())
    assert held.most == PREVIEWS and held.asked == (60 if stay else PREVIEWS)


TRICKS = [
    "00000000-0000-5000-8000-000000000000",
    "x",
    "..",
    "../../catalog.sqlite3",
    "..%2F..%2Fcatalog.sqlite3",
    "%2e%2e/%2e%2e/library.lock",
    "..%5C..%5Ccatalog.sqlite3",
    "%2Fetc%2Fpasswd",
    "//etc/passwd",
    "%00",
    "{id}.jpg",
    "{id}/../../../catalog.sqlite3",
    "{id}%00.jpg",
    "{id}%2F..%2F{id}",
    "{id}/",
    "{id};x",
    "{{{id}}}",
    "urn:uuid:{id}",
]


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("kind", ["thumb", "image"])
def test_only_catalogued_images_are_served(client: TestClient, services: Services, kind: str, trick: str) -> None:
    hit = services.library.newest(1)[0]
    answer = client.get(f"/api/{kind}/" + trick.format(id=hit.id), follow_redirects=False)
    assert answer.status_code in (307, 404) and not answer.headers.get("content-type", "").startswith("image/")
    if answer.status_code == 307:  # only from ".../" to the same without it
        assert trick == "{id}/" and answer.headers["location"].endswith(f"/api/{kind}/{hit.id}")


@pytest.mark.parametrize("kind", ["thumb", "image"])
def test_random_ids_find_nothing(client: TestClient, kind: str) -> None:
    for number in range(50):
        answer = client.get(f"/api/{kind}/{uuid.UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC834 % (1 << 128))}")
        assert answer.status_code == 404 and answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("kind", ["thumb", "image"])
def test_a_hidden_image_is_not_served_until_it_is_back(
    client: TestClient, services: Services, photos: Path, kind: str
) -> None:
    hit = services.library.newest(1)[0]
    address, file = f"/api/{kind}/{hit.id}", Path(hit.path)
    kept = file.read_bytes()
    assert client.get(address).status_code == 200
    file.unlink()
    list(services.handlers["sync"]({"paths": [str(photos)]}))
    assert hit.id not in services.catalog.visible([hit.id]) and client.get(address).status_code == 404
    file.write_bytes(kept)
    list(services.handlers["sync"]({"paths": [str(photos)]}))
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("path", ["/api/health", "/api/thumb/{id}", "/api/image/{id}"])
def test_routes_are_read_only(client: TestClient, services: Services, path: str) -> None:
    address = path.format(id=services.library.newest(1)[0].id)
    for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE"):
        assert client.request(method, address, content=b"x").status_code == 405
    head = client.head(address)
    assert head.status_code == 200 and head.content == b""
    assert len(services.library.newest(10)) == 4


def answered(path: str, base: str = "", dest: str = "document") -> str:
    """Where a request for a page is sent to, or what answers it."""
    page = Route("/{any:path}", lambda _: PlainTextResponse("the page"))
    app = Starlette(routes=[page], middleware=[Middleware(KnownPages, base=base, ends=("image", "upload"))])
    answer = TestClient(app, follow_redirects=False).get(path, headers={"Sec-Fetch-Dest": dest})
    return answer.headers.get("location") or answer.text


@pytest.mark.parametrize(
    ("path", "base", "place"),
    [
        ("/nosuch", "", "./"),
        ("/search?q=a+dog", "", "./?q=a+dog"),
        ("/search/?q=x", "", "../?q=x"),
        ("/a/b/c", "", "../../"),
        ("/image/more", "", "../"),
        ("/photos/nosuch", "photos", "./"),
        ("/photos/a/b", "/photos/", "../"),
        *(
            (path, "", "the page")
            for path in ("/", "/image", "/image/", "/upload?in=both", "/media/x.csv", "/api/nothing", "/static/x.js")
        ),
        *((path, "photos", "the page") for path in ("/photos", "/photos/", "/photos/image", "/photosnosuch")),
    ],
)
def test_an_unknown_page_leads_to_the_first_one(path: str, base: str, place: str) -> None:
    assert answered(path, base) == place


def test_only_pages_that_a_person_goes_to_lead_elsewhere() -> None:
    assert {answered("/nosuch", dest=dest) for dest in ("empty", "image", "iframe", "script")} == {"the page"}
