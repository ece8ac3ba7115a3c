"""What a browser session knows of the lab: what was typed, which report is shown, which space is to be forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import streamlit as st

FOLDER, KIND, QUERIES, MODELS, TABLE, LEVEL = (
    "lab-folder", "lab-kind", "lab-queries", "lab-models", "lab-table", "lab-level",
)  # fmt: skip
REPORT = "lab-report"
FILE, NAME = "lab-file", "lab-name"
"""Widget keys."""


def start(kinds: tuple[str, ...], models: list[str]) -> None:
    """Before the widgets of a run: what was chosen last; Streamlit forgets widgets of a page that was left."""
    _start({FOLDER: "", KIND: kinds[0], QUERIES: 0, MODELS: models, TABLE: "", LEVEL: 1})


def keep() -> None:
    """After the widgets of a run."""
    _keep(FOLDER, KIND, QUERIES, MODELS, TABLE, LEVEL)


def start_import() -> None:
    """The same of the form for vectors that were made elsewhere."""
    _start({FILE: "", NAME: ""})


def keep_import() -> None:
    _keep(FILE, NAME)


def choose_newest(report: str) -> None:
    """Before the widgets of a run. report: the newest; it is shown once it is there, whichever was looked at before."""
    if st.session_state.get("lab_newest") != report:
        st.session_state["lab_newest"] = st.session_state[REPORT] = report


def ask_to_forget(space: str) -> None:
    """Have the page ask whether this space is to be forgotten; none with an empty name."""
    st.session_state["lab_forget"] = space


def to_forget() -> str:
    return cast(str, st.session_state.get("lab_forget", ""))


def _start(usual: Mapping[str, Any]) -> None:
    kept = st.session_state.get("lab_kept", {})
    for key, value in usual.items():
        st.session_state.setdefault(key, kept.get(key, value))


def _keep(*keys: str) -> None:
    there = {key: st.session_state[key] for key in keys if key in st.session_state}
    st.session_state["lab_kept"] = {**st.session_state.get("lab_kept", {}), **there}
