"""Routes for the page that shows the library as a map: its points, the photos in a part of it, and what draws it."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from src.api.line import Line
from src.api.pictures import checked

if TYPE_CHECKING:  # the app answers before what Services needs is imported
    from src.runtime import Services

PLOT = Path(__file__).parent / "map_files" / "plot.js"
AT_ONCE = 2
"""Requests that are answered at once."""


class MapRoutes:
    """``services`` is called at a request, not before."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self._line = Line(AT_ONCE)
        self._here = secrets.token_hex(4)  # another library may be at this address tomorrow, with the same numbers

    def routes(self) -> list[Route]:
        return [
            Route("/map.bin", self.points),
            Route("/map/photos", self.photos),
            Route("/map/plot.js", self.plot),
        ]

    async def points(self, request: Request) -> Response:
        """All points, coloured ``by`` (cluster, label, folder, tag or date), as bytes: see ``MapService.packed``."""

        def work() -> Response:
            state, packed = self._services().maps.packed(request.query_params.get("by", "cluster"))
            return checked(request, f"{self._here}-{state}", packed)

        return await self._line.answer(request, work)

    async def photos(self, request: Request) -> Response:
        """The photos in the part of the map that ``of`` names (``area.read``), as bytes: see ``browsing.pack``."""

        def work() -> Response:
            text = request.query_params.get("of", "")
            found = self._services().maps.listing(text)
            return checked(request, f"{self._here}-{found.version}-{zlib.crc32(found.packed):x}", found.packed)

        return await self._line.answer(request, work)

    async def plot(self, _: Request) -> Response:
        """The script that draws points with WebGL (NOTICE says whose it is)."""
        return FileResponse(PLOT, media_type="text/javascript", headers={"Cache-Control": "no-cache"})
