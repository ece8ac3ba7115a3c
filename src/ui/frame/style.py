"""The app's own look, on top of the theme in ``.streamlit/config.toml``, and keys that Streamlit does not know."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_CSS = Path(__file__).with_name("style.css")
_KEYS = Path(__file__).with_name("popover_keys.js")


def apply() -> None:
    """To be called once a run, before anything is drawn."""
    st.html(_CSS)
    with st.container(key="popover-keys"):
        st.html(f"<script>{_KEYS.read_text(encoding='utf-8')}</script>", unsafe_allow_javascript=True)
