"""The parts of a query under its box: what opens from each changes it, and the cross beside it takes it away."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from src.runtime import Services
from src.services.search.language import Like, Reading, parse, written
from src.services.search.query_parts import Part, changed, part_written, parts
from src.text import shown
from src.ui import state
from src.ui.format import literal
from src.ui.search import chip_editor
from src.ui.search.chip_editor import Chip

KEYS = Path(__file__).with_name("chip_keys.js")


def show(services: Services, reading: Reading, query: str) -> None:
    """query: key of the session where the query's text is kept."""
    for number, part in enumerate(parts(reading)):
        chip = Chip(services, reading, query, number, part)
        with st.container(
            horizontal=True, vertical_alignment="center", gap=None, width="content", key=f"{chip.key}-both"
        ):
            _show_chip(chip)
            st.button(
                f"Take away {_label(chip)}",
                icon=":material/close:",
                type="tertiary",
                on_click=_take_away,
                args=(query, number, part),
                key=f"{chip.key}-away",
            )
    with st.container(key="chip-keys"):
        st.html(f"<script>{KEYS.read_text(encoding='utf-8')}</script>", unsafe_allow_javascript=True)


@st.fragment
def _show_chip(chip: Chip) -> None:
    """Opening it draws this chip alone."""
    if state.take_filtered(chip.query):
        st.rerun()
    with st.popover(_label(chip), type="tertiary", key=chip.key, on_change="rerun") as opened:
        if opened.open:
            chip_editor.show(chip)


def _label(chip: Chip) -> str:
    """As the part is written, with the name of a photo in place of its id."""
    part = chip.part
    if isinstance(part, Like) and (photo := chip.services.catalog.shown([part.id]).get(part.id)):
        return literal(f"{'-' * part.negative}similar:{shown(photo.name)}")
    return literal(part_written(part))


def _take_away(query: str, number: int, part: Part) -> None:
    reading = parse(state.query(query))
    if parts(reading)[number : number + 1] == (part,):
        state.ask(written(changed(reading, number, None)), query)
