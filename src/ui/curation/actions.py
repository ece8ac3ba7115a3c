"""What can be done with photos that are selected or open: one row an action, and the one place that does it.

Each is done at once, in one operation that can be undone; afterwards the page says what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from src.database.catalog.operations import Operation
from src.errors import AppError, BadInput
from src.identity import is_id
from src.runtime import Services
from src.services.curation.service import CurationService, Done
from src.ui import state
from src.ui.curation import told, words

HISTORY = 1_000
"""Operations among which one is looked for: all that are kept."""
NOTHING = "All was so already: nothing was changed."


@dataclass(frozen=True)
class Action:
    """One row.

    label: on its button. icon: its name among the Material symbols. asks: what it needs besides the photos; a dialog
    asks for a text, and stars are chosen where the photos are. do: of the service, the ids and that value, what came
    of it.
    """

    name: str
    label: str
    icon: str
    asks: Literal["", "text", "stars"]
    do: Callable[[CurationService, Sequence[str], Any], Done]


def _album(curation: CurationService, ids: Sequence[str], name: str) -> Done:
    """Add photos to the album of that name, which is made where there is none."""
    album = curation.album_named(name.strip())
    return curation.add_to_album(album, ids) if album else curation.create_album(name, ids)


def _take_from_album(curation: CurationService, ids: Sequence[str], name: str) -> Done:
    album = curation.album_named(name)
    if album is None:
        raise BadInput(f"There is no album “{name}”.")
    return curation.take_from_album(album, ids)


def _tags(value: str) -> list[str]:
    """Several tags may be typed with commas between them."""
    return [tag for tag in value.split(",") if tag.strip()] or [value]


ACTIONS: tuple[Action, ...] = (
    Action("tag", "Add tag", "new_label", "text", lambda of, ids, value: of.tag(ids, add=_tags(value))),
    Action("untag", "Take tag off", "label_off", "text", lambda of, ids, value: of.tag(ids, remove=[value])),
    Action("refuse-tag", "Not this tag", "label_off", "text", lambda of, ids, value: of.refuse_tag(ids, value)),
    Action("rate", "Rate", "star", "stars", lambda of, ids, value: of.rate(ids, value)),
    Action("favourite", "Favourite", "favorite", "", lambda of, ids, value: of.favourite(ids, value is not False)),
    Action("note", "Note", "edit_note", "text", lambda of, ids, value: of.note(ids, value)),
    Action("album", "Add to album", "library_add", "text", _album),
    Action("take-from-album", "Take out of album", "remove_from_queue", "text", _take_from_album),
    Action("remove", "Remove", "delete", "", lambda of, ids, _: of.remove(ids)),
    Action("restore", "Take out of the bin", "restore_from_trash", "", lambda of, ids, _: of.restore(ids)),
    Action("undo", "Undo", "undo", "", lambda of, *_: of.undo()),
    Action("redo", "Redo", "redo", "", lambda of, *_: of.redo()),
)


def named(name: str) -> Action | None:
    return next((action for action in ACTIONS if action.name == name), None)


def press(services: Services, name: str) -> None:
    """What a button does that is about no photos: undo, redo, or taking all of the bin out of it."""
    ids = services.catalog.bin.ids() if name == "restore" else []
    act(services, {"name": name, "ids": ids})


def act(services: Services, asked: Mapping[str, Any]) -> Done | None:
    """Do what a page asked for: the ``name`` of an action, its ``value``, and the ``ids`` of photos.

    To be called before the page is drawn, which then says what was done, or why it was not. Where a text is wanted and
    none is given, a dialog is opened that asks for it. None where nothing was done.
    """
    action, ids = named(str(asked.get("name"))), _ids(asked.get("ids"))
    value = asked.get("value")
    if action is None or not _is_value(action, value):
        return None
    if action.asks == "text" and value is None:
        told.ask(action.name, ids)
        return None
    return perform(services, lambda curation: action.do(curation, ids, value))


def perform(services: Services, do: Callable[[CurationService], Done]) -> Done | None:
    """Do something and have the page say what was done; or why it was not, and None."""
    try:
        done = do(services.curation)
    except AppError as error:
        told.tell(f"{error.user_message} {error.hint or ''}".strip())
        return None
    _tell(services, operation_of(services, done.number))
    return done


def say_last(services: Services, kind: str) -> bool:
    """Have the page say what was done last, where a job did that. False where it was not of that kind."""
    last = next(iter(services.curation.history(1)), None)
    if last is None or last.kind != kind or last.undone:
        return False
    _tell(services, last)
    return True


def _tell(services: Services, operation: Operation | None) -> None:
    if operation is None:
        told.tell(NOTHING)
    elif operation.undone:
        told.tell(f"Undone: {words.of(operation)}.", "redo")
        state.put_back(list(services.catalog.visible(state.dropped())))
    else:
        told.tell(f"{words.of(operation)}.", "undo")


def operation_of(services: Services, number: int | None) -> Operation | None:
    return next((one for one in services.curation.history(HISTORY) if one.number == number), None)


def _ids(value: Any) -> list[str]:
    return [id_ for id_ in value if is_id(id_)] if isinstance(value, list | tuple) else []


def _is_value(action: Action, value: Any) -> bool:
    """Whether what came from the browser can be that action's value."""
    if action.asks == "stars":
        return value is None or (isinstance(value, int) and not isinstance(value, bool))
    return value is None or isinstance(value, str if action.asks == "text" else bool)
