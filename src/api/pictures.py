"""Answers that a browser keeps: pictures of catalogued photos, and what pages ask for as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from src.api.line import FOR_NOW
from src.api.problems import problem
from src.errors import BadInput

if TYPE_CHECKING:  # the app answers before what Services needs is imported
    from src.runtime import Services

FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
"""An image's id is its content, so its picture never changes."""
BY_NAME = {"Cache-Control": "private, no-cache"}
"""A name may be another photo's tomorrow."""
SIDES = {"": 1600, "640": 640, "full": 16_000}
"""What a preview's address may say after ``?side=`` -> the pixels that its longest side has at most; a browser shows
no more than the last.
"""


def small(services: Services, image_id: str, request: Request, kept: bool = True) -> Response:
    """A photo's thumbnail. kept: it stays as it is; not where it stands for a picture that can't be read now."""
    path = services.library.thumbnail(image_id)
    if path is None:
        return _not_here()
    tag = f'"{image_id}-thumb"'
    if kept and _has(request, tag):
        return Response(status_code=304, headers=_kept(request, image_id, tag))
    try:  # read at once: sending such a small file in pieces costs more than the file
        return Response(path.read_bytes(), headers=_kept(request, image_id, tag) if kept else FOR_NOW, media_type=JPEG)
    except FileNotFoundError:  # cleared just now
        return _not_here()


def large(services: Services, image_id: str, side: str, request: Request) -> Response:
    """A photo as large as a page shows it. Raises BadInput for a side that there is none of."""
    if side not in SIDES:
        raise BadInput("No picture has such a side.", "Leave it out for 1600 pixels at most, or write 640 or full.")
    pixels = SIDES[side]
    tag = f'"{image_id}-{pixels}"'
    if _has(request, tag) and services.catalog.visible([image_id]):
        return Response(status_code=304, headers=_kept(request, image_id, tag))
    data = services.library.preview(image_id, pixels)
    if data is None:  # the file is gone or offline: the thumbnail is what is left of it, until the file is back
        return small(services, image_id, request, kept=False)
    return Response(data, headers=_kept(request, image_id, tag), media_type=JPEG)


def checked(request: Request, state: str, data: bytes) -> Response:
    """Bytes that a page asks for again and again, or that what it has of them is still so. state: another text once
    they are others, of letters, digits and hyphens.
    """
    tag = f'"{state}"'
    headers = {**BY_NAME, "ETag": tag}
    if _has(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type="application/octet-stream")


JPEG = "image/jpeg"


def _kept(request: Request, image_id: str, tag: str) -> dict[str, str]:
    named = not request.url.path.endswith(image_id)
    return {**(BY_NAME if named else FOREVER), "ETag": tag}


def _has(request: Request, tag: str) -> bool:
    """Whether the client has the picture already."""
    said = request.headers.get("if-none-match", "")
    return said.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in said.split(",")]


def _not_here() -> Response:
    return problem(404, "There is no such image in the library.")
