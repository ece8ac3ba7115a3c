"""The gallery that draws photos: the whole library here, results of a search in ``hits.py``.

Its page knows all of them, and draws those that are in sight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from src.runtime import Services
from src.services.search.language import MAX_CHARACTERS, Reading
from src.ui import address, state
from src.ui.frame.component import component, reported
from src.ui.insights import told as sets
from src.ui.photos import actions

_PARTS = Path(__file__).with_name("timeline_parts")
_KEYS = ("date", "in", "camera", "album", "tag", "place")
"""Of the query language: what the column of dates, folders and so on narrows the library to."""
Told = Callable[[Mapping[str, Any]], None]


def show(services: Services, reading: Reading, text: str, narrow: Told, search: Told) -> None:
    """Photos that pass the filters of a query. A click opens one large.

    narrow: called with ``key`` and ``value`` (None: not by that) of what the library is to be narrowed to. search:
    called where the text search is wanted. Both before the page is drawn.
    """
    if state.dialog() == "photo":
        state.know_gallery(services.browsing.listing(text, sets.of()).ids)
    told: dict[str, Told] = {"open": partial(_open, services, text), "narrow": narrow, "search": search}
    draw(services, "timeline", _data(services, reading, text), told)


def draw(services: Services, key: str, data: Mapping[str, Any], told: Mapping[str, Told]) -> None:
    """The gallery with what it is to show, and who is told what was done in it, by the name of what it was.

    data: ``listing``, the address of the photos, or what else tells one list from another where ``items`` has them;
    ``plain``: the library can't be narrowed beside them.
    """
    common = {
        "closed": list(state.closed()),
        "actions": actions.offered(services),
        "sources": {
            "thumb": address.on_server("/api/thumb/"),
            "image": address.on_server("/api/image/"),
            "photos": address.on_server("/api/photos"),
            "places": address.on_server("/api/places"),
        },
    }
    hearing: dict[str, Told] = {"act": partial(actions.act, services), **told}
    heard = {f"on_{name}_change": partial(_tell, key, name, hear) for name, hear in hearing.items()}
    _component()(key=key, data={**common, **data}, **heard)


def _data(services: Services, reading: Reading, text: str) -> dict[str, Any]:
    """What the page is told; the photos themselves it fetches."""
    asked = urlencode({"q": text[:MAX_CHARACTERS], **({"of": sets.of()} if sets.of() else {})})
    return {
        "listing": f"{address.on_server('/api/listing')}?{asked}",
        "version": services.browsing.version(),
        "grouped": reading.sort in ("", "date", "-date"),
        "chosen": {key: _value(reading, key) for key in _KEYS},
    }


def _tell(key: str, name: str, heard: Told) -> None:
    """Run before the page is drawn: a run that another one cuts short would lose what it only reads while drawing."""
    value = reported(key, name)
    if isinstance(value, Mapping):
        heard(value)


def _open(services: Services, text: str, told: Mapping[str, Any]) -> None:
    ids = services.browsing.listing(text, sets.of()).ids
    if told.get("id") in ids:
        state.open_photo(str(told["id"]), ids)


def _value(reading: Reading, key: str) -> str | None:
    """The one value of a key; None where the query says none or several."""
    values = [value for one in reading.restrictions if one.key == key and not one.negative for value in one.values]
    return values[0] if len(values) == 1 else None


def _component() -> Any:
    """Its parts are one script in the order of their names, after what others draw too: none can be loaded apart."""
    scripts = (str(_PARTS.with_name("why.js")), *map(str, sorted(_PARTS.glob("*.js"))))
    return component("timeline", (str(_PARTS / "timeline.css"),), scripts, '<div class="timeline"></div>')
