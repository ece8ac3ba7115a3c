"""One checkpoint's server: what it answers is looked at before anything that is here already gives way to it.

Servers, and what stands between them and this computer, answer with login pages, other files, other ranges than asked
for, endless redirects or nothing. None of that costs what has arrived before: an answer goes on from there only where
it says that it does, and one that begins anew is kept beside it until it is the longer of the two, or complete.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from urllib.parse import quote

import httpx

from src import network
from src.errors import BadSetting, DownloadFailed, WeightsCorrupt
from src.models.http_answer import (
    blocks_of,
    certificate_problem,
    content_range,
    is_page,
    network_errors,
    says_it_is_all,
    whole_number,
)
from src.models.partial import Arrivals, Partial
from src.models.registry import ModelSpec
from src.schema import Progress

LARGEST = 8 << 30
"""Most that is taken of a file whose published size is not known."""
REDIRECTS = 5
_PROGRESS_EVERY_S = 0.1
_SPACE_MARGIN = 64 << 20
_GAIN = 1 << 16
"""Bytes that must have come for a try to count as getting further."""
_HEAD = 512
_NO_TEXT = bytes(set(range(32)) - set(b"\t\n\f\r\x1b")) + b"\x7f"
_UNREACHABLE = (httpx.ConnectError, httpx.ConnectTimeout)
_HOPELESS = (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.TooManyRedirects, httpx.ProxyError)
_RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Patience:
    """How long a download waits, in seconds, and how often it tries again without getting any further."""

    connect_s: float = 10.0
    read_s: float = 20.0
    """Also the longest a cancel can take: it is seen whenever bytes arrive or this runs out."""
    attempts: int = 4
    pause_s: float = 1.0


class Source:
    """Fills what is kept of a checkpoint from wherever it stands, again and again where the line breaks."""

    def __init__(self, spec: ModelSpec, folder: Path, base_url: str | None, patience: Patience) -> None:
        self.spec = spec
        self.folder = folder
        self.base_url = base_url
        self.url = url_of(spec, base_url)
        self.patience = patience
        self.total = spec.bytes or None
        self._asked: list[tuple[str, str]] = []
        """Address and cookies of every request of this try, redirects included."""
        self._whole = False
        """Whether the server has shown that it can't go on from where the file stands."""

    def fill(self, arrivals: Arrivals) -> Iterator[Progress]:
        """Until the file is complete.

        Raises DownloadFailed, at once where trying again can't help, else after ``attempts`` in vain.
        """
        start = furthest = arrivals.kept.size
        failures = 0
        with self._client(arrivals) as client:
            while not self._complete(arrivals.kept):
                yield Progress(arrivals.kept.size, self.total, "bytes", self.spec.file_name)
                try:
                    yield from self._receive(client, arrivals)
                    break
                except (httpx.RequestError, httpx.InvalidURL, _Interrupted) as error:
                    size = arrivals.kept.size
                    failures = 1 if size >= furthest + _GAIN else failures + 1
                    never_up = isinstance(error, _UNREACHABLE) and size == start
                    if never_up or isinstance(error, _HOPELESS) or failures >= self.patience.attempts:
                        raise self._failed(self._reason(error), arrivals.kept) from error
                    furthest = size if failures == 1 else furthest
                time.sleep(self.patience.pause_s)
        yield Progress(arrivals.kept.size, self.total or arrivals.kept.size, "bytes", self.spec.file_name)

    def _complete(self, kept: Partial) -> bool:
        """True once nothing is left to ask for."""
        return kept.size > 0 and (kept.size == self.spec.bytes or kept.sha256() == self.spec.sha256)

    # ------------------------------------------------------------ one answer

    def _receive(self, client: httpx.Client, arrivals: Arrivals) -> Iterator[Progress]:
        """One answer of the server into the file. Raises _Interrupted where it ends early."""
        kept = arrivals.kept
        with self._answer(client, 0 if self._whole else kept.size) as response:
            start, total = self._place(response, kept)
            blocks = blocks_of(response)
            if not start and total != self.spec.bytes:
                blocks = self._looked_at(blocks, kept)
            check_space(self.spec, self.folder, (total or 0) - start)
            self.total = total or self.total
            if start == kept.size:
                yield from self._append(blocks, kept)
                if says_it_is_all(response) and kept.size < (self.total or 0):
                    kept.take_back()
            else:
                yield from self._anew(blocks, arrivals, sure=bool(total))
        if not arrivals.kept.size or (self.total and arrivals.kept.size < self.total):
            raise _Interrupted("the connection ended early")

    def _append(self, blocks: Iterator[bytes], into: Partial) -> Iterator[Progress]:
        """The blocks, after what the file has. More than belongs there means that none of them did."""
        into.mark()
        shown = time.monotonic()
        for block in blocks:
            if into.size + len(block) > (self.spec.bytes or LARGEST):
                into.take_back()
                raise self._too_large()
            into.write(block)
            if time.monotonic() - shown >= _PROGRESS_EVERY_S:
                shown = time.monotonic()
                yield Progress(into.size, self.total, "bytes", self.spec.file_name)

    def _anew(self, blocks: Iterator[bytes], arrivals: Arrivals, sure: bool) -> Iterator[Progress]:
        """The whole file from its beginning, beside what is kept.

        It takes that one's place where it is the published file; or, if it broke off, where it is longer and the server
        was ``sure`` of its size. Raises WeightsCorrupt where it is complete and another file; what was kept stays.
        """
        fresh = arrivals.fresh()
        ended = False
        try:
            yield from self._append(blocks, fresh)
            ended = not self.total or fresh.size >= self.total
        finally:
            better = sure and not ended and fresh.size > arrivals.kept.size
            if better or fresh.sha256() == self.spec.sha256:
                arrivals.adopt(fresh)
            else:
                fresh.remove()
        if ended and fresh.sha256() != self.spec.sha256:
            raise self.another_file(fresh.sha256(), arrivals.kept)

    def _place(self, response: httpx.Response, kept: Partial) -> tuple[int, int | None]:
        """Where in the file the answer begins, and the size the whole file will have; None where nobody says.

        Raises _Interrupted where asking again can help, DownloadFailed where the answer is something else than the
        file.
        """
        status, start, length = response.status_code, 0, whole_number(response.headers.get("Content-Length", ""))
        if status in _RETRIED_STATUS:
            raise _Interrupted(f"the server answered {status}")
        if status not in (200, 206, 416):
            raise self._failed(f"the server answered {status} {response.reason_phrase}".strip(), kept)
        total = length
        if status != 200:
            first, last, total = content_range(response)
            if status == 416 or first not in (0, kept.size) or length not in (None, last - first + 1):
                self._whole = True
                raise _Interrupted("the server has no such range")
            start = first
        if self.spec.bytes and total not in (None, self.spec.bytes):
            why = f"{self._host()} sends a file of {total:,} bytes, and the published one has {self.spec.bytes:,}"
            raise self._failed(why, kept)
        if is_page(response) and (length is None or total != self.spec.bytes):
            raise self._failed(_A_PAGE.format(self._host()), kept)
        return start, total

    def _looked_at(self, blocks: Iterator[bytes], kept: Partial) -> Iterator[bytes]:
        """The same blocks, unless they begin as text does: no checkpoint is text."""
        head = b""
        for block in blocks:
            head += block
            if len(head) >= _HEAD:
                break
        if head and len(head.translate(None, _NO_TEXT)) == len(head):
            raise self._failed(_A_PAGE.format(self._host()), kept)
        return chain([head] if head else [], blocks)

    # ------------------------------------------------------------ asking

    def _client(self, arrivals: Arrivals) -> httpx.Client:
        timeout = httpx.Timeout(self.patience.read_s, connect=self.patience.connect_s)
        hooks = {"request": [self._look_at_request]}
        try:
            return network.client(timeout=timeout, follow_redirects=True, max_redirects=REDIRECTS, event_hooks=hooks)
        except BadSetting as error:
            raise self._failed(error.user_message.rstrip("."), arrivals.kept) from error

    @contextmanager
    def _answer(self, client: httpx.Client, start: int) -> Iterator[httpx.Response]:
        self._asked.clear()
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        with network_errors():
            response = client.send(client.build_request("GET", self.url, headers=headers), stream=True)
        try:
            yield response
        finally:
            response.close()

    def _look_at_request(self, request: httpx.Request) -> None:
        """Before each request, redirects included. One that was made just before would be answered just so again."""
        if not self.base_url and request.url.scheme != "https":
            raise DownloadFailed(
                f"{self.spec.title} was not downloaded: "
                f"{request.url.host} is not asked over an unencrypted connection.",
                by_hand(self.spec, self.folder, self.base_url),
            )
        asked = (str(request.url), request.headers.get("Cookie", ""))
        if asked in self._asked:
            raise httpx.TooManyRedirects("a circle", request=request)
        self._asked.append(asked)

    # ------------------------------------------------------------ what is told

    def _host(self) -> str:
        """The server that was asked last."""
        return _host(self._asked[-1][0] if self._asked else self.url)

    def _reason(self, problem: Exception) -> str:
        if isinstance(problem, httpx.TooManyRedirects):
            return f"{_host(self.url)} sends from one address to the next without end"
        if isinstance(problem, httpx.UnsupportedProtocol | httpx.InvalidURL):
            sent_on = len(self._asked) > 1
            return (
                f"{_host(self.url)} sends to an address that can't be used"
                if sent_on
                else f"{self.url} is no address that can be asked"
            )
        if isinstance(problem, httpx.ProxyError):
            return f"the proxy on the way to {self._host()} refuses ({problem})"
        if (refused := certificate_problem(problem)) is not None:
            trust = "SSL_CERT_FILE names the authorities to trust"
            return f"the certificate of {self._host()} can't be checked ({refused}); {trust}"
        if isinstance(problem, _UNREACHABLE):
            proxy = network.proxy_for(self._asked[-1][0] if self._asked else self.url)
            return f"{self._host()} could not be reached{f' through the proxy that {proxy} names' if proxy else ''}"
        if isinstance(problem, httpx.TimeoutException):
            return f"{self._host()} does not answer"
        if isinstance(problem, httpx.RemoteProtocolError):
            return f"{self._host()} broke off, or gave no proper answer, again and again"
        return str(problem) if isinstance(problem, _Interrupted) else "the connection broke again and again"

    def _failed(self, why: str, kept: Partial) -> DownloadFailed:
        text = f"{self.spec.title} could not be downloaded: {why}.{_kept(kept, '; the next try goes on from there')}"
        return DownloadFailed(text, by_hand(self.spec, self.folder, self.base_url))

    def _too_large(self) -> WeightsCorrupt:
        return WeightsCorrupt(
            f"What {self._host()} sends for {self.spec.title} is not the published file "
            f"of {self.spec.bytes or LARGEST:,} bytes: it is larger.",
            by_hand(self.spec, self.folder, self.base_url),
        )

    def another_file(self, found: str, kept: Partial | None = None) -> WeightsCorrupt:
        """What came has another hash; ``kept`` is what stays all the same."""
        return WeightsCorrupt(
            f"What was downloaded for {self.spec.title} is not the published file: "
            f"its SHA-256 should be {self.spec.sha256} and is {found}. It was deleted."
            f"{_kept(kept, '') if kept else ''}",
            "Try again; if it happens again, something between you and the server changes files.",
        )


