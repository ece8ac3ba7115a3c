"""How much of a request's body is taken in, before anything of it is understood."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.api import problems

MOST_TEXT, MOST_FORM = 2**20, 600 * 2**20
"""Bytes of a body in JSON, and of a form with pictures in it."""
TOO_LARGE = "The request's body is too large."


class BoundedBody:
    """ASGI middleware: a body that is larger than may be gets 413, told by its length or as soon as it is seen."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        most = MOST_FORM if headers.get("content-type", "").startswith("multipart/") else MOST_TEXT
        said = headers.get("content-length", "")
        if said.isdecimal() and (len(said) > 18 or int(said) > most):
            await problems.problem(413, TOO_LARGE)(scope, receive, send)
        else:
            await self._app(scope, _counting(receive, most), send)


def _counting(receive: Receive, most: int) -> Receive:
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body") or b"")
        if taken > most:
            raise HTTPException(413, TOO_LARGE)
        return message

    return counted
