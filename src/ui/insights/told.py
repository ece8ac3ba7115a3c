"""What a session remembers of sets of photos that the library is narrowed to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import streamlit as st

from src.ui import state


def of() -> str:
    """Name of the set that the library page shows the photos of; empty for all photos."""
    return cast(str, st.session_state.get("library_of", ""))


def show_photos_of(name: str) -> None:
    """From now on the library page shows these alone; all with an empty name."""
    st.session_state["library_of"] = name


def show_bar(bar: Mapping[str, Any]) -> None:
    """Go to the library page, narrowed to what a bar stands for."""
    state.ask(str(bar.get("query", "")), state.LIBRARY_QUERY)
    show_photos_of(str(bar.get("of", "")))
    state.want_page("library")
    st.session_state["insights_left"] = True


def take_left() -> bool:
    """Whether the page of insights is being left, once."""
    return bool(st.session_state.pop("insights_left", False))
