"""What a hostile program and a careless one send to the HTTP API: it is refused in one sentence, or does what it says,
and nothing of it ends in a surprise.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from src.api import events
from src.api.origin_guard import Doors
from src.api.routes import routes
from src.bootstrap import build_services
from src.config import Settings
from src.runtime import Services
from src.services.library.tokens import Tokens
from tests.conftest import fake_models, make_photo
from tests.fakes import COLOURS

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=x"}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    home = tmp_path_factory.mktemp("hostile")
    settings = Settings(home=home / "library", find_duplicates=False)
    opened = build_services(settings, models=fake_models(settings))
    for name in ("red", "green", "blue"):
        make_photo(home / "photos" / f"{name}.png", COLOURS[name])
    list(opened.handlers["index"]({"paths": [str(home / "photos")]}))
    opened.jobs.start()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def client(services: Services) -> Iterator[TestClient]:
    settings = services.settings
    app = Starlette(routes=routes(lambda: services), middleware=[Middleware(Doors, lambda: settings)])
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as made:
        yield made


def refused(client: TestClient, way: str, path: str, **sent: Any) -> Any:
    """The problem that a request is answered with; never one that nobody expected."""
    answer = client.request(way, f"/api{path}", **sent)
    assert 400 <= answer.status_code < 500, (way, path[:80], answer.status_code, answer.text[:300])
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["detail"] and said["code"] and "Traceback" not in answer.text and "/site-packages/" not in answer.text
    return said


NAMES = [
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e",
    "....%2f%2f",
    "..%5c..%5cwin.ini",
    "%00",
    "red.png%00.jpg",
    "%ff%fe",
    "%ed%a0%80",
    "%F0%9F%98%80",
    "%E2%80%AEgnp.der",
    "a" * 5_000,
    "'%20OR%201=1--",
    "%25s%25n",
    "00000000-0000-0000-0000-000000000000",
    "{00000000-0000-0000-0000-000000000000}",
    "0" * 36,
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_no_name_of_a_photo_or_job_leads_anywhere(client: TestClient, name: str) -> None:
    for path in ("/images/{}", "/thumb/{}", "/image/{}", "/similar/{}", "/images/{}/objects", "/jobs/{}"):
        refused(client, "GET", path.format(name))
    for path in ("/jobs/{}/events", "/exports/{}"):
        refused(client, "GET", path.format(name))
    refused(client, "PUT", f"/images/{name}/tags/x")
    refused(client, "DELETE", f"/images/{name}")
    refused(client, "POST", f"/jobs/{name}/cancel")
    refused(client, "POST", "/search", json={"image": name[:300]})
    assert client.get("/api/stats").json()["images"] == 3


@pytest.mark.parametrize(
    "path", ["..%2fx", "%2e%2e", "thumb/..%2f..%2fx", "map.bin%2f..%2fstats", "images/%00", "..%5cx"]
)
def test_an_address_that_leads_out_is_a_problem_before_anybody_looks_at_it(path: str) -> None:
    async def reached(*_: Any) -> None:
        raise AssertionError("the pages' own server would answer, and not with a problem")

    bare = TestClient(Doors(reached, lambda: Settings()), base_url="http://localhost")
    assert refused(bare, "GET", f"/{path}")["code"] == "not-found"


def test_a_side_that_there_is_none_of_is_told(client: TestClient, services: Services) -> None:
    by_id = services.library.newest(1)[0].id
    for photo in ("red.png", by_id):
        assert "640 or full" in refused(client, "GET", f"/image/{photo}?side=200")["hint"]
        assert client.get(f"/api/image/{photo}?side=640").status_code == 200


TEXTS = ["\ud800", "a\x00b", "\udcff", "\u202e", "\x1b[2J", "x" * 290, "../..", "%s", "🖼" * 50]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_no_text_in_json_is_a_surprise(client: TestClient, text: str) -> None:
    """Halves of surrogate pairs, too, which JSON can write and UTF-8 can't."""
    for way, path, said in (
        ("POST", "/search", {"image": text}),
        ("POST", "/search", {"query": "x", "filters": [text]}),
        ("POST", "/search", {"query": "x", "cursor": text}),
        ("POST", "/folders", {"path": text}),
        ("POST", "/folders", {"path": f"/{text}"}),
        ("POST", "/folders/sync", {"folders": [text]}),
        ("POST", "/exports", {"format": "csv", "images": [text]}),
        ("PATCH", "/images/red.png", {"note": f"{text}\ud800"}),
    ):
        refused(client, way, path, content=json.dumps(said).encode(), headers=JSON)
    asked = json.dumps({"query": text}).encode()
    assert client.post("/api/search", content=asked, headers=JSON).status_code in (200, 400, 422)
    described = json.dumps({"description": {"scene_summary": f"{text} here"}}).encode()
    if client.patch("/api/images/red.png", content=described, headers=JSON).status_code == 200:
        kept = client.get("/api/images/red.png").json()["description"]["scene_summary"]
        assert kept and kept.isprintable() and "here" in kept
    assert client.get("/api/search", params={"q": text.encode("utf-8", "replace")}).status_code in (200, 400)


