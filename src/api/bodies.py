"""What a request asks for in its body: JSON, or a form with a picture."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import IO, Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from src.api.shapes import Asked

A = TypeVar("A", bound=Asked)


def described(shape: type[Asked]) -> dict[str, Any]:
    """The body, for the description of the API: the shape as JSON, or as a form with the file ``image``."""
    schema = shape.model_json_schema()
    form = {**schema, "properties": {**schema["properties"], "image": {"type": "string", "format": "binary"}}}
    kinds = {"application/json": {"schema": schema}, "multipart/form-data": {"schema": form}}
    return {"requestBody": {"required": True, "content": kinds}}


@asynccontextmanager
async def asked_with_picture(
    request: Request, shape: type[A], lists: Collection[str], empty: Collection[str] = ()
) -> AsyncIterator[tuple[A, IO[bytes] | None]]:
    """What is asked for, and the picture that came with it, open as long as this is.

    lists: fields that are lists. empty: fields whose empty text says something. Raises HTTPException for a body of
    another kind, RequestValidationError for one that is not as the shape says.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        yield _checked(_json(await request.body()), shape), None
    elif kind == "multipart/form-data":
        form = await request.form(max_files=1, max_fields=200)
        try:
            said, file = _of_form(form, lists, empty)
            yield _checked(said, shape), file
        finally:
            await form.close()
    else:
        raise HTTPException(415, "Send application/json, or a form (multipart/form-data).")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestValidationError([{"loc": ("body",), "msg": "it is no JSON"}]) from error


def _checked(said: Any, shape: type[A]) -> A:
    try:
        return shape.model_validate(said)
    except ValidationError as error:
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from error


def _of_form(form: FormData, lists: Collection[str], empty: Collection[str]) -> tuple[dict[str, Any], IO[bytes] | None]:
    """What a form asks for: its fields are texts, and lists are fields that are there several times, or one in JSON."""
    said: dict[str, Any] = {}
    file = None
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            file = value.file
        elif name in lists:
            said.setdefault(name, []).extend(_several(value))
        elif value or name in empty:
            said[name] = value
    return said, file


def _several(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return [text]
    return found if isinstance(found, list) else [text]
