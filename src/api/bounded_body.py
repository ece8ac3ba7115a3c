"""How much of a request's body is taken in, and how long it is waited for, before anything of it is understood."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.api import problems

MOST_TEXT, MOST_FORM = 2**20, 600 * 2**20
"""Bytes of a body in JSON, and of a form with pictures in it."""
IDLE_S = 60.0
"""Seconds in which some more of a body has to come."""
TOO_LARGE = "The request's body is too large."
TOO_SLOW = "The rest of the request's body did not come."


class BoundedBody:
    """ASGI middleware: a body that is larger than may be gets 413, told by its length or as soon as it is seen; one
    that stops coming gets 408. Who goes on sending a body without an end after the answer is cut off.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        most = MOST_FORM if headers.get("content-type", "").startswith("multipart/") else MOST_TEXT
        said = headers.get("content-length", "")
        body = _Body(receive, send, most, endless=not said and "transfer-encoding" in headers)
        if said.isdecimal() and (len(said) > 18 or int(said) > most):
            body.endless = len(said) > 18 or int(said) > MOST_FORM
            await problems.problem(413, TOO_LARGE)(scope, receive, body.send)
        else:
            await self._app(scope, body.receive, body.send)


class _Body:
    """The body of one request as it comes. endless: how long it is was not said, or is more than is ever taken in."""

    def __init__(self, receive: Receive, send: Send, most: int, endless: bool) -> None:
        self.endless = endless
        self._receive, self._send = receive, send
        self._most, self._taken, self._whole = most, 0, False

    async def receive(self) -> Message:
        """The next message. Raises HTTPException."""
        if self._whole:  # what is waited for from now on is that the client goes
            return await self._receive()
        try:
            async with asyncio.timeout(IDLE_S):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(408, TOO_SLOW) from error
        self._taken += len(message.get("body") or b"")
        self._whole = not message.get("more_body")
        if self._taken > self._most:
            raise HTTPException(413, TOO_LARGE)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self.endless and not self._whole:
            MutableHeaders(scope=message)["connection"] = "close"
        await self._send(message)
