"""HTTP routes of the app: pictures of catalogued images, values to complete what is typed, and who answers here."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose

from src.api.browsing import BrowsingRoutes
from src.api.line import FOR_NOW, Line

if TYPE_CHECKING:  # the app answers before what Services needs is imported
    from src.runtime import Services

APP_NAME = "media-feature-extractor"
FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
"""An image's id is its content, so its picture never changes."""
THUMBNAILS, PREVIEWS = 8, 2
"""Requests that are answered at once. A preview decodes an original: tens of megapixels, and memory to match."""
MOST_TYPED = 200
"""Characters of a value that are looked at."""
SIDES = {"": 1600, "640": 640, "full": 16_000}
"""What a preview's address may say after ``?side=`` -> the pixels that its longest side has at most; a browser shows
no more than the last.
"""


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

    def large(image_id: str, side: str) -> Response:
        data = services().library.preview(image_id, SIDES.get(side, SIDES[""]))
        if data is None:  # the file is gone or offline: the thumbnail is what is left of it, until the file is back
            return small(image_id, FOR_NOW)
        return Response(data, media_type="image/jpeg", headers=FOREVER)

    async def thumbnail(request: Request) -> Response:
        return await thumbnails.answer(request, partial(small, _image_id(request)))

    async def preview(request: Request) -> Response:
        side = request.query_params.get("side", "")
        return await previews.answer(request, partial(large, _image_id(request), side))

    pictures = [Route("/thumb/{image_id:uuid}", thumbnail), Route("/image/{image_id:uuid}", preview)]
    return _below_api(
        [Route("/health", health), *pictures, Route("/values/{key}", values), *BrowsingRoutes(services).routes()], base
    )


def _below_api(found: Sequence[BaseRoute], base: str) -> list[BaseRoute]:
    """These routes where a page asks for them, and an answer at every other address there."""
    places = dict.fromkeys(["/api", f"/{base.strip('/')}/api" if base.strip("/") else "/api"])
    return [
        route
        for place in places
        for route in (Mount(place, Router(found, default=_Nothing())), Route(place, _Nothing()))
    ]


def _completions(services: Callable[[], Services], line: Line) -> Callable[[Request], Awaitable[Response]]:
    """Answers with the values of a key of the query language in which the text ``typed`` is."""

    async def completions(request: Request) -> Response:
        key, typed = str(request.path_params["key"]), request.query_params.get("typed", "")[:MOST_TYPED]

        def found() -> Response:
            return JSONResponse({"values": services().vocabulary.completions(key, typed)}, headers=FOR_NOW)

        return await line.answer(request, found)

    return completions


class _Nothing:
    """Every other address below ``/api``, whatever the method: never a page."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = "There is nothing at this address."
        answer = JSONResponse({"error": text}, 404, FOR_NOW) if scope["type"] == "http" else WebSocketClose(reason=text)
        await answer(scope, receive, send)


def _image_id(request: Request) -> str:
    """As the catalogue writes it."""
    return str(request.path_params["image_id"])


def _not_here() -> Response:
    return JSONResponse({"error": "There is no such image in the library."}, status_code=404, headers=FOR_NOW)
