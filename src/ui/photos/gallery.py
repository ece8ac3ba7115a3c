"""A photo in the page: large, or as a small example picture. One component draws both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from src.identity import is_id
from src.schema import Reason
from src.schema.texts import TextLine
from src.services.search import why
from src.text import shown
from src.ui import address, state
from src.ui.frame.component import component, reported

_HERE = Path(__file__).parent
_STYLES = tuple(str(_HERE / name) for name in ("gallery.css", "photo_lines.css"))
_PARTS = ("why.js", "zoom.js", "photo_stage.js", "photo_beside.js", "photo_lines.js", "gallery.js")
_SCRIPTS = tuple(str(_HERE / name) for name in _PARTS)
MOST_SIMILAR = 24
"""Ids that a page may name as similar."""


def show_photo(
    image_id: str,
    name: str,
    facts: Sequence[tuple[str, str]],
    size: tuple[int, int],
    note: str | None = None,
    place: Mapping[str, Any] | None = None,
    lines: Sequence[TextLine] = (),
    reasons: Sequence[Reason] = (),
) -> None:
    """One photo of the library as large as the place allows, to be zoomed, with what is known about it.

    size: width and height of the original in pixels. Those before and after it in its gallery are fetched as well.
    place: ``latitude`` and ``longitude`` in degrees, and ``name``, of where it was taken. Similar photos are asked for
    once it is there; a click opens one. lines: of text, that were read in it. reasons: why it is a result.
    """
    large = address.on_server("/api/image/")
    near = [large + other for other in (state.neighbour(1), state.neighbour(-1)) if other]
    sources = {"src": large + image_id, "full": f"{large}{image_id}?side=full", "thumb": _thumb(image_id), "near": near}
    known = [[label, shown(value)] for label, value in facts]
    marked = {reason.box for reason in reasons}
    read = [{"text": shown(line.text), "box": line.box, "found": line.box in marked} for line in lines]
    told: dict[str, Any] = {"name": shown(name), "facts": known, "lines": read, "note": note, "size": size}
    told |= {"next": state.neighbour(1) is not None, "why": why.told(reasons)}
    beside = {
        "place": place,
        "outlines": address.on_server("/api/outlines"),
        "similar": address.on_server(f"/api/pages/similar/{image_id}"),
        "thumbs": _thumb(""),
    }
    _draw("photo-large", {"photo": {**told, **sources, **beside}}, on_step=_step, on_similar=_open_similar)


def _open_similar() -> None:
    """One of the similar photos was clicked: the others are beside it, after the one they are like."""
    told = reported("photo-large", "similar")
    ids = [str(one) for one in told.get("ids", ()) if is_id(one)][:MOST_SIMILAR] if isinstance(told, Mapping) else []
    if ids and told.get("id") in ids:
        state.go_to_photo(str(told["id"]), [state.photo(), *ids])


def _step() -> None:
    """A slide show goes on to the next photo."""
    if reported("photo-large", "step"):
        state.show_neighbour(1)


def show_small(image_id: str, name: str) -> None:
    """A photo of the library at the size of its thumbnail."""
    _draw("photo-small", {"single": {"src": _thumb(image_id), "name": shown(name)}}, width="content")


def _thumb(image_id: str) -> str:
    return address.on_server(f"/api/thumb/{image_id}")


def _draw(
    key: str,
    data: dict[str, Any],
    width: Literal["stretch", "content"] = "stretch",
    on_step: Callable[[], None] = lambda: None,
    on_similar: Callable[[], None] = lambda: None,
) -> None:
    component("photos", _STYLES, _SCRIPTS)(
        key=key, data=data, width=width, on_step_change=on_step, on_similar_change=on_similar
    )
