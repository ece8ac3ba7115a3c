"""The whole library as one long gallery: the page that draws it knows all photos, and draws those that are in sight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from src.runtime import Services
from src.services.search.language import MAX_CHARACTERS, Reading
from src.ui import address, state

_PARTS = Path(__file__).with_name("timeline_parts")
_KEYS = ("date", "in", "camera")
"""Of the query language: what the column of dates, folders and cameras narrows the library to."""
Told = Callable[[Mapping[str, Any]], None]


def show(services: Services, reading: Reading, text: str, narrow: Told, act: Told, search: Told) -> None:
    """Photos that pass the filters of a query. A click opens one large.

    narrow: called with ``key`` and ``value`` (None: not by that) of what the library is to be narrowed to. act: called
    with the ``name`` of what is to be done, its ``value`` and the ``ids`` of photos. search: called where the text
    search is wanted. All three before the page is drawn.
    """
    if state.dialog() == "photo":
        state.know_gallery(services.browsing.listing(text).ids)
    asked = urlencode({"q": text[:MAX_CHARACTERS]})
    data = {
        "listing": f"{address.on_server('/api/listing')}?{asked}",
        "version": services.browsing.version(),
        "grouped": reading.sort in ("", "date", "-date"),
        "chosen": {key: _value(reading, key) for key in _KEYS},
        "closed": list(state.closed()),
        "actions": [{"name": "similar", "label": "Find similar", "most": 1}],
        "undo": False,
        "sources": {
            "thumb": address.on_server("/api/thumb/"),
            "image": address.on_server("/api/image/"),
            "photos": address.on_server("/api/photos"),
            "places": address.on_server("/api/places"),
        },
    }
    told = {"open": partial(_open, services, text), "narrow": narrow, "act": act, "search": search}
    _component()(
        key="timeline", data=data, **{f"on_{name}_change": partial(_tell, name, heard) for name, heard in told.items()}
    )


def _tell(name: str, heard: Told) -> None:
    """Run before the page is drawn: a run that another one cuts short would lose what it only reads while drawing."""
    value = getattr(st.session_state["timeline"], name)
    if isinstance(value, Mapping):
        heard(value)


def _open(services: Services, text: str, told: Mapping[str, Any]) -> None:
    ids = services.browsing.listing(text).ids
    if told.get("id") in ids:
        state.open_photo(str(told["id"]), ids)


def _value(reading: Reading, key: str) -> str | None:
    """The one value of a key; None where the query says none or several."""
    values = [value for one in reading.restrictions if one.key == key and not one.negative for value in one.values]
    return values[0] if len(values) == 1 else None


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    """Registered once a process. Its parts are one script in the order of their names: none can be loaded apart."""
    js = "\n".join(part.read_text(encoding="utf-8") for part in sorted(_PARTS.glob("*.js")))
    css = (_PARTS / "timeline.css").read_text(encoding="utf-8")
    return st.components.v2.component("timeline", html='<div class="timeline"></div>', css=css, js=js)
