"""What pages of other origins, that a setting names, are told so that a browser lets them use the API (CORS)."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
MAY_SEND = "Authorization, Content-Type, If-None-Match, Last-Event-ID"
MAY_READ = "ETag, Content-Disposition, Location, Retry-After, WWW-Authenticate"
ASKED_AGAIN_AFTER = 600
"""Seconds for which a browser keeps the answer to what it asks beforehand."""


def is_preflight(scope: Scope, headers: Headers) -> bool:
    """Whether a browser asks beforehand if a page of another origin may send a request."""
    return scope.get("method") == "OPTIONS" and "access-control-request-method" in headers


def preflight() -> Response:
    headers = {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": MAY_SEND,
        "Access-Control-Max-Age": str(ASKED_AGAIN_AFTER),
    }
    return Response(status_code=204, headers=headers)


def may_read(origin: str) -> dict[str, str]:
    """Headers of every answer to such a page. Credentials that a browser keeps, such as cookies, are never allowed."""
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": MAY_READ}
