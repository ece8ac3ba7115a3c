"""A job as it goes on, as server-sent events: until it ends, the client goes or the server is to stop."""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from collections.abc import AsyncIterator
from functools import partial

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from src import wire
from src.api.desk import Desk
from src.api.problems import problem
from src.api.stopping import is_stopping
from src.errors import AppError
from src.schema import JobSnapshot

MOST_STREAMS = 32
LOOK_S, HEARTBEAT_S = 0.3, 15.0
"""Seconds between two looks at a job, and after which a stream that has nothing to say says so."""
LONGEST_S = 3600.0
"""Seconds after which a stream ends though its job does not: a client comes back by itself."""


async def stream(request: Request, desk: Desk, job: JobSnapshot, known: str) -> Response:
    """known: id of the last event that the client has; it is not told again."""
    if job.finished and known == _event(job)[0]:
        return Response(status_code=204)
    if desk.streams >= MOST_STREAMS:
        return problem(429, "Too many jobs are being followed.", "too-many-streams", headers={"Retry-After": "5"})
    desk.streams += 1
    return _Stream(desk, _told(request, desk, job.id, known))


class _Stream(StreamingResponse):
    """Counted until it has ended, however it does."""

    def __init__(self, desk: Desk, told: AsyncIterator[bytes]) -> None:
        super().__init__(told, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._desk.streams -= 1


async def _told(request: Request, desk: Desk, job_id: str, known: str) -> AsyncIterator[bytes]:
    begun = spoken = time.monotonic()
    while not request.scope.get("head") and not is_stopping(request.scope) and not await request.is_disconnected():
        job = await _now(desk, job_id)
        if job is None or time.monotonic() - begun > LONGEST_S:
            return
        number, data = _event(job)
        if number != known:
            known, spoken = number, time.monotonic()
            yield f"id: {number}\nevent: {'end' if job.finished else 'progress'}\ndata: {data}\n\n".encode()
        elif time.monotonic() - spoken > HEARTBEAT_S:
            spoken = time.monotonic()
            yield b": still here\n\n"
        if job.finished:
            return
        await asyncio.sleep(LOOK_S)


async def _now(desk: Desk, job_id: str) -> JobSnapshot | None:
    """None where the job or the library is gone."""
    try:
        services = await desk.services()
        return await desk.aside(partial(services.jobs.snapshot, job_id))
    except AppError:
        return None


def _event(job: JobSnapshot) -> tuple[str, str]:
    """Its id, which is the same as long as the job's state is, and the job as JSON."""
    said = wire.job(job)
    known = json.dumps({**said, "seconds": 0})
    return f"{zlib.crc32(known.encode()):08x}", json.dumps(said)
