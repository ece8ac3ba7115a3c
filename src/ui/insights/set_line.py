"""Over the library's photos: of which set they are, where the page shows one, and a way back to all."""

from __future__ import annotations

import streamlit as st

from src.runtime import Services
from src.text import count
from src.ui.format import literal
from src.ui.insights import told


def show(services: Services) -> None:
    """Nothing where all photos are shown."""
    with st.container(key="library-set", gap="small"):  # there without a set too: what comes after it must not move
        if told.of():
            _show(services, told.of())


def _show(services: Services, name: str) -> None:
    found = services.insights.photos_of(name)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if found:
            title, ids = found
            st.markdown(f":material/insights: Only {count(len(ids), 'photo')} of **{literal(title)}**.")
        else:
            st.markdown(":material/info: These photos were put together before the library changed.")
        st.button("Show all photos", type="tertiary", on_click=told.show_photos_of, args=("",), key="all-photos")
