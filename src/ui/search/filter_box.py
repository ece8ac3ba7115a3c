"""Which photos a search may find: a folder, a span of days. Both searches share it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from src.runtime import Services
from src.schema import FolderStatus, PhotoFilter
from src.text import shown
from src.ui import state

DATE_KEYS = Path(__file__).with_name("date_keys.js")
"""Has a date taken as soon as it was typed."""


def show(services: Services, page: str) -> PhotoFilter:
    """A small button that opens the choices, and in words what is chosen. ``page`` names the page it stands on."""
    folders = services.folders.all()
    state.restore_filter(page, [folder.path for folder in folders])
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters"):
        with st.popover("Filters", icon=":material/tune:", type="tertiary"):
            _show_choices(folders, page)
        only = state.take_filter(page)
        if only != PhotoFilter():
            st.text(described(only))
            icon = ":material/close:"
            st.button("Clear filters", type="tertiary", icon=icon, on_click=state.clear_filter, args=(page,), key="clear-filters")
    with st.container(key="date-keys"):  # before the choices are opened: what closes them at Escape comes to hear of it later
        st.html(f"<script>{DATE_KEYS.read_text(encoding='utf-8')}</script>", unsafe_allow_javascript=True)
    return only


def _show_choices(folders: Sequence[FolderStatus], page: str) -> None:
    if folders:
        st.selectbox(
            "Folder",
            [folder.path for folder in folders],
            index=None,
            format_func=shown,
            placeholder="All folders",
            key=state.filter_key("folder", page),
        )
    for label, part in (("Taken on or after", "since"), ("Taken on or before", "until")):
        st.date_input(label, None, state.EARLIEST, state.LATEST, format="YYYY-MM-DD", key=state.filter_key(part, page))
    st.caption("Photos without a date are left out where days are given.")


def described(only: PhotoFilter) -> str:
    """ "In Holidays, taken 2024-05-01 to 2024-05-31"."""
    parts = [f"in {shown(Path(only.folder).name or only.folder)}"] if only.folder else []
    if only.since and only.until:
        parts.append(f"taken {only.since} to {only.until}")
    elif only.since or only.until:
        parts.append(f"taken from {only.since} on" if only.since else f"taken up to {only.until}")
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]
