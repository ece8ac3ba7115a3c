"""Chroma's HTTP interface (version 2), spoken without chromadb.

Chromadb's own client waits without limit for a server that does not answer, also while it connects, and reports pages
that are not Chroma's by a bare Exception.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from src import network
from src.database.index.hnsw import IndexFailed
from src.errors import BadSetting

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 2.0
"""Longest wait for a connection."""
API = "/api/v2/tenants/default_tenant/databases/default_database/collections"


class ChromaHttp:
    """Requests to one server. Connects on first use, and again after any failure or a close at the next request."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._client: httpx.Client | None = None
        self._asking = 0
        self._idle = threading.Condition()

    @property
    def place(self) -> str:
        """Which server it is, for people."""
        return f"the Chroma server at {urlsplit(self._url).hostname}"

    def ask(self, method: str, path: str, seconds: float, body: object = None) -> Any:
        """One request below ``API``: the answer's JSON, None where the server has no such collection.

        seconds: the longest wait for the answer. Raises IndexFailed for anything else.
        """
        import httpx

        patience = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
        try:
            with self._connection() as client:
                answer = client.request(method, f"{self._url}{API}{path}", json=body, timeout=patience)
            found = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RecursionError, BadSetting) as error:
            raise IndexFailed(f"{self.place} can't be used: {type(error).__name__}: {error}") from error
        if answer.is_success:
            return found
        if answer.status_code == 404 and isinstance(found, dict) and found.get("error") == "NotFoundError":
            return None
        raise IndexFailed(f"{self.place} answered {answer.status_code}: {str(found)[:300]}")

    def close(self) -> None:
        """Let go of the connection, after the requests under way."""
        with self._idle:
            self._idle.wait_for(lambda: not self._asking)
            if self._client is not None:
                self._client.close()
                self._client = None

    @contextmanager
    def _connection(self) -> Iterator[httpx.Client]:
        """The client, made on first use; it is not closed while someone waits for an answer. Raises BadSetting."""
        with self._idle:
            if self._client is None:  # a proxy of this system's settings is for other machines than this one
                self._client = network.client(trust_env=not network.is_loopback(self._url))
            client = self._client
            self._asking += 1
        try:
            yield client
        finally:
            with self._idle:
                self._asking -= 1
                self._idle.notify_all()


@contextmanager
def understood() -> Iterator[None]:
    """An answer of another shape than Chroma's becomes IndexFailed."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise IndexFailed(f"that is no answer of a Chroma server: {type(error).__name__}: {error}") from error
