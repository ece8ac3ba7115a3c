"""Searches: by the text of the search box, by a photo of the library, by a picture that is sent."""

from __future__ import annotations

import json
from typing import IO, Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from src import wire
from src.api.desk import Desk
from src.api.shapes import Cursor, Mode, SearchAnswer, SearchAsked, SpaceName, Text, TopK, answers, told
from src.schema import Mode as SearchedMode
from src.services.search.asking import Wanted

router = APIRouter(tags=["search"])
MODES: dict[str, SearchedMode] = {"photos": "images", "objects": "objects", "both": "both"}
LISTS = ("filters", "region")
_JSON = SearchAsked.model_json_schema()
_FORM = {**_JSON, "properties": {**_JSON["properties"], "image": {"type": "string", "format": "binary"}}}
_BODY = {
    "required": True,
    "content": {"application/json": {"schema": _JSON}, "multipart/form-data": {"schema": _FORM}},
}


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
    openapi_extra={"requestBody": _BODY},
)  # fmt: skip
async def search(request: Request, desk: AtDesk) -> Response:
    """Search by words, by a photo of the library (JSON) or by a picture that is sent (a form with the file `image`).

    Pages are as with GET.
    """
    form = None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        asked, file = _checked(_json(await request.body())), None
    elif kind == "multipart/form-data":
        form = await request.form(max_files=1, max_fields=200)
        asked, file = _of_form(form)
    else:
        raise HTTPException(415, "Send application/json, or a form (multipart/form-data).")
    try:
        region = tuple(asked.region) if asked.region else None
        what = asked.query, asked.image, file, region, tuple(asked.filters), asked.top_k
        return await _page(request, desk, Wanted(*what, MODES[asked.within], asked.weak, asked.cursor, asked.space))  # type: ignore[arg-type]
    finally:
        if form is not None:
            await form.close()


@router.get("/similar/{photo}", response_model=SearchAnswer, responses=answers(400, 404, 409, 422))
async def similar(
    request: Request, desk: AtDesk, photo: Annotated[str, Path(max_length=300)], top_k: TopK = 5, space: SpaceName = ""
) -> Response:
    """The photos that look most like one of the library, named by its id or its file's name; in a space, if named."""
    return await _page(request, desk, Wanted(image=photo, top_k=top_k, space=space))


async def _page(request: Request, desk: Desk, wanted: Wanted) -> Response:
    page, following = await desk.search(request, wanted)
    return told({**wire.search_page(page), "next": following})


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestValidationError([{"loc": ("body",), "msg": "it is no JSON"}]) from error


def _checked(said: Any) -> SearchAsked:
    try:
        return SearchAsked.model_validate(said)
    except ValidationError as error:
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from error


def _of_form(form: FormData) -> tuple[SearchAsked, IO[bytes] | None]:
    """What a form asks for: its fields are texts, and lists are fields that are there several times, or one in JSON."""
    said: dict[str, Any] = {}
    file = None
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            file = value.file
        elif name in LISTS:
            said.setdefault(name, []).extend(_several(value))
        elif value or name == "query":
            said[name] = value
    return _checked(said), file


def _several(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return [text]
    return found if isinstance(found, list) else [text]
