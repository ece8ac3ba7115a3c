"""Answers that go on, such as the pages' websockets and streams of events, end once who gets them is let in no more."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REASON = "This session has ended."


async def serve(app: ASGIApp, scope: Scope, receive: Receive, send: Send, still: Callable[[], bool]) -> None:
    """As the app alone would, while ``still`` says so at each message.

    An answer whose length is told goes to its end.
    """
    lasting = _Socket(receive, send, still) if scope["type"] == "websocket" else _Stream(receive, send, still)
    await app(scope, lasting.receive, lasting.send)


class _Socket:
    def __init__(self, receive: Receive, send: Send, still: Callable[[], bool]) -> None:
        self._receive, self._send, self._still = receive, send, still
        self._closed = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.receive" and not await self._goes_on():
            return {"type": "websocket.disconnect", "code": 1008, "reason": REASON}
        return message

    async def send(self, message: Message) -> None:
        goes_on = await self._goes_on() if message["type"] == "websocket.send" else not self._closed
        if goes_on:
            await self._send(message)

    async def _goes_on(self) -> bool:
        if not self._closed and not self._still():
            self._closed = True
            await self._send({"type": "websocket.close", "code": 1008, "reason": REASON})
        return not self._closed


class _Stream:
    def __init__(self, receive: Receive, send: Send, still: Callable[[], bool]) -> None:
        self._receive, self._send, self._still = receive, send, still
        self._bounded = self._ended = False

    async def receive(self) -> Message:
        return {"type": "http.disconnect"} if self._ended else await self._receive()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._bounded = "content-length" in Headers(raw=message["headers"])
        elif message.get("more_body") and not self._bounded and not self._ended and not self._still():
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            self._ended = True
        if not self._ended:
            await self._send(message)
