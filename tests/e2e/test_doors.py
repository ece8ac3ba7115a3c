"""The doors against real attacks: an evil page in the same Chromium as the app, and raw requests.

All are shut out while the app works.
"""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from src.api.origins import OTHER_SITE, WRONG_HOST
from tests.chromium import opened_browser
from tests.e2e.pictures import write_pictures
from tests.e2e.running_app import RunningApp, running_app

pytestmark = pytest.mark.browser

SECONDS = 30_000
REBOUND = "rebound.example"
"""A name of the attacker's that resolves to this computer: DNS rebinding."""
CROSS_SITE = "evil.example"
SHAKE_HANDS = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser(f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1, MAP {CROSS_SITE} 127.0.0.1") as chromium:
        yield chromium


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running_app(tmp_path_factory.mktemp("library")) as running:
        yield running


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One browser profile: the app's tab and the evil one share cookies and cache."""
    shared = browser.new_context()
    shared.set_default_timeout(SECONDS)
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def upload(context: BrowserContext, app: RunningApp, tmp_path_factory: pytest.TempPathFactory) -> Request:
    """The app's own upload request, of a tab that stays open with one photo in the library."""
    tab = context.new_page()
    tab.goto(f"{app.url}/upload")
    picture = write_pictures(tmp_path_factory.mktemp("pictures"), 1)[0]
    with tab.expect_request(lambda request: request.method == "PUT") as sent:
        tab.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(picture)
    tab.get_by_role("button", name=re.compile("^Add 1 photo")).click()
    expect(tab.get_by_role("definition").first).to_have_text("1", timeout=SECONDS)  # images, in the sidebar
    return sent.value


@pytest.fixture(scope="module")
def photo(context: BrowserContext, app: RunningApp, upload: Request) -> str:
    """Path of the photo's thumbnail, seen in the app: the attacker knows the photo, and so its id."""
    tab = context.new_page()
    tab.goto(app.url)
    source = tab.locator(".tile img").first.get_attribute("src") or ""
    assert source.startswith("/api/thumb/")
    tab.close()
    return source


class _Evil(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>evil</title><p>Win a prize</p>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def evil_port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Evil)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["127.0.0.1", "localhost", CROSS_SITE])
def evil(request: pytest.FixtureRequest, context: BrowserContext, evil_port: int, upload: Request) -> Iterator[Page]:
    """A page of another port of this computer, by two names, and one of a site elsewhere."""
    tab = context.new_page()
    tab.goto(f"http://{request.param}:{evil_port}/")
    yield tab
    tab.close()


# ---------------------------------------------------------------- in the browser

LOAD = """([tag, name, url]) => new Promise(done => {
    const element = document.createElement(tag);
    element.onload = () => done('loaded');
    element.onerror = () => done('failed');
    element[name] = url;
    if (tag === 'link') element.rel = 'stylesheet';
    document.body.append(element);
})"""
FETCH = "([url, options]) => fetch(url, options).then(answer => 'answered ' + answer.type, () => 'failed')"
SOCKET = """url => new Promise(done => {
    const socket = new WebSocket(url, ['streamlit']);
    socket.onopen = () => done('opened');
    socket.onmessage = () => done('message');
    socket.onclose = () => done('failed');
})"""


def answers(page: Page, app: RunningApp) -> list[int]:
    """Filled with the status of everything that the app answers to a page."""
    seen: list[int] = []
    page.on("response", lambda response: seen.append(response.status) if response.url.startswith(app.url) else None)
    return seen


def test_pictures_scripts_and_styles_can_not_be_embedded(evil: Page, app: RunningApp, photo: str) -> None:
    script = re.search(r'src="(\./static/[^"]+\.js)"', get(app, "/").decode())
    assert script
    targets = [
        ("img", "src", photo),
        ("img", "src", photo.replace("thumb", "image")),
        ("script", "src", script[1]),
        ("link", "href", photo),
    ]
    for tag, name, path in targets:
        assert evil.evaluate(LOAD, [tag, name, f"{app.url}/{path.lstrip('./')}"]) == "failed", (tag, path)


@pytest.mark.parametrize("mode", ["cors", "no-cors"])
@pytest.mark.parametrize(
    "path",
    ["/", "PHOTO", "/api/health", "/api/docs", "/api/jobs/x/events", "/_stcore/health", "/_stcore/host-config"],
)
def test_nothing_can_be_fetched(evil: Page, app: RunningApp, photo: str, path: str, mode: str) -> None:
    seen = answers(evil, app)
    url = app.url + (photo if path == "PHOTO" else path)
    assert evil.evaluate(FETCH, [url, {"mode": mode, "credentials": "include"}]) == "failed"
    assert set(seen) <= {403}


