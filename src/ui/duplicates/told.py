"""What a browser session knows of duplicates: which group is shown, and which file is to be moved away.

The only place that names keys of ``st.session_state`` for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import streamlit as st

from src.ui import state
from src.ui.curation import told

QUERY = "duplicates-query"
"""Widget key of the box that narrows the page to some photos."""
LEVEL = "duplicates-level"
"""Widget key of the level that is shown."""

BULK = "duplicates-bulk"
"""Widget key of what is opened to decide about many groups."""


def close_bulk() -> None:
    """Before the widgets of a run."""
    st.session_state[BULK] = False


def place(keys: Sequence[str]) -> int:
    """Which of these groups is to be shown now: the one that was shown, or what took its place; what an undo brought
    back goes before.
    """
    was, at, known, seen = cast(
        "tuple[str, int, frozenset[str], str]", st.session_state.get("duplicates_place", ("", 0, frozenset(), ""))
    )
    last = told.last()
    back = [key for key in keys if key not in known] if last and last.turn == "redo" and last.id != seen else []
    wanted = back[0] if back else was
    at = keys.index(wanted) if wanted in keys else max(0, min(at, len(keys) - 1))
    key = keys[at] if keys else ""
    st.session_state["duplicates_place"] = (key, at, frozenset(keys), last.id if last else "")
    return at


def go(keys: Sequence[str], at: int) -> None:
    """Show that group in the next run."""
    at = max(0, min(at, len(keys) - 1))
    seen = cast("tuple[str, int, frozenset[str], str]", st.session_state.get("duplicates_place", ("", 0, None, "")))[3]
    st.session_state["duplicates_place"] = (keys[at], at, frozenset(keys), seen)


def ask_about(image_id: str, path: str) -> None:
    """Ask whether a file is to be moved to the system's bin; ``path`` as it is shown."""
    st.session_state["file_to_move"] = (image_id, path)
    state.open_dialog("system-bin")


def file_to_move() -> tuple[str, str]:
    """Id of its photo, and its path."""
    return cast("tuple[str, str]", st.session_state.get("file_to_move", ("", "")))
