"""The HTTP routes: catalogued pictures only, cacheable, private."""

from __future__ import annotations

import io
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
    assert "immutable" in answer.headers["cache-control"] and answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_a_photo_that_is_gone_shows_its_thumbnail(client: TestClient, services: Services, photos: Path) -> None:
    hit = services.library.newest(1)[0]
    for file in photos.iterdir():
        file.unlink()
    answer = client.get(f"/api/image/{hit.id}")
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["00000000-0000-5000-8000-000000000000", "..%2F..%2Fcatalog.sqlite3", "x", "%2Fetc%2Fpasswd"])
@pytest.mark.parametrize("kind", ["thumb", "image"])
def test_only_catalogued_images_are_served(client: TestClient, kind: str, path: str) -> None:
    assert client.get(f"/api/{kind}/{path}").status_code == 404
