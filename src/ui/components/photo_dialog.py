"""One photo, large, with its facts and what can be done with it."""

from __future__ import annotations

import streamlit as st

from src.bootstrap import Services
from src.schema import ImageDetails
from src.ui import state
from src.ui.components import gallery
from src.ui.text import moment, size

GONE = "The original file can't be found now. This is the small picture kept in the library."


@st.dialog("Photo", width="large", on_dismiss=state.close_dialog)
def show(services: Services) -> None:
    """The photo that the session has open."""
    if state.dialog() is None:  # a button closed it: the whole page runs again
        st.rerun()
    details = services.library.details(state.photo())
    if details is None:
        st.info("This photo is not in the library any more.", icon=":material/hide_image:")
        return
    gallery.show_photo(details.id, details.name, facts(details), None if services.library.has_original(details.id) else GONE)
    with st.container(horizontal=True, key="photo-actions"):
        icon = ":material/image_search:"
        st.button("Find similar", icon=icon, type="primary", on_click=state.set_similar, args=(details.id,), key="similar")
        _step(-1, "Previous", "chevron_left", "left")
        _step(1, "Next", "chevron_right", "right")
        st.button("Close", on_click=state.close_dialog, key="close-photo")


def _step(step: int, label: str, icon: str, shortcut: str) -> None:
    disabled = state.neighbour(step) is None
    options = {"icon": f":material/{icon}:", "shortcut": shortcut, "disabled": disabled, "key": label.lower()}
    st.button(label, on_click=state.show_neighbour, args=(step,), **options)  # type: ignore[arg-type]


def facts(details: ImageDetails) -> list[tuple[str, str]]:
    """Label and value of everything known about a photo."""
    shown = details.facts
    lines = [
        ("Size", f"{shown.width:,} × {shown.height:,} pixels · {size(details.bytes)} · {shown.format}"),
        ("Taken", moment(shown.taken_at)),
        ("Added", moment(details.added_at)),
    ]
    if details.uploaded:
        lines.append(("Where", "Uploaded; the copy is kept in the library"))
    else:
        lines += [("Where" if at == 0 else "Also in", path) for at, path in enumerate(details.paths)]
    return [(label, value) for label, value in lines if value]
