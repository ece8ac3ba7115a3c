"""Requests of one kind, some of which are answered at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from src.errors import AppError

FOR_NOW = {"Cache-Control": "no-store"}
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

    async def answer(self, request: Request, work: Callable[[], Response]) -> Response:
        """What ``work`` gives; 503 where the library can't be asked now."""
        async with self._turn:
            if await request.is_disconnected():
                return Response(status_code=GONE)
            loop = asyncio.get_running_loop()
            try:
                return await loop.run_in_executor(self._threads, work)
            except AppError as error:  # the library can't be opened, is busy, or was taken away
                return JSONResponse({"error": error.user_message, "hint": error.hint}, status_code=503, headers=FOR_NOW)
