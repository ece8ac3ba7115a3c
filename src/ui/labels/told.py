"""What a browser session knows of classifying: what was chosen, and which picture is looked at alone.

The only place that names keys of ``st.session_state`` for that.
"""

from __future__ import annotations

from typing import Any, cast

import streamlit as st

from src.models.label_lists import IMAGENET

LIST, OWN, HOW, TEMPLATES, LABEL = "labels-list", "labels-own", "labels-how", "labels-templates", "labels-label"
"""Widget keys: the list, one's own labels, one or several of them, how they are asked for, the label to answer."""
_USUAL = {LIST: IMAGENET, OWN: "", HOW: "one", TEMPLATES: "", LABEL: None}


def start(*keys: str) -> None:
    """Before these widgets are drawn, and only then: what was chosen last.

    Streamlit forgets widgets that a run leaves out, but keeps what was set for one that was not drawn.
    """
    kept = st.session_state.get("labels_kept", {})
    for key in keys:
        st.session_state.setdefault(key, kept.get(key, _USUAL[key]))


def is_new() -> bool:
    """Whether nothing was chosen in this session yet."""
    return "labels_kept" not in st.session_state


def keep() -> None:
    """After the widgets of a run."""
    there = {key: st.session_state[key] for key in _USUAL if key in st.session_state}
    st.session_state["labels_kept"] = {**st.session_state.get("labels_kept", {}), **there}


def chosen(key: str) -> Any:
    return st.session_state.get(key)


def choose(key: str, value: object) -> None:
    """Before the widgets of a run."""
    st.session_state[key] = value


def look_at(name: str, png: bytes) -> None:
    """Tell the labels of this picture, which is in no library."""
    st.session_state["labels_picture"] = (name, png)


def looked_at() -> tuple[str, bytes] | None:
    """Its name, and its bytes as PNG."""
    return cast("tuple[str, bytes] | None", st.session_state.get("labels_picture"))


def look_away() -> None:
    st.session_state["labels_picture"] = None
