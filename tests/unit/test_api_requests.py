"""The HTTP API for other programs, request by request, on one shared library: what it answers is what it describes."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from benchmarks import many_clients
from src.api.origin_guard import Doors
from src.api.routes import routes
from src.bootstrap import build_services
from src.config import Settings
from src.runtime import Services
from src.services.exchange import arriving
from src.services.library import uploads
from tests.conftest import fake_models, make_photo
from tests.fakes import COLOURS

NAMES = ("red", "green", "blue", "yellow", "black")


@dataclass
class Api:
    """A client that holds every answer against the description of the API."""

    client: TestClient
    services: Services
    home: Path
    described: dict[str, Any]

    def ask(self, method: str, path: str, status: int, shape: str = "", **sent: Any) -> Any:
        """The JSON of an answer with that status. shape: its address in the description, where names stand in it."""
        answer = self.client.request(method, f"/api{path}", **sent)
        assert answer.status_code == status, answer.text
        said = self.described["paths"][shape or path.partition("?")[0]][method.lower()]["responses"][str(status)]
        kind = answer.headers["content-type"]
        assert kind == ("application/json" if status < 300 else "application/problem+json")
        schema = {**said["content"][kind]["schema"], "components": self.described["components"]}
        jsonschema.validate(answer.json(), schema)
        return answer.json()

    def done(self, job: str) -> dict[str, Any]:
        """A job once it has ended, told by its events."""
        told = self.client.get(f"/api/jobs/{job}/events").text.strip().split("\n\n")
        assert "event: end" in told[-1]
        found: dict[str, Any] = json.loads(told[-1].partition("data: ")[2])
        return found


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    home = tmp_path_factory.mktemp("api")
    settings = Settings(home=home / "library", find_duplicates=False)
    services = build_services(settings, models=fake_models(settings))
    for seed, name in enumerate(NAMES):
        make_photo(home / "photos" / f"{name}.png", COLOURS[name], seed=seed)
    list(services.handlers["index"]({"paths": [str(home / "photos")]}))
    services.jobs.start()
    app = Starlette(routes=routes(lambda: services), middleware=[Middleware(Doors)])
    with TestClient(app, base_url="http://localhost") as client:
        yield Api(client, services, home, client.get("/api/openapi.json").json())
    services.close()


def picture(name: str, seed: int) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (40 + seed, 30), COLOURS[name]).save(data, "PNG")
    return data.getvalue()


def test_searches_by_text_by_photo_and_by_a_picture_that_is_sent(api: Api) -> None:
    by_text = api.ask("GET", "/search?q=red&top_k=2", 200)
    assert by_text["results"][0]["name"] == "red.png" and len(by_text["results"]) == 2 and by_text["next"]
    body = {"query": "", "image": "blue.png", "top_k": 3}
    assert "blue.png" not in {hit["name"] for hit in api.ask("POST", "/search", 200, json=body)["results"]}
    fields = {"top_k": "1", "region": ["0", "0", "20", "20"]}
    sent = {"files": {"image": ("x.png", picture("green", 1))}, "data": fields}
    assert api.ask("POST", "/search", 200, **sent)["results"][0]["name"] == "green.png"
    similar = api.ask("GET", "/similar/red.png", 200, "/similar/{photo}")
    assert len(similar["results"]) == 4


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"query": ""}, 400, "bad-query"),
        ({"query": "red", "top_k": 0}, 422, "invalid"),
        ({"query": "red", "unknown": 1}, 422, "invalid"),
        ({"query": "red", "filters": ["nonsense"]}, 400, "bad-input"),
        ({"query": "red", "region": [0, 0, 5, 5]}, 400, "bad-input"),
        ({"image": "red.png", "region": [0, 0, 5000, 5]}, 400, "bad-input"),
        ({"image": "nothing.png"}, 404, "not-found"),
        ({"query": "red", "cursor": "made up"}, 400, "bad-input"),
    ],
)
def test_a_search_that_makes_no_sense_is_a_problem_in_one_sentence(
    api: Api, body: dict[str, Any], status: int, code: str
) -> None:
    told = api.ask("POST", "/search", status, json=body)
    assert told["code"] == code and told["detail"].endswith(".") and told["status"] == status


def test_a_body_of_another_kind_or_size_is_refused(api: Api) -> None:
    text = {"content": b'{"query": "red"}', "headers": {"Content-Type": "text/plain"}}
    assert api.ask("POST", "/search", 415, **text)["code"] == "wrong-content-type"
    assert api.client.post("/api/clear", content=b'{"confirm": true}', headers=text["headers"]).status_code == 422
    large = json.dumps({"query": "x" * 2**20}).encode()
    pieces = {"content": iter([large, large]), "headers": {"Content-Type": "application/json"}}
    assert api.ask("POST", "/search", 413, **pieces)["code"] == "too-much"
    file = {"files": {"image": ("x.png", b"no picture")}}
    assert api.ask("POST", "/search", 422, **file)["code"] == "unreadable-image"


def test_a_photo_and_a_picture_that_is_sent_are_classified(api: Api) -> None:
    body = {"image": "blue.png", "labels": ["red", "blue = blue", "green"], "top_k": 2}
    told = api.ask("POST", "/classify", 200, json=body)
    assert told["labels"][0]["label"] == "blue" and len(told["labels"]) == 2
    assert told["labels"][0]["probability"] > 0.9 and told["measured"] is False
    sent = {"files": {"image": ("x.png", picture("green", 1))}, "data": {"labels": ["red", "green"], "top_k": "1"}}
    (label,) = api.ask("POST", "/classify", 200, **sent)["labels"]
    assert label["label"] == "green"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"image": None}, 400), ({"labels": ["a >= 2"]}, 400), ({"preset": "coco"}, 400), ({"image": "no.png"}, 404),
        ({"several": True}, 400), ({"labels": [], "preset": "x"}, 422), ({"labels": "a"}, 422), ({"top_k": 0}, 422),
    ],
)  # fmt: skip
def test_classifying_that_makes_no_sense_is_a_problem_in_one_sentence(
    api: Api, body: dict[str, Any], status: int
) -> None:
    asked = {"image": "blue.png", "labels": ["a", "b"]} | body
    told = api.ask("POST", "/classify", status, json=asked)
    assert told["detail"].endswith((".", "?")) and "\n" not in told["detail"]


@pytest.mark.parametrize("address", ["/search?q=red", "/images?"])
def test_pages_tell_each_photo_once_though_photos_are_added_meanwhile(api: Api, address: str) -> None:
    before = {photo["id"] for photo in api.ask("GET", "/images?top_k=1000", 200)["photos"]}
    told: list[str] = []
    cursor = ""
    for number in range(100):
        page = api.ask("GET", f"{address}&top_k=2{cursor}", 200)
        told += [row["id"] for row in page.get("results", page.get("photos"))]
        if not page["next"]:
            break
        cursor = f"&cursor={page['next']}"
        if number < 3:
            name = f"{address[1]}{number}"
            make_photo(api.home / "photos" / f"{name}.png", COLOURS["red"], seed=ord(name[0]) + number)
            list(api.services.handlers["sync"]({"paths": [str(api.home / "photos")]}))
    assert len(told) == len(set(told)) and before <= set(told)


def test_a_cursor_of_another_search_is_refused(api: Api) -> None:
    following = api.ask("GET", "/search?q=red&top_k=1", 200)["next"]
    assert "another search" in api.ask("GET", f"/search?q=blue&top_k=1&cursor={following}", 400)["detail"]


def test_pictures_are_told_to_be_as_they_were(api: Api) -> None:
    id_ = api.services.library.id_of("red.png")
    for address in (f"/thumb/{id_}", f"/image/{id_}", "/thumb/red.png", "/image/red.png?side=640"):
        first = api.client.get(f"/api{address}")
        assert first.status_code == 200 and Image.open(io.BytesIO(first.content)).format == "JPEG"
        known = {"If-None-Match": first.headers["etag"]}
        again = api.client.get(f"/api{address}", headers=known)
        assert again.status_code == 304 and again.content == b"" and again.headers["etag"] == first.headers["etag"]
        assert ("immutable" in first.headers["cache-control"]) == (id_ in address)
        assert api.client.get(f"/api{address}", headers={"If-None-Match": '"other"'}).status_code == 200
    assert api.ask("GET", "/image/none.png", 404, "/image/{photo}")["code"] == "not-found"


def test_every_address_knows_head_options_and_405(api: Api) -> None:
    names = {"{photo}": "red.png", "{tag}": "a/b", "{job}": "x", "{what}": "pause", "{space}": "ViT-B/32"}
    for path, methods in api.described["paths"].items():
        address = "/api" + path
        for name, value in names.items():
            address = address.replace(name, value)
        allowed = {method.upper() for method in methods}
        options = api.client.options(address)
        told = {*allowed, "OPTIONS", *({"HEAD"} if "GET" in allowed else ())}
        assert options.status_code == 204 and set(options.headers["allow"].split(", ")) == told, path
        refused = api.client.request("TRACE", address)
        assert refused.status_code == 405 and refused.json()["code"] == "method-not-allowed", path
        if "GET" in allowed:
            head, got = api.client.head(address), api.client.get(address)
            assert head.status_code == got.status_code and head.content == b"", path


def test_a_photo_is_rated_noted_described_tagged_removed_and_all_of_it_undone(api: Api) -> None:
    address = "/images/green.png"
    change = {"rating": 4, "note": "by the sea", "description": {"scene_summary": "A meadow."}}
    done = api.ask("PATCH", address, 200, "/images/{photo}", json=change)
    assert [one["kind"] for one in done["operations"]] == ["describe", "note", "rate"]
    api.ask("PUT", f"{address}/tags/trip/italy", 200, "/images/{photo}/tags/{tag}")
    told = api.ask("GET", address, 200, "/images/{photo}")
    assert (told["rating"], told["note"], told["tags"]) == (4, "by the sea", ["trip/italy"])
    assert told["description"]["scene_summary"] == "A meadow." and told["files"][0].endswith("green.png")
    assert {"tag": "trip/italy", "photos": 1} in api.ask("GET", "/tags", 200)["tags"]
    api.ask("DELETE", f"{address}/tags/trip", 200, "/images/{photo}/tags/{tag}")
    api.ask("DELETE", address, 200, "/images/{photo}")
    api.ask("GET", address, 404, "/images/{photo}")
    assert api.ask("GET", "/operations?top_k=1", 200)["operations"][0]["kind"] == "remove"
    for _ in range(6):
        api.ask("POST", "/undo", 200)
    told = api.ask("GET", address, 200, "/images/{photo}")
    assert (told["rating"], told["note"], told["tags"], told["description"]) == (None, None, [], None)
    assert api.ask("GET", f"{address}/objects", 200, "/images/{photo}/objects") == {"objects": []}


def test_a_name_that_several_photos_have_is_answered_with_their_ids(api: Api) -> None:
    sent = [("images", ("twice.png", picture("purple", number))) for number in (1, 2)]
    api.done(api.ask("POST", "/images", 202, files=sent)["job"])
    for way, path, shape in (
        ("GET", "/images/twice.png", "/images/{photo}"),
        ("DELETE", "/images/twice.png", "/images/{photo}"),
        ("GET", "/similar/twice.png", "/similar/{photo}"),
        ("GET", "/image/twice.png", "/image/{photo}"),
    ):
        told = api.ask(way, path, 409, shape)
        assert told["code"] == "ambiguous-name" and len(told["ids"]) == 2 and told["hint"]
    api.ask("DELETE", f"/images/{told['ids'][0].upper()}", 200, "/images/{photo}")
    assert api.ask("GET", "/images/twice.png", 200, "/images/{photo}")["id"] == told["ids"][1]
    assert "ids" not in api.ask("GET", "/images/none.png", 404, "/images/{photo}")


def test_a_change_of_which_a_part_is_refused_changes_nothing(api: Api) -> None:
    api.ask("PATCH", "/images/blue.png", 400, "/images/{photo}", json={"rating": 1, "note": "a\u202eb"})
    assert api.ask("GET", "/images/blue.png", 200, "/images/{photo}")["rating"] is None


def test_uploads_are_added_and_what_is_no_picture_is_told(api: Api) -> None:
    sent = [
        ("images", ("new.png", picture("pink", 1))),
        ("images", ("..\\..\\lie.txt", picture("cyan", 1))),
        ("images", ("empty.png", b"")),
        ("images", ("text.png", b"hello, this is no picture")),
    ]
    told = api.ask("POST", "/images", 202, files=sent)
    assert told["skipped"] == [{"path": "empty.png", "reason": "The file is empty."}]
    job = api.done(told["job"])
    assert (job["state"], job["indexed"], job["skipped_count"]) == ("done", 2, 1)
    assert {hit.name for hit in api.services.library.newest(2)} == {"new.png", "lie.txt"}


def drafts(api: Api) -> list[str]:
    return [file.name for file in api.services.settings.uploads_dir.glob("*.mfe-part")]


def test_too_much_and_what_is_cut_off_leaves_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = [("images", (f"{number}.png", picture("grey", number))) for number in range(3)]
    before, jobs = set(api.services.settings.uploads_dir.glob("*")), len(api.services.jobs.latest(100))
    monkeypatch.setattr(uploads, "MAX_FILES", 2)
    assert api.ask("POST", "/images", 413, files=sent)["code"] == "too-much"
    monkeypatch.setattr(uploads, "MAX_FILES", 200)
    monkeypatch.setattr(uploads, "MAX_BYTES", 100)
    assert api.ask("POST", "/images", 413, files=sent)["code"] == "too-much"
    monkeypatch.setattr(uploads, "MAX_BYTES", 10**6)
    form = b'--x\r\nContent-Disposition: form-data; name="i"; filename="a.png"\r\n\r\n' + picture("grey", 9)
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    none = b'--x\r\nContent-Disposition: form-data; name="i"\r\n\r\nb\r\n--x--\r\n'
    assert "cut off" in api.ask("POST", "/images", 400, content=form, headers=headers)["detail"]
    assert "no file" in api.ask("POST", "/images", 400, content=none, headers=headers)["detail"]
    assert api.ask("POST", "/images", 415, content=b"x")["status"] == 415
    assert set(api.services.settings.uploads_dir.glob("*")) == before and len(api.services.jobs.latest(100)) == jobs


def test_a_job_is_followed_from_where_the_client_left_it(api: Api) -> None:
    job = api.ask("POST", "/folders/sync", 202, json={})["job"]
    assert api.done(job)["state"] == "done"
    last = api.client.get(f"/api/jobs/{job}/events").text
    number = last.partition("id: ")[2].partition("\n")[0]
    assert last.count("event: ") == 1
    assert api.client.get(f"/api/jobs/{job}/events", headers={"Last-Event-ID": number}).status_code == 204
    assert api.ask("GET", f"/jobs/{job}", 200, "/jobs/{job}")["finished"]
    assert api.ask("POST", f"/jobs/{job}/pause", 409, "/jobs/{job}/{what}")["code"] == "not-now"
    assert api.ask("POST", "/jobs/none/cancel", 404, "/jobs/{job}/{what}")["code"] == "not-found"
    assert job in {one["id"] for one in api.ask("GET", "/jobs?top_k=200", 200)["jobs"]}


def test_an_export_is_written_and_had_as_a_download(api: Api) -> None:
    job = api.ask("POST", "/exports", 202, json={"format": "csv", "images": ["red.png", "blue.png"]})["job"]
    assert api.done(job)["state"] == "done"
    answer = api.client.get(f"/api/exports/{job}")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        table = next(name for name in archive.namelist() if name.endswith("images.csv"))
        assert archive.read(table).count(b"\n") == 3
    file = next(api.services.settings.exports_dir.glob("*.zip"))
    strange = file.with_name("somebody-else.zip")
    strange.write_bytes(b"")
    for one in (file, strange):
        os.utime(one, (0, 0))
    api.services.shelf.clean()
    assert not file.exists() and strange.exists()
    assert api.ask("GET", f"/exports/{job}", 409, "/exports/{job}")["code"] == "not-now"
    api.ask("GET", "/exports/none", 404, "/exports/{job}")


def test_a_folder_is_followed_and_let_go_of(api: Api) -> None:
    make_photo(api.home / "more" / "white.png", COLOURS["white"], seed=77)
    assert api.done(api.ask("POST", "/folders", 202, json={"path": str(api.home / "more")})["job"])["indexed"] == 1
    folder = next(one for one in api.ask("GET", "/folders", 200)["folders"] if one["path"].endswith("more"))
    assert api.ask("POST", "/folders", 400, json={"path": "more"})["code"] == "bad-input"
    assert api.ask("POST", "/folders", 400, json={"path": str(api.home / "nowhere")})["code"] == "unreadable-path"
    assert api.done(api.ask("DELETE", f"/folders?folder={folder['id']}", 202)["job"])["state"] == "done"
    api.ask("DELETE", f"/folders?folder={folder['id']}", 404)
    assert (api.home / "more" / "white.png").exists()


def test_what_nobody_expected_is_a_problem_without_details(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(api.services.library, "stats", broken)
    answer = TestClient(api.client.app, "http://localhost", raise_server_exceptions=False).get("/api/stats")
    assert answer.status_code == 500 and answer.json()["code"] == "unexpected" and "secret" not in answer.text


def test_a_library_that_is_closed_says_when_to_come_back(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "library")
    services = build_services(settings, models=fake_models(settings))
    services.close()
    answer = TestClient(Starlette(routes=routes(lambda: services))).get("/api/stats")
    assert answer.status_code == 503 and answer.headers["retry-after"] and answer.json()["code"] == "library-unusable"


def test_many_clients_at_once_neither_lose_nor_double_anything(tmp_path: Path) -> None:
    """Ten that upload, add folders, remove, tag, rate, search and steer jobs; one of them clears all half-way."""
    settings = Settings(home=tmp_path / "library", find_duplicates=False)
    services = build_services(settings, models=fake_models(settings))
    services.jobs.start()
    app = Starlette(routes=routes(lambda: services), middleware=[Middleware(Doors)])
    with TestClient(app, base_url="http://localhost") as client:

        def ask(way: str, address: str, body: bytes | None, kind: str) -> tuple[int, bytes]:
            headers = {"Content-Type": kind} if kind else {}
            answer = client.request(way, f"/api{address}", content=body, headers=headers)
            return answer.status_code, answer.content

        programs = many_clients.at_once(lambda: ask, tmp_path / "photos", 10, 6, time.monotonic() + 60, seed=1)
        expected = many_clients.Expected.of(programs)
        wrong = [each for program in programs for each in program.wrong]
        wrong += many_clients.seen_over_http(ask, expected)
    services.jobs.stop()
    assert wrong + many_clients.seen_in_library(services, expected) == []
    assert sum(program.steps for program in programs) == 60 and expected.binned and expected.shown
    services.close()


def test_clearing_needs_a_yes_and_can_be_undone(api: Api) -> None:
    before = api.ask("GET", "/stats", 200)["images"]
    assert api.ask("POST", "/clear", 422, json={"confirm": False})["code"] == "invalid"
    assert api.done(api.ask("POST", "/clear", 202, json={"confirm": True})["job"])["state"] == "done"
    assert api.ask("GET", "/stats", 200)["images"] == 0
    api.ask("POST", "/undo", 200)
    assert api.ask("GET", "/stats", 200)["images"] == before


def test_the_docs_page_asks_no_other_machine(api: Api) -> None:
    page = api.client.get("/api/docs")
    assert page.status_code == 200 and "http" not in page.text.replace("httpEquiv", "")
    assert api.client.get("/api/docs/swagger-ui-bundle.js").headers["content-type"].startswith("text/javascript")
    assert api.client.get("/api/docs/swagger-ui.css").status_code == 200
    assert api.client.get("/api/docs/other.js").status_code == 404
    assert api.described["servers"] == [{"url": "/api"}]


def test_vectors_go_out_and_in_and_an_example_is_compared_by_how_it_looks(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = api.ask("POST", "/spaces/builtin-visual", 202, "/spaces/{space}")["job"]
    assert api.done(job)["state"] == "done"
    spaces = api.ask("GET", "/spaces", 200)["spaces"]
    photos = len(api.ask("GET", "/images?top_k=1000", 200)["photos"])
    assert [(one["name"], one["photos"]) for one in spaces] == [("builtin", photos), ("builtin-visual", photos)]
    body = {"query": "", "image": "blue.png", "space": "builtin-visual"}
    found = api.ask("POST", "/search", 200, json=body)
    assert found["model"] == "builtin-visual" and len(found["results"]) == photos - 1
    assert api.ask("GET", "/similar/red.png?space=builtin-visual", 200, "/similar/{photo}")["model"] == "builtin-visual"
    sent = {"files": {"image": ("x.png", picture("green", 1))}, "data": {"space": "builtin-visual", "top_k": "1"}}
    assert api.ask("POST", "/search", 200, **sent)["results"][0]["name"] == "green.png"
    assert api.ask("POST", "/search", 400, json=body | {"query": "red"})["code"] == "bad-query"
    assert api.ask("POST", "/search", 400, json=body | {"in": "objects"})["code"] == "bad-input"
    assert api.ask("POST", "/search", 404, json=body | {"space": "x"})["code"] == "not-found"
    asked = {"format": "npz", "model": "builtin-visual", "images": ["red.png"]}
    job = api.ask("POST", "/exports", 202, json=asked)["job"]
    assert api.done(job)["state"] == "done"
    (tmp_path / "x.zip").write_bytes(api.client.get(f"/api/exports/{job}").content)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive, archive.open("features.npz") as member:
        assert np.load(io.BytesIO(member.read()))["vectors"].shape == (1, 3)
    asked = {"format": "npz", "kind": "text", "query": "is:square"}
    failed = api.done(api.ask("POST", "/exports", 202, json=asked)["job"])
    assert failed["state"] == "failed" and failed["error"] == "None of the photos has words in it that were read."
    place = "/spaces/{space}/vectors"
    for name, file, status, code in (
        ("sent", ("x.npy", b"x"), 400, "bad-input"),
        ("builtin", ("x.npz", b"x"), 400, "bad-input"),
        ("a b", ("x.npz", b"x"), 400, "bad-input"),
        ("sent", ("x.npz", b"x" * 3_001), 413, "too-much"),
    ):
        monkeypatch.setattr(arriving, "MOST_BYTES", 3_000)
        refused = api.ask("POST", f"/spaces/{name}/vectors", status, place, files={"file": file})
        assert refused["code"] == code
    assert api.client.post("/api/spaces/sent/vectors", content=b"x").status_code == 415
    monkeypatch.undo()
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        sent = {"files": {"file": ("of red.NPZ", archive.read("features.npz"))}}
    job = api.ask("POST", "/spaces/sent/vectors", 202, place, **sent)["job"]
    assert api.done(job)["state"] == "done"
    assert api.ask("GET", "/spaces", 200)["spaces"][-1]["name"] == "sent"
    assert api.ask("POST", "/spaces/sent/vectors", 400, place, **sent)["code"] == "bad-input"
    job = api.ask("POST", "/spaces/broken/vectors", 202, place, files={"file": ("x.npz", b"x")})["job"]
    assert api.done(job)["error"].startswith("The file that was sent is no file of vectors")
    assert not list(api.services.settings.exports_dir.glob("*.npz")), "nothing of what was sent is left"
    assert api.ask("DELETE", "/spaces/sent", 200, "/spaces/{space}") == {"removed": 1}
    assert api.ask("DELETE", "/spaces/builtin-visual", 200, "/spaces/{space}") == {"removed": photos}
    assert api.ask("DELETE", "/spaces/builtin", 400, "/spaces/{space}")["code"] == "bad-input"
    assert api.ask("POST", "/spaces/vgg19", 404, "/spaces/{space}")["code"] == "not-found"
    for way in ("POST", "DELETE"):  # a model may have a slash in its name
        assert "/16'" in api.ask(way, "/spaces/ViT-X/16", 404, "/spaces/{space}")["detail"]