def encoded(what: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(what).encode()).decode()


CURSORS = [
    "x" * 50_000,
    "%00",
    "====",
    encoded([]),
    encoded(["2026", "no id"]),
    encoded([{}, "00000000-0000-5000-8000-000000000000"]),
    encoded(["\x00" * 20, "00000000-0000-5000-8000-00000000000g"]),
    base64.urlsafe_b64encode(b"[" * 200).decode(),
    base64.urlsafe_b64encode(b"9" * 200).decode(),
]


@pytest.mark.parametrize("cursor", CURSORS, ids=range(len(CURSORS)))
def test_no_cursor_is_a_surprise(client: TestClient, cursor: str) -> None:
    for address in ("/images", "/search?q=red", "/images?q=red"):
        refused(client, "GET", f"{address}{'&' if '?' in address else '?'}cursor={quote(cursor)}")


BODIES: list[tuple[dict[str, str], bytes]] = [
    (JSON, b"[" * 500_000),
    (JSON, b'{"query": ' * 50_000),
    (JSON, b'{"query": "x", "top_k": ' + b"9" * 100_000 + b"}"),
    (JSON, b'{"query": "x", "top_k": 1e999}'),
    (JSON, b'{"query": "x", "top_k": NaN}'),
    (JSON, b'{"query": "x", "region": [0, 0, -1, 1e30]}'),
    (JSON, b"\xff\xfe\x00"),
    (JSON, b""),
    (JSON, b"null"),
    ({**JSON, "Content-Encoding": "gzip"}, gzip.compress(b'{"query": "' + b"x" * 10_000_000 + b'"}')),
    (JSON, b"x" * 2_000_000),
    ({"Content-Type": "multipart/form-data"}, b"--x--"),
    ({"Content-Type": "multipart/form-data; boundary="}, b"--x--"),
    ({"Content-Type": f"multipart/form-data; boundary={'x' * 50_000}"}, b"--x--"),
    ({"Content-Type": "multipart/form-data; boundary=\xff"}, b"--x--"),
    (FORM, b"--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n--x--\r\n"),
    (FORM, b"--x\r\n" + b"X-Header: y\r\n" * 5_000 + b"\r\nx\r\n--x--\r\n"),
    (FORM, b"--x\r\nContent-Disposition: form-data; name=" + b"y" * 200_000 + b"\r\n\r\nx\r\n--x--\r\n"),
    (FORM, b'--x\r\nContent-Disposition: form-data; name="query"\r\n\r\nx\r\n' * 300 + b"--x--\r\n"),
    ({"Content-Type": "application/x-www-form-urlencoded"}, b"query=red"),
    ({"Content-Type": "text/plain"}, b'{"query": "red"}'),
    ({}, b'{"query": "red"}'),
]


@pytest.mark.parametrize("number", range(len(BODIES)))
def test_no_body_is_a_surprise(client: TestClient, number: int) -> None:
    headers, body = BODIES[number]
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    for way, path in (
        ("POST", "/search"),
        ("POST", "/images"),
        ("POST", "/folders"),
        ("POST", "/clear"),
        ("POST", "/exports"),
        ("PATCH", "/images/red.png"),
    ):
        refused(client, way, path, content=body, headers=raw)
    assert client.get("/api/stats").json()["images"] == 3


FILE_NAMES = [
    "../../../../tmp/x.png", "..\\..\\x.png", "/etc/x.png", "C:\\x.png", "x\r\nSet-Cookie: a=b.png", "\u202egnp.x",
    ".png", "..", ".", "", " ", "x" * 3_000 + ".png", "x.png\x00.exe", "🖼.png", "con.png", "x.PNG", "x.png/",
    "~/.ssh/x", "-rf",
]  # fmt: skip


