"""Which requests the app answers at all: its own pages', and nobody else's in the same browser.

For pages, websocket and routes alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.api.limits import TOO_LONG, too_long

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::\d{1,5})?")
_SCHEMES = {"ws": "http", "wss": "https"}

WRONG_HOST = "This address is not one of the app's; MFE_HOSTS adds names."
OTHER_SITE = "Another website may not use this app."

ANSWER_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; object-src 'none'; base-uri 'self'; "
        "form-action 'self'; frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Pages load nothing from other machines, and nobody else can frame, open or embed them.

Streamlit's scripts need the two 'unsafe'.
"""


class Doors:
    """ASGI middleware in front of everything: what it refuses reaches nothing behind it.

    That is status 403 (431 for headers of more than 64 kB), or a websocket that never opens. ``hosts``: names and
    addresses besides this computer's own under which the app may be reached, asked for at each request.
    """

    def __init__(self, app: ASGIApp, hosts: Callable[[], Collection[str]] = frozenset) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        long = too_long(scope)
        reason = TOO_LONG if long else refusal(scope, LOOPBACK.union(map(_bare, self._hosts())))
        if reason is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
        else:
            await JSONResponse({"error": reason}, status_code=431 if long else 403)(scope, receive, _with_headers(send))


def refusal(scope: Scope, hosts: Collection[str]) -> str | None:
    """Why a request is refused, None where it may pass. ``hosts``: in lower case, IPv6 without brackets.

    Host must be one of ``hosts``, which stops pages under another name that resolves to this computer. Origin, where
    sent, must be the same origin as Host; every browser sends it with a websocket, which is refused without it. And no
    other site may be behind the request, but for a link that is followed to a page.
    """
    headers = Headers(scope=scope)
    host = _only(headers.getlist("host"))
    found = _HOST.fullmatch(host)
    if not found or (found["ipv6"] or found["name"]) not in hosts:
        return WRONG_HOST
    origins = headers.getlist("origin")
    if (origins or scope["type"] == "websocket") and _only(origins) != f"{_scheme(scope)}://{host}":
        return OTHER_SITE
    if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not _is_link(scope, headers):
        return OTHER_SITE
    return None


def _is_link(scope: Scope, headers: Headers) -> bool:
    """Whether a person follows a link to one of the pages, which shows it to nobody but them."""
    what = (scope.get("method"), headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
    return what == ("GET", "navigate", "document")


def _only(values: Iterable[str]) -> str:
    """The header's one value in lower case, "" where it is missing or sent twice."""
    given = list(values)
    return given[0].lower() if len(given) == 1 else ""


def _scheme(scope: Scope) -> str:
    scheme = str(scope["scheme"])
    return _SCHEMES.get(scheme, scheme)


def _bare(host: str) -> str:
    return host.strip().lower().strip("[]")


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(ANSWER_HEADERS)
        await send(message)

    return sending
