"""The index on a real Chroma server: right answers, trusted only as it was described, and never more than an exact scan
lost.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from src.bootstrap import build_services
from src.config import Settings
from src.database.index import chroma_server
from src.database.index.chroma_server import ChromaServer
from src.database.index.hnsw import IndexFailed
from src.database.vector_db import VectorDatabase
from src.errors import LibraryUnusable
from src.services.search.service import Query
from tests.chroma_process import ChromaProcess
from tests.conftest import cleared, fake_models

MATRIX = np.random.default_rng(5).normal(size=(1_300, 16)).astype(np.float32)
MATRIX /= np.linalg.norm(MATRIX, axis=1, keepdims=True)
IDS = [f"id{n}" for n in range(len(MATRIX))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaProcess]:
    """Tests share it as libraries do; one that kills it starts it again."""
    process = ChromaProcess(tmp_path_factory.mktemp("chroma") / "data")
    try:
        process.start()
        yield process
    finally:
        process.kill()


@pytest.fixture
def library() -> str:
    return uuid4().hex


@pytest.fixture
def index(server: ChromaProcess, library: str) -> Iterator[ChromaServer]:
    opened = ChromaServer(server.url, library)
    yield opened
    opened.discard()
    opened.close()


def test_it_finds_what_an_exact_scan_finds(index: ChromaServer) -> None:
    index.upsert("photos", IDS, MATRIX)
    assert index.count("photos") == 1_300
    queries = np.random.default_rng(6).normal(size=(5, 16)).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    for query, found in zip(queries, index.query("photos", queries, 10), strict=True):
        scores = MATRIX @ query
        right = [f"id{n}" for n in np.argsort(-scores)[:10]]
        assert len(set(right) & {id_ for id_, _ in found}) >= 9
        assert [score for _, score in found] == pytest.approx(
            [float(scores[int(id_[2:])]) for id_, _ in found], abs=1e-5
        )


def test_vectors_are_replaced_and_taken_out(index: ChromaServer) -> None:
    index.upsert("photos", IDS[:300], MATRIX[:300])
    index.upsert("photos", ["id0"], MATRIX[400:401])
    assert index.query("photos", MATRIX[400:401], 1)[0][0][0] == "id0"
    index.delete("photos", [*IDS[:250], "no such id"])
    assert index.count("photos") == 50 and index.deleted("photos") == 251
    assert index.query("photos", MATRIX[299:300], 1)[0][0] == ("id299", pytest.approx(1, abs=1e-5))
    index.delete("nothing here", ["a"])
    assert index.query("nothing here", MATRIX[:2], 5) == [[], []] and index.count("nothing here") == 0


def test_a_large_one_is_flushed_seldom_while_it_is_built_and_as_usual_afterwards(
    index: ChromaServer, server: ChromaProcess
) -> None:
    def threshold() -> int:
        (name,) = (each for each in server.collections() if each == index._name("photos"))
        return int(server.call("GET", f"/collections/{name}").json()["configuration_json"]["hnsw"]["sync_threshold"])

    index.begin("photos", 50)
    assert index.count("photos") == 0, "a small one is made when it is first written to"
    index.begin("photos", 50_000)
    assert threshold() == 5_000
    index.upsert("photos", IDS[:300], MATRIX[:300])
    index.finish("photos")
    assert threshold() == 1_000 and index.count("photos") == 300
    index.close({"photos": "as it should be"})
    assert index.noted("photos") == "as it should be"
    index.finish("nothing here")


@pytest.mark.parametrize("end", ["close", "checkpoint"])
def test_what_was_described_is_trusted_until_the_next_write(
    server: ChromaProcess, library: str, index: ChromaServer, end: str
) -> None:
    index.upsert("photos", IDS[:300], MATRIX[:300])
    index.delete("photos", IDS[:20])
    assert index.written and index.noted("photos") is None
    getattr(index, end)({"photos": "as it should be"})
    assert not index.written
    again = ChromaServer(server.url, library)
    assert (again.noted("photos"), again.count("photos"), again.deleted("photos")) == ("as it should be", 280, 20)
    again.query("photos", MATRIX[:1], 3)
    assert ChromaServer(server.url, library).noted("photos") == "as it should be", "a search is no change"
    again.delete("photos", ["no such id"])
    assert again.noted("photos") is None
    assert ChromaServer(server.url, library).noted("photos") is None, "as after a kill: nothing was said at an end"


def test_a_collection_that_is_not_described_keeps_no_older_word(
    server: ChromaProcess, library: str, index: ChromaServer
) -> None:
    index.upsert("one", IDS[:9], MATRIX[:9])
    index.upsert("two", IDS[:9], MATRIX[:9])
    index.checkpoint({"one": "a", "two": "b"})
    index.upsert("two", IDS[9:12], MATRIX[9:12])
    index.close({"one": "a"})
    again = ChromaServer(server.url, library)
    assert (again.noted("one"), again.noted("two")) == ("a", None)


def test_libraries_and_strangers_on_one_server_keep_to_their_own(server: ChromaProcess, index: ChromaServer) -> None:
    server.call("POST", "/collections", {"name": "a-strangers", "get_or_create": True})
    other = ChromaServer(server.url, "another library")
    for each, rows in ((index, slice(0, 50)), (other, slice(50, 90))):
        each.upsert("photos", IDS[rows], MATRIX[rows])
    assert (index.count("photos"), other.count("photos")) == (50, 40)
    assert other.query("photos", MATRIX[3:4], 40)[0][0][0] != "id3"
    index.upsert("more", IDS[:5], MATRIX[:5])
    before = server.collections()
    index.discard()
    assert index.count("photos") == 0 and index.count("more") == 0 and len(before - server.collections()) == 2
    assert "a-strangers" in server.collections() and other.count("photos") == 40
    other.drop("photos")
    other.drop("photos")
    assert other.count("photos") == 0 and "a-strangers" in server.collections()


def test_any_name_that_a_collection_may_have_is_one_there(index: ChromaServer, server: ChromaProcess) -> None:
    names = ["a" * 512, "a" * 511 + "b", "image-builtin-0123456789ab", "x.y_z"]
    for number, name in enumerate(names):
        index.upsert(name, IDS[: number + 1], MATRIX[: number + 1])
    assert [index.count(name) for name in names] == [1, 2, 3, 4]
    index.discard()
    assert [index.count(name) for name in names] == [0, 0, 0, 0]


def test_one_that_was_lost_by_the_server_has_failed_not_emptied(
    index: ChromaServer, server: ChromaProcess, library: str
) -> None:
    index.upsert("photos", IDS[:50], MATRIX[:50])
    ChromaServer(server.url, library).drop("photos")
    with pytest.raises(IndexFailed, match="has no collection photos any more"):
        index.query("photos", MATRIX[:1], 3)


def test_killed_and_started_again_it_is_used_as_it_was(index: ChromaServer, server: ChromaProcess) -> None:
    index.upsert("photos", IDS, MATRIX)
    index.checkpoint({"photos": "here"})
    server.kill()
    try:
        for ask in (
            lambda: index.query("photos", MATRIX[:1], 3),
            lambda: index.count("photos"),
            lambda: index.noted("photos"),
        ):
            with pytest.raises(IndexFailed, match=r"the Chroma server at 127\.0\.0\.1 can't be used"):
                ask()
        assert not index.reachable()
    finally:
        server.start()
    assert index.reachable()
    assert index.noted("photos") == "here" and index.count("photos") == 1_300
    assert index.query("photos", MATRIX[7:8], 1)[0][0][0] == "id7"


def test_after_a_failed_write_it_is_not_described(index: ChromaServer, server: ChromaProcess, library: str) -> None:
    index.upsert("photos", IDS[:20], MATRIX[:20])
    with pytest.raises(IndexFailed):
        index.upsert("photos", ["of another length"], np.ones((1, 7), np.float32))
    index.close({"photos": "a"})
    assert ChromaServer(server.url, library).noted("photos") is None
    index.drop("photos")
    index.upsert("photos", IDS[:20], MATRIX[:20])
    index.close({"photos": "a"})
    assert ChromaServer(server.url, library).noted("photos") == "a", "made anew it is in doubt no more"


def test_discarding_without_a_server_harms_nothing(library: str) -> None:
    nobody = ChromaServer("http://127.0.0.1:9", library)
    nobody.discard()
    nobody.close({"photos": "a"})
    with pytest.raises(IndexFailed):
        nobody.upsert("photos", IDS[:1], MATRIX[:1])


# ------------------------------------------------------------ what is no Chroma server


def test_one_that_never_answers_is_waited_for_so_long(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chroma_server, "SEARCH_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(IndexFailed, match="ReadTimeout"):
        ChromaServer(f"http://127.0.0.1:{silent.getsockname()[1]}", library).query("photos", MATRIX[:1], 3)


class Page(BaseHTTPRequestHandler):
    """Answers everything with what its subclass holds."""

    status, text = 200, ""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.text)))
        self.end_headers()
        self.wfile.write(self.text.encode())

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (200, "<html>a page</html>"),
        (404, "<html>not found</html>"),
        (404, json.dumps({"detail": "not found"})),
        (200, "[]"),
        (200, "7"),
        (200, json.dumps({"id": None})),
        (302, ""),
        (500, json.dumps({"error": "InternalError", "message": "disk full"})),
        (403, "{}"),
        (200, "[" * 100_000),
        (200, json.dumps({"id": "x", "metadata": {"deleted": 1e999}})),
    ],
    ids=lambda value: str(value)[:30],
)
def test_another_servers_answers_are_failures(library: str, status: int, text: str) -> None:
    with HTTPServer(("127.0.0.1", 0), type("Fixed", (Page,), {"status": status, "text": text})) as page:
        threading.Thread(target=page.serve_forever, args=(0.01,), daemon=True).start()
        index = ChromaServer(f"http://127.0.0.1:{page.server_port}", library)
        asked = (
            lambda: index.query("photos", MATRIX[:1], 3),
            lambda: index.count("photos"),
            lambda: index.noted("photos"),
            lambda: index.upsert("photos", IDS[:1], MATRIX[:1]),
        )
        for ask in asked:
            with pytest.raises(IndexFailed):
                ask()
        assert index.reachable() is (text == "[]"), "an empty list is what Chroma answers too"
        index.discard()
        index.close()
        page.shutdown()


def test_answers_of_another_shape_are_failures(library: str) -> None:
    text = json.dumps({"id": "x", "metadata": None, "ids": 7, "distances": 7})
    with HTTPServer(("127.0.0.1", 0), type("Fixed", (Page,), {"status": 200, "text": text})) as page:
        threading.Thread(target=page.serve_forever, args=(0.01,), daemon=True).start()
        index = ChromaServer(f"http://127.0.0.1:{page.server_port}", library)
        for ask in (lambda: index.count("photos"), lambda: index.query("photos", MATRIX[:1], 3)):
            with pytest.raises(IndexFailed, match="no answer of a Chroma server"):
                ask()
        page.shutdown()


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALL_PROXY", "socks://127.0.0.1:1"), ("SSL_CERT_FILE", "/nowhere.pem"), ("HTTP_PROXY", "http://127.0.0.1:port")],
)
def test_a_network_setting_of_no_use_is_a_failure_of_the_server_elsewhere_alone(
    server: ChromaProcess, library: str, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setenv(name, value)
    elsewhere = ChromaServer("http://198.51.100.1:8000", library)
    with pytest.raises(IndexFailed, match=f"{name} can't be used"):
        elsewhere.query("photos", MATRIX[:1], 3)
    assert not elsewhere.reachable()
    elsewhere.discard()
    elsewhere.close()
    here = ChromaServer(server.url, library)
    assert here.reachable(), "a server on this computer needs no such setting"
    here.close()


def test_closing_waits_for_a_search_under_way(library: str) -> None:
    entered, go = threading.Event(), threading.Event()

    class Slow(Page):
        text = json.dumps({"id": "x", "metadata": None, "ids": [["a"]], "distances": [[0.25]]})

        def do_POST(self) -> None:
            entered.set()
            go.wait(10)
            self.do_GET()

    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as page:
        threading.Thread(target=page.serve_forever, args=(0.01,), daemon=True).start()
        index = ChromaServer(f"http://127.0.0.1:{page.server_port}", library)
        answers: list[object] = []
        search = threading.Thread(target=lambda: answers.append(index.query("photos", MATRIX[:1], 1)))
        close = threading.Thread(target=index.close)
        search.start()
        assert entered.wait(10)
        close.start()
        close.join(0.2)
        assert close.is_alive(), "the search still needs the connection"
        go.set()
        close.join(10)
        search.join(10)
        assert answers == [[[("a", 0.75)]]] and not close.is_alive()
        page.shutdown()


# ------------------------------------------------------------ under VectorDatabase


@pytest.fixture(autouse=True)
def no_library_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few hundred vectors are searched exactly otherwise."""
    monkeypatch.setattr("src.database.nearest.in_memory.SMALL_BYTES", 0)


