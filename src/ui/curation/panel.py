"""Over the open photo: its stars, whether it is a favourite, its tags, albums and note, each changed at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from src.errors import AppError
from src.models.label_bank import Label
from src.runtime import Services
from src.services.curation.service import LONGEST_NOTE, LONGEST_TAG
from src.text import shown
from src.ui import state
from src.ui.curation import actions, undo_bar
from src.ui.frame.component import beside, reported

OFFERED = ("tag", "untag", "refuse-tag", "rate", "favourite", "note", "album", "take-from-album", "remove")
MOST_TAGS = 2_000
"""Known tags that complete what is typed."""


def show(services: Services, image_id: str, suggested: Sequence[Label] = ()) -> None:
    """The open photo's, with the tags that are suggested for it; with the keys 0 to 5 for stars, f and
    Delete, and a bar that undoes what was done.
    """
    known = services.catalog.facts.of(image_id)
    note = str(known.get("note") or "")
    data = {
        "photo": image_id,
        "rating": known.get("rating"),
        "favourite": bool(known.get("favourite")),
        "tags": [{"name": shown(tag), "value": tag} for tag in known.get("keywords", ())],
        "albums": [{"name": shown(name), "value": name} for name in known.get("albums", ())],
        "note": note,
        "suggested": [{"name": label.word, "chance": round(100 * label.chance)} for label in suggested],
        "known": {
            "tag": [shown(tag.tag) for tag in services.curation.tags()[:MOST_TAGS]],
            "album": [shown(album.name) for album in services.curation.albums()],
        },
        "longest": {"tag": LONGEST_TAG, "album": LONGEST_TAG, "note": LONGEST_NOTE},
    }
    beside(__file__, "panel")(key="marks-panel", data=data, on_act_change=partial(_act, services, image_id))
    undo_bar.show(services, "undo-photo")


def suggestions(services: Services, image_id: str) -> Sequence[Label]:
    """What the model suggests as tags; nothing where it can't be used now."""
    try:
        return services.labels.suggested(image_id)
    except AppError:
        return ()


def _act(services: Services, image_id: str) -> None:
    """Run before the photo is drawn again."""
    told = reported("marks-panel", "act")
    if not isinstance(told, Mapping) or told.get("name") not in OFFERED or told.get("photo") != image_id:
        return
    done = actions.act(services, {"name": told["name"], "value": told.get("value"), "ids": [image_id]})
    if told["name"] == "remove" and done is not None and done.number is not None:
        state.drop_photo()