@pytest.mark.parametrize("path", ["/api/jobs/x/events", "/_stcore/health"])
def test_no_stream_of_events_opens(evil: Page, app: RunningApp, path: str) -> None:
    seen = answers(evil, app)
    listen = """url => new Promise(done => {
        const source = new EventSource(url, {withCredentials: true});
        source.onopen = () => done('opened'); source.onmessage = () => done('message');
        source.onerror = () => { source.close(); done('failed'); };
    })"""
    assert evil.evaluate(listen, app.url + path) == "failed"
    assert set(seen) <= {403}


def test_nothing_can_be_uploaded(evil: Page, app: RunningApp, upload: Request) -> None:
    """With the very address of an upload: a form and fetch, as multipart POST, PUT and DELETE."""
    seen = answers(evil, app)
    form = """async ([url, method]) => {
        const body = new FormData(); body.append('file', new File(['evil'], 'evil.jpg', {type: 'image/jpeg'}));
        const options = {method, body, mode: method === 'POST' ? 'no-cors' : 'cors', credentials: 'include'};
        return fetch(url, options).then(() => 'answered', () => 'failed');
    }"""
    for method in ("POST", "PUT", "DELETE"):
        assert evil.evaluate(form, [upload.url, method]) == "failed"
    submit = """url => {
        const form = document.createElement('form'); form.method = 'post'; form.enctype = 'multipart/form-data';
        form.action = url; form.innerHTML = '<input name=file value=evil>'; document.body.append(form); form.submit();
    }"""
    with evil.expect_navigation() as gone:
        evil.evaluate(submit, upload.url)
    assert gone.value and gone.value.status == 403
    assert seen and set(seen) == {403}


def test_no_websocket_opens(evil: Page, app: RunningApp) -> None:
    for host in ("127.0.0.1", "localhost"):
        url = f"ws://{host}:{urlsplit(app.url).port}/_stcore/stream"
        assert evil.evaluate(SOCKET, url) == "failed"


def test_the_app_can_not_be_framed(evil: Page, app: RunningApp) -> None:
    seen = answers(evil, app)
    evil.evaluate(
        "url => { const frame = document.createElement('iframe'); frame.src = url; document.body.append(frame); }",
        app.url,
    )
    evil.wait_for_timeout(1_500)
    assert seen == [403] and evil.locator("iframe").content_frame.get_by_text("Text search").count() == 0


def test_an_opened_window_is_out_of_reach_and_a_link_works(
    evil: Page, app: RunningApp, context: BrowserContext
) -> None:
    with context.expect_page() as opened:
        evil.evaluate("url => { window.app = window.open(url); }", app.url)
    expect(opened.value.locator(".tile")).to_have_count(1, timeout=SECONDS)
    assert evil.evaluate("window.app.closed"), "the opener holds no handle to the app"
    assert opened.value.evaluate("window.opener") is None
    opened.value.close()
    evil.evaluate("url => { document.body.innerHTML = `<a href='${url}/about'>app</a>`; }", app.url)
    evil.get_by_role("link").click()
    expect(evil.get_by_text("Statistics & about").first).to_be_visible(timeout=SECONDS)


def test_a_name_that_is_bound_to_this_computer_shows_nothing(
    context: BrowserContext, app: RunningApp, photo: str
) -> None:
    tab = context.new_page()
    port = urlsplit(app.url).port
    answer = tab.goto(f"http://{REBOUND}:{port}/")
    assert answer is not None and answer.status == 403 and "Streamlit" not in answer.text()
    assert tab.evaluate("path => fetch(path).then(answer => answer.status)", photo) == 403
    assert tab.evaluate(SOCKET, f"ws://{REBOUND}:{port}/_stcore/stream") == "failed"
    tab.close()


