"""The app opened to other names: the page that asks for a token, and evil pages in a browser that is signed in."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, WebSocket, expect

from src.api.credentials import COOKIE
from src.config import Settings
from src.services.library.tokens import Tokens
from tests.chromium import opened_browser
from tests.e2e.pictures import write_pictures
from tests.e2e.running_app import RunningApp, commanded, free_port, running_app
from tests.e2e.test_accessible import nothing_serious
from tests.e2e.test_doors import FETCH, LOAD, SECONDS, SOCKET, _Evil, answers, ask

pytestmark = pytest.mark.browser

NAME, GUEST, EVIL = "photos.test", "guest.example", "evil.example"
TOKEN_NAME = "Phone"
HELD: dict[str, str] = {}
"""The token's text."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    rules = ", ".join(f"MAP {name} 127.0.0.1" for name in (NAME, GUEST, EVIL))
    with opened_browser(f"--host-resolver-rules={rules}") as chromium:
        yield chromium


@pytest.fixture(scope="module")
def other_port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Evil)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def token() -> str:
    return HELD[TOKEN_NAME]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, other_port: int) -> Iterator[RunningApp]:
    home = tmp_path_factory.mktemp("library")
    commanded(home, "index", str(write_pictures(tmp_path_factory.mktemp("pictures"), 1)[0]))
    HELD[TOKEN_NAME] = Tokens(Settings(home=home).tokens_file).create(TOKEN_NAME).reveal()
    with running_app(home, MFE_HOSTS=NAME, MFE_ORIGINS=f"http://{GUEST}:{other_port}") as running:
        yield RunningApp(running.url.replace("127.0.0.1", NAME), running.home, running.process)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(reduced_motion="reduce")
    made.set_default_timeout(SECONDS)
    yield made
    made.close()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, app: RunningApp, token: str) -> Iterator[BrowserContext]:
    """A browser in which a person is signed in: evil pages share its cookies."""
    made = browser.new_context(reduced_motion="reduce")
    made.set_default_timeout(SECONDS)
    sign_in(made.new_page(), app.url, token)
    yield made
    made.close()


def sign_in(page: Page, url: str, token: str) -> None:
    """By keys alone: the field has the focus."""
    page.goto(url)
    expect(page.get_by_label("Token")).to_be_focused()
    page.keyboard.type(token)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sign in")).to_have_count(0)


# ---------------------------------------------------------------- signing in and out


def test_a_page_opens_after_signing_in_and_stays_so(context: BrowserContext, app: RunningApp, token: str) -> None:
    page = context.new_page()
    answer = page.goto(f"{app.url}/library?at=0")
    assert answer and answer.status == 401
    page.get_by_label("Token").fill("mfe_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not a token of this library")
    sign_in_again = page.get_by_label("Token")
    expect(sign_in_again).to_have_attribute("aria-invalid", "true")
    sign_in_again.fill(token)
    sign_in_again.press("Enter")
    expect(page).to_have_url(re.compile(r"/library"))
    expect(page.locator(".tile img").first).to_be_visible()
    assert page.locator(".tile img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    cookie = next(each for each in context.cookies() if each["name"] == COOKIE)
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"
    assert "mfe_" not in page.evaluate("document.cookie") and COOKIE not in page.evaluate("document.cookie")
    page.reload()
    expect(page.locator(".tile img").first).to_be_visible()


def test_signing_out_in_the_sidebar(context: BrowserContext, app: RunningApp, token: str) -> None:
    page = context.new_page()
    sign_in(page, app.url, token)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token")).to_be_visible()
    assert not [each for each in context.cookies() if each["name"] == COOKIE]
    answer = page.goto(app.url)
    assert answer and answer.status == 401


def test_revoking_ends_the_pages_of_a_browser_at_once(context: BrowserContext, app: RunningApp) -> None:
    tokens = Tokens(Settings(home=app.home).tokens_file)
    page = context.new_page()
    sockets: list[WebSocket] = []
    page.on("websocket", lambda socket: sockets.append(socket))
    sign_in(page, app.url, tokens.create("lost phone").reveal())
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert len(sockets) == 1 and not sockets[0].is_closed()
    tokens.revoke("lost phone")
    page.get_by_text("Objects", exact=True).first.click()
    for _ in range(SECONDS // 100):
        if sockets[0].is_closed():
            break
        page.wait_for_timeout(100)
    assert sockets[0].is_closed()
    answer = page.goto(app.url)
    assert answer and answer.status == 401 and len(sockets) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 420])
