"""Pages on which one looks at a library by other ways than searching it, and the links to them."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

VIEWS = Path(__file__).parents[1] / "views"
PAGES = (
    ("labels", "Labels", ":material/label:"),
    ("map", "Map", ":material/scatter_plot:"),
    ("insights", "Insights", ":material/insights:"),
    ("lab", "Lab", ":material/science:"),
)


def pages() -> list[st.Page]:
    """These pages, which the bar of tabs leaves out: in groups its list is none that a screen reader can read."""
    return [
        st.Page(VIEWS / f"{name}_page.py", title=title, icon=icon, url_path=name, visibility="hidden")
        for name, title, icon in PAGES
    ]


def show() -> None:
    """The links, one below the other."""
    for name, title, icon in PAGES:
        st.page_link(VIEWS / f"{name}_page.py", label=title, icon=icon)
