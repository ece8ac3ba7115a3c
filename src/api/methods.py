"""Every method at every address of the HTTP API: HEAD as GET without its body, OPTIONS, and 405 for the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from starlette._utils import get_route_path
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.api.problems import of_http

Paths = Mapping[str, Iterable[str]]
"""Address with names in braces, such as ``/jobs/{job}`` -> the methods that it takes."""
NAME = r"\{(\w+)\}"
MANY = ("tag", "space")
"""The names that may stand for several steps of an address."""


class Methods:
    """ASGI middleware. paths: asked for at the first request."""

    def __init__(self, app: ASGIApp, paths: Callable[[], Paths]) -> None:
        self._app = app
        self._paths = paths
        self._known: list[tuple[re.Pattern[str], set[str]]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allowed = self._allowed(get_route_path(scope)) if scope["type"] == "http" else set()
        if not allowed or scope["method"] in allowed - {"HEAD"}:
            await self._app(scope, receive, send)
        elif scope["method"] == "HEAD" and "GET" in allowed:
            await self._app({**scope, "method": "GET", "head": True}, receive, _without_body(send))
        else:
            headers = {"Allow": ", ".join(sorted({*allowed, "OPTIONS"}))}
            asked = scope["method"] == "OPTIONS"
            answer = Response(status_code=204, headers=headers) if asked else of_http(405, "", headers)
            await answer(scope, receive, send)

    def _allowed(self, path: str) -> set[str]:
        """Of the address that says most of the path itself: ``/spaces/{space}/vectors`` before ``/spaces/{space}``."""
        if not self._known:
            addresses = sorted(self._paths().items(), key=lambda one: -len(re.sub(NAME, "", one[0])))
            self._known = [(_pattern(one), {each.upper() for each in taken}) for one, taken in addresses]
        taken = next((methods for pattern, methods in self._known if pattern.fullmatch(path)), set())
        return taken | {"HEAD"} if "GET" in taken else taken


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(NAME, path)
    names = (".+" if part in MANY else "[^/]+" for part in parts[1::2])
    plain = map(re.escape, parts[::2])
    return re.compile("".join(text for pair in zip(plain, [*names, ""], strict=True) for text in pair), re.DOTALL)


def _without_body(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return sending
