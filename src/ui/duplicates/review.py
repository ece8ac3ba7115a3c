"""One group of copies: its photos side by side, compared, and decided about by one key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

from src.runtime import Services
from src.schema.duplicates import Decision, DuplicateGroup, Level
from src.text import shown
from src.ui import address, state
from src.ui.curation import actions
from src.ui.curation import told as said
from src.ui.duplicates import differences, told
from src.ui.frame.component import component, reported

_HERE = Path(__file__).parent
_SCRIPTS = tuple(map(str, (_HERE.parent / "photos" / "zoom.js", _HERE / "comparison.js", _HERE / "review.js")))
TITLES: Mapping[Level, str] = {
    "bytes": "Same bytes",
    "pixels": "Same pixels",
    "picture": "Same picture",
    "shot": "Similar shot",
}
MOST = 60
"""Photos of one group that are shown; what is decided is decided of all."""
SHARP = 12
"""Photos of a group that are shown sharper than their thumbnails are."""
OF_FILES = (
    "These files are one photo in the library, so there is nothing to put into its bin. Keeping them all stops asking."
)
KEYS = (
    ("bin", "1", "Keep chosen, bin the others"),
    ("same", "2", "Keep all as one picture"),
    ("different", "3", "Different pictures"),
    ("choose", "4", "Choose another"),
    ("alternates", "5", "Keep all apart"),
    ("undo", "U", "Undo"),
)
"""What can be done with a group: name, key, label. The page itself does ``choose``."""
KEYS_OF_FILES = (("same", "2", "Keep all files"), ("undo", "U", "Undo"))


def key_of(group: DuplicateGroup) -> str:
    """By which a group is known from one run to the next."""
    return f"{group.level}:{group.keep.image_id}"


def show(services: Services, groups: Sequence[DuplicateGroup]) -> None:
    """The group that the session is at, of these; there is one at least."""
    at = told.place([key_of(group) for group in groups])
    data = {
        **_described(services, groups[at]),
        "at": at,
        "total": len(groups),
        "can_undo": services.curation.can_undo(),
        "near": [_large(id_, "640") for group in groups[at + 1 : at + 2] for id_ in group.photos[:SHARP]],
        "said": shown(last.text) if (last := said.last()) else "",
    }
    component("review", (str(_HERE / "review.css"),), _SCRIPTS)(
        key="review", data=data, on_act_change=partial(_act, services, groups, at)
    )


def _described(services: Services, group: DuplicateGroup) -> dict[str, Any]:
    ids = group.photos[:MOST]
    paths = {file.image_id: file.path for file in reversed(group.files)}  # of several files of one, the first
    known = differences.of_photos(services, {id_: paths[id_] for id_ in ids})
    of_files = group.level == "bytes"
    side = "640" if len(ids) <= SHARP else ""
    return {
        "key": key_of(group),
        "title": TITLES[group.level],
        "reasons": [shown(reason.text) for reason in group.reasons],
        "note": OF_FILES if of_files else "",
        "more": len(group.photos) - len(ids),
        "photos": [
            {
                **known[id_],
                "id": id_,
                "src": _large(id_, side) if side else _thumb(id_),
                "large": _large(id_),
                "full": _large(id_, "full"),
            }
            for id_ in ids
            if id_ in known
        ],
        "files": [shown(file.path) for file in group.files] if of_files else [],
        "offered": KEYS_OF_FILES if of_files else KEYS,
        "movable": services.system_bin.offered,
    }


def _large(image_id: str, side: str = "") -> str:
    return address.on_server(f"/api/image/{image_id}") + (f"?side={side}" if side else "")


def _thumb(image_id: str) -> str:
    return address.on_server(f"/api/thumb/{image_id}")


def _act(services: Services, groups: Sequence[DuplicateGroup], at: int) -> None:
    """Run before the page is drawn; what was meant for a group that is not the one shown is left alone."""
    asked, group = reported("review", "act"), groups[at]
    if not isinstance(asked, Mapping):
        return
    name = asked.get("name")
    if name == "undo":
        actions.press(services, "undo")
    elif name in ("next", "previous"):
        told.go([key_of(each) for each in groups], at + (1 if name == "next" else -1))
    elif asked.get("group") == key_of(group):
        _decide(services, group, str(name), asked.get("value"))


def _decide(services: Services, group: DuplicateGroup, name: str, value: object) -> None:
    """value: the id of the photo that is kept or opened, or the number of a file."""
    if name == "open" and value in group.photos:
        state.open_photo(str(value), group.photos)
    elif name == "move" and isinstance(value, int) and 0 <= value < len(group.files):
        told.ask_about(group.files[value].image_id, group.files[value].path)
    elif name == "move" and value in group.photos:
        file = next(file for file in group.files if file.image_id == value)
        told.ask_about(file.image_id, file.path)
    elif name == "bin" and value in group.photos:
        kept = [str(value), *(id_ for id_ in group.photos if id_ != value)]
        actions.perform(services, lambda of: of.settle([kept], "bin"))
    elif name in get_args(Decision):
        actions.perform(services, lambda of: of.decide([group.photos], cast(Decision, name)))
