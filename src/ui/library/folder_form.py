"""Adding a folder that is on this computer, without a copy of it passing through the browser."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from src.processing.discovery import check_readable, parse_path
from src.ui import state
from src.ui.library import folder_picker

USUAL = (("Pictures", "photo_library"), ("Desktop", "desktop_windows"), ("Downloads", "download"))
"""Folders most people have, with the icon of their button."""


def show() -> Path | None:
    """Buttons for the usual folders, a choice of all, and a box for any path.

    Returns what is to be added, None where nothing is. Raises UnreadablePath where what was asked for does not exist or
    may not be read.
    """
    present = [(name, icon) for name, icon in USUAL if os.path.isdir(Path.home() / name)]
    with st.container(horizontal=True, key="usual-folders"):
        chosen = _usual_folder(present)
        chosen = folder_picker.show() or chosen
    label = "Or any other path" if present else "A folder's path"
    with st.form("folder-form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(label, key=state.FOLDER, placeholder="~/Photos/2024", icon=":material/folder_open:")
        if st.form_submit_button("Add folder", key="add-folder"):
            chosen = parse_path(text or "")
    if chosen is not None:
        check_readable(chosen)
    return chosen


def _usual_folder(present: Sequence[tuple[str, str]]) -> Path | None:
    chosen = None
    for name, icon in present:
        if st.button(name, key=f"folder-{name}", icon=f":material/{icon}:"):
            chosen = Path.home() / name
    return chosen
