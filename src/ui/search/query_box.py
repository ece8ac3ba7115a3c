"""The box for words, and how they may be written."""

from __future__ import annotations

import streamlit as st

from src.services.search.language import Reading, parse
from src.ui import state

EXAMPLES = ("a dog running on grass", "sunset by the sea", "people around a table", "a red car", "snow on mountains")


def show(key: str = state.QUERY, placeholder: str = "Describe what you are looking for") -> Reading:
    """What was sent last, read; Enter sends it. key: of the session, where the text is kept."""
    with (
        st.form(f"{key}-form", border=False),
        st.container(horizontal=True, vertical_alignment="bottom", gap="small"),
    ):
        text = st.text_input(
            "What are you looking for?",
            key=key,
            persist_state="session",
            placeholder=placeholder,
            icon=":material/search:",
            label_visibility="collapsed",
        )
        st.form_submit_button("Search", type="primary", key="search")
    return parse(str(text or ""))


def show_examples() -> None:
    """Queries to try, as buttons that put them into the box."""
    with st.container(horizontal=True, key="examples", gap="xsmall"):
        for example in EXAMPLES:
            st.button(example, on_click=state.ask, args=(example,), key=f"example-{example}")