class _Interrupted(Exception):
    """An answer that ended early or is worth asking for again; its text says why."""


_A_PAGE = "{} answers with a page of text, such as a login or an error page, and not with the file"


def check_space(spec: ModelSpec, folder: Path, wanted: int) -> None:
    """Raise DownloadFailed where fewer bytes are free than are still to come, with a little room to spare."""
    free = shutil.disk_usage(folder).free
    if wanted > 0 and free < wanted + _SPACE_MARGIN:
        raise DownloadFailed(
            f"{spec.title} does not fit: {_megabytes(wanted)} are still to come "
            f"and {folder} has {_megabytes(free)} free.",
            "Free some space, or set MFE_HOME to a larger disk.",
        )


def url_of(spec: ModelSpec, base_url: str | None) -> str:
    return f"{base_url.rstrip('/')}/{quote(spec.file_name)}" if base_url else spec.url


def by_hand(spec: ModelSpec, folder: Path, base_url: str | None) -> str:
    """How to get the checkpoint without this program. A password in the mirror's address is not shown."""
    address = re.sub(r"//[^/@]*@", "//", url_of(spec, base_url))
    place = f"put it as {spec.file_name} into {folder}"
    return f"Without a network: fetch {address} elsewhere (SHA-256 {spec.sha256}) and {place}."


def _kept(kept: Partial, then: str) -> str:
    return f" The {_megabytes(kept.size)} that arrived are kept{then}." if kept.size else ""


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2] or url


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB" if count >= 1e6 else f"{count:,} bytes"
