"""What a browser session knows of the lab: which report is shown."""

from __future__ import annotations

import streamlit as st

FOLDER, KIND, QUERIES, MODELS, TABLE, LEVEL = (
    "lab-folder", "lab-kind", "lab-queries", "lab-models", "lab-table", "lab-level",
)  # fmt: skip
REPORT = "lab-report"
"""Widget keys."""


def start(kinds: tuple[str, ...], models: list[str]) -> None:
    """Before the widgets of a run: what was chosen last; Streamlit forgets widgets of a page that was left."""
    usual = {FOLDER: "", KIND: kinds[0], QUERIES: 0, MODELS: models, TABLE: "", LEVEL: 1}
    kept = st.session_state.get("lab_kept", {})
    for key, value in usual.items():
        st.session_state.setdefault(key, kept.get(key, value))


def keep() -> None:
    """After the widgets of a run."""
    keys = (FOLDER, KIND, QUERIES, MODELS, TABLE, LEVEL)
    st.session_state["lab_kept"] = {key: st.session_state[key] for key in keys if key in st.session_state}
