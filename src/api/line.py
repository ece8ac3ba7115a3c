"""Requests of one kind, some of which are answered at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from src.api import problems
from src.errors import AppError

T = TypeVar("T")

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

    async def run(self, request: Request, work: Callable[[], T]) -> T:
        """What ``work`` gives, or raises. To be called once the request's body was read: what comes is lost."""
        async with self._turn:
            if await request.is_disconnected():
                raise HTTPException(GONE)
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def answer(self, request: Request, work: Callable[[], Response]) -> Response:
        """The same for a page's own routes, where a problem is an answer too: mostly that the library can't be asked
        now.
        """
        try:
            return await self.run(request, work)
        except AppError as error:
            return problems.of_error(error)
        except HTTPException as gone:
            return Response(status_code=gone.status_code)
