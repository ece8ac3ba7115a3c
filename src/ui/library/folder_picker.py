"""Looking for a folder of this computer with the mouse."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from src.errors import UnreadablePath
from src.processing.decoding.image_io import display_text
from src.processing.near_folders import MOST, Level, level, starts
from src.ui import state
from src.ui.format import literal
from src.ui.frame import error_box

HEIGHT = 260
"""Pixels of the list of sub-folders."""


def show() -> Path | None:
    """A button that opens the choice. Returns the folder that was chosen, None where none was."""
    with st.popover("Browse", icon=":material/folder_open:", key="folder-picker"):
        with st.container(horizontal=True, gap="xsmall", key="folder-starts"):
            for number, (name, place) in enumerate(starts()):
                st.button(literal(name), on_click=state.look_into, args=(str(place),), key=f"folder-start-{number}")
        try:
            here = level(Path(state.looked_into() or Path.home()))
        except UnreadablePath as error:
            error_box.show(error)
            return None
        return _show_level(here)


def _show_level(here: Level) -> Path | None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        up = str(here.above or here.folder)
        st.button(
            "Up",
            icon=":material/arrow_upward:",
            on_click=state.look_into,
            args=(up,),
            disabled=not here.above,
            key="up",
        )
        st.text(display_text(here.folder))
    with st.container(height=HEIGHT, gap=None, key="folders-inside"):
        for number, folder in enumerate(here.inside):
            st.button(
                literal(display_text(Path(folder.name))),
                icon=":material/folder:",
                type="tertiary",
                on_click=state.look_into,
                args=(str(folder),),
                key=f"folder-inside-{number}",
            )
        if not here.inside:
            st.caption("There is no folder in it.")
        if here.more:
            st.caption(f"The first {MOST} are listed.")
    return here.folder if st.button("Add this folder", type="primary", key="add-picked-folder") else None
