"""A page that has nothing to show yet, and says how to change that."""

from __future__ import annotations

import streamlit as st


def show(icon: str, title: str, text: str, action: str | None = None, key: str = "empty") -> bool:
    """A quiet notice in the middle of the page.

    Returns True when its button was pressed. All texts are our own, not data.
    """
    with st.container(key=f"{key}-state", horizontal_alignment="center", gap="small"):
        st.markdown(f":material/{icon}:", text_alignment="center")
        st.markdown(f"#### {title}", text_alignment="center")
        st.markdown(text, text_alignment="center", width=520)
        return st.button(action, key=f"{key}-action", type="primary") if action else False
