"""The HTTP API for other programs, described by itself in /api/openapi.json; made when it is first asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from src.api import classify_routes, image_routes, job_routes, library_routes, problems, search_routes
from src.api.bounded_body import BoundedBody
from src.api.desk import Desk
from src.api.line import GONE
from src.api.methods import Methods
from src.errors import AppError

if TYPE_CHECKING:
    from src.runtime import Services

OWN = {"/openapi.json": ["get"], "/docs": ["get"], "/docs/{name}": ["get"]}
FILES = Path(__file__).parent / "docs_files"
DOCS = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>API of Media Feature Extractor</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css"></head><body><main id="docs"></main>
<script src="docs/swagger-ui-bundle.js"></script><script>
SwaggerUIBundle({ url: "openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null });
</script></body></html>"""


def application(services: Callable[[], Services]) -> FastAPI:
    """``services`` is called at a request, not before."""
    app = _Described(
        title="Media Feature Extractor",
        version="1",
        description="Search, look after and fill a library of photos.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.desk = Desk(services)
    for routes in (search_routes, classify_routes, image_routes, library_routes, job_routes):
        app.include_router(routes.router)
    app.router.routes += [Route("/docs", _docs), Route("/docs/{name}", _file)]
    app.add_exception_handler(AppError, _told)
    app.add_exception_handler(RequestValidationError, _told)
    app.add_exception_handler(HTTPException, _told)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected)
    app.add_middleware(BoundedBody)
    app.add_middleware(Methods, paths=lambda: {**app.openapi()["paths"], **OWN})
    return app


class _Described(FastAPI):
    """With a description of every answer that may come."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            said = super().openapi()
            said["components"]["securitySchemes"] = {
                "token": {"type": "http", "scheme": "bearer", "description": "Optional on this computer itself."}
            }
            said["security"] = [{}, {"token": []}]
            for operation in (one for path in said["paths"].values() for one in path.values()):
                for status, answer in operation["responses"].items():
                    if not status.startswith(("2", "3")) and "application/json" in answer.get("content", {}):
                        answer["content"] = {problems.MEDIA_TYPE: answer["content"]["application/json"]}
        return cast("dict[str, Any]", self.openapi_schema)


async def _told(_: Request, error: Exception) -> Response:
    if isinstance(error, AppError):
        return problems.of_error(error)
    if isinstance(error, RequestValidationError):
        return problems.of_invalid(list(error.errors()))
    assert isinstance(error, HTTPException)
    return problems.of_http(error.status_code, error.detail, error.headers)


async def _gone(_: Request, __: Exception) -> Response:
    """For a client that went away half-way."""
    return Response(status_code=GONE)


async def _unexpected(request: Request, error: Exception) -> Response:
    return problems.of_unexpected(request, error)


async def _docs(_: Request) -> Response:
    """A page to read and try the API, without a file from anywhere else."""
    return HTMLResponse(DOCS, headers={"Cache-Control": "no-cache"})


async def _file(request: Request) -> Response:
    file = FILES / str(request.path_params["name"])
    if file.name not in ("swagger-ui.css", "swagger-ui-bundle.js"):
        raise HTTPException(404)
    return FileResponse(file, headers={"Cache-Control": "no-cache"})