def test_the_app_itself_works_in_the_same_browser(
    context: BrowserContext, app: RunningApp, upload: Request, evil: Page
) -> None:
    for url in (app.url, app.url.replace("127.0.0.1", "localhost")):
        tab = context.new_page()
        errors: list[str] = []
        tab.on("pageerror", partial(_note, errors))
        tab.on(
            "console",
            lambda message, errors=errors: _note(errors, message.text) if "Content Security" in message.text else None,
        )
        tab.goto(url)
        expect(tab.locator(".tile")).to_have_count(1, timeout=SECONDS)
        assert tab.locator(".tile img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
        assert errors == []
        tab.close()


def _note(errors: list[str], error: object) -> None:
    errors.append(str(error))


# ---------------------------------------------------------------- raw requests

PATHS = [
    "/",
    "/upload",
    "/nonsense",
    "/static/js/x.js",
    "/api/health",
    "/api/thumb/00000000-0000-5000-8000-000000000000",
    "/api/stats",
    "/api/search",
    "/api/images",
    "/api/jobs/x/events",
    "/api/docs",
    "/api/openapi.json",
    "/_stcore/health",
    "/_stcore/script-health-check",
    "/_stcore/metrics",
    "/_stcore/host-config",
    "/_stcore/upload_file/session/file",
    "/_stcore/bidi-components/photos/x.js",
    "/_stcore/agent/openapi.json",
    "/_stcore/agent/interact",
    "/_stcore/agent/mcp",
    "/media/x.png",
    "/component/x/index.html",
    "/app/static/x",
    "/auth/login",
    "/auth/logout",
    "/oauth2callback",
]


def ask(
    app: RunningApp, method: str, path: str, headers: dict[str, str], body: bytes | None = None
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(app.url).port or 80, timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, b"" if answer.status == 101 else answer.read()
    finally:
        connection.close()


def get(app: RunningApp, path: str) -> bytes:
    status, body = ask(app, "GET", path, {})
    assert status == 200
    return body


@pytest.mark.parametrize("path", PATHS)
def test_every_path_has_the_doors_before_it(app: RunningApp, path: str) -> None:
    bad = (
        {"Host": REBOUND},
        {"Origin": f"http://{CROSS_SITE}"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    )
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
        for headers in bad:
            status, body = ask(app, method, path, headers)
            assert status == 403 and (OTHER_SITE.encode() in body or WRONG_HOST.encode() in body), (method, headers)
            assert body.startswith(b'{"type":') == path.startswith("/api/"), (method, headers)


def test_an_upload_passes_with_the_pages_own_origin_only(app: RunningApp, upload: Request) -> None:
    """The page's request again, to the letter: what the attacks above lack is nothing but the origin."""
    headers = {
        name: value for name, value in upload.all_headers().items() if name in ("cookie", "x-xsrftoken", "content-type")
    }
    border = headers["content-type"].split("boundary=")[1]
    about = 'Content-Disposition: form-data; name="a.jpg"; filename="a.jpg"'
    body = f"--{border}\r\n{about}\r\n\r\nx\r\n--{border}--\r\n".encode()
    path = urlsplit(upload.url).path
    assert ask(app, "PUT", path, {**headers, "Origin": app.url}, body)[0] == 204
    for origin in (
        "null",
        f"http://{CROSS_SITE}",
        "http://127.0.0.1:9",
        app.url.replace("127.0.0.1", "localhost"),
        app.url.replace("http", "https"),
    ):
        assert ask(app, "PUT", path, {**headers, "Origin": origin}, body)[0] == 403, origin
    assert ask(app, "PUT", path, {**headers, "Host": REBOUND, "Origin": f"http://{REBOUND}"}, body)[0] == 403


def test_a_websocket_opens_with_the_pages_own_origin_only(app: RunningApp) -> None:
    def shake(**headers: Any) -> int:
        return ask(app, "GET", "/_stcore/stream", {**SHAKE_HANDS, **headers})[0]

    assert shake(Origin=app.url) == 101
    assert shake() == 403
    for origin in ("null", f"http://{CROSS_SITE}", "http://localhost:9", app.url.replace("127.0.0.1", "localhost")):
        assert shake(Origin=origin) == 403, origin
    assert shake(Host=REBOUND, Origin=f"http://{REBOUND}") == 403


def test_it_listens_on_this_computer_only(app: RunningApp) -> None:
    """The fixture starts ``streamlit run app.py`` with no address: the one in the project's own configuration holds."""
    port = f"{urlsplit(app.url).port:04X}"
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("what listens is read from Linux's /proc")
    listening = [line.split()[1] for line in table.read_text().splitlines()[1:] if line.split()[3] == "0A"]
    assert [address for address in listening if address.endswith(f":{port}")] == [f"0100007F:{port}"]
    six = Path("/proc/net/tcp6")
    assert not six.exists() or f":{port} " not in "".join(
        line for line in six.read_text().splitlines() if " 0A " in line
    )