@pytest.fixture
def db(settings: Settings, server: ChromaProcess) -> Iterator[VectorDatabase]:
    with on_server(settings, server) as opened:
        yield opened
        opened.drop("segments")


def on_server(settings: Settings, server: ChromaProcess) -> VectorDatabase:
    return VectorDatabase(replace(settings, chroma_url=server.url))


def right(db: VectorDatabase, numbers: tuple[int, ...] = (0, 299, 599)) -> bool:
    return [db.search_by_embedding(MATRIX[n], 1)[0].id for n in numbers] == [f"id{n}" for n in numbers]


def test_a_library_uses_it_and_finds_it_in_step_at_the_next_start(settings: Settings, server: ChromaProcess) -> None:
    with on_server(settings, server) as db:
        db.add_segments(MATRIX[:600], ids=IDS[:600])
        assert db.index.follows("segments") and right(db)
    with on_server(settings, server) as db:
        db.create_or_get_collection()
        assert db.index.open("segments") and right(db)
        db.add_segments(MATRIX[600:610], ids=IDS[600:610])
    with on_server(settings, server) as db:
        assert db.index.open("segments"), "also after more was added"
        db.drop("segments")
    assert not settings.chroma_dir.exists(), "nothing is kept in the folder"


def test_searches_go_on_while_the_server_is_down_and_it_is_taken_back(
    db: VectorDatabase, server: ChromaProcess
) -> None:
    db.add_segments(MATRIX[:600], ids=IDS[:600])
    db.index.checkpoint()
    server.kill()
    try:
        assert right(db) and not db.index.follows("segments")
        assert not db.index.open("segments") and right(db)
    finally:
        server.start()
    assert db.index.open("segments") and right(db) and db.index.follows("segments")


