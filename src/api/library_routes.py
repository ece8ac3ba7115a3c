"""The library as a whole: its numbers, folders and tags, adding and clearing, and taking things back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from src import wire
from src.api import receiving
from src.api.image_routes import done
from src.api.search_routes import AtDesk
from src.api.shapes import (
    ClearAsked,
    Done,
    FolderAsked,
    Folders,
    Insights,
    Operations,
    Queued,
    Stats,
    SyncAsked,
    Tags,
    Uploaded,
    answers,
    told,
)
from src.api.space_shapes import Removed, Spaces
from src.database.catalog.operations import Operation as Did
from src.runtime import Services
from src.services.jobs.asked import add_folder, clear, remove_folder, sync
from src.services.jobs.feature_jobs import queue_features, remove_space

router = APIRouter(tags=["library"])
SpaceAt = Annotated[str, Path(max_length=100, min_length=1, description="Such as `ViT-B/32`, slash and all.")]
_FILES = {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}
_UPLOAD = {
    "required": True,
    "content": {
        "multipart/form-data": {"schema": {"type": "object", "properties": {"images": _FILES}, "required": ["images"]}}
    },
}
_VECTORS = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            }
        }
    },
}


@router.get("/stats", response_model=Stats, responses=answers())
async def stats(request: Request, desk: AtDesk) -> Response:
    """Numbers of the library. Counts files, so not for polling."""
    return await desk.ask(desk.counting, request, lambda of: told(wire.statistics(of.library.stats())))


@router.get("/insights", response_model=Insights, responses=answers())
async def insights(request: Request, desk: AtDesk) -> Response:
    """What the library is made of: blocks of bars, each with a link to the app's page that shows the photos it counts.

    `query` finds them by a search, too. Takes some seconds after each change of the library.
    """
    return await desk.ask(desk.counting, request, lambda of: told(wire.insights(of.insights.all())))


@router.get("/tags", response_model=Tags, responses=answers())
async def tags(request: Request, desk: AtDesk) -> Response:
    """All tags, by name, each with the number of photos that have it or one below it."""

    def work(services: Services) -> Response:
        return told({"tags": [{"tag": one.tag, "photos": one.photos} for one in services.curation.tags()]})

    return await desk.ask(desk.reading, request, work)


@router.post(
    "/images", status_code=202, response_model=Uploaded, responses=answers(400, 413, 415, 422),
    openapi_extra={"requestBody": _UPLOAD},
)  # fmt: skip
async def upload(request: Request, desk: AtDesk) -> Response:
    """Add pictures: a form with at most 200 files, of 500 MB together. They are stored first, then added by a job.

    A file that can't be a picture is told in `skipped`, or by the job.
    """
    return await receiving.receive(request, desk)


@router.get("/folders", response_model=Folders, responses=answers())
async def folders(request: Request, desk: AtDesk) -> Response:
    """The folders that the library follows."""
    return await desk.ask(
        desk.reading, request, lambda of: told({"folders": [wire.folder(one) for one in of.folders.all()]})
    )


@router.post("/folders", status_code=202, response_model=Queued, responses=answers(400, 413, 422))
async def follow(request: Request, desk: AtDesk, asked: FolderAsked) -> Response:
    """Follow a folder of the app's computer, and add the photos in it. Nothing is copied."""
    return await desk.ask(
        desk.writing, request, lambda of: told({"job": add_folder(of.jobs, of.folders, asked.path)}, 202)
    )


@router.delete("/folders", status_code=202, response_model=Queued, responses=answers(404, 422))
async def unfollow(
    request: Request, desk: AtDesk, folder: Annotated[str, Query(max_length=4_000, description="Its id or path.")]
) -> Response:
    """Follow a folder no more, and put the photos into the bin that are in no other. Its files stay."""
    return await desk.ask(
        desk.writing, request, lambda of: told({"job": remove_folder(of.jobs, of.folders, folder)}, 202)
    )


@router.post("/folders/sync", status_code=202, response_model=Queued, responses=answers(400, 404, 413, 422))
async def look_again(request: Request, desk: AtDesk, asked: SyncAsked | None = None) -> Response:
    """Look at followed folders again: at these, or at all."""
    wanted = asked.folders if asked else []
    return await desk.ask(desk.writing, request, lambda of: told({"job": sync(of.jobs, of.folders, wanted)}, 202))


@router.get("/spaces", response_model=Spaces, responses=answers())
async def spaces(request: Request, desk: AtDesk) -> Response:
    """The spaces in which photos have vectors: of models, and those that were made elsewhere."""
    return await desk.ask(
        desk.reading, request, lambda of: told({"spaces": [wire.space(one) for one in of.spaces.all()]})
    )


@router.post(
    "/spaces/{space}/vectors", status_code=202, response_model=Queued, responses=answers(400, 413, 415, 422),
    openapi_extra={"requestBody": _VECTORS},
)  # fmt: skip
async def import_space(request: Request, desk: AtDesk, space: SpaceAt) -> Response:
    """Take vectors that were made elsewhere over as a space of that name: a form with one `.npz` of 500 MB at most.

    It is stored first, then taken over by a job, whole or not at all; docs/features.md says what has to be in it.
    """
    return await receiving.receive_vectors(request, desk, space)


@router.post("/spaces/{space:path}", status_code=202, response_model=Queued, responses=answers(404, 422))
async def fill_space(request: Request, desk: AtDesk, space: SpaceAt) -> Response:
    """Make the vectors of all photos by a model, such as `builtin-visual`, that have none."""

    def work(services: Services) -> Response:
        services.spaces.check_model(space)
        return told({"job": queue_features(services.jobs, space)}, 202)

    return await desk.ask(desk.writing, request, work)


@router.delete("/spaces/{space:path}", response_model=Removed, responses=answers(400, 404, 409, 422))
async def forget_space(request: Request, desk: AtDesk, space: SpaceAt) -> Response:
    """Forget the vectors of a space, for good; the photos stay."""
    return await desk.ask(desk.writing, request, lambda of: told({"removed": remove_space(of.jobs, of.spaces, space)}))


@router.post("/clear", status_code=202, response_model=Queued, responses=answers(400, 413, 422))
async def clear_all(request: Request, desk: AtDesk, asked: ClearAsked) -> Response:
    """Put all photos into the bin, and follow no folder any more. Jobs that add to the library are cancelled."""
    return await desk.ask(desk.writing, request, lambda of: told({"job": clear(of.jobs, of.forgetting)}, 202))


@router.get("/operations", response_model=Operations, responses=answers(422))
async def operations(request: Request, desk: AtDesk, top_k: Annotated[int, Query(ge=1, le=1_000)] = 100) -> Response:
    """What was done to photos, the latest first, those that were undone among them."""
    return await desk.ask(
        desk.reading,
        request,
        lambda of: told({"operations": [_told_of(one) for one in of.curation.history(top_k)]}),
    )


def _told_of(one: Did) -> dict[str, Any]:
    return wire.operation(one.kind, one.photos, one.number, one.at, one.undone)


@router.post("/undo", response_model=Done, responses=answers(400))
async def undo(request: Request, desk: AtDesk) -> Response:
    """Take the last operation back."""
    return await desk.ask(desk.writing, request, lambda of: told(done(of.curation.undo())))
