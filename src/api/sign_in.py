"""The page that asks people elsewhere for a token, and what its two forms do: plain HTML, which needs no script.

A form is heeded only where the browser says that it is of one of the app's own pages: no other site can sign anybody in
or out. ``next``, where to go then, is an address below that of the pages, never one of another machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope

from src.api.brake import is_from_elsewhere
from src.api.credentials import COOKIE
from src.config import INSTALLED
from src.secret import Secret
from src.services.library.tokens import SESSION_SECONDS

MAKE_ONE = f"{'mfe' if INSTALLED else 'python -m src.cli'} tokens --create NAME"
SIGN_IN, SIGN_OUT = "sign-in", "sign-out"
MOST_BYTES = 8 * 2**10
"""Of a form that is sent."""
WRONG = "This is not a token of this library, or it was revoked."
NOT_ENCRYPTED = (
    "This connection is not encrypted: who can listen in on the network between can read the token and the photos."
)
FORM = "application/x-www-form-urlencoded"
_CSS = Path(__file__).with_suffix(".css")
_ODD = re.compile(r"[\x00-\x1f\x7f\\]|^\s*/|(^|/)\.\.(/|$)")
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
{refresh}<title>{title} – Media Feature Extractor</title>
<style>{style}</style>
</head>
<body>
<main>
<p class="name">Media Feature Extractor</p>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""
_ASK = """<p>From other devices this library is open only to who has one of its tokens.</p>
{problem}<form method="post" action="{up}sign-in?next={next}">
<label for="token">Token</label>
<input id="token" name="token" type="password" required autofocus autocomplete="current-password" autocapitalize="off"
 spellcheck="false" aria-describedby="how"{invalid}>
<button type="submit">Sign in</button>
</form>
<div id="how" class="faint">A token begins with mfe_ and is made on the computer that the app runs on, on its page
Statistics &amp; about or by
<code>{command}</code>
This browser then stays signed in for 30 days, or until the token is revoked.</div>
{notice}"""
_KNOWN = """<p>This browser is signed in with the token “{name}”.</p>
<form method="post" action="{up}sign-out"><button type="submit">Sign out</button></form>
<p><a href="{up}./">To the photos</a></p>"""


@dataclass(frozen=True)
class Place:
    """An address of the app as its pages name it: relative, so that it holds behind a proxy that takes a path away.

    below: what follows the path that the pages are behind, without its first slash.
    """

    below: str
    query: str = ""

    @classmethod
    def of(cls, scope: Scope, base: str) -> Place:
        path = str(scope["path"])
        below = path[len(base) :] if base and path.startswith(f"{base}/") else path
        return cls(below.lstrip("/"), scope["query_string"].decode("latin-1"))

    @property
    def up(self) -> str:
        """The way to where the pages begin."""
        return "../" * self.below.count("/")

    @property
    def next(self) -> str:
        """Where to go once signed in: this address again, or what the form's own address keeps."""
        if self.below == SIGN_IN:
            return dict(parse_qsl(self.query)).get("next", "")
        return quote(self.below) + (f"?{self.query}" if self.query else "")


class SignIn:
    """style: the app's colours as CSS, asked for as the page is drawn."""

    def __init__(self, style: Callable[[], str]) -> None:
        self._style = style

    def ask(
        self, scope: Scope, place: Place, problem: str = "", status: int = 401, headers: dict[str, str] | None = None
    ) -> Response:
        """The page. Browsers leave the cookie out as a link of another site is followed, so that the page first tries
        the same address again, from itself.
        """
        site = Headers(scope=scope).get("sec-fetch-site")
        unsafe = scope["scheme"] == "http" and is_from_elsewhere(scope)
        body = _ASK.format(
            up=place.up,
            command=MAKE_ONE,
            next=quote(place.next, safe=""),
            problem=f'<p class="problem" role="alert" id="problem">{escape(problem)}</p>\n' if problem else "",
            invalid=' aria-invalid="true" aria-errormessage="problem"' if problem == WRONG else "",
            notice=f'<p class="notice">{NOT_ENCRYPTED}</p>' if unsafe else "",
        )
        refresh = '<meta http-equiv="refresh" content="0">\n' if site in ("cross-site", "same-site") else ""
        return self._page("Sign in", body, status, refresh, {"WWW-Authenticate": "Bearer", **(headers or {})})

    def known(self, place: Place, name: str) -> Response:
        """The page for who is signed in."""
        return self._page("Signed in", _KNOWN.format(up=place.up, name=escape(name)), 200, "", {})

    def _page(self, title: str, body: str, status: int, refresh: str, headers: dict[str, str]) -> Response:
        style = self._style() + _CSS.read_text(encoding="utf-8")
        html = _PAGE.format(title=title, style=style, body=body, refresh=refresh)
        return HTMLResponse(html, status, {"Cache-Control": "no-store", **headers})


async def form_of(scope: Scope, receive: Receive) -> dict[str, str]:
    """What a form says; nothing of one that is too large, cut off or of another kind."""
    request, body = Request(scope, receive), b""
    if Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return {}
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                return {}
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=10))
    except (ValueError, ClientDisconnect):
        return {}


def signed_in(scope: Scope, session: Secret, next_: str) -> Response:
    """On to the page that was asked for, with the cookie: never told to scripts, nor with what other sites ask."""
    answer = RedirectResponse(_own(next_), 303, {"Cache-Control": "no-store"})
    answer.set_cookie(
        COOKIE, session.reveal(), max_age=SESSION_SECONDS, httponly=True, samesite="strict",
        secure=scope["scheme"] == "https",
    )  # fmt: skip
    return answer


def signed_out(scope: Scope) -> Response:
    """To the page that asks for a token; the browser forgets the pictures that it kept."""
    answer = RedirectResponse(SIGN_IN, 303, {"Cache-Control": "no-store", "Clear-Site-Data": '"cache"'})
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=scope["scheme"] == "https")
    return answer


def _own(next_: str) -> str:
    """An address below that of the pages; the first page's for any other."""
    path = next_.partition("?")[0]
    odd = _ODD.search(path) or _ODD.search(unquote(path)) or path in (SIGN_IN, SIGN_OUT)
    return "./" + ("" if odd else next_)
