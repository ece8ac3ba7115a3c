"""The app's own look, on top of the theme in ``.streamlit/config.toml``."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_CSS = Path(__file__).with_name("style.css")


def apply() -> None:
    """To be called once a run, before anything is drawn."""
    st.html(_CSS)
