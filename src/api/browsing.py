"""Routes for a page that shows the whole library: all photos in an order, what they are called, where they are from."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from src.api.line import FOR_NOW, Line
from src.api.pictures import checked
from src.text import shown

if TYPE_CHECKING:  # the app answers before what Services needs is imported
    from src.runtime import Services

SIMILAR = 12
"""Photos that are told of as similar to one."""
LISTINGS = 2
"""Requests that are answered at once."""


class BrowsingRoutes:
    """``services`` is called at a request, not before."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self._line = Line(LISTINGS)
        self._here = secrets.token_hex(4)  # another library may be at this address tomorrow, with the same numbers

    def routes(self) -> list[Route]:
        return [
            Route("/listing", self.listing),
            Route("/photos", self.photos),
            Route("/places", self.places),
            Route("/pages/similar/{image_id:uuid}", self.similar),
            Route("/outlines", self.outlines),
            Route("/labels.csv", self.labels),
        ]

    async def listing(self, request: Request) -> Response:
        """All photos that pass the filters in ``q``, a text in the query language, as bytes: see ``browsing.pack``.

        ``of``: those of a set alone (``InsightsService.photos_of``), which may be another one of the same name later.
        """

        def work() -> Response:
            text, of = request.query_params.get("q", ""), request.query_params.get("of", "")
            found = self._services().browsing.listing(text, of)
            asked = zlib.crc32(text.encode("utf-8", "replace"), zlib.crc32(found.packed) if of else 0)
            return checked(request, f"{self._here}-{found.version}-{asked:x}", found.packed)

        return await self._line.answer(request, work)

    async def photos(self, request: Request) -> Response:
        """Name, place and size of the photos in ``ids``: 32 hexadecimal digits each, with commas between."""

        def work() -> Response:
            ids = [_id(text) for text in request.query_params.get("ids", "").split(",")]
            found = self._services().browsing.shown([one for one in ids if one])
            told = [
                {"id": one.id, "name": shown(one.name), "path": shown(one.path_text), "size": [one.width, one.height]}
                for one in found
            ]
            return JSONResponse(told, headers=FOR_NOW)

        return await self._line.answer(request, work)

    async def places(self, request: Request) -> Response:
        """Folders, months, cameras, albums, tags and places, each with its number of photos; a place by its names from
        the country inwards.
        """

        def work() -> Response:
            found = self._services().browsing.places()
            told = {name: [[_told(place), number] for place, number in some] for name, some in vars(found).items()}
            return JSONResponse(told, headers=FOR_NOW)

        return await self._line.answer(request, work)

    async def similar(self, request: Request) -> Response:
        """Id and name of a few photos that look like one, the most alike first, without its copies; none where its
        vector is not known.
        """

        def work() -> Response:
            services, image_id = self._services(), str(request.path_params["image_id"])
            hits = services.search.similar(image_id, 2 * SIMILAR)
            copies = services.duplicates.same_as_earlier([image_id, *(hit.id for hit in hits)])
            found = [hit for hit in hits if hit.id not in copies][:SIMILAR]
            return JSONResponse([{"id": hit.id, "name": shown(hit.name)} for hit in found], headers=FOR_NOW)

        return await self._line.answer(request, work)

    async def outlines(self, request: Request) -> Response:
        """The outlines of all countries, as an SVG path: see ``processing.places``."""

        def work() -> Response:
            from src.processing.places import outlines

            return Response(outlines(), media_type="text/plain", headers={"Cache-Control": "private, max-age=86400"})

        return await self._line.answer(request, work)

    async def labels(self, request: Request) -> Response:
        """What all photos were classified as, as a table to be saved."""

        def work() -> Response:
            from src.services.curation.label_sheet import label_sheet

            headers = {**FOR_NOW, "Content-Disposition": 'attachment; filename="labels.csv"'}
            return Response(label_sheet(self._services().catalog), media_type="text/csv", headers=headers)

        return await self._line.answer(request, work)


def _told(name: str | tuple[str, ...]) -> str | list[str]:
    return shown(name) if isinstance(name, str) else [shown(one) for one in name]


def _id(text: str) -> str:
    """As the catalogue writes it; empty for what is none."""
    try:
        return str(UUID(hex=text))
    except ValueError:
        return ""
