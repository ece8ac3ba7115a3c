"""Refusals as programs read them (RFC 9457): one shape, whatever went wrong, and nothing of the inside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


def problem(
    status: int, detail: str, code: str = "", hint: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """detail: one sentence. code: for programs, which must not read it out of the sentence. hint: may be empty."""
    said = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code or "error",
        "hint": hint,
    }
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return Response(json.dumps(said).encode(), status, kept, MEDIA_TYPE)
