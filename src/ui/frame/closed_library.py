"""Shown instead of the app where the library can't be opened."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from src.errors import AppError, LibraryBusy
from src.ui.frame import error_box


def show(error: AppError, reopen: Callable[[], None] | None = None) -> None:
    """Why, where it runs if another process has it, and a button to try again.

    reopen: what that does first, where the library had been open.
    """
    st.markdown("### Your library can't be opened")
    error_box.show(error)
    elsewhere = error.address if isinstance(error, LibraryBusy) else None
    with st.container(horizontal=True):
        if elsewhere:
            st.link_button("Open the app there", elsewhere, type="primary")
        st.button("Try again", key="try-again", icon=":material/refresh:", on_click=reopen)
