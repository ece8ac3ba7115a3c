"""Photos in the page: a grid of thumbnails, one photo large, or a small example picture.

One component draws all three.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from src.schema import SearchHit
from src.schema.texts import TextLine
from src.text import shown
from src.ui import address, state

_HERE = Path(__file__).parent
_CSS = ("gallery.css", "photo_lines.css")
_JS = ("photo_stage.js", "photo_lines.js", "gallery.js")


def show(hits: Sequence[SearchHit], key: str, scores: bool = True) -> None:
    """A grid of photos in the order given; an object that was found is marked by a box. A click opens a photo large."""
    thumbs = _thumb("")
    found = {hit.id: hit.segment for hit in hits if hit.segment}
    ids = [hit.id for hit in hits]
    state.know_gallery(ids, found)
    data = {"items": [_item(hit, thumbs, scores) for hit in hits], "closed": list(state.closed())}
    _draw(key, data, on_open=partial(_open, key, ids, found))


def _open(key: str, ids: Sequence[str], found: Mapping[str, str]) -> None:
    """A photo was clicked.

    Run before the page is drawn: a run that another one cuts short would lose what it only reads while drawing.
    """
    opened = st.session_state[key].open
    if opened in ids:
        state.open_photo(opened, ids, found)


def show_photo(
    image_id: str,
    name: str,
    facts: Sequence[tuple[str, str]],
    size: tuple[int, int],
    note: str | None = None,
    lines: Sequence[TextLine] = (),
) -> None:
    """One photo of the library as large as the place allows, to be zoomed, with what is known about it.

    size: width and height of the original in pixels. lines: of text, that were read in it. Those before and after it in
    its gallery are fetched as well.
    """
    large = address.on_server("/api/image/")
    near = [large + other for other in (state.neighbour(1), state.neighbour(-1)) if other]
    sources = {"src": large + image_id, "full": f"{large}{image_id}?side=full", "thumb": _thumb(image_id), "near": near}
    known = [[label, shown(value)] for label, value in facts]
    read = [{"text": shown(line.text), "box": line.box} for line in lines]
    told = {
        "name": shown(name),
        "facts": known,
        "lines": read,
        "note": note,
        "size": size,
        "next": state.neighbour(1) is not None,
    }
    _draw("photo-large", {"photo": {**told, **sources}}, on_step=_step)


def _step() -> None:
    """A slide show goes on to the next photo."""
    if st.session_state["photo-large"].step:
        state.show_neighbour(1)


def show_small(image_id: str, name: str) -> None:
    """A photo of the library at the size of its thumbnail."""
    _draw("photo-small", {"single": {"src": _thumb(image_id), "name": shown(name)}}, width="content")


def _item(hit: SearchHit, thumbs: str, scores: bool) -> dict[str, Any]:
    item: dict[str, Any] = {"id": hit.id, "name": shown(hit.name), "src": thumbs + hit.id}
    if hit.box is not None and all(hit.size):
        width, height = hit.size
        sides = (width, height, width, height)
        item |= {"box": [edge / side for edge, side in zip(hit.box, sides, strict=True)], "aspect": width / height}
    return {**item, "band": hit.band, "percent": hit.percent} if scores else item


def _thumb(image_id: str) -> str:
    return address.on_server(f"/api/thumb/{image_id}")


def _draw(
    key: str,
    data: dict[str, Any],
    width: Literal["stretch", "content"] = "stretch",
    on_open: Callable[[], None] = lambda: None,
    on_step: Callable[[], None] = lambda: None,
) -> None:
    _component()(key=key, data=data, width=width, on_open_change=on_open, on_step_change=on_step)


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    """Registered once a process."""
    css, js = ("\n".join((_HERE / name).read_text(encoding="utf-8") for name in names) for names in (_CSS, _JS))
    return st.components.v2.component("photos", html='<div class="root"></div>', css=css, js=js)
