"""Which photos a search may find: a folder, a span of days. Both searches share it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from src.errors import BadInput
from src.runtime import Services
from src.schema import FolderStatus, PhotoFilter
from src.schema.conditions import Condition, names, parse_condition
from src.text import shown
from src.ui import state
from src.ui.frame import error_box

DATE_KEYS = Path(__file__).with_name("date_keys.js")
"""Has a date taken as soon as it was typed."""


def show(services: Services, page: str) -> PhotoFilter:
    """A small button that opens the choices, and in words what is chosen. ``page`` names the page it stands on."""
    folders = services.folders.all()
    state.restore_filter(page, [folder.path for folder in folders])
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters"):
        with st.popover("Filters", icon=":material/tune:", type="tertiary"):
            _show_choices(folders, page)
            _show_facts(services, page)
        only = state.take_filter(page)
        conditions, problems = _where()
        only = replace(only, where=conditions)
        if only != PhotoFilter():
            st.text(described(only))
            icon = ":material/close:"
            st.button(
                "Clear filters",
                type="tertiary",
                icon=icon,
                on_click=state.clear_filter,
                args=(page,),
                key="clear-filters",
            )
    for problem in problems:
        error_box.show(problem)
    # before the choices are opened: what closes them at Escape comes to hear of it later
    with st.container(key="date-keys"):
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


def _show_facts(services: Services, page: str) -> None:
    """Choices among what the photos' files tell."""
    cameras, key = services.facts.cameras(), state.filter_key("camera", page)
    chosen = st.session_state.get(key)
    if chosen and chosen not in cameras:
        cameras = [chosen, *cameras]
    if cameras:
        st.selectbox("Camera", cameras, index=None, format_func=shown, placeholder="All cameras", key=key)
    st.text_input(
        "Facts",
        placeholder="iso=100..400, rating>=4, keywords=wedding",
        key=state.filter_key("where", page),
        help=f"Conditions on what is known of a photo, with commas between them. The facts are: {', '.join(names())}.",
    )


def _where() -> tuple[tuple[Condition, ...], list[BadInput]]:
    """The conditions that the page's widgets name now, and what is wrong with others: those do not count."""
    said = state.last_filter()
    camera, text = said.get("camera"), said.get("where")
    problems: list[BadInput] = []
    found = [Condition(("camera_model",), f"camera={camera}", "equals", str(camera))] if camera else []
    for written in _BETWEEN.split(text.strip()) if isinstance(text, str) and text.strip() else ():
        try:
            found.append(parse_condition(written))
        except BadInput as error:
            problems.append(error)
    return tuple(found), problems


_BETWEEN = re.compile(r",\s*(?=[a-z_]+\s*[=<>])")
"""A comma, and the name and sign of the next condition after it: values may have commas too."""


def described(only: PhotoFilter) -> str:
    """ "In Holidays, taken 2024-05-01 to 2024-05-31"."""
    parts = [f"in {shown(Path(only.folder).name or only.folder)}"] if only.folder else []
    if only.since and only.until:
        parts.append(f"taken {only.since} to {only.until}")
    elif only.since or only.until:
        parts.append(f"taken from {only.since} on" if only.since else f"taken up to {only.until}")
    text = ", ".join(parts)
    text = text[:1].upper() + text[1:]
    return ", ".join(filter(None, [text, *(shown(condition.text) for condition in only.where)]))
