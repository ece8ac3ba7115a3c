"""HTTP routes of the app: pictures of catalogued images, and who answers on this port."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from src.errors import AppError

if TYPE_CHECKING:  # the app answers before what Services needs is imported
    from src.bootstrap import Services

APP_NAME = "media-feature-extractor"
FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
"""An image's id is its content, so its picture never changes."""
FOR_NOW = {"Cache-Control": "no-store"}


def routes(services: Callable[[], Services]) -> list[Route]:
    """``services`` is called at a request, not before: the app answers while the library is being opened."""

    def health(_: Request) -> Response:
        return JSONResponse({"app": APP_NAME, "pid": os.getpid()})

    def small(image_id: str, headers: dict[str, str]) -> Response:
        path = services().library.thumbnail(image_id)
        try:  # read at once: sending such a small file in pieces costs more than the file
            return Response(path.read_bytes(), media_type="image/jpeg", headers=headers) if path else _not_here()
        except FileNotFoundError:  # cleared just now
            return _not_here()

    def thumbnail(request: Request) -> Response:
        return small(request.path_params["image_id"], FOREVER)

    def preview(request: Request) -> Response:
        image_id = request.path_params["image_id"]
        data = services().library.preview(image_id)
        if data is None:  # the file is gone or offline: the thumbnail is what is left of it, until the file is back
            return small(image_id, FOR_NOW)
        return Response(data, media_type="image/jpeg", headers=FOREVER)

    return [
        Route("/api/health", health),
        Route("/api/thumb/{image_id:uuid}", _text_id(thumbnail)),
        Route("/api/image/{image_id:uuid}", _text_id(preview)),
    ]


def _text_id(handler: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """Give the handler the id as the catalogue writes it."""

    def handle(request: Request) -> Response:
        request.scope["path_params"] = {"image_id": str(request.path_params["image_id"])}
        try:
            return handler(request)
        except AppError as error:  # the library can't be opened, is busy, or was taken away
            return JSONResponse({"error": error.user_message, "hint": error.hint}, status_code=503, headers=FOR_NOW)

    return handle


def _not_here() -> Response:
    return JSONResponse({"error": "There is no such image in the library."}, status_code=404, headers=FOR_NOW)
