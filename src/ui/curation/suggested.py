"""Photos that may want a tag, accepted or refused one by one with a single key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from src.errors import AppError
from src.runtime import Services
from src.services.curation.service import tag_of
from src.services.curation.suggestions import EXAMPLES, Suggestion
from src.text import shown
from src.ui import address
from src.ui.curation import actions, told
from src.ui.frame import error_box
from src.ui.frame.component import beside, reported

KEY = "suggested"
LISTED, LEAST = 48, 8
"""Suggestions that are listed at once, and how few of them may be open before more are looked for."""


def show(services: Services) -> None:
    """A box for the tag, and the photos that are suggested for it."""
    st.markdown("#### Suggestions")
    tag = st.selectbox(
        "Photos that may want the tag",
        [one.tag for one in services.curation.tags()],
        index=None,
        format_func=shown,
        accept_new_options=True,
        placeholder="Choose a tag, or type a new one",
        key="suggest-tag",
    )
    if not tag:
        st.caption(
            f"Found by the tag's words, and by its examples once {EXAMPLES} photos have it. "
            "What you refuse is not suggested again."
        )
        return
    try:
        found = still_open(services, tag_of(tag))
    except AppError as error:
        error_box.show(error)
        return
    draw(services, tag_of(tag), found)


def still_open(services: Services, tag: str) -> Sequence[Suggestion]:
    """What is suggested and was not answered; looked for anew where little is left, or where answers teach more."""
    tagged, refused = services.catalog.marks.tagged(tag), services.catalog.marks.refused(tag)
    known = told.suggested(tag)
    answered = len(tagged) + len(refused)
    teaches = len(tagged) >= EXAMPLES or bool(tagged and refused)
    if known is not None:
        there = services.catalog.visible([one.image_id for one in known.found])
        left = [one for one in known.found if one.image_id in there and one.image_id not in {*tagged, *refused}]
        untaught = teaches and (any(one.by in ("words", "label") for one in left) or bool(refused))
        if known.answered == answered or (len(left) >= LEAST and not untaught):
            return left
    found = services.suggestions.photos(tag, LISTED)
    offered = (known.offered if known else frozenset()) | {one.image_id for one in found}
    told.keep_suggested(told.Suggested(tag, answered, tuple(found), offered))
    return found


def draw(services: Services, tag: str, found: Sequence[Suggestion], box: str = "suggest-tag") -> None:
    """The photos, one large, to be answered by a key each. box: widget key of what the tag was chosen with."""
    names = services.catalog.shown([one.image_id for one in found])
    items = [_item(one, shown(names[one.image_id].name), tag) for one in found if one.image_id in names]
    none = f"No other photo is likely enough to want “{shown(tag)}”. Tag some more of them, and look again."
    data = {"tag": tag, "items": items, "heard": told.heard(KEY), "none": none, "box": box}
    beside(__file__, KEY, after="again")(key=KEY, data=data, on_answers_change=partial(_answer, services))


def _item(one: Suggestion, name: str, tag: str) -> dict[str, Any]:
    name_of_tag = shown(tag.rpartition("/")[2])
    why = {
        "words": f"By its words: {one.score:.0%} likely to show “{name_of_tag}”",
        "label": f"By classifying: {one.score:.0%} likely to show “{name_of_tag}”",
        "examples": "By its examples: it looks like the photos that have the tag",
        "answers": "By your answers: it looks more like those with yes than like those with no",
    }[one.by]
    pictures = {
        "src": address.on_server(f"/api/thumb/{one.image_id}"),
        "large": address.on_server(f"/api/image/{one.image_id}"),
    }
    return {"id": one.image_id, "name": name, "why": why, **pictures}


def _answer(services: Services) -> None:
    """Run before the page is drawn. An answer that was heard already is sent again where the next came quickly."""
    said = reported(KEY, "answers")
    tag = said.get("tag") if isinstance(said, Mapping) else None
    known = told.suggested(tag) if isinstance(tag, str) else None
    if known is None or not isinstance(said["answers"], list):
        return
    for answer in said["answers"]:
        if isinstance(answer, Mapping) and answer.get("id") in known.offered and told.hear(answer.get("number"), KEY):
            answered(services, known.tag, str(answer["id"]), answer.get("yes") is True)


def answered(services: Services, tag: str, image_id: str, yes: bool) -> None:
    """One operation: the photo has the tag, or does not have it."""
    actions.perform(services, lambda of: of.tag([image_id], add=[tag]) if yes else of.refuse_tag([image_id], tag))
