"""The question before a file is moved to the system's bin."""

from __future__ import annotations

import streamlit as st

from src.errors import AppError
from src.runtime import Services
from src.ui import state
from src.ui.curation import told as said
from src.ui.duplicates import told
from src.ui.format import literal


@st.dialog("Move this file to the system's bin?", on_dismiss=state.close_dialog)
def show(services: Services) -> None:
    """Its path, what becomes of it, and the button that does it."""
    if state.dialog() is None:  # a button closed it: the whole page runs again
        st.rerun()
    image_id, path = told.file_to_move()
    st.markdown(f"**{literal(path)}** is moved to this computer's own bin, from which you can take it back.")
    others = len(services.catalog.duplicates.files_of([image_id]).get(image_id, [])) - 1
    if others < 1:
        st.warning("It is the only file of this photo: the library hides the photo too.", icon=":material/warning:")
    with st.container(horizontal=True):
        st.button("Move it", type="primary", on_click=_move, args=(services, image_id, path), key="move-yes")
        st.button("Keep it", on_click=state.close_dialog, key="move-no")


def _move(services: Services, image_id: str, path: str) -> None:
    state.close_dialog()
    try:
        services.system_bin.move(image_id, path)
    except AppError as error:
        said.tell(f"{error.user_message} {error.hint}".strip())
    else:
        said.tell(f"{path} is in the system's bin now.")
