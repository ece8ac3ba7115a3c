"""The dialog that asks for what an action needs besides the photos: a tag, a note, the name of an album."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from src.runtime import Services
from src.services.curation.service import LONGEST_NOTE, LONGEST_TAG, CurationService, Done
from src.text import count, shown
from src.ui import state
from src.ui.curation import actions, told
from src.ui.curation.told import Asked
from src.ui.format import literal

Field = Literal["new", "known", "name", "lines"]
"""new: chosen among what there is, or typed. known: only chosen. name: typed, at first what it is. lines: a text."""


@dataclass(frozen=True)
class Question:
    """title: with ``{photos}`` and ``{about}`` in it. label: of the field. button: what does it."""

    title: str
    label: str
    button: str
    field: Field
    help: str = ""


STEPS = "A slash makes a tree: trip/italy is below trip."
QUESTIONS: Mapping[str, Question] = {
    "tag": Question("Add a tag to {photos}", "Tag", "Add", "new", STEPS),
    "untag": Question("Take a tag off {photos}", "Tag", "Take off", "known", "Tags below it go too."),
    "note": Question("A note on {photos}", "Note", "Write", "lines", "It takes the place of the note that is there."),
    "album": Question("Add {photos} to an album", "Album", "Add", "new", "A new name makes a new album."),
    "take-from-album": Question("Take {photos} out of an album", "Album", "Take out", "known"),
    "rename-tag": Question("Rename the tag {about}", "New name", "Rename", "name", STEPS),
    "merge-tags": Question("Merge {about}", "Into the tag", "Merge", "new", "Photos that have one of them have it."),
    "new-album": Question("A new album", "Name", "Make", "name"),
    "rename-album": Question("Rename the album {about}", "New name", "Rename", "name"),
}
"""Name of an action -> what its dialog asks."""


def show(services: Services) -> None:
    """The question that the session has open."""
    asked = told.asked()
    question = QUESTIONS.get(asked.action) if asked else None
    if asked is None or question is None:
        state.close_dialog()
        return
    about = ", ".join(f"“{literal(_name(services, asked.action, text))}”" for text in asked.about)
    title = question.title.format(photos=count(len(asked.ids), "photo"), about=about)
    st.dialog(title, on_dismiss=state.close_dialog)(_draw)(services, asked, question)


def _draw(services: Services, asked: Asked, question: Question) -> None:
    if state.dialog() is None:  # a button closed it: the whole page runs again
        st.rerun()
    with st.form(f"ask-{asked.action}", border=False):
        value = _field(services, asked, question)
        with st.container(horizontal=True):
            if st.form_submit_button(question.button, type="primary", key="ask-go"):
                _do(services, asked, (value or "").strip())
            if st.form_submit_button("Cancel", key="ask-no"):
                state.close_dialog()
                st.rerun()


def _field(services: Services, asked: Asked, question: Question) -> str | None:
    key, hint = f"ask-{asked.action}-value", question.help or None
    if question.field == "lines":
        return st.text_area(question.label, max_chars=LONGEST_NOTE, key=key, help=hint)
    if question.field == "name":
        now = _name(services, asked.action, asked.about[0]) if asked.about else ""
        return st.text_input(question.label, now, max_chars=LONGEST_TAG, key=f"{key}-{now}", help=hint)
    return st.selectbox(
        question.label,
        _choices(services.curation, asked),
        format_func=shown,
        index=None,
        accept_new_options=question.field == "new",
        placeholder="Choose one, or type a new one" if question.field == "new" else "Choose one",
        key=key,
        help=hint,
    )


def _choices(curation: CurationService, asked: Asked) -> list[str]:
    if asked.action in ("album", "take-from-album"):
        return [album.name for album in curation.albums()]
    return [tag.tag for tag in curation.tags()]


def _name(services: Services, action: str, about: str) -> str:
    """What a question is about, as people know it: an album by its name."""
    if not action.endswith("album"):
        return about
    return next((album.name for album in services.curation.albums() if album.id == about), "")


def _do(services: Services, asked: Asked, value: str) -> None:
    """Where it can't be done, the dialog stays, and the page says why."""
    if not value and asked.action != "note":
        return
    do = OF_ABOUT.get(asked.action)
    if do is None:
        done = actions.act(services, {"name": asked.action, "value": value, "ids": list(asked.ids)})
    else:
        done = actions.perform(services, lambda curation: do(curation, asked.about, value))
    if done is not None:
        state.close_dialog()
        st.rerun()
    last = told.last()
    if last is not None:
        st.error(literal(last.text), icon=":material/error:")


OF_ABOUT: Mapping[str, Callable[[CurationService, Sequence[str], str], Done]] = {
    "rename-tag": lambda of, about, value: of.rename_tag(about[0], value),
    "merge-tags": lambda of, about, value: of.merge_tags(about, value),
    "new-album": lambda of, _, value: of.create_album(value),
    "rename-album": lambda of, about, value: of.rename_album(about[0], value),
}
"""Actions on tags or an album as such, not on photos."""
