"""The history: what was done with photos, the latest first, what was undone struck through."""

from __future__ import annotations

from html import escape

import streamlit as st

from src.database.catalog.operations import Operation
from src.runtime import Services
from src.text import shown
from src.ui.curation import actions, told, words
from src.ui.format import moment
from src.ui.frame import empty_state

AT_FIRST = 50
"""Operations shown before more are asked for."""


def show(services: Services) -> None:
    listed = services.curation.history(actions.HISTORY)
    if not listed:
        text = "Tags, ratings, notes, albums and removed photos: each change is listed here and can be undone."
        empty_state.show("history", "Nothing was done yet", text, key="history-empty")
        return
    _show_buttons(services, listed)
    most = told.history_shown(AT_FIRST)
    st.html(f'<ol class="history">{"".join(map(_line, listed[:most]))}</ol>')
    if len(listed) > most:
        st.button(
            "Show more",
            icon=":material/expand_more:",
            on_click=told.show_more_history,
            args=(most * 4,),
            key="history-more",
        )


def _show_buttons(services: Services, listed: list[Operation]) -> None:
    """Beside each, what it would turn."""
    back = next((one for one in listed if not one.undone), None)
    again = next((one for one in reversed(listed) if one.undone), None)
    with st.container(horizontal=True, gap="small"):
        for name, one in (("undo", back), ("redo", again)):
            st.button(
                name.capitalize(),
                icon=f":material/{name}:",
                disabled=one is None,
                help=words.of(one) if one else None,
                on_click=actions.press,
                args=(services, name),
                key=f"history-{name}",
            )


def _line(one: Operation) -> str:
    text = escape(shown(words.of(one)))
    said = f"<del>{text}</del> <em>undone</em>" if one.undone else text
    return f'<li><span>{said}</span><time datetime="{escape(one.at)}">{escape(moment(one.at))}</time></li>'
