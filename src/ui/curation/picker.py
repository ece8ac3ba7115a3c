"""A list, or a grid of photos, of which some are chosen to do something with: the bin, tags, albums."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from src.text import shown
from src.ui.frame.component import beside, reported

Chosen = Callable[[str, Sequence[str]], None]


def item(id_: str, name: str, detail: str, level: int = 0, picture: str | None = None) -> dict[str, Any]:
    """One of the things. detail: what stands beside its name. level: how deep in a tree. picture: address of one."""
    return {"id": id_, "name": shown(name), "detail": detail, "level": level, "src": picture}


def action(name: str, label: str, most: int | None = None) -> dict[str, Any]:
    """A button over the list, for one chosen thing up to ``most`` of them."""
    return {"name": name, "label": label, "most": most}


def show(
    key: str,
    label: str,
    items: Sequence[Mapping[str, Any]],
    actions: Sequence[Mapping[str, Any]],
    act: Chosen,
    layout: Literal["grid", "list"] = "list",
    open_: Callable[[str], None] | None = None,
) -> None:
    """label: what is listed, as in "tags". act: called with an action's name and the ids that are chosen.

    open_: called with the id of what was clicked; without it, a click chooses. Both before the page is drawn.
    """
    data = {"label": label, "layout": layout, "items": items, "actions": actions, "opens": open_ is not None}
    known = frozenset(one["id"] for one in items)
    beside(__file__, "picker")(
        key=key,
        data=data,
        on_act_change=partial(_act, key, known, act),
        on_open_change=partial(_open, key, known, open_),
    )


def _act(key: str, known: frozenset[str], act: Chosen) -> None:
    told = reported(key, "act")
    if isinstance(told, Mapping) and isinstance(told.get("ids"), list):
        ids = [id_ for id_ in told["ids"] if id_ in known]
        if ids:
            act(str(told.get("name")), ids)


def _open(key: str, known: frozenset[str], open_: Callable[[str], None] | None) -> None:
    opened = reported(key, "open")
    if open_ and opened in known:
        open_(opened)
