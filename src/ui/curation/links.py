"""Ways to the pages that are no tabs: tags and albums, duplicates, descriptions, the history, the bin."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from src.runtime import Services

VIEWS = Path(__file__).parents[1] / "views"


def pages() -> list[st.Page]:
    """These pages, which the bar of tabs leaves out."""
    return [
        st.Page(VIEWS / "collections_page.py", title="Tags & albums", url_path="collections", visibility="hidden"),
        st.Page(VIEWS / "duplicates_page.py", title="Duplicates", url_path="duplicates", visibility="hidden"),
        st.Page(VIEWS / "descriptions_page.py", title="Descriptions", url_path="descriptions", visibility="hidden"),
        st.Page(VIEWS / "history_page.py", title="History", url_path="history", visibility="hidden"),
        st.Page(VIEWS / "bin_page.py", title="Bin", url_path="bin", visibility="hidden"),
    ]


def show(services: Services, key: str = "collection-links") -> None:
    """A line of links; the bin's says how many photos are in it."""
    number = services.curation.number_binned()
    with st.container(horizontal=True, gap="small", key=key):
        st.page_link(VIEWS / "collections_page.py", label="Tags & albums", icon=":material/sell:")
        st.page_link(VIEWS / "duplicates_page.py", label="Duplicates", icon=":material/filter_none:")
        st.page_link(VIEWS / "descriptions_page.py", label="Descriptions", icon=":material/notes:")
        st.page_link(VIEWS / "history_page.py", label="History", icon=":material/history:")
        label = f"Bin ({number:,})" if number else "Bin"
        st.page_link(VIEWS / "bin_page.py", label=label, icon=":material/delete:")
