"""Jobs: which there are, how far they are, having them pause or end, and exports as downloads."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from src import wire
from src.api import events
from src.api.search_routes import AtDesk
from src.api.shapes import ExportAsked, Jobs, Queued, answers, told
from src.api.shapes import Job as JobShape
from src.errors import BadInput
from src.export.features import FEATURE_FORMATS
from src.runtime import Services
from src.services.exchange.exporting import Selection
from src.services.jobs import asked as ask
from src.services.jobs.feature_jobs import queue_feature_export
from src.services.search.service import MAX_RESULTS
from src.services.search.service import Query as Searched

router = APIRouter(tags=["jobs"])
JobId = Annotated[str, Path(max_length=100, min_length=1)]


@router.get("/jobs", response_model=Jobs, responses=answers(422))
async def jobs(request: Request, desk: AtDesk, top_k: Annotated[int, Query(ge=1, le=200)] = 20) -> Response:
    """The last jobs, the newest first."""
    return await desk.ask(
        desk.reading, request, lambda of: told({"jobs": [wire.job(one) for one in of.jobs.latest(top_k)]})
    )


@router.get("/jobs/{job}", response_model=JobShape, responses=answers(404, 422))
async def job(request: Request, desk: AtDesk, job: JobId) -> Response:
    """How far a job is."""
    return await desk.ask(desk.reading, request, lambda of: told(wire.job(ask.of_id(of.jobs, job))))


@router.get(
    "/jobs/{job}/events",
    response_class=Response,
    responses={
        200: {"description": "Events `progress` and, last, `end`, each with the job as JSON.",
              "content": {"text/event-stream": {"schema": {"type": "string"}}}},
        204: {"description": "The job has ended, and the client knows (`Last-Event-ID`)."},
        **answers(404, 422, 429),
    },
)  # fmt: skip
async def job_events(
    request: Request, desk: AtDesk, job: JobId, last_event_id: Annotated[str, Header(max_length=100)] = ""
) -> Response:
    """A job as it goes on, as server-sent events: its state now, then each change, until it has ended."""
    found = await desk.ask(desk.reading, request, lambda of: ask.of_id(of.jobs, job))
    return await events.stream(request, desk, found, last_event_id)


@router.post("/jobs/{job}/{what}", response_model=JobShape, responses=answers(404, 409, 422))
async def steer(request: Request, desk: AtDesk, job: JobId, what: Literal["pause", "resume", "cancel"]) -> Response:
    """Have a job pause, go on or end. What it did so far stays."""
    return await desk.ask(desk.writing, request, lambda of: told(wire.job(ask.steer(of.jobs, job, what))))


@router.post("/exports", status_code=202, response_model=Queued, responses=answers(400, 404, 409, 413, 422))
async def export(request: Request, desk: AtDesk, asked: ExportAsked) -> Response:
    """Write photos and their objects, or vectors of them, as a data set: of a search, of some photos, or of all.

    The ZIP is at `/exports/{job}` once the job is done, for a day.
    """

    def work(services: Services) -> Response:
        selection = _selection(services, asked)
        if asked.format in FEATURE_FORMATS:
            what = asked.format, services.shelf.place(), selection, asked.model, asked.kind
            return told({"job": queue_feature_export(services.jobs, *what)}, 202)
        job = ask.export(services.jobs, services.shelf, asked.format, selection, asked.pictures)
        return told({"job": job}, 202)

    return await desk.ask(desk.reading, request, work)


def _selection(services: Services, asked: ExportAsked) -> Selection:
    if asked.images is not None and asked.query is not None:
        raise BadInput("A query and photos are given.", "Give one of the two, or none for the whole library.")
    if asked.query is not None:
        return Selection.of(services.search.search(Searched(asked.query), MAX_RESULTS))
    if asked.images is not None:
        return Selection(list(dict.fromkeys(map(services.library.id_of, asked.images))))
    return Selection()


@router.get(
    "/exports/{job}",
    response_class=Response,
    responses={
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}},
        **answers(404, 409, 422),
    },
)
async def download(request: Request, desk: AtDesk, job: JobId) -> Response:
    """The ZIP of an export."""
    place = await desk.ask(desk.reading, request, lambda of: ask.exported(of.jobs, of.shelf, job))
    headers = {"Cache-Control": "no-store", "Accept-Ranges": "none"}
    request.scope["headers"] = [one for one in request.scope["headers"] if one[0] != b"range"]
    return FileResponse(place, media_type="application/zip", filename=f"export-{job}.zip", headers=headers)
