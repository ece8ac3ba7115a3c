"""The app behind a path of its address: one it was told of, or one that a reverse proxy takes away before the app sees
it.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.pictures import write_pictures
from tests.e2e.running_app import RunningApp, running_app

pytestmark = pytest.mark.browser

PREFIX = "/photos"
REQUEST = re.compile(rb"([A-Z]+) (\S+) HTTP/1.1\r\n")


@pytest.fixture
def app() -> None:
    """Each test here starts its own."""


def test_behind_a_path_that_the_app_knows(browser: Browser, tmp_path: Path) -> None:
    with running_app(tmp_path / "library", "--server.baseUrlPath", PREFIX.strip("/")) as app:
        use(browser, app, app.url + PREFIX, tmp_path)


def test_behind_a_reverse_proxy_that_takes_the_path_away(browser: Browser, tmp_path: Path) -> None:
    with running_app(tmp_path / "library") as app, proxy(app.url) as url:
        use(browser, app, url + PREFIX, tmp_path)


def use(browser: Browser, app: RunningApp, url: str, tmp_path: Path) -> None:
    """Add photos, look at them, search, open one and reload: every picture is there, and nothing is asked for outside
    the path.
    """
    write_pictures(tmp_path / "drawn", 6)
    page = browser.new_context().new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{url}/upload")
    page.get_by_placeholder("~/Photos/2024").fill(str(tmp_path / "drawn"))
    page.get_by_role("button", name="Add folder").click()
    expect(page.get_by_text("added 6 photos")).to_be_visible()
    page.get_by_test_id("stTopNavLinkContainer").get_by_text("Text search", exact=True).click()
    expect(page.locator(".tile")).to_have_count(6)
    has_picture(page, ".tile img")
    page.goto(f"{url}/?q=snow")
    page.locator(".tile").first.click()
    has_picture(page, ".stage img")
    page.get_by_role("button", name="Find similar").click()
    expect(page.get_by_text("Photos that look like")).to_be_visible()
    page.wait_for_url(re.compile(re.escape(f"{url}/image?like=")))
    page.reload()
    expect(page.locator(".tile")).to_have_count(5)
    has_picture(page, ".tile img")
    page.goto(f"{url}/library")
    expect(page.locator(".tile.here")).to_have_count(6)
    expect(page.get_by_role("button", name=re.compile("drawn *6"))).to_be_visible()
    page.context.close()
    pictures = [address for address in asked if "/api/" in address]
    assert pictures and all(address.startswith(f"{url}/api/") for address in pictures)


def has_picture(page: Page, selector: str) -> None:
    image = page.locator(selector).first
    expect(image).to_be_visible()
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 1


@contextmanager
def proxy(target: str) -> Iterator[str]:
    """A reverse proxy on its own port that passes on what is below PREFIX, without it, and answers nothing else."""
    port = int(target.rsplit(":", 1)[1])
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, args=(server, port), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def accept(server: socket.socket, port: int) -> None:
    with suppress(OSError):  # closed at the test's end
        while True:
            threading.Thread(target=serve, args=(server.accept()[0], port), daemon=True).start()


def serve(client: socket.socket, port: int) -> None:
    """One request of a connection, with whatever follows it, which may be a websocket."""
    with client, suppress(OSError):
        head = b""
        while b"\r\n\r\n" not in head:
            more = client.recv(65_536)
            if not more:
                return
            head += more
        request = REQUEST.match(head)
        path = request[2].decode() if request else ""
        if request is None or not (path == PREFIX or path.startswith(f"{PREFIX}/")):
            client.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        line = b"%s %s HTTP/1.1\r\n" % (request[1], (path.removeprefix(PREFIX) or "/").encode())
        rest = head[request.end() :]
        if b"upgrade: websocket" not in rest.lower():
            rest = b"Connection: close\r\n" + re.sub(rb"(?im)^connection:.*\r\n", b"", rest, count=1)
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            upstream.sendall(line + rest)
            back = threading.Thread(target=pump, args=(upstream, client), daemon=True)
            back.start()
            pump(client, upstream)
            back.join(30)


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