def test_what_is_added_while_it_is_down_is_found_and_indexed_later(db: VectorDatabase, server: ChromaProcess) -> None:
    db.add_segments(MATRIX[:300], ids=IDS[:300])
    db.index.checkpoint()
    server.kill()
    try:
        db.add_segments(MATRIX[300:600], ids=IDS[300:600])
        assert right(db)
        with pytest.raises(LibraryUnusable):
            list(db.rebuild("segments"))
    finally:
        server.start()
    assert db.index.open("segments"), "what it has missed is made good"
    assert db.index.follows("segments") and db.index._index.count("segments") == 600 and right(db)


def test_it_follows_what_changed_while_it_was_closed(settings: Settings, server: ChromaProcess) -> None:
    with on_server(settings, server) as db:
        db.add_segments(MATRIX[:50], ids=IDS[:50])
    with VectorDatabase(settings, read_only=True) as other:
        other.catalog.vectors.delete("segments", ["id7"])
        other.catalog.vectors.put("segments", {"id99": MATRIX[99]}, {})
    with on_server(settings, server) as db:
        assert db.catalog.vectors.count_all("segments") == 50 and db.index.open("segments")
        found = db.index.ask("segments", MATRIX[[99, 7]], 1)
        assert found is not None and found[0][0][0] == "id99" and found[1][0][0] != "id7"
        db.drop("segments")