def test_names_of_uploads_are_names_and_nothing_else(client: TestClient, services: Services) -> None:
    body = b""
    for number, name in enumerate(FILE_NAMES):
        data = io.BytesIO()
        Image.new("RGB", (40 + number, 30), COLOURS["pink"]).save(data, "PNG")
        head = (
            f'--x\r\nContent-Disposition: form-data; name="i"; filename="{name.replace(chr(13) + chr(10), "%0D%0A")}"'
        )
        body += head.encode() + b"\r\n\r\n" + data.getvalue() + b"\r\n"
    told = client.post("/api/images", content=body + b"--x--\r\n", headers=FORM)
    assert told.status_code == 202 and told.json()["skipped"] == []
    ended = services.jobs.wait(told.json()["job"], 30)
    assert ended is not None and ended.state == "done" and ended.indexed == len(FILE_NAMES)
    shown = client.get("/api/images?top_k=100").json()["photos"][: len(FILE_NAMES)]
    for one in shown:
        name = one["name"]
        assert name and name.isprintable() and "/" not in name and "\\" not in name and len(name) <= 255, name
    stored = {file.parent for file in services.settings.uploads_dir.rglob("*")}
    assert stored == {services.settings.uploads_dir}
    client.post("/api/undo")
    for one in shown:
        assert client.delete(f"/api/images/{one['id']}").status_code == 200


def test_ranges_of_pictures_and_downloads_are_passed_over(client: TestClient, services: Services) -> None:
    job = client.post("/api/exports", json={"format": "csv"}).json()["job"]
    services.jobs.wait(job, 30)
    for path in (f"/exports/{job}", "/thumb/red.png", "/image/red.png?side=full"):
        whole = client.get(f"/api{path}").content
        for ranges in (
            "bytes=0-0",
            "bytes=-1",
            "bytes=5-2",
            "bytes=0-," * 5_000,
            "bytes=x",
            f"bytes={'9' * 5_000}-",
            "lines=1",
        ):
            answer = client.get(f"/api{path}", headers={"Range": ranges})
            assert (answer.status_code, answer.content) == (200, whole), (path, ranges[:40])
    assert client.get("/api/thumb/red.png", headers={"If-None-Match": ",".join(['"x"'] * 10_000)}).status_code == 200


def test_more_streams_of_events_than_are_told_are_refused_and_none_is_leaked(
    client: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST_STREAMS", 4)
    job, rest = "5e" * 16, {"progress": None, "cancel": False, "pause": False, "attempts": 0}
    services.catalog.jobs.put({"id": job, "kind": "sync", "title": "x", "params": "{}", "state": "paused", **rest})
    with ThreadPoolExecutor(24) as pool:
        asked = [pool.submit(client.get, f"/api/jobs/{job}/events") for _ in range(24)]
        for _ in range(600):
            if sum(one.done() for one in asked) >= 20:
                break
            time.sleep(0.05)
        refusals = [one.result().status_code for one in asked if one.done()]
        services.jobs.cancel(job)
        statuses = [one.result(60).status_code for one in asked]
    assert set(refusals) == {429} and sorted(statuses) == [200] * 4 + [429] * 20
    again = client.get(f"/api/jobs/{job}/events")
    assert again.status_code == 200 and "event: end" in again.text


def test_a_token_that_is_revoked_while_it_is_used_lets_in_to_nothing_more(
    client: TestClient, services: Services
) -> None:
    tokens = Tokens(services.settings.tokens_file)
    token = tokens.create("used").reveal()
    headers, revoked, late = {"Authorization": f"Bearer {token}"}, threading.Event(), list[int]()

    def program(_: int) -> set[int]:
        seen = set()
        for _ in range(30):
            was_revoked = revoked.is_set()
            status = client.get("/api/tags", headers=headers).status_code
            seen.add(status)
            if was_revoked:
                late.append(status)
        return seen

    with ThreadPoolExecutor(8) as pool:
        programs = [pool.submit(program, number) for number in range(8)]
        others = [pool.submit(tokens.create, f"other {number}") for number in range(4)]
        tokens.revoke("used")
        revoked.set()
        seen = set().union(*(one.result() for one in programs))
        assert all(one.result() for one in others)
    assert seen <= {200, 401} and 401 in seen and set(late) == {401}
    assert {one.name for one in tokens.all()} == {f"other {number}" for number in range(4)}


@pytest.mark.parametrize("said", [False, True, "3", 2.5, [3]])
def test_only_a_number_is_a_rating_and_no_truth_is_a_number(client: TestClient, services: Services, said: Any) -> None:
    photo = services.catalog.listing.ids(None, "added", 1)[0]
    refused(client, "PATCH", f"/images/{photo}", json={"rating": said})
    refused(client, "POST", "/search", json={"query": "red", "top_k": True})
    refused(client, "POST", "/search", json={"query": "", "image": photo, "region": [0, 0, True, 9]})
