"""Under the open photo: what is said to be in it, by whom, and what can be done about that."""

from __future__ import annotations

import streamlit as st

from src.database.catalog.descriptions import Described
from src.runtime import Services
from src.schema.descriptions import DescribedObject, Description
from src.text import shown
from src.ui.curation import actions, told
from src.ui.format import literal, moment

THINGS = "One a line: what it is, its colour, where it is. Colour and place may be left out."


def show(services: Services, image_id: str) -> None:
    """What is said of a photo, or that its description was deleted; with buttons that change that, each undoable."""
    said = services.descriptions.of_photo(image_id)
    with st.container(key="photo-description"):
        if told.describing() == image_id:
            _form(services, image_id, said)
        elif said is None:
            _button("Describe it yourself", "edit_note", "describe", told.describe, image_id)
        elif said.deleted:
            st.caption("The description of this photo was deleted. No model describes it until you ask for it.")
            _button("Describe again", "refresh", "describe-again", _again, services, image_id)
        else:
            _said(said)
            with st.container(horizontal=True):
                _button("Edit description", "edit_note", "describe", told.describe, image_id)
                _button("Delete description", "delete", "delete-description", _delete, services, image_id)


def _said(said: Described) -> None:
    st.markdown("**Description**")
    if summary := said.description.scene_summary:
        st.markdown(literal(shown(summary)))
    if things := [_thing(each) for each in said.description.objects]:
        st.markdown(f"In it: {literal(shown(', '.join(things)))}")
    st.caption(literal(_by(said)))


def _thing(each: DescribedObject) -> str:
    named = " ".join(filter(None, (each.color, each.label)))
    return f"{named} ({each.position})" if each.position else named


def _by(said: Described) -> str:
    """Whose words these are."""
    model, when = shown(said.model), moment(said.made_at)
    if not said.by_hand:
        return f"Written by a model, {model or 'unknown'}, {when}. It may be wrong."
    return f"In your own words, {when}" + (f", in place of what the model {model} said." if model else ".")


def _button(label: str, icon: str, key: str, act: object, *about: object) -> None:
    st.button(label, icon=f":material/{icon}:", type="tertiary", key=key, on_click=act, args=about)  # type: ignore[arg-type]


def _form(services: Services, image_id: str, said: Described | None) -> None:
    words = said.description if said else Description("")
    lines = "\n".join(", ".join((each.label, each.color, each.position)).rstrip(", ") for each in words.objects)
    with st.form("description", border=False):
        summary = st.text_area("What the photo shows", shown(words.scene_summary), height=100)
        things = st.text_area("Things in it", lines, height=120, help=THINGS)
        with st.container(horizontal=True):
            kept = st.form_submit_button("Keep the description", type="primary")
            left = st.form_submit_button("Cancel")
    done = actions.perform(services, lambda of: of.describe(image_id, _written(summary, things))) if kept else None
    if left or done:
        told.describe(None)
    if left or kept:  # what was refused stays as it was typed
        st.rerun()


def _written(summary: str, things: str) -> Description:
    """Of each line of things what it is, its colour and its place; commas beyond belong to the place."""
    rows = [[part.strip() for part in line.split(",", 2)] for line in things.splitlines() if line.strip()]
    return Description(summary, tuple(DescribedObject(*row) for row in rows))


def _delete(services: Services, image_id: str) -> None:
    actions.perform(services, lambda of: of.delete_description(image_id))


def _again(services: Services, image_id: str) -> None:
    actions.perform(services, lambda of: of.describe_again(image_id))