def test_it_is_made_anew_where_much_was_deleted(settings: Settings, server: ChromaProcess) -> None:
    with on_server(settings, server) as db:
        db.add_segments(MATRIX[:600], ids=IDS[:600])
        db.delete("segments", IDS[:250])
    with on_server(settings, server) as db:
        assert db.index.open("segments") and db.index.needs_compaction("segments")
        list(db.rebuild("segments"))
        assert db.index.follows("segments") and not db.index.needs_compaction("segments")
        db.drop("segments")


def test_the_folder_of_the_server_may_be_anywhere(tmp_path: Path) -> None:
    assert ChromaServer("http://chroma.example:8000/", "x").place == "the Chroma server at chroma.example"
    assert not ChromaServer("http://chroma.example:8000/", "x").local


def test_the_whole_library_lives_with_it_and_takes_its_own_away(
    settings: Settings, server: ChromaProcess, photos: Path
) -> None:
    before = server.collections()
    on_it = replace(settings, chroma_url=server.url)
    services = build_services(on_it, models=fake_models(on_it))
    list(services.handlers["index"]({"paths": [str(photos)]}))
    assert services.store.index.follows(services.library.collection())
    assert services.search.search(Query("red")).hits[0].name == "red.jpg"
    services.close()
    assert len(server.collections() - before) == 1
    again = build_services(on_it, models=fake_models(on_it))
    assert again.store.index.open(again.library.collection())
    cleared(again)
    again.close()
    assert server.collections() == before


def test_no_rebuild_is_queued_while_it_is_down(settings: Settings, server: ChromaProcess, photos: Path) -> None:
    nowhere = replace(settings, chroma_url="http://127.0.0.1:9")
    services = build_services(nowhere, models=fake_models(nowhere))
    try:
        list(services.handlers["index"]({"paths": [str(photos)]}))
        assert [job.kind for job in services.jobs.active()] == ["facts", "duplicates"]
        assert services.search.search(Query("red")).hits[0].name == "red.jpg"
    finally:
        services.close()