def test_the_page_that_asks_shuts_nobody_out(
    context: BrowserContext, app: RunningApp, scheme: Literal["light", "dark"], width: int
) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 768})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{app.url}/sign-in")
    nothing_serious(page)
    page.get_by_label("Token").fill("mfe_wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    nothing_serious(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_needs_no_script(browser: Browser, app: RunningApp, token: str) -> None:
    with browser.new_context(java_script_enabled=False) as plain:
        page = plain.new_page()
        page.goto(f"{app.url}/sign-in")
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Sign in").click()
        page.goto(f"{app.url}/sign-in")
        expect(page.get_by_text(f"signed in with the token “{TOKEN_NAME}”")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_visible()


def test_who_is_signed_in_stays_so_through_a_restart(tmp_path: Path, context: BrowserContext) -> None:
    token = Tokens(Settings(home=tmp_path).tokens_file).create("x").reveal()
    port = str(free_port())
    for first in (True, False):
        with running_app(tmp_path, "--server.port", port, MFE_HOSTS=NAME) as app:
            page = context.new_page()
            if first:
                sign_in(page, app.url, token)
            answer = page.goto(app.url)
            assert answer and answer.status == 200
            expect(page.get_by_text("No photos yet")).to_be_visible()  # it is written since the library was opened
            page.close()
            log = (tmp_path / "server.log").read_text() + (tmp_path / "data" / "logs" / "app.log").read_text()
            assert token not in log and token[4:] not in log


# ---------------------------------------------------------------- evil pages, the cookie in the same browser


@pytest.fixture(params=[NAME, EVIL, GUEST])
def evil(request: pytest.FixtureRequest, signed_in: BrowserContext, other_port: int) -> Iterator[Page]:
    """A page of another port of the app's own name, whose requests carry the cookie; of another site; and of a site
    that may use the API with a token, but has none.
    """
    tab = signed_in.new_page()
    tab.goto(f"http://{request.param}:{other_port}/")
    yield tab
    tab.close()


@pytest.fixture(scope="module")
def photo(signed_in: BrowserContext, app: RunningApp) -> str:
    tab = signed_in.new_page()
    tab.goto(app.url)
    source = tab.locator(".tile img").first.get_attribute("src") or ""
    assert source.startswith("/api/thumb/")
    tab.close()
    return source


def test_an_evil_page_gets_nothing_by_the_cookie(evil: Page, app: RunningApp, photo: str) -> None:
    seen = answers(evil, app)
    for mode in ("cors", "no-cors"):
        for path in ("/", photo, "/api/stats", "/api/docs", "/_stcore/health"):
            told = evil.evaluate(FETCH, [app.url + path, {"mode": mode, "credentials": "include"}])
            readable = told == "answered cors" and GUEST in evil.url  # a problem that says that a token is needed
            assert told == "failed" or readable, (mode, path, told)
    for tag, name, path in (("img", "src", photo), ("script", "src", "/api/stats"), ("link", "href", photo)):
        assert evil.evaluate(LOAD, [tag, name, app.url + path]) == "failed", (tag, path)
    listen = """url => new Promise(done => {
        const source = new EventSource(url, {withCredentials: true});
        source.onopen = () => done('opened'); source.onmessage = () => done('message');
        source.onerror = () => { source.close(); done('failed'); };
    })"""
    assert evil.evaluate(listen, f"{app.url}/api/jobs/x/events") == "failed"
    assert evil.evaluate(SOCKET, app.url.replace("http", "ws") + "/_stcore/stream") == "failed"
    assert set(seen) <= {200, 401, 403}
    answered = [status for status in seen if status == 200]
    assert not answered or NAME in evil.url, "an <img> of the same host name carries the cookie, and is then not shown"


@pytest.mark.parametrize("path", ["/sign-out", "/sign-in", "/api/clear", "/api/images"])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
def test_an_evil_form_does_nothing(
    evil: Page, app: RunningApp, signed_in: BrowserContext, path: str, kind: str
) -> None:
    submit = """([url, kind]) => {
        const form = document.createElement('form'); form.method = 'post'; form.enctype = kind;
        form.action = url; form.innerHTML = '<input name=token value=evil>'; document.body.append(form); form.submit();
    }"""
    refused = 401 if GUEST in evil.url and path.startswith("/api") else 403
    with evil.expect_navigation() as gone:
        evil.evaluate(submit, [app.url + path, kind])
    assert gone.value and gone.value.status == refused
    assert [each for each in signed_in.cookies() if each["name"] == COOKIE], "still signed in"


def test_a_named_site_uses_the_api_with_a_token_and_nothing_else(
    signed_in: BrowserContext, app: RunningApp, other_port: int, token: str, photo: str
) -> None:
    tab = signed_in.new_page()
    tab.goto(f"http://{GUEST}:{other_port}/")
    fetch = """([url, token, method]) => fetch(url, {method, cache: 'no-store',
        headers: {Authorization: `Bearer ${token}`}})
        .then(answer => `${answer.type} ${answer.status}`, () => 'failed')"""
    assert tab.evaluate(fetch, [app.url + photo, token, "GET"]) == "cors 200"
    assert tab.evaluate(fetch, [app.url + photo, "mfe_wrong", "GET"]) == "cors 401"
    assert tab.evaluate(fetch, [app.url + "/api/nothing", token, "DELETE"]) == "cors 404"
    for path in ("/", "/library", "/_stcore/health"):
        assert tab.evaluate(fetch, [app.url + path, token, "GET"]) == "failed", path
    with_cookies = [app.url + photo, {"credentials": "include", "headers": {"Authorization": f"Bearer {token}"}}]
    assert tab.evaluate(FETCH, with_cookies) == "failed", "a browser that would send the cookie may not"
    tab.goto(f"http://{EVIL}:{other_port}/")
    assert tab.evaluate(fetch, [app.url + photo, token, "GET"]) == "failed"
    tab.close()


def test_a_link_of_another_site_leads_in(signed_in: BrowserContext, app: RunningApp, other_port: int) -> None:
    """By this computer's own name browsers say which site is behind a request; the cookie stays away at first."""
    url = f"http://localhost:{urlsplit(app.url).port}"
    page = signed_in.new_page()
    sign_in(page, url, HELD[TOKEN_NAME])
    page.goto(f"http://{EVIL}:{other_port}/")
    page.evaluate("url => { document.body.innerHTML = `<a href='${url}/about'>app</a>`; }", url)
    page.get_by_role("link").click()
    expect(page.get_by_text("Other programs")).to_be_visible(timeout=SECONDS)
    page.close()


def test_raw_requests_need_a_token_whatever_name_they_say(app: RunningApp, token: str) -> None:
    own = RunningApp(app.url.replace(NAME, "127.0.0.1"), app.home, app.process)
    for host in ("localhost", "127.0.0.1", NAME):
        for path in ("/", "/upload", "/static/x.js", "/_stcore/health", "/media/x.png", "/component/x/y", "/api/stats"):
            assert ask(own, "GET", path, {"Host": host})[0] == 401, (host, path)
        shake = {"Host": host, "Origin": f"http://{host}", "Connection": "Upgrade", "Upgrade": "websocket",
                 "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}  # fmt: skip
        assert ask(own, "GET", "/_stcore/stream", shake)[0] == 403
        assert ask(own, "GET", "/_stcore/stream", {**shake, "Authorization": f"Bearer {token}"})[0] == 101
        assert ask(own, "GET", "/_stcore/health", {"Host": host, "Authorization": f"Bearer {token}"})[0] == 200
        assert ask(own, "GET", "/api/health", {"Host": host})[0] == 200
