"""Addresses of pages that there are none of lead to the first page, which would only be found by accident there."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

SERVED = frozenset({"api", "app", "component", "media", "static", "_stcore"})
"""First parts of addresses under which something else than a page is served."""


class KnownPages:
    """ASGI middleware: who goes to an unknown page, such as a mistyped link's, comes to the first, with the same query.

    Streamlit itself would show the first page there under the unknown address, below which no picture is found. The
    answer is relative, so that it holds behind a reverse proxy that takes a path away. ``base``: the path that the app
    is behind as it knows it. ``ends``: of the pages' addresses.
    """

    def __init__(self, app: ASGIApp, base: str = "", ends: Collection[str] = ()) -> None:
        self._app = app
        self._base = f"/{base.strip('/')}" if base.strip("/") else ""
        self._ends = frozenset(ends)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = self._unknown(scope)
        await (self._app if place is None else RedirectResponse(place))(scope, receive, send)

    def _unknown(self, scope: Scope) -> str | None:
        """Where a request for an unknown page is sent to; None for all others."""
        if (
            scope["type"] != "http"
            or scope["method"] != "GET"
            or Headers(scope=scope).get("sec-fetch-dest") != "document"
        ):
            return None
        path = str(scope["path"])
        below = path[len(self._base) :].lstrip("/") if path.startswith(f"{self._base}/") else ""
        if not below or below.rstrip("/") in self._ends or below.split("/")[0] in SERVED:
            return None
        query = scope["query_string"].decode("latin-1")
        return ("../" * below.count("/") or "./") + (f"?{query}" if query else "")
