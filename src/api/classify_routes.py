"""Which labels a picture shows."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from src import wire
from src.api.bodies import asked_with_picture, described
from src.api.classify_shapes import Classified, ClassifyAsked
from src.api.search_routes import AtDesk
from src.api.shapes import answers, told
from src.errors import BadInput
from src.runtime import Services
from src.services.lab.classifying import one_picture, sorting

router = APIRouter(tags=["classify"])
LISTS = ("labels", "templates")


@router.post(
    "/classify", response_model=Classified, responses=answers(400, 404, 409, 413, 415, 422),
    openapi_extra=described(ClassifyAsked),
)  # fmt: skip
async def classify(request: Request, desk: AtDesk) -> Response:
    """The likeliest labels of a photo of the library (JSON), or of a picture that is sent (a form with `image`)."""
    async with asked_with_picture(request, ClassifyAsked, LISTS) as (asked, file):
        if (asked.image is None) == (file is None):
            raise BadInput("One picture is to be classified.", "Give a photo of the library or a file.")
        how = sorting(asked.labels, asked.preset, asked.several, asked.templates)

        def work(services: Services) -> Response:
            by = services.classifying.by(how)
            if file:
                found = one_picture(by, services.reader, file, asked.top_k)
            else:
                found = services.classifying.photo(how, services.library.id_of(asked.image or ""), asked.top_k)
            of = {"model": by.model.model_id, "measured": by.measured}
            return told(wire.classified(of, [(label.word, label.chance) for label in found]))

        return await desk.ask(desk.classifying, request, work)
