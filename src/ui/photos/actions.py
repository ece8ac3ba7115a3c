"""What a page's bar offers for the photos that are selected: what is said of photos, and what is looked for by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from src.runtime import Services
from src.ui import example, state
from src.ui.curation import actions as curating

MOST_IDS = 1_000_000
SAID = {
    "tag": "Tags, with commas between",
    "untag": "A tag",
    "rate": "",
    "favourite": "",
    "note": "A note",
    "album": "Name of an album",
    "take-from-album": "Name of an album",
}
"""Actions on what is said of photos, in the bar's order, each with a hint for what is typed."""


def offered(services: Services) -> list[dict[str, Any]]:
    """The actions, for the page that shows them; without those that can't do anything.

    asks: what has to be said besides, a ``text`` or ``stars``. most: so many photos at most.
    """
    curation = services.curation
    needless = {name for name, some in (("untag", curation.tags()), ("take-from-album", curation.albums())) if not some}
    said = [_of_curation(name, hint) for name, hint in SAID.items() if name not in needless]
    own = [_row("similar", "Find similar", most=1), _row("export", "Export")]
    return [*said, *own, _of_curation("remove", "")]


def act(services: Services, told: Mapping[str, Any]) -> None:
    """Do what the bar asks for: ``name`` of an action, the ``ids`` of photos, and ``value``."""
    ids = [str(one) for one in told.get("ids") or ()][:MOST_IDS]
    if told.get("name") in _OWN:
        if ids:
            _OWN[str(told["name"])](ids)
    else:
        curating.act(services, {**told, "ids": ids})


_OWN: dict[str, Callable[[Sequence[str]], None]] = {
    "similar": lambda ids: example.set_similar(ids[0]),
    "export": state.open_export,
}


def _of_curation(name: str, hint: str) -> dict[str, Any]:
    action = next(one for one in curating.ACTIONS if one.name == name)
    return _row(name, action.label, action.asks, hint)


def _row(name: str, label: str, asks: str = "", hint: str = "", most: int = MOST_IDS) -> dict[str, Any]:
    return {"name": name, "label": label, "asks": asks, "hint": hint, "most": most}
