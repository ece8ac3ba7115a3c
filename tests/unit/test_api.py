"""The HTTP routes: catalogued pictures only, cacheable, private."""

from __future__ import annotations

import io
import uuid
from pathlib import Path

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from src.api.routes import APP_NAME, routes
from src.bootstrap import Services


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
def test_a_hidden_image_is_not_served_until_it_is_back(client: TestClient, services: Services, photos: Path, kind: str) -> None:
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
