"""How the server stops. Imported before the app answers: nothing large is, in its turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

STREAMS = "/events"
"""How the addresses of streams end."""


def end_streams_at_stop() -> None:
    """Have the server end streams of events when it is told to stop, which would otherwise wait for their jobs.

    Once a process.
    """
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        return
    protocol: Any = HttpToolsProtocol
    if not getattr(protocol.shutdown, "ends_streams", False):
        protocol.shutdown = _ending(protocol.shutdown)


def _ending(shutdown: Callable[[Any], None]) -> Callable[[Any], None]:
    def ended(self: Any) -> None:
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete and cycle.scope["path"].endswith(STREAMS):
            cycle.disconnected = True
            cycle.message_event.set()
        shutdown(self)

    ended.ends_streams = True  # type: ignore[attr-defined]
    return ended
