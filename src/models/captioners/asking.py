"""One request to a server that nobody trusts: bounded in time and size, led to no other place, and given up at once."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from src import network
from src.errors import BadSetting, EndpointRefused
from src.models.captioners.endpoint import Endpoint
from src.models.captioners.waiting import Halted, Patience, never, stop_if

if TYPE_CHECKING:
    import httpx

LARGEST = 4 << 20
"""Bytes of an answer that are read."""
_LOOK_S = 0.1
"""So often it is asked whether the work is to end."""


@dataclass(frozen=True)
class Reply:
    """An answer. value: its JSON, None where it is none."""

    status: int
    headers: Mapping[str, str]
    value: Any = None


class Broken(Exception):
    """No answer of use came now; the text says why, as the end of a sentence about the server.

    reached: whether there was a server at all. late: whether the time was up. busy: whether it has too much to do.
    wait_s: seconds that it asks to be left alone for, 0 where it does not say.
    """

    def __init__(
        self, why: str, *, reached: bool = True, late: bool = False, busy: bool = False, wait_s: float = 0.0
    ) -> None:
        super().__init__(why)
        self.reached = reached
        self.late = late
        self.busy = busy
        self.wait_s = wait_s


class Line:
    """Requests to one endpoint. Safe to use from several threads.

    Each request has a connection of its own, which is cut where the work is to end: a server may think for minutes.
    """

    def __init__(self, endpoint: Endpoint, patience: Patience) -> None:
        self._endpoint = endpoint
        self._patience = patience

    def ask(self, method: str, url: str, body: object = None, halted: Halted = never) -> Reply:
        """The answer to one request; redirects are not followed.

        Raises Broken, NotDescribed where the work is to end, EndpointRefused where this system's network settings can't
        be used.
        """
        stop_if(halted)
        request = _Request(self._client)
        pool = ThreadPoolExecutor(1, "describing")
        try:
            return self._awaited(pool.submit(request.made, method, url, self._headers(), body), halted)
        finally:
            request.cut()
            pool.shutdown(wait=False)

    def _awaited(self, answer: Future[Reply], halted: Halted) -> Reply:
        looks = max(1, round(self._patience.answer_s / _LOOK_S))
        for _ in range(looks):
            if wait((answer,), _LOOK_S).done:
                return answer.result()
            stop_if(halted)
        raise Broken("does not answer in time", late=True)

    def _headers(self) -> dict[str, str]:
        key = {"Authorization": f"Bearer {self._endpoint.key.reveal()}"} if self._endpoint.key else {}
        return {"Accept": "application/json", "Accept-Encoding": "identity"} | key

    @cached_property
    def _client(self) -> httpx.Client:
        import httpx

        timeout = httpx.Timeout(self._patience.answer_s, connect=self._patience.connect_s)
        alone = httpx.Limits(max_keepalive_connections=0)
        try:  # a proxy of this system's settings is for other machines than this one
            return network.client(timeout=timeout, limits=alone, trust_env=not self._endpoint.is_local)
        except BadSetting as error:
            raise EndpointRefused(error.user_message, error.hint) from error


class _Request:
    """One request, and the connection it goes over."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._stream: Any = None
        self._is_cut = False

    def made(self, method: str, url: str, headers: dict[str, str], body: object) -> Reply:
        """Its answer. Raises Broken."""
        import httpx

        from src.models.http_answer import blocks_of, network_errors

        told = {"trace": self._look}
        try:
            with (
                network_errors(),
                self._client.stream(method, url, headers=headers, json=body, extensions=told) as answer,
            ):
                read = bytearray()
                for block in blocks_of(answer):
                    read += block
                    if len(read) > LARGEST:
                        raise Broken("sends more than a description can be")
                return Reply(answer.status_code, answer.headers, _json(bytes(read)))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _broken(error) from error

    def cut(self) -> None:
        """End it, also while the server is waited for in another thread."""
        self._is_cut = True
        connection = self._stream.get_extra_info("socket") if self._stream else None
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _look(self, event: str, info: Mapping[str, Any]) -> None:
        """Told by the network library of what it does: keeps the connection, and goes no further once it was cut."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._stream = info["return_value"]
        if self._is_cut:
            raise OSError("the work was ended")


def _json(read: bytes) -> Any:
    with suppress(ValueError, RecursionError):
        return json.loads(read)
    return None


def _broken(error: Exception) -> Broken:
    """What the network library says, in our words."""
    import httpx

    from src.models.http_answer import certificate_problem

    if (refused := certificate_problem(error)) is not None:
        return Broken(f"shows a certificate that can't be checked ({refused})", reached=False)
    if isinstance(error, httpx.ProxyError):
        return Broken("can't be reached through the proxy of this system's settings", reached=False)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.InvalidURL | httpx.UnsupportedProtocol):
        return Broken("can't be reached", reached=False)
    if isinstance(error, httpx.TimeoutException):
        return Broken("does not answer in time", late=True)
    return Broken("broke off its answer")
