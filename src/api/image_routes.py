"""Photos: pictures of them, what is known of them, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from src import wire
from src.api.pictures import large, small
from src.api.search_routes import AtDesk
from src.api.shapes import Changes, Cursor, Done, Objects, Photo, PhotoChange, PhotoList, Text, TopK, answers, told
from src.errors import NotFound
from src.runtime import Services
from src.schema.descriptions import DescribedObject, Description
from src.services.curation.service import Done as Did
from src.services.curation.service import note_of
from src.services.search.asking import Wanted

router = APIRouter(tags=["photos"])
PhotoName = Annotated[str, Path(max_length=300, min_length=1, description="A photo's id, or its file's name.")]
TagName = Annotated[str, Path(max_length=200, min_length=1, description="Steps have a slash between them.")]
_PICTURE: dict[str, Any] = {
    "response_class": Response,
    "responses": {
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "It is as the client has it (`If-None-Match`)."},
        **answers(400, 404, 409, 422),
    },
}


@router.api_route("/thumb/{photo}", methods=["GET"], **_PICTURE)
async def thumbnail(request: Request, desk: AtDesk, photo: PhotoName) -> Response:
    """A photo at 384 pixels at most, as JPEG."""
    return await desk.ask(desk.picturing, request, lambda of: small(of, of.library.id_of(photo), request))


@router.api_route("/image/{photo}", methods=["GET"], **_PICTURE)
async def picture(request: Request, desk: AtDesk, photo: PhotoName, side: str = "") -> Response:
    """A photo as JPEG, without what its file tells; `side`: 640, full, or nothing for 1600 pixels at most."""
    return await desk.ask(desk.picturing, request, lambda of: large(of, of.library.id_of(photo), side, request))


@router.get("/images", response_model=PhotoList, responses=answers(400, 422))
async def photos(
    request: Request, desk: AtDesk, q: Text = "", top_k: TopK = 100, cursor: Cursor | None = None
) -> Response:
    """Photos, the last added first; with `q`, those that a search for that text finds, best first.

    No photo is told twice, and none is left out that is there all the time.
    """

    def work(services: Services) -> Response:
        if q.strip():
            page, following = services.asking.page(Wanted(q, top_k=top_k, cursor=cursor))
            ids = [hit.id for hit in page.hits]
        else:
            ids, following = services.library.page(top_k, cursor)
        found = filter(None, map(services.library.details, ids))
        return told({"photos": [wire.listed_photo(one) for one in found], "next": following})

    return await desk.ask(desk.reading, request, work)


@router.get("/images/{photo}", response_model=Photo, responses=answers(404, 409, 422))
async def photo(request: Request, desk: AtDesk, photo: PhotoName) -> Response:
    """All that is known of a photo: files, facts, tags, rating, note, description."""

    def work(services: Services) -> Response:
        details = services.library.details(services.library.id_of(photo))
        if details is None:
            raise NotFound("The photo was removed just now.")
        facts = services.facts.known(details.id)
        said = services.descriptions.said_of(details.id)
        return told(wire.photo(details, facts, said.description if said else None))

    return await desk.ask(desk.reading, request, work)


@router.get("/images/{photo}/objects", response_model=Objects, responses=answers(404, 409, 422))
async def objects(request: Request, desk: AtDesk, photo: PhotoName) -> Response:
    """The objects that were found in a photo, the surest first; boxes in pixels of the upright picture."""

    def work(services: Services) -> Response:
        parts = services.objects.of_photo(services.library.id_of(photo))
        return told({"objects": [wire.object_in_photo(part.id, part.segment) for part in parts]})

    return await desk.ask(desk.reading, request, work)


@router.delete("/images/{photo}", response_model=Done, responses=answers(404, 409, 422))
async def remove(request: Request, desk: AtDesk, photo: PhotoName) -> Response:
    """Put a photo into the bin. Its file stays; `POST /undo` takes it back."""
    return await _do(request, desk, photo, lambda services, id_: services.curation.remove([id_]))


@router.patch("/images/{photo}", response_model=Changes, responses=answers(400, 404, 409, 413, 422))
async def change(request: Request, desk: AtDesk, photo: PhotoName, asked: PhotoChange) -> Response:
    """Rate, note, describe: each an operation of its own, which can be undone."""

    def work(services: Services) -> Response:
        id_ = services.library.id_of(photo)
        steps = _steps(services, id_, asked)
        return told({"operations": [done(step()) for step in steps]})

    return await desk.ask(desk.writing, request, work)


def _steps(services: Services, id_: str, asked: PhotoChange) -> list[Callable[[], Did]]:
    """What is to be done, the one first that may yet be refused."""
    given, curation, steps = asked.model_fields_set, services.curation, list[Callable[[], Did]]()
    note = note_of(asked.note or "")
    if "description" in given:
        if asked.description is None:
            steps.append(partial(curation.delete_description, id_))
        else:
            things = tuple(DescribedObject(one.label, one.color, one.position) for one in asked.description.objects)
            steps.append(partial(curation.describe, id_, Description(asked.description.scene_summary, things)))
    if "note" in given:
        steps.append(partial(curation.note, [id_], note))
    if "rating" in given:
        steps.append(partial(curation.rate, [id_], asked.rating))
    return steps


@router.put("/images/{photo}/tags/{tag:path}", response_model=Done, responses=answers(400, 404, 409, 422))
async def put_tag(request: Request, desk: AtDesk, photo: PhotoName, tag: TagName) -> Response:
    """Put a tag on a photo."""
    return await _do(request, desk, photo, lambda services, id_: services.curation.tag([id_], add=[tag]))


@router.delete("/images/{photo}/tags/{tag:path}", response_model=Done, responses=answers(400, 404, 409, 422))
async def take_tag(request: Request, desk: AtDesk, photo: PhotoName, tag: TagName) -> Response:
    """Take a tag off a photo, and those below it."""
    return await _do(request, desk, photo, lambda services, id_: services.curation.tag([id_], remove=[tag]))


def done(did: Did) -> dict[str, Any]:
    return wire.done(did.kind, did.photos, did.number)


async def _do(request: Request, desk: AtDesk, photo: str, do: Callable[[Services, str], Did]) -> Response:
    def work(services: Services) -> Response:
        return told(done(do(services, services.library.id_of(photo))))

    return await desk.ask(desk.writing, request, work)
