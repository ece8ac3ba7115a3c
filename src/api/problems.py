"""Refusals as programs read them (RFC 9457): one shape, whatever went wrong, and nothing of the inside."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from src.errors import AmbiguousName, AppError, LibraryError, ModelError, NotFound, NotNow, TooMuch, UnreadableImage

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_S = 2
"""Seconds after which it may be worth to ask a library again that can't be asked now."""
_STATUS: tuple[tuple[type[AppError], int], ...] = (
    (NotFound, 404), (NotNow, 409), (AmbiguousName, 409), (TooMuch, 413), (UnreadableImage, 422), (LibraryError, 503),
    (ModelError, 503), (AppError, 400),
)  # fmt: skip
_CODES = {
    400: "bad-input",
    404: "not-found",
    405: "method-not-allowed",
    408: "too-slow",
    413: "too-much",
    415: "wrong-content-type",
    422: "invalid",
}
_SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
}


def problem(
    status: int,
    detail: str,
    code: str = "",
    hint: str = "",
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """detail: one sentence. code: for programs, which must not read it out of the sentence. hint: may be empty.
    more: further members.
    """
    said = {
        "type": "about:blank",
        "title": _title(status),
        "status": status,
        "detail": detail,
        "code": code or _CODES.get(status, "error"),
        "hint": hint,
        **(more or {}),
    }
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return Response(json.dumps(said).encode(), status, kept, MEDIA_TYPE)


def of_error(error: AppError) -> Response:
    """What the app knows can go wrong. A library or model that can't be used now is worth asking again."""
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    headers = {"Retry-After": str(RETRY_S)} if status == 503 else None
    more = {"ids": error.ids} if isinstance(error, AmbiguousName) else None
    return problem(status, error.user_message, error.code, error.hint, headers, more)


def of_http(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """What the framework refuses. detail: counts where we said it ourselves, which is not the status's own name."""
    own = detail if detail and detail != _title(status) else _SENTENCES.get(status, f"{_title(status)}.")
    return problem(status, own, headers=headers)


def of_unexpected(request: Request, error: Exception) -> Response:
    """What nobody expected: the log has it, the answer has nothing of it."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "Something unexpected went wrong; the log in data/logs has the details.", "unexpected")


def of_invalid(errors: list[Any]) -> Response:
    """A request that is not as the description of the API has it. errors: pydantic's, of which the first is told."""
    first = errors[0] if errors else {}
    place = ".".join(str(step) for step in first.get("loc", ())[1:])
    said = str(first.get("msg", "it can't be read")).rstrip(".")
    detail = f"{place}: {said}." if place else f"The request is not valid: {said}."
    return problem(422, detail, "invalid", "/api/docs says what is expected.")


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
