"""What a server's answer to a download says of itself, and its failures by the names of the network library."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx


def blocks_of(response: httpx.Response) -> Iterator[bytes]:
    """What arrives, as it arrives."""
    blocks = response.iter_raw()
    while True:
        with network_errors():
            block = next(blocks, None)
        if block is None:
            return
        yield block


@contextmanager
def network_errors() -> Iterator[None]:
    """What the network library lets through, such as a hopeless host name's UnicodeError, as its own errors."""
    try:
        yield
    except OSError as error:
        raise httpx.NetworkError(str(error)) from error
    except ValueError as error:
        raise httpx.UnsupportedProtocol(str(error)) from error


def certificate_problem(problem: BaseException) -> str | None:
    """Why a certificate was refused, None where nothing is said of one."""
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__ or cause.__context__
    return None


def content_range(response: httpx.Response) -> tuple[int, int, int | None]:
    """First byte, last byte and whole size of ``Content-Range: bytes 5-9/10``; -1, -1, None where not told."""
    found = re.fullmatch(
        r"\s*bytes\s+(\d{1,15})-(\d{1,15})/(\d{1,15}|\*)\s*", response.headers.get("Content-Range", ""), re.ASCII
    )
    return (int(found[1]), int(found[2]), whole_number(found[3])) if found else (-1, -1, None)


def says_it_is_all(response: httpx.Response) -> bool:
    """Whether an answer was sent to its end: chunks have a last one, where a connection just closes."""
    return bool(response.headers.get("Transfer-Encoding", "").lower() == "chunked")


def is_page(response: httpx.Response) -> bool:
    """Whether it is a page for people, not a file."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return kind in ("text/html", "application/xhtml+xml")


def whole_number(text: str) -> int | None:
    """None for what is none, or has more digits than any file's size."""
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else None
