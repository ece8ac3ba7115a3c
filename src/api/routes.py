"""HTTP routes of the app: pictures of catalogued images, values to complete what is typed, and who answers here."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from src.api.browsing import BrowsingRoutes
from src.api.line import FOR_NOW, Line
from src.api.map_routes import MapRoutes
from src.api.pictures import large, small
from src.api.problems import of_http

if TYPE_CHECKING:  # the app answers before what Services needs is imported
    from src.runtime import Services

APP_NAME = "media-feature-extractor"
THUMBNAILS, PREVIEWS = 8, 2
"""Requests that are answered at once. A preview decodes an original: tens of megapixels, and memory to match."""
MOST_TYPED = 200
"""Characters of a value that are looked at."""


def routes(services: Callable[[], Services], base: str = "") -> list[BaseRoute]:
    """``services`` is called at a request, not before: the app answers while the library is being opened.

    base: the path that the pages are behind, where they are; the routes are there too.
    """
    thumbnails, previews = Line(THUMBNAILS), Line(PREVIEWS)
    values = _completions(services, Line(1))

    async def health(_: Request) -> Response:
        return JSONResponse({"app": APP_NAME, "pid": os.getpid()})

    async def thumbnail(request: Request) -> Response:
        return await thumbnails.answer(request, lambda: small(services(), _image_id(request), request))

    async def preview(request: Request) -> Response:
        side = request.query_params.get("side", "")
        return await previews.answer(request, lambda: large(services(), _image_id(request), side, request))

    pictures = [_Own("/thumb/{image_id:uuid}", thumbnail), _Own("/image/{image_id:uuid}", preview)]
    own = [Route("/health", health), *pictures, Route("/values/{key}", values), *BrowsingRoutes(services).routes()]
    own += MapRoutes(services).routes()
    return _below_api(own, _Application(services), base)


def _below_api(found: Sequence[BaseRoute], others: ASGIApp, base: str) -> list[BaseRoute]:
    """These routes where a page asks for them; ``others`` answers at every other address there."""
    places = dict.fromkeys(["/api", f"/{base.strip('/')}/api" if base.strip("/") else "/api"])
    return [
        route
        for place in places
        for route in (_Below(place, Router(found, default=others, redirect_slashes=False)), Route(place, _Nothing()))
    ]


def _completions(services: Callable[[], Services], line: Line) -> Callable[[Request], Awaitable[Response]]:
    """Answers with the values of a key of the query language in which the text ``typed`` is."""

    async def completions(request: Request) -> Response:
        key, typed = str(request.path_params["key"]), request.query_params.get("typed", "")[:MOST_TYPED]

        def found() -> Response:
            return JSONResponse({"values": services().vocabulary.completions(key, typed)}, headers=FOR_NOW)

        return await line.answer(request, found)

    return completions


class _Below(Mount):
    """All addresses below one, also those that have a line break in them."""

    def __init__(self, path: str, app: ASGIApp) -> None:
        super().__init__(path, app)
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)


class _Own(Route):
    """A route for its own methods alone: another one is for the API to answer, which has the same address."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        return (match, found) if match is Match.FULL else (Match.NONE, {})


class _Nothing:
    """The address ``/api`` itself, whatever the method: never a page."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = of_http(404, "") if scope["type"] == "http" else WebSocketClose(reason="There is nothing here.")
        await answer(scope, receive, send)


class _Application:
    """The API for other programs, of which nothing is imported before its first request."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self._made: ASGIApp | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await WebSocketClose(reason="There is nothing here.")(scope, receive, send)
            return
        if self._made is None:
            await asyncio.to_thread(self._make)
        assert self._made is not None
        await self._made(scope, receive, send)

    def _make(self) -> None:
        with self._lock:
            if self._made is None:
                from src.api.application import application

                self._made = application(self._services)


def _image_id(request: Request) -> str:
    """As the catalogue writes it."""
    return str(request.path_params["image_id"])
