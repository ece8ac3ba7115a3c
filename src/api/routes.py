"""HTTP routes of the app: pictures of catalogued images, values to complete what is typed, and who answers here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose

from src.errors import AppError

if TYPE_CHECKING:  # the app answers before what Services needs is imported
    from src.runtime import Services

APP_NAME = "media-feature-extractor"
FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
"""An image's id is its content, so its picture never changes."""
FOR_NOW = {"Cache-Control": "no-store"}
THUMBNAILS, PREVIEWS = 8, 2
"""Requests that are answered at once. A preview decodes an original: tens of megapixels, and memory to match."""
MOST_TYPED = 200
"""Characters of a value that are looked at."""
GONE = 499
"""What nobody is there to read."""


class Line:
    """Requests of one kind: some are answered at once, each in a thread, and the others wait without holding one.

    A request whose client has gone when its turn comes is dropped: a browser that leafs through photos gives up most of
    what it asks for.
    """

    def __init__(self, most: int) -> None:
        self._turn = asyncio.Semaphore(most)
        self._threads = ThreadPoolExecutor(most, "api")

    async def answer(self, request: Request, work: Callable[[str], Response]) -> Response:
        """What ``work`` makes of what the address ends with, ids as the catalogue writes them.

        503 where it can't be asked now.
        """
        async with self._turn:
            if await request.is_disconnected():
                return Response(status_code=GONE)
            loop, (asked,) = asyncio.get_running_loop(), request.path_params.values()
            try:
                return await loop.run_in_executor(self._threads, work, str(asked))
            except AppError as error:  # the library can't be opened, is busy, or was taken away
                return JSONResponse({"error": error.user_message, "hint": error.hint}, status_code=503, headers=FOR_NOW)


def routes(services: Callable[[], Services], base: str = "") -> list[BaseRoute]:
    """``services`` is called at a request, not before: the app answers while the library is being opened.

    base: the path that the pages are behind, where they are; the routes are there too.
    """
    thumbnails, previews = Line(THUMBNAILS), Line(PREVIEWS)
    values = _completions(services, Line(1))

    async def health(_: Request) -> Response:
        return JSONResponse({"app": APP_NAME, "pid": os.getpid()})

    def small(image_id: str, headers: dict[str, str] = FOREVER) -> Response:
        path = services().library.thumbnail(image_id)
        try:  # read at once: sending such a small file in pieces costs more than the file
            return Response(path.read_bytes(), media_type="image/jpeg", headers=headers) if path else _not_here()
        except FileNotFoundError:  # cleared just now
            return _not_here()

    def large(image_id: str) -> Response:
        data = services().library.preview(image_id)
        if data is None:  # the file is gone or offline: the thumbnail is what is left of it, until the file is back
            return small(image_id, FOR_NOW)
        return Response(data, media_type="image/jpeg", headers=FOREVER)

    async def thumbnail(request: Request) -> Response:
        return await thumbnails.answer(request, small)

    async def preview(request: Request) -> Response:
        return await previews.answer(request, large)

    pictures = [Route("/thumb/{image_id:uuid}", thumbnail), Route("/image/{image_id:uuid}", preview)]
    found = [Route("/health", health), *pictures, Route("/values/{key}", values)]
    places = dict.fromkeys(["/api", f"/{base.strip('/')}/api" if base.strip("/") else "/api"])
    return [
        route
        for place in places
        for route in (Mount(place, Router(found, default=_Nothing())), Route(place, _Nothing()))
    ]


def _completions(services: Callable[[], Services], line: Line) -> Callable[[Request], Awaitable[Response]]:
    """Answers with the values of a key of the query language in which the text ``typed`` is."""

    async def completions(request: Request) -> Response:
        typed = request.query_params.get("typed", "")[:MOST_TYPED]

        def found(key: str) -> Response:
            return JSONResponse({"values": services().vocabulary.completions(key, typed)}, headers=FOR_NOW)

        return await line.answer(request, found)

    return completions


class _Nothing:
    """Every other address below ``/api``, whatever the method: never a page."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = "There is nothing at this address."
        answer = JSONResponse({"error": text}, 404, FOR_NOW) if scope["type"] == "http" else WebSocketClose(reason=text)
        await answer(scope, receive, send)


def _not_here() -> Response:
    return JSONResponse({"error": "There is no such image in the library."}, status_code=404, headers=FOR_NOW)
