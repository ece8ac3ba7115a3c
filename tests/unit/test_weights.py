"""Finding, verifying and downloading checkpoints, against a server on this machine that misbehaves in every way we know
of.
"""

import errno
import functools
import hashlib
import itertools
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from src import network
from src.errors import DownloadFailed, WeightsCorrupt
from src.models.partial import Partial
from src.models.registry import ModelSpec, spec
from src.models.weights import MEMORY_FILE, Patience, download, locate
from src.schema import Progress

CONTENT = bytes(range(256)) * 4_000
"""1,024,000 bytes: several blocks of any buffer on the way."""
QUICK = Patience(connect_s=2, read_s=2, attempts=3, pause_s=0)


class Server(ThreadingHTTPServer):
    """Serves CONTENT; the switches below make it fail.

    ``ranges`` lists the Range header of every request, None where there was none.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.ranges: list[str | None] = []
        self.cuts: list[int] = []
        """For each of the next requests: bytes after which the connection is cut."""
        self.statuses: list[int] = []
        """For each of the next requests: a status to answer instead."""
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        """For each of the next requests: status, headers and body, just so; the connection closes after it."""
        self.paths: list[str] = []
        self.ignore_range = False
        self.wrong_range = False
        self.say_length = True
        self.redirect_to: str | None = None
        self.pause_s = 0.0
        self.stall = threading.Event()
        self.stall.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        self.server.paths.append(self.path)
        if self.server.answers:
            return self._answer_just(*self.server.answers.pop(0))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if self.server.redirect_to or status != 200:
            return self._answer_only(302 if self.server.redirect_to else status)
        start = 0 if self.server.ignore_range or not asked else int(asked.removeprefix("bytes=").rstrip("-"))
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            shown = start + 1 if self.server.wrong_range else start
            self.send_header(
                "Content-Range", f"bytes {shown}-{len(self.server.content) - 1}/{len(self.server.content)}"
            )
        if self.server.say_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._send(body, self.server.cuts.pop(0) if self.server.cuts else len(body))

    def _send(self, body: bytes, up_to: int) -> None:
        try:
            for at in range(0, up_to, 64_000):
                self.server.stall.wait(10)
                self.wfile.write(body[at : min(at + 64_000, up_to)])
                time.sleep(self.server.pause_s)
            self.wfile.flush()
            if up_to < len(body):
                self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            self.close_connection = True

    def _answer_just(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.close_connection = True
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _answer_only(self, status: int) -> None:
        self.send_response(status)
        if self.server.redirect_to:
            self.send_header("Location", self.server.redirect_to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def model() -> ModelSpec:
    return replace(spec("ViT-B/32"), sha256=hashlib.sha256(CONTENT).hexdigest(), bytes=len(CONTENT))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "weights"


def fetch(model: ModelSpec, folder: Path, server: Server, patience: Patience = QUICK) -> list[Progress]:
    return list(download(model, folder, server.url, patience))


def part_of(model: ModelSpec, folder: Path) -> Path:
    return folder / f"{model.file_name}.part"


def assert_complete(model: ModelSpec, folder: Path) -> None:
    assert (folder / model.file_name).read_bytes() == CONTENT
    assert locate(model, [folder]) == folder / model.file_name
    assert {p.name for p in folder.iterdir()} == {model.file_name, MEMORY_FILE}


def assert_says_what_to_do(error: Exception, model: ModelSpec, folder: Path, url: str) -> None:
    for part in (url, model.file_name, model.sha256, str(folder)):
        assert part in str(error)


# ---------------------------------------------------------------- downloading


def test_a_plain_download_arrives_verified_with_progress_in_bytes(model, folder, server):
    events = fetch(model, folder, server)
    assert_complete(model, folder)
    assert events[0] == Progress(0, len(CONTENT), "bytes", model.file_name)
    assert events[-1] == Progress(len(CONTENT), len(CONTENT), "bytes", model.file_name)
    assert [e.done for e in events] == sorted(e.done for e in events)


def test_a_file_that_is_there_already_is_not_asked_for_again(model, folder, server):
    fetch(model, folder, server)
    fetch(model, folder, server)
    assert len(server.ranges) == 1


def test_a_connection_cut_half_way_goes_on_where_it_stopped(model, folder, server):
    server.cuts = [500_000]
    fetch(model, folder, server)
    assert_complete(model, folder)
    assert server.ranges == [None, "bytes=500000-"]


def test_an_earlier_partial_file_is_resumed_and_hashed_with_the_rest(model, folder, server):
    folder.mkdir(parents=True)
    part_of(model, folder).write_bytes(CONTENT[:700_000])
    events = fetch(model, folder, server)
    assert_complete(model, folder)
    assert server.ranges == ["bytes=700000-"]
    assert events[0].done == 700_000


def test_a_complete_partial_file_needs_no_request(model, folder, server):
    folder.mkdir(parents=True)
    part_of(model, folder).write_bytes(CONTENT)
    fetch(model, folder, server)
    assert_complete(model, folder)
    assert server.ranges == []


def test_a_partial_file_that_is_too_long_is_started_again(model, folder, server):
    folder.mkdir(parents=True)
    part_of(model, folder).write_bytes(CONTENT + b"x")
    fetch(model, folder, server)
    assert_complete(model, folder)
    assert server.ranges == [None]


def test_a_line_that_breaks_again_and_again_is_given_up_and_what_came_is_kept(model, folder, server):
    server.cuts = [300_000] + [0] * 20
    with pytest.raises(DownloadFailed) as caught:
        fetch(model, folder, server)
    assert "could not be downloaded" in caught.value.user_message
    assert "bytes that arrived are kept" in caught.value.user_message
    assert_says_what_to_do(caught.value, model, folder, server.url)
    assert part_of(model, folder).read_bytes() == CONTENT[:300_000]
    assert len(server.ranges) == 1 + QUICK.attempts - 1


def test_as_long_as_something_new_arrives_it_goes_on(model, folder, server):
    server.cuts = [100_000] * 9
    fetch(model, folder, server)
    assert_complete(model, folder)
    assert len(server.ranges) == 10


def test_a_server_that_ignores_the_range_starts_it_again_from_the_beginning(model, folder, server):
    server.ignore_range, server.cuts = True, [600_000]
    events = fetch(model, folder, server)
    assert_complete(model, folder)
    assert server.ranges == [None, "bytes=600000-"]
    assert events[-1].done == len(CONTENT)


def test_a_server_that_ignores_the_range_and_always_breaks_is_given_up(model, folder, server):
    server.ignore_range, server.cuts = True, [600_000] * 20
    with pytest.raises(DownloadFailed):
        fetch(model, folder, server)
    assert len(server.ranges) == QUICK.attempts


def test_an_answer_with_another_range_is_not_believed(model, folder, server):
    server.wrong_range, server.cuts = True, [400_000]
    fetch(model, folder, server)
    assert_complete(model, folder)
    assert server.ranges == [None, "bytes=400000-", None]


def test_a_range_that_is_refused_starts_it_again(model, folder, server):
    server.cuts, server.statuses = [400_000], [200, 416]
    fetch(model, folder, server)
    assert_complete(model, folder)


def test_a_wrong_hash_is_told_and_the_file_deleted(model, folder, server):
    server.content = bytes(len(CONTENT))
    with pytest.raises(WeightsCorrupt) as caught:
        fetch(model, folder, server)
    assert model.sha256 in caught.value.user_message
    assert hashlib.sha256(server.content).hexdigest() in caught.value.user_message
    assert not part_of(model, folder).exists()
    assert not (folder / model.file_name).exists()


def test_a_wrong_beginning_is_found_out_and_does_not_poison_the_next_try(model, folder, server):
    folder.mkdir(parents=True)
    part_of(model, folder).write_bytes(b"x" * 700_000)
    with pytest.raises(WeightsCorrupt):
        fetch(model, folder, server)
    fetch(model, folder, server)
    assert_complete(model, folder)


def test_more_than_the_published_size_is_refused_before_it_fills_the_disk(model, folder, server):
    server.content, server.say_length = CONTENT * 50, False
    with pytest.raises(WeightsCorrupt, match="larger"):
        fetch(model, folder, server)
    assert not part_of(model, folder).exists()


def test_an_unknown_size_is_taken_from_the_server(model, folder, server):
    events = fetch(replace(model, bytes=0), folder, server)
    assert_complete(model, folder)
    assert (events[0].total, events[-1].total) == (None, len(CONTENT))


def test_a_cut_is_noticed_where_neither_side_knows_the_size(model, folder, server):
    server.say_length, server.cuts = False, [400_000]
    with pytest.raises(WeightsCorrupt):
        fetch(replace(model, bytes=0), folder, server)
    assert not (folder / model.file_name).exists()


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_is_told_at_once(model, folder, server, status):
    server.statuses = [status] * 9
    with pytest.raises(DownloadFailed) as caught:
        fetch(model, folder, server)
    assert f"the server answered {status}" in caught.value.user_message
    assert_says_what_to_do(caught.value, model, folder, server.url)
    assert len(server.ranges) == 1


def test_a_busy_server_is_asked_again(model, folder, server):
    server.statuses = [503, 429]
    fetch(model, folder, server)
    assert_complete(model, folder)


def test_no_network_is_one_sentence_at_once(model, folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(DownloadFailed) as caught:
            list(download(model, folder, url, Patience()))
    assert time.monotonic() - started < 3
    assert (
        caught.value.user_message
        == f"{model.title} could not be downloaded: {url.removeprefix('http://')} could not be reached."
    )
    assert_says_what_to_do(caught.value, model, folder, f"{url}/{model.file_name}")


def test_a_server_that_falls_silent_is_given_up(model, folder, server):
    server.stall.clear()
    with pytest.raises(DownloadFailed, match="does not answer"):
        fetch(model, folder, server, Patience(connect_s=1, read_s=0.2, attempts=2, pause_s=0))
    server.stall.set()


def test_a_slow_download_shows_progress_and_can_be_cancelled_and_continued(model, folder, server):
    server.pause_s = 0.06
    running = download(model, folder, server.url, QUICK)
    seen = [next(running) for _ in range(3)]
    assert 0 < seen[-1].done < len(CONTENT)
    running.close()
    kept = part_of(model, folder).stat().st_size
    assert 0 < kept < len(CONTENT)
    assert not (folder / model.file_name).exists()
    server.pause_s = 0
    fetch(model, folder, server)
    assert_complete(model, folder)
    assert server.ranges[-1] == f"bytes={kept}-"


def test_two_downloads_of_one_file_do_not_meet(model, folder, server):
    server.pause_s = 0.02
    first = download(model, folder, server.url, QUICK)
    next(first)
    with pytest.raises(DownloadFailed, match="already"):
        fetch(model, folder, server)
    list(first)
    assert_complete(model, folder)


def test_too_little_space_is_told_before_anything_is_fetched(model, folder, server, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    with pytest.raises(DownloadFailed, match=r"does not fit: 1 MB are still to come and .* has 1 MB free"):
        fetch(model, folder, server)
    assert server.ranges == []


def test_a_disk_that_fills_up_on_the_way_is_told_and_the_part_kept(model, folder, server, monkeypatch):
    write = Partial.write

    def full(self, block):
        if self.size > 200_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, block)

    monkeypatch.setattr(Partial, "write", full)
    with pytest.raises(DownloadFailed, match="is full"):
        fetch(model, folder, server)
    assert part_of(model, folder).stat().st_size > 200_000


def test_a_folder_that_can_not_be_made_is_told(model, tmp_path, server):
    (tmp_path / "data").write_text("a file where a folder should be")
    with pytest.raises(DownloadFailed, match="could not be stored"):
        fetch(model, tmp_path / "data" / "weights", server)


def test_no_network_in_the_middle_of_a_download_of_yesterday_is_told_at_once_too(model, folder):
    folder.mkdir(parents=True)
    part_of(model, folder).write_bytes(CONTENT[:2_000])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        started = time.monotonic()
        with pytest.raises(DownloadFailed, match=r"could not be reached. The 2,000 bytes that arrived are kept"):
            list(download(model, folder, f"http://127.0.0.1:{free.getsockname()[1]}", Patience()))
    assert time.monotonic() - started < 3
    assert part_of(model, folder).stat().st_size == 2_000


@pytest.mark.parametrize("mirror", ["mirror.example", "http://", "ftp://mirror.example", "http://[nonsense"])
def test_a_mirror_address_that_makes_no_sense_is_told(model, folder, mirror):
    with pytest.raises(DownloadFailed, match="could not be downloaded"):
        list(download(model, folder, mirror, QUICK))


def test_without_a_mirror_only_https_is_asked(model, folder, server):
    with pytest.raises(DownloadFailed, match="unencrypted"):
        list(download(replace(model, url=f"{server.url}/x.pt"), folder, None, QUICK))
    assert server.ranges == []


def test_without_a_mirror_a_redirect_to_plain_http_is_not_followed(model, folder, server, monkeypatch):
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"Location": f"{server.url}/x.pt"})

    monkeypatch.setattr(httpx, "Client", functools.partial(httpx.Client, transport=httpx.MockTransport(answer)))
    with pytest.raises(DownloadFailed, match="unencrypted"):
        list(download(model, folder, None, QUICK))
    assert asked == [model.url]
    assert server.ranges == []


def test_redirects_of_a_mirror_are_followed(model, folder, server):
    second = Server()
    threading.Thread(target=second.serve_forever, args=(0.01,), daemon=True).start()
    server.redirect_to = f"{second.url}/elsewhere"
    fetch(model, folder, server)
    second.shutdown()
    second.server_close()
    assert_complete(model, folder)
    assert (len(server.ranges), len(second.ranges)) == (1, 1)


def test_a_wrong_file_the_user_put_there_is_not_overwritten(model, folder, server):
    folder.mkdir(parents=True)
    (folder / model.file_name).write_bytes(b"mine")
    with pytest.raises(WeightsCorrupt, match="Remove or rename"):
        fetch(model, folder, server)
    assert (folder / model.file_name).read_bytes() == b"mine"
    assert server.ranges == []


# ---------------------------------------------------------------- answers that are not what was asked for

PAGE = b"<!DOCTYPE html><html><body>Please log in to this network</body></html>"
KEPT = CONTENT[:700_000]


@pytest.fixture
def started(model: ModelSpec, folder: Path) -> ModelSpec:
    """A model of which 700,000 bytes have arrived before."""
    folder.mkdir(parents=True)
    part_of(model, folder).write_bytes(KEPT)
    return model


def length(body: bytes) -> dict[str, str]:
    return {"Content-Length": str(len(body))}


def ranged(first: int, last: int, whole: object) -> dict[str, str]:
    return {"Content-Range": f"bytes {first}-{last}/{whole}"}


LIES = {
    "a page with its length": (200, {"Content-Type": "text/html", **length(PAGE)}, PAGE),
    "a page without a length": (200, {"Content-Type": "text/html; charset=utf-8"}, PAGE),
    "a page that does not say so": (200, {}, PAGE),
    "a large page": (200, {}, PAGE + b" " * 900_000),
    "a page in UTF-16": (200, {"Content-Type": "text/html"}, PAGE.decode().encode("utf-16")),
    "a sentence": (200, {"Content-Type": "text/plain", **length(b"Not now.")}, b"Not now."),
    "JSON": (200, {"Content-Type": "application/json"}, b'{"error": "quota"}'),
    "a shorter file": (200, length(CONTENT[:900]), CONTENT[:900]),
    "a shorter file of no length": (200, {}, CONTENT[:900]),
    "a shorter file in chunks": (200, {"Transfer-Encoding": "chunked"}, b"384\r\n" + CONTENT[:900] + b"\r\n0\r\n\r\n"),
    "a longer file": (200, length(CONTENT * 2), CONTENT * 2),
    "a longer file of no length": (200, {}, CONTENT * 2),
    "a file of an absurd length": (200, {"Content-Length": "9" * 40}, CONTENT[:900]),
    "a file as long, but another": (200, length(CONTENT), bytes(len(CONTENT))),
    "a file as long, but another, of no length": (200, {}, bytes(len(CONTENT))),
    "nothing": (200, length(b""), b""),
    "nothing of no length": (200, {}, b""),
    "no content": (204, {}, b""),
    "a range of another file": (206, {**ranged(700_000, 899_999, 900_000), **length(bytes(200_000))}, bytes(200_000)),
    "a range that is a page": (206, {**ranged(700_000, 1_023_999, 1_024_000), "Content-Type": "text/html"}, PAGE),
    "a range that contradicts itself": (206, {**ranged(700_000, 1_023_999, 1_024_000), **length(PAGE)}, PAGE),
    "another range": (206, {**ranged(0, 899, 1_024_000), **length(CONTENT[:900])}, CONTENT[:900]),
    "a range that is not named": (206, length(CONTENT[:900]), CONTENT[:900]),
    "a range without sense": (206, {"Content-Range": "bytes x-y/z", **length(CONTENT[:900])}, CONTENT[:900]),
    "several ranges": (206, {"Content-Type": "multipart/byteranges; boundary=x", **length(PAGE)}, PAGE),
    "a range that goes on too long": (206, ranged(700_000, 1_023_999, 1_024_000), bytes(400_000)),
    "no such range": (416, {"Content-Range": "bytes */900", **length(b"")}, b""),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_no_answer_costs_what_had_arrived_before(started, folder, server, lie):
    server.answers = [lie] * 20
    with pytest.raises((DownloadFailed, WeightsCorrupt)) as caught:
        fetch(started, folder, server)
    assert part_of(started, folder).read_bytes() == KEPT
    assert {p.name for p in folder.iterdir()} == {part_of(started, folder).name}
    assert len(server.ranges) <= QUICK.attempts
    assert started.sha256 in str(caught.value)
    server.answers = []
    fetch(started, folder, server)
    assert_complete(started, folder)
    assert server.ranges[-1] == "bytes=700000-"


@pytest.mark.parametrize(
    "lie", ["a page with its length", "a page without a length", "a page that does not say so", "JSON", "a sentence"]
)
def test_a_page_is_never_taken_for_a_file_of_unknown_size(started, folder, server, lie):
    server.answers = [LIES[lie]] * 20
    with pytest.raises(DownloadFailed, match=r"page of text.*700,000 bytes that arrived are kept"):
        fetch(replace(started, bytes=0), folder, server)
    assert part_of(started, folder).read_bytes() == KEPT
    assert len(server.ranges) == 1


def test_a_page_at_the_first_try_leaves_nothing_behind(model, folder, server):
    server.answers = [LIES["a page that does not say so"]]
    with pytest.raises(DownloadFailed, match="page of text"):
        fetch(model, folder, server)
    assert list(folder.iterdir()) == []


def test_another_size_is_told_with_both_sizes(started, folder, server):
    server.answers = [LIES["a shorter file"]]
    with pytest.raises(DownloadFailed, match="sends a file of 900 bytes, and the published one has 1,024,000"):
        fetch(started, folder, server)


def test_a_whole_answer_that_breaks_off_takes_the_place_of_what_was_there_only_where_it_is_longer(
    started, folder, server
):
    server.ignore_range, server.cuts = True, [500_000, 300_000, 100_000]
    with pytest.raises(DownloadFailed, match="700,000 bytes that arrived are kept"):
        fetch(started, folder, server)
    assert part_of(started, folder).read_bytes() == KEPT
    server.cuts = [800_000, 10, 10]
    with pytest.raises(DownloadFailed, match="800,000 bytes that arrived are kept"):
        fetch(started, folder, server)
    assert part_of(started, folder).read_bytes() == CONTENT[:800_000]


def test_a_cancelled_whole_answer_keeps_the_longer_part(started, folder, server):
    server.ignore_range, server.pause_s = True, 0.06
    running = download(started, folder, server.url, QUICK)
    seen = [next(running) for _ in range(3)]
    assert 0 < seen[-1].done < len(KEPT)
    running.close()
    assert {p.name for p in folder.iterdir()} == {part_of(started, folder).name}
    assert part_of(started, folder).read_bytes() == KEPT


def test_a_wrong_whole_file_of_unknown_size_leaves_what_was_there(started, folder, server):
    server.ignore_range, server.say_length, server.content = True, False, bytes(900_000)
    with pytest.raises(WeightsCorrupt, match="700,000 bytes that arrived are kept"):
        fetch(replace(started, bytes=0), folder, server)
    assert part_of(started, folder).read_bytes() == KEPT


def test_after_a_range_that_is_refused_the_whole_file_is_asked_for(started, folder, server):
    server.answers = [LIES["no such range"]]
    fetch(started, folder, server)
    assert_complete(started, folder)
    assert server.ranges == ["bytes=700000-", None]


def test_ranges_in_pieces_are_put_together(started, folder, server):
    cuts = [700_000, 800_000, 900_000, 1_024_000]
    pieces = [CONTENT[a:b] for a, b in itertools.pairwise(cuts)]
    server.answers = [
        (206, {**ranged(a, a + len(p) - 1, 1_024_000), **length(p)}, p) for a, p in zip(cuts, pieces, strict=False)
    ]
    fetch(started, folder, server)
    assert_complete(started, folder)


def test_a_trickle_is_given_up(model, folder, server):
    server.cuts = [100] * 1_000
    with pytest.raises(DownloadFailed):
        fetch(model, folder, server)
    assert len(server.ranges) == QUICK.attempts


def test_a_server_that_redirects_to_itself_is_asked_once(started, folder, server):
    server.answers = [(302, {"Location": f"/{started.file_name}", **length(b"")}, b"")] * 100
    with pytest.raises(DownloadFailed, match=r"from one address to the next without end.*are kept"):
        fetch(started, folder, server)
    assert len(server.ranges) == 1
    assert part_of(started, folder).read_bytes() == KEPT


@pytest.mark.parametrize("places", [["/a", "/b"], [f"/{n}" for n in range(90)]], ids=["in a circle", "ever further"])
def test_redirects_without_end_are_noticed(model, folder, server, places):
    server.answers = [(307, {"Location": place, **length(b"")}, b"") for place in places * 50]
    with pytest.raises(DownloadFailed, match="from one address to the next without end"):
        fetch(model, folder, server)
    assert len(server.ranges) <= 6


def test_a_redirect_to_itself_that_sets_a_cookie_is_followed(model, folder, server):
    server.answers = [(302, {"Location": f"/{model.file_name}", "Set-Cookie": "seen=1", **length(b"")}, b"")]
    fetch(model, folder, server)
    assert_complete(model, folder)


@pytest.mark.parametrize(
    "place",
    ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://a..b/x", "http://[nonsense", "http://127.0.0.1:99999/x"],
)
def test_a_redirect_to_nowhere_is_told(started, folder, server, place):
    server.answers = [(302, {"Location": place, **length(b"")}, b"")] * 20
    with pytest.raises(DownloadFailed) as caught:
        fetch(started, folder, server)
    assert "stored" not in caught.value.user_message
    assert "are kept" in caught.value.user_message
    assert len(server.ranges) <= QUICK.attempts


def test_a_password_in_the_address_is_not_shown(model, folder):
    with pytest.raises(DownloadFailed) as caught:
        list(download(model, folder, "http://me:secret@127.0.0.1:1", QUICK))
    assert "secret" not in str(caught.value)


# ---------------------------------------------------------------- settings of the network that are of no use


def forget_network_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*network.PROXIES, *network.CERTIFICATES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks://127.0.0.1:1080"),
        ("all_proxy", "socks5://127.0.0.1:1080"),
        ("HTTPS_PROXY", "nonsense://127.0.0.1"),
        ("HTTPS_PROXY", "http://127.0.0.1:port"),
        ("HTTP_PROXY", "http://[::1"),
        ("NO_PROXY", "[::1"),
        ("SSL_CERT_FILE", "/nowhere/authorities.pem"),
        ("SSL_CERT_FILE", "/dev/null"),
        ("SSL_CERT_FILE", "/"),
        ("SSLKEYLOGFILE", "/nowhere/keys.txt"),
    ],
)
def test_a_network_setting_of_no_use_is_named(started, folder, server, monkeypatch, name, value):
    forget_network_settings(monkeypatch)
    monkeypatch.setenv(name, value)
    with pytest.raises(DownloadFailed) as caught:
        fetch(started, folder, server)
    assert f"could not be downloaded: {name} can't be used" in caught.value.user_message
    assert "stored" not in caught.value.user_message
    assert value not in caught.value.user_message or value == "/"
    assert part_of(started, folder).read_bytes() == KEPT


@pytest.mark.parametrize("place", ["127.0.0.1:1", "127.0.0.1:99999999"])
def test_a_proxy_that_can_not_be_reached_is_named(started, folder, server, monkeypatch, place):
    forget_network_settings(monkeypatch)
    monkeypatch.setenv("http_proxy", f"http://{place}")
    with pytest.raises(
        DownloadFailed, match=r"could not be reached through the proxy that http_proxy names\. The 700,000"
    ):
        fetch(started, folder, server)


def test_a_proxy_that_refuses_is_told_as_one(model, folder, server, monkeypatch):
    forget_network_settings(monkeypatch)
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    monkeypatch.setattr(Handler, "do_CONNECT", lambda self: self._answer_just(407, length(b""), b""), raising=False)
    with pytest.raises(DownloadFailed, match=r"the proxy on the way to .* refuses"):
        list(download(replace(model, url="https://nowhere.invalid/x.pt"), folder, None, QUICK))


# ---------------------------------------------------------------- finding


def test_nothing_there_is_none(model, folder, tmp_path):
    assert locate(model, [folder, tmp_path / "absent"]) is None
    assert locate(spec("builtin"), [tmp_path]) is None


def test_a_dropped_file_is_verified_once_and_again_only_after_it_changed(model, folder, monkeypatch):
    folder.mkdir(parents=True)
    path = folder / model.file_name
    path.write_bytes(CONTENT)
    hashed: list[Path] = []
    real = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda file, name: hashed.append(Path(file.name)) or real(file, name))
    assert locate(model, [folder]) == locate(model, [folder]) == path
    assert hashed == [path]
    path.write_bytes(CONTENT[::-1])
    with pytest.raises(WeightsCorrupt):
        locate(model, [folder])
    assert len(hashed) == 2


def test_other_folders_are_only_read(model, folder, tmp_path):
    elsewhere = tmp_path / "models of mine"
    elsewhere.mkdir()
    (elsewhere / model.file_name).write_bytes(CONTENT)
    assert locate(model, [folder, elsewhere]) == elsewhere / model.file_name
    assert [p.name for p in elsewhere.iterdir()] == [model.file_name]
    assert str(elsewhere / model.file_name) in json.loads((folder / MEMORY_FILE).read_text())


def test_a_wrong_file_is_told_with_both_hashes_and_does_not_hide_a_good_one(model, folder, tmp_path):
    folder.mkdir(parents=True)
    wrong = bytes(len(CONTENT))
    (folder / model.file_name).write_bytes(wrong)
    with pytest.raises(WeightsCorrupt) as caught:
        locate(model, [folder])
    assert model.sha256 in caught.value.user_message
    assert hashlib.sha256(wrong).hexdigest() in caught.value.user_message
    good = tmp_path / "good"
    good.mkdir()
    (good / model.file_name).write_bytes(CONTENT)
    assert locate(model, [folder, good]) == good / model.file_name


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"x": 3}', "\x00"])
def test_a_damaged_memory_only_costs_hashing_again(model, folder, damage):
    folder.mkdir(parents=True)
    (folder / model.file_name).write_bytes(CONTENT)
    (folder / MEMORY_FILE).write_text(damage)
    assert locate(model, [folder]) == folder / model.file_name


@pytest.mark.parametrize("damage", [b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b'{"a": ' + b"1" * 5_000 + b"}"])
def test_a_memory_that_no_program_would_write_costs_no_more(model, folder, damage):
    folder.mkdir(parents=True)
    (folder / model.file_name).write_bytes(CONTENT)
    (folder / MEMORY_FILE).write_bytes(damage)
    assert locate(model, [folder]) == folder / model.file_name
    assert locate(model, [folder]) == folder / model.file_name


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_the_memorys_place_is_not_waited_for(model, folder):
    folder.mkdir(parents=True)
    (folder / model.file_name).write_bytes(CONTENT)
    os.mkfifo(folder / MEMORY_FILE)
    assert locate(model, [folder]) == folder / model.file_name


def test_a_checkpoint_of_another_size_is_not_read(model, folder, monkeypatch):
    folder.mkdir(parents=True)
    with (folder / model.file_name).open("wb") as file:
        file.truncate(50 << 30)
    monkeypatch.setattr(hashlib, "file_digest", None)
    with pytest.raises(WeightsCorrupt, match=r"should have 1,024,000 bytes and has 53,687,091,200"):
        locate(model, [folder])


def test_a_partial_file_of_absurd_size_is_not_read(model, folder, server, monkeypatch):
    folder.mkdir(parents=True)
    with part_of(model, folder).open("wb") as file:
        file.truncate(50 << 30)
    fetch(model, folder, server)
    assert_complete(model, folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("ending", ["", ".part", ".part.new"])
def test_a_pipe_in_a_files_place_is_told_and_not_waited_for(model, folder, server, ending):
    folder.mkdir(parents=True)
    os.mkfifo(folder / f"{model.file_name}{ending}")
    assert locate(model, [folder]) is None
    if ending == ".part.new":  # a name that only this program gives: it is cleared away
        fetch(model, folder, server)
        return assert_complete(model, folder)
    with pytest.raises((DownloadFailed, WeightsCorrupt)):
        fetch(model, folder, server)


def test_a_file_that_was_changed_under_its_old_time_is_hashed_again(model, folder):
    folder.mkdir(parents=True)
    path = folder / model.file_name
    path.write_bytes(CONTENT)
    before = path.stat()
    assert locate(model, [folder]) == path
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(WeightsCorrupt):
        locate(model, [folder])


def test_the_memory_can_not_be_written_and_nothing_breaks(model, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / model.file_name).write_bytes(CONTENT)
    (tmp_path / "file").write_text("not a folder")
    assert locate(model, [tmp_path / "file" / "weights", elsewhere]) == elsewhere / model.file_name
