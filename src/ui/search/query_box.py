"""The box for words."""

from __future__ import annotations

import streamlit as st

from src.ui import state

EXAMPLES = ("a dog running on grass", "sunset by the sea", "people around a table", "a red car", "snow on mountains")


def show() -> str:
    """The query as last sent, cleaned of blanks at its ends; Enter sends it."""
    with st.form("query-form", border=False), st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input(
            "What are you looking for?",
            key=state.QUERY,
            persist_state="session",
            placeholder="Describe what you are looking for",
            icon=":material/search:",
            label_visibility="collapsed",
        )
        st.form_submit_button("Search", type="primary", key="search")
    return str(text or "").strip()


def show_examples() -> None:
    """Queries to try, as buttons that put them into the box."""
    with st.container(horizontal=True, key="examples", gap="xsmall"):
        for example in EXAMPLES:
            st.button(example, on_click=state.ask, args=(example,), key=f"example-{example}")
