"""How the server stops: within seconds, whoever is connected. Imported before the app answers: nothing large is, in its
turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.types import Scope

GRACE_S = 3.0
"""Seconds that requests have to be answered once the server is to stop, before their connections are ended."""
_STOPPING = "server_is_stopping"


def stop_within_seconds() -> None:
    """Have the server, when it is told to stop, wait no longer than that for who sends or takes in slowly.

    Streams of events end at once (``is_stopping``); they would wait for their jobs. Once a process.
    """
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        return
    protocol: Any = HttpToolsProtocol
    if not getattr(protocol.shutdown, "is_bounded", False):
        protocol.shutdown = _bounded(protocol.shutdown)


def is_stopping(scope: Scope) -> bool:
    """Whether the server that a request came to is to stop."""
    return bool(scope.get("state", {}).get(_STOPPING))


def _bounded(shutdown: Callable[[Any], None]) -> Callable[[Any], None]:
    def bounded(self: Any) -> None:
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.scope["state"][_STOPPING] = True  # one dictionary, however often the scope is copied
            asyncio.get_running_loop().call_later(GRACE_S, self.transport.abort)
        shutdown(self)

    bounded.is_bounded = True  # type: ignore[attr-defined]
    return bounded
