"""How much of a request is taken in before it is understood: before a body, Streamlit's server has no limit.

uvicorn reads HTTP with httptools where that is installed (chromadb brings it), which collects headers of any length;
h11, the other one, stops at 64 kB by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.types import Scope

MOST_BYTES = 64 * 2**10
"""Of a request's address and headers together, or of what follows its body."""
TOO_LONG = "The request's address and headers are too long."
_HEADWAY = ("on_headers_complete", "on_body", "on_message_complete")


def too_long(scope: Scope) -> bool:
    """Whether a request that was understood should have been shorter: all of it may come at once."""
    address = len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")
    return address + sum(len(name) + len(value) for name, value in scope["headers"]) > MOST_BYTES


def bound_requests() -> None:
    """Have the server end a connection that sends more than this without its request getting any further.

    Once a process.
    """
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        return
    protocol: Any = HttpToolsProtocol
    if not hasattr(protocol, "taken"):
        protocol.taken = 0
        protocol.data_received = _counting(protocol.data_received)
        for name in _HEADWAY:
            setattr(protocol, name, _starting_anew(getattr(protocol, name)))


def _counting(receive: Callable[[Any, bytes], None]) -> Callable[[Any, bytes], None]:
    def data_received(self: Any, data: bytes) -> None:
        self.taken += len(data)
        receive(self, data)
        if self.taken <= MOST_BYTES:
            return
        if self.cycle is None or self.cycle.response_complete:
            self.send_400_response(TOO_LONG)
        else:  # it is being answered
            self.transport.abort()

    return data_received


def _starting_anew(step: Callable[..., None]) -> Callable[..., None]:
    def with_count(self: Any, *told: Any) -> None:
        self.taken = 0
        step(self, *told)

    return with_count
