"""Searches: by the text of the search box, by a photo of the library, by a picture that is sent."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from src import wire
from src.api.bodies import asked_with_picture, described
from src.api.desk import Desk
from src.api.shapes import Cursor, Mode, SearchAnswer, SearchAsked, SpaceName, Text, TopK, answers, told
from src.schema import Mode as SearchedMode
from src.services.search.asking import Wanted

router = APIRouter(tags=["search"])
MODES: dict[str, SearchedMode] = {"photos": "images", "objects": "objects", "both": "both"}
LISTS = ("filters", "region")


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(desk_of)]


@router.get("/search", response_model=SearchAnswer, responses=answers(400, 422))
async def search_text(
    request: Request,
    desk: AtDesk,
    q: Text = "",
    top_k: TopK = 20,
    within: Annotated[Mode, Query(alias="in")] = "photos",
    weak: bool = True,
    cursor: Cursor | None = None,
) -> Response:
    """Search by the text of the search box. The next page: the same, with `cursor`.

    No photo is told twice on the pages of a search, and none is left out that is found all the time; one that is added
    meanwhile may come.
    """
    wanted = Wanted(q, top_k=top_k, mode=MODES[within], weak=weak, cursor=cursor)
    return await _page(request, desk, wanted)


@router.post(
    "/search", response_model=SearchAnswer, responses=answers(400, 404, 409, 413, 415, 422),
    openapi_extra=described(SearchAsked),
)  # fmt: skip
async def search(request: Request, desk: AtDesk) -> Response:
    """Search by words, by a photo of the library (JSON) or by a picture that is sent (a form with the file `image`).

    Pages are as with GET.
    """
    async with asked_with_picture(request, SearchAsked, LISTS, ("query",)) as (asked, file):
        region = tuple(asked.region) if asked.region else None
        what = asked.query, asked.image, file, region, tuple(asked.filters), asked.top_k
        return await _page(request, desk, Wanted(*what, MODES[asked.within], asked.weak, asked.cursor, asked.space))  # type: ignore[arg-type]


@router.get("/similar/{photo}", response_model=SearchAnswer, responses=answers(400, 404, 409, 422))
async def similar(
    request: Request, desk: AtDesk, photo: Annotated[str, Path(max_length=300)], top_k: TopK = 5, space: SpaceName = ""
) -> Response:
    """The photos that look most like one of the library, named by its id or its file's name; in a space, if named."""
    return await _page(request, desk, Wanted(image=photo, top_k=top_k, space=space))


async def _page(request: Request, desk: Desk, wanted: Wanted) -> Response:
    page, following = await desk.search(request, wanted)
    return told({**wire.search_page(page), "next": following})
