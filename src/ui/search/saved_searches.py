"""Saved and recent searches, in the sidebar: a click asks them again."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from src.errors import AppError
from src.runtime import Services
from src.services.search.language import Reading, written
from src.services.search.saved import SavedSearch
from src.text import count, shown
from src.ui import address, state
from src.ui.format import literal
from src.ui.frame import error_box

PAGE = Path(__file__).parents[1] / "views" / "text_search_page.py"
SHOWN, MOST = 12, 60
"""Saved searches that stand in the sidebar itself, and with those in a box of their own."""


def show(services: Services) -> None:
    """In the sidebar; nothing until something was saved or asked."""
    saved, recent = services.saved.all(), services.saved.recent()
    for number, search in enumerate(saved[:SHOWN]):
        _show_saved(services, search, number)
    if saved or recent:
        with st.popover("Searches", icon=":material/history:", type="tertiary", key="searches"):
            for number, search in enumerate(saved[SHOWN:MOST], SHOWN):
                _show_name(literal(search.name), search, number)
            _show_removing(services, saved)
            _show_recent(services, recent)
            _show_exchange(services, saved)


def offer_to_save(services: Services, reading: Reading) -> None:
    """A small button beside what was understood."""
    number = len(services.saved.all())  # once more are saved it is another popover, which begins closed
    with (
        st.popover("Save", icon=":material/bookmark_add:", type="tertiary", key=f"save-search-{number}"),
        st.form("save-search-form", border=False, clear_on_submit=True),
    ):
        name = st.text_input("Name", max_chars=80, key="save-search-name", placeholder=reading.words or "My search")
        if st.form_submit_button("Save this search", type="primary", key="save-search-go"):
            try:
                services.saved.save(name or reading.words, written(reading))
                st.rerun()
            except AppError as error:
                error_box.show(error)


def _show_saved(services: Services, search: SavedSearch, number: int) -> None:
    album = services.saved.album(search, busy=bool(services.jobs.active()))
    cover = services.library.thumbnail(album.cover) if album.cover else None
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"saved-{number}"):
        if cover:
            source = escape(address.on_server(f"/api/thumb/{album.cover}"))
            st.html(f'<img src="{source}" alt="" width="28" height="28" style="object-fit:cover;border-radius:6px">')
        label = literal(search.name) + (f" ({album.number:,})" if album.number else "")
        _show_name(label, search, number)


def _show_name(label: str, search: SavedSearch, number: int) -> None:
    key = f"saved-{number}-go"
    if st.button(label, type="tertiary", help=literal(search.text), on_click=state.ask, args=(search.text,), key=key):
        address.go(PAGE)


def _show_removing(services: Services, saved: list[SavedSearch]) -> None:
    if not saved:
        return
    chosen = st.selectbox("Saved searches", [search.name for search in saved], format_func=shown, key="saved-chosen")
    st.button(
        "Remove",
        icon=":material/close:",
        on_click=services.saved.remove,
        args=(chosen,),
        key="saved-remove",
    )


def _show_recent(services: Services, recent: list[str]) -> None:
    if not recent:
        return
    st.caption("Asked lately")
    for number, text in enumerate(recent):
        if st.button(literal(text), type="tertiary", on_click=state.ask, args=(text,), key=f"recent-{number}"):
            address.go(PAGE)
    st.button("Forget these", icon=":material/delete:", on_click=services.saved.forget_recent, key="forget-recent")


def _show_exchange(services: Services, saved: list[SavedSearch]) -> None:
    if saved:
        text = services.saved.as_text()
        st.download_button("Export as text", text, "searches.txt", icon=":material/download:", key="export-searches")
    with st.form("import-searches", border=False, clear_on_submit=True):
        lines = st.text_area("Import: a line each, its name, a tab, the search", key="import-searches-text")
        if st.form_submit_button("Import", key="import-searches-go") and lines:
            try:
                st.toast(f"{count(services.saved.from_text(lines), 'search', 'searches')} imported.")
                st.rerun()
            except AppError as error:
                error_box.show(error)
