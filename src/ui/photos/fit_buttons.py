"""Under a photo that words found: whether it is what was asked for. What is said moves the library's chances."""

from __future__ import annotations

import streamlit as st

from src.runtime import Services
from src.ui import state
from src.ui.format import literal


def show(services: Services) -> None:
    """Nothing for a photo that was opened from elsewhere, or was found by a picture."""
    found = state.judged_hit()
    if found is None:
        return
    words, chance = found
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="fits"):
        if state.told_of_hit():
            st.caption("Noted. The chances of all hits in this library follow it.")
            st.button("Undo", type="tertiary", on_click=_take_back, args=(services,), key="fits-undo")
            return
        st.caption(f"A chance of {round(100 * chance)} %. Is it “{literal(words)}”?")
        for label, fits in (("It fits", True), ("It does not", False)):
            icon = ":material/thumb_up:" if fits else ":material/thumb_down:"
            key = f"fits-{'yes' if fits else 'no'}"
            st.button(label, icon=icon, type="tertiary", on_click=_tell, args=(services, chance, fits), key=key)


def _tell(services: Services, chance: float, fits: bool) -> None:
    services.search.tell(chance, fits)
    state.set_told_of_hit(True)


def _take_back(services: Services) -> None:
    services.search.take_back()
    state.set_told_of_hit(False)
