"""The map itself, drawn by WebGL in the browser (``board.js``): points that are fetched, what is drawn around told."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from src.runtime import Services
from src.ui import address, state
from src.ui.frame.component import beside, reported
from src.ui.map import told as map_told

KEY = "board"


def show(services: Services, by: str) -> None:
    """by: what the points are coloured by, one of ``colouring.BY``."""
    told = {"area": _choose, "open": partial(_open, services)}
    heard = {f"on_{name}_change": partial(_hear, name, tell) for name, tell in told.items()}
    beside(__file__, KEY, '<div class="board"></div>')(key=KEY, data=_data(services, by), **heard)


def _data(services: Services, by: str) -> dict[str, Any]:
    """What the page is told; the points themselves it fetches."""
    coloured, chart = services.maps.colouring(by), services.maps.chart()
    return {
        "points": f"{address.on_server('/api/map.bin')}?{urlencode({'by': by})}",
        "version": chart.version if chart else "",
        "plot": address.on_server("/api/map/plot.js"),
        "thumb": address.on_server("/api/thumb/"),
        "by": by,
        "values": list(zip(coloured.names, coloured.photos, strict=True)),
        "rest": len(coloured.numbers) - sum(coloured.photos),
        "places": [list(place) for place in services.maps.places()],
        "area": state.query(map_told.AREA),
    }


def _hear(name: str, tell: Any) -> None:
    """Run before the page is drawn: a run that another one cuts short would lose what it only reads while drawing."""
    value = reported(KEY, name)
    if isinstance(value, Mapping):
        tell(value)


def _choose(told: Mapping[str, Any]) -> None:
    state.ask(str(told.get("area") or ""), map_told.AREA)


def _open(services: Services, told: Mapping[str, Any]) -> None:
    chart = services.maps.chart()
    if chart and told.get("id") in chart.ids:
        state.open_photo(str(told["id"]), [str(told["id"])])
