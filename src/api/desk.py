"""Where requests to the HTTP API are taken in: who does what they ask for, in which line, and whether that is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from starlette.requests import Request

from src.api.line import Gathering, Line
from src.errors import LibraryUnusable

if TYPE_CHECKING:
    from src.runtime import Services
    from src.services.search.asking import Answer, Wanted

T = TypeVar("T")

READS, WRITES, PICTURES, CLASSIFIED, ASIDE = 4, 2, 4, 2, 4
"""Requests of a kind that are answered at once, each in a thread; pages have threads of their own."""
SEARCHES = 16
"""Searches that are made together, in one thread: half a processor or more is left to the pages."""
OPENING_S = 10.0
"""Seconds that a request waits while the library is being opened, before it is told to come again."""


class Desk:
    """One of them for an app. ``services`` may take long, and raise LibraryError."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self._opening = ThreadPoolExecutor(1, "api-open")
        self._opened: Future[Services] | None = None
        self._searching: Gathering[Wanted, Answer] = Gathering(SEARCHES)
        self.reading, self.writing = Line(READS), Line(WRITES)
        self.counting, self.picturing, self.classifying = Line(1), Line(PICTURES), Line(CLASSIFIED)
        self._aside = ThreadPoolExecutor(ASIDE, "api-aside")
        self.streams = 0

    async def ask(self, line: Line, request: Request, work: Callable[[Services], T]) -> T:
        """What ``work`` makes of the services, in its turn. Raises AppError; LibraryUnusable where it was closed."""
        services = await self.services()
        return await line.run(request, lambda: work(services))

    async def search(self, request: Request, wanted: Wanted) -> Answer:
        """A page of a search, made together with those of others who wait. Raises AppError as ``ask`` does."""
        services = await self.services()
        return await self._searching.run(request, wanted, services.asking.pages)

    async def aside(self, work: Callable[[], T]) -> T:
        """A short piece of work of a request that takes long as a whole, in a thread and without a turn."""
        return await asyncio.get_running_loop().run_in_executor(self._aside, work)

    async def services(self) -> Services:
        """Raises LibraryError where the library is not open, or is being opened for longer than a client waits."""
        if self._opened is None or self._opened.done():
            self._opened = self._opening.submit(self._services)
        try:
            services = await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._opened)), OPENING_S)
        except TimeoutError as error:
            raise LibraryUnusable("The library is still being opened.", "Ask again in a moment.") from error
        if services.closed.is_set():
            raise services.problem() or LibraryUnusable("The library is closed.", "Ask again once the app runs.")
        return services
