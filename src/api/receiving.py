"""Files that a form brings: read as they come and written to the disk, never held in memory as a whole."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from src import wire
from src.api.desk import Desk
from src.api.shapes import told
from src.errors import BadInput
from src.services.exchange.arriving import ArrivingVectors
from src.services.jobs.asked import add_uploads
from src.services.jobs.feature_jobs import check_import, queue_import

AT_ONCE = 2**20
"""Bytes that are gathered before they are written."""
MOST_HEADER = 16 * 2**10
"""Bytes of what a form says of one part."""


async def receive(request: Request, desk: Desk) -> Response:
    """Store the form's files and queue a job for them: 202. A client that goes away half-way leaves nothing behind."""
    boundary = _boundary(request)
    services = await desk.services()
    received = await desk.aside(services.uploads.receiving)
    try:
        await _read(request, desk, _Form(boundary, received))
        job, skipped = await desk.aside(partial(add_uploads, services.jobs, services.uploads, received))
    finally:
        received.given_up()
    return told({"job": job, "skipped": wire.files_skipped(skipped)}, 202)


async def receive_vectors(request: Request, desk: Desk, name: str) -> Response:
    """Store the form's one file and queue a job that takes its vectors over as the space ``name``: 202.

    A name that can't be had is refused before anything is read.
    """
    boundary = _boundary(request)
    services = await desk.services()
    await desk.aside(partial(check_import, services.jobs, services.spaces, name))
    arriving = ArrivingVectors(services.shelf)
    try:
        await _read(request, desk, _Form(boundary, arriving))
        job = await desk.aside(partial(queue_import, services.jobs, services.spaces, arriving.place, name))
        arriving.kept()
    finally:
        arriving.given_up()
    return told({"job": job}, 202)


def _boundary(request: Request) -> bytes:
    """What is between the parts of the form. Raises HTTPException for what is no form."""
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise HTTPException(415, "Send files as a form (multipart/form-data).")
    return options[b"boundary"]


class _Receiver(Protocol):
    """Where the files of a form go, one after the other."""

    def begin(self, name: str) -> None: ...
    def write(self, data: bytes) -> None: ...
    def end(self) -> None: ...


async def _read(request: Request, desk: Desk, form: _Form) -> None:
    gathered = bytearray()
    async for chunk in request.stream():
        gathered += chunk
        if len(gathered) >= AT_ONCE:
            data, gathered = bytes(gathered), bytearray()
            await desk.aside(partial(form.take, data))
    await desk.aside(partial(form.take, bytes(gathered)))
    form.check()


class _Form:
    """Goes through a form; parts with a file name go to ``received``, and others are passed over."""

    def __init__(self, boundary: bytes, received: _Receiver) -> None:
        self._received = received
        self._field = self._value = b""
        self._options: dict[bytes, bytes] = {}
        self._in_file = self._ended = False
        self._files = 0
        steps = (
            "part_begin",
            "part_data",
            "part_end",
            "header_field",
            "header_value",
            "header_end",
            "headers_finished",
        )
        calls = {f"on_{step}": getattr(self, f"_{step}") for step in (*steps, "end")}
        try:
            self._parser = MultipartParser(boundary, calls)  # type: ignore[arg-type]
        except FormParserError as error:
            raise BadInput("The form can't be read.") from error

    def take(self, data: bytes) -> None:
        """Raises BadInput for what is no form; and what Receiving raises."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise BadInput("The form can't be read.", "Send it as multipart/form-data.") from error

    def check(self) -> None:
        """Raises BadInput for a form that is cut off or has no file."""
        if not self._ended:
            raise BadInput("The form is cut off.", "Nothing was added: send it again.")
        if not self._files:
            raise BadInput("There is no file in the form.", "Send files in parts with a file name.")

    def _part_begin(self) -> None:
        self._options, self._in_file = {}, False

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field = self._bounded(self._field + data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value = self._bounded(self._value + data[start:end])

    def _bounded(self, text: bytes) -> bytes:
        if len(text) > MOST_HEADER:
            raise BadInput("The form can't be read: what it says of a part is too long.")
        return text

    def _header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._options = parse_options_header(self._value)[1]
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        name = self._options.get(b"filename")
        self._in_file = name is not None
        if name is not None:
            self._files += 1
            self._received.begin(name.decode("utf-8", "replace"))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._received.write(data[start:end])

    def _part_end(self) -> None:
        if self._in_file:
            self._received.end()

    def _end(self) -> None:
        self._ended = True
