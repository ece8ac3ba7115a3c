"""Requests of one kind, some of which are answered at once, or all that wait together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from src.api import problems
from src.errors import AppError

T = TypeVar("T")
A = TypeVar("A")

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


Work = Callable[[Sequence[A]], Sequence[T | AppError]]
"""Gives for each of several questions what is answered, or why nothing is."""


@dataclass(frozen=True)
class _Waiting(Generic[A, T]):
    request: Request
    asked: A
    work: Work[A, T]
    answer: asyncio.Future[T]


class Gathering(Generic[A, T]):
    """Requests of one kind of which several cost less together than each by itself: all that came while others were
    answered are answered next, in one thread. One that finds nobody waiting is answered at once, by itself.
    """

    def __init__(self, most: int) -> None:
        """most: that are answered together."""
        self._most = most
        self._waiting: list[_Waiting[A, T]] = []
        self._thread = ThreadPoolExecutor(1, "api-together")
        self._answering: asyncio.Task[None] | None = None

    async def run(self, request: Request, asked: A, work: Work[A, T]) -> T:
        """What ``work`` gives for ``asked``, or raises. To be called once the request's body was read: what comes is
        lost.
        """
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(request, asked, work, answer))
        if self._answering is None or self._answering.done():
            self._answering = asyncio.create_task(self._answer())
        found: T = await answer
        return found

    async def _answer(self) -> None:
        while self._waiting:
            work = self._waiting[0].work
            some = [one for one in self._waiting if one.work == work][: self._most]
            self._waiting = [one for one in self._waiting if one not in some]
            there = [one for one in some if not await _gone(one)]
            if not there:
                continue
            done = asyncio.get_running_loop().run_in_executor(self._thread, work, [one.asked for one in there])
            await asyncio.wait([done])
            failed = done.exception()
            for one, found in zip(there, [failed] * len(there) if failed else done.result(), strict=True):
                _tell(one.answer, found)


async def _gone(one: _Waiting[A, T]) -> bool:
    """Whether nobody waits for the answer any more, who is told so."""
    gone = one.answer.done() or await one.request.is_disconnected()
    if gone and not one.answer.done():
        one.answer.set_exception(HTTPException(GONE))
    return gone


def _tell(answer: asyncio.Future[T], found: T | BaseException) -> None:
    if answer.done():  # who asked was cancelled meanwhile
        return
    if isinstance(found, BaseException):
        answer.set_exception(found)
    else:
        answer.set_result(found)
