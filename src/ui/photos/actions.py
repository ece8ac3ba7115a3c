"""What is done with the photos that are selected: the one place that a page's bar of actions asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from src.errors import AppError
from src.runtime import Services
from src.services.curation.service import Done
from src.text import count, shown
from src.ui import example, state

MOST_IDS = 1_000_000


class Action(NamedTuple):
    """One button of the bar."""

    label: str
    does: Callable[[Services, Sequence[str], Any], str]
    """With the services, ids of photos, and what was said besides; gives the sentence that tells what came of it."""
    asks: str = ""
    """What has to be said besides: a "text", or "stars"."""
    hint: str = ""
    most: int = MOST_IDS
    """So many photos at most."""


def offered() -> list[dict[str, Any]]:
    """The actions, for the page that shows them."""
    return [
        {"name": name, "label": one.label, "asks": one.asks, "hint": one.hint, "most": one.most}
        for name, one in ACTIONS.items()
    ]


def act(services: Services, told: Mapping[str, Any]) -> None:
    """Do what the bar asks for: ``name`` of an action, or "undo", the ``ids`` of photos, and ``value``."""
    ids = [str(one) for one in told.get("ids") or ()][:MOST_IDS]
    name = told.get("name")
    try:
        if name == "undo":
            state.set_message(_undone(services.curation.undo()))
        elif name in ACTIONS and ids:
            state.set_message(ACTIONS[name].does(services, ids, told.get("value")))
    except AppError as error:
        state.set_message(error.user_message)


def _tag(services: Services, ids: Sequence[str], value: Any) -> str:
    tags = [tag.strip() for tag in str(value or "").split(",") if tag.strip()]
    return _told(services.curation.tag(ids, add=tags), "tagged")


def _rate(services: Services, ids: Sequence[str], value: Any) -> str:
    return _told(services.curation.rate(ids, int(value or 0)), "rated")


def _like(services: Services, ids: Sequence[str], _: Any) -> str:
    return _told(services.curation.favourite(ids), "made favourites" if len(ids) > 1 else "made a favourite")


def _note(services: Services, ids: Sequence[str], value: Any) -> str:
    return _told(services.curation.note(ids, str(value or "")), "noted")


def _add_to_album(services: Services, ids: Sequence[str], value: Any) -> str:
    name = str(value or "")
    album = services.curation.album_named(" ".join(name.split()))
    done = services.curation.add_to_album(album, ids) if album else services.curation.create_album(name, ids)
    return _told(done, f"added to “{shown(name)}”")


def _find_similar(_: Services, ids: Sequence[str], __: Any) -> str:
    example.set_similar(ids[0])
    return ""


def _export(_: Services, ids: Sequence[str], __: Any) -> str:
    state.open_export(ids)
    return ""


def _remove(services: Services, ids: Sequence[str], _: Any) -> str:
    return _told(services.curation.remove(ids), "put into the bin; the files stay where they are")


def _told(done: Done, what: str) -> str:
    if done.number is None:
        return "That was so already."
    return f"{count(done.photos, 'photo')} {what}. Ctrl+Z takes it back."


def _undone(done: Done) -> str:
    return f"Taken back: {done.kind.replace('-', ' ')} of {count(done.photos, 'photo')}."


ACTIONS: dict[str, Action] = {
    "tag": Action("Tag", _tag, "text", "Tags, with commas between"),
    "rate": Action("Rate", _rate, "stars"),
    "favourite": Action("Favourite", _like),
    "note": Action("Note", _note, "text", "A note"),
    "album": Action("Add to album", _add_to_album, "text", "Name of an album"),
    "similar": Action("Find similar", _find_similar, most=1),
    "export": Action("Export", _export),
    "remove": Action("Remove", _remove),
}
